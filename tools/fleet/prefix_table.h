/* SPDX-License-Identifier: GPL-2.0 */
/* The prefixes of all nodes of a fleet: to whom each belongs, and what is inside the tunnel. */
#ifndef _WEFT_TOOLS_FLEET_PREFIX_TABLE_H
#define _WEFT_TOOLS_FLEET_PREFIX_TABLE_H

#include "fleet/members.h"

/**
 * struct weft_prefix_table - addresses and prefixes of the nodes that are in
 * @items: them, sorted by prefix, then by owner; an address has the length of a host
 * @count: their number
 * @lengths: their lengths, each once, without that of a default route
 * @length_count: the number of lengths
 */
struct weft_prefix_table {
	struct weft_owned_prefix {
		struct weft_allowedip ip;
		size_t owner;	/* the number of the member */
	} *items;
	size_t count;
	__u8 lengths[128];
	size_t length_count;
};

/* Fill in @table, which has to be freed in any case. False: no memory. */
bool weft_prefix_table_fill(struct weft_prefix_table *table, const struct weft_fleet *fleet);
/*
 * Whether packets to @address would be routed into the tunnel on the node whose record is
 * @node, or NULL: it is inside a prefix of a node, or inside the network of an own address. A
 * default route is not meant: the tunnel's own packets pass it by.
 */
bool weft_prefix_table_contains(const struct weft_prefix_table *table,
				const struct weft_fleet_record *node,
				const struct weft_allowedip *address);
void weft_prefix_table_free(struct weft_prefix_table *table);

#endif /* _WEFT_TOOLS_FLEET_PREFIX_TABLE_H */
