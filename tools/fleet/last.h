/* SPDX-License-Identifier: GPL-2.0 */
/* The outcome of the last "weft fleet apply", for status and metrics. */
#ifndef _WEFT_TOOLS_FLEET_LAST_H
#define _WEFT_TOOLS_FLEET_LAST_H

#include <linux/types.h>
#include <stdbool.h>

#include "conf/profile.h"
#include "model/refused.h"

struct weft_folder;
struct weft_merge;

/**
 * struct weft_fleet_last - one run
 * @time: when, in seconds since 1970; 0: never
 * @ok: the interface is as the records say
 * @refused: records that were refused
 * @waits: removals wait
 * @epoch: the epoch of the records
 * @problems: what the records ask for and could not be
 * @problem_lines: the first of them, in words
 * @classes: records that were refused, by class of the reason
 */
struct weft_fleet_last {
	__u64 time;
	bool ok;
	__u64 refused;
	bool waits;
	__u64 epoch;
	__u64 problems;
	struct weft_words problem_lines;
	__u64 classes[WEFT_REFUSED_COUNT];
};

/*
 * Fills in the counts of @merge, or leaves those of @last for NULL, and @problems. A failure
 * is a warning: the interface is as it is.
 */
void weft_fleet_last_write(const struct weft_folder *folder, const struct weft_fleet_last *last,
			   const struct weft_merge *merge, const struct weft_words *problems);
/* All zero where nothing was written. */
void weft_fleet_last_read(const struct weft_folder *folder, struct weft_fleet_last *last);
void weft_fleet_last_free(struct weft_fleet_last *last);

#endif /* _WEFT_TOOLS_FLEET_LAST_H */
