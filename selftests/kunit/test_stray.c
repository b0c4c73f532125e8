// SPDX-License-Identifier: GPL-2.0
/*
 * Data of unknown sessions: the peers that are asked for a session, and the number of stored
 * addresses.
 */
#include "test.h"
#include "handshake/stray.c"
#include "world.h"

#include <linux/delay.h>

#define PATIENCE_MS	10000
#define HERE		0xcb007101	/* RFC 5737 */
#define ELSEWHERE	0xc6336400

static struct world *stray_world(struct test *t)
{
	struct world *world = world_create();

	world->device.up = true;
	EXPECT_EQ(t, weft_stray_device_init(&world->device), 0);
	return world;
}

static void stray_world_end(struct world *world)
{
	weft_stray_device_exit(&world->device);
	world_destroy(world);
}

static void peer_at(struct world *world, u8 name, u32 address)
{
	struct weft_endpoint endpoint = {
		.addr4.sin_family = AF_INET,
		.addr4.sin_addr.s_addr = htonl(address),
		.addr4.sin_port = htons(9),
	};
	struct weft_peer *peer = world_add_peer(world, name);

	weft_peer_set_endpoint(peer, &endpoint, WEFT_CAUSE_NONE);
	mutex_lock(&world->device.config_lock);
	weft_timers_start(peer);
	mutex_unlock(&world->device.config_lock);
}

static void stray_comes(struct world *world, u32 address)
{
	struct sk_buff *skb = world_message(address, 9);

	local_bh_disable();
	weft_stray_note(&world->device, skb);
	local_bh_enable();
	kfree_skb(skb);
}

static void looked(struct world *world)
{
	flush_delayed_work(&world->device.stray->work);
}

static bool asks_for_session(struct world *world)
{
	int ms;

	for (ms = 0; ms < PATIENCE_MS; ms += 20) {
		if (atomic_read(&world->asked) & WEFT_FSM_DO_INITIATE)
			return true;
		msleep(20);
	}
	return false;
}

static void strays_of_a_peer(struct test *t)
{
	struct world *world = stray_world(t);

	peer_at(world, 1, HERE);
	stray_comes(world, ELSEWHERE);
	looked(world);
	msleep(100);
	EXPECT_EQ(t, atomic_read(&world->acts), 0);
	stray_comes(world, HERE);
	EXPECT(t, asks_for_session(world));
	stray_world_end(world);
}

/* An address is stored once. A lookup of all of them frees the table. */
static void strays_make_room(struct test *t)
{
	struct world *world = stray_world(t);
	struct weft_stray *stray = world->device.stray;
	unsigned int i;

	for (i = 0; i < 10; i++)
		stray_comes(world, ELSEWHERE);
	looked(world);
	EXPECT_EQ(t, stray->looked_for.count, 1);
	EXPECT_EQ(t, stray->seen.count, 0);
	for (i = 0; i < 2 * STRAY_ENDPOINTS_MAX; i++)
		stray_comes(world, ELSEWHERE + i);
	EXPECT_EQ(t, stray->seen.count, STRAY_ENDPOINTS_MAX);
	looked(world);
	EXPECT_EQ(t, stray->looked_for.count, STRAY_ENDPOINTS_MAX);
	peer_at(world, 1, HERE);
	stray_comes(world, HERE);
	EXPECT(t, asks_for_session(world));
	stray_world_end(world);
}

TEST_SUITE_AROUND("stray", world_set_up, world_tear_down,
		  TEST_CASE(strays_of_a_peer),
		  TEST_CASE(strays_make_room));
