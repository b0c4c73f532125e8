// SPDX-License-Identifier: GPL-2.0

#include "core/candidates.h"

#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

/**
 * weft_candidates_create() - make room for candidates
 * @count: how many, 1 to WEFT_CANDIDATES_MAX
 *
 * Context: process; may sleep.
 * Return: a list to be filled in, and freed with kfree(), or NULL.
 */
struct weft_candidates *weft_candidates_create(unsigned int count)
{
	struct weft_candidates *candidates;

	candidates = kzalloc(struct_size(candidates, list, count), GFP_KERNEL_ACCOUNT);
	if (candidates)
		candidates->count = count;
	return candidates;
}

/* The place of @endpoint in the list, or count. */
static unsigned int candidates_place(const struct weft_candidates *candidates,
				     const struct weft_endpoint *endpoint)
{
	unsigned int i;

	for (i = 0; i < candidates->count; i++) {
		if (weft_endpoint_same_place(&candidates->list[i], endpoint))
			break;
	}
	return i;
}

/**
 * weft_candidates_hold() - whether a peer was expected there
 * @candidates: the peer's, or NULL
 * @endpoint: where it is; our own side is not looked at
 */
bool weft_candidates_hold(const struct weft_candidates *candidates,
			  const struct weft_endpoint *endpoint)
{
	return candidates && candidates_place(candidates, endpoint) < candidates->count;
}

/**
 * weft_candidates_next() - where a peer is tried next
 * @candidates: the peer's, or NULL
 * @endpoint: where it was tried last, or was heard last; becomes the next
 *
 * One candidate after the other, and round again. A place that is none of them, and where the peer
 * was all the same, is tried once in each round.
 *
 * Return: false if there is no other place; then nothing has changed.
 */
bool weft_candidates_next(struct weft_candidates *candidates, struct weft_endpoint *endpoint)
{
	struct weft_endpoint from = *endpoint;
	unsigned int next;

	/* With one, it is WireGuard's endpoint: where the peer has gone from there it stays. */
	if (!candidates || candidates->count < 2)
		return false;
	if (!candidates->left) {
		candidates->last = from;
		candidates->left = true;
	}
	next = candidates_place(candidates, &from) + 1;
	if (next > candidates->count) {
		candidates->heard = from;
		next = 0;
	}
	if (next < candidates->count)
		*endpoint = candidates->list[next];
	else if (candidates->heard.addr.sa_family)
		*endpoint = candidates->heard;
	else
		*endpoint = candidates->list[0];
	weft_endpoint_forget_source(endpoint);
	return true;
}

/**
 * weft_candidates_last() - where a peer was heard, or was said to be, last
 * @candidates: the peer's, or NULL
 * @endpoint: where it is tried now
 *
 * Return: one of both.
 */
const struct weft_endpoint *weft_candidates_last(const struct weft_candidates *candidates,
						 const struct weft_endpoint *endpoint)
{
	return candidates && candidates->left ? &candidates->last : endpoint;
}

/**
 * weft_candidates_found() - the peer has been heard: what is known of elsewhere is old
 * @candidates: the peer's, or NULL
 */
void weft_candidates_found(struct weft_candidates *candidates)
{
	if (!candidates)
		return;
	memset(&candidates->heard, 0, sizeof(candidates->heard));
	candidates->left = false;
}

/**
 * weft_candidates_inherit() - take over what is known of where a peer has been
 * @candidates: those that it gets
 * @old: those that it had
 */
void weft_candidates_inherit(struct weft_candidates *candidates, const struct weft_candidates *old)
{
	/* Each place has one turn in a round. */
	if (!weft_candidates_hold(candidates, &old->heard))
		candidates->heard = old->heard;
	candidates->last = old->last;
	candidates->left = old->left;
}
