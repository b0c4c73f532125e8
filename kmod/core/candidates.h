/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Candidates: where a peer may be, in the order in which that is tried while it does not answer.
 */
#ifndef WEFT_CANDIDATES_H
#define WEFT_CANDIDATES_H

#include "core/endpoint.h"

#include <linux/types.h>

/* Of one peer. */
#define WEFT_CANDIDATES_MAX	16

/* The list is constant. Who owns it guards the rest. */
struct weft_candidates {
	struct weft_endpoint heard;	/* where it was besides; unknown: nowhere */
	struct weft_endpoint last;	/* where it was heard last; @left */
	bool left;			/* it has been tried elsewhere since */
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
