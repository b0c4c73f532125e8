// SPDX-License-Identifier: GPL-2.0

#include "core/session.h"
#include "core/trace.h"

#include <linux/slab.h>
#include <linux/timekeeping.h>

/* Long enough for some tries of a handshake. */
#define SESSION_WHILE_NS	weft_seconds_ns(30)

static struct kmem_cache *session_cache;

/* Once at load. Returns 0 or -ENOMEM. */
int weft_session_init(void)
{
	session_cache = KMEM_CACHE(weft_session, 0);
	return session_cache ? 0 : -ENOMEM;
}

/* Once at unload, when all sessions have been put. Waits for RCU callbacks. */
void weft_session_exit(void)
{
	rcu_barrier();
	kmem_cache_destroy(session_cache);
}

/**
 * weft_session_create() - make a session without keys and publish its index
 * @peer: the peer of the session; a reference is taken
 * @index: the table to publish it in
 *
 * Context: process; may sleep.
 * Return: a session with one reference, which is the caller's, or NULL when memory is short.
 */
struct weft_session *weft_session_create(struct weft_peer *peer, struct weft_index *index)
{
	struct weft_session *session = kmem_cache_zalloc(session_cache, GFP_KERNEL);

	if (!session)
		return NULL;
	refcount_set(&session->refs, 1);
	spin_lock_init(&session->replay_lock);
	session->peer = peer;
	session->index = index;
	if (weft_index_add(index, &session->entry)) {
		kmem_cache_free(session_cache, session);
		return NULL;
	}
	weft_peer_get(peer);
	return session;
}

static void session_trace(const struct weft_session *session, enum weft_trace_session what)
{
	trace_weft_session(session->peer, session->entry.id, session->initiator, what);
}

/**
 * weft_session_begin() - give a session its keys
 * @session: a session that is not ready yet
 * @hs: the completed handshake; wiped
 * @initiator: whether this end sent the initiation
 *
 * Context: any; the peer's handshake_lock serialises.
 */
void weft_session_begin(struct weft_session *session, struct weft_noise_handshake *hs,
			bool initiator)
{
	session->remote_index = hs->remote_index;
	session->initiator = initiator;
	session->born_ns = ktime_get_coarse_boottime_ns();
	atomic64_set(&session->ends_ns, S64_MAX);
	weft_noise_split(&session->keys, hs, initiator);
	/* Pairs with the acquire of readers that found the session by its index. */
	smp_store_release(&session->ready, true);
	session_trace(session, WEFT_TRACE_SESSION_BEGUN);
}

/**
 * weft_session_revoke() - end a session at once, in both directions, and drop the caller's
 * reference
 * @session: the session, or NULL
 *
 * Context: any but hard interrupt. Called once for each session, by the holder of its first
 * reference.
 */
void weft_session_revoke(struct weft_session *session)
{
	if (!session)
		return;
	WRITE_ONCE(session->revoked, true);
	if (session->ready)
		session_trace(session, WEFT_TRACE_SESSION_OVER);
	weft_index_remove(session->index, &session->entry);
	weft_session_put(session);
}

/**
 * weft_session_get() - take a reference
 * @session: a session found under RCU
 *
 * Return: false when it is being freed and must not be used.
 */
bool weft_session_get(struct weft_session *session)
{
	return refcount_inc_not_zero(&session->refs);
}

static void session_free(struct rcu_head *rcu)
{
	struct weft_session *session = container_of(rcu, struct weft_session, rcu);

	memzero_explicit(session, sizeof(*session));
	kmem_cache_free(session_cache, session);
}

/**
 * weft_session_put() - drop a reference; with the last one the keys are wiped, after a grace period
 * @session: the session, or NULL
 */
void weft_session_put(struct weft_session *session)
{
	if (!session || !refcount_dec_and_test(&session->refs))
		return;
	weft_peer_put(session->peer);
	call_rcu(&session->rcu, session_free);
}

/**
 * weft_session_reserve() - take counters for a batch
 * @session: the session
 * @count: their number, 1 to WEFT_FLIGHT_AT_ONCE
 * @now_ns: coarse boot-time clock
 * @first: gets the first one; the others follow it
 *
 * Counters that were taken are never given back (WireGuard paper, section 6.2: a counter is never
 * used twice). The caller has to call weft_session_sent().
 *
 * Return: false when the session is too old, used up, or ended, and while counters that other CPUs
 * have taken are too far behind.
 */
bool weft_session_reserve(struct weft_session *session, unsigned int count, u64 now_ns, u64 *first)
{
	if (READ_ONCE(session->retired) || READ_ONCE(session->revoked))
		return false;
	if (unlikely(!weft_flight_take(&session->flight, count, first)))
		return false;
	if (weft_session_usable(session, *first + count - 1, now_ns))
		return true;
	WRITE_ONCE(session->retired, true);
	weft_flight_land(&session->flight, *first);
	return false;
}

/**
 * weft_session_accept() - whether a counter that has authenticated is a new one; remembers it
 * @session: the session
 * @counter: the counter
 *
 * Context: bottom halves off.
 * Return: false for a counter that was seen already, or is too old to tell.
 */
bool weft_session_accept(struct weft_session *session, u64 counter)
{
	bool fresh;

	spin_lock(&session->replay_lock);
	fresh = weft_replay_accept(&session->replay, counter);
	spin_unlock(&session->replay_lock);
	return fresh;
}

/* Initialises an empty set in zeroed memory. */
void weft_sessions_init(struct weft_sessions *set)
{
	spin_lock_init(&set->lock);
}

static struct weft_session *session_in(struct weft_sessions *set,
				       struct weft_session __rcu *const *slot)
{
	return rcu_dereference_protected(*slot, lockdep_is_held(&set->lock));
}

/* Stores @session in @slot and returns the previous one. */
static struct weft_session *session_swap(struct weft_sessions *set,
					 struct weft_session __rcu **slot,
					 struct weft_session *session)
{
	return rcu_replace_pointer(*slot, session, lockdep_is_held(&set->lock));
}

/**
 * weft_sessions_add() - add a new session to a peer's set
 * @set: the set
 * @fresh: a session that is ready; the set takes over its reference
 *
 * The initiator knows that the responder has the keys, so its new session is the current one at
 * once. The responder does not know yet: its new session is the next one until the first packet
 * under it (WireGuard paper, section 6.3).
 *
 * Context: any but hard interrupt.
 */
void weft_sessions_add(struct weft_sessions *set, struct weft_session *fresh)
{
	struct weft_session *gone[2];

	spin_lock_bh(&set->lock);
	if (fresh->initiator) {
		struct weft_session *next = session_swap(set, &set->next_session, NULL);
		struct weft_session *old = session_swap(set, &set->current_session, fresh);

		/*
		 * The other end may still send under a next session that was never confirmed here.
		 */
		gone[0] = next ? old : NULL;
		gone[1] = session_swap(set, &set->previous_session, next ?: old);
	} else {
		gone[0] = session_swap(set, &set->next_session, fresh);
		gone[1] = session_swap(set, &set->previous_session, NULL);
	}
	spin_unlock_bh(&set->lock);

	weft_session_revoke(gone[0]);
	weft_session_revoke(gone[1]);
}

/**
 * weft_sessions_confirm() - note that a packet has authenticated under a session
 * @set: the set
 * @used: the session
 *
 * Context: any but hard interrupt.
 * Return: true if that made the next session the current one.
 */
bool weft_sessions_confirm(struct weft_sessions *set, struct weft_session *used)
{
	struct weft_session *gone;

	if (likely(used != rcu_access_pointer(set->next_session)))
		return false;

	spin_lock_bh(&set->lock);
	if (used != rcu_access_pointer(set->next_session)) {
		spin_unlock_bh(&set->lock);
		return false;
	}
	gone = session_swap(set, &set->previous_session,
			    session_swap(set, &set->current_session, used));
	RCU_INIT_POINTER(set->next_session, NULL);
	spin_unlock_bh(&set->lock);

	weft_session_revoke(gone);
	session_trace(used, WEFT_TRACE_SESSION_CONFIRMED);
	return true;
}

static bool session_is_live(const struct weft_session *session, u64 now)
{
	return session && !READ_ONCE(session->retired) && weft_session_usable(session, 0, now);
}

/**
 * weft_sessions_carry() - whether the current session stays usable for a while without a handshake
 * @set: the set
 *
 * Context: any but hard interrupt.
 */
bool weft_sessions_carry(struct weft_sessions *set)
{
	u64 later = ktime_get_coarse_boottime_ns() + SESSION_WHILE_NS;
	bool carry;

	rcu_read_lock();
	carry = session_is_live(rcu_dereference(set->current_session), later);
	rcu_read_unlock();
	return carry;
}

/**
 * weft_sessions_current_key() - the key that the current session was made with
 * @set: the set
 * @kind: the kind of key
 *
 * Context: any but hard interrupt.
 * Return: the key's serial; 0: there is no session.
 */
u64 weft_sessions_current_key(struct weft_sessions *set, enum weft_key_kind kind)
{
	const struct weft_session *session;
	u64 serial;

	rcu_read_lock();
	session = rcu_dereference(set->current_session);
	serial = session ? session->made_with[kind] : 0;
	rcu_read_unlock();
	return serial;
}

/* Takes the session out of @slot if it was made with this key. Returns it, or NULL. */
static struct weft_session *session_take(struct weft_sessions *set,
					 struct weft_session __rcu **slot, enum weft_key_kind kind,
					 u64 serial)
{
	const struct weft_session *session = session_in(set, slot);

	if (!session || session->made_with[kind] != serial)
		return NULL;
	return session_swap(set, slot, NULL);
}

/* Limits a session to @until_ns if it was made with this key. Returns whether it was. */
static bool session_end_at(struct weft_session *session, enum weft_key_kind kind, u64 serial,
			   u64 until_ns)
{
	if (!session || session->made_with[kind] != serial)
		return false;
	if (until_ns < (u64)atomic64_read(&session->ends_ns))
		atomic64_set(&session->ends_ns, until_ns);
	return true;
}

/**
 * weft_sessions_phase_out() - end the sessions made with a key, but leave time to replace those in
 * use
 * @set: the set
 * @kind: the kind of key
 * @serial: the key's
 * @until_ns: when the current and the next session end, coarse boot-time clock
 *
 * Two handshakes that cross leave both ends without a session of the newest keys, and they continue
 * with sessions made with the keys before.
 *
 * Context: any but hard interrupt.
 * Return: true if the current or the next session is among them.
 */
bool weft_sessions_phase_out(struct weft_sessions *set, enum weft_key_kind kind, u64 serial,
			     u64 until_ns)
{
	struct weft_session *gone;
	bool used;

	spin_lock_bh(&set->lock);
	used = session_end_at(session_in(set, &set->current_session), kind, serial, until_ns);
	used |= session_end_at(session_in(set, &set->next_session), kind, serial, until_ns);
	gone = session_take(set, &set->previous_session, kind, serial);
	spin_unlock_bh(&set->lock);
	weft_session_revoke(gone);
	return used;
}

/**
 * weft_sessions_end() - end the sessions that were made with a key
 * @set: the set
 * @kind: the kind of key
 * @serial: the key's
 * @missed: set to whether we, or the peer, would have sent under one of these sessions
 *
 * Context: any but hard interrupt.
 * Return: true if the current session is among them.
 */
bool weft_sessions_end(struct weft_sessions *set, enum weft_key_kind kind, u64 serial, bool *missed)
{
	u64 now = ktime_get_coarse_boottime_ns();
	struct weft_session *gone[3];
	bool current_ended;
	size_t i;

	spin_lock_bh(&set->lock);
	gone[0] = session_take(set, &set->current_session, kind, serial);
	gone[1] = session_take(set, &set->previous_session, kind, serial);
	gone[2] = session_take(set, &set->next_session, kind, serial);
	spin_unlock_bh(&set->lock);

	current_ended = gone[0];
	/* The initiator of an unconfirmed next session may have moved to it. */
	*missed = session_is_live(gone[0], now) || session_is_live(gone[2], now);
	for (i = 0; i < ARRAY_SIZE(gone); i++)
		weft_session_revoke(gone[i]);
	return current_ended;
}

static void session_retire(struct weft_session *session)
{
	if (session)
		WRITE_ONCE(session->retired, true);
}

/**
 * weft_sessions_retire() - stop sending under all sessions; receiving goes on
 * @set: the set
 *
 * Context: any but hard interrupt.
 */
void weft_sessions_retire(struct weft_sessions *set)
{
	spin_lock_bh(&set->lock);
	session_retire(session_in(set, &set->current_session));
	session_retire(session_in(set, &set->next_session));
	spin_unlock_bh(&set->lock);
}

/**
 * weft_sessions_clear() - end every session of a peer
 * @set: the set
 *
 * Context: any but hard interrupt.
 */
void weft_sessions_clear(struct weft_sessions *set)
{
	struct weft_session *gone[3];
	size_t i;

	spin_lock_bh(&set->lock);
	gone[0] = session_swap(set, &set->current_session, NULL);
	gone[1] = session_swap(set, &set->previous_session, NULL);
	gone[2] = session_swap(set, &set->next_session, NULL);
	spin_unlock_bh(&set->lock);

	for (i = 0; i < ARRAY_SIZE(gone); i++)
		weft_session_revoke(gone[i]);
}
