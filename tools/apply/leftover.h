/* SPDX-License-Identifier: GPL-2.0 */
/* What an up that was killed, or a link that others have deleted, has left. */
#ifndef _WEFT_TOOLS_LEFTOVER_H
#define _WEFT_TOOLS_LEFTOVER_H

#include <stdbool.h>

struct weft_context;
struct weft_journal;
struct weft_record;
struct weft_state;

/* Whether @record tells of an interface that is not the one that stands. */
bool weft_leftover_is_there(const struct weft_record *record,
			    const struct weft_state *state);
/*
 * Undo what @record tells, with the hooks of going down, and forget it. What
 * fails is told, and the rest goes on; false then. Unless a hook alone has
 * failed, @record is still there, and kept for the next command.
 */
bool weft_leftover_clear(const struct weft_context *ctx, const char *name,
			 struct weft_record *record,
			 const struct weft_state *state);
/*
 * Delete rules of the tables that are recorded, as far as they are there still.
 * A table with a route of another link than @index keeps them; 0 for no own link.
 */
bool weft_leftover_rules(struct weft_journal *journal,
			 const struct weft_record *record,
			 const struct weft_state *state, unsigned int index);
/* The same of the rules as they stand, under their lock, which the caller does not hold. */
bool weft_leftover_rules_alone(struct weft_journal *journal,
			       const struct weft_record *record, unsigned int index);

#endif /* _WEFT_TOOLS_LEFTOVER_H */
