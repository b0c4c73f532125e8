/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For the suites of the objects: a device that has no interface, and what was asked of the layers
 * above by its peers.
 */
#ifndef WEFT_WORLD_H
#define WEFT_WORLD_H

#include "core/device.h"

#include <linux/atomic.h>

struct kunit_suite;
struct sk_buff;

struct world {
	struct weft_device device;
	atomic_t received;		/* packets that came in by a socket */
	atomic_t acts;			/* how often a peer's work was done */
	atomic_t asked;			/* the actions, all of them */
	atomic_t events[WEFT_EVENT_PEER_KEY_CHANGED + 1];
};

int world_set_up(struct kunit_suite *suite);
void world_tear_down(struct kunit_suite *suite);

struct world *world_create(void);
void world_destroy(struct world *world);

struct weft_peer *world_add_peer(struct world *world, u8 name);
void world_remove_peer(struct weft_peer *peer);
struct weft_session *world_session(struct weft_peer *peer, bool initiator);
struct sk_buff *world_message(u32 address, u16 port);

#endif /* WEFT_WORLD_H */
