// SPDX-License-Identifier: GPL-2.0
#include <linux/weft.h>
#include <stdlib.h>
#include <string.h>

#include "base/complain.h"
#include "fleet/endpoint.h"
#include "fleet/seen.h"
#include "fleet/sight.h"
#include "genl/backend.h"
#include "host/host.h"
#include "model/attr.h"

/* Quotes and a comma around an item of a list in JSON. */
#define SIGHT_AROUND	3

/**
 * struct sight_job - one look
 * @fleet: the fleet
 * @hub: this node
 * @prefixes: the prefixes of the fleet
 * @told: endpoints that other hubs see: they are no names that members have
 * @before: the former list
 * @next: in it
 * @seen: the result
 * @bytes: of the result, as JSON
 */
struct sight_job {
	const struct weft_fleet *fleet;
	const struct weft_member *hub;
	struct weft_prefix_table prefixes;
	struct weft_seen told;
	const struct weft_words *before;
	size_t next;
	struct weft_words *seen;
	size_t bytes;
};

static const struct weft_member *sight_self(const struct weft_folder *folder)
{
	return weft_fleet_find(folder->fleet, folder->self->node);
}

bool weft_sight_is_hub(const struct weft_folder *folder)
{
	const struct weft_member *self = sight_self(folder);

	return folder->fleet->terms && self && weft_member_is_in(self) && self->node->hub;
}

static void sight_take_address(const union weft_endpoint *from, struct weft_allowedip *address,
			       unsigned int *port)
{
	memset(address, 0, sizeof(*address));
	address->family = from->any.sa_family;
	if (address->family == AF_INET6) {
		address->ip6 = from->ip6.sin6_addr;
		*port = ntohs(from->ip6.sin6_port);
	} else {
		address->ip4 = from->ip4.sin_addr;
		*port = ntohs(from->ip4.sin_port);
	}
}

/* A peer of the member's name may be one that the fleet did not make. */
static bool sight_is_member(const struct weft_member *member, const struct weft_peer *peer)
{
	const struct weft_key *key = weft_member_key(member);

	return key && (weft_key_equal(key, &peer->public_key) ||
		       (peer->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY &&
			weft_key_equal(key, &peer->next_public_key)) ||
		       (peer->has & WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY &&
			weft_key_equal(key, &peer->previous_public_key)));
}

static bool sight_is_up(const struct weft_peer *peer)
{
	return peer->known & WEFT_ATTR_BIT(WEFT_PEER_A_STATE) &&
	       peer->state == WEFT_PEER_STATE_UP && peer->endpoint.any.sa_family != AF_UNSPEC;
}

static bool sight_is_told(const struct sight_job *job, const struct weft_member *member,
			  const char *endpoint)
{
	size_t i, count;
	const struct weft_seen_entry *entries = weft_seen_find(&job->told, member, &count);

	for (i = 0; i < count; i++)
		if (weft_fleet_endpoint_equal(entries[i].endpoint, endpoint))
			return true;
	return false;
}

static bool sight_is_listed(const struct weft_member *member, const char *endpoint)
{
	return weft_fleet_endpoint_is_in(&member->node->endpoints, endpoint) ||
	       (member->hello && weft_fleet_endpoint_is_in(&member->hello->endpoints, endpoint));
}

/* A name of a host that the admin gives is an address among the kernel's candidates. */
static bool sight_is_named(const struct sight_job *job, const struct weft_member *member,
			   const struct weft_peer *peer, const char *endpoint)
{
	if (sight_is_listed(member, endpoint))
		return true;
	return weft_model_candidate_find(peer, &peer->endpoint) &&
	       !sight_is_told(job, member, endpoint);
}

static bool sight_may_tell(const struct sight_job *job, const struct weft_allowedip *address)
{
	return !weft_fleet_endpoint_is_special(address) &&
	       !weft_prefix_table_contains(&job->prefixes, job->hub->node, address);
}

/* False: no memory. */
static bool sight_tell(struct sight_job *job, const struct weft_member *member,
		       const char *endpoint)
{
	size_t len = strlen(member->name) + 1 + strlen(endpoint);
	char *text;
	bool good;

	if (job->seen->count == WEFT_FLEET_SEEN_MAX ||
	    job->bytes + len + SIGHT_AROUND > WEFT_FLEET_SEEN_BYTES)
		return true;
	job->bytes += len + SIGHT_AROUND;
	if (asprintf(&text, "%s=%s", member->name, endpoint) < 0)
		return false;
	good = weft_profile_words_add(job->seen, text, 0);
	free(text);
	return good;
}

static bool sight_take(struct sight_job *job, const struct weft_peer *peer)
{
	const struct weft_member *member = weft_fleet_find(job->fleet, peer->name);
	struct weft_endpoint_text endpoint;
	struct weft_allowedip address;
	unsigned int port;

	if (!member || member == job->hub || !weft_member_is_in(member) ||
	    !sight_is_member(member, peer))
		return true;
	sight_take_address(&peer->endpoint, &address, &port);
	endpoint = weft_fleet_endpoint_format(&address, port);
	if (!sight_may_tell(job, &address) ||
	    sight_is_named(job, member, peer, endpoint.chars))
		return true;
	return sight_tell(job, member, endpoint.chars);
}

static void sight_cut(const char *text, char name[WEFT_NODE_NAME_BYTES])
{
	snprintf(name, WEFT_NODE_NAME_BYTES, "%.*s", (int)strcspn(text, "="), text);
}

static bool sight_keep(struct sight_job *job, const char *name, const char *endpoint)
{
	const struct weft_member *member = weft_fleet_find(job->fleet, name);
	struct weft_allowedip address;

	if (!member || member == job->hub || !weft_member_is_in(member) ||
	    !weft_fleet_endpoint_parse(endpoint, &address) || !sight_may_tell(job, &address) ||
	    sight_is_listed(member, endpoint))
		return true;
	return sight_tell(job, member, endpoint);
}

/* Those of the former list up to @name, whose own entry is given up; NULL: all others. */
static bool sight_keep_until(struct sight_job *job, const char *name)
{
	char former[WEFT_NODE_NAME_BYTES];
	const char *text;
	int order;

	for (; job->next < job->before->count; job->next++) {
		text = job->before->items[job->next].text;
		sight_cut(text, former);
		order = name ? strcmp(former, name) : -1;
		if (order > 0)
			break;
		if (order && !sight_keep(job, former, strchr(text, '=') + 1))
			return false;
	}
	return true;
}

static int sight_compare(const void *a, const void *b)
{
	const struct weft_peer * const *x = a, * const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* The peers with a session, by name. NULL: no memory. */
static const struct weft_peer **sight_sort(const struct weft_device *dev, size_t *count)
{
	const struct weft_peer **peers, *peer;

	*count = 0;
	peers = calloc(weft_model_peer_count(dev) + 1, sizeof(*peers));
	if (!peers)
		return NULL;
	for (peer = dev->peers; peer; peer = peer->next)
		if (peer->name && sight_is_up(peer))
			peers[(*count)++] = peer;
	qsort(peers, *count, sizeof(*peers), sight_compare);
	return peers;
}

/* The order of hubs is of no importance here. */
static bool sight_begin(struct sight_job *job)
{
	const struct weft_fleet *fleet = job->fleet;
	size_t i;

	if (!weft_prefix_table_fill(&job->prefixes, fleet) ||
	    !weft_seen_begin(&job->told, fleet, job->hub))
		return false;
	for (i = 0; i < fleet->count; i++)
		if (weft_seen_is_hub(&fleet->members[i], job->hub))
			weft_seen_add(&job->told, fleet, &fleet->members[i], job->hub,
				      &job->prefixes);
	weft_seen_sort(&job->told);
	return true;
}

/* Where each spoke has no other peer than this hub, the list is of no use. */
static bool sight_matters(const struct weft_fleet *fleet, const struct weft_member *hub)
{
	size_t i;

	if (fleet->terms->topology != WEFT_TOPOLOGY_HUB)
		return true;
	for (i = 0; i < fleet->count; i++)
		if (weft_seen_is_hub(&fleet->members[i], hub))
			return true;
	return false;
}

bool weft_sight_list(const struct weft_fleet *fleet, const struct weft_member *hub,
		     const struct weft_device *dev, const struct weft_words *before,
		     struct weft_words *seen)
{
	struct sight_job job = { .fleet = fleet, .hub = hub, .before = before, .seen = seen };
	const struct weft_peer **peers;
	size_t i, count;
	bool good;

	if (!sight_matters(fleet, hub))
		return true;
	peers = sight_sort(dev, &count);
	good = peers && sight_begin(&job);
	for (i = 0; good && i < count; i++)
		good = sight_keep_until(&job, peers[i]->name) && sight_take(&job, peers[i]);
	good = good && sight_keep_until(&job, NULL);
	free(peers);
	weft_prefix_table_free(&job.prefixes);
	weft_seen_free(&job.told);
	if (!good)
		weft_profile_words_free(seen);
	return good;
}

/* NULL without a link of weft's: its own WireGuard tells no states. False after a complaint. */
static bool sight_read_device(const struct weft_folder *folder, struct weft_device **dev)
{
	const struct weft_context *ctx = folder->ctx;
	struct weft_host_link link = { };

	*dev = NULL;
	if (ctx->host->link(ctx->host, folder->name, &link))
		return weft_complain(ctx, "%s: cannot read the link: %s", folder->name,
				     ctx->host->error);
	return !link.index || link.kind != WEFT_KIND_WEFT ||
	       weft_backend_get(ctx, folder->name, dev);
}

static void sight_set(struct weft_words *seen, struct weft_words *now, bool *changed)
{
	*changed = !weft_profile_words_equal(seen, now);
	weft_profile_words_free(seen);
	*seen = *now;
}

bool weft_sight_read(struct weft_folder *folder, bool *changed)
{
	struct weft_words *seen = &folder->self->seen, now = { };
	struct weft_device *dev;
	bool good;

	if (!weft_sight_is_hub(folder)) {
		sight_set(seen, &now, changed);
		return true;
	}
	if (!sight_read_device(folder, &dev))
		return false;
	if (!dev)
		return true;
	good = weft_sight_list(folder->fleet, sight_self(folder), dev, seen, &now) ||
	       weft_complain(folder->ctx, "out of memory");
	weft_model_device_free(dev);
	if (good)
		sight_set(seen, &now, changed);
	return good;
}
