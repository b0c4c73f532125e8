/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A peer's keys: the public ones, by each of which the peer is looked up, and the preshared ones.
 * Each kind has a current key; it may have a next one, which becomes current once a handshake has
 * succeeded with it, and a previous one, which stays valid until its grace ends.
 */
#ifndef WEFT_PEER_KEYS_H
#define WEFT_PEER_KEYS_H

#include "core/peer_ref.h"

struct weft_device;

/* The default time that a replaced key stays valid: a day. */
#define WEFT_GRACE_S	86400

/**
 * weft_peer_keys_now() - the current public key of a peer
 * @keys: the peer's
 *
 * Context: device->config_lock or peer->handshake_lock, as long as the bytes are used. Without them
 * use weft_lookup_read().
 * Return: 32 bytes.
 */
static inline const u8 *weft_peer_keys_now(const struct weft_peer_keys *keys)
{
	return READ_ONCE(keys->public[WEFT_KEY_SLOT_CURRENT])->bytes;
}

void weft_peer_keys_init(struct weft_peer *peer, const u8 public[WEFT_KEY_LEN]);

struct weft_public *weft_peer_keys_match(struct weft_peer *peer, const u8 public[WEFT_KEY_LEN]);
enum weft_key_slot weft_peer_keys_slot(const struct weft_peer *peer, u64 serial);
unsigned int weft_peer_keys_slots(const struct weft_peer *peer, enum weft_key_kind kind);

void weft_peer_keys_set_next(struct weft_peer *peer, const u8 public[WEFT_KEY_LEN]);
void weft_peer_keys_set_preshared(struct weft_peer *peer, const u8 key[WEFT_KEY_LEN]);
void weft_peer_keys_set_next_preshared(struct weft_peer *peer, const u8 key[WEFT_KEY_LEN]);

bool weft_peer_keys_promote(struct weft_peer *peer, enum weft_key_kind kind, u64 serial,
			    u8 old[WEFT_KEY_LEN]);
bool weft_peer_keys_end(struct weft_peer *peer, enum weft_key_kind kind, u8 old[WEFT_KEY_LEN]);
bool weft_peer_keys_expire(struct weft_peer *peer, enum weft_key_kind kind, u64 now_ns,
			   u8 old[WEFT_KEY_LEN]);

void weft_peer_keys_set_grace(struct weft_peer *peer, u32 seconds);
u64 weft_peer_keys_until(struct weft_peer *peer, enum weft_key_kind kind);
void weft_peer_keys_look_at(struct weft_device *device, u64 when_ns);
struct weft_peer *weft_peer_keys_next_to_end(struct weft_device *device, u64 now_ns);

#endif /* WEFT_PEER_KEYS_H */
