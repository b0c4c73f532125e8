/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finding out what the path to a peer swallows without a word. Between the two ends of a flow that
 * has large packets, echo requests go of the same addresses, so that both tunnels let them pass:
 * short ones, made as long as they are to be by zeros behind them. Data messages may have those,
 * and every receiver cuts them off.
 */
#ifndef WEFT_PMTU_PROBE_H
#define WEFT_PMTU_PROBE_H

#include "core/peer_ref.h"
#include "core/pmtu_path.h"

#include <linux/skbuff.h>
#include <linux/timekeeping.h>

/* No inner packet of up to this many bytes makes an outer one of more than WEFT_PLPMTUD_FLOOR. */
#define WEFT_PMTU_PROBE_SMALL	1200

void weft_pmtu_probe_begin(struct weft_peer *peer, const struct sk_buff *skb);
bool weft_pmtu_probe_take(struct weft_peer *peer, const struct sk_buff *skb);

/**
 * weft_pmtu_probe_look() - have the path looked into if a packet is large, and it is time
 * @peer: the peer
 * @skb: the inner packet, whole headers
 *
 * Context: bottom halves off.
 */
static inline void weft_pmtu_probe_look(struct weft_peer *peer, const struct sk_buff *skb)
{
	if (skb->len > WEFT_PMTU_PROBE_SMALL &&
	    unlikely(READ_ONCE(peer->path.ask_at_ns) <= ktime_get_coarse_boottime_ns()))
		weft_pmtu_probe_begin(peer, skb);
}

#endif /* WEFT_PMTU_PROBE_H */
