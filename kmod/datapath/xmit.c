// SPDX-License-Identifier: GPL-2.0
/*
 *   weft_xmit_packet()
 *     xmit_segment(): a list of packets
 *     xmit_send(): batch by batch
 *       xmit_batch(): weft_batch_measure(), weft_session_reserve(), weft_batch_seal()
 *         xmit_messages() -> weft_output_send()
 *     xmit_stage(), while there is no session, or its counters in flight are too far apart
 *
 *   weft_xmit_staged()
 *     xmit_staged_some(): xmit_take_staged(), xmit_send()
 */

#include "datapath/xmit.h"
#include "core/device.h"
#include "core/drop.h"
#include "core/peer_ref.h"
#include "core/session.h"
#include "core/staged.h"
#include "core/timers.h"
#include "datapath/batch.h"
#include "datapath/crypt.h"
#include "lib/fsm.h"
#include "udp/output.h"

#include <linux/netdevice.h>
#include <net/inet_ecn.h>
#include <net/ip_tunnels.h>

/* Maximum nesting of tunnels: each level takes its share of the stack. */
#define XMIT_LEVELS_MAX	4

/* Batches of staged packets sent with bottom halves off, 64 kB each at most. */
#define XMIT_PIECES	4

/*
 * The peers whose messages this CPU is sending, the innermost tunnel's first. The messages of one
 * tunnel may be routed into another one, and reach this file again before they have left.
 */
struct xmit_levels {
	unsigned int count;
	const struct weft_peer *peer[XMIT_LEVELS_MAX];
};

static DEFINE_PER_CPU(struct xmit_levels, xmit_levels);

/* Whether a packet for @peer carries the peer's own messages, or is nested too deeply. */
static bool xmit_is_loop(const struct weft_peer *peer)
{
	const struct xmit_levels *levels = this_cpu_ptr(&xmit_levels);
	unsigned int i;

	for (i = 0; i < levels->count; i++) {
		if (levels->peer[i] == peer)
			return true;
	}
	return levels->count == XMIT_LEVELS_MAX;
}

/* Sends messages in one packet. Returns the timers' event. */
static u32 xmit_messages(struct weft_peer *peer, struct sk_buff *skb)
{
	struct xmit_levels *levels = this_cpu_ptr(&xmit_levels);
	bool keepalive = skb->len == WEFT_DATA_OVERHEAD;
	int err;

	if (unlikely(xmit_is_loop(peer))) {
		weft_peer_drop_packet(peer, skb, WEFT_DROP_LOOP);
		return 0;
	}
	levels->peer[levels->count++] = peer;
	err = weft_output_send(peer, skb, weft_packet(skb)->ds, weft_packet(skb)->mtu);
	levels->count--;
	return likely(!err) && !keepalive ? WEFT_FSM_DATA_SENT : 0;
}

/* Reports sent messages to the timers. */
static void xmit_report(struct weft_peer *peer, const struct weft_session *session, u32 events)
{
	u64 now = ktime_get_coarse_boottime_ns();

	atomic64_set(&peer->tx_at_ns, now);
	if (unlikely(weft_fsm_session_due(session->initiator, session->born_ns,
					  atomic64_read(&session->flight.next), now)))
		events |= WEFT_FSM_SESSION_WANTED;
	weft_timers_event(peer, events);
}

/* The outer DS field of an inner packet, without ECN. */
static u8 xmit_dscp(const struct weft_peer *peer, const struct sk_buff *skb)
{
	const struct weft_device *device = peer->device;

	if (unlikely(READ_ONCE(device->dscp) == WEFT_DSCP_INHERIT))
		return ip_tunnel_get_dsfield(ip_hdr(skb), skb);
	return weft_device_ds(device, 0);
}

/* Stores the parameters of sending a packet in its control block. */
static void xmit_describe(const struct weft_peer *peer, struct sk_buff *skb, unsigned int mtu)
{
	struct weft_packet *packet = weft_packet(skb);

	packet->mtu = mtu;
	packet->ds = weft_device_ds(peer->device, 0);
	/* Keepalives have no inner header. */
	if (unlikely(!skb->len))
		return;
	packet->ds = ip_tunnel_ecn_encap(xmit_dscp(peer, skb), ip_hdr(skb), skb);
	/* All outer flows look alike: queueing disciplines tell them apart by this hash. */
	skb_get_hash(skb);
}

/*
 * Stages a packet until there is a session. The oldest packets are dropped for it, and the sender's
 * socket neither waits nor stays charged. Its memory is not kept either: a packet socket gets its
 * ring slot back with that, and reuses it.
 */
static void xmit_stage(struct weft_peer *peer, struct sk_buff *skb)
{
	struct sk_buff_head dropped;

	if (unlikely(skb_orphan_frags_rx(skb, GFP_ATOMIC)))
		return weft_peer_drop_packet(peer, skb, WEFT_DROP_NO_MEMORY);
	__skb_queue_head_init(&dropped);
	skb_orphan(skb);
	weft_staged_add(&peer->staged, skb, &dropped);
	while ((skb = __skb_dequeue(&dropped)))
		weft_peer_drop_packet(peer, skb, WEFT_DROP_QUEUE);
}

/* Stages a list of packets, none of which has been sent. */
static void xmit_stage_list(struct weft_peer *peer, struct sk_buff *list)
{
	struct sk_buff *skb, *next;

	skb_list_walk_safe(list, skb, next) {
		skb_mark_not_on_list(skb);
		xmit_stage(peer, skb);
	}
}

/* Segments a packet into a list to send, or returns NULL when the packet was dropped. */
static struct sk_buff *xmit_segment(struct weft_peer *peer, struct sk_buff *skb)
{
	struct sk_buff *list = weft_batch_cut_up(skb);

	if (unlikely(!list))
		weft_peer_drop(peer, WEFT_DROP_NO_MEMORY, 1);
	return list;
}

/*
 * Sends the first packets of a list as one batch. Returns false if the session has no counters for
 * them. Counters are reserved for one batch at a time, so that no more of them are in flight than
 * are being sealed.
 */
static bool xmit_batch(struct weft_peer *peer, struct weft_session *session, struct sk_buff **list,
		       u32 *events)
{
	struct weft_batch batch;
	struct sk_buff *skb;
	u64 counter;

	weft_batch_measure(&batch, *list);
	if (unlikely(!weft_session_reserve(session, batch.count, ktime_get_coarse_boottime_ns(),
					   &counter)))
		return false;
	skb = weft_batch_seal(list, &batch, session, counter);
	*events |= WEFT_FSM_ANY_SENT;
	if (likely(skb))
		*events |= xmit_messages(peer, skb);
	else
		weft_peer_drop(peer, WEFT_DROP_NO_MEMORY, batch.count);
	weft_session_sent(session, counter);
	return true;
}

/*
 * Sends a list of packets under @session. Returns false when the session has expired or counters in
 * flight are too far apart: then the packets left in the list have not been sent.
 */
static bool xmit_send(struct weft_peer *peer, struct weft_session *session, struct sk_buff **list)
{
	u32 events = 0;

	while (*list && likely(xmit_batch(peer, session, list, &events)))
		;
	if (likely(events))
		xmit_report(peer, session, events);
	return !*list;
}

/* The session for sending, with a reference, or NULL. */
static struct weft_session *xmit_session(struct weft_peer *peer)
{
	struct weft_session *session = rcu_dereference_bh(peer->sessions.current_session);

	if (!session || READ_ONCE(session->retired) || READ_ONCE(session->revoked))
		return NULL;
	return weft_session_get(session) ? session : NULL;
}

/**
 * weft_xmit_packet() - send a packet to a peer, or stage it until there is a session
 * @peer: the peer
 * @skb: the inner packet, network header set, without a dst, in memory that is not shared with
 * other packets; consumed
 * @mtu: of the packet's route; padding does not exceed it
 *
 * Context: bottom halves off.
 */
void weft_xmit_packet(struct weft_peer *peer, struct sk_buff *skb, unsigned int mtu)
{
	struct weft_session *session = NULL;

	if (unlikely(xmit_is_loop(peer)))
		return weft_peer_drop_packet(peer, skb, WEFT_DROP_LOOP);
	xmit_describe(peer, skb, mtu);
	if (likely(weft_staged_is_empty(&peer->staged)))
		session = xmit_session(peer);
	if (likely(session)) {
		skb = xmit_segment(peer, skb);
		if (unlikely(!xmit_send(peer, session, &skb)))
			xmit_stage_list(peer, skb);
		weft_session_put(session);
	} else {
		xmit_stage(peer, skb);
	}
	/* Packets that other CPUs have staged may have waited for this packet's counters. */
	if (unlikely(!weft_staged_is_empty(&peer->staged)))
		weft_xmit_staged(peer);
}

/* Takes some staged packets as one list, segmented. */
static struct sk_buff *xmit_take_staged(struct weft_peer *peer)
{
	struct sk_buff *list = weft_staged_take(&peer->staged, WEFT_BATCH_MAX_PACKETS);

	/* A packet for segmentation is taken alone. */
	return list && skb_is_gso(list) ? xmit_segment(peer, list) : list;
}

/*
 * Sends some staged packets. Returns false if none can be sent now: without a session, which is
 * requested, or while other CPUs have counters in flight; those CPUs look at the queue after
 * sending.
 */
static bool xmit_staged_some(struct weft_peer *peer)
{
	struct weft_session *session;
	struct sk_buff *list = NULL;
	bool open;

	session = xmit_session(peer);
	if (!session) {
		weft_timers_event(peer, WEFT_FSM_SESSION_WANTED);
		return false;
	}
	open = weft_flight_is_open(&session->flight);
	if (open)
		list = xmit_take_staged(peer);
	if (unlikely(!xmit_send(peer, session, &list)))
		weft_staged_put_back(&peer->staged, list);
	weft_session_put(session);
	return open;
}

/*
 * Whether packets are staged. Between staging a packet and looking for a session, and between
 * making a session the current one and looking for staged packets, there is a full barrier, this
 * one, so that at least one of both sides sees what the other has done (store buffering):
 *
 *	sender				handshake, or receiver that confirms a session
 *
 *	xmit_stage(packet)		current_session = session
 *	smp_mb()			smp_mb()
 *	r0 = current_session		r1 = whether packets are staged
 *
 *	forbidden: r0 == NULL && r1 == none
 *
 * The same holds for a CPU whose counters in flight block others: weft_flight_land() is its barrier
 * between sending and looking for staged packets.
 */
static bool xmit_have_staged(const struct weft_peer *peer)
{
	smp_mb();	/* pairs with itself on another CPU */
	return !weft_staged_is_empty(&peer->staged);
}

/**
 * weft_xmit_staged() - send staged packets if there is a session; else request one
 * @peer: the peer
 *
 * After XMIT_PIECES batches the rest is left to the work item, or to the next CPU that sends to the
 * peer.
 *
 * Context: any but hard interrupt.
 */
void weft_xmit_staged(struct weft_peer *peer)
{
	unsigned int left = XMIT_PIECES;

	rcu_read_lock_bh();
	while (xmit_have_staged(peer) && xmit_staged_some(peer)) {
		if (!--left) {
			weft_timers_queue_actions(peer, WEFT_PEER_DO_SEND);
			break;
		}
	}
	rcu_read_unlock_bh();
}

/**
 * weft_xmit_keepalive() - send staged packets, or if there are none, an empty packet
 * @peer: the peer
 *
 * Context: process or softirq.
 */
void weft_xmit_keepalive(struct weft_peer *peer)
{
	struct net_device *dev = peer->device->dev;
	struct sk_buff *skb;

	if (weft_staged_is_empty(&peer->staged)) {
		skb = alloc_skb(LL_MAX_HEADER + WEFT_OUTPUT_HEADROOM + WEFT_TAG_LEN +
				WEFT_CRYPT_BEHIND, GFP_ATOMIC);
		if (unlikely(!skb)) {
			weft_peer_drop(peer, WEFT_DROP_NO_MEMORY, 1);
			return;
		}
		skb_reserve(skb, LL_MAX_HEADER + WEFT_OUTPUT_HEADROOM);
		skb->dev = dev;
		xmit_describe(peer, skb, READ_ONCE(dev->mtu));
		xmit_stage(peer, skb);
	}
	weft_xmit_staged(peer);
}

/**
 * weft_xmit_give_up() - drop staged packets
 * @peer: the peer
 *
 * Context: any but hard interrupt.
 */
void weft_xmit_give_up(struct weft_peer *peer)
{
	struct sk_buff *skb, *next;

	rcu_read_lock_bh();
	skb = weft_staged_take_all(&peer->staged);
	rcu_read_unlock_bh();
	skb_list_walk_safe(skb, skb, next) {
		skb_mark_not_on_list(skb);
		weft_peer_drop_packet(peer, skb, WEFT_DROP_GIVEN_UP);
	}
}
