// SPDX-License-Identifier: GPL-2.0

#include "gro.h"
#include "batch.h"
#include "uncut.h"
#include "wire.h"

#include <net/gro.h>
#include <net/ip.h>

/*
 * A message's header where GRO has come to. Nothing is moved for it: a message that lies in one
 * piece of memory is to stay there.
 */
static const struct weft_msg_data *gro_header(const struct sk_buff *skb, unsigned int offset,
					      struct weft_msg_data *copy)
{
	return skb_header_pointer(skb, offset, sizeof(*copy), copy);
}

static bool gro_same_session(const struct weft_msg_data *a, const struct weft_msg_data *b)
{
	return a->header.type == b->header.type && a->receiver == b->receiver;
}

/*
 * Whether @skb fits behind the messages that @first has gathered: as UDP segmentation would have
 * it, so that a packet that goes another way after all can be cut up again.
 */
static bool gro_fits(const struct sk_buff *first, const struct sk_buff *skb)
{
	unsigned int len = skb_gro_len(skb);

	return !NAPI_GRO_CB(skb)->flush && len <= skb_shinfo(first)->gso_size &&
	       NAPI_GRO_CB(first)->count < WEFT_BATCH_MAX_PACKETS &&
	       skb_gro_len(first) + len <= WEFT_BATCH_MAX_LEN;
}

/* Puts @skb, without its outer headers, behind the messages that @first has gathered. */
static void gro_chain(struct sk_buff *first, struct sk_buff *skb)
{
	/* Over a veth pair senders may still be charged: each for its own, not for the whole. */
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

/**
 * weft_gro_receive() - gather a data message with those before it
 * @sk: one of a device's sockets
 * @head: the packets that are being gathered
 * @skb: a UDP packet to the socket, GRO's offset behind the UDP header, checksum verified
 *
 * Nothing is decided here: whoever takes the packet looks at each message by itself.
 *
 * Context: NAPI; udp_tunnel_sock_cfg's gro_receive.
 * Return: the packet that is to go up now, or NULL.
 */
struct sk_buff *weft_gro_receive(struct sock *sk, struct list_head *head, struct sk_buff *skb)
{
	struct weft_msg_data copy, first_copy;
	const struct weft_msg_data *header = gro_header(skb, skb_gro_offset(skb), &copy);
	struct sk_buff *first;

	weft_uncut_mark(skb);
	if (!header || header->header.type != cpu_to_le32(WEFT_MSG_DATA)) {
		NAPI_GRO_CB(skb)->flush = 1;
		return NULL;
	}
	list_for_each_entry(first, head, list) {
		const struct weft_msg_data *first_header;
		bool last;

		if (!NAPI_GRO_CB(first)->same_flow)
			continue;
		first_header = gro_header(first, skb_gro_offset(skb), &first_copy);
		if (!first_header || !gro_same_session(header, first_header)) {
			NAPI_GRO_CB(first)->same_flow = 0;
			continue;
		}
		last = skb_gro_len(skb) < skb_shinfo(first)->gso_size;
		if (!gro_fits(first, skb) || !pskb_may_pull(skb, skb_gro_offset(skb)))
			return first;
		gro_chain(first, skb);
		return last ? first : NULL;
	}
	return NULL;
}

/**
 * weft_gro_complete() - make what was gathered one packet
 * @sk: one of a device's sockets
 * @skb: the first message, with its outer headers; the others on its frag_list without theirs
 * @offset: of the message
 *
 * It is what UDP segmentation would have sent, and marked as one that this socket takes whole.
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
	skb_shinfo(skb)->gso_type |= SKB_GSO_UDP_L4;
	skb_shinfo(skb)->gso_segs = NAPI_GRO_CB(skb)->count;
	return 0;
}
