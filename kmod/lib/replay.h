/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The replay window: a bitmap of the newest counters, as in RFC 6479.
 */
#ifndef WEFT_REPLAY_H
#define WEFT_REPLAY_H

#include <linux/bits.h>
#include "lib/wire.h"

#define WEFT_REPLAY_BITS	8192
#define WEFT_REPLAY_WORDS	(WEFT_REPLAY_BITS / BITS_PER_LONG)

/* The number of counters behind the newest one that are still accepted. */
#define WEFT_REPLAY_WINDOW	(WEFT_REPLAY_BITS - BITS_PER_LONG)

/* Zeroed memory is valid. Only authenticated counters are passed to it. The caller serialises. */
struct weft_replay {
	u64 next;				/* greatest counter accepted, plus one */
	unsigned long seen[WEFT_REPLAY_WORDS];
};

bool weft_replay_accept(struct weft_replay *replay, u64 counter);

#endif /* WEFT_REPLAY_H */
