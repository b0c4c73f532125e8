/* SPDX-License-Identifier: GPL-2.0 */
/* An interface at one moment, and what its peers did since the moment before. */
#ifndef _WEFT_TOOLS_READING_H
#define _WEFT_TOOLS_READING_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

struct weft_context;
struct weft_device;
struct weft_peer;

/**
 * struct weft_top_row - one peer
 * @peer: the peer; its number in the kernel's list is that of the row
 * @has_rates: the peer was there at the moment before, and its counters have grown since
 * @rx_rate: bytes per second received from it
 * @tx_rate: bytes per second sent to it
 * @has_drops: the kernel counts its dropped packets
 * @drops: these, of all reasons
 * @new_drops: those since the moment before
 * @age: seconds since its last handshake; negative if the clock has been set back since
 */
struct weft_top_row {
	const struct weft_peer *peer;
	bool has_rates;
	double rx_rate;
	double tx_rate;
	bool has_drops;
	__u64 drops;
	__u64 new_drops;
	__s64 age;
};

/**
 * struct weft_top_reading - the peers of an interface
 * @dev: the interface, owned
 * @at_ms: the moment, on a clock that counts suspended time, too
 * @now: the same as seconds since the epoch
 * @rows: one for each peer
 * @count: their number
 */
struct weft_top_reading {
	struct weft_device *dev;
	__s64 at_ms;
	__s64 now;
	struct weft_top_row *rows;
	size_t count;
};

/* Milliseconds on the clock of @at_ms. */
__s64 weft_top_clock_ms(void);

/*
 * Reads the interface; the rates are those since @before, which may be empty. A negative errno:
 * the backend has the reason, except for -ENOMEM.
 */
int weft_top_read(const struct weft_context *ctx, const char *iface,
		  const struct weft_top_reading *before, struct weft_top_reading *reading);

/*
 * The second half of weft_top_read(): fills in the rows from @dev, @at_ms and @now. A peer whose
 * key was replaced is the same peer. False: no memory.
 */
bool weft_top_compare(const struct weft_top_reading *before, struct weft_top_reading *reading);

void weft_top_forget(struct weft_top_reading *reading);

/* The failure of weft_top_read() in words; false. */
bool weft_top_complain(const struct weft_context *ctx, const char *iface, int err);

#endif /* _WEFT_TOOLS_READING_H */
