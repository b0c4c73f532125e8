/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device: one tunnel interface and everything that belongs to it.
 *
 * Locks, outermost first:
 *
 *   rtnl                    taken by the core around netdev operations, never by weft itself
 *   list of all devices     netdev.c
 *   device->config_lock     configuration: peers, allowed IPs, sockets, identity, up, gone
 *   peer->handshake_lock    a peer's handshake, keys, timestamps, cookie
 *   device->peers_lock      the tree of peers by key, and which keys a peer has
 *   peer->sessions.lock     which session is current, previous, next
 *   peer->fsm_lock          a peer's timers
 *   session->replay_lock    a session's replay window
 *   device->events_lock     the order of events to listeners; never under peers_lock, which is
 *                           taken under it
 *   and as leaves           peer->staged.queue.lock, peer->endpoint.lock, device->cookie_lock,
 *                           device->incoming.lock, device->expected.lock, peer->reorder.lock,
 *                           peer->path.lock
 *
 * The first four may sleep. The others are held with bottom halves off.
 */
#ifndef WEFT_DEVICE_H
#define WEFT_DEVICE_H

#include "core/cells.h"
#include "core/index.h"
#include "lib/allowedips.h"
#include "lib/wire.h"

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/rbtree.h>
#include <linux/skbuff.h>
#include <linux/wait_bit.h>
#include <linux/workqueue.h>

#include <uapi/linux/weft.h>

struct netlink_ext_ack;
struct weft_device;
struct weft_drops;
struct weft_handshake_worker;
struct weft_home;
struct weft_identity;
struct weft_peer;
struct weft_stray;

/* An event of a device or a peer. */
struct weft_event {
	enum weft_event_type type;
	enum weft_event_cause cause;
	struct weft_peer *peer;		/* NULL: an event of the device */
	const u8 *old_public_key;	/* the key that was replaced or forgotten, or NULL */
	u32 rtt_us;			/* of our handshake; 0: the other end began it */
};

/* Calls from the lower layers to the upper ones. */
struct weft_device_ops {
	/* A UDP packet received by one of the device's sockets. BH off; consumes the packet. */
	void (*receive)(struct weft_device *device, struct sk_buff *skb);
	/* A handshake message among these. BH off; consumes the packet. */
	void (*handshake)(struct weft_device *device, struct sk_buff *skb);
	/* Data of a session that is not known. BH off; does not consume the packet. */
	void (*stray)(struct weft_device *device, const struct sk_buff *skb);
	/* Actions of a peer's timers (enum weft_fsm_action). Process context. */
	void (*act)(struct weft_peer *peer, u32 actions);
	/* An event for listeners. Any context but hard interrupt. */
	void (*event)(struct weft_device *device, const struct weft_event *event);
};

/* The binding of a device's sockets. */
struct weft_binding {
	u16 port;			/* host order; 0: none chosen yet */
	struct in_addr address4;	/* all zeros: any, or no socket if the other has one */
	struct in6_addr address6;
	int ifindex;			/* 0: no interface */
	char ifname[IFNAMSIZ];		/* its name; a new interface of that name replaces it */
};

/* Peers that are being removed: off their device, not yet stopped. Owned by the caller. */
struct weft_removal {
	struct list_head peers;
	struct weft_allowedips allowedips;	/* nodes that were detached with them */
	struct weft_home *home;			/* the namespace that they leave, or NULL */
};

struct weft_device {
	struct net_device *dev;
	const struct weft_device_ops *ops;
	struct weft_allowedips allowedips;	/* RCU; written under config_lock */
	struct weft_index index;
	struct sock __rcu *sock4;		/* RCU; written under config_lock */
	struct sock __rcu *sock6;
	struct weft_identity __rcu *identity;	/* RCU; config_lock. NULL: no private key */
	struct weft_identity __rcu *previous_identity;	/* the same, until its grace ends */
	struct weft_drops __percpu *drops;
	atomic64_t event_sequence;		/* the newest event's */
	spinlock_t events_lock;			/* events go out in the order of their numbers */
	bool events_over;			/* the removal is announced; READ_ONCE() */
	atomic_t promotions;			/* of peers' next keys */
	struct weft_cells cells;
	atomic_t jobs;				/* batches on other CPUs */
	u32 fwmark;				/* config_lock; read with READ_ONCE() */
	bool pmtu;				/* the same; path MTU discovery is on */
	u8 dscp;				/* the same; of outer packets, or enum weft_dscp */

	struct sk_buff_head incoming;		/* handshake messages that wait for a worker */
	struct sk_buff_head expected;		/* the same, of known peers: first */
	struct weft_stray *stray;		/* constant */
	struct weft_handshake_worker *workers;	/* constant */
	unsigned int next_worker;		/* a hint, unguarded */
	atomic64_t loaded_ns;			/* last time under load; 0: never */
	u8 cookie_secret[WEFT_KEY_LEN];		/* cookie_lock */
	u64 cookie_secret_born_ns;		/* cookie_lock; 0: none yet */
	spinlock_t cookie_lock;			/* the two above */

	struct mutex config_lock;		/* all fields below, except the tree */
	struct list_head peers;			/* in the order they were added */
	unsigned int peer_count;
	struct rb_root names;			/* the peers that have a name, by it */
	u64 peer_serial;			/* the newest peer's */
	u64 generation;				/* new after each change, unique */
	struct net __rcu *home;			/* the sockets' namespace; RCU; NULL: gone */
	u32 grace_s;				/* of previous_identity; 0: for ever */
	u64 rotated_ns;				/* start of the grace; coarse boot-time clock */
	struct weft_binding binding;
	bool up;
	bool listens;			/* workers run; READ_ONCE() */
	bool gone;				/* being removed: refuse changes */
	struct weft_removal removal;		/* removed peers; for the destructor */
	struct list_head list;			/* all devices; netdev.c's lock */
	struct netlink_ext_ack *open_extack;	/* rtnl; of the request to bring it up, or NULL */
	struct rb_root peers_by_key;		/* peers_lock; this and the next three */
	u32 keys_epoch;				/* of the tree above; never 0 */
	struct list_head graces;		/* peers that have a previous key with an end */
	u64 grace_look_ns;			/* when grace_work runs; U64_MAX: never */
	spinlock_t peers_lock;
	struct delayed_work grace_work;
};

/**
 * weft_device_ds() - the DS field of a device's outer packets
 * @device: the device
 * @usual: the field if no DSCP is set
 */
static inline u8 weft_device_ds(const struct weft_device *device, u8 usual)
{
	u8 dscp = READ_ONCE(device->dscp);

	return likely(dscp >= WEFT_DSCP_INHERIT) ? usual : dscp << 2;
}

/**
 * weft_device_job_begins() - count a batch that is passed to other CPUs
 * @device: the device; its removal waits for the batch
 */
static inline void weft_device_job_begins(struct weft_device *device)
{
	atomic_inc(&device->jobs);
}

/**
 * weft_device_job_ended() - uncount a batch that has been processed
 * @device: the device, which may be freed afterwards
 */
static inline void weft_device_job_ended(struct weft_device *device)
{
	if (atomic_dec_and_test(&device->jobs))
		wake_up_var(&device->jobs);
}

void weft_device_event(struct weft_device *device, enum weft_event_type type,
		       enum weft_event_cause cause, const u8 *old_public_key);
void weft_peer_event(struct weft_peer *peer, enum weft_event_type type,
		     enum weft_event_cause cause, const u8 *old_public_key);
void weft_device_wait_for_jobs(struct weft_device *device);
void weft_device_changed(struct weft_device *device);

#endif /* WEFT_DEVICE_H */
