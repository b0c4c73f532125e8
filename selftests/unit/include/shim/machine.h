/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A machine whose CPUs and clock a test sets: its code runs on CPU 0, and queued work when the test
 * has it run. The part of the kernel's headers that kmod/datapath/parallel.c uses, for userspace.
 */
#ifndef SHIM_MACHINE_H
#define SHIM_MACHINE_H

#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/types.h>

#include <errno.h>
#include <stdlib.h>

static unsigned int shim_cpus;		/* online */
static u64 shim_now_ns;

/* CPUs. */
#define nr_cpu_ids			shim_cpus
#define num_online_cpus()		shim_cpus
#define num_possible_cpus()		shim_cpus
#define cpu_online_mask			NULL
#define cpumask_next(cpu, mask)		((cpu) + 1)
#define cpumask_first(mask)		0
#define cpumask_weight(mask)		shim_cpus
#define housekeeping_cpumask(type)	NULL
#define smp_processor_id()		0
#define for_each_possible_cpu(cpu)	for ((cpu) = 0; (cpu) < 1; (cpu)++)
#define DEFINE_PER_CPU(type, name)	type name
#define per_cpu_ptr(pointer, cpu)	(pointer)
#define this_cpu_ptr(pointer)		(pointer)
#define this_cpu_read(variable)		(variable)
#define this_cpu_write(variable, value)	((variable) = (value))

/* Context. */
#define local_bh_disable()
#define local_bh_enable()
#define cond_resched()
#define lockdep_assert_held(lock)

/* Time. */
#define NSEC_PER_USEC			1000L
#define ktime_get_ns()			shim_now_ns
#define jiffies				0UL

struct timer_list {
	void (*function)(struct timer_list *timer);
	bool pending;
};

#define TIMER_PINNED			0
#define timer_setup(timer, call, flags)	((timer)->function = (call))
#define timer_pending(timer)		((timer)->pending)
#define mod_timer(timer, expires)	((timer)->pending = true)
#define timer_delete_sync(timer)	((timer)->pending = false)

/* Work. */
struct work_struct {
	void (*function)(struct work_struct *work);
};

struct workqueue_struct {
	int unused;
};

#define WQ_UNBOUND			0
#define WQ_SYSFS			0
#define WQ_MEM_RECLAIM			0
#define INIT_WORK(work, call)		((work)->function = (call))
#define SHIM_WORK_MAX			4096

static struct workqueue_struct shim_workqueue;
static struct work_struct *shim_work[SHIM_WORK_MAX];
static unsigned int shim_work_cpu[SHIM_WORK_MAX];
static unsigned int shim_queued, shim_run;	/* works that were queued, and that have run */

static inline bool queue_work_on(unsigned int cpu, struct workqueue_struct *queue,
				 struct work_struct *work)
{
	if (shim_queued == SHIM_WORK_MAX)
		abort();
	shim_work_cpu[shim_queued] = cpu;
	shim_work[shim_queued++] = work;
	return true;
}

#define queue_work(queue, work)		queue_work_on(0, queue, work)

/* Runs the work that was queued first. Returns false if there is none. */
static inline bool shim_run_work(void)
{
	struct work_struct *work;

	if (shim_run == shim_queued)
		return false;
	work = shim_work[shim_run++];
	work->function(work);
	return true;
}

#define alloc_workqueue(name, flags, most)	(&shim_workqueue)
#define destroy_workqueue(queue)

/* Memory. */
#define GFP_KERNEL			0
#define kcalloc(count, size, flags)	calloc(count, size)
#define kfree(pointer)			free(pointer)

static inline void list_add(struct list_head *entry, struct list_head *list)
{
	list_add_tail(entry, list->next);
}

#endif
