/* SPDX-License-Identifier: GPL-2.0 */
/* What a hub's kernel sees of other nodes: where their packets come from. */
#ifndef _WEFT_TOOLS_FLEET_SIGHT_H
#define _WEFT_TOOLS_FLEET_SIGHT_H

#include "fleet/folder.h"

/* Whether the node of @folder is in its fleet, as a hub. */
bool weft_sight_is_hub(const struct weft_folder *folder);
/*
 * Set @seen of the node of @folder: none where it is no hub, and no change without a link of
 * weft's. Otherwise the members whose last endpoint is none that they or the admin name, sorted
 * by name; beyond the bounds of a hello the first ones. *@changed is set if the list is another
 * one. False after a complaint: the list is as it was.
 */
bool weft_sight_read(struct weft_folder *folder, bool *changed);

/*
 * The same from the interface @dev, the list @before, and the hub's own record in @fleet; no
 * I/O. A member without a session stays as in @before: a hub that has just started has none.
 * False: no memory; @seen is empty then.
 */
bool weft_sight_list(const struct weft_fleet *fleet, const struct weft_member *hub,
		     const struct weft_device *dev, const struct weft_words *before,
		     struct weft_words *seen);

#endif /* _WEFT_TOOLS_FLEET_SIGHT_H */
