// SPDX-License-Identifier: GPL-2.0
/*
 * The search for a path's MTU: in any order of events, the probed sizes lie within the bounds, and
 * a search ends. On a path without loss it finds the path's MTU.
 */
#include "fuzz.h"
#include "lib/plpmtud.c"

#define PERIOD_NS	(600 * 1000000000ULL)

static unsigned int try_check(struct weft_plpmtud *pmtu, u32 top, u64 now, u32 *sizes)
{
	unsigned int i, count;
	/* A separate buffer, so that the sanitizer sees writes beyond its end. */
	u32 *room = malloc(WEFT_PLPMTUD_SIZES * sizeof(*room));

	count = weft_plpmtud_try(pmtu, top, now, PERIOD_NS, room);
	FUZZ_MUST(count <= WEFT_PLPMTUD_SIZES);
	for (i = 0; i < count; i++) {
		FUZZ_MUST(room[i] >= WEFT_PLPMTUD_FLOOR && room[i] <= pmtu->top);
		FUZZ_MUST(!i || room[i] > room[i - 1]);
		sizes[i] = room[i];
	}
	if (count)
		FUZZ_MUST(weft_plpmtud_next(pmtu) == now + WEFT_PLPMTUD_TRY_NS);
	free(room);
	return count;
}

static void anything(struct fuzz_input *input)
{
	u32 top = 1500, sizes[WEFT_PLPMTUD_SIZES];
	struct weft_plpmtud pmtu;
	u64 now = fuzz_u32(input);

	weft_plpmtud_init(&pmtu);
	while (fuzz_more(input)) {
		switch (fuzz_u8(input) % 6) {
		case 0:
			top = fuzz_u16(input);
			break;
		case 1:
			weft_plpmtud_begin(&pmtu, top, now, PERIOD_NS);
			break;
		case 2:
			try_check(&pmtu, top, now, sizes);
			break;
		case 3:
			weft_plpmtud_answer(&pmtu, fuzz_u16(input), now, PERIOD_NS);
			break;
		case 4:
			now += (u64)fuzz_u8(input) << 30;
			break;
		default:
			if (weft_plpmtud_next(&pmtu) != WEFT_PLPMTUD_NEVER && pmtu.next_ns > now)
				now = pmtu.next_ns;
		}
		FUZZ_MUST(pmtu.tries <= WEFT_PLPMTUD_TRIES);
		FUZZ_MUST(pmtu.best <= pmtu.top);
	}
}

/* Replies to the sizes that fit. */
static void path_answer(struct weft_plpmtud *pmtu, const u32 *sizes, unsigned int count, u32 path,
			u64 now)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (sizes[i] <= path)
			weft_plpmtud_answer(pmtu, sizes[i], now, PERIOD_NS);
}

static void path_search(u32 top, u32 path)
{
	u32 sizes[WEFT_PLPMTUD_SIZES], found = WEFT_PLPMTUD_FLOOR;
	unsigned int i, rounds = 0;
	struct weft_plpmtud pmtu;
	u64 now = 1;

	weft_plpmtud_init(&pmtu);
	if (!weft_plpmtud_begin(&pmtu, top, now, PERIOD_NS)) {
		FUZZ_MUST(top <= WEFT_PLPMTUD_FLOOR);
		return;
	}
	while (weft_plpmtud_next(&pmtu) != WEFT_PLPMTUD_NEVER) {
		now = weft_plpmtud_next(&pmtu);
		path_answer(&pmtu, sizes, try_check(&pmtu, top, now, sizes), path, now);
		FUZZ_MUST(++rounds <= WEFT_PLPMTUD_TRIES + 1);
	}
	for (i = 0; i < ARRAY_SIZE(plpmtud_usual); i++)
		if (plpmtud_usual[i] <= path)
			found = plpmtud_usual[i];
	if (path >= top || path < WEFT_PLPMTUD_FLOOR)
		found = 0;
	FUZZ_MUST(pmtu.limit == found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	u32 top = fuzz_u16(&input);

	path_search(top, fuzz_u16(&input));
	anything(&input);
	return 0;
}
