/* SPDX-License-Identifier: GPL-2.0 */
/* The part of the kernel's header that the generated policy uses. */
#ifndef SHIM_NET_GENETLINK_H
#define SHIM_NET_GENETLINK_H

#include <stdint.h>

struct sk_buff;
struct netlink_callback;
struct genl_info;

struct genl_small_ops {
	int (*doit)(struct sk_buff *skb, struct genl_info *info);
	int (*dumpit)(struct sk_buff *skb, struct netlink_callback *cb);
	uint8_t cmd;
	uint8_t flags;
};

struct genl_multicast_group {
	char name[16];
	uint8_t flags;
};

#define GENL_UNS_ADMIN_PERM	0x10
#define GENL_MCAST_CAP_NET_ADMIN 0x20

/* The handlers are the kernel's. */
#pragma weak weft_nl_get_device_dumpit
#pragma weak weft_nl_set_device_doit
#pragma weak weft_nl_rotate_doit

#endif
