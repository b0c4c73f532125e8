/* SPDX-License-Identifier: GPL-2.0 */
/* A device without an interface, and the requests of its peers to the layers above. */
#ifndef WEFT_WORLD_H
#define WEFT_WORLD_H

#include "core/device.h"

#include <linux/atomic.h>

struct kunit_suite;
struct sk_buff;

struct world {
	struct weft_device device;
	atomic_t received;		/* packets received by a socket */
	atomic_t acts;			/* runs of the peers' work */
	atomic_t asked;			/* the union of all requested actions */
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
