// SPDX-License-Identifier: GPL-2.0
/* The replay window: its edges, jumps, the last counter, and a slow reference. */
#include "test.h"
#include <linux/limits.h>
#include "lib/replay.c"

#define MODEL_MAX	65536

/* The expected window, as one byte for every counter from @base on. */
struct model {
	u64 base;
	u64 newest;
	bool any;
	u8 seen[MODEL_MAX];
};

static bool model_accept(struct model *model, u64 counter)
{
	if (counter >= WEFT_REJECT_AFTER_MESSAGES || model->seen[counter - model->base])
		return false;
	if (model->any && model->newest > counter && model->newest - counter > WEFT_REPLAY_WINDOW)
		return false;
	model->seen[counter - model->base] = 1;
	if (!model->any || counter > model->newest)
		model->newest = counter;
	model->any = true;
	return true;
}

static void replay_first(struct test *t)
{
	static const u64 first[] = { 0, 1, 63, 64, WEFT_REPLAY_BITS - 1, WEFT_REPLAY_BITS,
				     1ULL << 32, 1ULL << 60, WEFT_REJECT_AFTER_MESSAGES - 1 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(first); i++) {
		struct weft_replay replay = { 0 };

		EXPECT(t, weft_replay_accept(&replay, first[i]));
		EXPECT(t, !weft_replay_accept(&replay, first[i]));
		EXPECT_EQ(t, replay.next, first[i] + 1);
	}
}

static void replay_window_size(struct test *t)
{
	/* The window is at least 8,000 counters wide (RFC 6479); the constant is the exact promise. */
	EXPECT(t, WEFT_REPLAY_WINDOW >= 8000);
	EXPECT_EQ(t, WEFT_REPLAY_WINDOW % BITS_PER_LONG, 0);
}

/*
 * At every position of the newest counter in its word, the last counter inside and the first one
 * outside.
 */
static void replay_edges(struct test *t)
{
	u64 newest;

	for (newest = 3 * WEFT_REPLAY_BITS; newest < 3 * WEFT_REPLAY_BITS + 200; newest++) {
		struct weft_replay replay = { 0 };

		EXPECT(t, weft_replay_accept(&replay, newest));
		EXPECT(t, !weft_replay_accept(&replay, newest - WEFT_REPLAY_WINDOW - 1));
		EXPECT(t, !weft_replay_accept(&replay, newest - WEFT_REPLAY_BITS));
		EXPECT(t, !weft_replay_accept(&replay, 0));
		EXPECT(t, weft_replay_accept(&replay, newest - WEFT_REPLAY_WINDOW));
		EXPECT(t, !weft_replay_accept(&replay, newest - WEFT_REPLAY_WINDOW));
		EXPECT(t, weft_replay_accept(&replay, newest - 1));
		EXPECT(t, !weft_replay_accept(&replay, newest));
		EXPECT_EQ(t, replay.next, newest + 1);
	}
}

static void replay_in_order_then_again(struct test *t)
{
	struct weft_replay replay = { 0 };
	u64 i;

	for (i = 0; i < 3 * WEFT_REPLAY_BITS; i++)
		EXPECT(t, weft_replay_accept(&replay, i));
	for (i = 0; i < 3 * WEFT_REPLAY_BITS; i++)
		EXPECT(t, !weft_replay_accept(&replay, i));
}

static void replay_backwards(struct test *t)
{
	struct weft_replay replay = { 0 };
	u64 i;

	for (i = WEFT_REPLAY_WINDOW + 1; i-- > 0; )
		EXPECT(t, weft_replay_accept(&replay, i));
	for (i = WEFT_REPLAY_WINDOW + 1; i-- > 0; )
		EXPECT(t, !weft_replay_accept(&replay, i));
}

/* A jump of any length drops exactly the counters that leave the window. */
static void replay_jumps(struct test *t)
{
	static const u64 jumps[] = { 1, BITS_PER_LONG - 1, BITS_PER_LONG, BITS_PER_LONG + 1,
				     WEFT_REPLAY_WINDOW - 1, WEFT_REPLAY_WINDOW,
				     WEFT_REPLAY_WINDOW + 1, WEFT_REPLAY_BITS - 1,
				     WEFT_REPLAY_BITS, WEFT_REPLAY_BITS + 1,
				     7 * WEFT_REPLAY_BITS, 1ULL << 40, 1ULL << 63 };
	const u64 start = 2 * WEFT_REPLAY_BITS + 17;
	size_t i;
	u64 c;

	for (i = 0; i < ARRAY_SIZE(jumps); i++) {
		struct weft_replay replay = { 0 };
		u64 newest = start + jumps[i];

		for (c = start - WEFT_REPLAY_WINDOW; c <= start; c++)
			weft_replay_accept(&replay, c);
		EXPECT(t, weft_replay_accept(&replay, newest));
		for (c = newest - WEFT_REPLAY_BITS - 3; c < newest; c++)
			EXPECT_EQ(t, weft_replay_accept(&replay, c),
				  c > start && newest - c <= WEFT_REPLAY_WINDOW);
	}
}

static void replay_end_of_counters(struct test *t)
{
	struct weft_replay replay = { 0 };
	const u64 last = WEFT_REJECT_AFTER_MESSAGES - 1;
	struct weft_replay before;

	EXPECT(t, weft_replay_accept(&replay, 5));
	before = replay;
	EXPECT(t, !weft_replay_accept(&replay, U64_MAX));
	EXPECT(t, !weft_replay_accept(&replay, U64_MAX - 1));
	EXPECT(t, !weft_replay_accept(&replay, WEFT_REJECT_AFTER_MESSAGES + 1));
	EXPECT(t, !weft_replay_accept(&replay, WEFT_REJECT_AFTER_MESSAGES));
	EXPECT_BYTES(t, &replay, &before, sizeof(replay));

	EXPECT(t, weft_replay_accept(&replay, last));
	EXPECT(t, !weft_replay_accept(&replay, last));
	EXPECT(t, weft_replay_accept(&replay, last - WEFT_REPLAY_WINDOW));
	EXPECT(t, !weft_replay_accept(&replay, last - WEFT_REPLAY_WINDOW - 1));
	EXPECT(t, !weft_replay_accept(&replay, 6));
}

static u64 replay_pick(const struct model *model)
{
	switch (test_random_below(8)) {
	case 0:	/* far ahead */
		return model->newest + test_random_below(2 * WEFT_REPLAY_BITS);
	case 1:	/* around the far edge */
		return model->newest - WEFT_REPLAY_WINDOW - 70 + test_random_below(140);
	case 2:
	case 3:	/* anywhere behind */
		return model->newest - test_random_below(WEFT_REPLAY_BITS + 200);
	default: /* near by */
		return model->newest + 20 - test_random_below(60);
	}
}

static void replay_random_run(struct test *t, struct model *model, u64 base)
{
	struct weft_replay replay = { 0 };
	u64 counter;
	int i;

	memset(model, 0, sizeof(*model));
	model->base = base;
	model->newest = base;
	for (i = 0; i < TEST_ROUNDS(20000); i++) {
		counter = replay_pick(model);
		if (counter - base >= MODEL_MAX)
			continue;
		EXPECT_EQ(t, weft_replay_accept(&replay, counter), model_accept(model, counter));
	}
}

static void replay_random(struct test *t)
{
	static const u64 bases[] = { 0, (1ULL << 32) - MODEL_MAX / 2, (1ULL << 60) - 5,
				     WEFT_REJECT_AFTER_MESSAGES - MODEL_MAX / 2 };
	struct model *model = test_zalloc(t, sizeof(*model));
	size_t i, round;

	for (i = 0; i < ARRAY_SIZE(bases); i++)
		for (round = 0; round < 10; round++)
			replay_random_run(t, model, bases[i]);
	test_free(model);
}

TEST_SUITE("replay",
	   TEST_CASE(replay_first),
	   TEST_CASE(replay_window_size),
	   TEST_CASE(replay_edges),
	   TEST_CASE(replay_in_order_then_again),
	   TEST_CASE(replay_backwards),
	   TEST_CASE(replay_jumps),
	   TEST_CASE(replay_end_of_counters),
	   TEST_CASE(replay_random));
