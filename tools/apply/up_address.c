// SPDX-License-Identifier: GPL-2.0
/* Addresses and routes of "up". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "apply/journal.h"
#include "apply/up_job.h"
#include "base/context.h"
#include "conf/profile.h"

static bool up_do_route(struct weft_up_job *job, enum weft_change_kind kind,
			const struct weft_route *route)
{
	struct weft_change change = weft_up_change(job, kind);

	change.route = *route;
	return weft_journal_do(&job->journal, &change);
}

/* The kernel does not allow one IPv6 address with two prefix lengths. */
static bool up_drop_other_length(struct weft_up_job *job,
				 const struct weft_allowedip *wanted)
{
	const struct weft_routes *have = &job->state.addresses;
	struct weft_allowedip other;
	size_t i;

	for (i = 0; i < have->count; i++) {
		other = have->items[i].prefix;
		other.cidr = wanted->cidr;
		if (wanted->family != AF_INET6 ||
		    have->items[i].protocol != WEFT_PROTOCOL ||
		    weft_model_allowedip_compare(&other, wanted))
			continue;
		if (!up_do_route(job, WEFT_CHANGE_ADDRESS_DELETE,
				 &have->items[i]))
			return false;
	}
	return true;
}

bool weft_up_add_addresses(struct weft_up_job *job)
{
	const struct weft_route *wanted;
	size_t i;

	for (i = 0; i < job->addresses->count; i++) {
		wanted = &job->addresses->items[i];
		/* The list is sorted, so duplicates of the file are neighbours. */
		if ((i && !weft_model_allowedip_compare(&wanted[-1].prefix,
							&wanted->prefix)) ||
		    weft_state_find(&job->state.addresses, &wanted->prefix, 0))
			continue;
		job->forged = true;
		if (!up_drop_other_length(job, &wanted->prefix) ||
		    !up_do_route(job, WEFT_CHANGE_ADDRESS_ADD, wanted))
			return false;
	}
	return true;
}

/* The kernel's route of an address that is still to be deleted blocks this route. */
static bool up_is_blocked(const struct weft_route *have)
{
	return have && have->protocol != WEFT_PROTOCOL;
}

bool weft_up_add_routes(struct weft_up_job *job)
{
	const struct weft_route *wanted;
	size_t i;

	for (i = 0; i < job->routes.count; i++) {
		wanted = &job->routes.items[i];
		if (!weft_state_find(&job->state.routes, &wanted->prefix,
				     wanted->table) &&
		    !up_do_route(job, WEFT_CHANGE_ROUTE_ADD, wanted))
			return false;
	}
	return true;
}

/* Otherwise the kernel would delete secondary addresses together with their primary one. */
static bool up_keep_secondaries(struct weft_up_job *job)
{
	struct weft_change change = weft_up_change(job, WEFT_CHANGE_FILE);
	struct weft_host *host = job->ctx->host;
	bool good;

	if (asprintf(&change.path, "/proc/sys/net/ipv4/conf/%s/promote_secondaries",
		     job->profile->name) < 0)
		change.path = NULL;
	change.text = strdup("1");
	good = (change.path && change.text) || weft_up_no_memory(job);
	if (good &&
	    !host->read(host, change.path, &change.old_text) &&
	    strcmp(change.old_text, "1"))
		return weft_journal_do(&job->journal, &change);
	weft_change_clear(&change);
	return good;
}

static bool up_is_replaced(struct weft_up_job *job, const struct weft_allowedip *ip)
{
	struct weft_allowedip other;
	size_t i;

	for (i = 0; ip->family == AF_INET6 && i < job->addresses->count; i++) {
		other = job->addresses->items[i].prefix;
		other.cidr = ip->cidr;
		if (!weft_model_allowedip_compare(&other, ip))
			return true;
	}
	return false;
}

bool weft_up_delete_addresses(struct weft_up_job *job)
{
	const struct weft_route *have;
	size_t i;

	for (i = 0; i < job->state.addresses.count; i++) {
		have = &job->state.addresses.items[i];
		if (have->protocol != WEFT_PROTOCOL ||
		    weft_state_find(job->addresses, &have->prefix, 0) ||
		    up_is_replaced(job, &have->prefix))
			continue;
		if (!up_keep_secondaries(job) ||
		    !up_do_route(job, WEFT_CHANGE_ADDRESS_DELETE, have))
			return false;
	}
	return true;
}

/* Adds the routes that an address had blocked. */
bool weft_up_add_blocked_routes(struct weft_up_job *job)
{
	const struct weft_route *wanted, *have;
	struct weft_routes now = { };
	bool good = true;
	size_t i;

	for (i = 0; good && i < job->routes.count; i++) {
		wanted = &job->routes.items[i];
		have = weft_state_find(&job->state.routes, &wanted->prefix,
				       wanted->table);
		if (up_is_blocked(have) && !now.count) {
			good = !job->ctx->host->routes(job->ctx->host,
						       job->state.link.index,
						       0, &now);
			weft_state_sort(&now);
		}
		if (good && up_is_blocked(have) &&
		    !weft_state_find(&now, &wanted->prefix, wanted->table))
			good = up_do_route(job, WEFT_CHANGE_ROUTE_ADD, wanted);
	}
	weft_host_routes_free(&now);
	return good;
}

bool weft_up_delete_routes(struct weft_up_job *job)
{
	const struct weft_route *have;
	size_t i;

	for (i = 0; i < job->state.routes.count; i++) {
		have = &job->state.routes.items[i];
		if (have->protocol == WEFT_PROTOCOL &&
		    !weft_state_find(&job->routes, &have->prefix,
				     have->table) &&
		    !up_do_route(job, WEFT_CHANGE_ROUTE_DELETE, have))
			return false;
	}
	return true;
}
