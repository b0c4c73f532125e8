/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The known path MTU to a peer: the size of the largest inner packet that arrives unfragmented. It
 * is the lesser of the route's MTU, which ICMP errors lower, and of the result of an own search,
 * where routers send no errors.
 */
#ifndef WEFT_PMTU_PATH_H
#define WEFT_PMTU_PATH_H

#include "lib/plpmtud.h"

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/in6.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

struct weft_peer;

/* The probes of a search: echo requests between the two ends of an inner flow. */
struct weft_pmtu_probe_question {
	unsigned int overhead;		/* bytes that encapsulation adds */
	__be16 protocol;		/* ETH_P_IP or ETH_P_IPV6 */
	__be16 id;
	__be64 token;			/* in the payload */
	struct in6_addr source;		/* the first 4 bytes of it for IPv4 */
	struct in6_addr destination;
};

/* An own search. Guarded by path->lock. */
struct weft_pmtu_probe {
	struct weft_peer *peer;		/* constant; referenced while the timer is armed */
	struct timer_list timer;
	struct weft_plpmtud pmtu;
	struct weft_pmtu_probe_question question;
	u64 period_ns;			/* how long its result is valid */
};

struct weft_pmtu_path {
	u32 mtu;			/* READ_ONCE(): by the route; U32_MAX: not known */
	u32 found;			/* READ_ONCE(): by a search; U32_MAX: no limit found */
	atomic64_t ask_at_ns;		/* next start of a search; S64_MAX: one runs */
	spinlock_t lock;		/* the fields below, and writes to the two above */
	bool running;			/* the device is up */
	struct weft_pmtu_probe *probe;	/* NULL: none has been needed yet */
};

/**
 * weft_pmtu_path_limit() - the largest inner packet that reaches the peer unfragmented
 * @path: the path
 *
 * Return: bytes; U32_MAX: not known.
 */
static inline u32 weft_pmtu_path_limit(const struct weft_pmtu_path *path)
{
	return min(READ_ONCE(path->mtu), READ_ONCE(path->found));
}

/**
 * weft_pmtu_path_learn() - record the MTU of the route
 * @path: the path
 * @mtu: the route's MTU in bytes
 * @overhead: bytes that encapsulation adds
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
 * weft_pmtu_path_is_asked() - whether a search runs, whose replies have to be looked for
 * @path: the path
 */
static inline bool weft_pmtu_path_is_asked(const struct weft_pmtu_path *path)
{
	return atomic64_read(&path->ask_at_ns) == S64_MAX;
}

void weft_pmtu_path_init(struct weft_pmtu_path *path);
void weft_pmtu_path_forget(struct weft_pmtu_path *path);
void weft_pmtu_path_start(struct weft_pmtu_path *path);
bool weft_pmtu_path_stop(struct weft_pmtu_path *path);
void weft_pmtu_path_free(struct weft_pmtu_path *path);

#endif /* WEFT_PMTU_PATH_H */
