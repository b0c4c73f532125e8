/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Preshared keys of pairs of nodes, from a program of the operator's, such as a key exchange that
 * withstands quantum computers. It is called as
 *
 *   COMMAND NODE           prints a line "PEER KEY" for each peer of NODE, and again each time a
 *                          key is another one; it does not end
 *
 * Both ends of a pair get the same key, about the same time. The kernel accepts the former key
 * and the new one until the new one is used.
 */
#ifndef _WEFT_TOOLS_FLEET_PRESHARED_H
#define _WEFT_TOOLS_FLEET_PRESHARED_H

#include "fleet/fields.h"

struct weft_context;

/* A node's name, a blank, a key and a newline; longer lines are none of these. */
#define WEFT_PRESHARED_LINE_BYTES	(WEFT_NODE_NAME_BYTES + WEFT_KEY_CHARS + 2)

/**
 * struct weft_preshared - the keys that the program has printed
 * @items: for each node the last one
 * @count: their number
 * @line: the beginning of a line whose end has not come yet
 * @len: its length
 * @skips: the rest of a line that is too long is skipped
 * @changed: a key is not in the kernel yet, as far as is known
 */
struct weft_preshared {
	struct weft_preshared_key {
		char node[WEFT_NODE_NAME_BYTES];
		struct weft_key key;
	} *items;
	size_t count;
	char line[WEFT_PRESHARED_LINE_BYTES];
	size_t len;
	bool skips;
	bool changed;
};

/* Read what @fd has now; *@open: there may be more later. False: no memory. */
bool weft_preshared_read(struct weft_preshared *preshared, int fd, bool *open);
/*
 * Set the keys of the peers of interface @name that have another one, as their next ones. False
 * after a complaint.
 */
bool weft_preshared_apply(const struct weft_context *ctx, const char *name,
			  struct weft_preshared *preshared);
/* Wipes the keys. */
void weft_preshared_free(struct weft_preshared *preshared);

#endif /* _WEFT_TOOLS_FLEET_PRESHARED_H */
