// SPDX-License-Identifier: GPL-2.0
/*
 * A batch is worked on where it comes in, as long as no other processor has time for it: whoever
 * adds a job either wakes an idle worker or does the oldest job that waits. So no more jobs wait
 * than there are workers, and with one processor there is nobody to hand anything to.
 */

#include "spread.h"

#include <linux/cpumask.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

/* Jobs that a worker does before others may run. */
#define SPREAD_JOBS_AT_ONCE	16

struct spread_worker {
	struct work_struct work;
	struct list_head idle;		/* spread_lock; not at work, and not queued to be */
};

static struct workqueue_struct *spread_workqueue;
static struct spread_worker *spread_workers;
static DEFINE_SPINLOCK(spread_lock);		/* bottom halves off; what follows */
static LIST_HEAD(spread_waiting);		/* jobs that nobody has begun */
static LIST_HEAD(spread_idle);			/* workers */
static unsigned int spread_busy;		/* workers that are not idle; READ_ONCE() */

/* This processor is doing a job; what that makes happen is done in place. */
static DEFINE_PER_CPU(bool, spread_inside);

/* How many workers are of use: whoever brings work has a processor already. */
static unsigned int spread_useful(void)
{
	return num_online_cpus() - 1;
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

/* Takes the oldest job that waits. If there is none, the worker is idle from now on. */
static struct weft_job *spread_take_or_rest(struct spread_worker *worker)
{
	struct weft_job *job;

	spin_lock(&spread_lock);
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

static void spread_do(struct weft_job *job)
{
	rcu_read_lock();
	this_cpu_write(spread_inside, true);
	job->work(job);
	weft_line_finish(job);
	this_cpu_write(spread_inside, false);
	rcu_read_unlock();
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

/**
 * weft_spread_is_wanted() - whether a batch is to go by way of weft_spread()
 * @line: its line
 * @len: its length in bytes
 *
 * It has to if it would overtake another one otherwise. Else it is to if that is worth the while,
 * and somebody is idle.
 *
 * Context: bottom halves off.
 */
bool weft_spread_is_wanted(const struct weft_line *line, unsigned int len)
{
	if (unlikely(!weft_line_is_idle(line)))
		return true;
	return len >= WEFT_SPREAD_MIN_LEN && READ_ONCE(spread_busy) < spread_useful() &&
	       !this_cpu_read(spread_inside);
}

/**
 * weft_spread() - have a job done, by somebody and in order
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
	struct spread_worker *worker;
	struct weft_job *mine = NULL;

	if (unlikely(!weft_line_add(line, job)))
		return false;
	spin_lock(&spread_lock);
	list_add_tail(&job->waiting, &spread_waiting);
	/* Who is inside a job does no other: there is at least one worker then. */
	worker = spread_wake(inside);
	if (!worker && !inside)
		mine = spread_take();
	spin_unlock(&spread_lock);
	if (worker)
		queue_work(spread_workqueue, &worker->work);
	else if (mine)
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
	spread_workqueue =
		alloc_workqueue("weft-batch", WQ_UNBOUND | WQ_SYSFS, num_possible_cpus());
	if (!spread_workqueue) {
		kfree(spread_workers);
		return -ENOMEM;
	}
	for (i = 0; i < num_possible_cpus(); i++) {
		INIT_WORK(&spread_workers[i].work, spread_work);
		list_add_tail(&spread_workers[i].idle, &spread_idle);
	}
	return 0;
}

/**
 * weft_spread_exit() - let go of the workers
 *
 * Context: process, once at unload, when nothing is under way any more.
 */
void weft_spread_exit(void)
{
	destroy_workqueue(spread_workqueue);
	kfree(spread_workers);
}
