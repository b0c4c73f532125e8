/* SPDX-License-Identifier: GPL-2.0 */
/* Metrics of all peers of an interface together: their number does not grow with the peers. */
#ifndef _WEFT_TOOLS_METRICS_SUMS_H
#define _WEFT_TOOLS_METRICS_SUMS_H

#include <stddef.h>
#include <stdio.h>

struct weft_device;

void weft_metrics_print_sums(FILE *out, struct weft_device *const *devs, size_t count);

#endif /* _WEFT_TOOLS_METRICS_SUMS_H */
