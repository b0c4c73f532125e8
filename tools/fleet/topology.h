/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which nodes of a fleet are connected, and through which hub the others are reached.
 *
 *   mesh    all nodes are connected
 *   hub     each spoke is connected with its home hub
 *   groups  spokes that share a group, and each spoke with its home hub
 *
 * Hubs are connected with one another. The home hub of a spoke is the first hub by
 * name that shares a group with it, otherwise the first hub. Two nodes that are not
 * connected have one path, the same in both directions: node, its home hub, the
 * other's home hub, the other node. So a packet comes from the peer that its source
 * address is routed to.
 */
#ifndef _WEFT_TOOLS_FLEET_TOPOLOGY_H
#define _WEFT_TOOLS_FLEET_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>

struct weft_fleet;
struct weft_member;

/* A group, and its first hub. */
struct weft_group_hub {
	const char *group;
	const struct weft_member *hub;
};

/**
 * struct weft_paths - the paths from one node
 * @fleet: the fleet
 * @self: the node
 * @home: the home hub of @self, or NULL
 * @first: the first hub, or NULL
 * @hubs: groups with their first hubs, sorted by group
 * @hub_count: their number
 */
struct weft_paths {
	const struct weft_fleet *fleet;
	const struct weft_member *self;
	const struct weft_member *home;
	const struct weft_member *first;
	struct weft_group_hub *hubs;
	size_t hub_count;
};

/* @fleet has terms, and must not change meanwhile. False: no memory. */
bool weft_paths_begin(struct weft_paths *paths, const struct weft_fleet *fleet,
		      const struct weft_member *self);
/*
 * The neighbour on the path to @other, which is @other itself where both are connected;
 * NULL: none.
 */
const struct weft_member *weft_paths_via(const struct weft_paths *paths,
					 const struct weft_member *other);
void weft_paths_end(struct weft_paths *paths);

#endif /* _WEFT_TOOLS_FLEET_TOPOLOGY_H */
