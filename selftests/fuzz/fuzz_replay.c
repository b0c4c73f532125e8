// SPDX-License-Identifier: GPL-2.0
/* The replay window against a list of all accepted counters. Input: steps of three bytes. */
#include "fuzz.h"
#include <linux/limits.h>
#include "lib/replay.c"

#define PASSED_MAX	256

static struct {
	u64 passed[PASSED_MAX];
	size_t count;
	u64 newest;
} slow;

FUZZ_REFERENCE static bool slow_accept(u64 counter)
{
	size_t i;

	if (counter >= WEFT_REJECT_AFTER_MESSAGES)
		return false;
	if (slow.count && slow.newest > counter && slow.newest - counter > WEFT_REPLAY_WINDOW)
		return false;
	for (i = 0; i < slow.count; i++)
		if (slow.passed[i] == counter)
			return false;
	if (!slow.count || counter > slow.newest)
		slow.newest = counter;
	slow.passed[slow.count++] = counter;
	return true;
}

/* The next counter: nearby, around the far edge, by whole words, or arbitrary. */
static u64 step_from(u8 kind, u16 by, u64 at)
{
	switch (kind % 8) {
	case 0:
		return at + by;
	case 1:
		return at - by;
	case 2:
		return slow.newest - WEFT_REPLAY_WINDOW - 8 + by % 16;
	case 3:
		return slow.newest - by % (2 * WEFT_REPLAY_BITS);
	case 4:
		return at + (u64)by * BITS_PER_LONG;
	case 5:
		return WEFT_REJECT_AFTER_MESSAGES - by;
	case 6:
		return (u64)by << (kind / 8 * 2 % 50);
	default:
		return slow.passed[slow.count ? by % slow.count : 0];
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	struct weft_replay replay = { 0 };
	u64 counter = 0;
	u8 kind, run;

	slow.count = 0;
	slow.newest = 0;
	while (fuzz_more(&input)) {
		kind = fuzz_u8(&input);
		counter = step_from(kind, fuzz_u16(&input), counter);
		/* One counter, or several in a row. */
		for (run = kind < 224 ? 1 : kind % 32 + 1; run && slow.count < PASSED_MAX; run--) {
			FUZZ_MUST(weft_replay_accept(&replay, counter) == slow_accept(counter));
			counter++;
		}
		if (slow.count)
			FUZZ_MUST(replay.next == slow.newest + 1);
	}
	return 0;
}
