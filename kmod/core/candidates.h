/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Candidates: the endpoints that a peer may have, tried in this order while it does not answer.
 */
#ifndef WEFT_CANDIDATES_H
#define WEFT_CANDIDATES_H

#include "core/endpoint.h"

#include <linux/types.h>

/* Maximum number per peer. */
#define WEFT_CANDIDATES_MAX	16

/* The list is constant. The owner of the object guards the rest. */
struct weft_candidates {
	struct weft_endpoint heard;	/* of the peer, but not in the list; unknown: none */
	struct weft_endpoint last;	/* the endpoint last received from; @left */
	bool left;			/* other endpoints have been tried since */
	unsigned int count;
	struct weft_endpoint list[];
};

struct weft_candidates *weft_candidates_create(unsigned int count);
bool weft_candidates_hold(const struct weft_candidates *candidates,
			  const struct weft_endpoint *endpoint);
bool weft_candidates_next(struct weft_candidates *candidates, struct weft_endpoint *endpoint);
const struct weft_endpoint *weft_candidates_last(const struct weft_candidates *candidates,
						 const struct weft_endpoint *endpoint);
void weft_candidates_found(struct weft_candidates *candidates);
void weft_candidates_inherit(struct weft_candidates *candidates, const struct weft_candidates *old);

#endif /* WEFT_CANDIDATES_H */
