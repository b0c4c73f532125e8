// SPDX-License-Identifier: GPL-2.0
/*
 * The choice of keys for each try of a handshake: the likely first, the newest where time allows,
 * each in its turn.
 */
#include "test.h"
#include <linux/bitops.h>
#include "lib/keyselect.c"

#define ONLY		BIT(WEFT_KEY_SLOT_CURRENT)
#define WITH_NEXT	(ONLY | BIT(WEFT_KEY_SLOT_NEXT))
#define WITH_PREVIOUS	(ONLY | BIT(WEFT_KEY_SLOT_PREVIOUS))
#define ALL		(WITH_NEXT | WITH_PREVIOUS)

static const struct weft_keyselect plain = { WEFT_KEY_SLOT_CURRENT, WEFT_KEY_SLOT_CURRENT };
static const struct weft_keyselect to_next = { WEFT_KEY_SLOT_CURRENT, WEFT_KEY_SLOT_NEXT };
static const struct weft_keyselect under_previous = {
	WEFT_KEY_SLOT_PREVIOUS, WEFT_KEY_SLOT_CURRENT
};

static bool is(struct weft_keyselect choice, struct weft_keyselect expected)
{
	return keyselect_equal(choice, expected);
}

static void keyselect_single_choice(struct test *t)
{
	unsigned int try;

	for (try = 0; try < 300; try++) {
		EXPECT(t, is(weft_keyselect_choose(try, false, ONLY, ONLY, plain), plain));
		EXPECT(t, is(weft_keyselect_choose(try, true, ONLY, ONLY, plain), plain));
		EXPECT(t, is(weft_keyselect_choose(try, true, ONLY, ONLY, under_previous), plain));
	}
}

static void keyselect_first_try(struct test *t)
{
	/* Without a session the likely choice comes first, regardless of newer keys. */
	EXPECT(t, is(weft_keyselect_choose(0, false, ONLY, WITH_NEXT, plain), plain));
	EXPECT(t, is(weft_keyselect_choose(1, false, ONLY, WITH_NEXT, plain), to_next));
	EXPECT(t, is(weft_keyselect_choose(0, false, WITH_PREVIOUS, ONLY, under_previous),
		     under_previous));
	EXPECT(t, is(weft_keyselect_choose(1, false, WITH_PREVIOUS, ONLY, under_previous), plain));
	/* With a session the newest choice comes first, then the likely one. */
	EXPECT(t, is(weft_keyselect_choose(0, true, ONLY, WITH_NEXT, plain), to_next));
	EXPECT(t, is(weft_keyselect_choose(1, true, ONLY, WITH_NEXT, plain), plain));
	EXPECT(t, is(weft_keyselect_choose(0, true, WITH_PREVIOUS, ONLY, under_previous), plain));
	EXPECT(t, is(weft_keyselect_choose(1, true, WITH_PREVIOUS, ONLY, under_previous),
		     under_previous));
	EXPECT(t, is(weft_keyselect_choose(0, true, WITH_PREVIOUS, WITH_NEXT, under_previous),
		     to_next));
	EXPECT(t, is(weft_keyselect_choose(1, true, WITH_PREVIOUS, WITH_NEXT, under_previous),
		     under_previous));
	/* A likely choice of the newest keys is the first one. */
	EXPECT(t, is(weft_keyselect_choose(0, true, WITH_PREVIOUS, ONLY, plain), plain));
	EXPECT(t, is(weft_keyselect_choose(1, true, WITH_PREVIOUS, ONLY, plain), under_previous));
	EXPECT(t, is(weft_keyselect_choose(0, true, ONLY, WITH_PREVIOUS, plain), plain));
	EXPECT(t, is(weft_keyselect_choose(0, true, WITH_PREVIOUS, WITH_NEXT, to_next), to_next));
	EXPECT(t, is(weft_keyselect_choose(1, true, WITH_PREVIOUS, WITH_NEXT, to_next), plain));
	/* The keys of the likely choice have been removed. */
	EXPECT(t, is(weft_keyselect_choose(0, false, ONLY, ONLY, to_next), plain));
}

/* The index of each try's choice in the first round; each round is shifted by one more. */
static void keyselect_rounds(struct test *t)
{
	static const unsigned int order[] = {
		0, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 0, 3, 4, 5, 0, 1, 2, 0, 1, 2, 3, 4, 5, 4,
	};
	struct weft_keyselect first[6];
	unsigned int try;

	for (try = 0; try < ARRAY_SIZE(first); try++)
		first[try] = weft_keyselect_choose(try, false, WITH_PREVIOUS, ALL, plain);
	for (try = 0; try < ARRAY_SIZE(order); try++)
		EXPECT(t, is(weft_keyselect_choose(try, false, WITH_PREVIOUS, ALL, plain),
			     first[order[try]]));
}

/* Every choice comes once a round, and every choice meets each of @candidates in time. */
static void keyselect_every_choice(struct test *t)
{
	unsigned int candidates, try, identity, peer, seen;

	for (try = 0, seen = 0; try < 6; try++) {
		struct weft_keyselect choice =
			weft_keyselect_choose(try, false, WITH_PREVIOUS, ALL, plain);

		EXPECT(t, choice.identity != WEFT_KEY_SLOT_NEXT);
		seen |= BIT(choice.identity * WEFT_KEY_SLOTS + choice.peer);
	}
	EXPECT(t, hweight32(seen) == 6);

	for (candidates = 1; candidates <= 4; candidates++) {
		for (try = 0, seen = 0; try < 24; try++) {
			struct weft_keyselect choice =
				weft_keyselect_choose(try, true, WITH_PREVIOUS, ONLY, plain);

			identity = choice.identity == WEFT_KEY_SLOT_PREVIOUS;
			peer = try % candidates;
			seen |= BIT(identity * candidates + peer);
		}
		EXPECT(t, hweight32(seen) == 2 * candidates);
	}
}

static void keyselect_preshared(struct test *t)
{
	/* A single key is always chosen. */
	EXPECT(t, weft_keyselect_preshared(ONLY, true, true, WEFT_KEY_SLOT_CURRENT) ==
		  WEFT_KEY_SLOT_CURRENT);
	EXPECT(t, weft_keyselect_preshared(ONLY, false, true, WEFT_KEY_SLOT_NEXT) ==
		  WEFT_KEY_SLOT_CURRENT);
	/* The next key is chosen only where time allows, or after the current one has failed. */
	EXPECT(t, weft_keyselect_preshared(WITH_NEXT, false, false, 0) == WEFT_KEY_SLOT_CURRENT);
	EXPECT(t, weft_keyselect_preshared(WITH_NEXT, true, false, 0) == WEFT_KEY_SLOT_NEXT);
	EXPECT(t, weft_keyselect_preshared(WITH_NEXT, false, true, WEFT_KEY_SLOT_CURRENT) ==
		  WEFT_KEY_SLOT_NEXT);
	EXPECT(t, weft_keyselect_preshared(WITH_NEXT, true, true, WEFT_KEY_SLOT_NEXT) ==
		  WEFT_KEY_SLOT_CURRENT);
	EXPECT(t, weft_keyselect_preshared(WITH_PREVIOUS, true, false, 0) == WEFT_KEY_SLOT_CURRENT);
	EXPECT(t, weft_keyselect_preshared(WITH_PREVIOUS, false, true, WEFT_KEY_SLOT_CURRENT) ==
		  WEFT_KEY_SLOT_PREVIOUS);
	EXPECT(t, weft_keyselect_preshared(WITH_PREVIOUS, false, true, WEFT_KEY_SLOT_PREVIOUS) ==
		  WEFT_KEY_SLOT_CURRENT);
	EXPECT(t, weft_keyselect_preshared(ALL, false, true, WEFT_KEY_SLOT_PREVIOUS) ==
		  WEFT_KEY_SLOT_NEXT);
}

TEST_SUITE("keyselect",
	   TEST_CASE(keyselect_single_choice),
	   TEST_CASE(keyselect_first_try),
	   TEST_CASE(keyselect_rounds),
	   TEST_CASE(keyselect_every_choice),
	   TEST_CASE(keyselect_preshared));
