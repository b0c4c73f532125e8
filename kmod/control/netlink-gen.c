// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/weft.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink-gen.h"

#include <uapi/linux/weft.h>

/* Common nested types */
const struct nla_policy weft_allowedip_nl_policy[WEFT_ALLOWEDIP_A_FLAGS + 1] = {
	[WEFT_ALLOWEDIP_A_FAMILY] = { .type = NLA_U16, },
	[WEFT_ALLOWEDIP_A_IPADDR] = { .type = NLA_BINARY, },
	[WEFT_ALLOWEDIP_A_CIDR_MASK] = { .type = NLA_U8, },
	[WEFT_ALLOWEDIP_A_FLAGS] = NLA_POLICY_MASK(NLA_U32, 0x1),
};

const struct nla_policy weft_candidate_nl_policy[WEFT_CANDIDATE_A_ENDPOINT + 1] = {
	[WEFT_CANDIDATE_A_ENDPOINT] = { .type = NLA_BINARY, },
};

const struct nla_policy weft_drops_nl_policy[WEFT_DROPS_A_TOO_BIG + 1] = {
	[WEFT_DROPS_A_MALFORMED] = { .type = NLA_U64, },
	[WEFT_DROPS_A_MAC] = { .type = NLA_U64, },
	[WEFT_DROPS_A_RATE_LIMIT] = { .type = NLA_U64, },
	[WEFT_DROPS_A_HANDSHAKE] = { .type = NLA_U64, },
	[WEFT_DROPS_A_UNKNOWN_PEER] = { .type = NLA_U64, },
	[WEFT_DROPS_A_TIMESTAMP] = { .type = NLA_U64, },
	[WEFT_DROPS_A_FLOOD] = { .type = NLA_U64, },
	[WEFT_DROPS_A_NO_SESSION] = { .type = NLA_U64, },
	[WEFT_DROPS_A_AUTH] = { .type = NLA_U64, },
	[WEFT_DROPS_A_REPLAY] = { .type = NLA_U64, },
	[WEFT_DROPS_A_SOURCE] = { .type = NLA_U64, },
	[WEFT_DROPS_A_ECN] = { .type = NLA_U64, },
	[WEFT_DROPS_A_NOT_IP_IN] = { .type = NLA_U64, },
	[WEFT_DROPS_A_NO_KEY] = { .type = NLA_U64, },
	[WEFT_DROPS_A_QUEUE_IN] = { .type = NLA_U64, },
	[WEFT_DROPS_A_NO_MEMORY_IN] = { .type = NLA_U64, },
	[WEFT_DROPS_A_STACK] = { .type = NLA_U64, },
	[WEFT_DROPS_A_PRESHARED] = { .type = NLA_U64, },
	[WEFT_DROPS_A_NOT_IP] = { .type = NLA_U64, },
	[WEFT_DROPS_A_DESTINATION] = { .type = NLA_U64, },
	[WEFT_DROPS_A_NO_ENDPOINT] = { .type = NLA_U64, },
	[WEFT_DROPS_A_QUEUE] = { .type = NLA_U64, },
	[WEFT_DROPS_A_GIVEN_UP] = { .type = NLA_U64, },
	[WEFT_DROPS_A_LOOP] = { .type = NLA_U64, },
	[WEFT_DROPS_A_NO_MEMORY] = { .type = NLA_U64, },
	[WEFT_DROPS_A_SEND] = { .type = NLA_U64, },
	[WEFT_DROPS_A_TOO_BIG] = { .type = NLA_U64, },
};

const struct nla_policy weft_peer_nl_policy[WEFT_PEER_A_PRESHARED_GRACE_LEFT + 1] = {
	[WEFT_PEER_A_PUBLIC_KEY] = NLA_POLICY_EXACT_LEN(32),
	[WEFT_PEER_A_PRESHARED_KEY] = NLA_POLICY_EXACT_LEN(32),
	[WEFT_PEER_A_FLAGS] = NLA_POLICY_MASK(NLA_U32, 0x7),
	[WEFT_PEER_A_ENDPOINT] = { .type = NLA_BINARY, },
	[WEFT_PEER_A_PERSISTENT_KEEPALIVE_INTERVAL] = { .type = NLA_U16, },
	[WEFT_PEER_A_LAST_HANDSHAKE_TIME] = NLA_POLICY_EXACT_LEN(16),
	[WEFT_PEER_A_RX_BYTES] = { .type = NLA_U64, },
	[WEFT_PEER_A_TX_BYTES] = { .type = NLA_U64, },
	[WEFT_PEER_A_ALLOWEDIPS] = NLA_POLICY_NESTED_ARRAY(weft_allowedip_nl_policy),
	[WEFT_PEER_A_PROTOCOL_VERSION] = { .type = NLA_U32, },
	[WEFT_PEER_A_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
	[WEFT_PEER_A_NEXT_PUBLIC_KEY] = NLA_POLICY_EXACT_LEN(32),
	[WEFT_PEER_A_PREVIOUS_PUBLIC_KEY] = NLA_POLICY_EXACT_LEN(32),
	[WEFT_PEER_A_NEXT_PRESHARED_KEY] = NLA_POLICY_EXACT_LEN(32),
	[WEFT_PEER_A_PREVIOUS_PRESHARED_KEY] = NLA_POLICY_EXACT_LEN(32),
	[WEFT_PEER_A_GRACE] = { .type = NLA_U32, },
	[WEFT_PEER_A_GRACE_LEFT] = { .type = NLA_U32, },
	[WEFT_PEER_A_IDENTITY] = NLA_POLICY_MAX(NLA_U32, 2),
	[WEFT_PEER_A_STATE] = NLA_POLICY_MAX(NLA_U32, 4),
	[WEFT_PEER_A_STATE_AGE] = { .type = NLA_U64, },
	[WEFT_PEER_A_RX_AGE] = { .type = NLA_U64, },
	[WEFT_PEER_A_TX_AGE] = { .type = NLA_U64, },
	[WEFT_PEER_A_HANDSHAKE_RTT] = { .type = NLA_U32, },
	[WEFT_PEER_A_CANDIDATES] = NLA_POLICY_NESTED_ARRAY(weft_candidate_nl_policy),
	[WEFT_PEER_A_ROAM] = NLA_POLICY_MAX(NLA_U8, 1),
	[WEFT_PEER_A_PATH_MTU] = { .type = NLA_U32, },
	[WEFT_PEER_A_DROPS] = NLA_POLICY_NESTED(weft_drops_nl_policy),
	[WEFT_PEER_A_RX_PACKETS] = { .type = NLA_U64, },
	[WEFT_PEER_A_TX_PACKETS] = { .type = NLA_U64, },
	[WEFT_PEER_A_HANDSHAKES_SENT] = { .type = NLA_U64, },
	[WEFT_PEER_A_HANDSHAKES_RECEIVED] = { .type = NLA_U64, },
	[WEFT_PEER_A_HANDSHAKES_COMPLETED] = { .type = NLA_U64, },
	[WEFT_PEER_A_CONNECT] = { .type = NLA_FLAG, },
	[WEFT_PEER_A_FORGET_TIMESTAMP] = { .type = NLA_FLAG, },
	[WEFT_PEER_A_EXCLUSIVE] = { .type = NLA_FLAG, },
	[WEFT_PEER_A_PRESHARED_GRACE_LEFT] = { .type = NLA_U32, },
};

/* Global operation policy for weft */
const struct nla_policy weft_device_nl_policy[WEFT_DEVICE_A_BIND_IFNAME + 1] = {
	[WEFT_DEVICE_A_IFINDEX] = { .type = NLA_U32, },
	[WEFT_DEVICE_A_IFNAME] = { .type = NLA_NUL_STRING, .len = 15, },
	[WEFT_DEVICE_A_PRIVATE_KEY] = NLA_POLICY_EXACT_LEN(32),
	[WEFT_DEVICE_A_PUBLIC_KEY] = NLA_POLICY_EXACT_LEN(32),
	[WEFT_DEVICE_A_FLAGS] = NLA_POLICY_MASK(NLA_U32, 0x1),
	[WEFT_DEVICE_A_LISTEN_PORT] = { .type = NLA_U16, },
	[WEFT_DEVICE_A_FWMARK] = { .type = NLA_U32, },
	[WEFT_DEVICE_A_PEERS] = NLA_POLICY_NESTED_ARRAY(weft_peer_nl_policy),
	[WEFT_DEVICE_A_PREVIOUS_PUBLIC_KEY] = NLA_POLICY_EXACT_LEN(32),
	[WEFT_DEVICE_A_GRACE] = { .type = NLA_U32, },
	[WEFT_DEVICE_A_GRACE_LEFT] = { .type = NLA_U32, },
	[WEFT_DEVICE_A_ROTATE_ACTION] = NLA_POLICY_MAX(NLA_U32, 2),
	[WEFT_DEVICE_A_LISTEN_ADDRESS4] = NLA_POLICY_EXACT_LEN(4),
	[WEFT_DEVICE_A_LISTEN_ADDRESS6] = NLA_POLICY_EXACT_LEN(16),
	[WEFT_DEVICE_A_BIND_IFINDEX] = { .type = NLA_U32, },
	[WEFT_DEVICE_A_PMTU] = NLA_POLICY_MAX(NLA_U8, 1),
	[WEFT_DEVICE_A_DSCP] = NLA_POLICY_MAX(NLA_U8, 65),
	[WEFT_DEVICE_A_DROPS] = NLA_POLICY_NESTED(weft_drops_nl_policy),
	[WEFT_DEVICE_A_EVENT_SEQUENCE] = { .type = NLA_U64, },
	[WEFT_DEVICE_A_BIND_IFNAME] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* Ops table for weft */
const struct genl_small_ops weft_nl_ops[3] = {
	{
		.cmd	= WEFT_CMD_GET_DEVICE,
		.dumpit	= weft_nl_get_device_dumpit,
		.flags	= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd	= WEFT_CMD_SET_DEVICE,
		.doit	= weft_nl_set_device_doit,
		.flags	= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd	= WEFT_CMD_ROTATE,
		.doit	= weft_nl_rotate_doit,
		.flags	= GENL_UNS_ADMIN_PERM,
	},
};

const struct genl_multicast_group weft_nl_mcgrps[] = {
	[WEFT_NLGRP_EVENTS] = { "events", GENL_MCAST_CAP_NET_ADMIN, },
};
