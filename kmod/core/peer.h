/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A peer's lifetime: it is created, published, and removed with all its state.
 */
#ifndef WEFT_PEER_H
#define WEFT_PEER_H

#include "lib/wire.h"

#include <linux/types.h>

struct list_head;
struct weft_allowedips_node;
struct weft_device;
struct weft_removal;
struct weft_peer;

int weft_peer_init(void);
void weft_peer_exit(void);

struct weft_peer *weft_peer_create(struct weft_device *device, const u8 public_key[WEFT_KEY_LEN]);
struct weft_peer *weft_peer_publish(struct weft_peer *peer);
void weft_removal_init(struct weft_removal *removal);
void weft_peer_unpublish(struct weft_peer *peer, struct weft_removal *removal);
void weft_peer_unpublish_all(struct weft_device *device, struct weft_removal *removal);
void weft_peer_remove(struct weft_removal *removal);
void weft_peer_remove_unseen(struct weft_removal *removal);
struct weft_allowedips_node *weft_peer_alloc_allowedip(void);
void weft_peer_free_allowedip(struct weft_allowedips_node *node);
void weft_peer_free_allowedips(struct list_head *freed);

void weft_peer_quiesce(struct weft_peer *peer);

#endif /* WEFT_PEER_H */
