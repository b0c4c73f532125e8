/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The counters of a session that are in flight: taken, and not passed to the IP stack yet.
 *
 * CPUs take counters from one session and seal concurrently. A CPU may be delayed in between, by an
 * interrupt, a task of higher priority or a hypervisor, while others continue. A receiver refuses a
 * counter that is too far behind the newest one: 8,128 in Linux's own WireGuard. Therefore counters
 * are taken from blocks of WEFT_FLIGHT_BLOCK, and none is taken from a block before the one
 * WEFT_FLIGHT_BLOCKS behind it is empty: any two in flight are less than WEFT_FLIGHT_SPAN apart.
 * The rest of the receiver's window is left for the network.
 */
#ifndef WEFT_FLIGHT_H
#define WEFT_FLIGHT_H

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/types.h>

#define WEFT_FLIGHT_BLOCK	1024
#define WEFT_FLIGHT_BLOCKS	6

/* Maximum number of counters taken at once. */
#define WEFT_FLIGHT_AT_ONCE	64

#define WEFT_FLIGHT_SPAN (WEFT_FLIGHT_BLOCK * WEFT_FLIGHT_BLOCKS + WEFT_FLIGHT_AT_ONCE)

/* Number of blocks that are distinguished; a power of two. */
#define WEFT_FLIGHT_SLOTS	8

/* Zeroed memory is valid. */
struct weft_flight {
	atomic64_t next;			/* the next counter to take */
	atomic_t under_way[WEFT_FLIGHT_SLOTS];	/* takes from a block that have not landed */
};

bool weft_flight_take(struct weft_flight *flight, unsigned int count, u64 *first);
void weft_flight_land(struct weft_flight *flight, u64 first);
bool weft_flight_is_open(const struct weft_flight *flight);

#endif /* WEFT_FLIGHT_H */
