// SPDX-License-Identifier: GPL-2.0
#include <sodium.h>
#include <string.h>

#include "fleet/schedule.h"

__s64 weft_schedule_spread(__u64 window)
{
	__u64 spread = window / 10;

	if (!window)
		return WEFT_SCHEDULE_SPREAD_S;
	if (spread > WEFT_SCHEDULE_SPREAD_MAX_S)
		return WEFT_SCHEDULE_SPREAD_MAX_S;
	return spread ?: 1;
}

__u64 weft_schedule_offset(const char *fleet, const char *node)
{
	unsigned char hash[crypto_generichash_BYTES];
	crypto_generichash_state state;
	__u64 offset = 0;
	size_t i;

	crypto_generichash_init(&state, NULL, 0, sizeof(hash));
	/* With the zero that ends it, so that both names cannot run into each other. */
	crypto_generichash_update(&state, (const unsigned char *)fleet, strlen(fleet) + 1);
	crypto_generichash_update(&state, (const unsigned char *)node, strlen(node));
	crypto_generichash_final(&state, hash, sizeof(hash));
	for (i = 0; i < sizeof(offset); i++)
		offset = offset << 8 | hash[i];
	return offset;
}

/* The node's moment that follows @time, or its only one if the times are out of order. */
static __s64 schedule_after(const struct weft_schedule *schedule, __s64 time)
{
	__u64 span = schedule->window && schedule->window < schedule->every ? schedule->window :
									      schedule->every;
	__s64 every = schedule->every, offset = schedule->offset % span;

	if (time < offset)
		return offset;
	return offset + ((time - offset) / every + 1) * every;
}

/* Of an order the nodes spread the load in a short time: it may be an emergency. */
static __s64 schedule_ordered(const struct weft_schedule *schedule)
{
	__u64 span = WEFT_SCHEDULE_ORDER_S;

	if (schedule->window && schedule->window < span)
		span = schedule->window;
	return schedule->ordered_at + (__s64)(schedule->offset % span);
}

/* When the present key is to be replaced; INT64_MAX: never. */
static __s64 schedule_due(const struct weft_schedule *schedule)
{
	__s64 due = INT64_MAX, ordered;

	/* A key from the future was made by a clock that was wrong: it counts as one of now. */
	if (schedule->every)
		due = schedule_after(schedule, schedule->since < schedule->now ? schedule->since :
									    schedule->now);
	if (schedule->ordered_at) {
		ordered = schedule_ordered(schedule);
		due = ordered < due ? ordered : due;
	}
	return due;
}

static void schedule_wait(const struct weft_schedule *schedule, struct weft_schedule_turn *turn,
			  __s64 until, enum weft_schedule_step step)
{
	if (schedule->now >= until)
		turn->step = step;
	else
		turn->next = until;
}

/* An announcement that the store has not got does not spread. */
static void schedule_announced(const struct weft_schedule *schedule,
			       struct weft_schedule_turn *turn)
{
	__s64 spread = weft_schedule_spread(schedule->window);

	if (schedule->published_at)
		schedule_wait(schedule, turn, schedule->published_at + spread,
			      WEFT_SCHEDULE_CHANGES);
	else
		turn->stuck = weft_schedule_is_stuck(schedule);
}

static void schedule_changed(const struct weft_schedule *schedule, struct weft_schedule_turn *turn)
{
	__s64 until = schedule->grace_until ?: INT64_MAX;

	if (schedule->published_at && schedule->met)
		turn->step = WEFT_SCHEDULE_FINISHES;
	else
		schedule_wait(schedule, turn, until, WEFT_SCHEDULE_FINISHES);
	turn->stuck = turn->step == WEFT_SCHEDULE_WAITS && !schedule->published_at &&
		      schedule->now > schedule->since + WEFT_SCHEDULE_PATIENCE_S;
}

bool weft_schedule_is_stuck(const struct weft_schedule *schedule)
{
	__s64 until = INT64_MAX;

	if (schedule->state == WEFT_SELF_ANNOUNCED)
		until = schedule->announced + weft_schedule_spread(schedule->window);
	else if (schedule->state == WEFT_SELF_CHANGED && schedule->grace_until)
		until = schedule->grace_until;
	return until != INT64_MAX && schedule->now > until + WEFT_SCHEDULE_PATIENCE_S;
}

bool weft_schedule_is_overdue(const struct weft_schedule *schedule)
{
	__s64 due = schedule_due(schedule);

	return schedule->state == WEFT_SELF_RESTS && due != INT64_MAX &&
	       schedule->now > due + WEFT_SCHEDULE_PATIENCE_S;
}

void weft_schedule_turn(const struct weft_schedule *schedule, struct weft_schedule_turn *turn)
{
	*turn = (struct weft_schedule_turn){ .step = WEFT_SCHEDULE_WAITS, .next = INT64_MAX };
	switch (schedule->state) {
	case WEFT_SELF_RESTS:
		schedule_wait(schedule, turn, schedule_due(schedule), WEFT_SCHEDULE_ANNOUNCES);
		return;
	case WEFT_SELF_ANNOUNCED:
		schedule_announced(schedule, turn);
		return;
	case WEFT_SELF_CHANGED:
		schedule_changed(schedule, turn);
		return;
	}
}
