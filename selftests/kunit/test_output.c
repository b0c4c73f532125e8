// SPDX-License-Identifier: GPL-2.0
/* Routes to a peer's endpoint: cached for the current endpoint, and never for an earlier one. */
#include "test.h"
#include "udp/output.c"
#include "world.h"

#include <linux/delay.h>

#define NEAR	0x7f000002
#define FAR	0x7f000003

static void go_to(struct weft_peer *peer, u32 address)
{
	struct weft_endpoint endpoint = {
		.addr4.sin_family = AF_INET,
		.addr4.sin_addr.s_addr = htonl(address),
		.addr4.sin_port = htons(9),
	};

	weft_peer_set_endpoint(peer, &endpoint, WEFT_CAUSE_NONE);
	/* A reset of the cache holds for its tick: the next lookup must come after it. */
	msleep(2 * jiffies_to_msecs(1));
}

/* The state of a send to the peer's current endpoint. */
static struct output_way way_to(struct weft_peer *peer)
{
	struct output_way way = {
		.device = peer->device, .peer = peer, .cache = &peer->dst_cache,
	};

	way.number = weft_endpoint_read(&peer->endpoint, &way.endpoint);
	return way;
}

/* Looks up a route. Returns it, or NULL. */
static const void *find_route(struct output_way *way, struct sock *sk)
{
	struct flowi4 flow;
	struct rtable *rt;

	local_bh_disable();
	rcu_read_lock();
	rt = output_find4(way, sk, &flow);
	rcu_read_unlock();
	local_bh_enable();
	if (IS_ERR(rt))
		return NULL;
	ip_rt_put(rt);
	return rt;
}

static const void *cached_route(struct weft_peer *peer)
{
	struct rtable *rt;
	__be32 source;

	local_bh_disable();
	rt = dst_cache_get_ip4(&peer->dst_cache, &source);
	local_bh_enable();
	if (!rt)
		return NULL;
	ip_rt_put(rt);
	return rt;
}

/* On one CPU, since each has a cache of its own. */
static void find_routes(struct test *t, struct weft_peer *peer, struct sock *sk)
{
	struct output_way now, before;
	const void *route;

	migrate_disable();
	go_to(peer, NEAR);
	now = way_to(peer);
	route = find_route(&now, sk);
	EXPECT(t, route);
	EXPECT_PTR(t, cached_route(peer), route);
	/* A sender with the earlier endpoint. */
	before = now;
	go_to(peer, FAR);
	EXPECT(t, !cached_route(peer));
	EXPECT(t, find_route(&before, sk));
	EXPECT(t, !cached_route(peer));
	now = way_to(peer);
	msleep(2 * jiffies_to_msecs(1));
	route = find_route(&now, sk);
	EXPECT(t, route);
	EXPECT_PTR(t, cached_route(peer), route);
	migrate_enable();
}

static void output_caches_no_old_route(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	struct socket *socket;

	mutex_lock(&peer->handshake_lock);
	EXPECT(t, weft_peer_alloc_dst_cache(peer));
	mutex_unlock(&peer->handshake_lock);
	EXPECT_EQ(t, sock_create_kern(&init_net, AF_INET, SOCK_DGRAM, IPPROTO_UDP, &socket), 0);
	find_routes(t, peer, socket->sk);
	sock_release(socket);
	world_destroy(world);
}

TEST_SUITE_AROUND("output", world_set_up, world_tear_down,
		  TEST_CASE(output_caches_no_old_route));
