/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An identity: a device's static key pair and the keys derived from it. Never changed once made,
 * only replaced, so the holder of a reference has a complete key.
 */
#ifndef WEFT_IDENTITY_H
#define WEFT_IDENTITY_H

#include "lib/cookie.h"
#include "lib/noise.h"

#include <linux/refcount.h>
#include <linux/rcupdate.h>

struct weft_identity {
	struct weft_noise_static key;
	struct weft_cookie_keys cookie_keys;
	u64 serial;		/* tells identities apart, never 0 */
	refcount_t refs;
	struct rcu_head rcu;
};

struct weft_identity *weft_identity_create(const u8 private[WEFT_KEY_LEN]);
struct weft_identity *weft_identity_get(struct weft_identity __rcu *const *slot);
bool weft_identity_is(struct weft_identity __rcu *const *slot, u64 serial);
bool weft_identity_equal(const struct weft_identity *a, const struct weft_identity *b);
bool weft_identity_has_key(const struct weft_identity *identity, const u8 public[WEFT_KEY_LEN]);
void weft_identity_put(struct weft_identity *identity);

#endif /* WEFT_IDENTITY_H */
