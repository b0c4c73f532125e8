/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The generic netlink family, as Documentation/netlink/specs/weft.yaml specifies it.
 */
#ifndef WEFT_NETLINK_H
#define WEFT_NETLINK_H

#include <linux/types.h>

struct genl_family;

struct genl_family *weft_netlink_family(void);
int weft_netlink_init(bool compat);
void weft_netlink_exit(bool compat);

#endif /* WEFT_NETLINK_H */
