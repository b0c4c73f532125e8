// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "conf/merge.h"
#include "model/model.h"

/* Sorts by key, and for one key in the order of the file. */
static int merge_compare(const void *a, const void *b)
{
	const struct weft_peer *x = *(struct weft_peer * const *)a;
	const struct weft_peer *y = *(struct weft_peer * const *)b;
	int diff = memcmp(x->public_key.bytes, y->public_key.bytes,
			  WEFT_KEY_BYTES);

	return diff ? diff : x->section_line < y->section_line ? -1 : 1;
}

static void merge_swap(void *a, void *b, size_t len)
{
	unsigned char held, *x = a, *y = b;

	for (; len--; x++, y++) {
		held = *x;
		*x = *y;
		*y = held;
	}
}

/* Overwrites the keys of @to with those that @from has; @from is freed later. */
static void merge_keys(struct weft_peer *to, struct weft_peer *from)
{
	if (!weft_key_is_zero(&from->preshared_key))
		to->preshared_key = from->preshared_key;
	if (from->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY)
		to->next_public_key = from->next_public_key;
	if (from->has & WEFT_PEER_HAS_NEXT_PRESHARED_KEY)
		to->next_preshared_key = from->next_preshared_key;
	if (from->has & WEFT_PEER_HAS_GRACE)
		to->grace = from->grace;
}

static void merge_two(struct weft_peer *to, struct weft_peer *from)
{
	merge_keys(to, from);
	if (from->keepalive)
		to->keepalive = from->keepalive;
	if (!from->roam)
		to->roam = false;
	if (from->name) {
		merge_swap(&to->name, &from->name, sizeof(to->name));
		to->name_line = from->name_line;
	}
	if (from->endpoint_text) {
		merge_swap(&to->endpoint_text, &from->endpoint_text,
			   sizeof(to->endpoint_text));
		to->line = from->line;
	}
	if (from->has & WEFT_PEER_REPLACE_ALLOWEDIPS) {
		merge_swap(&to->allowedips, &from->allowedips,
			   sizeof(to->allowedips));
		merge_swap(&to->last_allowedip, &from->last_allowedip,
			   sizeof(to->last_allowedip));
	} else {
		weft_model_allowedips_move(to, from);
	}
	to->has |= from->has;
	to->again_line = from->key_line;
	from->drop = true;
}

static bool merge_is_same(const struct weft_peer *a, const struct weft_peer *b)
{
	return !memcmp(a->public_key.bytes, b->public_key.bytes,
		       WEFT_KEY_BYTES) &&
	       !weft_key_is_zero(&a->public_key);
}

bool weft_merge_peers(struct weft_device *dev)
{
	size_t count = weft_model_peer_count(dev), i = 0, first = 0;
	struct weft_peer **sorted, *peer;

	if (count < 2)
		return true;
	sorted = calloc(count, sizeof(*sorted));
	if (!sorted)
		return false;
	for (peer = dev->peers; peer; peer = peer->next)
		sorted[i++] = peer;
	qsort(sorted, count, sizeof(*sorted), merge_compare);
	for (i = 1; i < count; i++) {
		if (merge_is_same(sorted[first], sorted[i]))
			merge_two(sorted[first], sorted[i]);
		else
			first = i;
	}
	free(sorted);
	weft_model_peers_prune(dev);
	return true;
}
