// SPDX-License-Identifier: GPL-2.0

#include "control/netdev.h"
#include "control/netlink.h"
#include "control/nl_notify.h"
#include "core/peer.h"
#include "core/session.h"
#include "datapath/batch.h"
#include "datapath/crypt.h"
#include "datapath/parallel.h"
#include "datapath/recv.h"
#include "handshake/handshake.h"
#include "handshake/queue.h"
#include "handshake/ratelimit.h"
#include "udp/gso_rx.h"
#include "version.h"

#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/suspend.h>
#include <net/genetlink.h>
#include <net/rtnetlink.h>

#include <uapi/linux/weft.h>

static bool main_compat;
module_param_named(compat, main_compat, bool, 0444);
MODULE_PARM_DESC(compat, "also answer to the link kind and the netlink family 'wireguard'");

/* sysfs of one network namespace does not list the links of the others. */
static int main_get_interfaces(char *buffer, const struct kernel_param *param)
{
	return scnprintf(buffer, PAGE_SIZE, "%u\n", weft_netdev_count());
}

static int main_set_interfaces(const char *value, const struct kernel_param *param)
{
	return -EPERM;
}

static const struct kernel_param_ops main_interfaces_ops = {
	.get = main_get_interfaces,
	.set = main_set_interfaces,
};
module_param_cb(interfaces, &main_interfaces_ops, NULL, 0444);
MODULE_PARM_DESC(interfaces, "how many interfaces there are, in all network namespaces; read only");

/*
 * Sessions are erased before memory can be copied or written to disk, and new ones are held back
 * until the machine has resumed: processes and workers still run in between.
 */
static int main_pm_event(struct notifier_block *nb, unsigned long action, void *data)
{
	switch (action) {
	case PM_HIBERNATION_PREPARE:
	case PM_SUSPEND_PREPARE:
		weft_handshake_hold();
		weft_netdev_erase_all();
		break;
	case PM_POST_HIBERNATION:
	case PM_POST_SUSPEND:
		weft_handshake_resume();
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block main_pm_notifier = { .notifier_call = main_pm_event };

/* Two clones of a machine that continue with the same keys would reuse counters. */
static int main_vm_forked(struct notifier_block *nb, unsigned long action, void *data)
{
	weft_netdev_erase_all();
	return NOTIFY_DONE;
}

static struct notifier_block main_vmfork_notifier = { .notifier_call = main_vm_forked };

static int main_init_notifiers(void)
{
	int err = register_pm_notifier(&main_pm_notifier);

	if (err)
		return err;
	err = register_random_vmfork_notifier(&main_vmfork_notifier);
	if (err)
		unregister_pm_notifier(&main_pm_notifier);
	return err;
}

static void main_exit_notifiers(void)
{
	unregister_random_vmfork_notifier(&main_vmfork_notifier);
	unregister_pm_notifier(&main_pm_notifier);
}

static int main_init_netdev(void)
{
	weft_nl_notify_init(weft_netlink_family());
	return weft_netdev_init(main_compat);
}

static void main_exit_netdev(void)
{
	weft_netdev_exit(main_compat);
}

static int main_init_netlink(void)
{
	return weft_netlink_init(main_compat);
}

static void main_exit_netlink(void)
{
	weft_netlink_exit(main_compat);
}

/*
 * In the order of loading, undone in reverse. Process context. An init returns 0 or a negative
 * errno.
 */
static const struct {
	int (*init)(void);
	void (*exit)(void);
} main_steps[] = {
	{ weft_gso_rx_init, weft_gso_rx_exit },
	{ weft_ratelimit_init, weft_ratelimit_exit },
	{ weft_session_init, weft_session_exit },
	{ weft_peer_init, weft_peer_exit },
	{ NULL, weft_crypt_exit },
	{ NULL, weft_batch_exit },
	{ weft_parallel_init, weft_parallel_exit },
	{ weft_recv_init, weft_recv_exit },
	{ weft_queue_init, weft_queue_exit },
	{ main_init_notifiers, main_exit_notifiers },
	{ main_init_netdev, main_exit_netdev },
	{ main_init_netlink, main_exit_netlink },
};

static void main_undo(size_t steps)
{
	while (steps--)
		main_steps[steps].exit();
}

/*
 * Explains that a name is taken. Only one module can provide "wireguard", and links of the module
 * that came first may be in use. -EEXIST is not returned: modprobe takes it for "loaded already"
 * and prints nothing.
 */
static int __init main_refuse_taken(int err)
{
	if (err != -EEXIST || !main_compat)
		return err;
	pr_err("weft: compat=1 is refused: the kernel's own wireguard is loaded or built in, and only one can answer to that name\n");
	return -EBUSY;
}

static int __init main_init(void)
{
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(main_steps); i++) {
		err = main_steps[i].init ? main_steps[i].init() : 0;
		if (err) {
			main_undo(i);
			return main_refuse_taken(err);
		}
	}
	pr_info("weft %s loaded%s\n", WEFT_VERSION, main_compat ? ", also as wireguard" : "");
	return 0;
}

static void __exit main_exit(void)
{
	main_undo(ARRAY_SIZE(main_steps));
}

module_init(main_init);
module_exit(main_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("weft: WireGuard-compatible encrypted fleet tunnel");
MODULE_VERSION(WEFT_VERSION);
MODULE_ALIAS_RTNL_LINK(KBUILD_MODNAME);
MODULE_ALIAS_GENL_FAMILY(WEFT_GENL_NAME);
