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

const struct nla_policy weft_peer_nl_policy[WEFT_PEER_A_PROTOCOL_VERSION + 1] = {
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
};

/* Global operation policy for weft */
const struct nla_policy weft_device_nl_policy[WEFT_DEVICE_A_PEERS + 1] = {
	[WEFT_DEVICE_A_IFINDEX] = { .type = NLA_U32, },
	[WEFT_DEVICE_A_IFNAME] = { .type = NLA_NUL_STRING, .len = 15, },
	[WEFT_DEVICE_A_PRIVATE_KEY] = NLA_POLICY_EXACT_LEN(32),
	[WEFT_DEVICE_A_PUBLIC_KEY] = NLA_POLICY_EXACT_LEN(32),
	[WEFT_DEVICE_A_FLAGS] = NLA_POLICY_MASK(NLA_U32, 0x1),
	[WEFT_DEVICE_A_LISTEN_PORT] = { .type = NLA_U16, },
	[WEFT_DEVICE_A_FWMARK] = { .type = NLA_U32, },
	[WEFT_DEVICE_A_PEERS] = NLA_POLICY_NESTED_ARRAY(weft_peer_nl_policy),
};

/* Ops table for weft */
const struct genl_small_ops weft_nl_ops[2] = {
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
};
