// SPDX-License-Identifier: GPL-2.0
/* Jobs finish in any order, and are delivered in one. */
#include "test.h"

#include "core/reorder.c"

#define MANY	TEST_ROUNDS(20000)
#define WINDOW	64
#define THREADS	4

struct numbered {
	struct weft_job job;
	unsigned int number;
	struct numbered *meanwhile;	/* finishes while this job is delivered */
	bool nested;			/* and is delivered by the finishing caller */
};

/* Finishes a job, and continues the delivery while jobs are left. */
static void finish(struct weft_job *job)
{
	for (job = weft_reorder_finish(job); job; job = weft_reorder_continue(job))
		;
}

static unsigned int delivered[MANY];
static unsigned int delivered_count;

static void deliver(struct weft_job *job)
{
	struct numbered *it = container_of(job, struct numbered, job);

	delivered[delivered_count++] = it->number;
	if (!it->meanwhile)
		return;
	finish(&it->meanwhile->job);
	it->nested = delivered_count != it->number + 1;
}

static void begin(struct weft_reorder *reorder)
{
	weft_reorder_init(reorder);
	delivered_count = 0;
}

static bool add(struct weft_reorder *reorder, struct numbered *it, unsigned int number)
{
	it->job.serial = deliver;
	it->number = number;
	it->meanwhile = NULL;
	it->nested = false;
	return weft_reorder_add(reorder, &it->job);
}

static void expect_delivered(struct test *t, const struct weft_reorder *reorder, unsigned int count)
{
	unsigned int i;

	EXPECT_EQ(t, delivered_count, count);
	for (i = 0; i < delivered_count; i++)
		EXPECT_EQ(t, delivered[i], i);
	EXPECT_EQ(t, list_empty(&reorder->jobs), weft_reorder_is_idle(reorder));
}

static void reorder_one_by_one(struct test *t)
{
	struct weft_reorder reorder;
	struct numbered it[3];
	unsigned int i;

	begin(&reorder);
	EXPECT(t, weft_reorder_is_idle(&reorder));
	for (i = 0; i < ARRAY_SIZE(it); i++) {
		EXPECT(t, add(&reorder, &it[i], i));
		EXPECT(t, !weft_reorder_is_idle(&reorder));
		finish(&it[i].job);
		expect_delivered(t, &reorder, i + 1);
		EXPECT(t, weft_reorder_is_idle(&reorder));
	}
}

/* No wake-up can be lost: the job that finishes last delivers all others. */
static void reorder_head_finishes_last(struct test *t)
{
	struct weft_reorder reorder;
	struct numbered it[5];
	unsigned int i;

	begin(&reorder);
	for (i = 0; i < ARRAY_SIZE(it); i++)
		EXPECT(t, add(&reorder, &it[i], i));
	for (i = ARRAY_SIZE(it) - 1; i; i--) {
		finish(&it[i].job);
		expect_delivered(t, &reorder, 0);
	}
	finish(&it[0].job);
	expect_delivered(t, &reorder, ARRAY_SIZE(it));
	EXPECT(t, weft_reorder_is_idle(&reorder));
}

/* Every order in which five jobs can finish. */
static void reorder_every_order(struct test *t)
{
	unsigned int order, i, left, rest, nth;
	struct numbered it[5];
	struct weft_reorder reorder;

	for (order = 0; order < 120; order++) {
		bool done[5] = { false };

		begin(&reorder);
		for (i = 0; i < 5; i++)
			EXPECT(t, add(&reorder, &it[i], i));
		rest = order;
		for (left = 5; left; left--) {
			nth = rest % left;
			rest /= left;
			for (i = 0; done[i] || nth; i++)
				nth -= !done[i];
			done[i] = true;
			finish(&it[i].job);
			for (i = 0; i < 5 && done[i];)
				i++;
			expect_delivered(t, &reorder, i);
		}
		EXPECT(t, weft_reorder_is_idle(&reorder));
	}
}

/* The delivering CPU finds jobs that finish meanwhile; their CPUs do not wait. */
static void reorder_finished_while_delivering(struct test *t)
{
	struct weft_reorder reorder;
	struct numbered it[3];
	unsigned int i;

	begin(&reorder);
	for (i = 0; i < ARRAY_SIZE(it); i++)
		EXPECT(t, add(&reorder, &it[i], i));
	it[0].meanwhile = &it[1];
	it[1].meanwhile = &it[2];
	finish(&it[0].job);
	expect_delivered(t, &reorder, ARRAY_SIZE(it));
	EXPECT(t, !it[0].nested);
	EXPECT(t, !it[1].nested);
	EXPECT(t, weft_reorder_is_idle(&reorder));
}

/* A CPU delivers a limited number of jobs; until it continues, no other CPU delivers. */
static void reorder_takes_turns(struct test *t)
{
	struct numbered it[2 * WEFT_REORDER_DELIVERIES + 3];
	struct weft_job *left;
	struct weft_reorder reorder;
	unsigned int i;

	begin(&reorder);
	for (i = 0; i < ARRAY_SIZE(it); i++)
		EXPECT(t, add(&reorder, &it[i], i));
	for (i = ARRAY_SIZE(it) - 2; i; i--)
		EXPECT_PTR(t, weft_reorder_finish(&it[i].job), NULL);
	left = weft_reorder_finish(&it[0].job);
	expect_delivered(t, &reorder, WEFT_REORDER_DELIVERIES);
	EXPECT_PTR(t, left, &it[WEFT_REORDER_DELIVERIES].job);
	EXPECT_PTR(t, weft_reorder_finish(&it[ARRAY_SIZE(it) - 1].job), NULL);
	expect_delivered(t, &reorder, WEFT_REORDER_DELIVERIES);
	left = weft_reorder_continue(left);
	expect_delivered(t, &reorder, 2 * WEFT_REORDER_DELIVERIES);
	EXPECT_PTR(t, left, &it[2 * WEFT_REORDER_DELIVERIES].job);
	EXPECT_PTR(t, weft_reorder_continue(left), NULL);
	expect_delivered(t, &reorder, ARRAY_SIZE(it));
	EXPECT(t, weft_reorder_is_idle(&reorder));
	/* The queue then works like one that was never interrupted. */
	EXPECT(t, add(&reorder, &it[0], delivered_count));
	EXPECT_PTR(t, weft_reorder_finish(&it[0].job), NULL);
	expect_delivered(t, &reorder, ARRAY_SIZE(it) + 1);
}

static void reorder_is_full(struct test *t)
{
	struct numbered *it = test_zalloc(t, (WEFT_REORDER_MAX_JOBS + 1) * sizeof(*it));
	struct weft_reorder reorder;
	unsigned int i;

	begin(&reorder);
	for (i = 0; i < WEFT_REORDER_MAX_JOBS; i++)
		EXPECT(t, add(&reorder, &it[i], i));
	EXPECT(t, !add(&reorder, &it[i], i));
	finish(&it[0].job);
	EXPECT(t, add(&reorder, &it[i], i));
	for (i = 1; i <= WEFT_REORDER_MAX_JOBS; i++)
		finish(&it[i].job);
	expect_delivered(t, &reorder, WEFT_REORDER_MAX_JOBS + 1);
	test_free(it);
}

/* A window of jobs moves over many; jobs within it finish at random. */
static void reorder_random(struct test *t)
{
	struct numbered *it = test_zalloc(t, WINDOW * sizeof(*it)), *open[WINDOW];
	unsigned int next = 0, count = 0, i;
	struct weft_reorder reorder;

	begin(&reorder);
	while (delivered_count < MANY) {
		while (next < MANY && next - delivered_count < WINDOW) {
			open[count++] = &it[next % WINDOW];
			EXPECT(t, add(&reorder, &it[next % WINDOW], next));
			next++;
		}
		i = test_random_below(count);
		finish(&open[i]->job);
		open[i] = open[--count];
	}
	expect_delivered(t, &reorder, MANY);
	EXPECT(t, weft_reorder_is_idle(&reorder));
	test_free(it);
}

#ifndef __KERNEL__

struct shared {
	struct weft_reorder reorder;
	pthread_mutex_t lock;
	struct numbered *it;
	unsigned int next;
};

/* Takes a number and adds the job under one lock, then finishes it without. */
static void *reorder_thread(void *argument)
{
	struct shared *shared = argument;

	for (;;) {
		struct numbered *it = NULL;

		pthread_mutex_lock(&shared->lock);
		if (shared->next < MANY) {
			it = &shared->it[shared->next];
			while (!add(&shared->reorder, it, shared->next))
				sched_yield();
			shared->next++;
		}
		pthread_mutex_unlock(&shared->lock);
		if (!it)
			return NULL;
		if (it->number % 7 == 0)
			sched_yield();
		finish(&it->job);
	}
}

static void reorder_threads(struct test *t)
{
	struct shared shared = { .lock = PTHREAD_MUTEX_INITIALIZER };
	pthread_t threads[THREADS];
	unsigned int i;

	shared.it = test_zalloc(t, MANY * sizeof(*shared.it));
	begin(&shared.reorder);
	for (i = 0; i < THREADS; i++)
		EXPECT(t, !pthread_create(&threads[i], NULL, reorder_thread, &shared));
	for (i = 0; i < THREADS; i++)
		EXPECT(t, !pthread_join(threads[i], NULL));
	expect_delivered(t, &shared.reorder, MANY);
	EXPECT(t, weft_reorder_is_idle(&shared.reorder));
	test_free(shared.it);
}

#define USERSPACE_CASES	, TEST_CASE(reorder_threads)
#else
#define USERSPACE_CASES
#endif

TEST_SUITE("reorder",
	   TEST_CASE(reorder_one_by_one),
	   TEST_CASE(reorder_head_finishes_last),
	   TEST_CASE(reorder_every_order),
	   TEST_CASE(reorder_finished_while_delivering),
	   TEST_CASE(reorder_takes_turns),
	   TEST_CASE(reorder_is_full),
	   TEST_CASE(reorder_random) USERSPACE_CASES);
