/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The store of a fleet as a folder: a file for each record, which is one line.
 *
 *   DIR/fleet  DIR/fleet.EPOCH  DIR/node/NAME  DIR/hello/NAME
 *   DIR/pending  a batch of records while their files are written
 */
#ifndef _WEFT_TOOLS_FLEET_STORE_H
#define _WEFT_TOOLS_FLEET_STORE_H

#include "fleet/members.h"
#include "fleet/merge.h"

struct weft_context;

/**
 * struct weft_store - an open store
 * @ctx: the context
 * @path: the folder
 * @lock: its locked file, or -1
 * @signs: the first key of @trust is an admin key that is to sign
 * @trust: the keys that a chain of records of the fleet begins at, or NULL for any
 * @fleet: its records; NULL in a folder without a fleet
 * @changes: the changes of an admin's command, in words
 */
struct weft_store {
	const struct weft_context *ctx;
	const char *path;
	int lock;
	bool signs;
	const struct weft_keys *trust;
	struct weft_fleet *fleet;
	struct weft_words changes;
};

/*
 * Read a store. For a command that changes it, @lock keeps other commands away. The
 * record of the fleet is signed by a key of @trust, or by one that an older record
 * introduces which such a key has signed; or for NULL by any key: a reader of the store
 * without an admin key has no trust of its own. Other records that do not count cause
 * warnings. False after a complaint.
 */
bool weft_store_open(struct weft_store *store, const struct weft_context *ctx, const char *path,
		     const struct weft_keys *trust, bool lock);
/* The same, and a folder without a fleet is a failure. */
bool weft_store_need(struct weft_store *store, const struct weft_context *ctx, const char *path,
		     const struct weft_keys *trust, bool lock);
/*
 * In a folder without a fleet: begin with the newest record of a fleet in the text,
 * whatever key has signed it. False after a complaint, also for a text without one.
 */
bool weft_store_adopt(struct weft_store *store, const char *text, size_t len);
/* Write a record to its file, as a whole. In a dry run nothing. False after a complaint. */
bool weft_store_put(struct weft_store *store, const struct weft_fleet_record *record);
/* Keep a copy of a record of the fleet that hands over to its successor. */
bool weft_store_keep(struct weft_store *store, const struct weft_fleet_record *terms);
/*
 * The same for many records, of which all count from one moment on, or after a complaint
 * none: they are first written to one file, which is a part of the store until each of
 * them has its own. The hello of an identity that is replaced is removed.
 */
bool weft_store_put_all(struct weft_store *store, struct weft_fleet_record **items, size_t count);
/* Remove the records of a node that is revoked. */
bool weft_store_remove(struct weft_store *store, const char *node);
void weft_store_close(struct weft_store *store);

#endif /* _WEFT_TOOLS_FLEET_STORE_H */
