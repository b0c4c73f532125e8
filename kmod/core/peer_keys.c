// SPDX-License-Identifier: GPL-2.0

#include "core/peer_keys.h"
#include "core/device.h"
#include "core/handshake_state.h"
#include "core/lookup.h"
#include "core/session.h"

#include <crypto/algapi.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

/* The interval of checking graces: timers do not count suspension, but a grace does. */
#define PEER_KEYS_LOOK_NS	weft_seconds_ns(60)

/* Keys are identified by serial, which is unique over all peers and both kinds. */
static atomic64_t peer_keys_serial = ATOMIC64_INIT(0);

static void peer_keys_assert_held(const struct weft_peer *peer)
{
	lockdep_assert_held(&peer->handshake_lock);
	lockdep_assert_held(&peer->device->peers_lock);
}

static void peer_keys_fill(struct weft_public *key, const u8 public[WEFT_KEY_LEN])
{
	memcpy(key->bytes, public, WEFT_KEY_LEN);
	memset(key->timestamp, 0, sizeof(key->timestamp));
	key->serial = atomic64_inc_return(&peer_keys_serial);
}

/* Gives a zeroed peer, which is not published yet, its public key. */
void weft_peer_keys_init(struct weft_peer *peer, const u8 public[WEFT_KEY_LEN])
{
	struct weft_peer_keys *keys = &peer->keys;
	enum weft_key_slot i;

	for (i = 0; i < WEFT_KEY_SLOTS; i++) {
		RB_CLEAR_NODE(&keys->storage[i].by_key);
		keys->storage[i].peer = peer;
	}
	peer_keys_fill(&keys->storage[0], public);
	keys->public[WEFT_KEY_SLOT_CURRENT] = &keys->storage[0];
	keys->preshared[WEFT_KEY_SLOT_CURRENT].serial = atomic64_inc_return(&peer_keys_serial);
	keys->grace_s = WEFT_GRACE_S;
	INIT_LIST_HEAD(&keys->graces);
}

/**
 * weft_peer_keys_match() - find a peer's key by its bytes
 * @peer: the peer
 * @public: 32 bytes
 *
 * Context: peer->handshake_lock.
 * Return: the key, or NULL if it is none of them.
 */
struct weft_public *weft_peer_keys_match(struct weft_peer *peer, const u8 public[WEFT_KEY_LEN])
{
	enum weft_key_slot i;

	lockdep_assert_held(&peer->handshake_lock);
	for (i = 0; i < WEFT_KEY_SLOTS; i++) {
		struct weft_public *own = peer->keys.public[i];

		if (own && !memcmp(own->bytes, public, WEFT_KEY_LEN))
			return own;
	}
	return NULL;
}

/**
 * weft_peer_keys_slot() - the present slot of a peer's key
 * @peer: the peer
 * @serial: the key's
 *
 * Context: peer->handshake_lock.
 * Return: its slot; WEFT_KEY_SLOTS if the key has been removed.
 */
enum weft_key_slot weft_peer_keys_slot(const struct weft_peer *peer, u64 serial)
{
	enum weft_key_slot i;

	lockdep_assert_held(&peer->handshake_lock);
	for (i = 0; i < WEFT_KEY_SLOTS; i++) {
		if (peer->keys.public[i] && peer->keys.public[i]->serial == serial)
			return i;
	}
	return WEFT_KEY_SLOTS;
}

/* The serial of the key in a slot; 0: the slot is empty. */
static u64 peer_keys_serial_of(const struct weft_peer_keys *keys, enum weft_key_kind kind,
			       enum weft_key_slot slot)
{
	if (kind == WEFT_KEY_PRESHARED)
		return keys->preshared[slot].serial;
	return keys->public[slot] ? keys->public[slot]->serial : 0;
}

/**
 * weft_peer_keys_slots() - the slots in which a peer has a key
 * @peer: the peer
 * @kind: the kind of key
 *
 * Context: peer->handshake_lock.
 * Return: a mask of BIT(enum weft_key_slot).
 */
unsigned int weft_peer_keys_slots(const struct weft_peer *peer, enum weft_key_kind kind)
{
	unsigned int slots = 0;
	enum weft_key_slot i;

	lockdep_assert_held(&peer->handshake_lock);
	for (i = 0; i < WEFT_KEY_SLOTS; i++)
		slots |= peer_keys_serial_of(&peer->keys, kind, i) ? BIT(i) : 0;
	return slots;
}

/* Ends a handshake that was begun with a key which is being removed. */
static void peer_keys_forget(struct weft_peer *peer, u64 serial)
{
	lockdep_assert_held(&peer->handshake_lock);
	if (peer->handshake.pending && peer->handshake.pending_public == serial)
		weft_handshake_state_forget(peer);
}

/* Removes a key from its slot for good. */
static void peer_keys_vacate(struct weft_peer *peer, enum weft_key_kind kind,
			     enum weft_key_slot slot)
{
	struct weft_peer_keys *keys = &peer->keys;

	peer_keys_assert_held(peer);
	if (kind == WEFT_KEY_PRESHARED) {
		memzero_explicit(&keys->preshared[slot], sizeof(keys->preshared[slot]));
	} else if (keys->public[slot]) {
		weft_lookup_remove(peer->device, keys->public[slot]);
		keys->public[slot] = NULL;
	}
}

/* Makes the next key the current one, and the current one the previous one. */
static void peer_keys_shift(struct weft_peer *peer, enum weft_key_kind kind)
{
	struct weft_preshared *preshared = peer->keys.preshared;
	struct weft_public **public = peer->keys.public;

	peer_keys_assert_held(peer);
	if (kind == WEFT_KEY_PRESHARED) {
		preshared[WEFT_KEY_SLOT_PREVIOUS] = preshared[WEFT_KEY_SLOT_CURRENT];
		preshared[WEFT_KEY_SLOT_CURRENT] = preshared[WEFT_KEY_SLOT_NEXT];
		memzero_explicit(&preshared[WEFT_KEY_SLOT_NEXT], sizeof(*preshared));
	} else {
		public[WEFT_KEY_SLOT_PREVIOUS] = public[WEFT_KEY_SLOT_CURRENT];
		WRITE_ONCE(public[WEFT_KEY_SLOT_CURRENT], public[WEFT_KEY_SLOT_NEXT]);
		public[WEFT_KEY_SLOT_NEXT] = NULL;
	}
}

static struct weft_public *peer_keys_free_storage(struct weft_peer_keys *keys)
{
	struct weft_public *key = keys->storage;

	while (key == keys->public[WEFT_KEY_SLOT_CURRENT] ||
	       key == keys->public[WEFT_KEY_SLOT_NEXT] ||
	       key == keys->public[WEFT_KEY_SLOT_PREVIOUS])
		key++;
	return key;
}

/**
 * weft_peer_keys_look_at() - schedule the check of a device's graces
 * @device: the device
 * @when_ns: the end of a grace, coarse boot-time clock; the check is earlier if that is far away
 *
 * Context: device->peers_lock.
 */
void weft_peer_keys_look_at(struct weft_device *device, u64 when_ns)
{
	u64 now = ktime_get_coarse_boottime_ns();

	lockdep_assert_held(&device->peers_lock);
	when_ns = clamp(when_ns, now, now + PEER_KEYS_LOOK_NS);
	if (when_ns >= device->grace_look_ns)
		return;
	device->grace_look_ns = when_ns;
	mod_delayed_work(system_long_wq, &device->grace_work, nsecs_to_jiffies(when_ns - now) + 1);
}

/* The end of a grace; U64_MAX: never, or there is none. */
static u64 peer_keys_end_of(const struct weft_peer_keys *keys, enum weft_key_kind kind)
{
	u32 grace_s = READ_ONCE(keys->grace_s);

	if (!keys->grace_since_ns[kind] || !grace_s)
		return U64_MAX;
	return keys->grace_since_ns[kind] + weft_seconds_ns(grace_s);
}

/* The earliest end of a peer's graces. */
static u64 peer_keys_first_end(const struct weft_peer_keys *keys)
{
	return min(peer_keys_end_of(keys, WEFT_KEY_PUBLIC),
		   peer_keys_end_of(keys, WEFT_KEY_PRESHARED));
}

/* Schedules the check of a peer's previous keys for the earliest end of their graces. */
static void peer_keys_schedule(struct weft_peer *peer)
{
	struct weft_peer_keys *keys = &peer->keys;

	lockdep_assert_held(&peer->device->peers_lock);
	list_del_init(&keys->graces);
	if (peer_keys_first_end(keys) == U64_MAX || !weft_lookup_is_published(peer))
		return;
	list_add_tail(&keys->graces, &peer->device->graces);
	weft_peer_keys_look_at(peer->device, peer_keys_first_end(keys));
}

/* Begins or ends the grace of a previous key. The grace of the other kind is not changed. */
static void peer_keys_set_since(struct weft_peer *peer, enum weft_key_kind kind, u64 since_ns)
{
	peer->keys.grace_since_ns[kind] = since_ns;
	peer_keys_schedule(peer);
}

/* Whether a previous key has a grace that has ended. */
static bool peer_keys_is_over(struct weft_peer *peer, enum weft_key_kind kind, u64 now_ns)
{
	u64 until = weft_peer_keys_until(peer, kind);

	return until && until <= now_ns;
}

/*
 * Removes a key from its slot, with its grace, the sessions made with it and a handshake begun with
 * it. Returns false if the slot is empty.
 */
static bool peer_keys_remove(struct weft_peer *peer, enum weft_key_kind kind,
			     enum weft_key_slot slot)
{
	u64 serial = peer_keys_serial_of(&peer->keys, kind, slot);

	lockdep_assert_held(&peer->handshake_lock);
	if (!serial)
		return false;
	peer_keys_forget(peer, serial);
	spin_lock_bh(&peer->device->peers_lock);
	peer_keys_vacate(peer, kind, slot);
	if (slot == WEFT_KEY_SLOT_PREVIOUS)
		peer_keys_set_since(peer, kind, 0);
	spin_unlock_bh(&peer->device->peers_lock);
	weft_peer_key_ended(peer, kind, serial);
	return true;
}

/* The key is one of this peer's own, or new, as weft_config_prepare() has checked. */
static void peer_keys_set_next(struct weft_peer *peer, const u8 public[WEFT_KEY_LEN])
{
	struct weft_public *known = weft_lookup_key(peer->device, public);
	struct weft_peer_keys *keys = &peer->keys;

	peer_keys_assert_held(peer);
	if (known && known == keys->public[WEFT_KEY_SLOT_PREVIOUS]) {
		/* The peer returns to its previous key. */
		keys->public[WEFT_KEY_SLOT_NEXT] = known;
		keys->public[WEFT_KEY_SLOT_PREVIOUS] = NULL;
		peer_keys_set_since(peer, WEFT_KEY_PUBLIC, 0);
	} else if (!known && weft_lookup_is_published(peer)) {
		known = peer_keys_free_storage(keys);
		peer_keys_fill(known, public);
		keys->public[WEFT_KEY_SLOT_NEXT] = known;
		weft_lookup_insert(peer->device, known);
	}
}

/**
 * weft_peer_keys_set_next() - set the next public key of a peer
 * @peer: a published peer
 * @public: 32 bytes that are no key of another peer's; zeros: none. With the peer's current key the
 *	replacement has already happened: there is no next one then
 *
 * Context: process, device->config_lock.
 */
void weft_peer_keys_set_next(struct weft_peer *peer, const u8 public[WEFT_KEY_LEN])
{
	const struct weft_public *next;

	lockdep_assert_held(&peer->device->config_lock);
	mutex_lock(&peer->handshake_lock);
	next = peer->keys.public[WEFT_KEY_SLOT_NEXT];
	/* It has sessions if it was the current key before. */
	if (next && memcmp(next->bytes, public, WEFT_KEY_LEN))
		peer_keys_remove(peer, WEFT_KEY_PUBLIC, WEFT_KEY_SLOT_NEXT);
	spin_lock_bh(&peer->device->peers_lock);
	if (memchr_inv(public, 0, WEFT_KEY_LEN))
		peer_keys_set_next(peer, public);
	spin_unlock_bh(&peer->device->peers_lock);
	mutex_unlock(&peer->handshake_lock);
}

/**
 * weft_peer_keys_promote() - make a peer's next key its current one, if it has been used
 * @peer: the peer
 * @kind: WEFT_KEY_PUBLIC or WEFT_KEY_PRESHARED
 * @serial: the key with which a handshake is known to have succeeded; 0: none
 * @old: gets the public key that was current and is now the previous one; NULL for preshared keys
 *
 * Context: process, peer->handshake_lock.
 * Return: false if it was not the next one; then nothing has changed.
 */
bool weft_peer_keys_promote(struct weft_peer *peer, enum weft_key_kind kind, u64 serial,
			    u8 old[WEFT_KEY_LEN])
{
	struct weft_peer_keys *keys = &peer->keys;
	u64 ended = peer_keys_serial_of(keys, kind, WEFT_KEY_SLOT_PREVIOUS);
	bool promotes;

	lockdep_assert_held(&peer->handshake_lock);
	if (likely(!serial || serial != peer_keys_serial_of(keys, kind, WEFT_KEY_SLOT_NEXT)))
		return false;
	peer_keys_forget(peer, ended);
	spin_lock_bh(&peer->device->peers_lock);
	promotes = weft_lookup_is_published(peer);
	if (promotes) {
		if (old)
			memcpy(old, weft_peer_keys_now(keys), WEFT_KEY_LEN);
		peer_keys_vacate(peer, kind, WEFT_KEY_SLOT_PREVIOUS);
		peer_keys_shift(peer, kind);
		peer_keys_set_since(peer, kind, ktime_get_coarse_boottime_ns());
	}
	spin_unlock_bh(&peer->device->peers_lock);
	/* The handshake that promotes the key makes the session that replaces them. */
	if (promotes && ended)
		weft_peer_phase_out(peer, kind, ended);
	return promotes;
}

static bool peer_keys_end(struct weft_peer *peer, enum weft_key_kind kind, u8 old[WEFT_KEY_LEN])
{
	const struct weft_public *previous = peer->keys.public[WEFT_KEY_SLOT_PREVIOUS];

	if (old && previous)
		memcpy(old, previous->bytes, WEFT_KEY_LEN);
	return peer_keys_remove(peer, kind, WEFT_KEY_SLOT_PREVIOUS);
}

/**
 * weft_peer_keys_end() - forget a peer's previous key, and end its sessions
 * @peer: the peer
 * @kind: WEFT_KEY_PUBLIC or WEFT_KEY_PRESHARED
 * @old: gets the public key; NULL for preshared keys
 *
 * Context: process, device->config_lock.
 * Return: false if there is none.
 */
bool weft_peer_keys_end(struct weft_peer *peer, enum weft_key_kind kind, u8 old[WEFT_KEY_LEN])
{
	bool there;

	lockdep_assert_held(&peer->device->config_lock);
	mutex_lock(&peer->handshake_lock);
	there = peer_keys_end(peer, kind, old);
	mutex_unlock(&peer->handshake_lock);
	return there;
}

/**
 * weft_peer_keys_expire() - the same, if the key's grace has ended
 * @peer: the peer
 * @kind: WEFT_KEY_PUBLIC or WEFT_KEY_PRESHARED
 * @now_ns: coarse boot-time clock
 * @old: gets the public key; NULL for preshared keys
 *
 * Context: process, device->config_lock.
 * Return: false if there is none, or its grace has not ended.
 */
bool weft_peer_keys_expire(struct weft_peer *peer, enum weft_key_kind kind, u64 now_ns,
			   u8 old[WEFT_KEY_LEN])
{
	bool over;

	lockdep_assert_held(&peer->device->config_lock);
	mutex_lock(&peer->handshake_lock);
	over = peer_keys_is_over(peer, kind, now_ns) && peer_keys_end(peer, kind, old);
	mutex_unlock(&peer->handshake_lock);
	return over;
}

static void peer_keys_fill_preshared(struct weft_preshared *slot, const u8 key[WEFT_KEY_LEN])
{
	memcpy(slot->bytes, key, WEFT_KEY_LEN);
	slot->serial = atomic64_inc_return(&peer_keys_serial);
}

/**
 * weft_peer_keys_set_preshared() - set a peer's current preshared key
 * @peer: the peer
 * @key: 32 bytes; zeros for none
 *
 * No handshake succeeds with the previous value. Sessions stay, as WireGuard's do.
 *
 * Context: process.
 */
void weft_peer_keys_set_preshared(struct weft_peer *peer, const u8 key[WEFT_KEY_LEN])
{
	struct weft_preshared *now = &peer->keys.preshared[WEFT_KEY_SLOT_CURRENT];

	mutex_lock(&peer->handshake_lock);
	/* If the key does not change it keeps its serial: sessions refer to it. */
	if (crypto_memneq(key, now->bytes, WEFT_KEY_LEN))
		peer_keys_fill_preshared(now, key);
	mutex_unlock(&peer->handshake_lock);
}

/**
 * weft_peer_keys_set_next_preshared() - set the next preshared key of a peer
 * @peer: the peer
 * @key: 32 bytes; zeros for none. With the current key there is no next one
 *
 * Context: process.
 */
void weft_peer_keys_set_next_preshared(struct weft_peer *peer, const u8 key[WEFT_KEY_LEN])
{
	struct weft_preshared *slots = peer->keys.preshared;
	u64 proved;

	mutex_lock(&peer->handshake_lock);
	/* A session may just have proved the next key. */
	proved = weft_sessions_current_key(&peer->sessions, WEFT_KEY_PRESHARED);
	if (weft_peer_keys_promote(peer, WEFT_KEY_PRESHARED, proved, NULL))
		weft_peer_event(peer, WEFT_EVENT_PEER_CHANGED, WEFT_CAUSE_PACKET, NULL);
	if (!memchr_inv(key, 0, WEFT_KEY_LEN) ||
	    !crypto_memneq(key, slots[WEFT_KEY_SLOT_CURRENT].bytes, WEFT_KEY_LEN)) {
		peer_keys_remove(peer, WEFT_KEY_PRESHARED, WEFT_KEY_SLOT_NEXT);
	} else if (crypto_memneq(key, slots[WEFT_KEY_SLOT_NEXT].bytes, WEFT_KEY_LEN)) {
		peer_keys_remove(peer, WEFT_KEY_PRESHARED, WEFT_KEY_SLOT_NEXT);
		peer_keys_fill_preshared(&slots[WEFT_KEY_SLOT_NEXT], key);
	}
	mutex_unlock(&peer->handshake_lock);
}

/**
 * weft_peer_keys_set_grace() - set how long a replaced key of a peer's stays valid
 * @peer: the peer
 * @seconds: the time since it was replaced, which may have passed; 0: until it is ended
 *
 * Context: process, device->config_lock.
 */
void weft_peer_keys_set_grace(struct weft_peer *peer, u32 seconds)
{
	lockdep_assert_held(&peer->device->config_lock);
	mutex_lock(&peer->handshake_lock);
	spin_lock_bh(&peer->device->peers_lock);
	WRITE_ONCE(peer->keys.grace_s, seconds);
	peer_keys_schedule(peer);
	spin_unlock_bh(&peer->device->peers_lock);
	mutex_unlock(&peer->handshake_lock);
}

/**
 * weft_peer_keys_until() - the time when a previous key of a peer's is forgotten
 * @peer: the peer
 * @kind: WEFT_KEY_PUBLIC or WEFT_KEY_PRESHARED
 *
 * Context: any but hard interrupt.
 * Return: coarse boot-time clock; 0: never, or there is none.
 */
u64 weft_peer_keys_until(struct weft_peer *peer, enum weft_key_kind kind)
{
	u64 until;

	spin_lock_bh(&peer->device->peers_lock);
	until = peer_keys_end_of(&peer->keys, kind);
	spin_unlock_bh(&peer->device->peers_lock);
	return until == U64_MAX ? 0 : until;
}

/**
 * weft_peer_keys_next_to_end() - find a peer with a grace that has ended
 * @device: the device
 * @now_ns: coarse boot-time clock
 *
 * Schedules the next check for the graces that have not ended.
 *
 * Context: process, device->config_lock.
 * Return: a peer, referenced, for weft_peer_keys_expire(); or NULL.
 */
struct weft_peer *weft_peer_keys_next_to_end(struct weft_device *device, u64 now_ns)
{
	struct weft_peer *peer, *found = NULL;

	lockdep_assert_held(&device->config_lock);
	spin_lock_bh(&device->peers_lock);
	list_for_each_entry(peer, &device->graces, keys.graces) {
		u64 end = peer_keys_first_end(&peer->keys);

		if (end > now_ns) {
			weft_peer_keys_look_at(device, end);
			continue;
		}
		list_del_init(&peer->keys.graces);
		weft_peer_get(peer);
		found = peer;
		break;
	}
	spin_unlock_bh(&device->peers_lock);
	return found;
}
