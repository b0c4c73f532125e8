/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The name of a peer, and the lookup of a peer by it. Most peers have no name, so it is allocated
 * separately.
 */
#ifndef WEFT_PEER_NAME_H
#define WEFT_PEER_NAME_H

#include <linux/rbtree.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

struct weft_device;
struct weft_peer;

struct weft_peer_name {
	struct rb_node by_name;		/* device->config_lock */
	struct weft_peer *peer;		/* device->config_lock; its owner */
	struct rcu_head rcu;
	char text[];			/* constant */
};

struct weft_peer_name *weft_peer_name_create(const char *text, size_t len);
void weft_peer_name_free(struct weft_peer_name *name);
void weft_peer_name_set(struct weft_peer *peer, struct weft_peer_name *name);
void weft_peer_name_hide(struct weft_peer *peer);
struct weft_peer *weft_peer_name_find(struct weft_device *device, const char *text);

#endif /* WEFT_PEER_NAME_H */
