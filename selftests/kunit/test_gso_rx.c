// SPDX-License-Identifier: GPL-2.0
/* UDP GSO packets for a socket of the tunnel, and clones of them, which stay unmarked. */
/* test_socket.c defines functions of these names. */
#define weft_gso_rx_add		tested_gso_rx_add
#define weft_gso_rx_remove	tested_gso_rx_remove
#include "test.h"
#include "udp/gso_rx.c"

#include <linux/in.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#include <net/net_namespace.h>

static struct socket *bound_socket_open(struct test *t)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct socket *socket;

	if (sock_create_kern(&init_net, AF_INET, SOCK_DGRAM, IPPROTO_UDP, &socket))
		return NULL;
	EXPECT_EQ(t, kernel_bind(socket, (struct sockaddr_unsized *)&address, sizeof(address)), 0);
	return socket;
}

/* A GRO packet of five datagrams of 100 bytes, at the local-in hook. */
static struct sk_buff *gathered_packet(__be16 port)
{
	struct sk_buff *skb = alloc_skb(1024, GFP_KERNEL | __GFP_NOFAIL);
	struct udphdr *udp;
	struct iphdr *ip;

	skb->dev = init_net.loopback_dev;
	skb->protocol = htons(ETH_P_IP);
	skb_reset_network_header(skb);
	ip = skb_put_zero(skb, sizeof(*ip));
	ip->daddr = htonl(INADDR_LOOPBACK);
	skb_set_transport_header(skb, sizeof(*ip));
	udp = skb_put_zero(skb, sizeof(*udp));
	udp->dest = port;
	skb_put_zero(skb, 500);
	skb_shinfo(skb)->gso_size = 100;
	skb_shinfo(skb)->gso_type = SKB_GSO_UDP_L4;
	return skb;
}

static bool is_marked(const struct sk_buff *skb)
{
	return skb_shinfo(skb)->gso_type & SKB_GSO_UDP_TUNNEL_CSUM;
}

static void look_at(struct test *t, struct sk_buff *skb)
{
	const struct nf_hook_state state = {
		.hook = NF_INET_LOCAL_IN, .pf = NFPROTO_IPV4, .net = &init_net,
	};

	rcu_read_lock();
	EXPECT_EQ(t, gso_rx_look(NULL, skb, &state), NF_ACCEPT);
	rcu_read_unlock();
}

static void marks_no_clone(struct test *t, __be16 port)
{
	struct sk_buff *skb = gathered_packet(port), *clone = skb_clone(skb, GFP_KERNEL);

	EXPECT(t, clone);
	if (clone) {
		look_at(t, skb);
		EXPECT(t, is_marked(skb));
		EXPECT(t, !is_marked(clone));
		EXPECT_EQ(t, skb_shinfo(clone)->gso_size, 100);
		kfree_skb(clone);
	}
	kfree_skb(skb);
}

static void marks_only(struct test *t, __be16 port, bool marked)
{
	struct sk_buff *skb = gathered_packet(port);

	look_at(t, skb);
	EXPECT_EQ(t, is_marked(skb), marked);
	kfree_skb(skb);
}

static void gso_rx_marks_no_clone(struct test *t)
{
	struct socket *socket;
	__be16 port;

	EXPECT_EQ(t, weft_gso_rx_init(), 0);
	socket = bound_socket_open(t);
	EXPECT(t, socket);
	if (socket) {
		port = inet_sk(socket->sk)->inet_sport;
		marks_only(t, port, false);
		EXPECT_EQ(t, weft_gso_rx_add(socket->sk), 0);
		marks_only(t, port, true);
		marks_only(t, port ^ htons(1), false);
		marks_no_clone(t, port);
		weft_gso_rx_remove(socket->sk);
		marks_only(t, port, false);
		sock_release(socket);
	}
	weft_gso_rx_exit();
}

TEST_SUITE("gso_rx",
	   TEST_CASE(gso_rx_marks_no_clone));
