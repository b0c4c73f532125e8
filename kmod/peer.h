/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A peer: its keys, sessions, endpoint, timers and counters.
 */
#ifndef WEFT_PEER_H
#define WEFT_PEER_H

#include "candidates.h"
#include "endpoint.h"
#include "fsm.h"
#include "keypair.h"
#include "keyring.h"
#include "line.h"
#include "noise.h"
#include "path.h"
#include "staged.h"

#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/seqlock.h>
#include <linux/skbuff.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include <net/dst_cache.h>

#include <uapi/linux/weft.h>

struct weft_allowedips_node;
struct weft_device;
struct weft_doomed;
struct weft_home;
struct weft_label;

/*
 * What the peer lets this end do next; the rest of the handshake's state. handshake_lock guards all
 * of it.
 */
struct weft_peer_handshake {
	struct weft_noise_handshake noise;
	struct weft_keypair *pending;		/* our initiation's, referenced; NULL: none */
	u64 pending_identity;			/* the serials of what it was made with */
	u64 pending_public;
	u64 likely_identity;			/* and of what the newest session was made with */
	u64 likely_public;
	u8 unanswered;				/* our initiations since the newest session */
	bool spare;				/* while the first of them was made there was one */
	bool untried;				/* READ_ONCE(): keys are newer than that try */
	enum weft_place answered_with;		/* the preshared key of our newest response */
	u8 static_static[WEFT_KEY_LEN];
	u64 static_static_identity;		/* the serials of both keys; 0: there is none */
	u64 static_static_public;
	u64 consumed_ns;			/* the newest initiation; 0: never */
	u8 cookie[WEFT_COOKIE_LEN];
	u64 cookie_born_ns;			/* 0: none */
	u8 mac1[WEFT_MAC_LEN];			/* of the message sent last */
	u8 mac1_public[WEFT_KEY_LEN];		/* whom that was for */
	bool mac1_sent;				/* and no cookie reply to it has come */
	u64 initiated_ns;			/* when pending's initiation was made */
};

/* Asked for like enum weft_fsm_action: look whether a next key has proved good. */
#define WEFT_PEER_DO_PROMOTE	BIT(31)

/* The same: go on sending what is staged. */
#define WEFT_PEER_DO_SEND	BIT(30)

/* Time to make another session in place of one whose keys are replaced: two tries, 5 s apart. */
#define WEFT_PHASE_OUT_NS	(2 * WEFT_REKEY_TIMEOUT_S * NSEC_PER_SEC)

struct weft_peer {
	struct weft_device *device;
	struct weft_keypairs keypairs;
	struct weft_staged staged;		/* packets that wait for a session */
	seqlock_t endpoint_lock;
	struct weft_endpoint endpoint;		/* endpoint_lock */
	atomic_t actions;			/* enum weft_fsm_action, for the work item */
	struct weft_candidates *candidates;	/* endpoint_lock and config_lock; or NULL */
	bool pinned;				/* endpoint_lock: it is nowhere else */
	bool spread;				/* processors take turns at line; READ_ONCE() */
	bool dead;				/* handshake_lock: removed; no more sessions */
	bool equipped;				/* acquire and release: for dst_cache */
	refcount_t refs;
	struct dst_cache dst_cache;		/* bottom halves off; whole once equipped */
	struct weft_path path;			/* what is known of the way there */
	struct weft_line line;			/* batches that are being received */
	atomic64_t rx_bytes;
	u64 rx_at_ns;				/* newest packet; READ_ONCE(); 0: none yet */
	atomic64_t tx_bytes;
	u64 tx_at_ns;				/* the same */
	atomic64_t rx_packets;			/* messages */
	atomic64_t tx_packets;
	atomic64_t handshakes_sent;		/* initiations */
	atomic64_t handshakes_received;		/* those that were good */
	atomic64_t handshakes_completed;	/* sessions, whoever began them */
	atomic_long_t drops[WEFT_DROPS_A_MAX];	/* enum weft_drop; see device.h */

	spinlock_t fsm_lock;			/* timers: what says so below */
	bool running;				/* fsm_lock to write; READ_ONCE(): events count */
	struct weft_fsm fsm;			/* fsm_lock */
	u64 timer_at_ns;			/* fsm_lock; WEFT_FSM_NEVER: not set */
	struct timer_list timer;
	struct work_struct work;
	s64 handshake_real_ns;			/* of the newest session; READ_ONCE(); 0: never */
	u32 handshake_rtt_us;			/* of our newest one; READ_ONCE(); 0: none yet */
	u8 event_tokens;			/* that may be sent at once; device->events_lock */
	bool events_over;			/* its removal has been told; READ_ONCE() */
	u64 event_tokens_at_ns;			/* device->events_lock */

	struct mutex handshake_lock;		/* what follows */
	struct weft_peer_handshake handshake;
	struct weft_keyring keyring;
	u64 session_identity;			/* likely_identity, for READ_ONCE() */

	u64 serial;				/* constant; grows in the order of peers */
	struct weft_label __rcu *label;		/* RCU; device->config_lock. NULL: no name */
	union {
		struct list_head allowedips;	/* as list; its nodes, by owned */
		struct weft_home *home;		/* once it is dead: its routes may be from there */
	};
	union {
		struct list_head list;		/* device->config_lock, until it is doomed */
		struct rcu_head rcu;		/* once nobody refers to it */
	};
};

int weft_peer_init(void);
void weft_peer_exit(void);

struct weft_peer *weft_peer_create(struct weft_device *device, const u8 public_key[WEFT_KEY_LEN]);
bool weft_peer_equip(struct weft_peer *peer);
struct dst_cache *weft_peer_routes(struct weft_peer *peer);
struct weft_peer *weft_peer_publish(struct weft_peer *peer);
struct weft_peer *weft_peer_find(struct weft_device *device, const u8 public_key[WEFT_KEY_LEN]);
void weft_doomed_init(struct weft_doomed *doomed);
void weft_peer_doom(struct weft_peer *peer, struct weft_doomed *doomed);
void weft_peer_doom_all(struct weft_device *device, struct weft_doomed *doomed);
void weft_peer_remove_doomed(struct weft_doomed *doomed);
void weft_peer_remove_unseen(struct weft_doomed *doomed);
struct weft_allowedips_node *weft_peer_alloc_allowedip(void);
void weft_peer_free_allowedip(struct weft_allowedips_node *node);
void weft_peer_free_allowedips(struct list_head *freed);
void weft_peer_get(struct weft_peer *peer);
void weft_peer_put(struct weft_peer *peer);

void weft_peer_start(struct weft_peer *peer);
void weft_peer_stop(struct weft_peer *peer);
void weft_peer_rest(struct weft_peer *peer);
void weft_peer_report(struct weft_peer *peer, u32 events);
void weft_peer_report_confirmed(const struct weft_keypair *keypair, u32 events);
void weft_peer_ask(struct weft_peer *peer, u32 actions);
enum weft_peer_state weft_peer_state(struct weft_peer *peer, u64 now, u64 *since);
void weft_peer_set_persistent(struct weft_peer *peer, u16 seconds);
void weft_peer_forget_identity(struct weft_peer *peer, u64 serial);
bool weft_peer_phase_out(struct weft_peer *peer, enum weft_key_kind kind, u64 serial);
void weft_peer_key_ended(struct weft_peer *peer, enum weft_key_kind kind, u64 serial);
void weft_peer_retire(struct weft_peer *peer);
void weft_peer_erase(struct weft_peer *peer);
void weft_peer_forget_handshake(struct weft_peer *peer);

void weft_peer_set_endpoint(struct weft_peer *peer, const struct weft_endpoint *endpoint,
			    enum weft_event_cause cause);
void weft_peer_heard_at(struct weft_peer *peer, const struct weft_endpoint *endpoint);
unsigned int weft_peer_places(struct weft_peer *peer);
bool weft_peer_move_on(struct weft_peer *peer);
void weft_peer_set_candidates(struct weft_peer *peer, struct weft_candidates **candidates);
void weft_peer_pin(struct weft_peer *peer, bool pinned);
void weft_peer_forget_source(struct weft_peer *peer);
void weft_peer_leave_home(struct weft_peer *peer);
unsigned int weft_peer_endpoint(struct weft_peer *peer, struct weft_endpoint *endpoint);
bool weft_peer_has_moved(struct weft_peer *peer, unsigned int number);

#endif /* WEFT_PEER_H */
