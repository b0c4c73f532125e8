// SPDX-License-Identifier: GPL-2.0
/* The search for a path's MTU: the probed sizes, and the effect of their replies. */
#include "test.h"
#include "lib/plpmtud.c"

#define SECOND	1000000000ULL
#define PERIOD	(600 * SECOND)

/* A path: the largest packet that passes, and whether the peer replies. */
struct path {
	u32 carries;
	bool answers;
	unsigned int sent;
	unsigned int lose;	/* replies to drop */
};

/* Sends the probes of a try, and passes on the replies. Returns false when the search is over. */
static bool plpmtud_round(struct weft_plpmtud *pmtu, struct path *path, u32 top, u64 now)
{
	u32 sizes[WEFT_PLPMTUD_SIZES];
	unsigned int i, count = weft_plpmtud_try(pmtu, top, now, PERIOD, sizes);

	for (i = 0; i < count; i++) {
		path->sent++;
		if (sizes[i] > path->carries || !path->answers)
			continue;
		if (path->lose)
			path->lose--;
		else
			weft_plpmtud_answer(pmtu, sizes[i], now, PERIOD);
	}
	return count && weft_plpmtud_next(pmtu) != WEFT_PLPMTUD_NEVER;
}

/* Runs a search from @now on. Returns the time of its end. */
static u64 plpmtud_search(struct test *t, struct weft_plpmtud *pmtu, struct path *path, u32 top,
			  u64 now)
{
	EXPECT(t, weft_plpmtud_begin(pmtu, top, now, PERIOD));
	EXPECT_EQ(t, weft_plpmtud_next(pmtu), now);
	while (plpmtud_round(pmtu, path, top, now))
		now = weft_plpmtud_next(pmtu);
	EXPECT_EQ(t, weft_plpmtud_next(pmtu), WEFT_PLPMTUD_NEVER);
	return now;
}

static void plpmtud_full_size_works(struct test *t)
{
	struct path path = { .carries = 1500, .answers = true };
	struct weft_plpmtud pmtu;

	weft_plpmtud_init(&pmtu);
	/* Two packets, one round trip. */
	EXPECT_EQ(t, plpmtud_search(t, &pmtu, &path, 1500, 5), 5);
	EXPECT_EQ(t, path.sent, 2);
	EXPECT_EQ(t, pmtu.limit, 0);
	EXPECT(t, !weft_plpmtud_begin(&pmtu, 1500, 4 + PERIOD, PERIOD));
	EXPECT(t, weft_plpmtud_begin(&pmtu, 1500, 5 + PERIOD, PERIOD));
}

/* The usual sizes, listed independently: the MTUs of links and of tunnels over them. */
static const u32 usual[] = {
	1320, 1360, 1380, 1400, 1420, 1440, 1454, 1460, 1472, 1480, 1492, 1500, 1600, 2000, 4000,
	8000, 8900, 9000,
};

static unsigned int usual_between(u32 low, u32 high)
{
	unsigned int count = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(usual); i++)
		count += usual[i] > low && usual[i] < high;
	return count;
}

static void plpmtud_black_hole(struct test *t)
{
	static const struct { u32 top, carries, found; } cases[] = {
		{ 1500, 1280, 1280 }, { 1500, 1319, 1280 }, { 1500, 1320, 1320 },
		{ 1500, 1492, 1492 }, { 1500, 1499, 1492 }, { 9000, 1500, 1500 },
		{ 9000, 1280, 1280 }, { 9000, 8999, 8900 }, { 1281, 1280, 1280 },
		{ 65535, 9000, 9000 },
	};
	struct weft_plpmtud pmtu;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct path path = { .carries = cases[i].carries, .answers = true };

		weft_plpmtud_init(&pmtu);
		EXPECT_EQ(t, plpmtud_search(t, &pmtu, &path, cases[i].top, 7),
			  7 + WEFT_PLPMTUD_TRIES * SECOND);
		EXPECT_EQ(t, pmtu.limit, cases[i].found);
		/* The smallest and the largest; all between; all above the largest reply. */
		EXPECT_EQ(t, path.sent, 2 + usual_between(1280, cases[i].top) + 1 +
					usual_between(cases[i].found, cases[i].top) + 1);
	}
}

/* The probed sizes, in their order. */
static void plpmtud_probes_usual_sizes(struct test *t)
{
	u32 sizes[WEFT_PLPMTUD_SIZES];
	struct weft_plpmtud pmtu;
	unsigned int i;

	weft_plpmtud_init(&pmtu);
	EXPECT(t, weft_plpmtud_begin(&pmtu, 9001, 0, PERIOD));
	EXPECT_EQ(t, weft_plpmtud_try(&pmtu, 9001, 0, PERIOD, sizes), 2);
	EXPECT_EQ(t, sizes[0], 1280);
	EXPECT_EQ(t, sizes[1], 9001);
	EXPECT(t, !weft_plpmtud_answer(&pmtu, 1280, 0, PERIOD));
	EXPECT_EQ(t, weft_plpmtud_try(&pmtu, 9001, SECOND, PERIOD, sizes), ARRAY_SIZE(usual) + 1);
	for (i = 0; i < ARRAY_SIZE(usual); i++)
		EXPECT_EQ(t, sizes[i], usual[i]);
	EXPECT_EQ(t, sizes[i], 9001);
	/* Neither a replied size nor any size from the largest on is probed again. */
	EXPECT(t, !weft_plpmtud_answer(&pmtu, 8000, SECOND, PERIOD));
	EXPECT(t, !weft_plpmtud_answer(&pmtu, 1500, SECOND, PERIOD));
	EXPECT_EQ(t, weft_plpmtud_try(&pmtu, 9000, 2 * SECOND, PERIOD, sizes), 2);
	EXPECT_EQ(t, sizes[0], 8900);
	EXPECT_EQ(t, sizes[1], 9000);
}

/* A Packet Too Big at the end of a search restarts it. */
static void plpmtud_late_packet_too_big(struct test *t)
{
	u32 sizes[WEFT_PLPMTUD_SIZES];
	struct weft_plpmtud pmtu;
	u64 now = 0;
	int i;

	weft_plpmtud_init(&pmtu);
	EXPECT(t, weft_plpmtud_begin(&pmtu, 9000, 0, PERIOD));
	for (i = 0; i < WEFT_PLPMTUD_TRIES; i++, now += SECOND)
		EXPECT_EQ(t, weft_plpmtud_try(&pmtu, 9000, now, PERIOD, sizes), 2);
	for (i = 0; i < WEFT_PLPMTUD_TRIES; i++, now += SECOND)
		EXPECT_EQ(t, weft_plpmtud_try(&pmtu, 2000, now, PERIOD, sizes), 2);
	EXPECT_EQ(t, weft_plpmtud_try(&pmtu, 2000, now, PERIOD, sizes), 0);
	EXPECT_EQ(t, weft_plpmtud_next(&pmtu), WEFT_PLPMTUD_NEVER);
}

/* Without a reply even to the smallest size, the last result stays. */
static void plpmtud_no_answers(struct test *t)
{
	struct path path = { .carries = 1400, .answers = true };
	struct weft_plpmtud pmtu;
	u64 now;

	weft_plpmtud_init(&pmtu);
	plpmtud_search(t, &pmtu, &path, 1500, 0);
	EXPECT_EQ(t, pmtu.limit, 1400);
	path.answers = false;
	path.sent = 0;
	now = plpmtud_search(t, &pmtu, &path, 1500, PERIOD + 3 * SECOND);
	EXPECT_EQ(t, path.sent, 2 * WEFT_PLPMTUD_TRIES);
	EXPECT_EQ(t, pmtu.limit, 1400);
	/* The next search comes sooner than after a success. */
	EXPECT(t, !weft_plpmtud_begin(&pmtu, 1500, now + WEFT_PLPMTUD_AGAIN_NS - 1, PERIOD));
	EXPECT(t, weft_plpmtud_begin(&pmtu, 1500, now + WEFT_PLPMTUD_AGAIN_NS, PERIOD));
}

static void plpmtud_lost_probes(struct test *t)
{
	struct weft_plpmtud pmtu;
	struct path path = { .carries = 1500, .answers = true, .lose = 2 };

	weft_plpmtud_init(&pmtu);
	EXPECT_EQ(t, plpmtud_search(t, &pmtu, &path, 1500, 0), SECOND);
	EXPECT_EQ(t, pmtu.limit, 0);
	/* The largest probe is lost twice; the third try succeeds. */
	path = (struct path){ .carries = 1500, .answers = true, .lose = 4 };
	weft_plpmtud_init(&pmtu);
	EXPECT_EQ(t, plpmtud_search(t, &pmtu, &path, 1500, 0), 2 * SECOND);
	EXPECT_EQ(t, pmtu.limit, 0);
}

/* The path carries the full size again: the limit is removed. */
static void plpmtud_path_recovers(struct test *t)
{
	struct path path = { .carries = 1280, .answers = true };
	struct weft_plpmtud pmtu;

	weft_plpmtud_init(&pmtu);
	plpmtud_search(t, &pmtu, &path, 1500, 0);
	EXPECT_EQ(t, pmtu.limit, 1280);
	path.carries = 1500;
	plpmtud_search(t, &pmtu, &path, 1500, PERIOD + 3 * SECOND);
	EXPECT_EQ(t, pmtu.limit, 0);
}

/* A Packet Too Big during a search sets the largest size to probe. */
static void plpmtud_packet_too_big(struct test *t)
{
	struct path path = { .carries = 1400, .answers = true };
	u32 sizes[WEFT_PLPMTUD_SIZES];
	struct weft_plpmtud pmtu;

	weft_plpmtud_init(&pmtu);
	EXPECT(t, weft_plpmtud_begin(&pmtu, 9000, 0, PERIOD));
	EXPECT(t, plpmtud_round(&pmtu, &path, 9000, 0));
	EXPECT(t, !plpmtud_round(&pmtu, &path, 1400, SECOND));
	EXPECT_EQ(t, weft_plpmtud_next(&pmtu), WEFT_PLPMTUD_NEVER);
	EXPECT_EQ(t, pmtu.limit, 0);

	/* The new largest size is one that was replied to already, or below the smallest. */
	weft_plpmtud_init(&pmtu);
	EXPECT(t, weft_plpmtud_begin(&pmtu, 9000, 0, PERIOD));
	EXPECT(t, plpmtud_round(&pmtu, &path, 9000, 0));
	EXPECT_EQ(t, weft_plpmtud_try(&pmtu, 1280, SECOND, PERIOD, sizes), 0);
	EXPECT_EQ(t, pmtu.limit, 0);
	weft_plpmtud_init(&pmtu);
	EXPECT(t, weft_plpmtud_begin(&pmtu, 9000, 0, PERIOD));
	EXPECT(t, plpmtud_round(&pmtu, &path, 9000, 0));
	EXPECT(t, plpmtud_round(&pmtu, &path, 9000, SECOND));
	EXPECT_EQ(t, pmtu.best, 1400);
	EXPECT_EQ(t, weft_plpmtud_try(&pmtu, 1350, 2 * SECOND, PERIOD, sizes), 0);
	EXPECT_EQ(t, pmtu.limit, 0);
	weft_plpmtud_init(&pmtu);
	EXPECT(t, weft_plpmtud_begin(&pmtu, 1500, 0, PERIOD));
	EXPECT_EQ(t, weft_plpmtud_try(&pmtu, 1280, 0, PERIOD, sizes), 0);
	EXPECT_EQ(t, weft_plpmtud_next(&pmtu), WEFT_PLPMTUD_NEVER);
	EXPECT_EQ(t, pmtu.limit, 0);
	weft_plpmtud_init(&pmtu);
	EXPECT(t, weft_plpmtud_begin(&pmtu, 1500, 0, PERIOD));
	EXPECT_EQ(t, weft_plpmtud_try(&pmtu, 1000, 0, PERIOD, sizes), 0);
	EXPECT_EQ(t, weft_plpmtud_next(&pmtu), WEFT_PLPMTUD_NEVER);
	EXPECT_EQ(t, pmtu.limit, 0);
}

static void plpmtud_unexpected_answers(struct test *t)
{
	u32 sizes[WEFT_PLPMTUD_SIZES];
	struct weft_plpmtud pmtu;

	weft_plpmtud_init(&pmtu);
	EXPECT_EQ(t, weft_plpmtud_try(&pmtu, 1500, 0, PERIOD, sizes), 0);
	EXPECT(t, !weft_plpmtud_answer(&pmtu, 1500, 0, PERIOD));
	EXPECT(t, !weft_plpmtud_begin(&pmtu, 1280, 0, PERIOD));
	EXPECT(t, !weft_plpmtud_begin(&pmtu, 1500, PERIOD - 1, PERIOD));
	EXPECT(t, weft_plpmtud_begin(&pmtu, 1500, PERIOD, PERIOD));
	EXPECT(t, !weft_plpmtud_begin(&pmtu, 1500, 2 * PERIOD, PERIOD));
	EXPECT_EQ(t, weft_plpmtud_try(&pmtu, 1500, PERIOD, PERIOD, sizes), 2);
	EXPECT_EQ(t, sizes[0], WEFT_PLPMTUD_FLOOR);
	EXPECT_EQ(t, sizes[1], 1500);
	/* A try that is too early, and replies to sizes that were not probed. */
	EXPECT_EQ(t, weft_plpmtud_try(&pmtu, 1500, PERIOD + SECOND - 1, PERIOD, sizes), 0);
	EXPECT(t, !weft_plpmtud_answer(&pmtu, 1501, PERIOD, PERIOD));
	EXPECT(t, !weft_plpmtud_answer(&pmtu, 1279, PERIOD, PERIOD));
	EXPECT_EQ(t, pmtu.best, 0);
	EXPECT(t, weft_plpmtud_answer(&pmtu, 1500, PERIOD, PERIOD));
}

/* With replies in any order, the sizes rise and stay within the array. */
static void plpmtud_random(struct test *t)
{
	u32 sizes[WEFT_PLPMTUD_SIZES];
	struct weft_plpmtud pmtu;
	unsigned int i, count, round;
	u64 now = 0;

	for (round = 0; round < 2000; round++) {
		u32 top = 1281 + test_random_below(65535 - 1281);

		weft_plpmtud_init(&pmtu);
		EXPECT(t, weft_plpmtud_begin(&pmtu, top, now, PERIOD));
		while ((count = weft_plpmtud_try(&pmtu, top, now, PERIOD, sizes))) {
			EXPECT(t, count <= WEFT_PLPMTUD_SIZES);
			EXPECT_EQ(t, sizes[count - 1], top);
			for (i = 1; i < count; i++)
				EXPECT(t, sizes[i - 1] < sizes[i]);
			weft_plpmtud_answer(&pmtu, sizes[test_random_below(count)], now, PERIOD);
			now += SECOND;
		}
		EXPECT(t, pmtu.limit < top);
		EXPECT(t, !pmtu.limit || pmtu.limit >= WEFT_PLPMTUD_FLOOR);
	}
}

TEST_SUITE("plpmtud",
	   TEST_CASE(plpmtud_full_size_works),
	   TEST_CASE(plpmtud_black_hole),
	   TEST_CASE(plpmtud_probes_usual_sizes),
	   TEST_CASE(plpmtud_late_packet_too_big),
	   TEST_CASE(plpmtud_no_answers),
	   TEST_CASE(plpmtud_lost_probes),
	   TEST_CASE(plpmtud_path_recovers),
	   TEST_CASE(plpmtud_packet_too_big),
	   TEST_CASE(plpmtud_unexpected_answers),
	   TEST_CASE(plpmtud_random));
