/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP packets that their sender has left for segmentation, and that came as they were over a link
 * that is all software: a veth pair, a virtual machine's. The kernel cuts them up in front of any
 * tunnel's socket unless they are marked as a tunnel's own; those for our sockets are marked here,
 * behind every filter, and only they.
 */
#ifndef WEFT_UNCUT_H
#define WEFT_UNCUT_H

#include <linux/skbuff.h>

struct sock;
struct weft_uncut;

/**
 * weft_uncut_mark() - have a packet taken whole, if it is one that could be cut up
 * @skb: a UDP packet to one of our sockets
 */
static inline void weft_uncut_mark(struct sk_buff *skb)
{
	if (skb_is_gso(skb) && skb_shinfo(skb)->gso_type & SKB_GSO_UDP_L4)
		skb_shinfo(skb)->gso_type |= SKB_GSO_UDP_TUNNEL_CSUM;
}

#if IS_ENABLED(CONFIG_NETFILTER)
int weft_uncut_init(void);
void weft_uncut_exit(void);
int weft_uncut_add(struct sock *sk);
void weft_uncut_remove(struct sock *sk);
#else
static inline int weft_uncut_init(void)
{
	return 0;
}

static inline void weft_uncut_exit(void)
{
}

static inline int weft_uncut_add(struct sock *sk)
{
	return 0;
}

static inline void weft_uncut_remove(struct sock *sk)
{
}
#endif

#endif /* WEFT_UNCUT_H */
