// SPDX-License-Identifier: GPL-2.0
/*
 * weft_fleet_model():
 *
 *   model_list_peers(): each node on a path from this one that has a key
 *   weft_prefix_table_fill(): all prefixes of all nodes, sorted; each has one owner
 *   model_give_prefixes(): each prefix to the peer on the path to its owner
 *   model_list_seen(): endpoints that hubs see of other nodes
 *   model_give_endpoints(): none that is inside one of the prefixes
 *
 * Each step takes the nodes, or the prefixes, once.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/endpoint.h"
#include "fleet/model.h"
#include "fleet/prefix_table.h"
#include "fleet/seen.h"
#include "fleet/topology.h"
#include "host/host.h"
#include "model/format.h"

#define MODEL_ENDPOINT_BYTES	(WEFT_CANDIDATES_MAX * 260)

/* A key, the node that has it, and whether only the admin's record says so. */
struct model_key {
	const struct weft_key *key;
	size_t owner;
	bool pinned;
};

/**
 * struct model_job - one evaluation
 * @fleet: the fleet
 * @self: this node
 * @own: its own part
 * @own_key: its public key
 * @paths: the paths from it
 * @model: the result
 * @peers: by number of the member: its peer, or NULL
 * @keys: all keys of nodes, sorted
 * @key_count: their number
 * @prefixes: all prefixes of nodes
 * @seen: endpoints that hubs see
 * @failed: memory was short
 */
struct model_job {
	const struct weft_fleet *fleet;
	const struct weft_member *self;
	const struct weft_fleet_own *own;
	struct weft_key own_key;
	struct weft_paths paths;
	struct weft_fleet_model *model;
	struct weft_peer **peers;
	struct model_key *keys;
	size_t key_count;
	struct weft_prefix_table prefixes;
	struct weft_seen seen;
	bool failed;
};

static void model_say(struct model_job *job, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	job->failed |= !weft_profile_words_print(&job->model->problems, fmt, args);
	va_end(args);
}

static const struct weft_member *model_member(const struct model_job *job, size_t number)
{
	return &job->fleet->members[number];
}

/* Keys: a key belongs to one node. */

static int model_compare_keys(const void *a, const void *b)
{
	const struct model_key *x = a, *y = b;
	int diff = memcmp(x->key->bytes, y->key->bytes, WEFT_KEY_BYTES);

	/* A node that has proven its key has it. */
	if (!diff)
		diff = x->pinned - y->pinned;
	return diff ? diff : (x->owner > y->owner) - (x->owner < y->owner);
}

static void model_add_key(struct model_job *job, const struct weft_key *key, size_t owner)
{
	if (!weft_key_is_zero(key))
		job->keys[job->key_count++] = (struct model_key){
			key, owner, !model_member(job, owner)->hello,
		};
}

static void model_list_keys(struct model_job *job)
{
	const struct weft_member *member;
	size_t i;

	for (i = 0; i < job->fleet->count; i++) {
		member = model_member(job, i);
		if (!weft_member_is_in(member) || !weft_member_key(member))
			continue;
		model_add_key(job, weft_member_key(member), i);
		if (member->hello)
			model_add_key(job, &member->hello->next_public_key, i);
	}
	qsort(job->keys, job->key_count, sizeof(*job->keys), model_compare_keys);
}

/* The first owner by name. */
static size_t model_key_owner(const struct model_job *job, const struct weft_key *key)
{
	size_t low = 0, high = job->key_count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (memcmp(job->keys[middle].key->bytes, key->bytes, WEFT_KEY_BYTES) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return job->keys[low].owner;
}

/* Peers. */

static bool model_may_use(struct model_job *job, size_t number, const struct weft_key *key)
{
	size_t owner = model_key_owner(job, key);

	if (weft_key_equal(key, &job->own_key)) {
		model_say(job, "node %s has the tunnel key of this node: it is no peer",
			  model_member(job, number)->name);
		return false;
	}
	if (owner == number)
		return true;
	model_say(job, "node %s has a tunnel key of node %s: it does not get that key",
		  model_member(job, number)->name, model_member(job, owner)->name);
	return false;
}

static void model_fill_peer(struct model_job *job, struct weft_peer *peer, size_t number)
{
	const struct weft_member *member = model_member(job, number);
	const struct weft_fleet_record *hello = member->hello;

	peer->has = WEFT_PEER_HAS_PUBLIC_KEY | WEFT_PEER_HAS_KEEPALIVE | WEFT_PEER_HAS_NAME |
		    WEFT_PEER_HAS_ROAM | WEFT_PEER_HAS_CANDIDATES |
		    WEFT_PEER_REPLACE_ALLOWEDIPS;
	peer->public_key = *weft_member_key(member);
	peer->roam = true;
	/* Endpoints change by themselves: no session is to miss a packet for it. */
	peer->keeps_endpoint = true;
	peer->keepalive = job->fleet->terms->keepalive;
	peer->name = strdup(member->name);
	job->failed |= !peer->name;
	if (hello && !weft_key_is_zero(&hello->next_public_key) &&
	    model_may_use(job, number, &hello->next_public_key)) {
		peer->next_public_key = hello->next_public_key;
		peer->has |= WEFT_PEER_HAS_NEXT_PUBLIC_KEY;
	}
}

static void model_add_peer(struct model_job *job, size_t number)
{
	const struct weft_member *member = model_member(job, number);
	struct weft_peer *peer;

	if (!weft_member_key(member)) {
		job->failed |= !weft_profile_words_add(&job->model->silent, member->name, 0);
		return;
	}
	if (!model_may_use(job, number, weft_member_key(member)))
		return;
	peer = weft_model_peer_add(job->model->profile->dev);
	job->peers[number] = peer;
	job->failed |= !peer;
	if (peer)
		model_fill_peer(job, peer, number);
}

static void model_list_peers(struct model_job *job)
{
	const struct weft_member *member;
	size_t i;

	for (i = 0; i < job->fleet->count && !job->failed; i++) {
		member = model_member(job, i);
		if (member != job->self && weft_member_is_in(member) &&
		    weft_paths_via(&job->paths, member) == member)
			model_add_peer(job, i);
	}
}

/* Prefixes. */

static void model_say_prefix(struct model_job *job, const struct weft_owned_prefix *prefix,
			     const char *what, const char *name)
{
	model_say(job, "prefix %s/%u of node %s %s%s", weft_format_address(&prefix->ip).chars,
		  prefix->ip.cidr, model_member(job, prefix->owner)->name, what, name);
}

static void model_give_prefix(struct model_job *job, const struct weft_owned_prefix *prefix)
{
	const struct weft_member *owner = model_member(job, prefix->owner), *via;
	struct weft_allowedip *ip;
	struct weft_peer *peer;

	if (owner == job->self)
		return;
	via = weft_paths_via(&job->paths, owner);
	peer = via ? job->peers[via - job->fleet->members] : NULL;
	if (!peer) {
		if (!via)
			model_say_prefix(job, prefix, "has no path: the fleet has no hub", "");
		else if (via != owner)
			model_say_prefix(job, prefix, "has no path: no tunnel key is known of hub ",
					 via->name);
		return;
	}
	ip = weft_model_allowedip_add(peer);
	job->failed |= !ip;
	if (!ip)
		return;
	ip->family = prefix->ip.family;
	ip->cidr = prefix->ip.cidr;
	ip->ip6 = prefix->ip.ip6;
}

/* Of two nodes with the same prefix the first by name has it, on all nodes. */
static void model_give_prefixes(struct model_job *job)
{
	const struct weft_owned_prefix *prefix, *former = NULL;
	size_t i;

	for (i = 0; i < job->prefixes.count && !job->failed; i++) {
		prefix = &job->prefixes.items[i];
		if (!former || weft_model_allowedip_compare(&former->ip, &prefix->ip)) {
			model_give_prefix(job, prefix);
			former = prefix;
		} else if (former->owner != prefix->owner) {
			model_say_prefix(job, prefix, "belongs to node ",
					 model_member(job, former->owner)->name);
		}
	}
}

/* Endpoints. */

/**
 * struct model_endpoints - the endpoints of one peer
 * @text: them, with commas between
 * @len: the length of @text
 * @count: their number
 */
struct model_endpoints {
	char text[MODEL_ENDPOINT_BYTES];
	size_t len;
	size_t count;
};

/* Two private networks may have the same addresses: such an endpoint leads back to this machine. */
static bool model_is_own(const struct model_job *job, const char *endpoint)
{
	const struct weft_member *self = job->self;

	return weft_fleet_endpoint_is_in(&self->node->endpoints, endpoint) ||
	       (self->hello && weft_fleet_endpoint_is_in(&self->hello->endpoints, endpoint));
}

static bool model_takes_endpoint(struct model_job *job, const struct weft_member *member,
				 const char *endpoint, bool names)
{
	struct weft_allowedip address;

	if (!weft_fleet_endpoint_parse(endpoint, &address)) {
		if (!names)
			model_say(job,
				  "endpoint %s of node %s is not an address: only the admin names hosts",
				  endpoint, member->name);
		return names;
	}
	if (weft_prefix_table_contains(&job->prefixes, job->self->node, &address)) {
		model_say(job, "endpoint %s of node %s is inside the tunnel: it is left out",
			  endpoint, member->name);
		return false;
	}
	if (names)
		return true;
	if (!weft_fleet_endpoint_is_special(&address))
		return !model_is_own(job, endpoint);
	model_say(job, "endpoint %s of node %s is not the address of a host: it is left out",
		  endpoint, member->name);
	return false;
}

static void model_put_endpoint(struct model_endpoints *to, const char *endpoint)
{
	to->len += snprintf(to->text + to->len, sizeof(to->text) - to->len, "%s%s",
			    to->count ? ", " : "", endpoint);
	to->count++;
}

static void model_add_endpoints(struct model_job *job, const struct weft_member *member,
				const struct weft_words *from, bool names, size_t most,
				struct model_endpoints *to)
{
	size_t i;

	for (i = 0; i < from->count && to->count < most; i++)
		if (model_takes_endpoint(job, member, from->items[i].text, names))
			model_put_endpoint(to, from->items[i].text);
}

/* An endpoint that two hubs see, or that the node names itself, is there once. */
static bool model_is_news(const struct model_job *job, const struct weft_member *member,
			  const struct weft_seen_entry *first, const struct weft_seen_entry *entry)
{
	if (model_is_own(job, entry->endpoint))
		return false;
	if (weft_fleet_endpoint_is_in(&member->node->endpoints, entry->endpoint) ||
	    (member->hello &&
	     weft_fleet_endpoint_is_in(&member->hello->endpoints, entry->endpoint)))
		return false;
	for (; first < entry; first++)
		if (weft_fleet_endpoint_equal(first->endpoint, entry->endpoint))
			return false;
	return true;
}

/* The list has left out what no member may have. */
static void model_add_seen(struct model_job *job, const struct weft_member *member,
			   struct model_endpoints *to)
{
	size_t i, count;
	const struct weft_seen_entry *entries = weft_seen_find(&job->seen, member, &count);

	for (i = 0; i < count && to->count < WEFT_CANDIDATES_MAX; i++)
		if (model_is_news(job, member, entries, &entries[i]))
			model_put_endpoint(to, entries[i].endpoint);
}

/* One place is for what hubs see: of a node behind a NAT it may be the only one that works. */
static size_t model_room(const struct model_job *job, const struct weft_member *member)
{
	size_t i, count;
	const struct weft_seen_entry *entries = weft_seen_find(&job->seen, member, &count);

	for (i = 0; i < count; i++)
		if (model_is_news(job, member, entries, &entries[i]))
			return WEFT_CANDIDATES_MAX - 1;
	return WEFT_CANDIDATES_MAX;
}

/*
 * Those of the admin come first: the node may have been taken over. Those that hubs see come
 * last: so may a hub have been.
 */
static void model_give_endpoint(struct model_job *job, size_t number)
{
	const struct weft_member *member = model_member(job, number);
	struct weft_peer *peer = job->peers[number];
	struct model_endpoints to;

	to.len = 0;
	to.count = 0;
	model_add_endpoints(job, member, &member->node->endpoints, true, WEFT_CANDIDATES_MAX, &to);
	if (member->hello)
		model_add_endpoints(job, member, &member->hello->endpoints, false,
				    model_room(job, member), &to);
	model_add_seen(job, member, &to);
	if (!to.count)
		return;
	peer->endpoint_text = strdup(to.text);
	job->failed |= !peer->endpoint_text;
}

/* One problem for each hub: it may tell of each node. */
static void model_list_seen(struct model_job *job)
{
	const struct weft_member *hub;
	size_t i, bad;

	if (!weft_seen_begin(&job->seen, job->fleet, job->self)) {
		job->failed = true;
		return;
	}
	for (i = 0; i < job->fleet->count; i++) {
		hub = model_member(job, i);
		if (!weft_seen_is_hub(hub, job->self))
			continue;
		bad = weft_seen_add(&job->seen, job->fleet, hub, job->self, &job->prefixes);
		if (bad)
			model_say(job,
				  "hub %s tells of %zu endpoints of other nodes that are inside the tunnel, or not the address of a host: they are left out",
				  hub->name, bad);
	}
	weft_seen_sort(&job->seen);
}

static void model_give_endpoints(struct model_job *job)
{
	size_t i;

	for (i = 0; i < job->fleet->count && !job->failed; i++)
		if (job->peers[i])
			model_give_endpoint(job, i);
}

/* The interface. */

static void model_give_addresses(struct model_job *job)
{
	const struct weft_prefixes *addresses = &job->self->node->addresses;
	struct weft_route *address;
	size_t i;

	for (i = 0; i < addresses->count; i++) {
		address = weft_host_routes_add(&job->model->profile->addresses);
		if (!address) {
			job->failed = true;
			return;
		}
		address->prefix = addresses->items[i];
		address->protocol = WEFT_PROTOCOL;
	}
}

/* A hub forwards packets of other nodes, and a node with prefixes those of its networks. */
static bool model_forwards(const struct weft_fleet_record *node)
{
	return node->hub || node->prefixes.count;
}

static void model_give_keys(struct model_job *job)
{
	struct weft_profile *profile = job->model->profile;
	struct weft_device *dev = profile->dev;

	/* A complete configuration, as a file's: omitted settings are off. */
	dev->has = WEFT_DEVICE_HAS_PRIVATE_KEY | WEFT_DEVICE_HAS_LISTEN_PORT |
		   WEFT_DEVICE_HAS_FWMARK | WEFT_DEVICE_HAS_LISTEN_ADDRESS |
		   WEFT_DEVICE_HAS_BIND_DEVICE | WEFT_DEVICE_REPLACE_PEERS;
	dev->private_key = job->own->private_key;
	dev->listen_port = job->own->port ? job->own->port : job->fleet->terms->port;
	profile->previous_key = job->own->previous_key;
	profile->grace_until = job->own->grace_until;
	profile->mtu = job->fleet->terms->mtu;
	profile->forwarding = model_forwards(job->self->node) ? WEFT_SWITCH_ON : WEFT_SWITCH_NONE;
}

static bool model_begin(struct model_job *job)
{
	struct weft_profile *profile = calloc(1, sizeof(*profile));

	job->model->profile = profile;
	if (!profile)
		return false;
	snprintf(profile->name, sizeof(profile->name), "%s", job->fleet->name);
	profile->dev = weft_model_device_new(profile->name);
	job->peers = calloc(job->fleet->count + 1, sizeof(*job->peers));
	job->keys = calloc(2 * job->fleet->count + 1, sizeof(*job->keys));
	if (!weft_key_is_zero(&job->own->private_key))
		weft_key_derive_public(&job->own_key, &job->own->private_key);
	return profile->dev && job->peers && job->keys &&
	       weft_paths_begin(&job->paths, job->fleet, job->self);
}

static bool model_run(struct model_job *job)
{
	if (!model_begin(job) || !weft_prefix_table_fill(&job->prefixes, job->fleet))
		return false;
	model_list_keys(job);
	model_give_keys(job);
	model_give_addresses(job);
	model_list_peers(job);
	model_give_prefixes(job);
	model_list_seen(job);
	model_give_endpoints(job);
	return !job->failed;
}

static void model_end(struct model_job *job)
{
	weft_paths_end(&job->paths);
	free(job->peers);
	free(job->keys);
	weft_prefix_table_free(&job->prefixes);
	weft_seen_free(&job->seen);
}

static bool model_refuse(struct weft_refusal *why, const char *fmt, const char *name)
{
	snprintf(why->text, sizeof(why->text), fmt, name);
	return false;
}

bool weft_fleet_model(const struct weft_fleet *fleet, const struct weft_fleet_own *own,
		      struct weft_fleet_model *model, struct weft_refusal *why)
{
	struct model_job job = { .fleet = fleet, .own = own, .model = model };
	bool good;

	memset(model, 0, sizeof(*model));
	job.self = weft_fleet_find(fleet, own->node);
	if (!fleet->terms)
		return model_refuse(why, "no record of fleet '%s' is known", fleet->name);
	if (!job.self || !job.self->node)
		return model_refuse(why, "node '%s' is not admitted", own->node);
	if (!weft_member_is_in(job.self))
		return model_refuse(why, "node '%s' is revoked", own->node);
	good = model_run(&job);
	model_end(&job);
	if (good)
		return true;
	weft_fleet_model_free(model);
	return model_refuse(why, "out of memory%s", "");
}

void weft_fleet_model_free(struct weft_fleet_model *model)
{
	weft_profile_free(model->profile);
	weft_profile_words_free(&model->problems);
	weft_profile_words_free(&model->silent);
	memset(model, 0, sizeof(*model));
}
