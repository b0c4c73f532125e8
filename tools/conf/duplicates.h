/* SPDX-License-Identifier: GPL-2.0 */
/* Keys and prefixes that a configuration file has more than once. */
#ifndef _WEFT_TOOLS_DUPLICATES_H
#define _WEFT_TOOLS_DUPLICATES_H

struct weft_context;
struct weft_device;

/* One key in several sections, one prefix several times: warnings. */
void weft_duplicates_warn(const struct weft_context *ctx, const char *file,
			  const struct weft_device *dev);

#endif /* _WEFT_TOOLS_DUPLICATES_H */
