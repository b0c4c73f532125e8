/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pace of a look at something that may change all the time: soon after the first sign of a
 * change, so that changes that come together are seen together, and not again before a rest.
 * Times are in ms of one clock. All zeros: due at once.
 */
#ifndef _WEFT_TOOLS_FLEET_PACE_H
#define _WEFT_TOOLS_FLEET_PACE_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>

#define WEFT_PACE_NEVER	INT64_MAX

/**
 * struct weft_pace - when to look
 * @at: the next look, or WEFT_PACE_NEVER
 * @rest_until: none comes before
 */
struct weft_pace {
	__s64 at;
	__s64 rest_until;
};

/* There may be something to see: look after @gather_ms. */
static inline void weft_pace_ask(struct weft_pace *pace, __s64 now, __s64 gather_ms)
{
	__s64 at = now + gather_ms;

	if (at < pace->rest_until)
		at = pace->rest_until;
	if (at < pace->at)
		pace->at = at;
}

static inline bool weft_pace_is_due(const struct weft_pace *pace, __s64 now)
{
	return now >= pace->at;
}

/* The look was taken. */
static inline void weft_pace_done(struct weft_pace *pace, __s64 now, __s64 rest_ms)
{
	pace->at = WEFT_PACE_NEVER;
	pace->rest_until = now + rest_ms;
}

#endif /* _WEFT_TOOLS_FLEET_PACE_H */
