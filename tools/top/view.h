/* SPDX-License-Identifier: GPL-2.0 */
/* Which peers are shown, and in which order. */
#ifndef _WEFT_TOOLS_VIEW_H
#define _WEFT_TOOLS_VIEW_H

#include <stdio.h>

#include "top/column.h"

#define WEFT_TOP_FILTER_BYTES	128

/**
 * struct weft_top_view - the user's choice
 * @sort: the column to sort by
 * @reverse: in the opposite order
 * @filter: a state, or a part of a name, key or endpoint; after "!" the others; "" for all peers
 */
struct weft_top_view {
	const struct weft_top_column *sort;
	bool reverse;
	char filter[WEFT_TOP_FILTER_BYTES];
};

/*
 * The chosen rows in their order; sets *@count to their number. Equal ones keep the kernel's order.
 * NULL: no memory; to be freed.
 */
const struct weft_top_row **weft_top_choose(const struct weft_top_view *view,
					    const struct weft_top_reading *reading, size_t *count);

/* The line above the peers: the interface, and sums over all of its peers. */
void weft_top_print_sums(FILE *out, const struct weft_top_view *view,
			 const struct weft_top_reading *reading, size_t shown);

#endif /* _WEFT_TOOLS_VIEW_H */
