/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP packets for segmentation: those that their sender has left so, and that came as they were
 * over a link that is all software, a veth pair, a virtual machine's; and those that GRO has
 * gathered. The kernel cuts them up in front of any tunnel's socket unless they are marked as a
 * tunnel's own; those for our sockets are marked here, behind routing and every filter, and only
 * they.
 */
#ifndef WEFT_GSO_RX_H
#define WEFT_GSO_RX_H

#include <linux/skbuff.h>

struct sock;
struct weft_gso_rx;

#if IS_ENABLED(CONFIG_NETFILTER)
/**
 * weft_gso_rx_unmark() - have a packet be one as any other until it is delivered
 * @skb: what GRO has gathered, and marked as a tunnel's
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
/* There is no later place to mark it at. */
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
