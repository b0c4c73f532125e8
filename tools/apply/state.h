/* SPDX-License-Identifier: GPL-2.0 */
/* The present state of an interface, its addresses, routes and rules. */
#ifndef _WEFT_TOOLS_STATE_H
#define _WEFT_TOOLS_STATE_H

#include <stdbool.h>

#include "host/host.h"

struct weft_context;
struct weft_device;

/**
 * struct weft_state - the present state
 * @link: the link; with index 0 no link, address and route exists
 * @dev: keys, ports and peers, NULL without a link
 * @addresses: addresses of the link
 * @routes: routes through the link
 * @rules: all rules of this machine
 */
struct weft_state {
	struct weft_host_link link;
	struct weft_device *dev;
	struct weft_routes addresses;
	struct weft_routes routes;
	struct weft_rules rules;
};

/* False after a complaint, also for a link of another kind. */
bool weft_state_read(const struct weft_context *ctx, const char *name,
		     struct weft_state *state);
void weft_state_free(struct weft_state *state);
/* The rules alone, into an empty list. False after a complaint. */
bool weft_state_read_rules(const struct weft_context *ctx, const char *name,
			   struct weft_rules *rules);

/* Sorts by tables, then prefixes. */
void weft_state_sort(struct weft_routes *routes);
/* In sorted routes: the route to @prefix in @table, or with table 0 the address; NULL: none. */
const struct weft_route *weft_state_find(const struct weft_routes *in,
					 const struct weft_allowedip *prefix,
					 __u32 table);

#endif /* _WEFT_TOOLS_STATE_H */
