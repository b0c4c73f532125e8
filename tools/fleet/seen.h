/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sightings: endpoints of members that hubs tell in their hellos, because packets of the member
 * come from there: behind a NAT a member does not know its endpoint.
 */
#ifndef _WEFT_TOOLS_FLEET_SEEN_H
#define _WEFT_TOOLS_FLEET_SEEN_H

#include "fleet/members.h"
#include "fleet/prefix_table.h"

/**
 * struct weft_seen - the sightings of all hubs but one's own
 * @items: them, sorted by member, then by hub
 * @count: their number
 */
struct weft_seen {
	struct weft_seen_entry {
		const struct weft_member *member;
		size_t order;	/* in which it was added */
		const char *endpoint;
	} *items;
	size_t count;
};

/* Whether the hello of @hub counts for @self: its record says that it is one. */
bool weft_seen_is_hub(const struct weft_member *hub, const struct weft_member *self);
/* Room for the sightings of all hubs of @fleet. False: no memory. */
bool weft_seen_begin(struct weft_seen *seen, const struct weft_fleet *fleet,
		     const struct weft_member *self);
/*
 * Add the sightings of @hub, hubs in the order of their names. Those of the hub itself, of @self
 * and of nodes that are not in are left out, and so are endpoints that no member's hello may
 * have: inside the tunnel, and special ones. Their number is returned.
 */
size_t weft_seen_add(struct weft_seen *seen, const struct weft_fleet *fleet,
		     const struct weft_member *hub, const struct weft_member *self,
		     const struct weft_prefix_table *prefixes);
/* After the last hub. */
void weft_seen_sort(struct weft_seen *seen);
/* The sightings of @member, *@count of them. */
const struct weft_seen_entry *weft_seen_find(const struct weft_seen *seen,
					     const struct weft_member *member, size_t *count);
void weft_seen_free(struct weft_seen *seen);

#endif /* _WEFT_TOOLS_FLEET_SEEN_H */
