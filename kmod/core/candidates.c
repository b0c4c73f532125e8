// SPDX-License-Identifier: GPL-2.0

#include "core/candidates.h"

#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

/**
 * weft_candidates_create() - allocate a list of candidates
 * @count: their number, 1 to WEFT_CANDIDATES_MAX
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

/* The index of @endpoint in the list, or count. */
static unsigned int candidates_index(const struct weft_candidates *candidates,
				     const struct weft_endpoint *endpoint)
{
	unsigned int i;

	for (i = 0; i < candidates->count; i++) {
		if (weft_endpoint_same_remote(&candidates->list[i], endpoint))
			break;
	}
	return i;
}

/**
 * weft_candidates_hold() - whether an endpoint is one of a peer's candidates
 * @candidates: the peer's, or NULL
 * @endpoint: the endpoint; its source is ignored
 */
bool weft_candidates_hold(const struct weft_candidates *candidates,
			  const struct weft_endpoint *endpoint)
{
	return candidates && candidates_index(candidates, endpoint) < candidates->count;
}

/**
 * weft_candidates_next() - the endpoint to try next
 * @candidates: the peer's, or NULL
 * @endpoint: the endpoint tried or received from last; replaced by the next
 *
 * Candidates are tried in turn, and again from the first. An endpoint outside the list, from which
 * the peer was received, is tried once in each round.
 *
 * Return: false if there is no other endpoint; then nothing has changed.
 */
bool weft_candidates_next(struct weft_candidates *candidates, struct weft_endpoint *endpoint)
{
	struct weft_endpoint from = *endpoint;
	unsigned int next;

	/* A single candidate is WireGuard's endpoint: a peer that has roamed stays away from it. */
	if (!candidates || candidates->count < 2)
		return false;
	if (!candidates->left) {
		candidates->last = from;
		candidates->left = true;
	}
	next = candidates_index(candidates, &from) + 1;
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
 * weft_candidates_last() - the endpoint that was last received from or configured
 * @candidates: the peer's, or NULL
 * @endpoint: the endpoint being tried now
 *
 * Return: one of both.
 */
const struct weft_endpoint *weft_candidates_last(const struct weft_candidates *candidates,
						 const struct weft_endpoint *endpoint)
{
	return candidates && candidates->left ? &candidates->last : endpoint;
}

/**
 * weft_candidates_found() - forget endpoints outside the list when a peer is received from
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
 * weft_candidates_inherit() - take over the endpoints that were received from
 * @candidates: the peer's new candidates
 * @old: its previous ones
 */
void weft_candidates_inherit(struct weft_candidates *candidates, const struct weft_candidates *old)
{
	/* Each endpoint has one turn in a round. */
	if (!weft_candidates_hold(candidates, &old->heard))
		candidates->heard = old->heard;
	candidates->last = old->last;
	candidates->left = old->left;
}
