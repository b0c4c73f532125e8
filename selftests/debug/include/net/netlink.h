/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The part of the kernel's header that the generated policy uses: enough to build messages by it.
 */
#ifndef SHIM_NET_NETLINK_H
#define SHIM_NET_NETLINK_H

#include <stdint.h>

enum nla_kind {
	NLA_UNSPEC, NLA_U8, NLA_U16, NLA_U32, NLA_U64, NLA_FLAG, NLA_BINARY, NLA_NUL_STRING, NLA_NESTED, NLA_NESTED_ARRAY,
};

struct nla_policy {
	enum nla_kind type;
	uint32_t len;				/* exactly so long, or of a string at most; 0: any */
	uint32_t max;				/* of a number, or all its bits; 0: any */
	const struct nla_policy *nested;
	uint16_t nested_max;
};

#define NLA_POLICY_COUNT(policy)	(sizeof(policy) / sizeof((policy)[0]))
#define NLA_POLICY_EXACT_LEN(length)	{ .type = NLA_BINARY, .len = (length) }
#define NLA_POLICY_MASK(kind, mask)	{ .type = (kind), .max = (mask) }
#define NLA_POLICY_MAX(kind, most)	{ .type = (kind), .max = (most) }
#define NLA_POLICY_NESTED(policy) \
	{ .type = NLA_NESTED, .nested = (policy), .nested_max = NLA_POLICY_COUNT(policy) - 1 }
#define NLA_POLICY_NESTED_ARRAY(policy) \
	{ .type = NLA_NESTED_ARRAY, .nested = (policy), .nested_max = NLA_POLICY_COUNT(policy) - 1 }

#endif
