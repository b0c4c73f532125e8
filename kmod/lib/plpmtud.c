// SPDX-License-Identifier: GPL-2.0
/*
 * A search takes WEFT_PLPMTUD_TRIES tries, unless the largest size is answered before. The first
 * one probes the smallest size and the largest. If only the smallest is answered, the others probe
 * all usual sizes in between: so the result is known as soon as the problem is.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include "lib/plpmtud.h"

/* The usual MTUs of links, and of tunnels over them. */
static const u16 plpmtud_usual[] = {
	1320, 1360, 1380, 1400, 1420, 1440, 1454, 1460, 1472, 1480, 1492, 1500, 1600, 2000, 4000,
	8000, 8900, 9000,
};

/* A search that has not begun. */
void weft_plpmtud_init(struct weft_plpmtud *pmtu)
{
	memset(pmtu, 0, sizeof(*pmtu));
	pmtu->next_ns = WEFT_PLPMTUD_NEVER;
}

/* Ends a search: the largest size that was answered is the path's limit. */
static void plpmtud_end(struct weft_plpmtud *pmtu, u64 now_ns, u64 period_ns)
{
	pmtu->next_ns = WEFT_PLPMTUD_NEVER;
	if (!pmtu->best) {
		pmtu->again_ns = now_ns + WEFT_PLPMTUD_AGAIN_NS;
		return;
	}
	pmtu->again_ns = now_ns + period_ns;
	pmtu->limit = pmtu->best < pmtu->top ? pmtu->best : 0;
}

/**
 * weft_plpmtud_begin() - begin a search if one is due
 * @pmtu: the search
 * @top: the largest size in use
 * @now_ns: the time
 * @period_ns: how long the result of a search is valid
 *
 * Return: whether one has begun: then weft_plpmtud_try() is to be called at once.
 */
bool weft_plpmtud_begin(struct weft_plpmtud *pmtu, u32 top, u64 now_ns, u64 period_ns)
{
	if (pmtu->next_ns != WEFT_PLPMTUD_NEVER || now_ns < pmtu->again_ns)
		return false;
	if (top <= WEFT_PLPMTUD_FLOOR) {
		pmtu->again_ns = now_ns + period_ns;
		return false;
	}
	pmtu->top = top;
	pmtu->best = 0;
	pmtu->tries = 0;
	pmtu->next_ns = now_ns;
	return true;
}

static unsigned int plpmtud_sizes(const struct weft_plpmtud *pmtu, u32 sizes[WEFT_PLPMTUD_SIZES])
{
	unsigned int count = 0;
	size_t i;

	if (!pmtu->best)
		sizes[count++] = WEFT_PLPMTUD_FLOOR;
	for (i = 0; pmtu->best && i < ARRAY_SIZE(plpmtud_usual); i++) {
		if (plpmtud_usual[i] > pmtu->best && plpmtud_usual[i] < pmtu->top)
			sizes[count++] = plpmtud_usual[i];
	}
	sizes[count++] = pmtu->top;
	return count;
}

/**
 * weft_plpmtud_try() - make the next try, when a search has begun or the time for answers has
 * passed
 * @pmtu: the search
 * @top: as before, or less if the route has learnt of an ICMP error meanwhile
 * @now_ns: the time
 * @period_ns: as in weft_plpmtud_begin()
 * @sizes: gets the sizes to probe now, in rising order
 *
 * Return: the number of sizes; 0: the search has ended, or there is none. Its result, if any, is in
 * pmtu->limit.
 */
unsigned int weft_plpmtud_try(struct weft_plpmtud *pmtu, u32 top, u64 now_ns, u64 period_ns,
			      u32 sizes[WEFT_PLPMTUD_SIZES])
{
	if (now_ns < pmtu->next_ns)
		return 0;
	if (top < pmtu->top) {
		pmtu->top = top;
		pmtu->tries = 0;
		if (pmtu->best > top)
			pmtu->best = top;
	}
	if (pmtu->top <= WEFT_PLPMTUD_FLOOR)
		pmtu->best = pmtu->top;
	if (pmtu->best == pmtu->top || pmtu->tries == WEFT_PLPMTUD_TRIES) {
		plpmtud_end(pmtu, now_ns, period_ns);
		return 0;
	}
	pmtu->tries++;
	pmtu->next_ns = now_ns + WEFT_PLPMTUD_TRY_NS;
	return plpmtud_sizes(pmtu, sizes);
}

/**
 * weft_plpmtud_answer() - record the answer to a probe
 * @pmtu: the search
 * @size: the packet's
 * @now_ns: the time
 * @period_ns: as in weft_plpmtud_begin()
 *
 * Return: whether that ends the search: the path carries the largest size in use.
 */
bool weft_plpmtud_answer(struct weft_plpmtud *pmtu, u32 size, u64 now_ns, u64 period_ns)
{
	if (pmtu->next_ns == WEFT_PLPMTUD_NEVER || size < WEFT_PLPMTUD_FLOOR || size > pmtu->top)
		return false;
	if (size > pmtu->best)
		pmtu->best = size;
	if (size < pmtu->top)
		return false;
	plpmtud_end(pmtu, now_ns, period_ns);
	return true;
}
