// SPDX-License-Identifier: GPL-2.0
/*
 * The replay window. The bitmap is a ring of words; the word of the newest counter is its head. A
 * word is cleared when the head reaches it, so that sliding never shifts a bit. One word is thereby
 * always newer than the window, so the window is one word shorter than the bitmap (RFC 6479,
 * section 3).
 */
#include <linux/minmax.h>
#include <linux/string.h>
#include "lib/replay.h"

/* Moves the head from the word of the old newest counter to that of @counter. */
static void replay_advance(struct weft_replay *replay, u64 counter)
{
	u64 head = (replay->next ? replay->next - 1 : 0) / BITS_PER_LONG;
	u64 steps = min_t(u64, counter / BITS_PER_LONG - head, WEFT_REPLAY_WORDS);

	while (steps--)
		replay->seen[++head % WEFT_REPLAY_WORDS] = 0;
	replay->next = counter + 1;
}

/**
 * weft_replay_accept - record a counter, if it is new
 * @replay: the window of one session and direction
 * @counter: the counter of a packet that has been authenticated
 *
 * Return: false if the counter was seen before, is older than the window, or must not be used by
 * any sender (at or above WEFT_REJECT_AFTER_MESSAGES).
 */
bool weft_replay_accept(struct weft_replay *replay, u64 counter)
{
	unsigned long *word = &replay->seen[counter / BITS_PER_LONG % WEFT_REPLAY_WORDS];
	unsigned long bit = 1UL << counter % BITS_PER_LONG;

	if (counter >= WEFT_REJECT_AFTER_MESSAGES)
		return false;
	if (counter >= replay->next)
		replay_advance(replay, counter);
	else if (replay->next - 1 - counter > WEFT_REPLAY_WINDOW)
		return false;
	else if (*word & bit)
		return false;
	*word |= bit;
	return true;
}
