// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "apply/conflict.h"
#include "base/complain.h"
#include "model/format.h"
#include "model/model.h"

/* The most prefixes that a message names. */
#define CONFLICT_NAMED_MAX	8

/**
 * struct conflict_prefix - a prefix and its owner
 * @ip: the prefix
 * @peer: the peer that has it
 */
struct conflict_prefix {
	struct weft_allowedip *ip;
	const struct weft_peer *peer;
};

/* All prefixes of a device, sorted. */
struct conflict_prefixes {
	struct conflict_prefix *entries;
	size_t count;
};

static int conflict_compare(const void *a, const void *b)
{
	const struct conflict_prefix *x = a, *y = b;

	return weft_model_allowedip_compare(x->ip, y->ip);
}

static bool conflict_sort(struct conflict_prefixes *prefixes,
			  const struct weft_device *dev)
{
	const struct weft_peer *peer;
	struct weft_allowedip *ip;
	size_t count = 0;

	for (peer = dev->peers; peer; peer = peer->next)
		for (ip = peer->allowedips; ip; ip = ip->next)
			count++;
	prefixes->count = 0;
	prefixes->entries = calloc(count + 1, sizeof(*prefixes->entries));
	if (!prefixes->entries)
		return false;
	for (peer = dev->peers; peer; peer = peer->next)
		for (ip = peer->allowedips; ip; ip = ip->next)
			prefixes->entries[prefixes->count++] =
				(struct conflict_prefix){ ip, peer };
	qsort(prefixes->entries, prefixes->count, sizeof(*prefixes->entries),
	      conflict_compare);
	return true;
}

static bool conflict_removes(const struct weft_peer *entry,
			     const struct weft_allowedip *prefix)
{
	struct weft_allowedip *ip, masked;

	if (entry->has & (WEFT_PEER_REMOVE | WEFT_PEER_REPLACE_ALLOWEDIPS))
		return true;
	for (ip = entry->allowedips; ip; ip = ip->next) {
		masked = *ip;
		weft_model_allowedip_mask(&masked);
		if (ip->remove && !weft_model_allowedip_compare(&masked, prefix))
			return true;
	}
	return false;
}

/* Whether the change itself removes this prefix, or all prefixes, from its peer. */
static bool conflict_is_given_up(const struct weft_device *change,
				 const struct weft_peer *holder,
				 const struct weft_allowedip *prefix)
{
	const struct weft_peer *entry;

	if (change->has & WEFT_DEVICE_REPLACE_PEERS)
		return true;
	for (entry = change->peers; entry; entry = entry->next)
		if (weft_key_equal(&entry->public_key, &holder->public_key) &&
		    conflict_removes(entry, prefix))
			return true;
	return false;
}

/* The other peer that has @prefix, which @peer is to get; clears the host bits of @prefix. */
static const struct weft_peer *conflict_holder(const struct conflict_prefixes *all,
					       const struct weft_device *change,
					       const struct weft_peer *peer,
					       struct weft_allowedip *prefix)
{
	struct conflict_prefix wanted = { prefix, NULL }, *found;

	if (prefix->remove || peer->has & WEFT_PEER_REMOVE)
		return NULL;
	weft_model_allowedip_mask(prefix);
	found = bsearch(&wanted, all->entries, all->count,
			sizeof(*all->entries), conflict_compare);
	if (!found || weft_key_equal(&found->peer->public_key, &peer->public_key) ||
	    conflict_is_given_up(change, found->peer, prefix))
		return NULL;
	return found->peer;
}

bool weft_conflict_adds_prefixes(const struct weft_device *change)
{
	const struct weft_allowedip *ip;
	const struct weft_peer *peer;

	for (peer = change->peers; peer; peer = peer->next)
		for (ip = peer->allowedips; ip; ip = ip->next)
			if (!ip->remove && !(peer->has & WEFT_PEER_REMOVE))
				return true;
	return false;
}

static void conflict_write_moved(FILE *out, const struct conflict_prefixes *all,
				 const struct weft_device *change, size_t *count)
{
	const struct weft_peer *peer, *holder;
	const struct weft_allowedip *ip;
	struct weft_allowedip prefix;

	for (peer = change->peers; peer; peer = peer->next) {
		for (ip = peer->allowedips; ip; ip = ip->next) {
			prefix = *ip;
			holder = conflict_holder(all, change, peer, &prefix);
			if (!holder || ++*count > CONFLICT_NAMED_MAX)
				continue;
			fprintf(out, "%s%s/%u from peer %s",
				*count > 1 ? ", " : "",
				weft_format_address(&prefix).chars, prefix.cidr,
				weft_format_peer(holder).chars);
		}
	}
}

void weft_conflict_warn_moved(const struct weft_context *ctx,
			      const struct weft_device *before,
			      const struct weft_device *change)
{
	struct conflict_prefixes all = { };
	size_t count = 0, len = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &len);

	if (out && conflict_sort(&all, before))
		conflict_write_moved(out, &all, change, &count);
	if (out)
		fclose(out);
	if (text && count > CONFLICT_NAMED_MAX)
		weft_warn(ctx, "%s: allowed IPs have moved: %s, and %zu more",
			  change->name, text, count - CONFLICT_NAMED_MAX);
	else if (text && count)
		weft_warn(ctx, "%s: allowed IPs have moved: %s",
			  change->name, text);
	free(text);
	free(all.entries);
}

static bool conflict_explain_prefixes(const struct weft_context *ctx,
				      const struct conflict_prefixes *all,
				      const struct weft_device *change,
				      const struct weft_peer *peer)
{
	const struct weft_peer *holder;
	const struct weft_allowedip *ip;
	struct weft_allowedip prefix;

	if (!(peer->has & WEFT_PEER_EXCLUSIVE))
		return false;
	for (ip = peer->allowedips; ip; ip = ip->next) {
		prefix = *ip;
		holder = conflict_holder(all, change, peer, &prefix);
		if (!holder)
			continue;
		weft_complain(ctx,
			      "cannot configure interface '%s': allowed IPs: peer %s already has %s/%u, and 'exclusive' forbids the move",
			      change->name, weft_format_peer(holder).chars,
			      weft_format_address(&prefix).chars, prefix.cidr);
		return true;
	}
	return false;
}

static bool conflict_explain_name(const struct weft_context *ctx,
				  const struct weft_device *now,
				  const struct weft_device *change,
				  const struct weft_peer *peer)
{
	const struct weft_peer *holder;

	if (!(peer->has & WEFT_PEER_HAS_NAME) || !peer->name)
		return false;
	holder = weft_model_peer_find_word(now, peer->name);
	if (!holder || weft_key_equal(&holder->public_key, &peer->public_key))
		return false;
	weft_complain(ctx,
		      "cannot configure interface '%s': name: '%s' is already the name of peer %s",
		      change->name, peer->name,
		      weft_key_encode(&holder->public_key).chars);
	return true;
}

bool weft_conflict_explain(const struct weft_context *ctx,
			   const struct weft_device *now,
			   const struct weft_device *change)
{
	struct conflict_prefixes all = { };
	const struct weft_peer *peer;
	bool said = false;

	if (!conflict_sort(&all, now))
		return false;
	for (peer = change->peers; peer && !said; peer = peer->next)
		said = conflict_explain_name(ctx, now, change, peer) ||
		       conflict_explain_prefixes(ctx, &all, change, peer);
	free(all.entries);
	return said;
}
