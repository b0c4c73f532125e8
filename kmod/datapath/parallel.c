// SPDX-License-Identifier: GPL-2.0
/*
 * A batch is processed by the CPU that receives it unless another CPU is idle: then it becomes a
 * job, and the CPU that adds it wakes an idle worker. While all workers are busy, PARALLEL_BACKLOG
 * jobs wait for each of them, half of a queue at most, and a CPU that adds one more processes the
 * oldest one itself. With one CPU there are no workers.
 *
 * A worker that has been woken may not run: its CPU, or all CPUs that the workqueue may use, run
 * tasks of higher priority, or are preempted by the hypervisor. No job depends on a worker:
 *
 * - A job belongs to a worker only once the worker runs, with bottom halves off and so without
 *   preemption until the job is finished. Until then any CPU can take it.
 * - If no worker has taken a job for PARALLEL_PATIENCE_NS, although one waits as long, a CPU that
 *   adds a job processes the oldest one itself, and wakes no worker. Until a worker has looked for
 *   jobs again, CPUs process the batches that they receive.
 * - If no other job is added, the timer of the CPU that added the last one processes them.
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

/* Jobs that a worker processes before it yields; that a timer processes per expiry. */
#define PARALLEL_JOBS_AT_ONCE	16
#define PARALLEL_JOBS_OF_TIMER	4

/* Jobs that a CPU processes when it adds one and jobs are late: more than are added. */
#define PARALLEL_JOBS_OF_ADDER	2

/*
 * Jobs that wait for a busy worker before a CPU that adds one helps: at 64 kB each, half a
 * millisecond of work. A worker takes 50 to 500 us from being woken to running. Meanwhile a CPU
 * that helps at once processes all batches itself, and the worker finds nothing to do.
 */
#define PARALLEL_BACKLOG	8

/* Waking a CPU from its deepest sleep takes about this long. */
#define PARALLEL_PATIENCE_NS	(200 * NSEC_PER_USEC)

struct parallel_worker {
	struct work_struct work;
	struct list_head idle;		/* parallel_lock; neither running nor queued */
	unsigned int number;		/* among the busy ones when it was woken */
};

static struct workqueue_struct *parallel_workqueue;
static struct parallel_worker *parallel_workers;
static unsigned int parallel_allowed;		/* CPUs that no boot parameter isolates; constant */
static DEFINE_SPINLOCK(parallel_lock);		/* bottom halves off; the next six */
static LIST_HEAD(parallel_waiting);		/* unstarted jobs, and rests of queues */
static LIST_HEAD(parallel_idle);		/* workers */
static unsigned int parallel_count;		/* jobs in parallel_waiting */
static u64 parallel_taken_at_ns;		/* when a worker took the last job */
static unsigned int parallel_busy;		/* workers that are not idle; READ_ONCE() */
static bool parallel_stalled;			/* a job is late; READ_ONCE() */

/* This CPU is processing a job; batches that result from it are processed in place. */
static DEFINE_PER_CPU(bool, parallel_inside);

/* Processes late jobs that this CPU has left to others. */
static DEFINE_PER_CPU(struct timer_list, parallel_timers);

/* The number of useful workers: the CPU that receives batches is busy already. */
static unsigned int parallel_useful(void)
{
	return min(num_online_cpus() - 1, parallel_allowed);
}

static void parallel_put(struct weft_job *job, u64 now)
{
	lockdep_assert_held(&parallel_lock);
	job->waiting_since_ns = now;
	list_add_tail(&job->waiting, &parallel_waiting);
	parallel_count++;
}

static struct weft_job *parallel_take(void)
{
	struct weft_job *job;

	lockdep_assert_held(&parallel_lock);
	job = list_first_entry_or_null(&parallel_waiting, struct weft_job, waiting);
	if (job) {
		list_del(&job->waiting);
		parallel_count--;
	}
	return job;
}

/* Whether more time than PARALLEL_PATIENCE_NS has passed. Another CPU's time may be a bit ahead. */
static bool parallel_is_long(u64 now, u64 since)
{
	return (s64)(now - since) > (s64)PARALLEL_PATIENCE_NS;
}

/* Whether the oldest job is late: it is not while workers take those before it. */
static bool parallel_is_late(u64 now)
{
	const struct weft_job *job;

	lockdep_assert_held(&parallel_lock);
	job = list_first_entry_or_null(&parallel_waiting, struct weft_job, waiting);
	return job && parallel_is_long(now, job->waiting_since_ns) &&
	       parallel_is_long(now, parallel_taken_at_ns);
}

/* Takes the oldest job if it is late. */
static struct weft_job *parallel_take_late(u64 now)
{
	lockdep_assert_held(&parallel_lock);
	if (!parallel_is_late(now))
		return NULL;
	WRITE_ONCE(parallel_stalled, true);
	return parallel_take();
}

/*
 * Takes the oldest job if more wait than the busy workers are left with. Those may all be of one
 * queue, which has to have room for as many that are under way.
 */
static struct weft_job *parallel_take_surplus(void)
{
	unsigned int most = min(PARALLEL_BACKLOG * parallel_busy, WEFT_REORDER_MAX_JOBS / 2U);

	lockdep_assert_held(&parallel_lock);
	return parallel_count > most ? parallel_take() : NULL;
}

/* Takes the oldest waiting job. If there is none, the worker becomes idle. */
static struct weft_job *parallel_take_or_rest(struct parallel_worker *worker)
{
	u64 now = ktime_get_ns();
	struct weft_job *job;

	spin_lock(&parallel_lock);
	WRITE_ONCE(parallel_stalled, false);
	job = parallel_take();
	parallel_taken_at_ns = now;
	if (!job) {
		list_add(&worker->idle, &parallel_idle);
		WRITE_ONCE(parallel_busy, parallel_busy - 1);
	}
	spin_unlock(&parallel_lock);
	return job;
}

/* Takes an idle worker, unless as many are busy as are useful, or as @enough if that is more. */
static struct parallel_worker *parallel_wake(unsigned int enough)
{
	struct parallel_worker *worker;

	lockdep_assert_held(&parallel_lock);
	worker = list_first_entry_or_null(&parallel_idle, struct parallel_worker, idle);
	if (!worker || parallel_busy >= max(parallel_useful(), enough))
		return NULL;
	list_del(&worker->idle);
	WRITE_ONCE(parallel_busy, parallel_busy + 1);
	worker->number = parallel_busy;
	return worker;
}

/*
 * Wakes a worker on another CPU. A workqueue begins its work near the CPU that is named, and where
 * CPUs share no cache, as in many virtual machines, near is this CPU, which is busy. CPUs whose
 * numbers are next to each other share a cache if any do. Each further worker begins at a further
 * CPU: where no cache is shared, the scheduler would leave all of them on one.
 */
static void parallel_start(struct parallel_worker *worker)
{
	int from = (smp_processor_id() + worker->number) % nr_cpu_ids;
	unsigned int cpu = cpumask_next(from - 1, cpu_online_mask);

	if (cpu >= nr_cpu_ids)
		cpu = cpumask_first(cpu_online_mask);
	queue_work_on(cpu, parallel_workqueue, &worker->work);
}

/* Starts this CPU's timer if jobs wait; it expires within two ticks. */
static void parallel_watch(void)
{
	struct timer_list *timer = this_cpu_ptr(&parallel_timers);

	lockdep_assert_held(&parallel_lock);
	if (!list_empty(&parallel_waiting) && !timer_pending(timer))
		mod_timer(timer, jiffies + 1);
}

/* Processes a job, or continues with a queue. Returns the job that is left, or NULL. */
static struct weft_job *parallel_do_turn(struct weft_job *job)
{
	struct weft_job *left;

	rcu_read_lock();
	this_cpu_write(parallel_inside, true);
	if (job->finished) {
		left = weft_reorder_continue(job);
	} else {
		job->parallel(job);
		left = weft_reorder_finish(job);
	}
	this_cpu_write(parallel_inside, false);
	rcu_read_unlock();
	return left;
}

/* Processes a job. At the end of this CPU's turn a worker continues, or any other CPU. */
static void parallel_do(struct weft_job *job)
{
	struct weft_job *left = parallel_do_turn(job);
	struct parallel_worker *worker;

	if (likely(!left))
		return;
	spin_lock(&parallel_lock);
	parallel_put(left, ktime_get_ns());
	worker = parallel_wake(1);
	parallel_watch();
	spin_unlock(&parallel_lock);
	if (worker)
		parallel_start(worker);
}

static void parallel_work(struct work_struct *work)
{
	struct parallel_worker *worker = container_of(work, struct parallel_worker, work);
	unsigned int left = PARALLEL_JOBS_AT_ONCE;
	struct weft_job *job;

	do {
		local_bh_disable();
		job = parallel_take_or_rest(worker);
		if (job)
			parallel_do(job);
		local_bh_enable();
		cond_resched();
	} while (job && --left);
	if (job)
		queue_work(parallel_workqueue, &worker->work);
}

static struct weft_job *parallel_next_late(void)
{
	struct weft_job *job;

	spin_lock(&parallel_lock);
	job = parallel_take_late(ktime_get_ns());
	spin_unlock(&parallel_lock);
	return job;
}

static void parallel_timer(struct timer_list *timer)
{
	unsigned int left = PARALLEL_JOBS_OF_TIMER;
	struct weft_job *job;

	while (left-- && (job = parallel_next_late()))
		parallel_do(job);
	spin_lock(&parallel_lock);
	parallel_watch();
	spin_unlock(&parallel_lock);
}

/**
 * weft_parallel_is_wanted() - whether a batch is to be passed to weft_parallel()
 * @reorder: its queue
 * @len: its length in bytes
 *
 * It has to be if it would otherwise overtake another one. Else it is if it is long enough, a
 * worker is idle, and workers run.
 *
 * Context: bottom halves off.
 */
bool weft_parallel_is_wanted(const struct weft_reorder *reorder, unsigned int len)
{
	if (unlikely(!weft_reorder_is_idle(reorder)))
		return true;
	return len >= WEFT_PARALLEL_MIN_LEN && READ_ONCE(parallel_busy) < parallel_useful() &&
	       !READ_ONCE(parallel_stalled) && !this_cpu_read(parallel_inside);
}

/*
 * Adds a job. Returns a worker to wake, or NULL; and in @mine the job that this CPU is to process
 * itself, or NULL. A CPU inside a job processes no other: it relies on at least one worker.
 */
static struct parallel_worker *parallel_add(struct weft_job *job, bool inside,
					    struct weft_job **mine)
{
	struct parallel_worker *worker = NULL;
	u64 now = ktime_get_ns();

	*mine = NULL;
	spin_lock(&parallel_lock);
	parallel_put(job, now);
	if (inside || likely(!parallel_is_late(now)))
		worker = parallel_wake(inside);
	if (!inside)
		*mine = parallel_take_late(now) ?: parallel_take_surplus();
	parallel_watch();
	spin_unlock(&parallel_lock);
	return worker;
}

/* While jobs are late, the CPU that adds a job processes another one. */
static struct weft_job *parallel_help(void)
{
	struct weft_job *job;

	if (likely(!READ_ONCE(parallel_stalled)))
		return NULL;
	spin_lock(&parallel_lock);
	job = parallel_take();
	spin_unlock(&parallel_lock);
	return job;
}

/**
 * weft_parallel() - process a job on some CPU and deliver it in order
 * @reorder: the queue that determines the order
 * @job: the job, its two functions set. Both are called with bottom halves off and under RCU,
 * possibly before this returns
 *
 * Context: bottom halves off.
 * Return: false if the queue is full; then the job is still the caller's.
 */
bool weft_parallel(struct weft_reorder *reorder, struct weft_job *job)
{
	bool inside = this_cpu_read(parallel_inside);
	unsigned int left = PARALLEL_JOBS_OF_ADDER;
	struct parallel_worker *worker;
	struct weft_job *mine;

	if (unlikely(!weft_reorder_add(reorder, job)))
		return false;
	worker = parallel_add(job, inside, &mine);
	if (worker)
		parallel_start(worker);
	for (; mine; mine = --left ? parallel_help() : NULL)
		parallel_do(mine);
	return true;
}

/* Once at load. Returns 0 or -ENOMEM. */
int weft_parallel_init(void)
{
	unsigned int i;

	parallel_workers = kcalloc(num_possible_cpus(), sizeof(*parallel_workers), GFP_KERNEL);
	if (!parallel_workers)
		return -ENOMEM;
	/* Swapping out over the tunnel may depend on packets. */
	parallel_workqueue = alloc_workqueue("weft-batch", WQ_UNBOUND | WQ_SYSFS | WQ_MEM_RECLAIM,
					     num_possible_cpus());
	if (!parallel_workqueue) {
		kfree(parallel_workers);
		return -ENOMEM;
	}
	for (i = 0; i < num_possible_cpus(); i++) {
		INIT_WORK(&parallel_workers[i].work, parallel_work);
		list_add_tail(&parallel_workers[i].idle, &parallel_idle);
	}
	for_each_possible_cpu(i)
		timer_setup(per_cpu_ptr(&parallel_timers, i), parallel_timer, TIMER_PINNED);
	parallel_allowed = cpumask_weight(housekeeping_cpumask(HK_TYPE_DOMAIN));
	return 0;
}

/* Once at unload, when no job is left. */
void weft_parallel_exit(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		timer_delete_sync(per_cpu_ptr(&parallel_timers, cpu));
	destroy_workqueue(parallel_workqueue);
	kfree(parallel_workers);
}
