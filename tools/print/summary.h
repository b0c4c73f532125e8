/* SPDX-License-Identifier: GPL-2.0 */
/* The human-readable summary of "show". */
#ifndef _WEFT_TOOLS_SUMMARY_H
#define _WEFT_TOOLS_SUMMARY_H

#include <stdbool.h>

struct weft_context;
struct weft_device;

/* False: no memory. */
bool weft_summary_print(const struct weft_context *ctx,
			const struct weft_device *dev);

#endif /* _WEFT_TOOLS_SUMMARY_H */
