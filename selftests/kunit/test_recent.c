// SPDX-License-Identifier: GPL-2.0
/* Sources of recent handshakes: by address, by port, and by scope. */
#include "test.h"
#include "handshake/recent.c"
#include "world.h"

/* Documentation addresses (RFC 5737): no other suite uses them for handshakes. */
static void recent_sources(struct test *t)
{
	struct sk_buff *here = world_message(0xcb007101, 1), *port = world_message(0xcb007101, 2);
	struct sk_buff *there = world_message(0xcb007102, 1);
	int scope, other;

	EXPECT(t, !weft_recent_source(here, &scope));
	weft_recent_note(here, &scope);
	EXPECT(t, weft_recent_source(here, &scope));
	EXPECT(t, !weft_recent_source(here, &other));
	EXPECT(t, !weft_recent_source(port, &scope));
	EXPECT(t, !weft_recent_source(there, &scope));
	kfree_skb(here);
	kfree_skb(port);
	kfree_skb(there);
}

TEST_SUITE("recent", TEST_CASE(recent_sources));
