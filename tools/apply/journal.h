/* SPDX-License-Identifier: GPL-2.0 */
/* What has been done so far, so that it can be taken back. */
#ifndef _WEFT_TOOLS_JOURNAL_H
#define _WEFT_TOOLS_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

struct weft_change;
struct weft_context;
struct weft_device;
struct weft_journal_entry;

/**
 * struct weft_journal - what has been done to one interface
 * @ctx: what it is done with
 * @name: the interface, for complaints
 * @entries: what has been done, oldest first
 * @count: how many there are
 */
struct weft_journal {
	const struct weft_context *ctx;
	const char *name;
	struct weft_journal_entry *entries;
	size_t count;
};

/*
 * Do @change, which is taken over. False after a complaint that names it; a change
 * that may be done in part is taken back with the others all the same.
 */
bool weft_journal_do(struct weft_journal *journal, struct weft_change *change);
/* Do @change, which is taken over and never taken back. False after a complaint that names it. */
bool weft_journal_leave(struct weft_journal *journal, struct weft_change *change);
/*
 * Send @change to the interface; taken back, also after a failure here, it is
 * made @old again, which has to stay, or is left alone where that is NULL.
 */
bool weft_journal_configure(struct weft_journal *journal,
			    const struct weft_device *change,
			    struct weft_device *old);
/* Take all back, latest first, whatever fails on the way. False after a complaint: a part stays. */
bool weft_journal_undo(struct weft_journal *journal);
void weft_journal_free(struct weft_journal *journal);

#endif /* _WEFT_TOOLS_JOURNAL_H */
