// SPDX-License-Identifier: GPL-2.0
/*
 * Each counter is taken once, and two counters in flight are never further apart than a receiver's
 * window.
 */
#include <linux/build_bug.h>
#include <linux/limits.h>
#include <linux/minmax.h>

#include "test.h"

#include "lib/flight.c"

#define MANY	TEST_ROUNDS(200000)
#define THREADS	4

static_assert(WEFT_FLIGHT_SPAN < 8128, "the window of Linux's own WireGuard");
static_assert(WEFT_FLIGHT_BLOCKS < WEFT_FLIGHT_SLOTS, "a block is told from those it waits for");
static_assert(WEFT_FLIGHT_AT_ONCE < WEFT_FLIGHT_BLOCK, "a take begins in every block");

static void flight_in_turn(struct test *t)
{
	struct weft_flight flight = {};
	u64 first, next = 0;
	unsigned int i;

	for (i = 0; i < 20000; i++) {
		unsigned int count = 1 + i % WEFT_FLIGHT_AT_ONCE;

		EXPECT(t, weft_flight_is_open(&flight));
		EXPECT(t, weft_flight_take(&flight, count, &first));
		EXPECT_EQ(t, first, next);
		next += count;
		weft_flight_land(&flight, first);
	}
	for (i = 0; i < WEFT_FLIGHT_SLOTS; i++)
		EXPECT_EQ(t, atomic_read(&flight.under_way[i]), 0);
}

/*
 * A counter that does not land holds up those too far ahead of it, at the same distance anywhere.
 */
static void one_is_late(struct test *t, u64 from, unsigned int count)
{
	struct weft_flight flight = {};
	u64 late, first, last = 0;
	unsigned int taken = 0;

	atomic64_set(&flight.next, from);
	EXPECT(t, weft_flight_take(&flight, count, &late));
	EXPECT_EQ(t, late, from);
	while (weft_flight_is_open(&flight)) {
		EXPECT(t, weft_flight_take(&flight, count, &first));
		weft_flight_land(&flight, first);
		last = first + count - 1;
		if (++taken > WEFT_FLIGHT_SPAN)
			break;
	}
	EXPECT(t, last - late < WEFT_FLIGHT_SPAN);
	EXPECT(t, last - late >= (WEFT_FLIGHT_BLOCKS - 1) * WEFT_FLIGHT_BLOCK);
	EXPECT(t, !weft_flight_take(&flight, 1, &first));
	EXPECT_EQ(t, atomic64_read(&flight.next), last + 1);
	weft_flight_land(&flight, late);
	EXPECT(t, weft_flight_is_open(&flight));
	EXPECT(t, weft_flight_take(&flight, 1, &first));
	EXPECT_EQ(t, first, last + 1);
}

static void flight_waits_for_the_last(struct test *t)
{
	static const u64 from[] = { 0, 1, 1023, 1024, 8191, 8192, 1ULL << 40, (1ULL << 60) + 77 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(from); i++) {
		one_is_late(t, from[i], 1);
		one_is_late(t, from[i], WEFT_FLIGHT_AT_ONCE);
		one_is_late(t, from[i], 37);
	}
}

/* Any counter may be late, and several at once. */
static void flight_random(struct test *t)
{
	u64 open[WEFT_FLIGHT_AT_ONCE], first, oldest;
	unsigned int i, j, n = 0, refused = 0;
	struct weft_flight flight = {};

	for (i = 0; i < MANY; i++) {
		if (n < ARRAY_SIZE(open) && test_random_below(8)) {
			unsigned int count = 1 + test_random_below(WEFT_FLIGHT_AT_ONCE);

			if (weft_flight_take(&flight, count, &first)) {
				for (j = 0, oldest = first; j < n; j++)
					oldest = min(oldest, open[j]);
				EXPECT(t, first + count - 1 - oldest < WEFT_FLIGHT_SPAN);
				open[n++] = first;
				/* Most counters land soon. */
				if (test_random_below(4))
					weft_flight_land(&flight, open[--n]);
				continue;
			}
			EXPECT(t, n);
			refused++;
		}
		if (n) {
			j = refused % 16 ? test_random_below(n) : 0;
			weft_flight_land(&flight, open[j]);
			open[j] = open[--n];
		}
	}
	EXPECT(t, refused);
}

#ifndef __KERNEL__

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

struct shared {
	struct weft_flight flight;
	u64 late;			/* counters that the late thread has taken and not landed */
	char *seen;
	int bad;
};

/* Takes and lands counters; flight_late_thread() holds on to its own for a while. */
static void *flight_thread(void *argument)
{
	struct shared *shared = argument;
	u64 first, late;

	for (;;) {
		late = __atomic_load_n(&shared->late, __ATOMIC_SEQ_CST);
		if (!weft_flight_take(&shared->flight, 3, &first)) {
			sched_yield();
			continue;
		}
		if (first >= MANY) {
			weft_flight_land(&shared->flight, first);
			return NULL;
		}
		if (__atomic_exchange_n(&shared->seen[first / 3], 1, __ATOMIC_RELAXED))
			shared->bad = 1;
		if (late == __atomic_load_n(&shared->late, __ATOMIC_SEQ_CST) && first > late &&
		    first + 2 - late >= WEFT_FLIGHT_SPAN)
			shared->bad = 2;
		weft_flight_land(&shared->flight, first);
	}
}

static void *flight_late_thread(void *argument)
{
	struct shared *shared = argument;
	unsigned int i;
	u64 first;

	for (;;) {
		if (!weft_flight_take(&shared->flight, 3, &first)) {
			sched_yield();
			continue;
		}
		if (first < MANY)
			shared->seen[first / 3] = 1;
		__atomic_store_n(&shared->late, first, __ATOMIC_SEQ_CST);
		for (i = 0; i < 20; i++)
			sched_yield();
		__atomic_store_n(&shared->late, U64_MAX, __ATOMIC_SEQ_CST);
		weft_flight_land(&shared->flight, first);
		if (first >= MANY)
			return NULL;
	}
}

static void flight_threads(struct test *t)
{
	struct shared shared = { .late = U64_MAX };
	pthread_t threads[THREADS];
	unsigned int i;

	shared.seen = test_zalloc(t, MANY / 3 + 1);
	for (i = 0; i < THREADS; i++)
		EXPECT(t, !pthread_create(&threads[i], NULL, i ? flight_thread : flight_late_thread,
					  &shared));
	for (i = 0; i < THREADS; i++)
		EXPECT(t, !pthread_join(threads[i], NULL));
	EXPECT_EQ(t, shared.bad, 0);
	for (i = 0; i < MANY / 3; i++)
		EXPECT(t, shared.seen[i]);
	for (i = 0; i < WEFT_FLIGHT_SLOTS; i++)
		EXPECT_EQ(t, atomic_read(&shared.flight.under_way[i]), 0);
	test_free(shared.seen);
}

#define USERSPACE_CASES	, TEST_CASE(flight_threads)
#else
#define USERSPACE_CASES
#endif

TEST_SUITE("flight",
	   TEST_CASE(flight_in_turn),
	   TEST_CASE(flight_waits_for_the_last),
	   TEST_CASE(flight_random) USERSPACE_CASES);
