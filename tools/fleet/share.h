/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A share of the CPU for steps that may be wanted all the time: each step is paid for by a rest of
 * WEFT_SHARE_FACTOR times what it cost. A quiet time before it counts, up to WEFT_SHARE_BURST_MS,
 * so that a short step is followed by the next one at once. Times are in ms: costs of CPU time,
 * the others of one clock. All zeros: the first step is due at once.
 */
#ifndef _WEFT_TOOLS_FLEET_SHARE_H
#define _WEFT_TOOLS_FLEET_SHARE_H

#include <linux/types.h>
#include <stdbool.h>

#define WEFT_SHARE_FACTOR	10
#define WEFT_SHARE_BURST_MS	5000
/* What a step costs at least that makes a file last: the disk is others', too. */
#define WEFT_SHARE_WRITE_MS	100

/**
 * struct weft_share - what is paid for
 * @rest_until: no step is taken before
 */
struct weft_share {
	__s64 rest_until;
};

/* A step that is wanted at @at is taken at this time. */
static inline __s64 weft_share_at(const struct weft_share *share, __s64 at)
{
	return at > share->rest_until ? at : share->rest_until;
}

/*
 * A step has cost @cost_ms, and perhaps @wrote records, which is paid for from the end of the last
 * payment on.
 */
static inline void weft_share_spend(struct weft_share *share, __s64 now, __s64 cost_ms, bool wrote)
{
	__s64 from = now - WEFT_SHARE_BURST_MS;

	if (wrote && cost_ms < WEFT_SHARE_WRITE_MS)
		cost_ms = WEFT_SHARE_WRITE_MS;
	if (share->rest_until < from)
		share->rest_until = from;
	share->rest_until += WEFT_SHARE_FACTOR * cost_ms;
}

/* No step before @until, however due it is. What was spent is owed all the same. */
static inline void weft_share_defer(struct weft_share *share, __s64 until)
{
	share->rest_until = weft_share_at(share, until);
}

#endif /* _WEFT_TOOLS_FLEET_SHARE_H */
