/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/weft.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_WEFT_GEN_H
#define _LINUX_WEFT_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/weft.h>

/* Common nested types */
extern const struct nla_policy weft_allowedip_nl_policy[WEFT_ALLOWEDIP_A_FLAGS + 1];
extern const struct nla_policy weft_candidate_nl_policy[WEFT_CANDIDATE_A_ENDPOINT + 1];
extern const struct nla_policy weft_drops_nl_policy[WEFT_DROPS_A_TOO_BIG + 1];
extern const struct nla_policy weft_peer_nl_policy[WEFT_PEER_A_PRESHARED_GRACE_LEFT + 1];

/* Global operation policy for weft */
extern const struct nla_policy weft_device_nl_policy[WEFT_DEVICE_A_BIND_IFNAME + 1];

/* Ops table for weft */
extern const struct genl_small_ops weft_nl_ops[3];

extern const struct genl_multicast_group weft_nl_mcgrps[1];

int weft_nl_get_device_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int weft_nl_set_device_doit(struct sk_buff *skb, struct genl_info *info);
int weft_nl_rotate_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	WEFT_NLGRP_EVENTS,
};

#endif /* _LINUX_WEFT_GEN_H */
