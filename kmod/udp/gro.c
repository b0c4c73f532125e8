// SPDX-License-Identifier: GPL-2.0

#include "udp/gro.h"
#include "lib/wire.h"
#include "udp/gso_rx.h"
#include "udp/output.h"

#include <linux/if_vlan.h>
#include <linux/inetdevice.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <net/addrconf.h>
#include <net/gro.h>
#include <net/ip.h>

/* The headers of a packet, from the network header on, copied once. */
struct gro_headers {
	union {
		struct iphdr ip4;
		struct ipv6hdr ip6;
	};
	struct {
		struct udphdr udp;
		struct weft_msg_data message;
	} upper;
};

static bool gro_read(const struct sk_buff *skb, unsigned int offset, void *to, unsigned int len)
{
	const void *from = skb_header_pointer(skb, offset, len, to);

	if (unlikely(!from))
		return false;
	if (from != to)
		memcpy(to, from, len);
	return true;
}

/*
 * Reads the outer headers of a packet and the header of the message at @offset. The packet is not
 * pulled: a message that is contiguous in memory stays so. IPv6 extension headers are not read: at
 * most one VLAN tag may stand before the IPv6 header.
 */
static bool gro_read_headers(const struct sock *sk, const struct sk_buff *skb, unsigned int offset,
			     struct gro_headers *headers)
{
	unsigned int len = sk->sk_family == AF_INET6 ? sizeof(headers->ip6) : sizeof(headers->ip4);

	if (unlikely(offset < len + sizeof(struct udphdr)))
		return false;
	offset -= len + sizeof(struct udphdr);
	if (unlikely(sk->sk_family == AF_INET6 && offset > VLAN_HLEN))
		return false;
	return gro_read(skb, offset, headers, len) &&
	       gro_read(skb, offset + len, &headers->upper, sizeof(headers->upper));
}

/* Whether a packet is for a local address, as far as can be known before routing. */
static bool gro_is_local(const struct sock *sk, const struct sk_buff *skb,
			 const struct gro_headers *headers)
{
	struct net *net = dev_net(skb->dev);

	if (unlikely(skb->pkt_type != PACKET_HOST))
		return false;
	if (sk->sk_family == AF_INET)
		return __ip_dev_find(net, headers->ip4.daddr, false);
	return IS_ENABLED(CONFIG_IPV6) && ipv6_chk_addr(net, &headers->ip6.daddr, NULL, 0);
}

/*
 * Whether a packet may be merged at all: data, with a checksum that can be recomputed, in memory
 * that no process may write to or waits to reclaim.
 */
static bool gro_may_gather(struct sk_buff *skb, const struct gro_headers *headers)
{
	return ntohs(headers->upper.udp.len) == skb_gro_len(skb) + sizeof(struct udphdr) &&
	       headers->upper.message.header.type == cpu_to_le32(WEFT_MSG_DATA) &&
	       headers->upper.udp.check && !skb_has_shared_frag(skb) && !skb_zcopy(skb);
}

/*
 * Whether a packet's outer headers equal those of the @count merged packets that start with @first,
 * in all that segmentation would not restore. IPv4's identification is incremented per packet; with
 * DF it means nothing (RFC 6864, section 4.1).
 */
static bool gro_same_outer(const struct sock *sk, const struct gro_headers *first,
			   const struct gro_headers *headers, u16 count)
{
	const struct iphdr *a = &first->ip4, *b = &headers->ip4;

	if (sk->sk_family == AF_INET6)
		return *(const __be32 *)&first->ip6 == *(const __be32 *)&headers->ip6 &&
		       first->ip6.hop_limit == headers->ip6.hop_limit;
	return a->tos == b->tos && a->ttl == b->ttl && a->frag_off == b->frag_off &&
	       (b->frag_off & htons(IP_DF) || b->id == htons(ntohs(a->id) + count));
}

static bool gro_same_session(const struct weft_msg_data *a, const struct weft_msg_data *b)
{
	return a->header.type == b->header.type && a->receiver == b->receiver;
}

/*
 * Whether @skb may follow the messages merged into @first: under the rules of UDP segmentation, so
 * that a packet that is forwarded after all can be segmented again.
 */
static bool gro_fits(const struct sk_buff *first, const struct sk_buff *skb)
{
	unsigned int len = skb_gro_len(skb);

	return !NAPI_GRO_CB(skb)->flush && len <= skb_shinfo(first)->gso_size &&
	       NAPI_GRO_CB(first)->count < WEFT_OUTPUT_MAX_MESSAGES &&
	       skb_gro_len(first) + len <= WEFT_OUTPUT_MAX_LEN;
}

/* Appends @skb, without its outer headers, to the messages merged into @first. */
static void gro_chain(struct sk_buff *first, struct sk_buff *skb)
{
	/* Over a veth pair the sender's socket may still be charged, each packet for itself. */
	skb_orphan(first);
	skb_orphan(skb);
	__skb_pull(skb, skb_gro_offset(skb));
	if (NAPI_GRO_CB(first)->last == first)
		skb_shinfo(first)->frag_list = skb;
	else
		NAPI_GRO_CB(first)->last->next = skb;
	NAPI_GRO_CB(first)->last = skb;
	NAPI_GRO_CB(first)->count++;
	first->data_len += skb->len;
	first->len += skb->len;
	first->truesize += skb->truesize;
	NAPI_GRO_CB(skb)->same_flow = 1;
}

/*
 * Finds the packet of the same session that messages are merged into, and its headers, or NULL.
 * Packets of the same ports and another session are marked as another flow.
 */
static struct sk_buff *gro_find(const struct sock *sk, struct list_head *head,
				const struct sk_buff *skb, const struct weft_msg_data *message,
				struct gro_headers *headers)
{
	struct sk_buff *first;

	list_for_each_entry(first, head, list) {
		if (!NAPI_GRO_CB(first)->same_flow)
			continue;
		if (gro_read_headers(sk, first, skb_gro_offset(skb), headers) &&
		    gro_same_session(message, &headers->upper.message))
			return first;
		NAPI_GRO_CB(first)->same_flow = 0;
	}
	return NULL;
}

/**
 * weft_gro_receive() - merge a data message with those before it
 * @sk: one of a device's sockets
 * @head: the packets being merged
 * @skb: a UDP packet that @sk would get, GRO's offset behind the UDP header, checksum verified
 *
 * Routing is still to come, and the packet may be forwarded or redirected. So only packets for a
 * local address are merged, and only if segmentation can restore them. There is no other check
 * here: the receiver looks at each message by itself.
 *
 * Context: NAPI; udp_tunnel_sock_cfg's gro_receive.
 * Return: the packet to flush now, or NULL.
 */
struct sk_buff *weft_gro_receive(struct sock *sk, struct list_head *head, struct sk_buff *skb)
{
	struct gro_headers headers, first_headers;
	struct sk_buff *first;
	bool last;

	if (!gro_read_headers(sk, skb, skb_gro_offset(skb), &headers) ||
	    !gro_may_gather(skb, &headers)) {
		NAPI_GRO_CB(skb)->flush = 1;
		return NULL;
	}
	first = gro_find(sk, head, skb, &headers.upper.message, &first_headers);
	if (!first) {
		if (!gro_is_local(sk, skb, &headers))
			NAPI_GRO_CB(skb)->flush = 1;
		return NULL;
	}
	last = skb_gro_len(skb) < skb_shinfo(first)->gso_size;
	if (!gro_fits(first, skb) ||
	    !gro_same_outer(sk, &first_headers, &headers, NAPI_GRO_CB(first)->count) ||
	    !pskb_may_pull(skb, skb_gro_offset(skb)))
		return first;
	gro_chain(first, skb);
	return last ? first : NULL;
}

/**
 * weft_gro_complete() - finish a merged packet
 * @sk: one of a device's sockets
 * @skb: the first message, with its outer headers; the others on its frag_list without theirs
 * @offset: of the message
 *
 * The packet looks as UDP segmentation would have been given it. The mark that this socket accepts
 * it unsegmented is only set at delivery: see gso_rx.h.
 *
 * Context: NAPI; udp_tunnel_sock_cfg's gro_complete.
 * Return: 0.
 */
int weft_gro_complete(struct sock *sk, struct sk_buff *skb, int offset)
{
	skb->encapsulation = 0;
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb->data + offset - sizeof(struct udphdr) - skb->head;
	skb->csum_offset = offsetof(struct udphdr, check);
	weft_gso_rx_unmark(skb);
	skb_shinfo(skb)->gso_type |= SKB_GSO_UDP_L4;
	skb_shinfo(skb)->gso_segs = NAPI_GRO_CB(skb)->count;
	return 0;
}
