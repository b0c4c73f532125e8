// SPDX-License-Identifier: GPL-2.0
/*
 * For debug-kernels.sh: does, while it is loaded, one thing that a kernel with the right checks
 * reports.
 *
 *   what   free: reads what it has freed             leak: forgets what it has allocated
 *          bounds: reads behind an array             shift: shifts by more bits than there are
 *          object: frees a timer that is running     sleep: may sleep where it must not
 *          lock: takes two locks in either order     rcu: reads what RCU guards without its lock
 *          race: two threads count without a lock
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timer.h>

#define PLANTED_RACE_MS 5000

static char *what = "";
module_param(what, charp, 0444);

/* Read and written so that the compiler cannot see what comes of it. */
static int planted_sink;
static unsigned int planted_forty = 40;

static struct {
	int array[4];
	int behind[64];
} planted_bounds;

static void planted_free(void)
{
	int *memory = kzalloc(64, GFP_KERNEL);

	kfree(memory);
	if (memory)
		WRITE_ONCE(planted_sink, READ_ONCE(*memory));
}

static void planted_leak(void)
{
	int i;

	for (i = 0; i < 8; i++)
		WRITE_ONCE(planted_sink, !kmalloc(200, GFP_KERNEL));
}

static void planted_array(void)
{
	WRITE_ONCE(planted_sink, planted_bounds.array[READ_ONCE(planted_forty)]);
}

static void planted_shift(void)
{
	WRITE_ONCE(planted_sink, 1 << READ_ONCE(planted_forty));
}

struct planted_object {
	struct timer_list timer;
};

static void planted_fire(struct timer_list *timer)
{
}

static void planted_timer(void)
{
	struct planted_object *object = kzalloc(sizeof(*object), GFP_KERNEL);

	if (!object)
		return;
	timer_setup(&object->timer, planted_fire, 0);
	mod_timer(&object->timer, jiffies + 3600 * HZ);
	kfree(object);
}

static void planted_sleep(void)
{
	static DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	might_sleep();
	spin_unlock(&lock);
}

static void planted_lock(void)
{
	static DEFINE_MUTEX(one);
	static DEFINE_MUTEX(other);

	mutex_lock(&one);
	mutex_lock(&other);
	mutex_unlock(&other);
	mutex_unlock(&one);
	mutex_lock(&other);
	mutex_lock(&one);
	mutex_unlock(&one);
	mutex_unlock(&other);
}

static void planted_rcu(void)
{
	static int __rcu *guarded;

	WRITE_ONCE(planted_sink, !rcu_dereference(guarded));
}

static int planted_counter;

static int planted_count(void *data)
{
	while (!kthread_should_stop()) {
		int i;

		for (i = 0; i < 10000; i++) {
			planted_counter++;
			barrier();
		}
		cond_resched();
	}
	return 0;
}

static void planted_race(void)
{
	struct task_struct *one = kthread_run(planted_count, NULL, "planted/1");
	struct task_struct *other = kthread_run(planted_count, NULL, "planted/2");

	msleep(PLANTED_RACE_MS);
	if (!IS_ERR(one))
		kthread_stop(one);
	if (!IS_ERR(other))
		kthread_stop(other);
}

static const struct {
	const char *name;
	void (*plant)(void);
} planted_things[] = {
	{ "free", planted_free },
	{ "leak", planted_leak },
	{ "bounds", planted_array },
	{ "shift", planted_shift },
	{ "object", planted_timer },
	{ "sleep", planted_sleep },
	{ "lock", planted_lock },
	{ "rcu", planted_rcu },
	{ "race", planted_race },
};

static int __init planted_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(planted_things); i++) {
		if (strcmp(planted_things[i].name, what))
			continue;
		planted_things[i].plant();
		return 0;
	}
	return -EINVAL;
}

static void __exit planted_exit(void)
{
}

module_init(planted_init);
module_exit(planted_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Faults for weft's selftests to find");
