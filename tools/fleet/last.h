/* SPDX-License-Identifier: GPL-2.0 */
/* The outcome of the last "weft fleet apply", for status and metrics. */
#ifndef _WEFT_TOOLS_FLEET_LAST_H
#define _WEFT_TOOLS_FLEET_LAST_H

#include <linux/types.h>
#include <stdbool.h>

#include "conf/profile.h"

struct weft_folder;
struct weft_merge;

/**
 * struct weft_fleet_last - one run
 * @time: when, in seconds since 1970; 0: never
 * @ok: the interface is as the records say
 * @refused: records that were refused
 * @waits: removals wait
 * @reasons: the reasons of the refusals, each once for each record
 */
struct weft_fleet_last {
	__u64 time;
	bool ok;
	__u64 refused;
	bool waits;
	struct weft_words reasons;
};

/* A failure is a warning: the interface is as it is. */
void weft_fleet_last_write(const struct weft_folder *folder, const struct weft_fleet_last *last,
			   const struct weft_merge *merge);
/* All zero where nothing was written. Its words have to be freed. */
void weft_fleet_last_read(const struct weft_folder *folder, struct weft_fleet_last *last);

#endif /* _WEFT_TOOLS_FLEET_LAST_H */
