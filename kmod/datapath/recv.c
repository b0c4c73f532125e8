// SPDX-License-Identifier: GPL-2.0
/*
 *   weft_recv_packet()
 *     recv_dispatch() ------------------> device->ops->handshake()
 *       recv_messages() ----------------> recv_parallel(), for a long batch or behind queued ones
 *         recv_open(): each message         recv_job_parallel(), on any CPU: recv_open()
 *         recv_deliver(): each packet       recv_job_serial(), in the peer's order: recv_deliver(),
 *         recv_end()                          recv_end()
 *
 * Opening puts each message's packet into batch->opened. Delivery moves it to batch->ready, or
 * frees it, and passes batch->ready to the stack. recv_end() alone frees the received packet and
 * puts the session.
 */

#include "datapath/recv.h"
#include "core/cells.h"
#include "core/device.h"
#include "core/drop.h"
#include "core/peer_endpoint.h"
#include "core/peer_ref.h"
#include "core/session.h"
#include "core/timers.h"
#include "datapath/crypt.h"
#include "datapath/parallel.h"
#include "datapath/pmtu_probe.h"
#include "datapath/xmit.h"
#include "lib/fsm.h"

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/slab.h>
#include <linux/udp.h>
#include <net/inet_ecn.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>

/*
 * Length of the inner packet as its own header gives it, or 0 if there is no complete IP packet.
 * Sets skb->protocol.
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
 * RFC 6040, section 4.2: the outer header's congestion mark is copied to the inner one, or the
 * packet is dropped.
 */
static bool recv_ecn(struct sk_buff *skb, u8 outer_ds)
{
	return INET_ECN_decapsulate(skb, outer_ds, ip_tunnel_get_dsfield(ip_hdr(skb), skb)) <= 1;
}

/* Resets the packet's state to that of one received by the tunnel device. */
static void recv_reset(struct sk_buff *skb, struct net_device *dev)
{
	skb->dev = dev;
	skb_scrub_packet(skb, true);
	skb_clear_hash(skb);
	skb_set_queue_mapping(skb, 0);
	skb->encapsulation = 0;
	skb_reset_mac_header(skb);
	skb_reset_transport_header(skb);
	/* The packet is authenticated: a checksum inside adds nothing. */
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb->csum_level = ~0;
}

/* A batch that is being received. */
struct recv_batch {
	struct weft_job job;
	struct weft_device *device;
	struct sk_buff *skb;		/* the received packet */
	struct weft_session *session;	/* referenced; NULL: no session that may carry data */
	__le32 receiver;		/* the session's index */
	struct sk_buff_head opened;	/* inner packets, and keepalives */
	struct sk_buff_head ready;	/* packets for the stack */
	u8 ds;				/* the outer header's DS field */
	bool alone;			/* there is one message only */
	enum weft_drop refused;		/* why no message could be opened */
	unsigned int good;		/* messages accepted */
	unsigned int good_len;		/* and their bytes */
};

/* The counter of an opened packet, in its control block. */
static u64 *recv_counter(struct sk_buff *skb)
{
	return (u64 *)skb->cb;
}

/* The state of opening a batch. */
struct recv_opener {
	struct weft_crypt crypt;
	struct weft_crypt_source source;
	u64 now_ns;
};

static struct kmem_cache *recv_batch_cache;

/* The session of an index, with a reference, if it may still carry a message; else NULL. */
static struct weft_session *recv_session(struct weft_device *device, __le32 receiver)
{
	struct weft_session *session = weft_session_find(&device->index, receiver);

	/* Pairs with weft_session_begin(). */
	if (unlikely(!session || !smp_load_acquire(&session->ready) || READ_ONCE(session->revoked)))
		return NULL;
	return weft_session_get(session) ? session : NULL;
}

/* Notes a message of @len bytes as accepted. */
static void recv_note(struct recv_batch *batch, unsigned int len)
{
	batch->good++;
	batch->good_len += len;
}

/* Adds the noted messages to the counters, once per batch. */
static void recv_count(const struct recv_batch *batch)
{
	struct weft_peer *peer = batch->session->peer;

	if (unlikely(!batch->good))
		return;
	atomic64_add(batch->good, &peer->rx_packets);
	atomic64_add(batch->good_len, &peer->rx_bytes);
	weft_compat_rx_add(batch->device->dev, batch->good, batch->good_len);
}

/* Accepts an authenticated message. Returns the timers' events; 0: it was replayed. */
static u32 recv_accept(struct weft_session *session, struct sk_buff *skb)
{
	struct weft_peer *peer = session->peer;
	u32 events = WEFT_FSM_ANY_RECEIVED;

	if (unlikely(!weft_session_accept(session, *recv_counter(skb))))
		return 0;
	if (likely(skb->len))
		events |= WEFT_FSM_DATA_RECEIVED;
	if (unlikely(weft_sessions_confirm(&peer->sessions, session))) {
		events |= WEFT_FSM_SESSION_CONFIRMED;
		atomic64_set(&peer->handshake_real_ns, ktime_get_real_ns());
		atomic64_inc(&peer->handshakes_completed);
	}
	return events;
}

/* Prepares the inner packet of a data message for the stack. Returns a drop reason. */
static enum weft_drop recv_inner(struct recv_batch *batch, struct sk_buff *skb)
{
	unsigned int len = recv_inner_len(skb), message_len = skb->len + WEFT_DATA_OVERHEAD;
	struct weft_peer *peer = batch->session->peer;

	if (unlikely(!len))
		return WEFT_DROP_NOT_IP_IN;
	if (unlikely(!recv_source_allowed(peer, skb)))
		return WEFT_DROP_SOURCE;
	recv_reset(skb, batch->device->dev);
	if (unlikely(!recv_ecn(skb, batch->ds)))
		return WEFT_DROP_ECN;
	if (unlikely(pskb_trim(skb, len)))
		return WEFT_DROP_NO_MEMORY_IN;
	recv_note(batch, message_len);
	if (unlikely(weft_pmtu_path_is_asked(&peer->path)) && weft_pmtu_probe_take(peer, skb))
		consume_skb(skb);
	else
		__skb_queue_tail(&batch->ready, skb);
	return WEFT_DROP_NONE;
}

/* Processes one opened packet. Returns the timers' events. */
static u32 recv_opened_packet(struct recv_batch *batch, struct sk_buff *skb)
{
	u32 events = recv_accept(batch->session, skb);
	enum weft_drop refused;

	if (unlikely(!events)) {
		weft_peer_drop_packet(batch->session->peer, skb, WEFT_DROP_REPLAY);
		return 0;
	}
	if (unlikely(!skb->len)) {
		recv_note(batch, WEFT_DATA_OVERHEAD);
		consume_skb(skb);	/* a keepalive */
		return events;
	}
	refused = recv_inner(batch, skb);
	if (unlikely(refused))
		weft_peer_drop_packet(batch->session->peer, skb, refused);
	return events;
}

/* Reports received messages to the timers of the session's peer. */
static void recv_report(struct recv_batch *batch, u32 events)
{
	struct weft_session *session = batch->session;
	u64 now = ktime_get_coarse_boottime_ns();
	struct weft_endpoint endpoint;

	atomic64_set(&session->peer->rx_at_ns, now);
	if (likely(weft_endpoint_from_skb(&endpoint, batch->skb)))
		weft_peer_learn_endpoint(session->peer, &endpoint);
	if (unlikely(weft_fsm_session_ending(session->initiator, session->born_ns, now)))
		events |= WEFT_FSM_SESSION_ENDING;
	if (likely(!(events & WEFT_FSM_SESSION_CONFIRMED))) {
		weft_timers_event(session->peer, events);
		return;
	}
	weft_timers_confirmed(session, events);
	/* In this order: confirming a session cancels a deferred try, such as the renewal. */
	if (session->with_next_key || READ_ONCE(session->peer->handshake.untried))
		weft_timers_queue_actions(session->peer, WEFT_PEER_DO_PROMOTE);
	weft_xmit_staged(session->peer);
}

/*
 * Passes packets to the stack: always on the same cell if CPUs take turns with the peer's packets.
 * Returns the number dropped.
 */
static unsigned int recv_hand_over(struct recv_batch *batch)
{
	const struct weft_peer *peer = batch->session->peer;
	struct weft_cells *cells = &batch->device->cells;

	if (READ_ONCE(peer->parallel))
		return weft_cells_receive(weft_cells_of(cells, peer->serial), &batch->ready, false);
	return weft_cells_receive(weft_cells_this(cells), &batch->ready, batch->alone);
}

/* Delivers the opened packets. */
static void recv_deliver(struct recv_batch *batch)
{
	unsigned int dropped = 0;
	struct sk_buff *skb;
	u32 events = 0;

	while ((skb = __skb_dequeue(&batch->opened)))
		events |= recv_opened_packet(batch, skb);
	recv_count(batch);
	if (likely(!skb_queue_empty(&batch->ready)))
		dropped = recv_hand_over(batch);
	if (unlikely(dropped))
		weft_peer_drop(batch->session->peer, WEFT_DROP_STACK, dropped);
	if (likely(events))
		recv_report(batch, events);
}

/* Puts the session and frees the received packet, as dropped if no message could be opened. */
static void recv_end(struct recv_batch *batch)
{
	weft_session_put(batch->session);
	if (unlikely(batch->refused))
		weft_drop_free(batch->skb, batch->refused);
	else
		consume_skb(batch->skb);
}

/* Opens the data message at @offset of the batch. Returns a drop reason. */
static enum weft_drop recv_data(struct recv_batch *batch, struct recv_opener *opener,
				const struct weft_msg_data *msg, unsigned int offset,
				unsigned int len)
{
	u64 counter = le64_to_cpu(msg->counter);
	struct sk_buff *packet;

	if (unlikely(!batch->session ||
		     !weft_session_usable(batch->session, counter, opener->now_ns)))
		return WEFT_DROP_NO_SESSION;
	packet = weft_crypt_open_packet(&opener->crypt, &opener->source, offset, len, counter);
	if (IS_ERR(packet))
		return packet == ERR_PTR(-ENOMEM) ? WEFT_DROP_NO_MEMORY_IN : WEFT_DROP_AUTH;
	*recv_counter(packet) = counter;
	__skb_queue_tail(&batch->opened, packet);
	return WEFT_DROP_NONE;
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

static void recv_dispatch(struct weft_device *device, struct sk_buff *skb);

/* Handles a message of another session or type that GSO, or chance, put into the packet. */
static enum weft_drop recv_apart(struct recv_batch *batch, unsigned int offset, unsigned int len)
{
	struct sk_buff *single = recv_extract(batch->skb, offset, len);

	if (unlikely(!single))
		return WEFT_DROP_NO_MEMORY_IN;
	recv_dispatch(batch->device, single);
	return WEFT_DROP_NONE;
}

/*
 * Processes one message of a batch. Returns a drop reason. The checks use the header as read here,
 * not as recv_dispatch() read it for the first message.
 */
static enum weft_drop recv_message(struct recv_batch *batch, struct recv_opener *opener,
				   unsigned int offset, unsigned int len)
{
	struct weft_msg_data msg;

	if (unlikely(len < WEFT_DATA_OVERHEAD ||
		     !weft_crypt_copy(&opener->source, &msg, offset, sizeof(msg))))
		return WEFT_DROP_MALFORMED;
	switch (weft_msg_type(&msg.header, len)) {
	case WEFT_MSG_DATA:
		if (unlikely(msg.receiver != batch->receiver))
			return recv_apart(batch, offset, len);
		return recv_data(batch, opener, &msg, offset, len);
	case WEFT_MSG_INITIATION:
	case WEFT_MSG_RESPONSE:
	case WEFT_MSG_COOKIE_REPLY:
		return recv_apart(batch, offset, len);
	}
	return WEFT_DROP_MALFORMED;
}

/* Counts a message that was refused. */
static void recv_refuse(struct recv_batch *batch, enum weft_drop reason)
{
	batch->refused = reason;
	/* A malformed message does not belong to the session of the messages before it. */
	if (batch->session && reason != WEFT_DROP_MALFORMED)
		weft_peer_drop(batch->session->peer, reason, 1);
	else
		weft_drop(batch->device, reason, 1);
}

/* Opens the messages of a batch one by one. */
static void recv_open(struct recv_batch *batch)
{
	struct recv_opener opener = { .now_ns = ktime_get_coarse_boottime_ns() };
	const struct sk_buff *skb = batch->skb;
	unsigned int offset, each = skb_is_gso(skb) ? skb_shinfo(skb)->gso_size : skb->len;

	batch->alone = each >= skb->len;
	weft_crypt_source_init(&opener.source, skb);
	if (likely(batch->session))
		weft_crypt_begin_open(&opener.crypt, batch->session);
	for (offset = 0; offset < skb->len; offset += each) {
		enum weft_drop refused = recv_message(batch, &opener, offset,
						      min(each, skb->len - offset));

		if (unlikely(refused))
			recv_refuse(batch, refused);
	}
	if (likely(batch->session))
		weft_crypt_end(&opener.crypt);
	if (likely(!skb_queue_empty(&batch->opened)))
		batch->refused = WEFT_DROP_NONE;
}

static void recv_batch_init(struct recv_batch *batch, struct weft_device *device,
			    struct sk_buff *skb, struct weft_session *session, __le32 receiver)
{
	batch->device = device;
	batch->skb = skb;
	batch->session = session;
	batch->receiver = receiver;
	batch->refused = WEFT_DROP_NONE;
	batch->good = 0;
	batch->good_len = 0;
	__skb_queue_head_init(&batch->opened);
	__skb_queue_head_init(&batch->ready);
	batch->ds = ip_tunnel_get_dsfield(ip_hdr(skb), skb);
}

static void recv_job_parallel(struct weft_job *job)
{
	recv_open(container_of(job, struct recv_batch, job));
}

static void recv_job_end(struct recv_batch *batch)
{
	struct weft_device *device = batch->device;

	recv_end(batch);
	kmem_cache_free(recv_batch_cache, batch);
	weft_device_job_ended(device);
}

static void recv_job_serial(struct weft_job *job)
{
	struct recv_batch *batch = container_of(job, struct recv_batch, job);

	recv_deliver(batch);
	recv_job_end(batch);
}

/*
 * Passes a batch of @session's peer to any CPU, with the reference to the session. Returns false if
 * the caller is to process it.
 */
static bool recv_parallel(struct weft_device *device, struct sk_buff *skb,
			  struct weft_session *session)
{
	struct weft_peer *peer = session->peer;
	struct recv_batch *batch;

	if (likely(!weft_parallel_is_wanted(&peer->reorder, skb->len)))
		return false;
	batch = kmem_cache_alloc(recv_batch_cache, GFP_ATOMIC | __GFP_NOWARN);
	if (unlikely(!batch))
		return false;
	recv_batch_init(batch, device, skb, session, session->entry.id);
	batch->job.parallel = recv_job_parallel;
	batch->job.serial = recv_job_serial;
	weft_device_job_begins(device);
	WRITE_ONCE(peer->parallel, true);
	if (unlikely(!weft_parallel(&peer->reorder, &batch->job))) {
		weft_peer_drop(peer, WEFT_DROP_QUEUE_IN, 1);
		batch->refused = WEFT_DROP_QUEUE_IN;
		recv_job_end(batch);
	}
	return true;
}

/* Processes the messages of a packet whose first message names the session @receiver. */
static void recv_messages(struct weft_device *device, struct sk_buff *skb, __le32 receiver)
{
	struct weft_session *session = recv_session(device, receiver);
	struct recv_batch batch;

	if (likely(session) && unlikely(recv_parallel(device, skb, session)))
		return;
	recv_batch_init(&batch, device, skb, session, receiver);
	recv_open(&batch);
	if (likely(session))
		recv_deliver(&batch);
	else if (batch.refused == WEFT_DROP_NO_SESSION)
		device->ops->stray(device, skb);
	recv_end(&batch);
}

/* Dispatches a packet by its first message. Consumes it. */
static void recv_dispatch(struct weft_device *device, struct sk_buff *skb)
{
	const struct weft_msg_data *msg;
	struct weft_msg_data copy;

	msg = skb_header_pointer(skb, 0, sizeof(copy), &copy);
	if (likely(msg && (skb_is_gso(skb) || msg->header.type == cpu_to_le32(WEFT_MSG_DATA))))
		recv_messages(device, skb, msg->receiver);
	else if (msg && weft_msg_type(&msg->header, skb->len))
		device->ops->handshake(device, skb);
	else
		weft_drop_packet(device, skb, WEFT_DROP_MALFORMED);
}

/**
 * weft_recv_packet() - process a UDP packet received by one of a device's sockets
 * @device: the device
 * @skb: the packet, at its UDP header, length and checksum verified; consumed
 *
 * Context: bottom halves off, RCU; struct weft_device_ops' receive.
 */
void weft_recv_packet(struct weft_device *device, struct sk_buff *skb)
{
	skb_orphan(skb);
	skb_dst_drop(skb);
	__skb_pull(skb, sizeof(struct udphdr));
	recv_dispatch(device, skb);
}

/* Once at load. Returns 0 or -ENOMEM. */
int weft_recv_init(void)
{
	recv_batch_cache = KMEM_CACHE(recv_batch, 0);
	return recv_batch_cache ? 0 : -ENOMEM;
}

/* Once at unload, when no device is left. */
void weft_recv_exit(void)
{
	kmem_cache_destroy(recv_batch_cache);
}
