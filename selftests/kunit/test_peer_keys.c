// SPDX-License-Identifier: GPL-2.0
/* The grace periods of a removed peer's keys leave the device's list. */
#include "test.h"
#include "core/peer_keys.c"
#include "world.h"
#include "core/peer_ref.h"

/* A peer with a replaced key, which is valid for another second. */
static struct weft_peer *peer_in_grace(struct test *t, struct world *world, u8 name)
{
	struct weft_peer *peer = world_add_peer(world, name);
	u8 next[WEFT_KEY_LEN], old[WEFT_KEY_LEN];
	struct weft_public *used;

	memset(next, name + 100, sizeof(next));
	mutex_lock(&world->device.config_lock);
	weft_peer_keys_set_grace(peer, 1);
	weft_peer_keys_set_next(peer, next);
	mutex_unlock(&world->device.config_lock);
	mutex_lock(&peer->handshake_lock);
	used = weft_peer_keys_match(peer, next);
	EXPECT(t, used && weft_peer_keys_promote(peer, WEFT_KEY_PUBLIC, used->serial, old));
	mutex_unlock(&peer->handshake_lock);
	return peer;
}

/* The peer whose key expires first within some seconds. Returns it with a reference, or NULL. */
static struct weft_peer *next_to_end(struct world *world)
{
	struct weft_peer *peer;

	mutex_lock(&world->device.config_lock);
	peer = weft_peer_keys_next_to_end(&world->device,
					  ktime_get_coarse_boottime_ns() + 10 * NSEC_PER_SEC);
	mutex_unlock(&world->device.config_lock);
	return peer;
}

static void graces_end_with_their_peer(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *gone = peer_in_grace(t, world, 1), *stays = peer_in_grace(t, world, 2);
	struct weft_peer *peer;

	/* A reference keeps the peer's memory, but not its entry in the list. */
	weft_peer_get(gone);
	world_remove_peer(gone);
	peer = next_to_end(world);
	EXPECT_PTR(t, peer, stays);
	weft_peer_put(peer);
	EXPECT_PTR(t, next_to_end(world), NULL);
	weft_peer_put(gone);
	world_destroy(world);
}

TEST_SUITE_AROUND("peer_keys", world_set_up, world_tear_down,
		  TEST_CASE(graces_end_with_their_peer));
