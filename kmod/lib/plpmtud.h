/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A search for the MTU of a path whose routers send no errors (RFC 8899): packets of several sizes
 * are sent, and the answers show which sizes arrive. Sizes are those of outer packets, in bytes;
 * times are nanoseconds of one clock. The caller serialises, sends, and runs one timer for
 * weft_plpmtud_next().
 */
#ifndef WEFT_PLPMTUD_H
#define WEFT_PLPMTUD_H

#include <linux/types.h>

/* Probed besides any other size, to know that probes are answered at all: IPv6's minimum MTU. */
#define WEFT_PLPMTUD_FLOOR		1280

/* The number of times a size is probed, and the time for an answer to each. */
#define WEFT_PLPMTUD_TRIES		3
#define WEFT_PLPMTUD_TRY_NS	1000000000ULL

/* The time until the next search when no probe was answered. */
#define WEFT_PLPMTUD_AGAIN_NS	(60 * 1000000000ULL)

/* Maximum number of sizes probed at once. */
#define WEFT_PLPMTUD_SIZES		20

#define WEFT_PLPMTUD_NEVER		(~0ULL)

struct weft_plpmtud {
	u64 next_ns;		/* end of the present try; WEFT_PLPMTUD_NEVER: no search */
	u64 again_ns;		/* no new search before */
	u32 top;		/* the largest size in use, which the search is to verify */
	u32 best;		/* the largest size that was answered; 0: none */
	u32 limit;		/* result of the last search if less than its top; 0: none */
	u8 tries;		/* tries that have begun */
};

/**
 * weft_plpmtud_next() - when weft_plpmtud_try() is to be called; WEFT_PLPMTUD_NEVER: not at all
 * @pmtu: the search
 */
static inline u64 weft_plpmtud_next(const struct weft_plpmtud *pmtu)
{
	return pmtu->next_ns;
}

void weft_plpmtud_init(struct weft_plpmtud *pmtu);
bool weft_plpmtud_begin(struct weft_plpmtud *pmtu, u32 top, u64 now_ns, u64 period_ns);
unsigned int weft_plpmtud_try(struct weft_plpmtud *pmtu, u32 top, u64 now_ns, u64 period_ns,
			      u32 sizes[WEFT_PLPMTUD_SIZES]);
bool weft_plpmtud_answer(struct weft_plpmtud *pmtu, u32 size, u64 now_ns, u64 period_ns);

#endif /* WEFT_PLPMTUD_H */
