// SPDX-License-Identifier: GPL-2.0

#include "core/peer_name.h"
#include "core/device.h"
#include "core/peer_ref.h"

#include <linux/slab.h>
#include <linux/string.h>

/**
 * weft_label_create() - make a label that is nobody's yet
 * @name: the name, as weft_name_check() finds it good
 * @len: its length in bytes
 *
 * Context: process; may sleep.
 * Return: the label, or NULL when memory is short. weft_label_put_on() or weft_label_free() comes
 * next.
 */
struct weft_label *weft_label_create(const char *name, size_t len)
{
	struct weft_label *label = kzalloc(struct_size(label, name, len + 1), GFP_KERNEL_ACCOUNT);

	if (!label)
		return NULL;
	RB_CLEAR_NODE(&label->by_name);
	memcpy(label->name, name, len);
	return label;
}

/**
 * weft_label_free() - free a label that nobody has or sees any more
 * @label: the label, or NULL
 */
void weft_label_free(struct weft_label *label)
{
	kfree(label);
}

static struct weft_label *label_of(struct weft_peer *peer)
{
	return rcu_dereference_protected(peer->label,
					 lockdep_is_held(&peer->device->config_lock));
}

static void label_index(struct weft_device *device, struct weft_label *label)
{
	struct rb_node **link = &device->labels.rb_node, *parent = NULL;

	while (*link) {
		struct weft_label *other = rb_entry(*link, struct weft_label, by_name);

		parent = *link;
		link = strcmp(label->name, other->name) < 0 ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&label->by_name, parent, link);
	rb_insert_color(&label->by_name, &device->labels);
}

/**
 * weft_label_hide() - let a peer no longer be found by its name, which it keeps
 * @peer: a peer that has a label, or none
 *
 * Context: process, device->config_lock.
 */
void weft_label_hide(struct weft_peer *peer)
{
	struct weft_label *label = label_of(peer);

	if (!label || RB_EMPTY_NODE(&label->by_name))
		return;
	rb_erase(&label->by_name, &peer->device->labels);
	RB_CLEAR_NODE(&label->by_name);
}

/**
 * weft_label_put_on() - give a peer a name, in place of the one that it has
 * @peer: a published peer
 * @label: a label that is nobody's, or NULL for no name
 *
 * Two peers may have the same name between two calls: a change that swaps names is made one by one.
 *
 * Context: process, device->config_lock. Cannot fail.
 */
void weft_label_put_on(struct weft_peer *peer, struct weft_label *label)
{
	struct weft_label *old = label_of(peer);

	weft_label_hide(peer);
	if (label) {
		label->peer = peer;
		label_index(peer->device, label);
	}
	rcu_assign_pointer(peer->label, label);
	if (old)
		kfree_rcu(old, rcu);
}

/**
 * weft_label_peer() - find a device's peer by its name
 * @device: the device
 * @name: the name
 *
 * Context: process, device->config_lock.
 * Return: the peer, without a reference, or NULL.
 */
struct weft_peer *weft_label_peer(struct weft_device *device, const char *name)
{
	struct rb_node *node = device->labels.rb_node;

	lockdep_assert_held(&device->config_lock);
	while (node) {
		struct weft_label *label = rb_entry(node, struct weft_label, by_name);
		int side = strcmp(name, label->name);

		if (!side)
			return label->peer;
		node = side < 0 ? node->rb_left : node->rb_right;
	}
	return NULL;
}
