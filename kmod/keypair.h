/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A session: the keys of one completed handshake, or the place kept for them while the handshake
 * goes on. And a peer's set of three: previous, current, next (WireGuard paper, section 6.3).
 */
#ifndef WEFT_KEYPAIR_H
#define WEFT_KEYPAIR_H

#include "noise.h"
#include "replay.h"

#include <linux/atomic.h>
#include <linux/rhashtable-types.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>

struct weft_index;
struct weft_peer;

struct weft_keypair {
	struct rhash_head index_node;
	__le32 local_index;		/* set before it is published, then constant */
	__le32 remote_index;		/* this and the next four: constant once ready is set */
	struct weft_noise_keys keys;
	u64 born_ns;			/* coarse boot-time clock */
	bool initiator;
	u64 preshared;			/* the next preshared key's serial; 0: made with another */
	bool ready;			/* keys can be used; store_release, load_acquire */
	bool retired;			/* nothing more is sent under it */
	bool revoked;			/* nothing is taken under it either */
	atomic64_t send_counter;	/* the next one to use */
	spinlock_t replay_lock;		/* the next one; bottom halves off */
	struct weft_replay replay;
	struct weft_peer *peer;		/* referenced */
	struct weft_index *index;	/* where it is published */
	refcount_t refs;
	struct rcu_head rcu;
};

/*
 * A peer's sessions. The pointers are changed under lock and read under RCU; each holds a
 * reference.
 */
struct weft_keypairs {
	struct weft_keypair __rcu *current_keypair;
	struct weft_keypair __rcu *previous_keypair;
	struct weft_keypair __rcu *next_keypair;
	spinlock_t lock;		/* the three above */
};

int weft_keypair_init(void);
void weft_keypair_exit(void);

struct weft_keypair *weft_keypair_create(struct weft_peer *peer, struct weft_index *index);
void weft_keypair_begin(struct weft_keypair *keypair, struct weft_noise_handshake *hs,
			bool initiator);
void weft_keypair_revoke(struct weft_keypair *keypair);
bool weft_keypair_get(struct weft_keypair *keypair);
void weft_keypair_put(struct weft_keypair *keypair);
bool weft_keypair_accept(struct weft_keypair *keypair, u64 counter);
bool weft_keypair_reserve(struct weft_keypair *keypair, unsigned int count, u64 now_ns, u64 *first);

void weft_keypairs_init(struct weft_keypairs *set);
void weft_keypairs_add(struct weft_keypairs *set, struct weft_keypair *fresh);
bool weft_keypairs_carry(struct weft_keypairs *set);
bool weft_keypairs_confirm(struct weft_keypairs *set, struct weft_keypair *used);
void weft_keypairs_retire(struct weft_keypairs *set);
void weft_keypairs_clear(struct weft_keypairs *set);

#endif /* WEFT_KEYPAIR_H */
