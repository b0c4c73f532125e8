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

static int __init main_init_notifiers(void)
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

/*
 * Reports a name that is taken. Only one module can provide "wireguard", and links of the module
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

static int __init main_init_names(void)
{
	int err;

	weft_nl_notify_init(weft_netlink_family());
	err = weft_netdev_init(main_compat);
	if (err)
		return err;
	err = weft_netlink_init(main_compat);
	if (err)
		weft_netdev_exit(main_compat);
	return err;
}

static void main_exit_data_path(void)
{
	weft_recv_exit();
	weft_parallel_exit();
	weft_batch_exit();
	weft_crypt_exit();
}

static int __init main_init_data_path(void)
{
	int err = weft_parallel_init();

	if (err)
		return err;
	err = weft_recv_init();
	if (err)
		weft_parallel_exit();
	return err;
}

static int __init main_init(void)
{
	int err;

	err = weft_gso_rx_init();
	if (err)
		return err;
	err = weft_ratelimit_init();
	if (err)
		goto exit_gso_rx;
	err = weft_session_init();
	if (err)
		goto exit_ratelimit;
	err = weft_peer_init();
	if (err)
		goto exit_session;
	err = main_init_data_path();
	if (err)
		goto exit_peer;
	err = weft_queue_init();
	if (err)
		goto exit_data_path;
	err = main_init_notifiers();
	if (err)
		goto exit_queue;
	err = main_refuse_taken(main_init_names());
	if (err)
		goto exit_notifiers;
	pr_info("weft %s loaded%s\n", WEFT_VERSION, main_compat ? ", also as wireguard" : "");
	return 0;

exit_notifiers:
	main_exit_notifiers();
exit_queue:
	weft_queue_exit();
exit_data_path:
	main_exit_data_path();
exit_peer:
	weft_peer_exit();
exit_session:
	weft_session_exit();
exit_ratelimit:
	weft_ratelimit_exit();
exit_gso_rx:
	weft_gso_rx_exit();
	return err;
}

static void __exit main_exit(void)
{
	weft_netlink_exit(main_compat);
	weft_netdev_exit(main_compat);
	main_exit_notifiers();
	weft_queue_exit();
	main_exit_data_path();
	weft_peer_exit();
	weft_session_exit();
	weft_ratelimit_exit();
	weft_gso_rx_exit();
}

module_init(main_init);
module_exit(main_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("weft: WireGuard-compatible encrypted fleet tunnel");
MODULE_VERSION(WEFT_VERSION);
MODULE_ALIAS_RTNL_LINK(KBUILD_MODNAME);
MODULE_ALIAS_GENL_FAMILY(WEFT_GENL_NAME);
