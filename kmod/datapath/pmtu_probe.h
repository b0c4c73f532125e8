/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Detects PMTU black holes: sends ICMP echo requests with the addresses of a flow that has large
 * packets, so that both tunnels accept them. The requests are short, and zero-padded to the probed
 * size: data messages may be padded, and every receiver removes the padding.
 */
#ifndef WEFT_PMTU_PROBE_H
#define WEFT_PMTU_PROBE_H

#include "core/peer_ref.h"
#include "core/pmtu_path.h"

#include <linux/skbuff.h>
#include <linux/timekeeping.h>

/* An inner packet of up to this size fits into an outer one of WEFT_PLPMTUD_FLOOR bytes. */
#define WEFT_PMTU_PROBE_SMALL	1200

void weft_pmtu_probe_begin(struct weft_peer *peer, const struct sk_buff *skb);
bool weft_pmtu_probe_take(struct weft_peer *peer, const struct sk_buff *skb);

/**
 * weft_pmtu_probe_look() - begin a search if a packet is large and a search is due
 * @peer: the peer
 * @skb: the inner packet, complete headers
 *
 * Context: bottom halves off.
 */
static inline void weft_pmtu_probe_look(struct weft_peer *peer, const struct sk_buff *skb)
{
	if (skb->len > WEFT_PMTU_PROBE_SMALL &&
	    unlikely((u64)atomic64_read(&peer->path.ask_at_ns) <=
		     ktime_get_coarse_boottime_ns()))
		weft_pmtu_probe_begin(peer, skb);
}

#endif /* WEFT_PMTU_PROBE_H */
