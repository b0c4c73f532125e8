// SPDX-License-Identifier: GPL-2.0
#include <linux/ipv6_route.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <stdlib.h>

#include "apply/plan.h"
#include "base/complain.h"
#include "fleet/fit.h"
#include "fleet/model.h"
#include "host/host.h"
#include "model/format.h"

/**
 * struct fit_job - one fitting
 * @ctx: the context
 * @model: the model
 * @index: the interface's own link, 0 for none
 * @routes: all routes, sorted; of those to one prefix the one that counts is the first
 * @left_out: something was left out
 * @failed: memory was short
 */
struct fit_job {
	const struct weft_context *ctx;
	struct weft_fleet_model *model;
	unsigned int index;
	struct weft_routes routes;
	bool left_out;
	bool failed;
};

static __printf(2, 3)
void fit_say(struct fit_job *job, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	job->failed |= !weft_profile_words_print(&job->model->problems, fmt, args);
	va_end(args);
	job->left_out = true;
}

/* IPv6. */

static size_t fit_drop_addresses(struct weft_routes *addresses)
{
	size_t i, left = 0, before = addresses->count;

	for (i = 0; i < addresses->count; i++)
		if (addresses->items[i].prefix.family != AF_INET6)
			addresses->items[left++] = addresses->items[i];
	addresses->count = left;
	return before - left;
}

static size_t fit_drop_ip6(struct weft_device *dev)
{
	struct weft_allowedip *ip;
	struct weft_peer *peer;
	size_t count = 0;

	for (peer = dev->peers; peer; peer = peer->next) {
		for (ip = peer->allowedips; ip; ip = ip->next) {
			ip->drop = ip->family == AF_INET6;
			count += ip->drop;
		}
		weft_model_allowedips_prune(peer);
	}
	return count;
}

/* One problem for all of it: each node may have such an address. */
static void fit_without_ip6(struct fit_job *job)
{
	struct weft_profile *profile = job->model->profile;
	char *setting = weft_plan_ip6_obstacle(job->ctx->host, profile);
	size_t addresses, prefixes;

	if (!setting)
		return;
	addresses = fit_drop_addresses(&profile->addresses);
	prefixes = fit_drop_ip6(profile->dev);
	if (addresses + prefixes)
		fit_say(job,
			"this machine disables IPv6 by %s: %zu of its own addresses and %zu addresses and prefixes of peers are left out",
			setting, addresses, prefixes);
	free(setting);
}

/* Routes of other links. */

/* The network of an address of this machine. */
static bool fit_is_network(const struct weft_route *route)
{
	return route->protocol == RTPROT_KERNEL && !route->special;
}

/* Of equal metrics: the interface's own route, which exists, is no obstacle. */
static int fit_rank(const struct weft_route *route, unsigned int index)
{
	if (index && route->index == index)
		return 0;
	return fit_is_network(route) ? 1 : 2;
}

static int fit_compare_routes(const void *a, const void *b, void *data)
{
	const struct weft_route *x = a, *y = b;
	const struct fit_job *job = data;
	int diff = weft_model_allowedip_compare(&x->prefix, &y->prefix);

	if (!diff)
		diff = (x->metric > y->metric) - (x->metric < y->metric);
	return diff ? diff : fit_rank(x, job->index) - fit_rank(y, job->index);
}

/* The interface's route would count: a backup, or a route that stops packets without a tunnel. */
static bool fit_gives_way(const struct weft_route *route)
{
	return !fit_is_network(route) &&
	       route->metric > (route->prefix.family == AF_INET ? 0 : IP6_RT_PRIO_USER);
}

static bool fit_read_routes(struct fit_job *job)
{
	struct weft_routes *routes = &job->routes;
	struct weft_host *host = job->ctx->host;
	size_t i, left = 0;

	if (host->routes(host, 0, RT_TABLE_MAIN, routes))
		return weft_complain(job->ctx, "%s: cannot read the routes: %s",
				     job->model->profile->name, host->error);
	for (i = 0; i < routes->count; i++)
		if (!fit_gives_way(&routes->items[i]))
			routes->items[left++] = routes->items[i];
	routes->count = left;
	if (left)
		qsort_r(routes->items, left, sizeof(*routes->items), fit_compare_routes, job);
	return true;
}

/*
 * The route to @ip that counts, unless it is the interface's own: a network that turns up
 * must not take packets out of the tunnel. One around @ip does not count against @ip's own
 * route. A default route has tables and rules of its own.
 */
static const struct weft_route *fit_obstacle(const struct fit_job *job,
					     const struct weft_allowedip *ip)
{
	const struct weft_route *routes = job->routes.items, *found;
	size_t low = 0, high = job->routes.count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (weft_model_allowedip_compare(&routes[middle].prefix, ip) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (!ip->cidr || low == job->routes.count)
		return NULL;
	found = &routes[low];
	if (weft_model_allowedip_compare(&found->prefix, ip) || !fit_rank(found, job->index))
		return NULL;
	return found;
}

/* The kernel's route of an own address leads there, and none is added. */
static bool fit_needs_no_route(const struct fit_job *job, const struct weft_allowedip *ip)
{
	const struct weft_routes *addresses = &job->model->profile->addresses;
	size_t i;

	for (i = 0; i < addresses->count; i++)
		if (weft_plan_connects(&addresses->items[i].prefix, ip))
			return true;
	return false;
}

static void fit_prefix(struct fit_job *job, const struct weft_peer *peer,
		       struct weft_allowedip *ip)
{
	const struct weft_route *other = fit_obstacle(job, ip);

	if (!other || fit_needs_no_route(job, ip))
		return;
	ip->drop = true;
	fit_say(job, "prefix %s/%u of node %s is left out: this machine has %s %s/%u",
		weft_format_address(ip).chars, ip->cidr, peer->name,
		fit_is_network(other) ? "the network" : "another route to",
		weft_format_address(&other->prefix).chars, other->prefix.cidr);
}

static void fit_beside_routes(struct fit_job *job)
{
	struct weft_allowedip *ip;
	struct weft_peer *peer;

	for (peer = job->model->profile->dev->peers; peer; peer = peer->next) {
		for (ip = peer->allowedips; ip; ip = ip->next)
			fit_prefix(job, peer, ip);
		weft_model_allowedips_prune(peer);
	}
}

bool weft_fit(const struct weft_context *ctx, struct weft_fleet_model *model, unsigned int index,
	      bool *left_out)
{
	struct fit_job job = { .ctx = ctx, .model = model, .index = index };
	bool good;

	fit_without_ip6(&job);
	good = fit_read_routes(&job);
	if (good)
		fit_beside_routes(&job);
	weft_host_routes_free(&job.routes);
	*left_out = job.left_out;
	return good && (!job.failed || weft_complain(ctx, "out of memory"));
}
