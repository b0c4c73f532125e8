// SPDX-License-Identifier: GPL-2.0
/*
 * Which CPU processes a job, on machines with any number of CPUs whose workers take long, or never
 * run. This CPU adds the jobs.
 */
#include "test.h"

/* As in the kernel, whose callbacks have parameters that some do not need. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#include <shim/machine.h>

#include "core/reorder.c"
#include "datapath/parallel.c"

#define MANY	1000
#define US	1000ULL

struct numbered {
	struct weft_job job;
	unsigned int number;
};

static struct numbered jobs[MANY];
static struct weft_reorder reorder;
static unsigned int added, delivered;
static bool ordered;

static void process(struct weft_job *job)
{
}

static void deliver(struct weft_job *job)
{
	ordered = ordered && container_of(job, struct numbered, job)->number == delivered;
	delivered++;
}

static void begin(struct test *t, unsigned int cpus)
{
	shim_cpus = cpus;
	shim_now_ns += 1000 * 1000 * US;
	shim_queued = 0;
	shim_run = 0;
	added = 0;
	delivered = 0;
	ordered = true;
	weft_reorder_init(&reorder);
	EXPECT_EQ(t, weft_parallel_init(), 0);
}

static bool add(void)
{
	struct numbered *it = &jobs[added];

	it->number = added++;
	it->job.parallel = process;
	it->job.serial = deliver;
	return weft_parallel(&reorder, &it->job);
}

/* All work that is queued runs. */
static void end(struct test *t)
{
	while (shim_run_work())
		;
	EXPECT_EQ(t, delivered, added);
	EXPECT(t, ordered);
	EXPECT_EQ(t, parallel_busy, 0);
	weft_parallel_exit();
	INIT_LIST_HEAD(&parallel_idle);
}

/* Jobs of one queue come faster than the first worker begins: none is refused. */
static void parallel_none_is_refused(struct test *t)
{
	static const unsigned int cpus[] = { 2, 3, 16, 17, 18, 64, 1024 };
	unsigned int i, refused;

	for (i = 0; i < ARRAY_SIZE(cpus); i++) {
		begin(t, cpus[i]);
		for (refused = 0; added < MANY; shim_now_ns += US)
			refused += !add();
		EXPECT_EQ(t, refused, 0);
		end(t);
	}
}

/* A busy worker is left with PARALLEL_BACKLOG jobs, and this CPU processes those beyond. */
static void parallel_a_busy_worker_is_left_with_some(struct test *t)
{
	unsigned int i;

	begin(t, 2);
	for (i = 0; i < PARALLEL_BACKLOG; i++)
		EXPECT(t, add());
	EXPECT_EQ(t, delivered, 0);
	EXPECT_EQ(t, shim_queued, 1);
	EXPECT(t, add());
	EXPECT_EQ(t, delivered, 1);
	end(t);
}

/* Each idle worker is woken for a job, as far as workers are useful. */
static void parallel_workers_are_woken(struct test *t)
{
	begin(t, 4);
	EXPECT(t, add() && add() && add() && add());
	EXPECT_EQ(t, shim_queued, 3);
	EXPECT(t, shim_run_work());
	EXPECT_EQ(t, delivered, 4);
	end(t);
}

/* Each worker begins on a CPU of its own, the next ones first, and none on this one. */
static void parallel_workers_begin_apart(struct test *t)
{
	unsigned int i;

	begin(t, 64);
	for (i = 0; i < 63; i++)
		EXPECT(t, add());
	EXPECT_EQ(t, shim_queued, 63);
	for (i = 0; i < shim_queued; i++)
		EXPECT_EQ(t, shim_work_cpu[i], i + 1);
	end(t);
}

/* While no worker runs, this CPU does what is late, and hands nothing over until one has. */
static void parallel_late_jobs_are_done_here(struct test *t)
{
	begin(t, 2);
	EXPECT(t, add());
	shim_now_ns += PARALLEL_PATIENCE_NS + US;
	EXPECT(t, add());
	EXPECT_EQ(t, delivered, 2);
	EXPECT(t, !weft_parallel_is_wanted(&reorder, WEFT_PARALLEL_MIN_LEN));
	EXPECT(t, shim_run_work());
	EXPECT(t, weft_parallel_is_wanted(&reorder, WEFT_PARALLEL_MIN_LEN));
	EXPECT(t, !weft_parallel_is_wanted(&reorder, WEFT_PARALLEL_MIN_LEN - 1));
	end(t);
}

/* Jobs are not late while workers take those before them. */
static void parallel_jobs_wait_for_workers_that_run(struct test *t)
{
	unsigned int i;

	begin(t, 2);
	for (i = 0; i < PARALLEL_BACKLOG; i++)
		EXPECT(t, add());
	shim_now_ns += PARALLEL_PATIENCE_NS + US;
	parallel_taken_at_ns = shim_now_ns - US;
	parallel_timer(&parallel_timers);
	EXPECT_EQ(t, delivered, 0);
	shim_now_ns += PARALLEL_PATIENCE_NS;
	parallel_timer(&parallel_timers);
	EXPECT_EQ(t, delivered, PARALLEL_JOBS_OF_TIMER);
	end(t);
}

/* With one CPU nothing is handed over. */
static void parallel_one_cpu_does_it_all(struct test *t)
{
	begin(t, 1);
	EXPECT(t, !weft_parallel_is_wanted(&reorder, WEFT_PARALLEL_MIN_LEN));
	EXPECT(t, add());
	EXPECT_EQ(t, delivered, 1);
	EXPECT_EQ(t, shim_queued, 0);
	end(t);
}

TEST_SUITE("parallel",
	   TEST_CASE(parallel_none_is_refused),
	   TEST_CASE(parallel_a_busy_worker_is_left_with_some),
	   TEST_CASE(parallel_workers_are_woken),
	   TEST_CASE(parallel_workers_begin_apart),
	   TEST_CASE(parallel_late_jobs_are_done_here),
	   TEST_CASE(parallel_jobs_wait_for_workers_that_run),
	   TEST_CASE(parallel_one_cpu_does_it_all));
