// SPDX-License-Identifier: GPL-2.0
/*
 * A batch is worked on where it comes in, as long as no other CPU has time for it: the CPU that
 * adds a job either wakes an idle worker or does the oldest job that waits. So no more jobs wait
 * than there are workers, and with one CPU there are none to hand anything to.
 *
 * A worker that has been woken may not run: its CPU, or all that the workqueue may use, belong to
 * tasks of higher priority, or the hypervisor. No job depends on it:
 *
 * - A job is a worker's only once the worker runs, with bottom halves off and so without preemption
 *   until the job is finished. Until then it waits for all CPUs.
 * - A CPU that adds a job does those itself that have waited for SPREAD_PATIENCE_NS, and wakes no
 *   worker. Until a worker has looked for jobs again, batches are worked on where they come in.
 * - If no other job is added, the timer of the CPU that added the last one does them.
 */

#include "datapath/parallel.h"

#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/isolation.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

/* Jobs that a worker does before others may run; that a timer does at once. */
#define SPREAD_JOBS_AT_ONCE	16
#define SPREAD_JOBS_OF_TIMER	4

/* Jobs that a CPU does when it adds one and jobs wait for too long: more than are added. */
#define SPREAD_JOBS_OF_ADDER	2

/* Waking a CPU from its deepest sleep takes about this long. */
#define SPREAD_PATIENCE_NS	(200 * NSEC_PER_USEC)

struct spread_worker {
	struct work_struct work;
	struct list_head idle;		/* spread_lock; not at work, and not queued to be */
};

static struct workqueue_struct *spread_workqueue;
static struct spread_worker *spread_workers;
static unsigned int spread_allowed;		/* CPUs that no boot parameter isolates; constant */
static DEFINE_SPINLOCK(spread_lock);		/* bottom halves off; what follows */
static LIST_HEAD(spread_waiting);		/* jobs that no CPU has begun, and rests of lines */
static LIST_HEAD(spread_idle);			/* workers */
static unsigned int spread_busy;		/* workers that are not idle; READ_ONCE() */
static bool spread_stalled;			/* a job waits too long; READ_ONCE() */

/* This CPU is doing a job; what that makes happen is done in place. */
static DEFINE_PER_CPU(bool, spread_inside);

/* Looks after the jobs that this CPU has left to others. */
static DEFINE_PER_CPU(struct timer_list, spread_timers);

/* How many workers are of use: the CPU that brings work is there already. */
static unsigned int spread_useful(void)
{
	return min(num_online_cpus() - 1, spread_allowed);
}

static void spread_put(struct weft_job *job, u64 now)
{
	lockdep_assert_held(&spread_lock);
	job->waiting_since_ns = now;
	list_add_tail(&job->waiting, &spread_waiting);
}

static struct weft_job *spread_take(void)
{
	struct weft_job *job;

	lockdep_assert_held(&spread_lock);
	job = list_first_entry_or_null(&spread_waiting, struct weft_job, waiting);
	if (job)
		list_del(&job->waiting);
	return job;
}

/* Whether the oldest job waits for too long. */
static bool spread_is_late(u64 now)
{
	const struct weft_job *job;

	lockdep_assert_held(&spread_lock);
	job = list_first_entry_or_null(&spread_waiting, struct weft_job, waiting);
	return job && (s64)(now - job->waiting_since_ns) > (s64)SPREAD_PATIENCE_NS;
}

/* Takes the oldest job if it waits for too long. */
static struct weft_job *spread_take_late(u64 now)
{
	lockdep_assert_held(&spread_lock);
	if (!spread_is_late(now))
		return NULL;
	WRITE_ONCE(spread_stalled, true);
	return spread_take();
}

/* Takes the oldest job that waits. If there is none, the worker is idle from now on. */
static struct weft_job *spread_take_or_rest(struct spread_worker *worker)
{
	struct weft_job *job;

	spin_lock(&spread_lock);
	WRITE_ONCE(spread_stalled, false);
	job = spread_take();
	if (!job) {
		list_add(&worker->idle, &spread_idle);
		WRITE_ONCE(spread_busy, spread_busy - 1);
	}
	spin_unlock(&spread_lock);
	return job;
}

/* Takes an idle worker, if there are to be more at work than @enough and than are of use. */
static struct spread_worker *spread_wake(unsigned int enough)
{
	struct spread_worker *worker;

	lockdep_assert_held(&spread_lock);
	worker = list_first_entry_or_null(&spread_idle, struct spread_worker, idle);
	if (!worker || spread_busy >= max(spread_useful(), enough))
		return NULL;
	list_del(&worker->idle);
	WRITE_ONCE(spread_busy, spread_busy + 1);
	return worker;
}

/* Has this CPU look after what waits, within two ticks. */
static void spread_watch(void)
{
	struct timer_list *timer = this_cpu_ptr(&spread_timers);

	lockdep_assert_held(&spread_lock);
	if (!list_empty(&spread_waiting) && !timer_pending(timer))
		mod_timer(timer, jiffies + 1);
}

/* Does a job, or goes on with what was left of a line. Returns what is left now, or NULL. */
static struct weft_job *spread_do_turn(struct weft_job *job)
{
	struct weft_job *left;

	rcu_read_lock();
	this_cpu_write(spread_inside, true);
	if (job->finished) {
		left = weft_line_go_on(job);
	} else {
		job->work(job);
		left = weft_line_finish(job);
	}
	this_cpu_write(spread_inside, false);
	rcu_read_unlock();
	return left;
}

/* Does a job. Where this CPU's turn at the line is over, a worker goes on, or any other CPU. */
static void spread_do(struct weft_job *job)
{
	struct weft_job *left = spread_do_turn(job);
	struct spread_worker *worker;

	if (likely(!left))
		return;
	spin_lock(&spread_lock);
	spread_put(left, ktime_get_ns());
	worker = spread_wake(1);
	spread_watch();
	spin_unlock(&spread_lock);
	if (worker)
		queue_work(spread_workqueue, &worker->work);
}

static void spread_work(struct work_struct *work)
{
	struct spread_worker *worker = container_of(work, struct spread_worker, work);
	unsigned int left = SPREAD_JOBS_AT_ONCE;
	struct weft_job *job;

	do {
		local_bh_disable();
		job = spread_take_or_rest(worker);
		if (job)
			spread_do(job);
		local_bh_enable();
		cond_resched();
	} while (job && --left);
	if (job)
		queue_work(spread_workqueue, &worker->work);
}

static struct weft_job *spread_next_late(void)
{
	struct weft_job *job;

	spin_lock(&spread_lock);
	job = spread_take_late(ktime_get_ns());
	spin_unlock(&spread_lock);
	return job;
}

static void spread_timer(struct timer_list *timer)
{
	unsigned int left = SPREAD_JOBS_OF_TIMER;
	struct weft_job *job;

	while (left-- && (job = spread_next_late()))
		spread_do(job);
	spin_lock(&spread_lock);
	spread_watch();
	spin_unlock(&spread_lock);
}

/**
 * weft_spread_is_wanted() - whether a batch is to go by way of weft_spread()
 * @line: its line
 * @len: its length in bytes
 *
 * It has to if it would overtake another one otherwise. Else it is to if that is worth the while,
 * a worker is idle, and workers run.
 *
 * Context: bottom halves off.
 */
bool weft_spread_is_wanted(const struct weft_line *line, unsigned int len)
{
	if (unlikely(!weft_line_is_idle(line)))
		return true;
	return len >= WEFT_SPREAD_MIN_LEN && READ_ONCE(spread_busy) < spread_useful() &&
	       !READ_ONCE(spread_stalled) && !this_cpu_read(spread_inside);
}

/*
 * Adds a job. Returns a worker to wake, or NULL; and in @mine the job that this CPU is to do
 * itself, or NULL. A CPU inside a job does no other: for it there is at least one worker.
 */
static struct spread_worker *spread_add(struct weft_job *job, bool inside, struct weft_job **mine)
{
	struct spread_worker *worker = NULL;
	u64 now = ktime_get_ns();

	*mine = NULL;
	spin_lock(&spread_lock);
	spread_put(job, now);
	if (inside || likely(!spread_is_late(now)))
		worker = spread_wake(inside);
	if (!worker && !inside)
		*mine = spread_take_late(now) ?: spread_take();
	spread_watch();
	spin_unlock(&spread_lock);
	return worker;
}

/* Where jobs wait for too long, the CPU that adds one does another one. */
static struct weft_job *spread_help(void)
{
	struct weft_job *job;

	if (likely(!READ_ONCE(spread_stalled)))
		return NULL;
	spin_lock(&spread_lock);
	job = spread_take();
	spin_unlock(&spread_lock);
	return job;
}

/**
 * weft_spread() - have a job done, by some CPU and in order
 * @line: what it is to be delivered in the order of
 * @job: the job, its two functions set. Both are called with bottom halves off and under RCU,
 * perhaps before this returns
 *
 * Context: bottom halves off.
 * Return: false if the line is full; then the job is still the caller's.
 */
bool weft_spread(struct weft_line *line, struct weft_job *job)
{
	bool inside = this_cpu_read(spread_inside);
	unsigned int left = SPREAD_JOBS_OF_ADDER;
	struct spread_worker *worker;
	struct weft_job *mine;

	if (unlikely(!weft_line_add(line, job)))
		return false;
	worker = spread_add(job, inside, &mine);
	if (worker)
		queue_work(spread_workqueue, &worker->work);
	for (; mine; mine = --left ? spread_help() : NULL)
		spread_do(mine);
	return true;
}

/**
 * weft_spread_init() - make the workers
 *
 * Context: process, once at load.
 * Return: 0 or -ENOMEM.
 */
int weft_spread_init(void)
{
	unsigned int i;

	spread_workers = kcalloc(num_possible_cpus(), sizeof(*spread_workers), GFP_KERNEL);
	if (!spread_workers)
		return -ENOMEM;
	/* Swapping out may wait for packets. */
	spread_workqueue = alloc_workqueue("weft-batch", WQ_UNBOUND | WQ_SYSFS | WQ_MEM_RECLAIM,
					   num_possible_cpus());
	if (!spread_workqueue) {
		kfree(spread_workers);
		return -ENOMEM;
	}
	for (i = 0; i < num_possible_cpus(); i++) {
		INIT_WORK(&spread_workers[i].work, spread_work);
		list_add_tail(&spread_workers[i].idle, &spread_idle);
	}
	for_each_possible_cpu(i)
		timer_setup(per_cpu_ptr(&spread_timers, i), spread_timer, TIMER_PINNED);
	spread_allowed = cpumask_weight(housekeeping_cpumask(HK_TYPE_DOMAIN));
	return 0;
}

/**
 * weft_spread_exit() - let go of the workers
 *
 * Context: process, once at unload, when nothing is under way any more.
 */
void weft_spread_exit(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		timer_delete_sync(per_cpu_ptr(&spread_timers, cpu));
	destroy_workqueue(spread_workqueue);
	kfree(spread_workers);
}
