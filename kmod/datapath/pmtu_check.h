/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checks a packet against the path MTU of its peer. The sender of a packet that is too long and
 * must not be fragmented gets an ICMP error.
 */
#ifndef WEFT_PMTU_CHECK_H
#define WEFT_PMTU_CHECK_H

#include <linux/types.h>

struct sk_buff;
struct weft_peer;

bool weft_pmtu_check(struct weft_peer *peer, struct sk_buff *skb, unsigned int *mtu);

#endif /* WEFT_PMTU_CHECK_H */
