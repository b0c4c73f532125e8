// SPDX-License-Identifier: GPL-2.0

#include "datapath/tso.h"

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>

#define TSO_TCP	(SKB_GSO_TCPV4 | SKB_GSO_TCPV6)

/* Whether a packet's headers are consistent and in linear memory. */
static bool tso_find_headers(struct weft_tso *segments, const struct sk_buff *skb)
{
	unsigned int least = skb_shinfo(skb)->gso_type & SKB_GSO_TCPV4 ? sizeof(struct iphdr) :
									 sizeof(struct ipv6hdr);

	segments->transport = skb_checksum_start_offset(skb);
	if (segments->transport < least || segments->transport > skb_headlen(skb) ||
	    segments->transport + sizeof(struct tcphdr) > skb_headlen(skb) ||
	    skb_transport_offset(skb) != segments->transport || skb_network_offset(skb))
		return false;
	segments->header_len = segments->transport + tcp_hdrlen(skb);
	return segments->header_len >= segments->transport + sizeof(struct tcphdr) &&
	       segments->header_len <= skb_headlen(skb) && segments->header_len < skb->len;
}

/**
 * weft_tso_find() - whether a packet can be segmented here
 * @segments: gets the segmentation
 * @skb: an IP packet, network header at its beginning
 *
 * That is a packet for TCP segmentation, from this kernel's own TCP or GRO, and not inside another
 * tunnel.
 *
 * Return: false for all others: the kernel's own segmentation handles them.
 */
bool weft_tso_find(struct weft_tso *segments, const struct sk_buff *skb)
{
	const struct skb_shared_info *info = skb_shinfo(skb);

	if (!skb_is_gso(skb) || !(info->gso_type & TSO_TCP) || skb->encapsulation ||
	    info->gso_type & ~(TSO_TCP | SKB_GSO_TCP_ECN | SKB_GSO_TCP_FIXEDID) ||
	    skb->ip_summed != CHECKSUM_PARTIAL ||
	    skb->csum_offset != offsetof(struct tcphdr, check) ||
	    !tso_find_headers(segments, skb))
		return false;
	segments->fixed_id = info->gso_type & SKB_GSO_TCP_FIXEDID;
	segments->size = info->gso_size;
	segments->count = DIV_ROUND_UP(skb->len - segments->header_len, segments->size);
	return true;
}

/* Updates a segment's copy of the packet's IP header. */
static void tso_patch_ip(u8 *segment, const struct weft_tso *segments, unsigned int i,
			 unsigned int len)
{
	struct ipv6hdr *ip6 = (struct ipv6hdr *)segment;
	struct iphdr *ip4 = (struct iphdr *)segment;

	if (ip4->version == 4) {
		ip4->tot_len = htons(len);
		if (!segments->fixed_id)
			ip4->id = htons(ntohs(ip4->id) + i);
		ip_send_check(ip4);
	} else {
		ip6->payload_len = htons(len - sizeof(*ip6));
	}
}

static __sum16 tso_checksum(const u8 *segment, unsigned int len, __wsum sum)
{
	const struct ipv6hdr *ip6 = (const struct ipv6hdr *)segment;
	const struct iphdr *ip4 = (const struct iphdr *)segment;

	if (ip4->version == 4)
		return csum_tcpudp_magic(ip4->saddr, ip4->daddr, len, IPPROTO_TCP, sum);
	return csum_ipv6_magic(&ip6->saddr, &ip6->daddr, len, IPPROTO_TCP, sum);
}

/* Updates its TCP header. @payload is the checksum of the payload. */
static void tso_patch_tcp(u8 *segment, const struct weft_tso *segments, unsigned int i,
			  unsigned int len, __wsum payload)
{
	unsigned int header_len = segments->header_len - segments->transport;
	struct tcphdr *tcp = (struct tcphdr *)(segment + segments->transport);

	tcp->seq = htonl(ntohl(tcp->seq) + i * segments->size);
	if (i)
		tcp->cwr = 0;
	if (i + 1 < segments->count) {
		tcp->fin = 0;
		tcp->psh = 0;
	}
	tcp->check = 0;
	tcp->check = tso_checksum(segment, len - segments->transport,
				  csum_partial(tcp, header_len, payload));
}

/**
 * weft_tso_lay_out() - build one segment
 * @to: the destination
 * @segments: the result of weft_tso_find()
 * @skb: the packet
 * @i: the index of the segment, from 0
 * @padded: bytes at @to: the rest behind the segment is filled with zeros
 *
 * The sequence number advances with each segment; FIN and PSH are set in the last one only, CWR in
 * the first one only (RFC 9293, section 3.1; RFC 3168, section 6.1.2).
 */
void weft_tso_lay_out(u8 *to, const struct weft_tso *segments, const struct sk_buff *skb,
		      unsigned int i, unsigned int padded)
{
	unsigned int header_len = segments->header_len, from = header_len + i * segments->size;
	unsigned int payload_len = min(segments->size, skb->len - from);
	unsigned int len = header_len + payload_len;
	__wsum payload;

	skb_copy_from_linear_data(skb, to, header_len);
	payload = skb_copy_and_csum_bits(skb, from, to + header_len, payload_len);
	tso_patch_ip(to, segments, i, len);
	tso_patch_tcp(to, segments, i, len, payload);
	memset(to + len, 0, padded - len);
}
