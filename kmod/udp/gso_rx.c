// SPDX-License-Identifier: GPL-2.0

#include "udp/gso_rx.h"

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/udp.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/netns/generic.h>

/* One of our sockets. */
struct gso_rx_socket {
	struct list_head list;
	const struct sock *sk;
	__be16 port;
	struct rcu_head rcu;
};

/*
 * Our sockets in a namespace. Once registered, the hooks stay until the namespace exits: the kernel
 * drops every packet in the namespace's queues (NFQUEUE) when a hook is unregistered.
 */
struct gso_rx_net {
	struct list_head sockets;	/* RCU; written under gso_rx_lock */
	bool hooked;			/* gso_rx_lock */
};

static unsigned int gso_rx_net_id;
static DEFINE_MUTEX(gso_rx_lock);

/* A packet about to be delivered locally. */
struct gso_rx_packet {
	const struct sk_buff *skb;
	__be16 port;
	u8 family;
	int iif;			/* the interface of arrival */
	int sdif;			/* the VRF port if iif is a VRF; else 0 */
};

/* Whether a socket is bound to a packet's destination and interface. */
static bool gso_rx_matches(const struct gso_rx_socket *socket, const struct gso_rx_packet *packet)
{
	const struct sock *sk = socket->sk;
	int bound = READ_ONCE(sk->sk_bound_dev_if);

	if (socket->port != packet->port || sk->sk_family != packet->family)
		return false;
	if (bound && bound != packet->iif && bound != packet->sdif)
		return false;
	if (packet->family == AF_INET)
		return !inet_sk(sk)->inet_rcv_saddr ||
		       inet_sk(sk)->inet_rcv_saddr == ip_hdr(packet->skb)->daddr;
#if IS_ENABLED(CONFIG_IPV6)
	return ipv6_addr_any(&sk->sk_v6_rcv_saddr) ||
	       ipv6_addr_equal(&sk->sk_v6_rcv_saddr, &ipv6_hdr(packet->skb)->daddr);
#else
	return false;
#endif
}

static bool gso_rx_is_ours(const struct net *net, const struct gso_rx_packet *packet)
{
	const struct gso_rx_net *here = net_generic(net, gso_rx_net_id);
	const struct gso_rx_socket *socket;

	list_for_each_entry_rcu(socket, &here->sockets, list) {
		if (gso_rx_matches(socket, packet))
			return true;
	}
	return false;
}

/* Whether the UDP header is next: IPv6 extension headers are not parsed here. */
static bool gso_rx_is_plain(const struct sk_buff *skb, u8 family)
{
	return family == AF_INET || ipv6_hdr(skb)->nexthdr == IPPROTO_UDP;
}

/*
 * A clone of the packet, held by a capture or a mirror, shares the data written here. Without
 * memory for a copy the packet stays unmarked, and the kernel segments it.
 */
static void gso_rx_mark(struct sk_buff *skb)
{
	if (likely(!skb_unclone(skb, GFP_ATOMIC)))
		skb_shinfo(skb)->gso_type |= SKB_GSO_UDP_TUNNEL_CSUM;
}

/* Marks a packet for one of our sockets; accepts every packet. */
static unsigned int gso_rx_look(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct gso_rx_packet packet = { .skb = skb, .family = state->pf };
	const struct udphdr *udp;
	struct udphdr copy;

	if (likely(!skb_is_gso(skb) || !(skb_shinfo(skb)->gso_type & SKB_GSO_UDP_L4)) ||
	    !gso_rx_is_plain(skb, state->pf))
		return NF_ACCEPT;
	udp = skb_header_pointer(skb, skb_transport_offset(skb), sizeof(copy), &copy);
	if (!udp)
		return NF_ACCEPT;
	packet.port = udp->dest;
	packet.iif = skb->skb_iif;
	packet.sdif = state->pf == AF_INET ? inet_sdif(skb) : inet6_sdif(skb);
	if (gso_rx_is_ours(state->net, &packet))
		gso_rx_mark(skb);
	return NF_ACCEPT;
}

static const struct nf_hook_ops gso_rx_hooks[] = {
	{
		.hook = gso_rx_look,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_LOCAL_IN,
		.priority = NF_IP_PRI_LAST,
	}, {
		.hook = gso_rx_look,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_LOCAL_IN,
		.priority = NF_IP6_PRI_LAST,
	},
};

/**
 * weft_gso_rx_add() - deliver unsegmented packets to a socket
 * @sk: a bound UDP socket, whose receiver handles packets of several messages
 *
 * Context: process; may sleep.
 * Return: 0 or a negative errno.
 */
int weft_gso_rx_add(struct sock *sk)
{
	struct gso_rx_net *here = net_generic(sock_net(sk), gso_rx_net_id);
	struct gso_rx_socket *socket = kmalloc(sizeof(*socket), GFP_KERNEL);
	int err = 0;

	if (!socket)
		return -ENOMEM;
	socket->sk = sk;
	socket->port = inet_sk(sk)->inet_sport;
	mutex_lock(&gso_rx_lock);
	if (!here->hooked)
		err = nf_register_net_hooks(sock_net(sk), gso_rx_hooks, ARRAY_SIZE(gso_rx_hooks));
	if (!err) {
		here->hooked = true;
		list_add_tail_rcu(&socket->list, &here->sockets);
	}
	mutex_unlock(&gso_rx_lock);
	if (err)
		kfree(socket);
	return err;
}

/**
 * weft_gso_rx_remove() - undo weft_gso_rx_add()
 * @sk: the socket; must stay allocated for a grace period
 *
 * Context: process; may sleep.
 */
void weft_gso_rx_remove(struct sock *sk)
{
	struct gso_rx_net *here = net_generic(sock_net(sk), gso_rx_net_id);
	struct gso_rx_socket *socket;

	mutex_lock(&gso_rx_lock);
	list_for_each_entry(socket, &here->sockets, list) {
		if (socket->sk != sk)
			continue;
		list_del_rcu(&socket->list);
		kfree_rcu(socket, rcu);
		break;
	}
	mutex_unlock(&gso_rx_lock);
}

static int __net_init gso_rx_net_init(struct net *net)
{
	struct gso_rx_net *here = net_generic(net, gso_rx_net_id);

	INIT_LIST_HEAD(&here->sockets);
	return 0;
}

/* Before a grace period: the hooks read memory that is freed after it. */
static void __net_exit gso_rx_net_pre_exit(struct net *net)
{
	const struct gso_rx_net *here = net_generic(net, gso_rx_net_id);

	if (here->hooked)
		nf_unregister_net_hooks(net, gso_rx_hooks, ARRAY_SIZE(gso_rx_hooks));
}

static struct pernet_operations gso_rx_net_ops = {
	.init = gso_rx_net_init,
	.pre_exit = gso_rx_net_pre_exit,
	.id = &gso_rx_net_id,
	.size = sizeof(struct gso_rx_net),
};

/* Once at load. Returns 0 or a negative errno. */
int weft_gso_rx_init(void)
{
	return register_pernet_subsys(&gso_rx_net_ops);
}

/* Once at unload, when all sockets have been removed. */
void weft_gso_rx_exit(void)
{
	unregister_pernet_subsys(&gso_rx_net_ops);
}
