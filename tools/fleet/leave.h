/* SPDX-License-Identifier: GPL-2.0 */
/* Ends the membership of this machine in a fleet: its interface, its keys, its memory. */
#ifndef _WEFT_TOOLS_FLEET_LEAVE_H
#define _WEFT_TOOLS_FLEET_LEAVE_H

#include <stdbool.h>

#include "conf/profile.h"

struct weft_context;

/**
 * struct weft_leave - the outcome
 * @changes: the changes, in words
 * @aside: the folder that has the former state, NULL where none is left
 */
struct weft_leave {
	struct weft_words changes;
	char *aside;
};

/*
 * Take the interface of fleet @name down, as "down" does, and rename its state folder to
 * "NAME~", in place of a former one; with ctx->really its files are overwritten and
 * removed. The interface's lock is held. A damaged state is no failure. Without a
 * node's state the interface is not the fleet's, and stays. A link in the place of a folder
 * is refused. False after a complaint.
 */
bool weft_leave(const struct weft_context *ctx, const char *name, struct weft_leave *leave);
void weft_leave_free(struct weft_leave *leave);

#endif /* _WEFT_TOOLS_FLEET_LEAVE_H */
