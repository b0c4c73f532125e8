// SPDX-License-Identifier: GPL-2.0
/*
 *   weft_recv_packet() -> handshake queue
 *           |
 *           +-> recv_batch() -> recv_message() -> recv_data() -> recv_inner() -> stack
 *                                                     |
 *                                          weft_crypt_open_packet()
 */

#include "recv.h"
#include "cells.h"
#include "crypt.h"
#include "device.h"
#include "fsm.h"
#include "handshake.h"
#include "peer.h"
#include "xmit.h"

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <net/inet_ecn.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>

static void recv_drop(struct weft_device *device, struct sk_buff *skb, enum weft_drop reason)
{
	weft_drop(device, reason, 1);
	kfree_skb(skb);
}

/*
 * Length of the inner packet as its own header gives it, or 0 if there is no whole IP packet. Sets
 * skb->protocol.
 */
static unsigned int recv_inner_len(struct sk_buff *skb)
{
	unsigned int len;

	skb_reset_network_header(skb);
	skb->protocol = ip_tunnel_parse_protocol(skb);
	if (skb->protocol == htons(ETH_P_IP)) {
		if (!pskb_may_pull(skb, sizeof(struct iphdr)))
			return 0;
		len = ntohs(ip_hdr(skb)->tot_len);
		if (len < sizeof(struct iphdr))
			return 0;
	} else if (skb->protocol == htons(ETH_P_IPV6)) {
		if (!pskb_may_pull(skb, sizeof(struct ipv6hdr)))
			return 0;
		len = ntohs(ipv6_hdr(skb)->payload_len) + sizeof(struct ipv6hdr);
	} else {
		return 0;
	}
	return len <= skb->len ? len : 0;
}

/*
 * Whether the inner source address belongs to @peer (WireGuard paper, section 2: cryptokey
 * routing).
 */
static bool recv_source_allowed(const struct weft_peer *peer, const struct sk_buff *skb)
{
	const struct weft_allowedips *table = &peer->device->allowedips;
	bool allowed;

	rcu_read_lock();
	if (skb->protocol == htons(ETH_P_IP))
		allowed = weft_allowedips_lookup4(table, &ip_hdr(skb)->saddr) == peer;
	else
		allowed = weft_allowedips_lookup6(table, &ipv6_hdr(skb)->saddr) == peer;
	rcu_read_unlock();
	return allowed;
}

/*
 * RFC 6040, section 4.2: the outer header's congestion mark goes over to the inner one, or ends the
 * packet.
 */
static bool recv_ecn(struct sk_buff *skb, u8 outer_ds)
{
	return INET_ECN_decapsulate(skb, outer_ds, ip_tunnel_get_dsfield(ip_hdr(skb), skb)) <= 1;
}

/* Makes the packet one that came in through the tunnel's device and through nothing else. */
static void recv_reset(struct sk_buff *skb, struct net_device *dev)
{
	skb->dev = dev;
	skb_scrub_packet(skb, true);
	skb_clear_hash(skb);
	skb_set_queue_mapping(skb, 0);
	skb->encapsulation = 0;
	skb_reset_mac_header(skb);
	skb_reset_transport_header(skb);
	/* It has authenticated: no checksum inside could say more. */
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb->csum_level = ~0;
}

/* Counts a message of @len bytes as received: only what was good to the end. */
static void recv_count(struct weft_peer *peer, unsigned int len)
{
	atomic64_add(len, &peer->rx_bytes);
	dev_sw_netstats_rx_add(peer->device->dev, len);
}

/* A packet that came in, with one message or several, and what they have in common. */
struct recv_batch {
	struct weft_device *device;
	struct sk_buff *skb;
	struct weft_keypair *keypair;	/* the last message's, referenced; NULL: none yet */
	struct weft_crypt crypt;	/* the keypair's */
	struct weft_crypt_source source;
	u32 events;			/* of the keypair's, to be reported */
	u8 ds;				/* the outer header's DS field */
	bool alone;			/* there is one message only */
};

/* Tells the timers of the session's peer what came in under it, and lets go of the session. */
static void recv_end_session(struct recv_batch *batch)
{
	struct weft_keypair *keypair = batch->keypair;
	struct weft_endpoint endpoint;

	if (!keypair)
		return;
	weft_crypt_end(&batch->crypt);
	if (likely(batch->events)) {
		if (likely(weft_endpoint_from_skb(&endpoint, batch->skb)))
			weft_peer_set_endpoint(keypair->peer, &endpoint);
		if (unlikely(weft_fsm_session_ending(keypair->initiator, keypair->born_ns,
						     ktime_get_coarse_boottime_ns())))
			batch->events |= WEFT_FSM_SESSION_ENDING;
		weft_peer_report(keypair->peer, batch->events);
		if (unlikely(batch->events & WEFT_FSM_SESSION_CONFIRMED))
			weft_xmit_staged(keypair->peer);
	}
	weft_keypair_put(keypair);
	batch->keypair = NULL;
	batch->events = 0;
}

/* The session that a data message names, with a reference, if it may still carry one; else NULL. */
static struct weft_keypair *recv_session(struct weft_device *device,
					 const struct weft_msg_data *msg)
{
	struct weft_keypair *keypair = weft_index_find(&device->index, msg->receiver);

	/* Pairs with weft_keypair_begin(). */
	if (unlikely(!keypair || !smp_load_acquire(&keypair->ready) || READ_ONCE(keypair->revoked)))
		return NULL;
	if (unlikely(!weft_fsm_session_usable(keypair->born_ns, le64_to_cpu(msg->counter),
					      ktime_get_coarse_boottime_ns())))
		return NULL;
	return weft_keypair_get(keypair) ? keypair : NULL;
}

/* Makes the session that a data message names the batch's. Returns false if there is none. */
static bool recv_begin_session(struct recv_batch *batch, const struct weft_msg_data *msg)
{
	if (likely(batch->keypair && batch->keypair->local_index == msg->receiver &&
		   weft_fsm_session_usable(batch->keypair->born_ns, le64_to_cpu(msg->counter),
					   ktime_get_coarse_boottime_ns())))
		return true;
	recv_end_session(batch);
	batch->keypair = recv_session(batch->device, msg);
	if (unlikely(!batch->keypair))
		return false;
	weft_crypt_begin_open(&batch->crypt, batch->keypair);
	return true;
}

/* Notes an authenticated message, whatever is inside. Returns false for a replayed one. */
static bool recv_accept(struct recv_batch *batch, unsigned int inner_len, u64 counter)
{
	struct weft_keypair *keypair = batch->keypair;
	struct weft_peer *peer = keypair->peer;

	if (unlikely(!weft_keypair_accept(keypair, counter)))
		return false;
	batch->events |= WEFT_FSM_ANY_RECEIVED | (inner_len ? WEFT_FSM_DATA_RECEIVED : 0);
	if (unlikely(weft_keypairs_confirm(&peer->keypairs, keypair))) {
		batch->events |= WEFT_FSM_SESSION_CONFIRMED;
		WRITE_ONCE(peer->handshake_real_ns, ktime_get_real_ns());
	}
	return true;
}

/* Takes what was inside a data message up to the stack. */
static void recv_inner(struct recv_batch *batch, struct sk_buff *skb)
{
	unsigned int len = recv_inner_len(skb), message_len = skb->len + WEFT_DATA_OVERHEAD;
	struct weft_peer *peer = batch->keypair->peer;
	struct weft_device *device = batch->device;

	if (unlikely(!len))
		return recv_drop(device, skb, WEFT_DROP_NOT_IP_IN);
	if (unlikely(!recv_source_allowed(peer, skb)))
		return recv_drop(device, skb, WEFT_DROP_SOURCE);
	recv_reset(skb, device->dev);
	if (unlikely(!recv_ecn(skb, batch->ds)))
		return recv_drop(device, skb, WEFT_DROP_ECN);
	if (unlikely(pskb_trim(skb, len)))
		return recv_drop(device, skb, WEFT_DROP_NO_MEMORY_IN);
	recv_count(peer, message_len);
	if (unlikely(!weft_cells_receive(&device->cells, skb, batch->alone)))
		weft_drop(device, WEFT_DROP_STACK, 1);
}

/* Opens the data message at @offset of the batch, and takes what is inside further. */
static int recv_data(struct recv_batch *batch, const struct weft_msg_data *msg, const u8 *message,
		     unsigned int offset, unsigned int len)
{
	u64 counter = le64_to_cpu(msg->counter);
	struct sk_buff *packet;

	if (unlikely(!recv_begin_session(batch, msg)))
		return WEFT_DROP_NO_SESSION;
	packet = weft_crypt_open_packet(&batch->crypt, message, batch->skb, offset, len, counter);
	if (IS_ERR(packet))
		return packet == ERR_PTR(-ENOMEM) ? WEFT_DROP_NO_MEMORY_IN : WEFT_DROP_AUTH;
	if (unlikely(!recv_accept(batch, packet->len, counter))) {
		kfree_skb(packet);
		return WEFT_DROP_REPLAY;
	}
	if (packet->len) {
		recv_inner(batch, packet);
	} else {
		recv_count(batch->keypair->peer, WEFT_DATA_OVERHEAD);
		consume_skb(packet);	/* a keepalive */
	}
	return -1;
}

/* The type of a message of @len bytes, if it can be that long; else 0. */
static enum weft_msg_type recv_type(const struct weft_msg_header *header, unsigned int len)
{
	enum weft_msg_type type = le32_to_cpu(header->type);

	switch (type) {
	case WEFT_MSG_INITIATION:
		return len == sizeof(struct weft_msg_initiation) ? type : 0;
	case WEFT_MSG_RESPONSE:
		return len == sizeof(struct weft_msg_response) ? type : 0;
	case WEFT_MSG_COOKIE_REPLY:
		return len == sizeof(struct weft_msg_cookie_reply) ? type : 0;
	case WEFT_MSG_DATA:
		return len >= WEFT_DATA_OVERHEAD ? type : 0;
	}
	return 0;
}

/* A packet with only the message at @offset of @skb, or NULL when memory is short. */
static struct sk_buff *recv_extract(const struct sk_buff *skb, unsigned int offset,
				    unsigned int len)
{
	unsigned int headers = -skb_network_offset(skb);
	struct sk_buff *single = alloc_skb(headers + len, GFP_ATOMIC | __GFP_NOWARN);

	if (!single)
		return NULL;
	skb_put_data(single, skb_network_header(skb), headers);
	skb_reset_network_header(single);
	skb_set_transport_header(single, headers - sizeof(struct udphdr));
	__skb_pull(single, headers);
	single->protocol = skb->protocol;
	single->skb_iif = skb->skb_iif;
	if (!skb_copy_bits(skb, offset, skb_put(single, len), len))
		return single;
	kfree_skb(single);
	return NULL;
}

/* Handshake messages that a sender's segmentation, or chance, has put together with others. */
static int recv_handshake(struct recv_batch *batch, unsigned int offset, unsigned int len)
{
	struct sk_buff *single = recv_extract(batch->skb, offset, len);

	if (unlikely(!single))
		return WEFT_DROP_NO_MEMORY_IN;
	weft_handshake_queue(batch->device, single);
	return -1;
}

/* Takes one message of a batch. Returns why it could not, or -1. */
static int recv_message(struct recv_batch *batch, unsigned int offset, unsigned int len)
{
	const u8 *message = weft_crypt_find(&batch->source, offset, len);
	const struct weft_msg_data *msg = (const struct weft_msg_data *)message;
	struct weft_msg_data copy;

	if (unlikely(!msg || len < sizeof(copy)))
		msg = skb_header_pointer(batch->skb, offset, sizeof(copy), &copy);
	switch (msg ? recv_type(&msg->header, len) : 0) {
	case WEFT_MSG_DATA:
		return recv_data(batch, msg, message, offset, len);
	case WEFT_MSG_INITIATION:
	case WEFT_MSG_RESPONSE:
	case WEFT_MSG_COOKIE_REPLY:
		return recv_handshake(batch, offset, len);
	}
	return WEFT_DROP_MALFORMED;
}

/* Takes the messages of a batch one by one. */
static void recv_batch(struct recv_batch *batch)
{
	const struct sk_buff *skb = batch->skb;
	unsigned int offset, each = skb_is_gso(skb) ? skb_shinfo(skb)->gso_size : skb->len;

	batch->alone = each >= skb->len;
	for (offset = 0; offset < skb->len; offset += each) {
		int refused = recv_message(batch, offset, min(each, skb->len - offset));

		if (unlikely(refused >= 0))
			weft_drop(batch->device, refused, 1);
	}
	recv_end_session(batch);
}

static void recv_batch_of(struct weft_device *device, struct sk_buff *skb)
{
	struct recv_batch batch;

	batch.device = device;
	batch.skb = skb;
	batch.keypair = NULL;
	batch.events = 0;
	batch.ds = ip_tunnel_get_dsfield(ip_hdr(skb), skb);
	weft_crypt_source_init(&batch.source, skb);
	recv_batch(&batch);
	consume_skb(skb);
}

/**
 * weft_recv_packet() - take a UDP packet that came to one of a device's sockets
 * @device: the device
 * @skb: the packet, at its UDP header, length and checksum verified; it changes hands
 *
 * Context: bottom halves off, RCU; struct weft_device_ops' receive.
 */
void weft_recv_packet(struct weft_device *device, struct sk_buff *skb)
{
	const struct weft_msg_header *header;
	struct weft_msg_header copy;

	skb_orphan(skb);
	skb_dst_drop(skb);
	__skb_pull(skb, sizeof(struct udphdr));
	header = skb_header_pointer(skb, 0, sizeof(copy), &copy);
	if (unlikely(!header))
		recv_drop(device, skb, WEFT_DROP_MALFORMED);
	else if (likely(skb_is_gso(skb) || header->type == cpu_to_le32(WEFT_MSG_DATA)))
		recv_batch_of(device, skb);
	else if (recv_type(header, skb->len))
		weft_handshake_queue(device, skb);
	else
		recv_drop(device, skb, WEFT_DROP_MALFORMED);
}
