/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP GSO packets: packets that the sender left unsegmented, and that arrived so over a link in
 * software, such as a veth pair or a virtual machine's interface; and packets merged by GRO. The
 * kernel segments them in front of any tunnel's socket unless they are marked as a tunnel's own.
 * Only packets for our sockets are marked here, after routing and all filters.
 */
#ifndef WEFT_GSO_RX_H
#define WEFT_GSO_RX_H

#include <linux/skbuff.h>

struct sock;
struct weft_gso_rx;

#if IS_ENABLED(CONFIG_NETFILTER)
/**
 * weft_gso_rx_unmark() - treat a merged packet as any other until it is delivered
 * @skb: a packet that GRO has merged, and marked as a tunnel's
 */
static inline void weft_gso_rx_unmark(struct sk_buff *skb)
{
	skb_shinfo(skb)->gso_type &= ~(SKB_GSO_UDP_TUNNEL | SKB_GSO_UDP_TUNNEL_CSUM);
}

int weft_gso_rx_init(void);
void weft_gso_rx_exit(void);
int weft_gso_rx_add(struct sock *sk);
void weft_gso_rx_remove(struct sock *sk);
#else
/* Without netfilter there is no later hook to mark it in. */
static inline void weft_gso_rx_unmark(struct sk_buff *skb)
{
}

static inline int weft_gso_rx_init(void)
{
	return 0;
}

static inline void weft_gso_rx_exit(void)
{
}

static inline int weft_gso_rx_add(struct sock *sk)
{
	return 0;
}

static inline void weft_gso_rx_remove(struct sock *sk)
{
}
#endif

#endif /* WEFT_GSO_RX_H */
