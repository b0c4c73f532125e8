/* SPDX-License-Identifier: GPL-2.0 */
/* A device as a configuration file, in wg(8)'s format. */
#ifndef _WEFT_TOOLS_CONF_H
#define _WEFT_TOOLS_CONF_H

#include <stdio.h>

struct weft_context;
struct weft_device;

/* The file after its first line, [Interface]. */
void weft_conf_print_device(FILE *out, const struct weft_device *dev);
/* The configuration file for the device's present state. */
void weft_conf_print(const struct weft_context *ctx,
		     const struct weft_device *dev);

#endif /* _WEFT_TOOLS_CONF_H */
