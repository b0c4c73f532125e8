// SPDX-License-Identifier: GPL-2.0
/*
 * For tests, on x86: calls that weft makes fail as they do when memory is short, or take very long.
 * Debian's kernels have no fault injection, but they have kprobes.
 *
 * Under /sys/module/weft_fault/parameters:
 *
 *   functions   "NAME=null" or "NAME=enomem", which says what a failed call returns; or
 *               "NAME=late", which does not fail but takes 5 ms longer. Several, with blanks
 *               between them. Writing it begins; "" ends. A digit behind null, enomem or yes
 *               is the place among the arguments, from 0, of what is for the allocator: memory
 *               that it must not refuse is not refused. (yes: a function that says whether to)
 *   caller      part of the name of the function in weft that calls; "": any
 *   deep        1: that function need not have called itself, but one that did
 *   skip        calls that pass before the first one fails; 4294967295: all, and none is counted
 *   every       of those behind them every so many fails
 *   times       that fail at most; 0: no limit
 *   seen        calls since the beginning; writing it begins anew
 *   failed      and how many of them have failed
 *   poll        writing a device's name has all its queues polled with a budget of 0, many times,
 *               as a console on the network does it; fails if that takes a packet
 *   copy        writing it calls the notifiers of a machine that is a copy of another
 *
 * What comes before functions is to be written before it, but skip, which may change at any time.
 */
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/netdevice.h>
#include <linux/nsproxy.h>
#include <linux/pgtable.h>
#include <linux/ptrace.h>
#include <linux/slab.h>
#include <linux/stacktrace.h>
#include <linux/string.h>

#define FAULT_FUNCTIONS	12
#define FAULT_LATE_MS	5
#define FAULT_POLLS	200
#define FAULT_DEPTH	48

struct fault {
	struct kprobe probe;
	char name[64];
	unsigned long instead;		/* what is run in place of the function; 0: it is late */
	int gfp;			/* which argument is for the allocator; -1: none */
};

static struct fault faults[FAULT_FUNCTIONS];
static unsigned int fault_count;

static char caller[64];
module_param_string(caller, caller, sizeof(caller), 0644);
static bool deep;
module_param(deep, bool, 0644);
static unsigned int skip;
module_param(skip, uint, 0644);
static unsigned int every = 1;
module_param(every, uint, 0644);
static unsigned int times;
module_param(times, uint, 0644);

static atomic_t fault_seen = ATOMIC_INIT(0);
static atomic_t fault_failed = ATOMIC_INIT(0);

static noinline notrace void *fault_null(void)
{
	return NULL;
}

static noinline notrace void *fault_enomem(void)
{
	return ERR_PTR(-ENOMEM);
}

static noinline notrace unsigned long fault_yes(void)
{
	return 1;
}

static const struct fault_way {
	const char *word;
	void *instead;
	int gfp;
} fault_ways[] = {
	{ "null", fault_null, -1 },
	{ "null0", fault_null, 0 },
	{ "null1", fault_null, 1 },
	{ "null2", fault_null, 2 },
	{ "enomem", fault_enomem, -1 },
	{ "enomem1", fault_enomem, 1 },
	{ "yes0", fault_yes, 0 },
	{ "late", NULL, -1 },
};

/* Whether a call that will return to @address is one of those that are to fail. */
static bool fault_is_at(unsigned long address)
{
	char name[KSYM_SYMBOL_LEN];

	if (address < MODULES_VADDR || address >= MODULES_END)
		return false;
	sprint_symbol_no_offset(name, address - 1);
	return strstr(name, " [weft]") && strstr(name, caller);
}

/* Whether one of those that have led here is. */
static bool fault_is_behind(void)
{
	unsigned long entries[FAULT_DEPTH];
	unsigned int i, count = stack_trace_save(entries, FAULT_DEPTH, 0);

	for (i = 0; i < count; i++) {
		if (fault_is_at(entries[i]))
			return true;
	}
	return false;
}

/* At a function's beginning, what lies on the stack is where it will return to. */
static bool fault_is_meant(const struct fault *fault, struct pt_regs *regs)
{
	if (READ_ONCE(skip) == UINT_MAX)
		return false;
	/* Memory that must not be refused is not asked for in vain. */
	if (fault->gfp >= 0 &&
	    regs_get_kernel_argument(regs, fault->gfp) & (__force unsigned long)__GFP_NOFAIL)
		return false;
	return deep ? fault_is_behind() : fault_is_at(regs_get_kernel_stack_nth(regs, 0));
}

/* Whether it is the turn of the call that has just come. */
static bool fault_is_due(void)
{
	unsigned int number = atomic_inc_return(&fault_seen);

	if (number <= skip || (number - skip) % max(every, 1U))
		return false;
	return atomic_add_unless(&fault_failed, 1, times ?: -1);
}

static int fault_enter(struct kprobe *probe, struct pt_regs *regs)
{
	const struct fault *fault = container_of(probe, struct fault, probe);

	if (!fault_is_meant(fault, regs) || !fault_is_due())
		return 0;
	if (!fault->instead) {
		mdelay(FAULT_LATE_MS);
		return 0;
	}
	instruction_pointer_set(regs, fault->instead);
	return 1;
}

NOKPROBE_SYMBOL(fault_enter);

/* Only a probe that has one may lead elsewhere. */
static void fault_leave(struct kprobe *probe, struct pt_regs *regs, unsigned long flags)
{
}

static void fault_disarm(void)
{
	while (fault_count)
		unregister_kprobe(&faults[--fault_count].probe);
}

static const struct fault_way *fault_way(const char *word)
{
	int i;

	for (i = 0; word && i < ARRAY_SIZE(fault_ways); i++) {
		if (!strcmp(word, fault_ways[i].word))
			return &fault_ways[i];
	}
	return NULL;
}

static int fault_arm(char *word)
{
	struct fault *fault = &faults[fault_count];
	const char *name = strsep(&word, "=");
	const struct fault_way *way = fault_way(word);
	int err;

	if (fault_count == FAULT_FUNCTIONS || !way)
		return -EINVAL;
	memset(fault, 0, sizeof(*fault));
	fault->instead = (unsigned long)way->instead;
	fault->gfp = way->gfp;
	strscpy(fault->name, name, sizeof(fault->name));
	fault->probe.symbol_name = fault->name;
	fault->probe.pre_handler = fault_enter;
	fault->probe.post_handler = fault_leave;
	err = register_kprobe(&fault->probe);
	if (!err)
		fault_count++;
	return err;
}

static void fault_begin(void)
{
	atomic_set(&fault_seen, 0);
	atomic_set(&fault_failed, 0);
}

static int fault_set_functions(const char *value, const struct kernel_param *param)
{
	char *copy = kstrdup(value, GFP_KERNEL), *rest, *word;
	int err = 0;

	if (!copy)
		return -ENOMEM;
	fault_disarm();
	rest = strim(copy);
	if (*rest)
		fault_begin();
	while (!err && (word = strsep(&rest, " ")) && *word)
		err = fault_arm(word);
	if (err)
		fault_disarm();
	kfree(copy);
	return err;
}

static int fault_set_counter(const char *value, const struct kernel_param *param)
{
	fault_begin();
	return 0;
}

/* Not every kernel knows of copies, and no module may say it: a probe knows where it is done. */
static int fault_announce_copy(const char *value, const struct kernel_param *param)
{
	static struct kprobe where;
	void (*announce)(const void *id, size_t len);
	int err;

	where = (struct kprobe){ .symbol_name = "add_vmfork_randomness" };
	err = register_kprobe(&where);
	if (err)
		return err;
	announce = (void *)where.addr;
	unregister_kprobe(&where);
	announce(value, strlen(value));
	return 0;
}

static int fault_poll_once(struct net_device *dev)
{
	struct napi_struct *napi;
	int taken = 0;

	local_bh_disable();
	rcu_read_lock();
	list_for_each_entry_rcu(napi, &dev->napi_list, dev_list)
		taken += napi->poll(napi, 0);
	rcu_read_unlock();
	local_bh_enable();
	return taken;
}

static int fault_poll(const char *value, const struct kernel_param *param)
{
	char name[IFNAMSIZ];
	struct net_device *dev;
	int i, taken = 0;

	strscpy(name, value, sizeof(name));
	dev = dev_get_by_name(current->nsproxy->net_ns, strim(name));
	if (!dev)
		return -ENODEV;
	for (i = 0; i < FAULT_POLLS; i++) {
		taken += fault_poll_once(dev);
		usleep_range(500, 1000);
	}
	dev_put(dev);
	return taken ? -EBUSY : 0;
}

static int fault_get_counter(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%d\n", atomic_read((const atomic_t *)param->arg));
}

static const struct kernel_param_ops fault_functions_ops = { .set = fault_set_functions };
module_param_cb(functions, &fault_functions_ops, NULL, 0200);
static const struct kernel_param_ops fault_poll_ops = { .set = fault_poll };
module_param_cb(poll, &fault_poll_ops, NULL, 0200);
static const struct kernel_param_ops fault_copy_ops = { .set = fault_announce_copy };
module_param_cb(copy, &fault_copy_ops, NULL, 0200);
static const struct kernel_param_ops fault_counter_ops = {
	.set = fault_set_counter,
	.get = fault_get_counter,
};
module_param_cb(seen, &fault_counter_ops, &fault_seen, 0644);
module_param_cb(failed, &fault_counter_ops, &fault_failed, 0444);

static int __init fault_init(void)
{
	return 0;
}
module_init(fault_init);

static void __exit fault_exit(void)
{
	fault_disarm();
}
module_exit(fault_exit);

MODULE_DESCRIPTION("Failures of memory for weft's tests");
MODULE_LICENSE("GPL");
