/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pace of a look at something that may change all the time: soon after the first sign of a
 * change, so that changes that come together are seen together, and not again before a rest,
 * which becomes longer while there is something new each time. Times are in ms of one clock.
 * All zeros: due at once.
 */
#ifndef _WEFT_TOOLS_FLEET_PACE_H
#define _WEFT_TOOLS_FLEET_PACE_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>

#define WEFT_PACE_NEVER		INT64_MAX

/**
 * struct weft_pace - when to look
 * @at: the next look, or WEFT_PACE_NEVER
 * @rest_until: none comes before
 * @rest_ms: the present rest
 */
struct weft_pace {
	__s64 at;
	__s64 rest_until;
	__s64 rest_ms;
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

/*
 * The look was taken, and there was something @new, or not. Then comes a rest of @first_ms, or of
 * twice the last one, up to @most_ms, which shrinks by a quarter where there was nothing new, and
 * is over after as long a time without a wish to look.
 */
static inline void weft_pace_done(struct weft_pace *pace, __s64 now, bool new, __s64 first_ms,
				  __s64 most_ms)
{
	__s64 rest = first_ms;

	if (pace->rest_ms && now - pace->rest_until < pace->rest_ms)
		rest = new ? pace->rest_ms * 2 : pace->rest_ms / 4 * 3;
	if (rest < first_ms)
		rest = first_ms;
	pace->rest_ms = rest < most_ms ? rest : most_ms;
	pace->at = WEFT_PACE_NEVER;
	pace->rest_until = now + pace->rest_ms;
}

#endif /* _WEFT_TOOLS_FLEET_PACE_H */
