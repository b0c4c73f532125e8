/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_COMPAT_NET_UDP_TUNNEL_H
#define WEFT_COMPAT_NET_UDP_TUNNEL_H

#include <linux/version.h>
#include <net/sock.h>
#include_next <net/udp_tunnel.h>

/* Since Linux 6.17 the last argument is flags for the packet's control block. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
static inline void weft_compat_udp_tunnel_xmit_skb(struct rtable *rt, struct sock *sk,
						   struct sk_buff *skb, __be32 src, __be32 dst,
						   __u8 tos, __u8 ttl, __be16 df, __be16 src_port,
						   __be16 dst_port, bool xnet, bool nocheck,
						   u16 flags)
{
	udp_tunnel_xmit_skb(rt, sk, skb, src, dst, tos, ttl, df, src_port, dst_port, xnet, nocheck);
}

static inline void weft_compat_udp_tunnel6_xmit_skb(struct dst_entry *dst, struct sock *sk,
						    struct sk_buff *skb, struct net_device *dev,
						    struct in6_addr *saddr, struct in6_addr *daddr,
						    __u8 prio, __u8 ttl, __be32 label,
						    __be16 src_port, __be16 dst_port, bool nocheck,
						    u16 flags)
{
	udp_tunnel6_xmit_skb(dst, sk, skb, dev, saddr, daddr, prio, ttl, label, src_port, dst_port,
			     nocheck);
}

#define udp_tunnel_xmit_skb weft_compat_udp_tunnel_xmit_skb
#define udp_tunnel6_xmit_skb weft_compat_udp_tunnel6_xmit_skb
#endif

/*
 * Takes a struct sock instead of a struct socket since Linux 7.2, and since some stable releases of
 * older series: the type of the function decides.
 */
static inline void weft_compat_setup_udp_tunnel_sock(struct net *net, struct sock *sk,
						     struct udp_tunnel_sock_cfg *config)
{
	bool takes_sock =
		__builtin_types_compatible_p(typeof(setup_udp_tunnel_sock),
					     void (struct net *, struct sock *,
						   struct udp_tunnel_sock_cfg *));
	void *argument = takes_sock ? (void *)sk : sk->sk_socket;

	setup_udp_tunnel_sock(net, argument, config);
}

#define setup_udp_tunnel_sock weft_compat_setup_udp_tunnel_sock

#endif /* WEFT_COMPAT_NET_UDP_TUNNEL_H */
