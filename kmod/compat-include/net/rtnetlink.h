/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_COMPAT_NET_RTNETLINK_H
#define WEFT_COMPAT_NET_RTNETLINK_H

#include <linux/version.h>
#include_next <net/rtnetlink.h>

/*
 * Since Linux 6.15 newlink() gets its parameters in one struct. Before, it got the namespace that
 * rtnl_newlink_link_net() returns now.
 *
 * WEFT_COMPAT_NEWLINK(function) is the first line of a newlink() of the new kind; its arguments are
 * named dev, params and extack.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
#define WEFT_COMPAT_NEWLINK(function)							\
static int function(struct net_device *dev, struct rtnl_newlink_params *params,			\
		    struct netlink_ext_ack *extack)
#else
struct rtnl_newlink_params {
	struct net *src_net;
	struct nlattr **tb;
	struct nlattr **data;
};

static inline struct net *rtnl_newlink_link_net(struct rtnl_newlink_params *params)
{
	return params->src_net;
}

#define WEFT_COMPAT_NEWLINK(function)							\
static int function##_packed(struct net_device *dev, struct rtnl_newlink_params *params,	\
			     struct netlink_ext_ack *extack);					\
static int function(struct net *src_net, struct net_device *dev, struct nlattr *tb[],		\
		    struct nlattr *data[], struct netlink_ext_ack *extack)			\
{												\
	struct rtnl_newlink_params packed = { .src_net = src_net, .tb = tb, .data = data };	\
												\
	return function##_packed(dev, &packed, extack);						\
}												\
static int function##_packed(struct net_device *dev, struct rtnl_newlink_params *params,	\
			     struct netlink_ext_ack *extack)
#endif

#endif /* WEFT_COMPAT_NET_RTNETLINK_H */
