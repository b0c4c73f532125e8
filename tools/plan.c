// SPDX-License-Identifier: GPL-2.0
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "plan.h"
#include "policy.h"
#include "profile.h"
#include "report.h"
#include "state.h"

/* IPv6 and UDP headers, a transport message's own, and its tag. */
#define PLAN_OVERHEAD_BYTES	80
#define PLAN_ETHERNET_MTU	1500
#define PLAN_IP6_MTU_MIN	1280

/* An IPv4 address of full length brings no route along. */
static bool plan_connects(const struct weft_allowedip *address,
			  const struct weft_allowedip *prefix)
{
	struct weft_allowedip a = *address, b = *prefix;

	if (a.family != b.family || a.cidr > b.cidr ||
	    (a.family == AF_INET && a.cidr == 32))
		return false;
	b.cidr = a.cidr;
	weft_model_allowedip_mask(&a);
	weft_model_allowedip_mask(&b);
	return !weft_model_allowedip_compare(&a, &b);
}

static bool plan_is_connected(const struct weft_profile *profile,
			      const struct weft_state *state,
			      const struct weft_allowedip *prefix)
{
	const struct weft_routes *others = &state->addresses;
	size_t i;

	for (i = 0; i < profile->addresses.count; i++)
		if (plan_connects(&profile->addresses.items[i].prefix, prefix))
			return true;
	/* What is not weft's stays. */
	for (i = 0; i < others->count; i++)
		if (others->items[i].protocol != WEFT_PROTOCOL &&
		    plan_connects(&others->items[i].prefix, prefix))
			return true;
	return false;
}

static bool plan_add_route(const struct weft_profile *profile,
			   const struct weft_policy *policy,
			   const struct weft_state *state,
			   const struct weft_allowedip *ip,
			   struct weft_routes *routes)
{
	struct weft_allowedip prefix = *ip;
	struct weft_route *route;

	weft_model_allowedip_mask(&prefix);
	if (profile->table == WEFT_TABLE_AUTO && prefix.cidr &&
	    plan_is_connected(profile, state, &prefix))
		return true;
	route = weft_network_routes_add(routes);
	if (!route)
		return false;
	route->prefix = prefix;
	route->prefix.next = NULL;
	route->protocol = WEFT_PROTOCOL;
	if (profile->table == WEFT_TABLE_NUMBER)
		route->table = profile->table_number;
	else
		route->table = prefix.cidr ? RT_TABLE_MAIN : policy->table;
	return true;
}

/* A prefix that the file has twice is one. */
static void plan_unite(struct weft_routes *routes)
{
	const struct weft_route *last = NULL;
	size_t i, left = 0;

	for (i = 0; i < routes->count; i++) {
		if (last && last->table == routes->items[i].table &&
		    !weft_model_allowedip_compare(&last->prefix,
						  &routes->items[i].prefix))
			continue;
		routes->items[left] = routes->items[i];
		last = &routes->items[left++];
	}
	routes->count = left;
}

bool weft_plan_routes(const struct weft_profile *profile,
		      const struct weft_policy *policy,
		      const struct weft_state *state,
		      struct weft_routes *routes)
{
	const struct weft_allowedip *ip;
	const struct weft_peer *peer;

	if (profile->table == WEFT_TABLE_OFF)
		return true;
	for (peer = profile->dev->peers; peer; peer = peer->next)
		for (ip = peer->allowedips; ip; ip = ip->next)
			if (!plan_add_route(profile, policy, state, ip, routes))
				return false;
	weft_state_sort(routes);
	plan_unite(routes);
	return true;
}

static bool plan_has_ip6(const struct weft_profile *profile)
{
	size_t i;

	for (i = 0; i < profile->addresses.count; i++)
		if (profile->addresses.items[i].prefix.family == AF_INET6)
			return true;
	return false;
}

static bool plan_ask_mtu(const struct weft_context *ctx,
			 const struct weft_profile *profile,
			 const union weft_endpoint *to, __u32 mark,
			 unsigned int *smallest)
{
	unsigned int mtu;

	if (ctx->network->path_mtu(ctx->network, to, mark, &mtu)) {
		weft_report(ctx, "%s: cannot find out the MTU: %s",
			    profile->name, ctx->network->error);
		return false;
	}
	if (mtu && (!*smallest || mtu < *smallest))
		*smallest = mtu;
	return true;
}

/* Wherever the peer may be: it may go there while the tunnel is up. */
static bool plan_ask_peer_mtu(const struct weft_context *ctx,
			      const struct weft_profile *profile,
			      const struct weft_peer *peer, __u32 mark,
			      unsigned int *smallest)
{
	size_t i;

	if (peer->endpoint.any.sa_family != AF_UNSPEC &&
	    !plan_ask_mtu(ctx, profile, &peer->endpoint, mark, smallest))
		return false;
	for (i = 1; i < peer->candidate_count; i++)
		if (!plan_ask_mtu(ctx, profile, &peer->candidates[i], mark,
				  smallest))
			return false;
	return true;
}

/* 0 where nothing leads anywhere. */
static bool plan_smallest_mtu(const struct weft_context *ctx,
			      const struct weft_profile *profile, __u32 mark,
			      unsigned int *smallest)
{
	const struct weft_peer *peer;

	*smallest = 0;
	for (peer = profile->dev->peers; peer; peer = peer->next)
		if (!plan_ask_peer_mtu(ctx, profile, peer, mark, smallest))
			return false;
	return *smallest || plan_ask_mtu(ctx, profile, NULL, mark, smallest);
}

bool weft_plan_mtu(const struct weft_context *ctx,
		   const struct weft_profile *profile, __u32 mark,
		   unsigned int *mtu)
{
	unsigned int way;

	*mtu = profile->mtu;
	if (*mtu && *mtu < PLAN_IP6_MTU_MIN && plan_has_ip6(profile)) {
		weft_report(ctx, "%s: an MTU of %u is too small for IPv6 addresses: they need %d",
			    profile->name, *mtu, PLAN_IP6_MTU_MIN);
		return false;
	}
	if (*mtu)
		return true;
	if (!plan_smallest_mtu(ctx, profile, mark, &way))
		return false;
	if (!way)
		way = PLAN_ETHERNET_MTU;
	*mtu = way > PLAN_OVERHEAD_BYTES ? way - PLAN_OVERHEAD_BYTES : way;
	if (*mtu < PLAN_IP6_MTU_MIN && plan_has_ip6(profile)) {
		weft_report_warning(ctx, "%s: the way has an MTU of %u, which leaves less than the %d that IPv6 needs: packets will be fragmented outside",
				    profile->name, way, PLAN_IP6_MTU_MIN);
		*mtu = PLAN_IP6_MTU_MIN;
	}
	return true;
}
