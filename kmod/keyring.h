/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A peer's keys: the public ones, under each of which it is found, and the preshared ones. Of both
 * kinds there is a current one; there may be a next one, which takes its place once a handshake has
 * succeeded with it, and a previous one, which stays good until its grace ends.
 */
#ifndef WEFT_KEYRING_H
#define WEFT_KEYRING_H

#include "pair.h"
#include "wire.h"

#include <linux/list.h>
#include <linux/rbtree.h>

struct weft_device;
struct weft_peer;

/* A public key. Its bytes change only while it has no place. */
struct weft_public {
	struct rb_node by_key;			/* device->peers_lock; empty: cannot be found */
	struct weft_peer *peer;			/* constant */
	u8 bytes[WEFT_KEY_LEN];
	u64 serial;				/* tells keys apart, never 0 */
	u8 timestamp[WEFT_TIMESTAMP_LEN];	/* handshake_lock; the greatest of an initiation */
};

struct weft_preshared {
	u8 bytes[WEFT_KEY_LEN];			/* zeros: none, which is one as well */
	u64 serial;				/* 0: nothing in this place */
};

/* Previous keys of a peer end one by one, each at its own time. */
enum weft_grace_of {
	WEFT_GRACE_PUBLIC,
	WEFT_GRACE_PRESHARED,
	WEFT_GRACES
};

struct weft_keyring {
	/*
	 * Where the public keys are. Written under peer->handshake_lock and device->peers_lock:
	 * either will do to read. NULL: nothing in this place.
	 */
	struct weft_public *public[WEFT_PLACES];
	struct weft_public slots[WEFT_PLACES];
	struct weft_preshared preshared[WEFT_PLACES];	/* handshake_lock */
	u32 grace_s;				/* config_lock to write; READ_ONCE(); 0: for ever */
	/* Since when a previous key is one, coarse boot-time clock; 0: there is none. peers_lock */
	u64 grace_since_ns[WEFT_GRACES];
	struct list_head graces;		/* peers_lock: device->graces */
	u32 epoch;				/* peers_lock; the device's when it was published */
};

/* How long a key stays good after it has been replaced, unless it is set: a day. */
#define WEFT_GRACE_S	86400

/**
 * weft_keyring_now() - the public key that a peer has now
 * @ring: the peer's
 *
 * Context: device->config_lock or peer->handshake_lock, for as long as the bytes are looked at.
 * With neither, weft_keyring_read().
 * Return: 32 bytes.
 */
static inline const u8 *weft_keyring_now(const struct weft_keyring *ring)
{
	return READ_ONCE(ring->public[WEFT_PLACE_CURRENT])->bytes;
}

void weft_keyring_init(struct weft_peer *peer, const u8 public[WEFT_KEY_LEN]);
struct weft_peer *weft_keyring_publish(struct weft_peer *peer);
void weft_keyring_withdraw(struct weft_peer *peer);
void weft_keyring_withdraw_all(struct weft_device *device);

struct weft_public *weft_keyring_find(struct weft_device *device, const u8 public[WEFT_KEY_LEN]);
struct weft_public *weft_keyring_match(struct weft_peer *peer, const u8 public[WEFT_KEY_LEN]);
enum weft_place weft_keyring_place(const struct weft_peer *peer, u64 serial);
unsigned int weft_keyring_places(const struct weft_peer *peer);
unsigned int weft_keyring_preshared_places(const struct weft_peer *peer);
bool weft_keyring_read(const struct weft_peer *peer, enum weft_place place,
		       u8 public[WEFT_KEY_LEN]);

void weft_keyring_set_next(struct weft_peer *peer, const u8 public[WEFT_KEY_LEN]);
bool weft_keyring_promote(struct weft_peer *peer, const struct weft_public *used,
			  u8 old[WEFT_KEY_LEN]);
bool weft_keyring_end(struct weft_peer *peer, u8 old[WEFT_KEY_LEN]);
bool weft_keyring_expire(struct weft_peer *peer, u64 now_ns, u8 old[WEFT_KEY_LEN]);

void weft_keyring_set_preshared(struct weft_peer *peer, const u8 key[WEFT_KEY_LEN]);
void weft_keyring_set_next_preshared(struct weft_peer *peer, const u8 key[WEFT_KEY_LEN]);
bool weft_keyring_promote_preshared(struct weft_peer *peer, u64 serial);
bool weft_keyring_end_preshared(struct weft_peer *peer);
bool weft_keyring_expire_preshared(struct weft_peer *peer, u64 now_ns);

void weft_keyring_set_grace(struct weft_peer *peer, u32 seconds);
u64 weft_keyring_until(struct weft_peer *peer, enum weft_grace_of which);
void weft_keyring_look_at(struct weft_device *device, u64 when_ns);
struct weft_peer *weft_keyring_next_to_end(struct weft_device *device, u64 now_ns);

#endif /* WEFT_KEYRING_H */
