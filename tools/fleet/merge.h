/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Takes records into a fleet: each record is checked by itself, and one that is
 * refused changes nothing for the others.
 *
 * Numbers only go up: an epoch, a serial or a generation that was seen is not taken
 * back by an older one. A record that is missing changes nothing.
 */
#ifndef _WEFT_TOOLS_FLEET_MERGE_H
#define _WEFT_TOOLS_FLEET_MERGE_H

#include "fleet/members.h"
#include "model/refused.h"

/* The longest text of records together. */
#define WEFT_FLEET_TEXT_BYTES	(32 << 20)

/**
 * struct weft_merge_refused - a record that was refused
 * @record: its name, or its line
 * @reason: the reason
 * @class: its class
 */
struct weft_merge_refused {
	char *record;
	char *reason;
	enum weft_refused class;
};

/**
 * struct weft_merge - the result
 * @now: seconds since 1970, for the expiry of admissions
 * @whole: the text is bounded and its signatures are checked: no number of refusals ends it
 * @accepted: records that were taken in
 * @same: records that were known
 * @refused: records that were refused
 * @refused_count: their number
 * @refused_more: the number of further ones, which are not in @refused
 */
struct weft_merge {
	__s64 now;
	bool whole;
	size_t accepted;
	size_t same;
	struct weft_merge_refused *refused;
	size_t refused_count;
	size_t refused_more;
};

/* Take in the records of a text. False: no memory, and @fleet may have a part of them. */
bool weft_fleet_merge(struct weft_fleet *fleet, const char *text, size_t len,
		      struct weft_merge *merge);
/*
 * Count a record that the caller refuses itself, by its name or line. False: no memory.
 */
bool weft_merge_refuse(struct weft_merge *merge, const char *record, enum weft_refused class,
		       const char *reason);
void weft_merge_free(struct weft_merge *merge);

#endif /* _WEFT_TOOLS_FLEET_MERGE_H */
