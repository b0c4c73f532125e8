// SPDX-License-Identifier: GPL-2.0

#include "core/lookup.h"
#include "core/device.h"
#include "core/peer_ref.h"

#include <linux/string.h>

static int lookup_compare(const void *bytes, const struct rb_node *node)
{
	return memcmp(bytes, rb_entry(node, struct weft_public, by_key)->bytes, WEFT_KEY_LEN);
}

static int lookup_compare_nodes(struct rb_node *node, const struct rb_node *other)
{
	return lookup_compare(rb_entry(node, struct weft_public, by_key)->bytes, other);
}

/**
 * weft_lookup_insert() - make a key findable
 * @device: the device
 * @public: the key, which is not in the tree yet
 *
 * Context: device->peers_lock.
 * Return: the key, or the same key of another peer that is there already; then nothing has changed.
 */
struct weft_public *weft_lookup_insert(struct weft_device *device, struct weft_public *public)
{
	struct rb_node *other;

	lockdep_assert_held(&device->peers_lock);
	other = rb_find_add(&public->by_key, &device->peers_by_key, lookup_compare_nodes);
	return other ? rb_entry(other, struct weft_public, by_key) : public;
}

/**
 * weft_lookup_remove() - make a key unfindable
 * @device: the device
 * @public: the key, which need not be in the tree
 *
 * Context: device->peers_lock.
 */
void weft_lookup_remove(struct weft_device *device, struct weft_public *public)
{
	lockdep_assert_held(&device->peers_lock);
	if (RB_EMPTY_NODE(&public->by_key))
		return;
	rb_erase(&public->by_key, &device->peers_by_key);
	RB_CLEAR_NODE(&public->by_key);
}

/**
 * weft_lookup_is_published() - whether a peer can be looked up
 * @peer: the peer; the nodes of one that is being removed are in no tree, or in a detached one
 *
 * Context: device->peers_lock.
 */
bool weft_lookup_is_published(const struct weft_peer *peer)
{
	lockdep_assert_held(&peer->device->peers_lock);
	return peer->keys.epoch && peer->keys.epoch == peer->device->keys_epoch;
}

/**
 * weft_lookup_publish() - make a peer findable by its key
 * @peer: the peer
 *
 * Context: process, device->config_lock.
 * Return: the peer, or the one that is already published with this key; then nothing has changed.
 */
struct weft_peer *weft_lookup_publish(struct weft_peer *peer)
{
	struct weft_device *device = peer->device;
	struct weft_peer *found;

	lockdep_assert_held(&device->config_lock);
	spin_lock_bh(&device->peers_lock);
	found = weft_lookup_insert(device, peer->keys.public[WEFT_KEY_SLOT_CURRENT])->peer;
	if (found == peer)
		peer->keys.epoch = device->keys_epoch;
	spin_unlock_bh(&device->peers_lock);
	return found;
}

/**
 * weft_lookup_withdraw() - make a peer unfindable by all its keys
 * @peer: a published peer
 *
 * Context: process, device->config_lock.
 */
void weft_lookup_withdraw(struct weft_peer *peer)
{
	struct weft_device *device = peer->device;
	enum weft_key_slot i;

	lockdep_assert_held(&device->config_lock);
	spin_lock_bh(&device->peers_lock);
	for (i = 0; i < WEFT_KEY_SLOTS; i++)
		weft_lookup_remove(device, &peer->keys.storage[i]);
	list_del_init(&peer->keys.graces);
	peer->keys.epoch = 0;
	spin_unlock_bh(&device->peers_lock);
}

/**
 * weft_lookup_withdraw_all() - make all peers of a device unfindable
 * @device: the device
 *
 * Takes constant time. The peers' nodes stay linked to each other, but are not used again: their
 * epoch differs from the device's.
 *
 * Context: process, device->config_lock.
 */
void weft_lookup_withdraw_all(struct weft_device *device)
{
	lockdep_assert_held(&device->config_lock);
	spin_lock_bh(&device->peers_lock);
	device->peers_by_key = RB_ROOT;
	list_del_init(&device->graces);
	device->keys_epoch++;
	spin_unlock_bh(&device->peers_lock);
}

/**
 * weft_lookup_key() - look up a key of a device's peers
 * @device: the device
 * @public: 32 bytes
 *
 * Context: device->peers_lock.
 * Return: the key, valid as long as the lock is held, or NULL.
 */
struct weft_public *weft_lookup_key(struct weft_device *device, const u8 public[WEFT_KEY_LEN])
{
	struct rb_node *node;

	lockdep_assert_held(&device->peers_lock);
	node = rb_find(public, &device->peers_by_key, lookup_compare);
	return node ? rb_entry(node, struct weft_public, by_key) : NULL;
}

/**
 * weft_lookup_peer() - look up a device's peer by one of its public keys
 * @device: the device
 * @public_key: 32 bytes
 *
 * Context: any but hard interrupt.
 * Return: the peer, with a reference for the caller, or NULL.
 */
struct weft_peer *weft_lookup_peer(struct weft_device *device, const u8 public_key[WEFT_KEY_LEN])
{
	struct weft_peer *peer = NULL;
	struct weft_public *found;

	spin_lock_bh(&device->peers_lock);
	found = weft_lookup_key(device, public_key);
	if (found) {
		peer = found->peer;
		weft_peer_get(peer);
	}
	spin_unlock_bh(&device->peers_lock);
	return peer;
}

/**
 * weft_lookup_read() - copy one of a peer's public keys
 * @peer: the peer
 * @slot: the slot
 * @public: gets the key
 *
 * Context: any but hard interrupt, without device->peers_lock.
 * Return: false if the slot is empty, which the current one never is.
 */
bool weft_lookup_read(const struct weft_peer *peer, enum weft_key_slot slot,
		      u8 public[WEFT_KEY_LEN])
{
	const struct weft_public *from;

	spin_lock_bh(&peer->device->peers_lock);
	from = peer->keys.public[slot];
	if (from)
		memcpy(public, from->bytes, WEFT_KEY_LEN);
	spin_unlock_bh(&peer->device->peers_lock);
	return from;
}
