// SPDX-License-Identifier: GPL-2.0
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "apply/plan.h"
#include "apply/policy_route.h"
#include "apply/state.h"
#include "base/complain.h"
#include "conf/profile.h"
#include "model/format.h"

/* IPv6 and UDP headers, the header of a transport message, and its tag. */
#define PLAN_OVERHEAD_BYTES	80
#define PLAN_ETHERNET_MTU	1500
#define PLAN_IP6_MTU_MIN	1280
#define PLAN_IP4_MTU_MIN	68

/* The kernel adds no route for an IPv4 address of full length. */
bool weft_plan_connects(const struct weft_allowedip *address,
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
		if (weft_plan_connects(&profile->addresses.items[i].prefix, prefix))
			return true;
	/* Routes that weft did not add stay. */
	for (i = 0; i < others->count; i++)
		if (others->items[i].protocol != WEFT_PROTOCOL &&
		    weft_plan_connects(&others->items[i].prefix, prefix))
			return true;
	return false;
}

static bool plan_add_route(const struct weft_profile *profile,
			   const struct weft_policy_route *policy,
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
	route = weft_host_routes_add(routes);
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

/* Removes duplicate prefixes. */
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

static bool plan_has_key(const struct weft_peer_index *index, const struct weft_key *key, bool has)
{
	return has && weft_model_index_find(index, key);
}

/* Whether the profile has a peer of the interface, under any of its keys. */
static bool plan_has_peer(const struct weft_peer_index *index, const struct weft_peer *have)
{
	return plan_has_key(index, &have->public_key, true) ||
	       plan_has_key(index, &have->next_public_key,
			    have->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY) ||
	       plan_has_key(index, &have->previous_public_key,
			    have->has & WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY);
}

static bool plan_keep_peer(const struct weft_peer *have, const struct weft_state *state,
			   struct weft_routes *routes)
{
	const struct weft_allowedip *ip;
	const struct weft_route *former;
	struct weft_route *route;

	for (ip = have->allowedips; ip; ip = ip->next) {
		former = weft_state_find(&state->routes, ip, RT_TABLE_MAIN);
		if (!former || former->protocol != WEFT_PROTOCOL)
			continue;
		route = weft_host_routes_add(routes);
		if (!route)
			return false;
		*route = *former;
		route->prefix.next = NULL;
	}
	return true;
}

/* A peer that stays keeps its routes: without them its packets would pass the tunnel by. */
static bool plan_keep_others(const struct weft_profile *profile, const struct weft_state *state,
			     struct weft_routes *routes)
{
	struct weft_peer_index index;
	const struct weft_peer *have;
	bool good = weft_model_index(profile->dev, &index);

	for (have = state->dev ? state->dev->peers : NULL; good && have; have = have->next)
		if (!plan_has_peer(&index, have))
			good = plan_keep_peer(have, state, routes);
	weft_model_index_free(&index);
	return good;
}

bool weft_plan_routes(const struct weft_profile *profile,
		      const struct weft_policy_route *policy,
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
	if (profile->dev->keeps_others && !plan_keep_others(profile, state, routes))
		return false;
	weft_state_sort(routes);
	plan_unite(routes);
	return true;
}

/* An IPv6 address that weft did not add, and that an MTU without IPv6 would remove. */
static const struct weft_allowedip *plan_foreign_ip6(const struct weft_state *state)
{
	const struct weft_route *have;
	size_t i;

	for (i = 0; i < state->addresses.count; i++) {
		have = &state->addresses.items[i];
		if (have->prefix.family == AF_INET6 &&
		    have->protocol != WEFT_PROTOCOL &&
		    !IN6_IS_ADDR_LINKLOCAL(&have->prefix.ip6))
			return &have->prefix;
	}
	return NULL;
}

static const struct weft_allowedip *plan_ip6_address(const struct weft_profile *profile)
{
	size_t i;

	for (i = 0; i < profile->addresses.count; i++)
		if (profile->addresses.items[i].prefix.family == AF_INET6)
			return &profile->addresses.items[i].prefix;
	return NULL;
}

static const struct weft_allowedip *plan_ip6_allowed(const struct weft_profile *profile)
{
	const struct weft_allowedip *ip;
	const struct weft_peer *peer;

	for (peer = profile->dev->peers; peer; peer = peer->next)
		for (ip = peer->allowedips; ip; ip = ip->next)
			if (ip->family == AF_INET6)
				return ip;
	return NULL;
}

/* An IPv6 address or allowed IP for which the link needs IPv6, or NULL. */
static const struct weft_allowedip *plan_ip6(const struct weft_profile *profile,
					     const struct weft_state *state)
{
	const struct weft_allowedip *reason = plan_ip6_address(profile);

	if (!reason)
		reason = plan_ip6_allowed(profile);
	return reason ? reason : plan_foreign_ip6(state);
}

/* -1: no such setting. */
static int plan_ip6_is_off(struct weft_host *host, const char *path)
{
	char *text;
	int off;

	if (host->read(host, path, &text))
		return -1;
	off = strcmp(text, "0");
	free(text);
	return !!off;
}

/* A link that does not exist yet, or that has lost IPv6, will get the default. */
char *weft_plan_ip6_obstacle(struct weft_host *host, const struct weft_profile *profile)
{
	static const char fallback[] = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
	char *path;
	int off;

	if (asprintf(&path, "/proc/sys/net/ipv6/conf/%s/disable_ipv6",
		     profile->name) < 0)
		return NULL;
	off = plan_ip6_is_off(host, path);
	if (off > 0)
		return path;
	free(path);
	if (!off)
		return NULL;
	off = plan_ip6_is_off(host, fallback);
	if (off > 0)
		return strdup(fallback);
	/* Without /proc/sys nothing is known. */
	if (!off || plan_ip6_is_off(host, "/proc/sys/net/ipv4/conf/default/forwarding") < 0)
		return NULL;
	return strdup("ipv6.disable");
}

/* The local table belongs to the kernel: weft adds no route to it. */
static bool plan_check_table(const struct weft_context *ctx,
			     const struct weft_profile *profile)
{
	struct weft_place place = {
		.file = profile->path, .line = profile->table_line,
		.name = "Table",
	};

	if (profile->table != WEFT_TABLE_NUMBER ||
	    profile->table_number != RT_TABLE_LOCAL)
		return true;
	return weft_complain_at(ctx, &place,
				"'%s' is the kernel's table of local addresses: use another table",
				profile->table_text);
}

static bool plan_check_mtu(const struct weft_context *ctx,
			   const struct weft_profile *profile,
			   const struct weft_allowedip *ip6)
{
	struct weft_place place = {
		.file = profile->path, .line = profile->mtu_line, .name = "MTU",
	};

	if (!ip6 || !profile->mtu || profile->mtu >= PLAN_IP6_MTU_MIN)
		return true;
	return weft_complain_at(ctx, &place,
				"an MTU of %u is too small for IPv6 (%s/%u): below %d the kernel removes IPv6 from the interface",
				profile->mtu, weft_format_address(ip6).chars, ip6->cidr,
				PLAN_IP6_MTU_MIN);
}

bool weft_plan_check_file(const struct weft_context *ctx,
			  const struct weft_profile *profile)
{
	const struct weft_allowedip *ip6 = plan_ip6_address(profile);
	bool good = plan_check_table(ctx, profile);

	if (!ip6)
		ip6 = plan_ip6_allowed(profile);
	return plan_check_mtu(ctx, profile, ip6) && good;
}

bool weft_plan_check(const struct weft_context *ctx,
		     const struct weft_profile *profile)
{
	const struct weft_allowedip *reason = plan_ip6_address(profile);
	char *setting;

	if (!reason && profile->table != WEFT_TABLE_OFF)
		reason = plan_ip6_allowed(profile);
	if (!reason)
		return true;
	setting = weft_plan_ip6_obstacle(ctx->host, profile);
	if (!setting)
		return true;
	weft_complain(ctx,
		      "%s: the file has IPv6 (%s/%u), and this machine disables IPv6 by %s: enable IPv6, or remove it from Address and AllowedIPs",
		      profile->name, weft_format_address(reason).chars,
		      reason->cidr, setting);
	free(setting);
	return false;
}

/**
 * struct plan_paths - the paths to all endpoints
 * @smallest: the MTU of the smallest one, 0 without any route
 * @told: the peer whose endpoint has it, where other nodes tell that, or NULL
 * @counts: the same where paths that other nodes tell take it no further than IPv6 needs
 */
struct plan_paths {
	unsigned int smallest;
	const struct weft_peer *told;
	unsigned int counts;
};

static bool plan_note_mtu(unsigned int mtu, unsigned int *smallest)
{
	bool smaller = mtu && (!*smallest || mtu < *smallest);

	if (smaller)
		*smallest = mtu;
	return smaller;
}

static bool plan_ask_mtu(const struct weft_context *ctx,
			 const struct weft_profile *profile,
			 const union weft_endpoint *to, __u32 mark,
			 const struct weft_peer *told, struct plan_paths *paths)
{
	unsigned int mtu;

	if (ctx->host->path_mtu(ctx->host, to, mark, &mtu))
		return weft_complain(ctx, "%s: cannot read the path MTU: %s", profile->name,
				     ctx->host->error);
	if (plan_note_mtu(mtu, &paths->smallest))
		paths->told = told;
	if (told && mtu && mtu < PLAN_IP6_MTU_MIN + PLAN_OVERHEAD_BYTES)
		mtu = PLAN_IP6_MTU_MIN + PLAN_OVERHEAD_BYTES;
	plan_note_mtu(mtu, &paths->counts);
	return true;
}

/*
 * Any candidate of the peer may become its endpoint while the tunnel is up. Other nodes tell the
 * endpoints of a peer that keeps its own.
 */
static bool plan_ask_peer_mtu(const struct weft_context *ctx,
			      const struct weft_profile *profile,
			      const struct weft_peer *peer, __u32 mark,
			      struct plan_paths *paths)
{
	const struct weft_peer *told = peer->keeps_endpoint ? peer : NULL;
	size_t i;

	if (peer->endpoint.any.sa_family != AF_UNSPEC &&
	    !plan_ask_mtu(ctx, profile, &peer->endpoint, mark, told, paths))
		return false;
	for (i = 1; i < peer->candidate_count; i++)
		if (!plan_ask_mtu(ctx, profile, &peer->candidates[i], mark, told, paths))
			return false;
	return true;
}

static bool plan_smallest_mtu(const struct weft_context *ctx,
			      const struct weft_profile *profile, __u32 mark,
			      struct plan_paths *paths)
{
	const struct weft_peer *peer;

	*paths = (struct plan_paths){ };
	for (peer = profile->dev->peers; peer; peer = peer->next)
		if (!plan_ask_peer_mtu(ctx, profile, peer, mark, paths))
			return false;
	return paths->smallest || plan_ask_mtu(ctx, profile, NULL, mark, NULL, paths);
}

static void plan_warn_mtu(const struct weft_context *ctx, const struct weft_profile *profile,
			  const struct weft_allowedip *ip6, const struct plan_paths *paths)
{
	if (paths->told)
		weft_warn(ctx, "%s: the path MTU of %u to an endpoint of peer %s leaves less than %d: outer packets to it will be fragmented",
			  profile->name, paths->smallest, weft_format_peer(paths->told).chars,
			  PLAN_IP6_MTU_MIN);
	else
		weft_warn(ctx, "%s: the path MTU of %u leaves less than the %d that IPv6 (%s/%u) needs: outer packets will be fragmented",
			  profile->name, paths->smallest, PLAN_IP6_MTU_MIN,
			  weft_format_address(ip6).chars, ip6->cidr);
}

static unsigned int plan_inner_mtu(unsigned int path)
{
	return path > PLAN_OVERHEAD_BYTES + PLAN_IP4_MTU_MIN ?
	       path - PLAN_OVERHEAD_BYTES : PLAN_IP4_MTU_MIN;
}

bool weft_plan_mtu(const struct weft_context *ctx,
		   const struct weft_profile *profile,
		   const struct weft_state *state, __u32 mark,
		   unsigned int *mtu)
{
	const struct weft_allowedip *ip6 = plan_ip6(profile, state);
	struct plan_paths paths;

	*mtu = profile->mtu;
	if (*mtu)
		return plan_check_mtu(ctx, profile, ip6);
	if (!plan_smallest_mtu(ctx, profile, mark, &paths))
		return false;
	*mtu = plan_inner_mtu(paths.counts ?: PLAN_ETHERNET_MTU);
	if (*mtu < PLAN_IP6_MTU_MIN && ip6)
		*mtu = PLAN_IP6_MTU_MIN;
	if (paths.smallest && *mtu > plan_inner_mtu(paths.smallest))
		plan_warn_mtu(ctx, profile, ip6, &paths);
	return true;
}

/* A bit for each half of the address space that a prefix covers. */
static unsigned int plan_halves(const struct weft_allowedip *ip)
{
	const unsigned char *first = (const void *)&ip->ip4;

	if (!ip->cidr)
		return 3;
	/* Global unicast addresses of IPv6 are in 2000::/3. */
	if (ip->family == AF_INET6 && ip->cidr == 3 && *first >> 5 == 1)
		return 3;
	return ip->cidr == 1 ? 1 + (*first >> 7) : 0;
}

static bool plan_takes_all(const struct weft_profile *profile, __u16 family)
{
	const struct weft_allowedip *ip;
	const struct weft_peer *peer;
	unsigned int halves = 0;

	for (peer = profile->dev->peers; peer; peer = peer->next)
		for (ip = peer->allowedips; ip; ip = ip->next)
			if (ip->family == family)
				halves |= plan_halves(ip);
	return halves == 3;
}

void weft_plan_warn(const struct weft_context *ctx,
		    const struct weft_profile *profile)
{
	struct weft_host *host = ctx->host;
	struct weft_routes routes = { };
	bool beside = false;
	size_t i;

	if (profile->table == WEFT_TABLE_OFF ||
	    !plan_takes_all(profile, AF_INET) ||
	    plan_takes_all(profile, AF_INET6) ||
	    host->routes(host, 0, RT_TABLE_MAIN, &routes))
		return;
	for (i = 0; i < routes.count; i++)
		beside |= routes.items[i].prefix.family == AF_INET6 &&
			  !routes.items[i].prefix.cidr &&
			  !routes.items[i].special;
	weft_host_routes_free(&routes);
	if (beside)
		weft_warn(ctx, "%s: AllowedIPs covers all of IPv4 and not all of IPv6, and this machine has an IPv6 default route: IPv6 bypasses the tunnel, unencrypted; ::/0 in AllowedIPs prevents that",
			  profile->name);
}
