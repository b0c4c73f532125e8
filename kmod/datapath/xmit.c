// SPDX-License-Identifier: GPL-2.0
/*
 *   weft_xmit_packet() -> xmit_segment() -> xmit_send() -> weft_batch_seal() -> xmit_messages()
 *           |                                                                         |
 *           |                                                                       sock
 *           +-> staged while there is no session -> weft_xmit_staged() -> xmit_send() ...
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

/* Tunnels in tunnels, at most: each level takes its share of the stack. */
#define XMIT_LEVELS_MAX	4

/* Pieces of what is staged that are sent with bottom halves off: a batch each, 64 kB at most. */
#define XMIT_PIECES	4

/*
 * The peers whose messages this CPU is sending: the innermost tunnel's first. What a tunnel sends
 * may go into another one, and so come back here before it has left.
 */
struct xmit_levels {
	unsigned int count;
	const struct weft_peer *peer[XMIT_LEVELS_MAX];
};

static DEFINE_PER_CPU(struct xmit_levels, xmit_levels);

/* Whether a packet for @peer is one that its own messages have become, or is too deep inside. */
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

static void xmit_drop(struct weft_peer *peer, struct sk_buff *skb, enum weft_drop reason)
{
	weft_peer_drop(peer, reason, 1);
	weft_drop_free(skb, reason);
}

/* Sends messages in one packet. Returns what that means for the timers. */
static u32 xmit_messages(struct weft_peer *peer, struct sk_buff *skb)
{
	struct xmit_levels *levels = this_cpu_ptr(&xmit_levels);
	bool keepalive = skb->len == WEFT_DATA_OVERHEAD;
	int err;

	if (unlikely(xmit_is_loop(peer))) {
		xmit_drop(peer, skb, WEFT_DROP_LOOP);
		return 0;
	}
	levels->peer[levels->count++] = peer;
	err = weft_output_send(peer, skb, weft_packet(skb)->ds, weft_packet(skb)->mtu);
	levels->count--;
	return likely(!err) && !keepalive ? WEFT_FSM_DATA_SENT : 0;
}

/* Tells the timers what has been sent. */
static void xmit_report(struct weft_peer *peer, const struct weft_session *session, u32 events)
{
	u64 now = ktime_get_coarse_boottime_ns();

	WRITE_ONCE(peer->tx_at_ns, now);
	if (unlikely(weft_fsm_session_due(session->initiator, session->born_ns,
					  atomic64_read(&session->flight.next), now)))
		events |= WEFT_FSM_SESSION_WANTED;
	weft_timers_event(peer, events);
}

/* The outer DS field of an inner packet, but for ECN. */
static u8 xmit_dscp(const struct weft_peer *peer, const struct sk_buff *skb)
{
	const struct weft_device *device = peer->device;

	if (unlikely(READ_ONCE(device->dscp) == WEFT_DSCP_INHERIT))
		return ip_tunnel_get_dsfield(ip_hdr(skb), skb);
	return weft_device_ds(device, 0);
}

/* Writes down what sending a packet will need. */
static void xmit_describe(const struct weft_peer *peer, struct sk_buff *skb, unsigned int mtu)
{
	struct weft_packet *packet = weft_packet(skb);

	packet->mtu = mtu;
	packet->ds = weft_device_ds(peer->device, 0);
	/* Keepalives have no inner header. */
	if (unlikely(!skb->len))
		return;
	packet->ds = ip_tunnel_ecn_encap(xmit_dscp(peer, skb), ip_hdr(skb), skb);
	/* Outside, all flows look like one: queueing disciplines tell them apart by this hash. */
	skb_get_hash(skb);
}

/*
 * Keeps a packet until there is a session. The oldest make room, and the sender's socket is not
 * made to wait. Nor is its memory kept: a packet socket has its slot back with that, and fills it
 * again.
 */
static void xmit_stage(struct weft_peer *peer, struct sk_buff *skb)
{
	struct sk_buff_head dropped;

	if (unlikely(skb_orphan_frags_rx(skb, GFP_ATOMIC)))
		return xmit_drop(peer, skb, WEFT_DROP_NO_MEMORY);
	__skb_queue_head_init(&dropped);
	skb_orphan(skb);
	weft_staged_add(&peer->staged, skb, &dropped);
	while ((skb = __skb_dequeue(&dropped)))
		xmit_drop(peer, skb, WEFT_DROP_QUEUE);
}

/* Stages a list of packets, of which none has been sent. */
static void xmit_stage_list(struct weft_peer *peer, struct sk_buff *list)
{
	struct sk_buff *skb, *next;

	skb_list_walk_safe(list, skb, next) {
		skb_mark_not_on_list(skb);
		xmit_stage(peer, skb);
	}
}

/* Makes a packet a list of those that will be sent, or NULL when it had to be dropped. */
static struct sk_buff *xmit_segment(struct weft_peer *peer, struct sk_buff *skb)
{
	struct sk_buff *list = weft_batch_cut_up(skb);

	if (unlikely(!list))
		weft_peer_drop(peer, WEFT_DROP_NO_MEMORY, 1);
	return list;
}

/*
 * Sends the first packets of a list as one batch. Returns false where the session has no counters
 * for them. They are taken for one batch at a time, so that no more of them are on their way than
 * are sealed at this moment.
 */
static bool xmit_batch(struct weft_peer *peer, struct weft_session *session, struct sk_buff **list,
		       u32 *events)
{
	unsigned int count = weft_batch_next(*list);
	struct sk_buff *skb;
	u64 counter;

	if (unlikely(!weft_session_reserve(session, count, ktime_get_coarse_boottime_ns(),
					   &counter)))
		return false;
	skb = weft_batch_seal(list, session, counter, &count);
	*events |= WEFT_FSM_ANY_SENT;
	if (likely(skb))
		*events |= xmit_messages(peer, skb);
	else
		weft_peer_drop(peer, WEFT_DROP_NO_MEMORY, count);
	weft_session_sent(session, counter);
	return true;
}

/*
 * Sends a list of packets under @session. Returns false when the session is over or counters are
 * too far apart: then what is left in the list has not been sent.
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

/* The session to send under, with a reference, or NULL. */
static struct weft_session *xmit_session(struct weft_peer *peer)
{
	struct weft_session *session = rcu_dereference_bh(peer->sessions.current_session);

	if (!session || READ_ONCE(session->retired) || READ_ONCE(session->revoked))
		return NULL;
	return weft_session_get(session) ? session : NULL;
}

/**
 * weft_xmit_packet() - send a packet to a peer, or keep it until there is a session
 * @peer: the peer
 * @skb: the inner packet, network header set, without a dst, in memory that is not shared with
 * other packets; it changes hands
 * @mtu: of the way that the packet takes; padding does not go past it
 *
 * Context: bottom halves off.
 */
void weft_xmit_packet(struct weft_peer *peer, struct sk_buff *skb, unsigned int mtu)
{
	struct weft_session *session = NULL;

	if (unlikely(xmit_is_loop(peer)))
		return xmit_drop(peer, skb, WEFT_DROP_LOOP);
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
	/* What other CPUs have staged may have waited for the counters of this packet. */
	if (unlikely(!weft_staged_is_empty(&peer->staged)))
		weft_xmit_staged(peer);
}

/* Takes some of what is staged, cut into what will be sent, as one list. */
static struct sk_buff *xmit_take_staged(struct weft_peer *peer)
{
	struct sk_buff *list = weft_staged_take(&peer->staged, WEFT_BATCH_MAX_PACKETS);

	/* One for segmentation comes alone. */
	return list && skb_is_gso(list) ? xmit_segment(peer, list) : list;
}

/*
 * Sends some of what is staged. Returns false if nothing can be sent now: without a session, which
 * is asked for, or while other CPUs have counters on their way, which look at the queue when they
 * have sent them.
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
 * The same for a CPU whose counters keep others from taking any: weft_flight_land() is its barrier
 * between sending them and looking for staged packets.
 */
static bool xmit_have_staged(const struct weft_peer *peer)
{
	smp_mb();	/* pairs with itself on another CPU */
	return !weft_staged_is_empty(&peer->staged);
}

/**
 * weft_xmit_staged() - send what waits for a session, if there is one now; else ask for one
 * @peer: the peer
 *
 * What is more than XMIT_PIECES the work item sends, or the CPU that sends to the peer next.
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
 * weft_xmit_keepalive() - send what waits for a session, or if nothing does, an empty packet
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
 * weft_xmit_give_up() - drop what waits for a session
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
		xmit_drop(peer, skb, WEFT_DROP_GIVEN_UP);
	}
}
