/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is known of the way to where a peer is: how large an inner packet gets there in one piece.
 * It is the lesser of what the route says, which learns from routers, and what an own search has
 * found where routers are silent.
 */
#ifndef WEFT_PMTU_PATH_H
#define WEFT_PMTU_PATH_H

#include "lib/plpmtud.h"

#include <linux/compiler.h>
#include <linux/in6.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

struct weft_peer;

/* What a search asks: echo requests between the two ends of some flow inside. */
struct weft_pmtu_probe_question {
	unsigned int overhead;		/* what an inner packet grows by outside */
	__be16 protocol;		/* ETH_P_IP or ETH_P_IPV6 */
	__be16 id;
	__be64 token;			/* in the payload */
	struct in6_addr source;		/* the first 4 bytes of it for IPv4 */
	struct in6_addr destination;
};

/* An own search. path->lock guards it. */
struct weft_pmtu_probe {
	struct weft_peer *peer;		/* constant; referenced while the timer is armed */
	struct timer_list timer;
	struct weft_plpmtud pmtu;
	struct weft_pmtu_probe_question question;
	u64 period_ns;			/* for how long what it finds holds */
};

struct weft_pmtu_path {
	u32 mtu;			/* READ_ONCE(): what the route says; U32_MAX: not known */
	u32 found;			/* READ_ONCE(): what a search found; U32_MAX: no less */
	u64 ask_at_ns;			/* READ_ONCE(): a search may begin; U64_MAX: there is one */
	spinlock_t lock;		/* what follows; and who writes the two above */
	bool running;			/* the device is up */
	struct weft_pmtu_probe *probe;	/* NULL: none has been needed yet */
};

/**
 * weft_pmtu_path_limit() - the largest inner packet that gets to where the peer is in one piece
 * @path: the path
 *
 * Return: bytes; U32_MAX: that is not known.
 */
static inline u32 weft_pmtu_path_limit(const struct weft_pmtu_path *path)
{
	return min(READ_ONCE(path->mtu), READ_ONCE(path->found));
}

/**
 * weft_pmtu_path_learn() - note what the route says
 * @path: the path
 * @mtu: the route's MTU in bytes
 * @overhead: what an inner packet grows by
 *
 * Context: any.
 */
static inline void weft_pmtu_path_learn(struct weft_pmtu_path *path, u32 mtu, u32 overhead)
{
	u32 inner = mtu > overhead ? mtu - overhead : 1;

	if (unlikely(READ_ONCE(path->mtu) != inner))
		WRITE_ONCE(path->mtu, inner);
}

/**
 * weft_pmtu_path_is_asked() - whether there is a search, and so answers to look for
 * @path: the path
 */
static inline bool weft_pmtu_path_is_asked(const struct weft_pmtu_path *path)
{
	return READ_ONCE(path->ask_at_ns) == U64_MAX;
}

void weft_pmtu_path_init(struct weft_pmtu_path *path);
void weft_pmtu_path_forget(struct weft_pmtu_path *path);
void weft_pmtu_path_start(struct weft_pmtu_path *path);
bool weft_pmtu_path_stop(struct weft_pmtu_path *path);
void weft_pmtu_path_free(struct weft_pmtu_path *path);

#endif /* WEFT_PMTU_PATH_H */
