// SPDX-License-Identifier: GPL-2.0
/*
 *   weft_xmit_packet() -> xmit_send() -> xmit_segment() -> weft_crypt_seal() -> xmit_deliver()
 *           |                                                                          |
 *           |                                                                        sock
 *           +-> staged while there is no session -> weft_xmit_staged() -> xmit_send() ...
 */

#include "xmit.h"
#include "batch.h"
#include "crypt.h"
#include "device.h"
#include "fsm.h"
#include "peer.h"
#include "sock.h"

#include <linux/netdevice.h>
#include <net/gso.h>
#include <net/inet_ecn.h>
#include <net/ip_tunnels.h>

/* Tunnels in tunnels, at most: each level takes its share of the stack. */
#define XMIT_LEVELS_MAX	4

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

static int xmit_message(struct weft_peer *peer, struct sk_buff *skb, u8 ds)
{
	struct xmit_levels *levels = this_cpu_ptr(&xmit_levels);
	int err;

	levels->peer[levels->count++] = peer;
	err = weft_sock_send(peer, skb, ds);
	levels->count--;
	return err;
}

static void xmit_drop(struct weft_peer *peer, struct sk_buff *skb, enum weft_drop reason)
{
	weft_drop(peer->device, reason, 1);
	kfree_skb(skb);
}

/* Sends the messages of a batch. Returns what that means for the timers. */
static u32 xmit_messages(struct weft_peer *peer, struct sk_buff *batch, u8 ds)
{
	u32 events = WEFT_FSM_ANY_SENT;
	struct sk_buff *skb, *next;

	skb_list_walk_safe(batch, skb, next) {
		bool keepalive = skb->len == WEFT_DATA_OVERHEAD;

		skb_mark_not_on_list(skb);
		if (unlikely(!skb->len))
			xmit_drop(peer, skb, WEFT_DROP_NO_MEMORY);
		else if (unlikely(xmit_is_loop(peer)))
			xmit_drop(peer, skb, WEFT_DROP_LOOP);
		else if (likely(!xmit_message(peer, skb, ds)) && !keepalive)
			events |= WEFT_FSM_DATA_SENT;
	}
	return events;
}

/* Sends what is sealed, tells the timers, and lets go of the session. */
static void xmit_deliver(struct sk_buff *batch)
{
	struct weft_keypair *keypair = weft_batch(batch)->keypair;
	struct weft_peer *peer = keypair->peer;
	u32 events = xmit_messages(peer, batch, weft_batch(batch)->ds);

	if (unlikely(weft_fsm_session_due(keypair->initiator, keypair->born_ns,
					  atomic64_read(&keypair->send_counter),
					  ktime_get_coarse_boottime_ns())))
		events |= WEFT_FSM_SESSION_WANTED;
	weft_peer_report(peer, events);
	weft_keypair_put(keypair);
}

/*
 * Keeps a packet until there is a session. The oldest makes room, and the sender's socket is not
 * made to wait.
 */
static void xmit_stage(struct weft_peer *peer, struct sk_buff *skb, unsigned int mtu)
{
	struct sk_buff *oldest = NULL;

	skb_orphan(skb);
	weft_batch(skb)->mtu = mtu;
	spin_lock_bh(&peer->staged.lock);
	if (skb_queue_len(&peer->staged) >= WEFT_STAGED_MAX_PACKETS)
		oldest = __skb_dequeue(&peer->staged);
	__skb_queue_tail(&peer->staged, skb);
	spin_unlock_bh(&peer->staged.lock);
	if (oldest) {
		weft_drop(peer->device, WEFT_DROP_QUEUE, 1);
		kfree_skb(oldest);
	}
}

/* Stages a list of packets, of which none has been sent. */
static void xmit_stage_list(struct weft_peer *peer, struct sk_buff *list, unsigned int mtu)
{
	struct sk_buff *skb, *next;

	skb_list_walk_safe(list, skb, next) {
		skb_mark_not_on_list(skb);
		xmit_stage(peer, skb, mtu);
	}
}

/* Cuts a GSO packet into what will be sent: a list, or NULL when it had to be dropped. */
static struct sk_buff *xmit_segment(struct weft_peer *peer, struct sk_buff *skb)
{
	struct sk_buff *list;

	if (!skb_is_gso(skb))
		return skb;
	list = skb_gso_segment(skb, 0);
	if (IS_ERR(list)) {
		weft_drop(peer->device, WEFT_DROP_NO_MEMORY, 1);
		kfree_skb(skb);
		return NULL;
	}
	if (!list)
		return skb;
	consume_skb(skb);
	return list;
}

/* Sends a packet under @keypair. Returns false when that is over: then the packet is staged. */
static bool xmit_send(struct weft_peer *peer, struct weft_keypair *keypair, struct sk_buff *skb,
		      unsigned int mtu)
{
	/*
	 * Keepalives have no inner header to copy from; only the ECN bits are copied from the
	 * others.
	 */
	u8 ds = skb->len ? ip_tunnel_ecn_encap(0, ip_hdr(skb), skb) : 0;
	struct sk_buff *batch;
	u64 counter;

	/* Outside, all flows look like one: queueing disciplines tell them apart by this hash. */
	if (likely(skb->len))
		skb_get_hash(skb);
	batch = xmit_segment(peer, skb);
	if (unlikely(!batch))
		return true;
	if (unlikely(!weft_keypair_reserve(keypair, weft_batch_count(batch),
					   ktime_get_coarse_boottime_ns(), &counter))) {
		xmit_stage_list(peer, batch, mtu);
		return false;
	}
	while (batch) {
		struct sk_buff *rest = weft_batch_cut(batch, WEFT_BATCH_MAX_PACKETS);
		struct weft_batch *state = weft_batch(batch);

		state->keypair = keypair;
		state->counter = counter;
		state->mtu = mtu;
		state->ds = ds;
		refcount_inc(&keypair->refs);
		weft_crypt_seal(batch);
		xmit_deliver(batch);
		counter += WEFT_BATCH_MAX_PACKETS;
		batch = rest;
	}
	return true;
}

/* The session to send under, with a reference, or NULL. */
static struct weft_keypair *xmit_session(struct weft_peer *peer)
{
	struct weft_keypair *keypair = rcu_dereference_bh(peer->keypairs.current_keypair);

	return keypair && !READ_ONCE(keypair->retired) && weft_keypair_get(keypair) ? keypair :
										      NULL;
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
	struct weft_keypair *keypair = NULL;

	if (unlikely(xmit_is_loop(peer)))
		return xmit_drop(peer, skb, WEFT_DROP_LOOP);
	if (likely(skb_queue_empty_lockless(&peer->staged)))
		keypair = xmit_session(peer);
	if (likely(keypair)) {
		bool sent = xmit_send(peer, keypair, skb, mtu);

		weft_keypair_put(keypair);
		if (likely(sent))
			return;
	} else {
		xmit_stage(peer, skb, mtu);
	}
	weft_xmit_staged(peer);
}

/**
 * weft_xmit_staged() - send what waits for a session, if there is one now; else ask for one
 * @peer: the peer
 *
 * Context: any but hard interrupt.
 */
void weft_xmit_staged(struct weft_peer *peer)
{
	struct weft_keypair *keypair;
	struct sk_buff_head waiting;
	struct sk_buff *skb;
	bool over = false;

	if (skb_queue_empty_lockless(&peer->staged))
		return;
	rcu_read_lock_bh();
	keypair = xmit_session(peer);
	if (keypair) {
		__skb_queue_head_init(&waiting);
		spin_lock(&peer->staged.lock);
		skb_queue_splice_init(&peer->staged, &waiting);
		spin_unlock(&peer->staged.lock);
		while ((skb = __skb_dequeue(&waiting)))
			over |= !xmit_send(peer, keypair, skb, weft_batch(skb)->mtu);
		weft_keypair_put(keypair);
	}
	if (!keypair || over)
		weft_peer_report(peer, WEFT_FSM_SESSION_WANTED);
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

	if (skb_queue_empty_lockless(&peer->staged)) {
		skb = alloc_skb(WEFT_CRYPT_HEADROOM + LL_MAX_HEADER + WEFT_TAG_LEN, GFP_ATOMIC);
		if (unlikely(!skb)) {
			weft_drop(peer->device, WEFT_DROP_NO_MEMORY, 1);
			return;
		}
		skb_reserve(skb, WEFT_CRYPT_HEADROOM + LL_MAX_HEADER);
		skb->dev = dev;
		xmit_stage(peer, skb, READ_ONCE(dev->mtu));
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
	struct sk_buff *skb;

	while ((skb = skb_dequeue(&peer->staged))) {
		weft_drop(peer->device, WEFT_DROP_GIVEN_UP, 1);
		kfree_skb(skb);
	}
}
