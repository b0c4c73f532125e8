/* SPDX-License-Identifier: GPL-2.0 */
/* Devices as metrics, in Prometheus's text format (version 0.0.4). */
#ifndef _WEFT_TOOLS_METRICS_H
#define _WEFT_TOOLS_METRICS_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct weft_device;

/*
 * All of a metric's samples have to stand together, so all devices are
 * printed at once. No secret is.
 */
void weft_metrics_print(FILE *out, struct weft_device *const *devs,
			size_t count);

/**
 * struct weft_metrics_tunnel - an interface that is wanted, or is there
 * @name: the interface
 * @configured: it has a file
 * @there: it is there, or was asked for
 * @readable: its state could be read
 * @up: and it is up
 */
struct weft_metrics_tunnel {
	char name[IFNAMSIZ];
	bool configured;
	bool there;
	bool readable;
	bool up;
};

/* What tells a machine without tunnels from one whose tunnels are missing. */
void weft_metrics_print_tunnels(FILE *out, bool loaded,
				const struct weft_metrics_tunnel *tunnels,
				size_t count);

#endif /* _WEFT_TOOLS_METRICS_H */
