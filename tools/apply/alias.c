// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "apply/alias.h"
#include "model/attr.h"
#include "model/model.h"

/* A key, and the interface's peer that has it among its keys. */
struct alias {
	const struct weft_key *key;
	const struct weft_peer *peer;
};

struct aliases {
	struct alias *entries;
	size_t count;
};

static int alias_compare(const void *a, const void *b)
{
	const struct alias *x = a, *y = b;

	return memcmp(x->key->bytes, y->key->bytes, WEFT_KEY_BYTES);
}

static void alias_add(struct aliases *aliases, const struct weft_key *key,
		      const struct weft_peer *peer)
{
	aliases->entries[aliases->count++] = (struct alias){ key, peer };
}

static const struct weft_peer *alias_find(const struct aliases *aliases,
					  const struct weft_key *key)
{
	const struct alias wanted = { .key = key };
	const struct alias *found;

	found = bsearch(&wanted, aliases->entries, aliases->count,
			sizeof(*aliases->entries), alias_compare);
	return found ? found->peer : NULL;
}

/* The peers' current keys, or their previous and next keys. */
static bool alias_collect(struct aliases *aliases,
			  const struct weft_device *dev, bool others)
{
	const struct weft_peer *peer;

	aliases->count = 0;
	aliases->entries = calloc(2 * weft_model_peer_count(dev) + 1,
				  sizeof(*aliases->entries));
	if (!aliases->entries)
		return false;
	for (peer = dev->peers; peer; peer = peer->next) {
		if (!others)
			alias_add(aliases, &peer->public_key, peer);
		else if (peer->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY)
			alias_add(aliases, &peer->next_public_key, peer);
		if (others && peer->has & WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY)
			alias_add(aliases, &peer->previous_public_key, peer);
	}
	qsort(aliases->entries, aliases->count, sizeof(*aliases->entries),
	      alias_compare);
	return true;
}

/*
 * The interface's peer for @want, if no peer has its key as the current one: a
 * peer with this key as its previous or next key, or one whose current key is
 * the next key of @want.
 */
static const struct weft_peer *alias_of(const struct weft_peer *want,
					const struct aliases *now,
					const struct aliases *others)
{
	const struct weft_peer *have;

	if (alias_find(now, &want->public_key))
		return NULL;
	have = alias_find(others, &want->public_key);
	if (!have && want->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY)
		have = alias_find(now, &want->next_public_key);
	return have;
}

/* Takes the next key from @have: that of @want follows a key that is no longer current. */
static void alias_rename(struct weft_peer *want, const struct weft_peer *have)
{
	want->public_key = have->public_key;
	want->next_public_key = have->next_public_key;
	want->has &= ~WEFT_PEER_HAS_NEXT_PUBLIC_KEY;
	want->has |= have->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY;
}

bool weft_alias_settle(const struct weft_device *have,
		       struct weft_device *want)
{
	struct aliases now = { }, others = { }, wanted = { };
	const struct weft_peer *same;
	struct weft_peer *peer;
	bool good;

	good = alias_collect(&now, have, false) &&
	       alias_collect(&others, have, true) &&
	       alias_collect(&wanted, want, false);
	for (peer = want->peers; good && peer; peer = peer->next) {
		same = alias_of(peer, &now, &others);
		/* The array holds pointers to keys and is sorted by them: no key changes here. */
		if (same && !alias_find(&wanted, &same->public_key))
			peer->alias = same;
	}
	free(now.entries);
	free(others.entries);
	free(wanted.entries);
	for (peer = want->peers; good && peer; peer = peer->next)
		if (peer->alias)
			alias_rename(peer, peer->alias);
	return good;
}

bool weft_alias_of_preshared(const struct weft_peer *want,
			     const struct weft_peer *have)
{
	const struct weft_key *key = &want->preshared_key;

	if (have->has & WEFT_PEER_HAS_NEXT_PRESHARED_KEY &&
	    weft_key_equal(key, &have->next_preshared_key))
		return true;
	if (have->has & WEFT_PEER_HAS_PREVIOUS_PRESHARED_KEY &&
	    weft_key_equal(key, &have->previous_preshared_key))
		return true;
	/* The next key of @want has taken effect. */
	return want->has & WEFT_PEER_HAS_NEXT_PRESHARED_KEY &&
	       weft_key_equal(&want->next_preshared_key, &have->preshared_key);
}

/* An all-zero key stands for none, on both sides. */
static bool alias_is_settled(const struct weft_key *want,
			     const struct weft_key *have,
			     const struct weft_key *now)
{
	return weft_key_equal(want, have) ||
	       (!weft_key_is_zero(want) && weft_key_equal(want, now));
}

void weft_alias_reduce(struct weft_peer *want, const struct weft_peer *have,
		       bool is_weft)
{
	const unsigned int all = WEFT_PEER_HAS_NEXT_PUBLIC_KEY |
				 WEFT_PEER_HAS_NEXT_PRESHARED_KEY |
				 WEFT_PEER_HAS_GRACE;
	__u32 grace = want->has & WEFT_PEER_HAS_GRACE ? want->grace :
						       WEFT_GRACE_SECONDS;
	bool on_its_way = weft_alias_of_preshared(want, have);

	want->has &= ~all;
	want->grace = grace;
	if (!is_weft)
		return;
	if (!alias_is_settled(&want->next_public_key, &have->next_public_key,
			      &have->public_key))
		want->has |= WEFT_PEER_HAS_NEXT_PUBLIC_KEY;
	if (!on_its_way &&
	    !alias_is_settled(&want->next_preshared_key,
			      &have->next_preshared_key, &have->preshared_key))
		want->has |= WEFT_PEER_HAS_NEXT_PRESHARED_KEY;
	if (have->known & WEFT_ATTR_BIT(WEFT_PEER_A_GRACE) &&
	    grace != have->grace)
		want->has |= WEFT_PEER_HAS_GRACE;
}
