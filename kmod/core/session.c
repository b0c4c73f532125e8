// SPDX-License-Identifier: GPL-2.0

#include "core/session.h"
#include "core/trace.h"

#include <linux/slab.h>
#include <linux/timekeeping.h>

/* Enough for some tries of a handshake. */
#define KEYPAIR_WHILE_NS	(30 * NSEC_PER_SEC)

static struct kmem_cache *keypair_cache;

/**
 * weft_keypair_init() - make the cache that sessions come from
 *
 * Context: process, once at load.
 * Return: 0 or -ENOMEM.
 */
int weft_keypair_init(void)
{
	keypair_cache = KMEM_CACHE(weft_keypair, 0);
	return keypair_cache ? 0 : -ENOMEM;
}

/**
 * weft_keypair_exit() - free the cache
 *
 * Context: process, once at unload, when every session has gone. Waits for those that RCU still
 * holds.
 */
void weft_keypair_exit(void)
{
	rcu_barrier();
	kmem_cache_destroy(keypair_cache);
}

/**
 * weft_keypair_create() - make a session without keys and publish its index
 * @peer: whom it will be with; a reference is taken
 * @index: the table to publish it in
 *
 * Context: process; may sleep.
 * Return: a session with one reference, which is the caller's, or NULL when memory is short.
 */
struct weft_keypair *weft_keypair_create(struct weft_peer *peer, struct weft_index *index)
{
	struct weft_keypair *keypair = kmem_cache_zalloc(keypair_cache, GFP_KERNEL);

	if (!keypair)
		return NULL;
	refcount_set(&keypair->refs, 1);
	spin_lock_init(&keypair->replay_lock);
	keypair->peer = peer;
	keypair->index = index;
	if (weft_index_add(index, &keypair->entry)) {
		kmem_cache_free(keypair_cache, keypair);
		return NULL;
	}
	weft_peer_get(peer);
	return keypair;
}

static void keypair_trace(const struct weft_keypair *keypair, enum weft_trace_session what)
{
	trace_weft_session(keypair->peer, keypair->entry.id, keypair->initiator, what);
}

/**
 * weft_keypair_begin() - give a session its keys
 * @keypair: a session that is not ready yet
 * @hs: the completed handshake; wiped
 * @initiator: whether this end began it
 *
 * Context: any; the peer's handshake_lock serialises.
 */
void weft_keypair_begin(struct weft_keypair *keypair, struct weft_noise_handshake *hs,
			bool initiator)
{
	keypair->remote_index = hs->remote_index;
	keypair->initiator = initiator;
	keypair->born_ns = ktime_get_coarse_boottime_ns();
	keypair->ends_ns = U64_MAX;
	weft_noise_split(&keypair->keys, hs, initiator);
	/* Pairs with the acquire of whoever found it by its index. */
	smp_store_release(&keypair->ready, true);
	keypair_trace(keypair, WEFT_TRACE_SESSION_BEGUN);
}

/**
 * weft_keypair_revoke() - end a session at once, in both directions, and drop the caller's
 * reference
 * @keypair: the session, or NULL
 *
 * Context: any but hard interrupt. Called once for each session, by the holder of its first
 * reference.
 */
void weft_keypair_revoke(struct weft_keypair *keypair)
{
	if (!keypair)
		return;
	WRITE_ONCE(keypair->revoked, true);
	if (keypair->ready)
		keypair_trace(keypair, WEFT_TRACE_SESSION_OVER);
	weft_index_remove(keypair->index, &keypair->entry);
	weft_keypair_put(keypair);
}

/**
 * weft_keypair_get() - take a reference
 * @keypair: a session found under RCU
 *
 * Return: false when it is going away and must not be used.
 */
bool weft_keypair_get(struct weft_keypair *keypair)
{
	return refcount_inc_not_zero(&keypair->refs);
}

static void keypair_free(struct rcu_head *rcu)
{
	struct weft_keypair *keypair = container_of(rcu, struct weft_keypair, rcu);

	memzero_explicit(keypair, sizeof(*keypair));
	kmem_cache_free(keypair_cache, keypair);
}

/**
 * weft_keypair_put() - drop a reference; with the last one the keys are wiped, after a grace period
 * @keypair: the session, or NULL
 */
void weft_keypair_put(struct weft_keypair *keypair)
{
	if (!keypair || !refcount_dec_and_test(&keypair->refs))
		return;
	weft_peer_put(keypair->peer);
	call_rcu(&keypair->rcu, keypair_free);
}

/**
 * weft_keypair_reserve() - take counters for a batch that is sent at once
 * @keypair: the session
 * @count: how many, 1 to WEFT_FLIGHT_AT_ONCE
 * @now_ns: coarse boot-time clock
 * @first: gets the first one; the others follow it
 *
 * Counters that were taken are never given back (WireGuard paper, section 6.2: a counter is never
 * used twice). weft_keypair_sent() has to follow.
 *
 * Return: false when the session is too old, used up, or over, and while counters that other CPUs
 * have taken are too far behind.
 */
bool weft_keypair_reserve(struct weft_keypair *keypair, unsigned int count, u64 now_ns, u64 *first)
{
	if (READ_ONCE(keypair->retired) || READ_ONCE(keypair->revoked))
		return false;
	if (unlikely(!weft_flight_take(&keypair->flight, count, first)))
		return false;
	if (weft_keypair_usable(keypair, *first + count - 1, now_ns))
		return true;
	WRITE_ONCE(keypair->retired, true);
	weft_flight_land(&keypair->flight, *first);
	return false;
}

/**
 * weft_keypair_accept() - whether a counter that has authenticated is a new one; remembers it
 * @keypair: the session
 * @counter: the counter
 *
 * Context: bottom halves off.
 * Return: false for one that was seen already, or is too old to tell.
 */
bool weft_keypair_accept(struct weft_keypair *keypair, u64 counter)
{
	bool fresh;

	spin_lock(&keypair->replay_lock);
	fresh = weft_replay_accept(&keypair->replay, counter);
	spin_unlock(&keypair->replay_lock);
	return fresh;
}

/**
 * weft_keypairs_init() - make an empty set
 * @set: zeroed memory
 */
void weft_keypairs_init(struct weft_keypairs *set)
{
	spin_lock_init(&set->lock);
}

/* Puts @keypair into @slot and returns what was there. */
static struct weft_keypair *keypair_swap(struct weft_keypairs *set,
					 struct weft_keypair __rcu **slot,
					 struct weft_keypair *keypair)
{
	return rcu_replace_pointer(*slot, keypair, lockdep_is_held(&set->lock));
}

/**
 * weft_keypairs_add() - take a new session into a peer's set
 * @set: the set
 * @fresh: a session that is ready; its reference goes over to the set
 *
 * The initiator knows that the responder has the keys, so its new session is the current one at
 * once. The responder does not know yet: its new session is the next one until the first packet
 * under it (WireGuard paper, section 6.3).
 *
 * Context: any but hard interrupt.
 */
void weft_keypairs_add(struct weft_keypairs *set, struct weft_keypair *fresh)
{
	struct weft_keypair *gone[2];

	spin_lock_bh(&set->lock);
	if (fresh->initiator) {
		struct weft_keypair *next = keypair_swap(set, &set->next_keypair, NULL);
		struct weft_keypair *old = keypair_swap(set, &set->current_keypair, fresh);

		/*
		 * A next one that nobody has confirmed may still be what the other end sends under.
		 */
		gone[0] = next ? old : NULL;
		gone[1] = keypair_swap(set, &set->previous_keypair, next ?: old);
	} else {
		gone[0] = keypair_swap(set, &set->next_keypair, fresh);
		gone[1] = keypair_swap(set, &set->previous_keypair, NULL);
	}
	spin_unlock_bh(&set->lock);

	weft_keypair_revoke(gone[0]);
	weft_keypair_revoke(gone[1]);
}

/**
 * weft_keypairs_confirm() - note that a packet has authenticated under a session
 * @set: the set
 * @used: the session
 *
 * Context: any but hard interrupt.
 * Return: true if that made the next session the current one.
 */
bool weft_keypairs_confirm(struct weft_keypairs *set, struct weft_keypair *used)
{
	struct weft_keypair *gone;

	if (likely(used != rcu_access_pointer(set->next_keypair)))
		return false;

	spin_lock_bh(&set->lock);
	if (used != rcu_access_pointer(set->next_keypair)) {
		spin_unlock_bh(&set->lock);
		return false;
	}
	gone = keypair_swap(set, &set->previous_keypair,
			    keypair_swap(set, &set->current_keypair, used));
	RCU_INIT_POINTER(set->next_keypair, NULL);
	spin_unlock_bh(&set->lock);

	weft_keypair_revoke(gone);
	keypair_trace(used, WEFT_TRACE_SESSION_CONFIRMED);
	return true;
}

/**
 * weft_keypairs_carry() - whether packets can be sent for a while yet, handshake or not
 * @set: the set
 *
 * Context: any but hard interrupt.
 */
bool weft_keypairs_carry(struct weft_keypairs *set)
{
	u64 later = ktime_get_coarse_boottime_ns() + KEYPAIR_WHILE_NS;
	const struct weft_keypair *keypair;
	bool carry;

	rcu_read_lock();
	keypair = rcu_dereference(set->current_keypair);
	carry = keypair && !READ_ONCE(keypair->retired) &&
		weft_keypair_usable(keypair, 0, later);
	rcu_read_unlock();
	return carry;
}

/**
 * weft_keypairs_current_key() - which key the current session was made with
 * @set: the set
 * @kind: the kind of key
 *
 * Context: any but hard interrupt.
 * Return: the key's serial; 0: there is no session.
 */
u64 weft_keypairs_current_key(struct weft_keypairs *set, enum weft_key_kind kind)
{
	const struct weft_keypair *keypair;
	u64 serial;

	rcu_read_lock();
	keypair = rcu_dereference(set->current_keypair);
	serial = keypair ? keypair->made_with[kind] : 0;
	rcu_read_unlock();
	return serial;
}

static bool keypair_is_live(const struct weft_keypair *keypair, u64 now)
{
	return keypair && !READ_ONCE(keypair->retired) &&
	       weft_keypair_usable(keypair, 0, now);
}

/* Takes the session out of @slot if it was made with this key. Returns it, or NULL. */
static struct weft_keypair *keypair_take(struct weft_keypairs *set,
					 struct weft_keypair __rcu **slot, enum weft_key_kind kind,
					 u64 serial)
{
	const struct weft_keypair *keypair =
		rcu_dereference_protected(*slot, lockdep_is_held(&set->lock));

	if (!keypair || keypair->made_with[kind] != serial)
		return NULL;
	return keypair_swap(set, slot, NULL);
}

/* Has a session end at @until_ns if it was made with this key. Returns whether it was. */
static bool keypair_end_at(struct weft_keypair *keypair, enum weft_key_kind kind, u64 serial,
			   u64 until_ns)
{
	if (!keypair || keypair->made_with[kind] != serial)
		return false;
	if (until_ns < keypair->ends_ns)
		WRITE_ONCE(keypair->ends_ns, until_ns);
	return true;
}

/**
 * weft_keypairs_phase_out() - end the sessions that were made with a key, and leave time to make
 * another in the place of one that is in use
 * @set: the set
 * @kind: the kind of key
 * @serial: the key's
 * @until_ns: when the current and the next session end, coarse boot-time clock
 *
 * Two handshakes that cross leave both ends without a session of the newest keys, and what they go
 * on with was made with those before.
 *
 * Context: any but hard interrupt.
 * Return: true if the current or the next session is among them.
 */
bool weft_keypairs_phase_out(struct weft_keypairs *set, enum weft_key_kind kind, u64 serial,
			     u64 until_ns)
{
	struct weft_keypair *gone;
	bool used;

	spin_lock_bh(&set->lock);
	used = keypair_end_at(rcu_dereference_protected(set->current_keypair,
							lockdep_is_held(&set->lock)),
			      kind, serial, until_ns);
	used |= keypair_end_at(rcu_dereference_protected(set->next_keypair,
							 lockdep_is_held(&set->lock)),
			       kind, serial, until_ns);
	gone = keypair_take(set, &set->previous_keypair, kind, serial);
	spin_unlock_bh(&set->lock);
	weft_keypair_revoke(gone);
	return used;
}

/**
 * weft_keypairs_end() - end the sessions that were made with a key
 * @set: the set
 * @kind: the kind of key
 * @serial: the key's
 * @missed: gets whether a session is among them that we, or the peer, would have sent under
 *
 * Context: any but hard interrupt.
 * Return: true if the current session is among them.
 */
bool weft_keypairs_end(struct weft_keypairs *set, enum weft_key_kind kind, u64 serial, bool *missed)
{
	u64 now = ktime_get_coarse_boottime_ns();
	struct weft_keypair *gone[3];
	bool current_ended;
	size_t i;

	spin_lock_bh(&set->lock);
	gone[0] = keypair_take(set, &set->current_keypair, kind, serial);
	gone[1] = keypair_take(set, &set->previous_keypair, kind, serial);
	gone[2] = keypair_take(set, &set->next_keypair, kind, serial);
	spin_unlock_bh(&set->lock);

	current_ended = gone[0];
	/* The initiator of an unconfirmed next session may have moved to it. */
	*missed = keypair_is_live(gone[0], now) || keypair_is_live(gone[2], now);
	for (i = 0; i < ARRAY_SIZE(gone); i++)
		weft_keypair_revoke(gone[i]);
	return current_ended;
}

/**
 * weft_keypairs_retire() - send nothing more under the sessions there are; what arrives under them
 * is still taken
 * @set: the set
 *
 * Context: any but hard interrupt.
 */
void weft_keypairs_retire(struct weft_keypairs *set)
{
	struct weft_keypair *keypair;

	spin_lock_bh(&set->lock);
	keypair = rcu_dereference_protected(set->current_keypair, lockdep_is_held(&set->lock));
	if (keypair)
		WRITE_ONCE(keypair->retired, true);
	keypair = rcu_dereference_protected(set->next_keypair, lockdep_is_held(&set->lock));
	if (keypair)
		WRITE_ONCE(keypair->retired, true);
	spin_unlock_bh(&set->lock);
}

/**
 * weft_keypairs_clear() - end every session of a peer
 * @set: the set
 *
 * Context: any but hard interrupt.
 */
void weft_keypairs_clear(struct weft_keypairs *set)
{
	struct weft_keypair *gone[3];
	size_t i;

	spin_lock_bh(&set->lock);
	gone[0] = keypair_swap(set, &set->current_keypair, NULL);
	gone[1] = keypair_swap(set, &set->previous_keypair, NULL);
	gone[2] = keypair_swap(set, &set->next_keypair, NULL);
	spin_unlock_bh(&set->lock);

	for (i = 0; i < ARRAY_SIZE(gone); i++)
		weft_keypair_revoke(gone[i]);
}
