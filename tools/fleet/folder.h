/* SPDX-License-Identifier: GPL-2.0 */
/* The state folder of a node in a fleet: /var/lib/weft/FLEET. */
#ifndef _WEFT_TOOLS_FLEET_FOLDER_H
#define _WEFT_TOOLS_FLEET_FOLDER_H

#include "fleet/members.h"
#include "fleet/self.h"

struct weft_context;

#define WEFT_FOLDER_CONF_MODE	0600

/* A reader alone has no lock; only a node's first command makes the folder. */
enum weft_folder_lock {
	WEFT_FOLDER_UNLOCKED,
	WEFT_FOLDER_LOCKED,
	WEFT_FOLDER_MADE,
};

/**
 * struct weft_folder - the state of a node
 * @ctx: the context
 * @name: the fleet
 * @path: the folder
 * @lock: the locked folder, or -1
 * @self: the node's own keys, NULL where the folder has none
 * @self_text: their text as read, to see a change
 * @fleet: the fleet, NULL without @self
 * @memory_text: its text as read, to see a change
 */
struct weft_folder {
	const struct weft_context *ctx;
	const char *name;
	char *path;
	int lock;
	struct weft_self *self;
	char *self_text;
	struct weft_fleet *fleet;
	char *memory_text;
};

/*
 * Read the state of fleet @name; a missing one is no failure. With a @lock no other command
 * changes it meanwhile, whatever network namespace it is in. False after a complaint.
 */
bool weft_folder_read(struct weft_folder *folder, const struct weft_context *ctx,
		      const char *name, enum weft_folder_lock lock);
/* False after a complaint where this machine has no state of the fleet. */
bool weft_folder_need(const struct weft_folder *folder);
/* Make the folder for new keys @self, which it takes. False after a complaint. */
bool weft_folder_begin(struct weft_folder *folder, struct weft_self *self);
/*
 * Write what has changed: the keys first, then the memory. In a dry run only *@changed
 * is set. False after a complaint.
 */
bool weft_folder_write(struct weft_folder *folder, bool *changed);
/* Whether the keys and the hello of @folder are on the disk. */
bool weft_folder_holds_self(const struct weft_folder *folder);
/* The path of a file in the folder, to be freed; NULL after a complaint. */
char *weft_folder_file(const struct weft_folder *folder, const char *name);
void weft_folder_free(struct weft_folder *folder);

/* Whether this machine has keys of fleet @name. */
bool weft_folder_is_there(const struct weft_context *ctx, const char *name);
/* The fleets that have a folder, in alphabetical order. False after a complaint. */
bool weft_folder_list(const struct weft_context *ctx, struct weft_words *names);

#endif /* _WEFT_TOOLS_FLEET_FOLDER_H */
