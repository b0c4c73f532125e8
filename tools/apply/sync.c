// SPDX-License-Identifier: GPL-2.0
#include <linux/weft.h>
#include <stdlib.h>
#include <string.h>

#include "apply/alias.h"
#include "apply/sync.h"
#include "model/attr.h"
#include "model/model.h"

/* A peer, and its number in the file, which decides between two of one key. */
struct sync_peer {
	struct weft_peer *peer;
	size_t order;
};

/* All peers of a device, sorted by their keys. */
struct sync_peers {
	struct sync_peer *entries;
	size_t count;
};

/* A prefix, and its number in the file, which decides about its owner. */
struct sync_prefix {
	struct weft_allowedip *ip;
	size_t order;
};

/* Prefixes, sorted. */
struct sync_prefixes {
	struct sync_prefix *entries;
	size_t count;
};

static int sync_compare_order(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

static int sync_compare_keys(const struct weft_peer *a,
			     const struct weft_peer *b)
{
	return memcmp(a->public_key.bytes, b->public_key.bytes, WEFT_KEY_BYTES);
}

static int sync_compare_peers(const void *a, const void *b)
{
	const struct sync_peer *x = a, *y = b;
	int diff = sync_compare_keys(x->peer, y->peer);

	return diff ? diff : sync_compare_order(x->order, y->order);
}

static int sync_compare_prefixes(const void *a, const void *b)
{
	const struct sync_prefix *x = a, *y = b;
	int diff = weft_model_allowedip_compare(x->ip, y->ip);

	return diff ? diff : sync_compare_order(x->order, y->order);
}

static bool sync_sort_peers(struct sync_peers *peers,
			    const struct weft_device *dev)
{
	struct weft_peer *peer;
	size_t i = 0;

	peers->count = weft_model_peer_count(dev);
	/* One more than needed: calloc() of 0 entries may return NULL. */
	peers->entries = calloc(peers->count + 1, sizeof(*peers->entries));
	if (!peers->entries)
		return false;
	for (peer = dev->peers; peer; peer = peer->next, i++)
		peers->entries[i] = (struct sync_peer){ peer, i };
	qsort(peers->entries, peers->count, sizeof(*peers->entries),
	      sync_compare_peers);
	return true;
}

static size_t sync_count_prefixes(const struct weft_peer *peer, bool all)
{
	const struct weft_allowedip *ip;
	size_t count = 0;

	for (; peer; peer = all ? peer->next : NULL)
		for (ip = peer->allowedips; ip; ip = ip->next)
			count++;
	return count;
}

/* The prefixes of @peer, or with @all also of the following peers, masked as in the kernel. */
static bool sync_sort_prefixes(struct sync_prefixes *prefixes,
			       struct weft_peer *peer, bool all)
{
	struct weft_allowedip *ip;
	size_t i = 0;

	prefixes->count = sync_count_prefixes(peer, all);
	prefixes->entries = calloc(prefixes->count + 1,
				   sizeof(*prefixes->entries));
	if (!prefixes->entries)
		return false;
	for (; peer; peer = all ? peer->next : NULL) {
		for (ip = peer->allowedips; ip; ip = ip->next, i++) {
			weft_model_allowedip_mask(ip);
			prefixes->entries[i] = (struct sync_prefix){ ip, i };
		}
	}
	qsort(prefixes->entries, prefixes->count, sizeof(*prefixes->entries),
	      sync_compare_prefixes);
	return true;
}

/*
 * A prefix of two peers belongs to the last of them, as after a setconf. Otherwise
 * each sync would move it to and fro.
 */
static bool sync_settle_prefixes(struct weft_device *want)
{
	struct sync_prefixes all;
	struct weft_peer *peer;
	size_t i;

	if (!sync_sort_prefixes(&all, want->peers, true))
		return false;
	for (i = 0; i + 1 < all.count; i++)
		all.entries[i].ip->drop =
			!weft_model_allowedip_compare(all.entries[i].ip,
						      all.entries[i + 1].ip);
	for (peer = want->peers; peer; peer = peer->next)
		weft_model_allowedips_prune(peer);
	free(all.entries);
	return true;
}

static void sync_inherit_endpoint(struct weft_peer *later,
				  struct weft_peer *peer)
{
	later->endpoint = peer->endpoint;
	free(later->candidates);
	later->candidates = peer->candidates;
	later->candidate_count = peer->candidate_count;
	peer->candidates = NULL;
	peer->candidate_count = 0;
}

/*
 * Of a repeated peer the last entry counts; only an endpoint that the last entry
 * lacks is taken from an earlier one.
 */
static bool sync_settle_peers(struct weft_device *want)
{
	struct sync_peers peers;
	struct weft_peer *peer, *later;
	size_t i;

	if (!sync_sort_peers(&peers, want))
		return false;
	for (i = 0; i + 1 < peers.count; i++) {
		peer = peers.entries[i].peer;
		later = peers.entries[i + 1].peer;
		peer->drop = !sync_compare_keys(peer, later);
		if (peer->drop && later->endpoint.any.sa_family == AF_UNSPEC)
			sync_inherit_endpoint(later, peer);
	}
	free(peers.entries);
	weft_model_peers_prune(want);
	return true;
}

/* Marks common prefixes in @want, and prefixes that only @have has in @have. */
static void sync_match_prefixes(const struct sync_prefixes *have,
				const struct sync_prefixes *want)
{
	size_t h, w = 0;
	int diff;

	for (h = 0; h < have->count; h++) {
		diff = -1;
		while (w < want->count) {
			diff = weft_model_allowedip_compare(have->entries[h].ip,
							    want->entries[w].ip);
			if (diff <= 0)
				break;
			w++;
			diff = -1;
		}
		have->entries[h].ip->drop = diff < 0;
		if (!diff)
			want->entries[w++].ip->drop = true;
	}
}

static bool sync_add_removals(struct weft_peer *want,
			      const struct weft_peer *have)
{
	const struct weft_allowedip *gone;
	struct weft_allowedip *ip;

	for (gone = have->allowedips; gone; gone = gone->next) {
		if (!gone->drop)
			continue;
		ip = weft_model_allowedip_add(want);
		if (!ip)
			return false;
		ip->family = gone->family;
		ip->cidr = gone->cidr;
		ip->ip6 = gone->ip6;
		ip->remove = true;
	}
	return true;
}

static bool sync_any_dropped(const struct weft_peer *peer)
{
	const struct weft_allowedip *ip;

	for (ip = peer->allowedips; ip; ip = ip->next)
		if (ip->drop)
			return true;
	return false;
}

/*
 * Unchanged prefixes are not sent, so that no prefix is missing in between. Where
 * the kernel cannot remove a single prefix, the complete list is replaced.
 */
static bool sync_cut_prefixes(struct weft_peer *want,
			      const struct weft_peer *have, bool is_weft)
{
	struct weft_allowedip *ip;

	if (sync_any_dropped(have) && !is_weft) {
		for (ip = want->allowedips; ip; ip = ip->next)
			ip->drop = false;
		return true;
	}
	want->has &= ~WEFT_PEER_REPLACE_ALLOWEDIPS;
	weft_model_allowedips_prune(want);
	return sync_add_removals(want, have);
}

static bool sync_reduce_prefixes(struct weft_peer *want,
				 struct weft_peer *have, bool is_weft)
{
	struct sync_prefixes h = { }, w = { };
	bool good;

	good = sync_sort_prefixes(&h, have, false) &&
	       sync_sort_prefixes(&w, want, false);
	if (good) {
		sync_match_prefixes(&h, &w);
		good = sync_cut_prefixes(want, have, is_weft);
	}
	free(h.entries);
	free(w.entries);
	return good;
}

static bool sync_same_name(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* The peer has a session, so its present endpoint is valid. */
static bool sync_is_alive(const struct weft_peer *have)
{
	return have->known & WEFT_ATTR_BIT(WEFT_PEER_A_STATE) &&
	       (have->state == WEFT_PEER_STATE_UP ||
		have->state == WEFT_PEER_STATE_SILENT);
}

/* One that stops to answer is the kernel's affair: it tries the candidates. */
static bool sync_answers(const struct weft_peer *have)
{
	return have->known & WEFT_ATTR_BIT(WEFT_PEER_A_STATE) &&
	       have->state == WEFT_PEER_STATE_UP &&
	       have->endpoint.any.sa_family != AF_UNSPEC;
}

/*
 * Whether the peer's endpoint stays. The kernel keeps the candidates of the last
 * request: while they equal the file's, the endpoint was learnt from the peer, or
 * is the candidate being tried. With a single candidate the kernel tries no other
 * endpoint, so that without a session the candidate is set again.
 */
static bool sync_stays(const struct weft_peer *want,
		       const struct weft_peer *have)
{
	if (weft_model_candidate_find(want, &have->endpoint))
		return true;
	if (want->has & WEFT_PEER_HAS_CANDIDATES)
		return want->keeps_endpoint && sync_answers(have);
	return want->candidate_count > 1 || sync_is_alive(have);
}

/* An endpoint stays while its name has no address. */
static void sync_keep_endpoint(struct weft_peer *want,
			       const struct weft_peer *have, bool is_weft)
{
	if (!want->unresolved || have->endpoint.any.sa_family == AF_UNSPEC)
		return;
	want->endpoint.any.sa_family = AF_UNSPEC;
	if (!is_weft)
		want->has &= ~WEFT_PEER_HAS_CANDIDATES;
}

static bool sync_reduce_endpoint(struct weft_peer *want,
				 const struct weft_peer *have, bool is_weft)
{
	if (!is_weft || want->roam == have->roam)
		want->has &= ~WEFT_PEER_HAS_ROAM;
	sync_keep_endpoint(want, have, is_weft);
	if (is_weft && !weft_model_candidates_keep(want, have))
		return false;
	if (!is_weft || weft_model_candidates_equal(want, have))
		want->has &= ~WEFT_PEER_HAS_CANDIDATES;
	if (weft_model_endpoint_equal(&want->endpoint, &have->endpoint) ||
	    (is_weft && want->candidate_count && sync_stays(want, have)))
		want->endpoint.any.sa_family = AF_UNSPEC;
	return true;
}

static void sync_reduce_settings(struct weft_peer *want,
				 const struct weft_peer *have)
{
	/* An all-zero key stands for none, on both sides. */
	if (weft_key_equal(&want->preshared_key, &have->preshared_key) ||
	    weft_alias_of_preshared(want, have))
		want->has &= ~WEFT_PEER_HAS_PRESHARED_KEY;
	if (want->keepalive == have->keepalive)
		want->has &= ~WEFT_PEER_HAS_KEEPALIVE;
	want->has &= ~WEFT_PEER_HAS_NAME;
	if (!sync_same_name(want->name, have->name))
		want->has |= WEFT_PEER_HAS_NAME;
}

static bool sync_peer_is_same(const struct weft_peer *change)
{
	return !change->allowedips &&
	       change->endpoint.any.sa_family == AF_UNSPEC &&
	       !(change->has & (WEFT_PEER_HAS_PRESHARED_KEY |
				WEFT_PEER_HAS_KEEPALIVE | WEFT_PEER_HAS_NAME |
				WEFT_PEER_HAS_CANDIDATES | WEFT_PEER_HAS_ROAM |
				WEFT_PEER_HAS_NEXT_PUBLIC_KEY |
				WEFT_PEER_HAS_NEXT_PRESHARED_KEY |
				WEFT_PEER_HAS_GRACE |
				WEFT_PEER_REPLACE_ALLOWEDIPS));
}

static bool sync_reduce_peer(struct weft_peer *want, struct weft_peer *have,
			     bool is_weft)
{
	if (want->has & WEFT_PEER_REMOVE) {
		want->drop = false;
		return true;
	}
	sync_reduce_settings(want, have);
	if (!sync_reduce_endpoint(want, have, is_weft))
		return false;
	weft_alias_reduce(want, have, is_weft);
	if (!is_weft)
		want->has &= ~WEFT_PEER_HAS_NAME;
	if (!sync_reduce_prefixes(want, have, is_weft))
		return false;
	want->drop = sync_peer_is_same(want);
	/* Another process may remove the peer meanwhile: it must not be recreated in part. */
	want->has |= WEFT_PEER_UPDATE_ONLY;
	return true;
}

static bool sync_remove_peer(struct weft_device *want,
			     const struct weft_peer *have)
{
	struct weft_peer *peer = weft_model_peer_add(want);

	if (!peer)
		return false;
	peer->public_key = have->public_key;
	peer->has = WEFT_PEER_HAS_PUBLIC_KEY | WEFT_PEER_REMOVE;
	return true;
}

/* A peer that another process has removed meanwhile needs no removal. */
static void sync_drop_removals(struct weft_device *change)
{
	struct weft_peer *peer;

	for (peer = change->peers; peer; peer = peer->next)
		peer->drop = peer->has & WEFT_PEER_REMOVE;
}

/*
 * Walks both sides in the order of their keys, each peer once. Removals are sent
 * last, so that a prefix that moves to another peer always has an owner.
 */
static bool sync_walk_peers(const struct sync_peers *have,
			    const struct sync_peers *want,
			    struct weft_device *change, bool is_weft)
{
	size_t h, w = 0;
	bool good = true;
	int diff;

	for (h = 0; good && h < have->count; h++) {
		diff = -1;
		while (w < want->count) {
			diff = sync_compare_keys(have->entries[h].peer,
						 want->entries[w].peer);
			if (diff <= 0)
				break;
			w++;
			diff = -1;
		}
		if (diff)
			good = change->keeps_others ||
			       sync_remove_peer(change, have->entries[h].peer);
		else
			good = sync_reduce_peer(want->entries[w++].peer,
						have->entries[h].peer,
						is_weft);
	}
	return good;
}

static bool sync_reduce_peers(const struct weft_device *have,
			      struct weft_device *want)
{
	struct sync_peers h = { }, w = { };
	bool good;

	sync_drop_removals(want);
	good = sync_sort_peers(&h, have) && sync_sort_peers(&w, want) &&
	       sync_walk_peers(&h, &w, want, have->kind == WEFT_KIND_WEFT);
	free(h.entries);
	free(w.entries);
	weft_model_peers_prune(want);
	return good;
}

static int sync_compare_names(const void *a, const void *b)
{
	const struct weft_peer * const *x = a, * const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* Whether another peer of the change gets @have's name. */
static bool sync_name_goes(struct weft_peer **named, size_t count,
			   const struct weft_peer *have)
{
	struct weft_peer **found;

	if (!have->name)
		return false;
	found = bsearch(&have, named, count, sizeof(*named),
			sync_compare_names);
	return found && !weft_key_equal(&(*found)->public_key,
					&have->public_key);
}

static bool sync_free_name(struct weft_device *change,
			   const struct weft_peer *have)
{
	struct weft_peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return false;
	peer->public_key = have->public_key;
	peer->has = WEFT_PEER_HAS_PUBLIC_KEY | WEFT_PEER_UPDATE_ONLY |
		    WEFT_PEER_HAS_NAME;
	peer->next = change->peers;
	change->peers = peer;
	return true;
}

/*
 * A name that moves from one peer to another is removed first of all: the kernel
 * checks each message by itself, and the peers may be in different messages.
 */
static bool sync_free_names(const struct weft_device *have,
			    struct weft_device *change)
{
	size_t count = weft_model_peer_count(change), i = 0;
	struct weft_peer **named = calloc(count + 1, sizeof(*named)), *peer;
	const struct weft_peer *before;
	bool good = named;

	for (peer = change->peers; good && peer; peer = peer->next)
		if (peer->has & WEFT_PEER_HAS_NAME && peer->name)
			named[i++] = peer;
	if (i)
		qsort(named, i, sizeof(*named), sync_compare_names);
	for (before = have->peers; i && good && before; before = before->next)
		if (sync_name_goes(named, i, before))
			good = sync_free_name(change, before);
	free(named);
	return good;
}

static bool sync_same_listen(const struct weft_device *a,
			     const struct weft_device *b)
{
	return a->listen4.s_addr == b->listen4.s_addr &&
	       IN6_ARE_ADDR_EQUAL(&a->listen6, &b->listen6);
}

static void sync_reduce_device(const struct weft_device *have,
			       struct weft_device *want)
{
	want->has &= ~WEFT_DEVICE_REPLACE_PEERS;
	if (weft_key_equal(&want->private_key, &have->private_key))
		want->has &= ~WEFT_DEVICE_HAS_PRIVATE_KEY;
	/* Port 0 accepts any port, so the present one stays. */
	if (!want->listen_port || want->listen_port == have->listen_port)
		want->has &= ~WEFT_DEVICE_HAS_LISTEN_PORT;
	if (want->fwmark == have->fwmark)
		want->has &= ~WEFT_DEVICE_HAS_FWMARK;
	if (have->kind != WEFT_KIND_WEFT ||
	    (have->known & WEFT_ATTR_BIT(WEFT_DEVICE_A_PMTU) &&
	     want->pmtu == have->pmtu))
		want->has &= ~WEFT_DEVICE_HAS_PMTU;
	if (have->kind != WEFT_KIND_WEFT ||
	    (have->known & WEFT_ATTR_BIT(WEFT_DEVICE_A_DSCP) &&
	     want->dscp == have->dscp))
		want->has &= ~WEFT_DEVICE_HAS_DSCP;
	if (have->kind != WEFT_KIND_WEFT || sync_same_listen(want, have))
		want->has &= ~WEFT_DEVICE_HAS_LISTEN_ADDRESS;
	if (have->kind != WEFT_KIND_WEFT ||
	    !strcmp(want->bind_device, have->bind_device))
		want->has &= ~WEFT_DEVICE_HAS_BIND_DEVICE;
}

bool weft_sync_reduce(const struct weft_device *have, struct weft_device *want)
{
	sync_reduce_device(have, want);
	if (have->kind == WEFT_KIND_WEFT && !weft_alias_settle(have, want))
		return false;
	return sync_settle_peers(want) && sync_settle_prefixes(want) &&
	       sync_reduce_peers(have, want) &&
	       (have->kind != WEFT_KIND_WEFT || sync_free_names(have, want));
}

bool weft_sync_is_empty(const struct weft_device *change)
{
	return !change->has && !change->peers;
}
