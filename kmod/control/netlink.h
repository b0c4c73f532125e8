/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The generic netlink families, as specified in Documentation/netlink/specs/weft.yaml, and code
 * that requests of both kinds share. nl_get.c answers, nl_set.c changes.
 */
#ifndef WEFT_NETLINK_H
#define WEFT_NETLINK_H

#include <linux/netlink.h>
#include <linux/types.h>

struct genl_family;
struct net;
struct net_device;
struct nlattr;

struct genl_family *weft_netlink_family(void);
const struct genl_family *weft_netlink_family_of(const struct nlmsghdr *nlh);
struct net_device *weft_netlink_interface(struct net *net, struct nlattr **attrs,
					  struct netlink_ext_ack *extack);
int weft_netlink_init(bool compat);
void weft_netlink_exit(bool compat);

#endif /* WEFT_NETLINK_H */
