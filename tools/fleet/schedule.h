/* SPDX-License-Identifier: GPL-2.0 */
/*
 * When a node rotates its tunnel key: a pure function of times and of what has happened. No
 * clock, no I/O.
 *
 *   rests      -> announces  once the moment of the node in the fleet's period, or an order of
 *                            the admin, has come
 *   announced  -> changes    once the store has had the announcement for the time to spread
 *   changed    -> finishes   once the store has the change and each peer has met the new key,
 *                            or once the grace is over
 *
 * The moments of a node are one period apart, at an offset that is a hash of its name: so the
 * nodes of a fleet do not rotate at the same time, whenever they were admitted.
 */
#ifndef _WEFT_TOOLS_FLEET_SCHEDULE_H
#define _WEFT_TOOLS_FLEET_SCHEDULE_H

#include <linux/types.h>
#include <stdbool.h>

#include "fleet/self.h"

/* The longest time that an announcement is given to spread, and the one without a window. */
#define WEFT_SCHEDULE_SPREAD_MAX_S	300
#define WEFT_SCHEDULE_SPREAD_S		60
/* The longest time over which the nodes spread a rotation that the admin orders. */
#define WEFT_SCHEDULE_ORDER_S		300
/* A phase that lasts so much longer than it should is stuck. */
#define WEFT_SCHEDULE_PATIENCE_S	3600

enum weft_schedule_step {
	WEFT_SCHEDULE_WAITS,
	WEFT_SCHEDULE_ANNOUNCES,
	WEFT_SCHEDULE_CHANGES,
	WEFT_SCHEDULE_FINISHES,
};

/**
 * struct weft_schedule - the situation; times are in seconds since 1970
 * @now: the present time
 * @every: the period, 0 for none
 * @window: the time over which nodes spread their rotations, 0 for the whole period
 * @offset: a hash of the node's name
 * @ordered_at: since when an order of the admin that the present key does not satisfy is
 *              known, 0 for none
 * @state: of the rotation
 * @since: when the tunnel key was made
 * @announced: when the next key was announced
 * @grace_until: when the grace of the previous key ends, 0 for no end
 * @published_at: since when the store has the present hello, 0: not yet
 * @met: each peer has met the new key
 */
struct weft_schedule {
	__s64 now;
	__u64 every;
	__u64 window;
	__u64 offset;
	__s64 ordered_at;
	enum weft_self_rotation state;
	__s64 since;
	__s64 announced;
	__s64 grace_until;
	__s64 published_at;
	bool met;
};

/**
 * struct weft_schedule_turn - what is to be done
 * @step: now
 * @next: otherwise, when to look again, INT64_MAX: only after an event
 * @stuck: the present phase has lasted too long
 */
struct weft_schedule_turn {
	enum weft_schedule_step step;
	__s64 next;
	bool stuck;
};

void weft_schedule_turn(const struct weft_schedule *schedule, struct weft_schedule_turn *turn);
/*
 * Whether a rotation has begun, and its phase should have ended WEFT_SCHEDULE_PATIENCE_S ago: as
 * far as the node's own state shows, without knowledge of the store.
 */
bool weft_schedule_is_stuck(const struct weft_schedule *schedule);
/* Whether a rotation should have begun WEFT_SCHEDULE_PATIENCE_S ago, and has not. */
bool weft_schedule_is_overdue(const struct weft_schedule *schedule);
/* Seconds for which an announcement has to be in the store before the key changes. */
__s64 weft_schedule_spread(__u64 window);
/* A number that depends on both names alone, the same on each machine. */
__u64 weft_schedule_offset(const char *fleet, const char *node);

#endif /* _WEFT_TOOLS_FLEET_SCHEDULE_H */
