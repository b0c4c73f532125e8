/* SPDX-License-Identifier: GPL-2.0 */
/* Brings the interface of a node to what the records of its fleet say. */
#ifndef _WEFT_TOOLS_FLEET_APPLY_H
#define _WEFT_TOOLS_FLEET_APPLY_H

#include "conf/file.h"
#include "fleet/folder.h"
#include "fleet/merge.h"
#include "fleet/recorder.h"

/**
 * struct weft_fleet_apply - the outcome
 * @revokes: set by the caller: removals of revoked nodes do not wait
 * @changed: something was changed, or would be in a dry run
 * @waits: removals wait for --really
 * @removals: their number
 * @left_out: some of @problems are addresses or prefixes that this machine cannot take
 * @peers: peers of the model
 * @problems: what the records ask for and cannot be
 * @silent: nodes without a hello
 * @changes: the changes of the interface, in words
 */
struct weft_fleet_apply {
	bool revokes;
	bool changed;
	bool waits;
	size_t removals;
	bool left_out;
	size_t peers;
	struct weft_words problems;
	struct weft_words silent;
	struct weft_words changes;
};

/*
 * Remember what @folder has taken in, and change the interface where it differs. The
 * interface's lock is held. False after a complaint.
 */
bool weft_fleet_apply(const struct weft_context *ctx, struct weft_folder *folder,
		      struct weft_fleet_apply *apply);
void weft_fleet_apply_free(struct weft_fleet_apply *apply);

/*
 * Note it among the problems if the fleet has admitted another identity under the node's
 * name: this machine has the node's addresses then, and no peer. False after a complaint.
 */
bool weft_fleet_check_identity(const struct weft_folder *folder, struct weft_fleet_apply *apply);

/* The records of @file, or "-", as a text, to be wiped. False after a complaint, also for none. */
bool weft_fleet_read_text(const struct weft_context *ctx, const char *file,
			  struct weft_file *text);
/*
 * Take the records of @text, a bundle from anywhere, into @fleet; what no key of the fleet has
 * signed is refused without a look at it. False after a complaint.
 */
bool weft_fleet_take_bundle(const struct weft_context *ctx, struct weft_fleet *fleet,
			    const struct weft_file *text, struct weft_merge *merge);

#endif /* _WEFT_TOOLS_FLEET_APPLY_H */
