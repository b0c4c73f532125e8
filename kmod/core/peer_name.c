// SPDX-License-Identifier: GPL-2.0

#include "core/peer_name.h"
#include "core/device.h"
#include "core/peer_ref.h"

#include <linux/slab.h>
#include <linux/string.h>

/**
 * weft_peer_name_create() - create a name without a peer
 * @text: the name, valid by weft_peer_name_check()
 * @len: its length in bytes
 *
 * Context: process; may sleep.
 * Return: the name, or NULL when memory is short. Passed on to weft_peer_name_set() or
 * weft_peer_name_free().
 */
struct weft_peer_name *weft_peer_name_create(const char *text, size_t len)
{
	struct weft_peer_name *name = kzalloc(struct_size(name, text, len + 1), GFP_KERNEL_ACCOUNT);

	if (!name)
		return NULL;
	RB_CLEAR_NODE(&name->by_name);
	memcpy(name->text, text, len);
	return name;
}

/**
 * weft_peer_name_free() - free a name without a peer or readers
 * @name: the name, or NULL
 */
void weft_peer_name_free(struct weft_peer_name *name)
{
	kfree(name);
}

static struct weft_peer_name *peer_name_of(struct weft_peer *peer)
{
	return rcu_dereference_protected(peer->name,
					 lockdep_is_held(&peer->device->config_lock));
}

static int peer_name_compare(const void *text, const struct rb_node *node)
{
	return strcmp(text, rb_entry(node, struct weft_peer_name, by_name)->text);
}

static bool peer_name_less(struct rb_node *node, const struct rb_node *other)
{
	return peer_name_compare(rb_entry(node, struct weft_peer_name, by_name)->text, other) < 0;
}

/**
 * weft_peer_name_hide() - make a peer unfindable by its name, which it keeps
 * @peer: a peer that has a name, or none
 *
 * Context: process, device->config_lock.
 */
void weft_peer_name_hide(struct weft_peer *peer)
{
	struct weft_peer_name *name = peer_name_of(peer);

	if (!name || RB_EMPTY_NODE(&name->by_name))
		return;
	rb_erase(&name->by_name, &peer->device->names);
	RB_CLEAR_NODE(&name->by_name);
}

/**
 * weft_peer_name_set() - replace a peer's name
 * @peer: a published peer
 * @name: a name without a peer, or NULL for no name
 *
 * Two peers may have the same name between two calls, as names are swapped one by one.
 *
 * Context: process, device->config_lock. Cannot fail.
 */
void weft_peer_name_set(struct weft_peer *peer, struct weft_peer_name *name)
{
	struct weft_peer_name *old = peer_name_of(peer);

	weft_peer_name_hide(peer);
	if (name) {
		name->peer = peer;
		rb_add(&name->by_name, &peer->device->names, peer_name_less);
	}
	rcu_assign_pointer(peer->name, name);
	if (old)
		kfree_rcu(old, rcu);
}

/**
 * weft_peer_name_find() - find a device's peer by its name
 * @device: the device
 * @text: the name
 *
 * Context: process, device->config_lock.
 * Return: the peer, without a reference, or NULL.
 */
struct weft_peer *weft_peer_name_find(struct weft_device *device, const char *text)
{
	struct rb_node *node;

	lockdep_assert_held(&device->config_lock);
	node = rb_find(text, &device->names, peer_name_compare);
	return node ? rb_entry(node, struct weft_peer_name, by_name)->peer : NULL;
}
