/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A label: the name of a peer, and the peer by its name. Most peers have none, so it is memory of
 * its own.
 */
#ifndef WEFT_LABEL_H
#define WEFT_LABEL_H

#include <linux/rbtree.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

struct weft_device;
struct weft_peer;

struct weft_label {
	struct rb_node by_name;		/* device->config_lock */
	struct weft_peer *peer;		/* device->config_lock; whose it is */
	struct rcu_head rcu;
	char name[];			/* constant */
};

struct weft_label *weft_label_create(const char *name, size_t len);
void weft_label_free(struct weft_label *label);
void weft_label_put_on(struct weft_peer *peer, struct weft_label *label);
void weft_label_hide(struct weft_peer *peer);
struct weft_peer *weft_label_peer(struct weft_device *device, const char *name);

#endif /* WEFT_LABEL_H */
