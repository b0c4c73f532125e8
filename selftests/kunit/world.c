// SPDX-License-Identifier: GPL-2.0

#include "world.h"
#include "core/drop.h"
#include "core/session.h"
#include "core/peer.h"
#include "core/peer_ref.h"

#include <linux/ip.h>
#include <linux/module.h>
#include <linux/panic.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/udp.h>

/* Sets up the object caches of all suites. */
int world_set_up(struct kunit_suite *suite)
{
	int err = weft_session_init();

	if (err)
		return err;
	err = weft_peer_init();
	if (err)
		weft_session_exit();
	return err;
}

/* The caches report leaked objects. */
void world_tear_down(struct kunit_suite *suite)
{
	weft_peer_exit();
	weft_session_exit();
}

static void world_receive(struct weft_device *device, struct sk_buff *skb)
{
	struct world *world = container_of(device, struct world, device);

	atomic_inc(&world->received);
	kfree_skb(skb);
}

static void world_act(struct weft_peer *peer, u32 actions)
{
	struct world *world = container_of(peer->device, struct world, device);

	atomic_or(actions, &world->asked);
	atomic_inc(&world->acts);
}

static void world_event(struct weft_device *device, const struct weft_event *event)
{
	struct world *world = container_of(device, struct world, device);

	atomic_inc(&world->events[event->type]);
}

static void world_stray(struct weft_device *device, const struct sk_buff *skb)
{
}

static const struct weft_device_ops world_ops = {
	.receive = world_receive,
	.handshake = world_receive,
	.stray = world_stray,
	.act = world_act,
	.event = world_event,
};

static void world_grace_work(struct work_struct *work)
{
}

/* A suite needs little memory: without it no case can run. */
static void __noreturn world_is_out_of_memory(void)
{
	panic("weft_kunit: out of memory\n");
}

/* Like netdev.c, without the parts for sockets and interfaces. */
struct world *world_create(void)
{
	struct world *world = kzalloc(sizeof(*world), GFP_KERNEL | __GFP_NOFAIL);
	struct weft_device *device = &world->device;

	device->ops = &world_ops;
	mutex_init(&device->config_lock);
	spin_lock_init(&device->peers_lock);
	spin_lock_init(&device->events_lock);
	INIT_LIST_HEAD(&device->peers);
	INIT_LIST_HEAD(&device->graces);
	INIT_DELAYED_WORK(&device->grace_work, world_grace_work);
	device->keys_epoch = 1;
	device->grace_look_ns = U64_MAX;
	device->drops = alloc_percpu(struct weft_drops);
	if (!device->drops || weft_index_init(&device->index))
		world_is_out_of_memory();
	return world;
}

/* Removes all remaining peers, too. */
void world_destroy(struct world *world)
{
	struct weft_device *device = &world->device;
	struct weft_removal removal;

	weft_removal_init(&removal);
	mutex_lock(&device->config_lock);
	weft_peer_unpublish_all(device, &removal);
	mutex_unlock(&device->config_lock);
	weft_peer_remove(&removal);
	cancel_delayed_work_sync(&device->grace_work);
	/* Peers refer to their device until they are freed. */
	rcu_barrier();
	weft_index_exit(&device->index);
	free_percpu(device->drops);
	mutex_destroy(&device->config_lock);
	kfree(world);
}

/* @name: all bytes of its key. Returns the peer with this key: the new one, or an older one. */
struct weft_peer *world_add_peer(struct world *world, u8 name)
{
	struct weft_peer *peer, *published;
	u8 key[WEFT_KEY_LEN];

	memset(key, name, sizeof(key));
	peer = weft_peer_create(&world->device, key);
	if (!peer)
		world_is_out_of_memory();
	mutex_lock(&world->device.config_lock);
	published = weft_peer_publish(peer);
	mutex_unlock(&world->device.config_lock);
	if (published != peer)
		weft_peer_put(peer);
	return published;
}

void world_remove_peer(struct weft_peer *peer)
{
	struct weft_device *device = peer->device;
	struct weft_removal removal;

	weft_removal_init(&removal);
	mutex_lock(&device->config_lock);
	weft_peer_unpublish(peer, &removal);
	mutex_unlock(&device->config_lock);
	weft_peer_remove(&removal);
}

/* A session of the peer that is ready, and not yet added. */
struct weft_session *world_session(struct weft_peer *peer, bool initiator)
{
	struct weft_session *session = weft_session_create(peer, &peer->device->index);
	struct weft_noise_handshake hs;

	if (!session)
		world_is_out_of_memory();
	memset(&hs, 0x5a, sizeof(hs));
	weft_session_begin(session, &hs, initiator);
	return session;
}

/* The headers of a message from this source, as the tunnel's socket receives it. */
struct sk_buff *world_message(u32 address, u16 port)
{
	struct sk_buff *skb = alloc_skb(64, GFP_KERNEL | __GFP_NOFAIL);
	struct udphdr *udp;
	struct iphdr *ip;

	skb->protocol = htons(ETH_P_IP);
	skb_reset_network_header(skb);
	ip = skb_put_zero(skb, sizeof(*ip));
	ip->saddr = htonl(address);
	skb_set_transport_header(skb, sizeof(*ip));
	udp = skb_put_zero(skb, sizeof(*udp));
	udp->source = htons(port);
	return skb;
}

MODULE_DESCRIPTION("weft's files under KUnit");
MODULE_LICENSE("GPL");
