/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_COMPAT_NET_UDP_H
#define WEFT_COMPAT_NET_UDP_H

#include <linux/version.h>
#include_next <net/udp.h>

/* Since Linux 6.2 a namespace may have its own table. */
static inline struct udp_table *weft_compat_udp_table(const struct sock *sk)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	return sk->sk_prot->h.udp_table;
#else
	return sock_net(sk)->ipv4.udp_table;
#endif
}

#endif /* WEFT_COMPAT_NET_UDP_H */
