/* SPDX-License-Identifier: GPL-2.0 */
/* The peers of an interface on a terminal, until the user ends it. */
#ifndef _WEFT_TOOLS_LIVE_H
#define _WEFT_TOOLS_LIVE_H

#include "top/view.h"

struct weft_screen;

/**
 * struct weft_top_job - one run of "top"
 * @ctx: the context
 * @iface: the interface
 * @view: the user's choice, which keys change
 * @every_ms: the time between two readings
 * @count: the readings to print in plain lines, 0 for no limit
 * @reading: the present one
 */
struct weft_top_job {
	const struct weft_context *ctx;
	const char *iface;
	struct weft_top_view view;
	int every_ms;
	__u64 count;
	struct weft_top_reading reading;
};

/* Replaces the reading by a new one; on failure the old one stays. Returns as weft_top_read(). */
int weft_top_renew(struct weft_top_job *job);

/* On an open screen, which it closes. False after a complaint. */
bool weft_top_live(struct weft_top_job *job, const struct weft_screen *screen);

/* In plain lines. False after a complaint, or if the output cannot be written. */
bool weft_top_batch(struct weft_top_job *job);

#endif /* _WEFT_TOOLS_LIVE_H */
