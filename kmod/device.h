/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device: one tunnel interface and everything that belongs to it.
 *
 * Locks, outermost first:
 *
 *   rtnl                    taken by the core around netdev operations, never by weft itself
 *   list of all devices     netdev.c
 *   device->config_lock     configuration: peers, allowed IPs, sockets, identity, up, gone
 *   peer->handshake_lock    a peer's handshake, preshared key, timestamp, cookie
 *   device->peers_lock      the tree of peers by key
 *   peer->keypairs.lock     which session is current, previous, next
 *   peer->fsm_lock          a peer's timers
 *   keypair->replay_lock    a session's replay window
 *   and as leaves           peer->staged.lock, peer->endpoint_lock, device->cookie_lock,
 *                           device->incoming.lock, peer->line.lock
 *
 * The first four may sleep. The others are held with bottom halves off.
 */
#ifndef WEFT_DEVICE_H
#define WEFT_DEVICE_H

#include "allowedips.h"
#include "cells.h"
#include "index.h"
#include "peer.h"
#include "wire.h"

#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/rbtree.h>
#include <linux/skbuff.h>
#include <linux/wait_bit.h>
#include <linux/workqueue.h>

struct weft_device;
struct weft_handshake_worker;
struct weft_identity;
struct weft_peer;

/* Why a packet went no further. Each has a name in netdev.c. First those that came in. */
enum weft_drop {
	WEFT_DROP_MALFORMED,	/* no message of this protocol, or the wrong length */
	WEFT_DROP_MAC,		/* mac1, or under load mac2, is wrong */
	WEFT_DROP_RATE_LIMIT,	/* handshakes from one source faster than allowed */
	WEFT_DROP_HANDSHAKE,	/* a handshake message or cookie that does not open */
	WEFT_DROP_UNKNOWN_PEER,	/* an initiation from a key that is nobody's here */
	WEFT_DROP_TIMESTAMP,	/* an initiation no newer than the newest one accepted */
	WEFT_DROP_FLOOD,	/* a peer's initiations faster than allowed */
	WEFT_DROP_NO_SESSION,	/* its index is no session of ours, or one that is over */
	WEFT_DROP_AUTH,		/* a data message that does not authenticate */
	WEFT_DROP_REPLAY,	/* a counter that was seen already or is too old */
	WEFT_DROP_SOURCE,	/* the inner source is not among the peer's allowed IPs */
	WEFT_DROP_ECN,		/* congestion marked where the inner packet cannot say so */
	WEFT_DROP_NOT_IP_IN,	/* what was inside is not a whole IP packet */
	WEFT_DROP_NO_KEY,	/* the device has no private key */
	WEFT_DROP_QUEUE_IN,	/* too many handshake messages wait */
	WEFT_DROP_NO_MEMORY_IN,	/* out of memory */
	WEFT_DROP_STACK,	/* the inner packet was not wanted further up */

	/* And those that were to go out. */
	WEFT_DROP_NOT_IP,	/* not an IP packet */
	WEFT_DROP_DESTINATION,	/* the destination is among nobody's allowed IPs */
	WEFT_DROP_NO_ENDPOINT,	/* the peer's endpoint is not known */
	WEFT_DROP_QUEUE,	/* too many packets wait for a session */
	WEFT_DROP_GIVEN_UP,	/* it waited for a session that never came */
	WEFT_DROP_LOOP,		/* the tunnel's own packets were routed into it again */
	WEFT_DROP_NO_MEMORY,	/* out of memory */
	WEFT_DROP_SEND,		/* no socket, no route, or refused by the stack */

	WEFT_DROP_REASONS
};

struct weft_drops {
	unsigned long count[WEFT_DROP_REASONS];
};

/* What the objects and the mechanism tell the rooms above them. */
struct weft_device_ops {
	/* A UDP packet came to one of the device's sockets. BH off; the packet changes hands. */
	void (*receive)(struct weft_device *device, struct sk_buff *skb);
	/* A peer's timers want something done (enum weft_fsm_action). Process context. */
	void (*act)(struct weft_peer *peer, u32 actions);
};

struct weft_device {
	struct net_device *dev;
	const struct weft_device_ops *ops;
	struct weft_allowedips allowedips;	/* RCU; written under config_lock */
	struct weft_index index;
	struct sock __rcu *sock4;		/* RCU; written under config_lock */
	struct sock __rcu *sock6;
	struct weft_identity __rcu *identity;	/* RCU; config_lock. NULL: no private key */
	struct weft_drops __percpu *drops;
	struct weft_cells cells;
	atomic_t jobs;				/* batches that other processors have */
	u32 fwmark;				/* config_lock; read with READ_ONCE() */

	struct sk_buff_head incoming;		/* handshake messages that wait for a worker */
	struct weft_handshake_worker *workers;	/* constant */
	unsigned int next_worker;		/* a hint, unguarded */
	u64 loaded_ns;				/* last time under load; READ_ONCE(); 0: never */
	u8 cookie_secret[WEFT_KEY_LEN];		/* cookie_lock */
	u64 cookie_secret_born_ns;		/* cookie_lock; 0: none yet */
	spinlock_t cookie_lock;			/* the two above */

	struct mutex config_lock;		/* everything from here on, but the tree */
	struct list_head peers;			/* in the order they were added */
	unsigned int peer_count;
	u64 peer_serial;			/* the newest peer's */
	u64 generation;				/* another one after each change, never twice */
	struct net __rcu *home;			/* where the sockets live; RCU; NULL: gone */
	u16 port;				/* host order; 0: none chosen yet */
	bool up;
	bool gone;				/* being removed: change nothing any more */
	struct weft_doomed doomed;		/* what it had then; its destructor's */
	struct list_head list;			/* all devices; netdev.c's lock */
	struct rb_root peers_by_key;		/* peers_lock */
	spinlock_t peers_lock;			/* the tree above */
};

/**
 * weft_drop() - count packets that go no further
 * @device: the device
 * @reason: why
 * @count: how many
 */
static inline void weft_drop(struct weft_device *device, enum weft_drop reason, unsigned int count)
{
	this_cpu_add(device->drops->count[reason], count);
}

/**
 * weft_device_job_begins() - a batch is handed to other processors
 * @device: the device; it waits for the batch before it goes
 */
static inline void weft_device_job_begins(struct weft_device *device)
{
	atomic_inc(&device->jobs);
}

/**
 * weft_device_job_ended() - the batch has been dealt with
 * @device: the device, which may be gone now
 */
static inline void weft_device_job_ended(struct weft_device *device)
{
	if (atomic_dec_and_test(&device->jobs))
		wake_up_var(&device->jobs);
}

/**
 * weft_device_wait_for_jobs() - wait until no other processor has a batch
 * @device: the device, for which no new ones are made
 *
 * Context: process; may sleep.
 */
static inline void weft_device_wait_for_jobs(struct weft_device *device)
{
	wait_var_event(&device->jobs, !atomic_read(&device->jobs));
}

#endif /* WEFT_DEVICE_H */
