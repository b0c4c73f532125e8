/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The search for what a path carries whose routers do not say (RFC 8899): packets of several sizes
 * are sent, and what has been answered tells. Sizes are those of outer packets, in bytes; times are
 * nanoseconds of one clock. The caller serialises, sends, and runs one timer for
 * weft_pmtu_next().
 */
#ifndef WEFT_PMTU_H
#define WEFT_PMTU_H

#include <linux/types.h>

/* Asked for beside any other, to know that there are answers at all: IPv6's smallest MTU. */
#define WEFT_PMTU_FLOOR		1280

/* How often a size is asked for, and how long an answer is waited for each time. */
#define WEFT_PMTU_TRIES		3
#define WEFT_PMTU_TRY_NS	1000000000ULL

/* When nothing was answered, until the next search. */
#define WEFT_PMTU_AGAIN_NS	(60 * 1000000000ULL)

/* Sizes asked for at once, at most. */
#define WEFT_PMTU_SIZES		20

#define WEFT_PMTU_NEVER		(~0ULL)

struct weft_pmtu {
	u64 next_ns;		/* the try under way ends; WEFT_PMTU_NEVER: there is no search */
	u64 again_ns;		/* no new search before */
	u32 top;		/* what the search is to find out of: the largest size in use */
	u32 best;		/* the largest that has been answered; 0: none */
	u32 limit;		/* what the last search found to be less than its top; 0: nothing */
	u8 tries;		/* that have begun */
};

/**
 * weft_pmtu_next() - when weft_pmtu_try() is to be called; WEFT_PMTU_NEVER: not at all
 * @pmtu: the search
 */
static inline u64 weft_pmtu_next(const struct weft_pmtu *pmtu)
{
	return pmtu->next_ns;
}

void weft_pmtu_init(struct weft_pmtu *pmtu);
bool weft_pmtu_begin(struct weft_pmtu *pmtu, u32 top, u64 now_ns, u64 period_ns);
unsigned int weft_pmtu_try(struct weft_pmtu *pmtu, u32 top, u64 now_ns, u64 period_ns,
			   u32 sizes[WEFT_PMTU_SIZES]);
bool weft_pmtu_answer(struct weft_pmtu *pmtu, u32 size, u64 now_ns, u64 period_ns);

#endif /* WEFT_PMTU_H */
