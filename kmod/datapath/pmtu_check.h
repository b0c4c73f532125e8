/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whether a packet fits the path to its peer. Of one that does not, and that must not be
 * fragmented, the sender is told.
 */
#ifndef WEFT_PMTU_CHECK_H
#define WEFT_PMTU_CHECK_H

#include <linux/types.h>

struct sk_buff;
struct weft_peer;

bool weft_pmtu_check(struct weft_peer *peer, struct sk_buff *skb, unsigned int *mtu);

#endif /* WEFT_PMTU_CHECK_H */
