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
 * The samples of a metric have to be contiguous, so all devices are printed at
 * once. No secret is printed.
 */
void weft_metrics_print(FILE *out, struct weft_device *const *devs,
			size_t count);

/**
 * struct weft_metrics_tunnel - an interface that is configured or exists
 * @name: the interface
 * @configured: it has a file
 * @there: it exists, or was requested
 * @readable: its state could be read
 * @up: the interface is up
 */
struct weft_metrics_tunnel {
	char name[IFNAMSIZ];
	bool configured;
	bool there;
	bool readable;
	bool up;
};

/* Metrics that distinguish a machine without tunnels from one with missing tunnels. */
void weft_metrics_print_tunnels(FILE *out, bool loaded,
				const struct weft_metrics_tunnel *tunnels,
				size_t count);

#endif /* _WEFT_TOOLS_METRICS_H */
