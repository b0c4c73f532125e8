/* SPDX-License-Identifier: GPL-2.0 */
/* What a record changes, in words. */
#ifndef _WEFT_TOOLS_FLEET_DIFFERENCE_H
#define _WEFT_TOOLS_FLEET_DIFFERENCE_H

#include <stdbool.h>

struct weft_fleet_record;
struct weft_words;

/*
 * Append a line "node NAME: KEY: OLD -> NEW" to @to for each value of @now, the record of a
 * node or of the fleet, that differs from that of @old, NULL for none. Numbers of records,
 * and revocations, are not among them. False: no memory.
 */
bool weft_difference(struct weft_words *to, const struct weft_fleet_record *old,
		     const struct weft_fleet_record *now);

#endif /* _WEFT_TOOLS_FLEET_DIFFERENCE_H */
