/* SPDX-License-Identifier: GPL-2.0 */
/* Finds a store that is reached through the tunnel that it serves. */
#ifndef _WEFT_TOOLS_FLEET_INSIDE_H
#define _WEFT_TOOLS_FLEET_INSIDE_H

#include <stdbool.h>
#include <stddef.h>

struct weft_context;

/*
 * Look in @text for lines "weft-store-at ADDRESS", by which a store's program tells where its
 * servers are. True with @address, of @size bytes, filled in where the route to one of them is
 * link @name: such a store is away whenever the tunnel is down, which then needs it.
 */
bool weft_inside_find(const struct weft_context *ctx, const char *name, const char *text,
		      size_t len, char *address, size_t size);

#endif /* _WEFT_TOOLS_FLEET_INSIDE_H */
