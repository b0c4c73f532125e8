/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The search for what a path carries whose routers do not say (RFC 8899): packets of several sizes
 * are sent, and what has been answered tells. Sizes are those of outer packets, in bytes; times are
 * nanoseconds of one clock. The caller serialises, sends, and runs one timer for
 * weft_plpmtud_next().
 */
#ifndef WEFT_PLPMTUD_H
#define WEFT_PLPMTUD_H

#include <linux/types.h>

/* Asked for beside any other, to know that there are answers at all: IPv6's smallest MTU. */
#define WEFT_PLPMTUD_FLOOR		1280

/* How often a size is asked for, and how long an answer is waited for each time. */
#define WEFT_PLPMTUD_TRIES		3
#define WEFT_PLPMTUD_TRY_NS	1000000000ULL

/* When nothing was answered, until the next search. */
#define WEFT_PLPMTUD_AGAIN_NS	(60 * 1000000000ULL)

/* Sizes asked for at once, at most. */
#define WEFT_PLPMTUD_SIZES		20

#define WEFT_PLPMTUD_NEVER		(~0ULL)

struct weft_plpmtud {
	u64 next_ns;		/* the try under way ends; WEFT_PLPMTUD_NEVER: there is no search */
	u64 again_ns;		/* no new search before */
	u32 top;		/* what the search is to find out of: the largest size in use */
	u32 best;		/* the largest that has been answered; 0: none */
	u32 limit;		/* what the last search found to be less than its top; 0: nothing */
	u8 tries;		/* that have begun */
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
