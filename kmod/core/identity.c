// SPDX-License-Identifier: GPL-2.0

#include "core/identity.h"

#include <crypto/algapi.h>
#include <linux/atomic.h>
#include <linux/slab.h>

static atomic64_t identity_serial = ATOMIC64_INIT(0);

/**
 * weft_identity_create() - make an identity from a private key
 * @private: 32 bytes; clamped here
 *
 * Context: process; may sleep. Costs one X25519.
 * Return: an identity with one reference; ERR_PTR(-EINVAL) if the key is all zeros,
 * ERR_PTR(-ENOMEM).
 */
struct weft_identity *weft_identity_create(const u8 private[WEFT_KEY_LEN])
{
	struct weft_identity *identity = kzalloc(sizeof(*identity), GFP_KERNEL_ACCOUNT);

	if (!identity)
		return ERR_PTR(-ENOMEM);
	memcpy(identity->key.private, private, WEFT_KEY_LEN);
	if (!weft_noise_static_public(&identity->key)) {
		kfree_sensitive(identity);
		return ERR_PTR(-EINVAL);
	}
	weft_cookie_keys(&identity->cookie_keys, identity->key.public);
	identity->serial = atomic64_inc_return(&identity_serial);
	refcount_set(&identity->refs, 1);
	return identity;
}

/**
 * weft_identity_get() - take a reference to the identity that a pointer refers to
 * @slot: the pointer
 *
 * Context: any.
 * Return: the identity, or NULL when there is none.
 */
struct weft_identity *weft_identity_get(struct weft_identity __rcu *const *slot)
{
	struct weft_identity *identity;

	rcu_read_lock();
	do {
		identity = rcu_dereference(*slot);
		/* Its last reference is gone, so the pointer has been replaced: read it again. */
	} while (identity && !refcount_inc_not_zero(&identity->refs));
	rcu_read_unlock();
	return identity;
}

/**
 * weft_identity_is() - whether a pointer refers to a certain identity
 * @slot: the pointer
 * @serial: the identity's
 *
 * Context: any.
 */
bool weft_identity_is(struct weft_identity __rcu *const *slot, u64 serial)
{
	struct weft_identity *identity;
	bool is;

	rcu_read_lock();
	identity = rcu_dereference(*slot);
	is = identity && identity->serial == serial;
	rcu_read_unlock();
	return is;
}

static void identity_free(struct rcu_head *rcu)
{
	kfree_sensitive(container_of(rcu, struct weft_identity, rcu));
}

/**
 * weft_identity_put() - drop a reference; with the last one the key is wiped, after a grace period
 * @identity: the identity, or NULL
 */
void weft_identity_put(struct weft_identity *identity)
{
	if (identity && refcount_dec_and_test(&identity->refs))
		call_rcu(&identity->rcu, identity_free);
}

/**
 * weft_identity_equal() - whether two identities have the same private key
 * @a: an identity, or NULL
 * @b: another one, or NULL
 */
bool weft_identity_equal(const struct weft_identity *a, const struct weft_identity *b)
{
	return a && b ? !crypto_memneq(a->key.private, b->key.private, WEFT_KEY_LEN) : a == b;
}

/**
 * weft_identity_has_key() - whether a public key is an identity's
 * @identity: the identity, or NULL
 * @public: 32 bytes
 */
bool weft_identity_has_key(const struct weft_identity *identity, const u8 public[WEFT_KEY_LEN])
{
	return identity && !memcmp(identity->key.public, public, WEFT_KEY_LEN);
}
