/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device's peers by their public keys.
 */
#ifndef WEFT_LOOKUP_H
#define WEFT_LOOKUP_H

#include "lib/keyselect.h"
#include "lib/wire.h"

#include <linux/types.h>

struct weft_device;
struct weft_peer;
struct weft_public;

struct weft_public *weft_lookup_insert(struct weft_device *device, struct weft_public *public);
void weft_lookup_remove(struct weft_device *device, struct weft_public *public);
bool weft_lookup_is_published(const struct weft_peer *peer);

struct weft_peer *weft_lookup_publish(struct weft_peer *peer);
void weft_lookup_withdraw(struct weft_peer *peer);
void weft_lookup_withdraw_all(struct weft_device *device);

struct weft_public *weft_lookup_key(struct weft_device *device, const u8 public[WEFT_KEY_LEN]);
struct weft_peer *weft_lookup_peer(struct weft_device *device, const u8 public_key[WEFT_KEY_LEN]);
bool weft_lookup_read(const struct weft_peer *peer, enum weft_key_slot slot,
		      u8 public[WEFT_KEY_LEN]);

#endif /* WEFT_LOOKUP_H */
