/* SPDX-License-Identifier: GPL-2.0 */
/* The changes made so far, for their undo. */
#ifndef _WEFT_TOOLS_JOURNAL_H
#define _WEFT_TOOLS_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

struct weft_change;
struct weft_context;
struct weft_device;
struct weft_journal_entry;

/**
 * struct weft_journal - the changes made to one interface
 * @ctx: the context
 * @name: the interface, for complaints
 * @entries: the changes made, oldest first
 * @count: their number
 */
struct weft_journal {
	const struct weft_context *ctx;
	const char *name;
	struct weft_journal_entry *entries;
	size_t count;
};

/*
 * Make @change, and take ownership of it. False after a complaint that names it; a
 * change that may have been made in part is undone like the others.
 */
bool weft_journal_do(struct weft_journal *journal, struct weft_change *change);
/* Make @change, taking ownership, without an undo. False after a complaint that names it. */
bool weft_journal_leave(struct weft_journal *journal, struct weft_change *change);
/*
 * Send @change to the interface. The undo, also after a failure here, restores
 * @old, which has to outlive the journal; with NULL there is no undo.
 */
bool weft_journal_configure(struct weft_journal *journal,
			    const struct weft_device *change,
			    struct weft_device *old);
/* Undo all, latest first, despite failures. False after a complaint: a part stays. */
bool weft_journal_undo(struct weft_journal *journal);
void weft_journal_free(struct weft_journal *journal);

#endif /* _WEFT_TOOLS_JOURNAL_H */
