/* SPDX-License-Identifier: GPL-2.0 */
/* Leftovers of a killed "up", or of a link that another program has deleted. */
#ifndef _WEFT_TOOLS_LEFTOVER_H
#define _WEFT_TOOLS_LEFTOVER_H

#include <stdbool.h>

struct weft_context;
struct weft_journal;
struct weft_record;
struct weft_state;

/* Whether @record is of another interface than the present one. */
bool weft_leftover_is_there(const struct weft_record *record,
			    const struct weft_state *state);
/*
 * Undo the changes of @record, with the hooks of "down", and delete it. Failures
 * are reported and do not stop the rest; false then. Unless only a hook has
 * failed, @record is kept for the next command.
 */
bool weft_leftover_clear(const struct weft_context *ctx, const char *name,
			 struct weft_record *record,
			 const struct weft_state *state);
/*
 * Delete the remaining rules of the recorded tables. A table with a route of another
 * link than @index keeps its rules; 0 for no own link.
 */
bool weft_leftover_rules(struct weft_journal *journal,
			 const struct weft_record *record,
			 const struct weft_state *state, unsigned int index);
/* The same with the present rules, under their lock, which the caller does not hold. */
bool weft_leftover_rules_alone(struct weft_journal *journal,
			       const struct weft_record *record, unsigned int index);

#endif /* _WEFT_TOOLS_LEFTOVER_H */
