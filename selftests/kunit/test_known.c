// SPDX-License-Identifier: GPL-2.0
/* Sources of messages that have had a handshake: by address, by port, and by who knows them. */
#include "test.h"
#include "known.c"

#include <linux/ip.h>
#include <linux/udp.h>

static struct sk_buff *message_from(u32 address, u16 port)
{
	struct sk_buff *skb = alloc_skb(64, GFP_KERNEL | __GFP_NOFAIL);
	struct udphdr *udp;
	struct iphdr *ip;

	skb->protocol = htons(ETH_P_IP);
	skb_reset_network_header(skb);
	ip = skb_put_zero(skb, sizeof(*ip));
	ip->saddr = htonl(address);
	skb_set_transport_header(skb, sizeof(*ip));
	udp = skb_put_zero(skb, sizeof(*udp));
	udp->source = htons(port);
	return skb;
}

/* Addresses that are nobody's (RFC 5737): no test before has had a handshake with them. */
static void known_sources(struct test *t)
{
	struct sk_buff *here = message_from(0xcb007101, 1), *port = message_from(0xcb007101, 2);
	struct sk_buff *there = message_from(0xcb007102, 1);
	int scope, other;

	EXPECT(t, !weft_known_source(here, &scope));
	weft_known_note(here, &scope);
	EXPECT(t, weft_known_source(here, &scope));
	EXPECT(t, !weft_known_source(here, &other));
	EXPECT(t, !weft_known_source(port, &scope));
	EXPECT(t, !weft_known_source(there, &scope));
	kfree_skb(here);
	kfree_skb(port);
	kfree_skb(there);
}

TEST_SUITE("known", TEST_CASE(known_sources));
