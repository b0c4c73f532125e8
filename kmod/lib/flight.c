// SPDX-License-Identifier: GPL-2.0

#include "lib/flight.h"

/* The slot of the block of @counter, or of the one @behind blocks before it. */
static unsigned int flight_slot(u64 counter, unsigned int behind)
{
	return (counter / WEFT_FLIGHT_BLOCK - behind) % WEFT_FLIGHT_SLOTS;
}

/*
 * Whether counters in flight are too far behind @next. A slot also serves blocks ahead of @next:
 * its value is valid only while @next is still the next counter.
 */
static bool flight_is_blocked(const struct weft_flight *flight, u64 next)
{
	return atomic_read(&flight->under_way[flight_slot(next, WEFT_FLIGHT_BLOCKS)]) &&
	       (u64)atomic64_read(&flight->next) == next;
}

/**
 * weft_flight_take() - take counters
 * @flight: the session's
 * @count: their number, 1 to WEFT_FLIGHT_AT_ONCE
 * @first: set to the first one; the others follow it
 *
 * The block is marked before a counter is taken from it, so that no other CPU sees the counter gone
 * and the block empty. A mark on a block that is used up by then is removed, but may have turned
 * another CPU away: the caller looks for such packets afterwards, whatever this returns.
 *
 * Return: false while counters of other CPUs are too far behind.
 */
bool weft_flight_take(struct weft_flight *flight, unsigned int count, u64 *first)
{
	s64 next = atomic64_read(&flight->next);

	for (;;) {
		atomic_t *mine = &flight->under_way[flight_slot(next, 0)];
		s64 seen = next;

		atomic_inc(mine);
		/* A CPU that sees @next taken sees the mark. */
		smp_mb__after_atomic();
		if (unlikely(flight_is_blocked(flight, next))) {
			atomic_dec(mine);
			return false;
		}
		if (likely(atomic64_try_cmpxchg(&flight->next, &next, seen + count))) {
			*first = seen;
			return true;
		}
		atomic_dec(mine);
	}
}

/**
 * weft_flight_land() - the messages of a take have been passed on or dropped
 * @flight: the session's
 * @first: the take's first counter
 *
 * A full barrier: afterwards packets that waited for this are visible, or their CPU has seen it.
 */
void weft_flight_land(struct weft_flight *flight, u64 first)
{
	atomic_dec(&flight->under_way[flight_slot(first, 0)]);
	/* Pairs with the barrier of a CPU between staging a packet and reading under_way. */
	smp_mb__after_atomic();
}

/**
 * weft_flight_is_open() - whether counters can be taken
 * @flight: the session's
 *
 * Return: false only while another CPU has counters in flight, which it lands later.
 */
bool weft_flight_is_open(const struct weft_flight *flight)
{
	return !flight_is_blocked(flight, atomic64_read(&flight->next));
}
