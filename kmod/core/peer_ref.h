/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A peer: its keys, sessions, endpoint, timers and counters; and the references to it. The
 * functions for each part are in the header of that name.
 */
#ifndef WEFT_PEER_REF_H
#define WEFT_PEER_REF_H

#include "core/candidates.h"
#include "core/drop_reason.h"
#include "core/endpoint.h"
#include "core/pmtu_path.h"
#include "core/reorder.h"
#include "core/staged.h"
#include "lib/fsm.h"
#include "lib/keyselect.h"
#include "lib/noise.h"
#include "lib/wire.h"

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include <net/dst_cache.h>

struct weft_device;
struct weft_home;
struct weft_session;
struct weft_peer_name;
struct weft_peer;

/* Kinds of keys that go into a session. */
enum weft_key_kind {
	WEFT_KEY_PUBLIC,		/* the peer's */
	WEFT_KEY_PRESHARED,
	WEFT_PEER_KEY_KINDS,
	WEFT_KEY_IDENTITY = WEFT_PEER_KEY_KINDS,	/* the device's */
	WEFT_KEY_KINDS
};

/*
 * A peer's sessions. The pointers are changed under lock and read under RCU; each holds a
 * reference.
 */
struct weft_sessions {
	struct weft_session __rcu *current_session;
	struct weft_session __rcu *previous_session;
	struct weft_session __rcu *next_session;
	spinlock_t lock;		/* the three above */
};

/* A public key. Its bytes change only while it is in no slot. */
struct weft_public {
	struct rb_node by_key;			/* device->peers_lock; empty: not in the tree */
	struct weft_peer *peer;			/* constant */
	u8 bytes[WEFT_KEY_LEN];
	u64 serial;				/* tells keys apart, never 0 */
	u8 timestamp[WEFT_TIMESTAMP_LEN];	/* handshake_lock; the greatest of an initiation */
};

struct weft_preshared {
	u8 bytes[WEFT_KEY_LEN];			/* zeros: none, which is a valid key as well */
	u64 serial;				/* 0: the slot is empty */
};

struct weft_peer_keys {
	/*
	 * The slots of the public keys. Written under peer->handshake_lock and device->peers_lock:
	 * either suffices for reading. NULL: the slot is empty.
	 */
	struct weft_public *public[WEFT_KEY_SLOTS];
	struct weft_public storage[WEFT_KEY_SLOTS];
	struct weft_preshared preshared[WEFT_KEY_SLOTS];	/* handshake_lock */
	u32 grace_s;				/* config_lock to write; READ_ONCE(); 0: for ever */
	u32 epoch;				/* peers_lock; the device's when it was published */
	/* Start of a previous key's grace, coarse boot-time clock; 0: no such key. peers_lock */
	u64 grace_since_ns[WEFT_PEER_KEY_KINDS];
	struct list_head graces;		/* peers_lock: device->graces */
};

/* The state of a peer's handshakes. handshake_lock guards all of it. */
struct weft_peer_handshake {
	struct weft_noise_handshake noise;
	struct weft_session *pending;		/* our initiation's, referenced; NULL: none */
	u64 pending_identity;			/* the serials of the keys it was made with */
	u64 pending_public;
	u64 likely_identity;			/* and of the keys of the newest session */
	u64 likely_public;
	u8 unanswered;				/* our initiations since the newest session */
	bool spare;				/* the first of them had a session meanwhile */
	bool untried;				/* READ_ONCE(): newer keys may be untried */
	bool mac1_sent;				/* with mac1, and no cookie reply has arrived */
	enum weft_key_slot answered_with;	/* the preshared key of our newest response */
	u8 static_static[WEFT_KEY_LEN];
	u64 static_static_identity;		/* the serials of both keys; 0: there is none */
	u64 static_static_public;
	u64 consumed_ns;			/* the newest initiation; 0: never */
	u8 cookie[WEFT_COOKIE_LEN];
	u64 cookie_born_ns;			/* 0: none */
	u8 mac1[WEFT_MAC_LEN];			/* of the message sent last */
	u8 mac1_public[WEFT_KEY_LEN];		/* the key that message was for */
	u64 initiated_ns;			/* when pending's initiation was made */
};

struct weft_peer {
	struct weft_device *device;
	struct weft_sessions sessions;
	struct weft_staged staged;		/* packets that wait for a session */
	struct weft_peer_endpoint endpoint;
	atomic_t actions;			/* enum weft_fsm_action, for the work item */
	bool parallel;				/* CPUs take turns at reorder; READ_ONCE() */
	bool dead;				/* handshake_lock: removed; no more sessions */
	bool has_dst_cache;			/* acquire and release: for dst_cache */
	refcount_t refs;
	struct dst_cache dst_cache;		/* bottom halves off; valid once has_dst_cache */
	struct weft_pmtu_path path;		/* the known path MTU */
	struct weft_reorder reorder;		/* batches that are being received */
	atomic64_t rx_bytes;
	atomic64_t rx_at_ns;			/* newest packet; 0: none yet */
	atomic64_t tx_bytes;
	atomic64_t tx_at_ns;			/* the same */
	atomic64_t rx_packets;			/* messages */
	atomic64_t tx_packets;
	atomic64_t handshakes_sent;		/* initiations */
	atomic64_t handshakes_received;		/* valid initiations */
	atomic64_t handshakes_completed;	/* sessions, of either initiator */
	atomic64_t drops[WEFT_DROP_REASONS];

	spinlock_t fsm_lock;			/* timers: the fields that name it below */
	bool running;				/* fsm_lock to write; READ_ONCE(): takes events */
	struct weft_fsm fsm;			/* fsm_lock */
	u64 timer_at_ns;			/* fsm_lock; WEFT_FSM_NEVER: not set */
	struct timer_list timer;
	struct work_struct work;
	atomic64_t handshake_real_ns;		/* of the newest session; 0: never */
	u32 handshake_rtt_us;			/* of our newest one; READ_ONCE(); 0: none yet */
	u8 event_tokens;			/* that may be sent at once; device->events_lock */
	bool events_over;			/* its removal has been announced; READ_ONCE() */
	u64 event_tokens_at_ns;			/* device->events_lock */

	struct mutex handshake_lock;		/* the fields below */
	struct weft_peer_handshake handshake;
	struct weft_peer_keys keys;
	atomic64_t session_identity;		/* likely_identity, for readers without lock */

	u64 serial;				/* constant; grows in the order of peers */
	struct weft_peer_name __rcu *name;	/* RCU; device->config_lock. NULL: no name */
	union {
		struct list_head allowedips;	/* as list; its nodes, by owned */
		struct weft_home *home;		/* dead: the namespace of its routes */
	};
	union {
		struct list_head list;		/* device->config_lock, until it is unpublished */
		struct rcu_head rcu;		/* after the last reference */
	};
};

int weft_peer_ref_init(void);
void weft_peer_ref_exit(void);

struct weft_peer *weft_peer_ref_alloc(void);
void weft_peer_get(struct weft_peer *peer);
void weft_peer_put(struct weft_peer *peer);

#endif /* WEFT_PEER_REF_H */
