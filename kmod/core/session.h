/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A session: the keys of one completed handshake, or the object reserved for them while the
 * handshake is in flight. And a peer's set of three: previous, current, next (WireGuard paper,
 * section 6.3).
 */
#ifndef WEFT_SESSION_H
#define WEFT_SESSION_H

#include "core/index.h"
#include "core/peer_ref.h"
#include "lib/flight.h"
#include "lib/fsm.h"
#include "lib/noise.h"
#include "lib/replay.h"

#include <linux/atomic.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>

struct weft_peer;

struct weft_session {
	struct weft_index_entry entry;	/* in index; its id names the session in messages */
	__le32 remote_index;		/* this and the next five: constant once ready is set */
	struct weft_noise_keys keys;
	u64 born_ns;			/* coarse boot-time clock */
	bool initiator;
	u64 made_with[WEFT_KEY_KINDS];	/* serials of keys: the session ends with any of them */
	bool with_next_key;		/* public or preshared; use proves it good */
	atomic64_t ends_ns;		/* end of a key of it; S64_MAX: not yet */
	bool ready;			/* keys can be used; store_release, load_acquire */
	bool retired;			/* not used for sending any more */
	bool revoked;			/* not used for receiving either */
	struct weft_flight flight;	/* the counters for sending */
	spinlock_t replay_lock;		/* the next one; bottom halves off */
	struct weft_replay replay;
	struct weft_peer *peer;		/* referenced */
	struct weft_index *index;	/* the table it is published in */
	refcount_t refs;
	struct rcu_head rcu;
};

int weft_session_init(void);
void weft_session_exit(void);

struct weft_session *weft_session_create(struct weft_peer *peer, struct weft_index *index);
void weft_session_begin(struct weft_session *session, struct weft_noise_handshake *hs,
			bool initiator);
void weft_session_revoke(struct weft_session *session);

/**
 * weft_session_find() - find a session
 * @index: the table
 * @id: its index, as on the wire
 *
 * Context: rcu_read_lock().
 * Return: the session, valid as long as the caller's RCU section unless a reference is taken, or
 * NULL.
 */
static inline struct weft_session *weft_session_find(struct weft_index *index, __le32 id)
{
	struct weft_index_entry *entry = weft_index_find(index, id);

	return entry ? container_of(entry, struct weft_session, entry) : NULL;
}

bool weft_session_get(struct weft_session *session);
void weft_session_put(struct weft_session *session);
bool weft_session_accept(struct weft_session *session, u64 counter);
bool weft_session_reserve(struct weft_session *session, unsigned int count, u64 now_ns, u64 *first);

/**
 * weft_session_sent() - the messages of a reservation have been sent or dropped
 * @session: the session
 * @first: the reservation's first counter
 *
 * The caller then checks whether packets are staged: they may have waited for this.
 */
static inline void weft_session_sent(struct weft_session *session, u64 first)
{
	weft_flight_land(&session->flight, first);
}

/**
 * weft_session_usable() - may a session still carry packets?
 * @session: a session that is ready
 * @counter: the next one to be sent, or the one received
 * @now_ns: coarse boot-time clock
 */
static inline bool weft_session_usable(const struct weft_session *session, u64 counter, u64 now_ns)
{
	return weft_fsm_session_usable(session->born_ns, counter, now_ns) &&
	       now_ns < (u64)atomic64_read(&session->ends_ns);
}

void weft_sessions_init(struct weft_sessions *set);
void weft_sessions_add(struct weft_sessions *set, struct weft_session *fresh);
bool weft_sessions_carry(struct weft_sessions *set);
bool weft_sessions_confirm(struct weft_sessions *set, struct weft_session *used);
u64 weft_sessions_current_key(struct weft_sessions *set, enum weft_key_kind kind);
bool weft_sessions_phase_out(struct weft_sessions *set, enum weft_key_kind kind, u64 serial,
			     u64 until_ns);
bool weft_sessions_end(struct weft_sessions *set, enum weft_key_kind kind, u64 serial,
		       bool *missed);
void weft_sessions_retire(struct weft_sessions *set);
void weft_sessions_clear(struct weft_sessions *set);

#endif /* WEFT_SESSION_H */
