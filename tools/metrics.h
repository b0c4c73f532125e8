/* SPDX-License-Identifier: GPL-2.0 */
/* Devices as metrics, in Prometheus's text format (version 0.0.4). */
#ifndef _WEFT_TOOLS_METRICS_H
#define _WEFT_TOOLS_METRICS_H

#include <stddef.h>
#include <stdio.h>

struct weft_device;

/*
 * All of a metric's samples have to stand together, so all devices are
 * printed at once. No secret is.
 */
void weft_metrics_print(FILE *out, struct weft_device *const *devs,
			size_t count);

#endif /* _WEFT_TOOLS_METRICS_H */
