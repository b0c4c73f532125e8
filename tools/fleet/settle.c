// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/settle.h"
#include "model/format.h"

/* A prefix of the model, and its peer. */
struct settle_prefix {
	struct weft_allowedip *ip;
	struct weft_peer *peer;
};

/* A key that the fleet has made a peer of, and the number of its node. */
struct settle_made {
	struct weft_key key;
	size_t member;
};

/* A key among those of a peer, of the model or of the interface. */
struct settle_key {
	struct weft_key key;
	const struct weft_peer *peer;
};

struct settle_keys {
	struct settle_key *items;
	size_t count;
};

/**
 * struct settle_job - one fitting
 * @fleet: the fleet
 * @model: the model
 * @have: the interface
 * @index: its peers by key
 * @claimed: the keys that the model gives to peers, next ones included
 * @held: the previous and next keys of the interface's peers
 * @wanted: the keys of the model's peers, and of their next keys, sorted
 * @wanted_count: their number
 * @made: keys that the fleet has made, sorted
 * @made_count: their number
 * @has_peer: by number of the member: the model has a peer of it
 * @prefixes: the prefixes of the model, sorted
 * @prefix_count: their number
 * @failed: memory was short
 */
struct settle_job {
	struct weft_fleet *fleet;
	struct weft_fleet_model *model;
	const struct weft_device *have;
	struct weft_peer_index index;
	struct settle_keys claimed;
	struct settle_keys held;
	struct weft_key *wanted;
	size_t wanted_count;
	struct settle_made *made;
	size_t made_count;
	bool *has_peer;
	struct settle_prefix *prefixes;
	size_t prefix_count;
	bool failed;
};

static void settle_say(struct settle_job *job, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	job->failed |= !weft_profile_words_print(&job->model->problems, fmt, args);
	va_end(args);
}

static int settle_compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct weft_key));
}

static bool settle_has_key(const struct weft_key *keys, size_t count, const struct weft_key *key)
{
	return count && bsearch(key, keys, count, sizeof(*keys), settle_compare_keys);
}

/* Keys of peers. */

static void settle_add_key(struct settle_keys *keys, const struct weft_key *key,
			   const struct weft_peer *peer)
{
	keys->items[keys->count++] = (struct settle_key){ *key, peer };
}

/* The previous and next keys of peers, and on request the current ones. */
static bool settle_list_all_keys(struct settle_keys *keys, const struct weft_device *dev, bool now)
{
	const struct weft_peer *peer;

	keys->items = calloc(3 * weft_model_peer_count(dev) + 1, sizeof(*keys->items));
	if (!keys->items)
		return false;
	for (peer = dev->peers; peer; peer = peer->next) {
		if (now)
			settle_add_key(keys, &peer->public_key, peer);
		if (peer->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY)
			settle_add_key(keys, &peer->next_public_key, peer);
		if (peer->has & WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY)
			settle_add_key(keys, &peer->previous_public_key, peer);
	}
	/* The key is the first member of an entry. */
	qsort(keys->items, keys->count, sizeof(*keys->items), settle_compare_keys);
	return true;
}

static const struct weft_peer *settle_find_key(const struct settle_keys *keys,
					       const struct weft_key *key)
{
	const struct settle_key *found = NULL;

	if (keys->count)
		found = bsearch(key, keys->items, keys->count, sizeof(*found), settle_compare_keys);
	return found ? found->peer : NULL;
}

/*
 * The node's older key that the interface has: a machine that was away during a
 * rotation has it. Only weft's links take a next key. A key of a former admission
 * is not kept: it may be in other hands; nor is one that another node has now.
 */
static const struct weft_key *settle_older_key(const struct settle_job *job,
					       const struct weft_member *member)
{
	size_t i;

	for (i = 0; i < member->made.count; i++)
		if (weft_model_index_find(&job->index, &member->made.items[i]) &&
		    !settle_find_key(&job->claimed, &member->made.items[i]))
			return &member->made.items[i];
	return NULL;
}

/* The entry of a key that the fleet has made a peer of, or NULL. */
static const struct settle_made *settle_find_entry(const struct settle_job *job,
						   const struct weft_key *key)
{
	return bsearch(key, job->made, job->made_count, sizeof(*job->made), settle_compare_keys);
}

/* Whether the fleet has made a peer of another node, and none of @member, of the key. */
static bool settle_is_others(const struct settle_job *job, const struct weft_member *member,
			     const struct weft_key *key)
{
	return settle_find_entry(job, key) && !weft_keys_have(&member->made, key) &&
	       !weft_keys_have(&member->former, key);
}

/* The interface's peer under the next key of @peer, unless it is another node's. */
static const struct weft_peer *settle_find_next(const struct settle_job *job,
						const struct weft_peer *peer)
{
	const struct weft_member *member = weft_fleet_find(job->fleet, peer->name);
	const struct weft_key *key = &peer->next_public_key;

	if (!(peer->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY) ||
	    settle_is_others(job, member, key))
		return NULL;
	return weft_model_index_find(&job->index, key);
}

static bool settle_is_there(const struct settle_job *job, const struct weft_peer *peer)
{
	return weft_model_index_find(&job->index, &peer->public_key) || settle_find_next(job, peer);
}

static void settle_keep_key(struct settle_job *job, struct weft_peer *peer)
{
	const struct weft_member *member = weft_fleet_find(job->fleet, peer->name);
	const struct weft_key *older;

	if (job->have->kind != WEFT_KIND_WEFT || settle_is_there(job, peer))
		return;
	older = settle_older_key(job, member);
	if (!older)
		return;
	peer->next_public_key = peer->public_key;
	peer->has |= WEFT_PEER_HAS_NEXT_PUBLIC_KEY;
	peer->public_key = *older;
}

static void settle_keep_keys(struct settle_job *job)
{
	struct weft_peer *peer;

	for (peer = job->model->profile->dev->peers; peer; peer = peer->next)
		settle_keep_key(job, peer);
}

/* Memory of keys. */

static void settle_list_keys(struct settle_job *job, const struct weft_keys *keys, size_t member)
{
	size_t i;

	for (i = 0; i < keys->count; i++)
		job->made[job->made_count++] = (struct settle_made){ keys->items[i], member };
}

static bool settle_list_made(struct settle_job *job)
{
	const struct weft_fleet *fleet = job->fleet;
	size_t i, count = 0;

	for (i = 0; i < fleet->count; i++)
		count += fleet->members[i].made.count + fleet->members[i].former.count;
	job->made = calloc(count + 1, sizeof(*job->made));
	if (!job->made)
		return false;
	for (i = 0; i < fleet->count; i++) {
		settle_list_keys(job, &fleet->members[i].made, i);
		settle_list_keys(job, &fleet->members[i].former, i);
	}
	/* The key is the first member of an entry. */
	qsort(job->made, job->made_count, sizeof(*job->made), settle_compare_keys);
	return true;
}

static bool settle_list_members(struct settle_job *job)
{
	const struct weft_peer *peer;

	job->has_peer = calloc(job->fleet->count + 1, sizeof(*job->has_peer));
	if (!job->has_peer)
		return false;
	for (peer = job->model->profile->dev->peers; peer; peer = peer->next)
		job->has_peer[weft_fleet_find(job->fleet, peer->name) - job->fleet->members] = true;
	return true;
}

/* The entry of a peer's key, or of its previous key; NULL: the fleet did not make it. */
static const struct settle_made *settle_find_made(const struct settle_job *job,
						  const struct weft_peer *have)
{
	const struct settle_made *made = settle_find_entry(job, &have->public_key);

	if (made || !(have->has & WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY))
		return made;
	return settle_find_entry(job, &have->previous_public_key);
}

/* The interface's peer whose current, previous or next key it is, as the kernel finds it. */
static const struct weft_peer *settle_holder(const struct settle_job *job,
					     const struct weft_key *key)
{
	return weft_model_index_find(&job->index, key) ?: settle_find_key(&job->held, key);
}

/* The interface's peer that @peer is, which may be under its next key already. */
static const struct weft_peer *settle_same(const struct settle_job *job,
					   const struct weft_peer *peer)
{
	return settle_holder(job, &peer->public_key) ?: settle_find_next(job, peer);
}

/*
 * A node that has lent its key to another one may have it as a key of its peer here. The kernel
 * refuses such a next key, and with it all that is sent at once: it waits until that peer has
 * another key, or has gone.
 */
static void settle_lend_next(struct settle_job *job, struct weft_peer *peer)
{
	const struct weft_peer *holder;

	if (!(peer->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY))
		return;
	holder = settle_holder(job, &peer->next_public_key);
	if (!holder || holder == settle_same(job, peer))
		return;
	peer->has &= ~WEFT_PEER_HAS_NEXT_PUBLIC_KEY;
	memset(&peer->next_public_key, 0, sizeof(peer->next_public_key));
	settle_say(job,
		   "node %s announces a key that peer %s of the interface has: it does not get that key yet",
		   peer->name, weft_format_peer(holder).chars);
}

/* Whether it has a previous or next key of another node's peer of the interface. */
static bool settle_is_lent(struct settle_job *job, const struct weft_peer *peer)
{
	const struct weft_member *member = weft_fleet_find(job->fleet, peer->name);
	const struct weft_peer *have = settle_same(job, peer);
	const struct settle_made *made;

	if (!have || weft_key_equal(&have->public_key, &peer->public_key) ||
	    (peer->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY &&
	     weft_key_equal(&have->public_key, &peer->next_public_key)))
		return false;
	made = settle_find_made(job, have);
	if (!made || weft_keys_have(&member->made, &have->public_key) ||
	    &job->fleet->members[made->member] == member)
		return false;
	settle_say(job,
		   "node %s has a key that was of peer %s of the interface: it is no peer until that one has gone",
		   peer->name, weft_format_peer(have).chars);
	return true;
}

static void settle_lend_keys(struct settle_job *job)
{
	struct weft_device *dev = job->model->profile->dev;
	struct weft_peer *peer;

	for (peer = dev->peers; peer; peer = peer->next) {
		peer->drop = settle_is_lent(job, peer);
		if (!peer->drop)
			settle_lend_next(job, peer);
	}
	weft_model_peers_prune(dev);
}

static bool settle_list_wanted(struct settle_job *job)
{
	const struct weft_device *dev = job->model->profile->dev;
	const struct weft_peer *peer;

	job->wanted = calloc(2 * weft_model_peer_count(dev) + 1, sizeof(*job->wanted));
	if (!job->wanted)
		return false;
	for (peer = dev->peers; peer; peer = peer->next) {
		job->wanted[job->wanted_count++] = peer->public_key;
		if (peer->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY)
			job->wanted[job->wanted_count++] = peer->next_public_key;
	}
	qsort(job->wanted, job->wanted_count, sizeof(*job->wanted), settle_compare_keys);
	return true;
}

/* A key that no peer of the interface has any more is forgotten. */
static void settle_forget(struct settle_job *job, struct weft_keys *keys)
{
	size_t i, kept = 0;

	for (i = 0; i < keys->count; i++)
		if (job->have && weft_model_index_find(&job->index, &keys->items[i]))
			keys->items[kept++] = keys->items[i];
	keys->count = kept;
}

static void settle_remember_key(struct settle_job *job, struct weft_member *member,
				const struct weft_key *key)
{
	if (!weft_keys_have(&member->made, key))
		job->failed |= !weft_keys_add(&member->made, key);
}

static void settle_remember(struct settle_job *job)
{
	struct weft_member *member;
	struct weft_peer *peer;
	size_t i;

	for (i = 0; i < job->fleet->count; i++) {
		settle_forget(job, &job->fleet->members[i].made);
		settle_forget(job, &job->fleet->members[i].former);
	}
	for (peer = job->model->profile->dev->peers; peer; peer = peer->next) {
		member = weft_fleet_find(job->fleet, peer->name);
		settle_remember_key(job, member, &peer->public_key);
		if (peer->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY)
			settle_remember_key(job, member, &peer->next_public_key);
	}
}

/* Peers that the fleet did not make. */

static int settle_compare_prefixes(const void *a, const void *b)
{
	return weft_model_allowedip_compare(((const struct settle_prefix *)a)->ip,
					    ((const struct settle_prefix *)b)->ip);
}

static bool settle_list_prefixes(struct settle_job *job)
{
	struct weft_allowedip *ip;
	struct weft_peer *peer;
	size_t count = 0;

	for (peer = job->model->profile->dev->peers; peer; peer = peer->next)
		for (ip = peer->allowedips; ip; ip = ip->next)
			count++;
	job->prefixes = calloc(count + 1, sizeof(*job->prefixes));
	if (!job->prefixes)
		return false;
	for (peer = job->model->profile->dev->peers; peer; peer = peer->next)
		for (ip = peer->allowedips; ip; ip = ip->next)
			job->prefixes[job->prefix_count++] = (struct settle_prefix){ ip, peer };
	qsort(job->prefixes, count, sizeof(*job->prefixes), settle_compare_prefixes);
	return true;
}

static void settle_yield_prefix(struct settle_job *job, struct weft_allowedip *ip,
				const struct weft_peer *other)
{
	const struct settle_prefix wanted = { .ip = ip };
	struct settle_prefix *found;

	found = bsearch(&wanted, job->prefixes, job->prefix_count, sizeof(wanted),
			settle_compare_prefixes);
	if (!found || found->ip->drop)
		return;
	found->ip->drop = true;
	settle_say(job,
		   "prefix %s/%u of node %s belongs to peer %s, which is not of the fleet, and stays there",
		   weft_format_address(ip).chars, ip->cidr, found->peer->name,
		   weft_format_peer(other).chars);
}

static void settle_yield_name(struct settle_job *job, const struct weft_peer *other)
{
	struct weft_peer *peer;

	if (!other->name)
		return;
	for (peer = job->model->profile->dev->peers; peer; peer = peer->next) {
		if (!peer->name || strcmp(peer->name, other->name))
			continue;
		settle_say(job, "a peer that is not of the fleet has the name %s: node %s has none",
			   other->name, other->name);
		free(peer->name);
		peer->name = NULL;
		return;
	}
}

static void settle_yield_prefixes(struct settle_job *job, const struct weft_peer *other)
{
	struct weft_allowedip *ip;

	for (ip = other->allowedips; ip; ip = ip->next)
		settle_yield_prefix(job, ip, other);
}

/* Whether a peer of the interface is one of the model's, under any of its keys. */
static bool settle_is_wanted(const struct settle_job *job, const struct weft_peer *have)
{
	return settle_has_key(job->wanted, job->wanted_count, &have->public_key) ||
	       (have->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY &&
		settle_has_key(job->wanted, job->wanted_count, &have->next_public_key)) ||
	       (have->has & WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY &&
		settle_has_key(job->wanted, job->wanted_count, &have->previous_public_key));
}

/* The removal of a peer may wait, and the peer may change over to its next key meanwhile. */
static void settle_follow(struct settle_job *job, struct weft_keys *former,
			  const struct weft_peer *have)
{
	if (!weft_keys_have(former, &have->public_key))
		job->failed |= !weft_keys_add(former, &have->public_key);
	if (have->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY &&
	    !weft_keys_have(former, &have->next_public_key))
		job->failed |= !weft_keys_add(former, &have->next_public_key);
}

static bool settle_is_revoked(const struct settle_job *job, size_t member)
{
	return job->fleet->members[member].revoked &&
	       !weft_member_is_in(&job->fleet->members[member]);
}

/* The revoked ones come first. */
static void settle_add_gone(struct settle_job *job, struct weft_settle *settle, size_t member,
			    const struct weft_key *key)
{
	struct weft_keys *gone = &settle->gone;

	if (!weft_keys_add(gone, key)) {
		job->failed = true;
		return;
	}
	if (!settle_is_revoked(job, member))
		return;
	gone->items[gone->count - 1] = gone->items[settle->revoked];
	gone->items[settle->revoked++] = *key;
}

/*
 * Where a link cannot change a peer's key, the peer of the new key takes the place of
 * the former one, which is no removal of a node.
 */
static void settle_sort_peer(struct settle_job *job, struct weft_settle *settle,
			     const struct weft_peer *have)
{
	const struct settle_made *made = settle_find_made(job, have);

	if (settle_is_wanted(job, have)) {
		settle->ours++;
	} else if (made) {
		settle->ours++;
		settle_follow(job, &job->fleet->members[made->member].former, have);
		if (job->has_peer[made->member])
			job->failed |= !weft_keys_add(&settle->replaced, &have->public_key);
		else
			settle_add_gone(job, settle, made->member, &have->public_key);
	} else {
		settle_yield_prefixes(job, have);
	}
}

/* After all prefixes, whose messages have the nodes' names. */
static void settle_yield_names(struct settle_job *job)
{
	const struct weft_peer *have;

	for (have = job->have ? job->have->peers : NULL; have; have = have->next)
		if (!settle_is_wanted(job, have) && !settle_find_made(job, have))
			settle_yield_name(job, have);
}

static void settle_prune(struct settle_job *job)
{
	struct weft_peer *peer;

	for (peer = job->model->profile->dev->peers; peer; peer = peer->next)
		weft_model_allowedips_prune(peer);
}

static bool settle_fit_keys(struct settle_job *job)
{
	if (!settle_list_all_keys(&job->claimed, job->model->profile->dev, true) ||
	    !settle_list_all_keys(&job->held, job->have, false))
		return false;
	settle_keep_keys(job);
	/* Only weft's links have previous and next keys. */
	if (job->have->kind == WEFT_KIND_WEFT)
		settle_lend_keys(job);
	return true;
}

static bool settle_run(struct settle_job *job, struct weft_settle *settle)
{
	const struct weft_peer *have;

	if (!settle_list_made(job) || (job->have && !settle_fit_keys(job)) ||
	    !settle_list_members(job) || !settle_list_prefixes(job) || !settle_list_wanted(job))
		return false;
	settle_remember(job);
	for (have = job->have ? job->have->peers : NULL; have && !job->failed; have = have->next)
		settle_sort_peer(job, settle, have);
	settle_yield_names(job);
	settle_prune(job);
	return !job->failed;
}

bool weft_settle(struct weft_fleet *fleet, struct weft_fleet_model *model,
		 const struct weft_device *have, struct weft_settle *settle)
{
	struct settle_job job = { .fleet = fleet, .model = model, .have = have };
	bool good;

	memset(settle, 0, sizeof(*settle));
	model->profile->dev->keeps_others = true;
	good = (!have || weft_model_index(have, &job.index)) && settle_run(&job, settle);
	weft_model_index_free(&job.index);
	free(job.claimed.items);
	free(job.held.items);
	free(job.wanted);
	free(job.made);
	free(job.has_peer);
	free(job.prefixes);
	return good;
}

static bool settle_remove(struct weft_device *dev, const struct weft_keys *keys, size_t count)
{
	struct weft_peer *peer;
	size_t i;

	for (i = 0; i < count; i++) {
		peer = weft_model_peer_add(dev);
		if (!peer)
			return false;
		peer->public_key = keys->items[i];
		peer->has = WEFT_PEER_HAS_PUBLIC_KEY | WEFT_PEER_REMOVE;
	}
	return true;
}

bool weft_settle_remove(struct weft_fleet_model *model, const struct weft_settle *settle,
			size_t gone)
{
	struct weft_device *dev = model->profile->dev;

	return settle_remove(dev, &settle->replaced, settle->replaced.count) &&
	       settle_remove(dev, &settle->gone, gone);
}

bool weft_settle_is_much(const struct weft_settle *settle)
{
	return settle->gone.count > 1 && 10 * settle->gone.count > settle->ours;
}

void weft_settle_free(struct weft_settle *settle)
{
	weft_keys_free(&settle->gone);
	weft_keys_free(&settle->replaced);
}
