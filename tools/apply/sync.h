/* SPDX-License-Identifier: GPL-2.0 */
/* What has to change to turn one device into another. */
#ifndef _WEFT_TOOLS_SYNC_H
#define _WEFT_TOOLS_SYNC_H

#include <stdbool.h>

struct weft_device;

/*
 * @want, a whole configuration, is cut down to what differs from @have, so
 * that applying it disturbs nothing else. False: no memory.
 */
bool weft_sync_reduce(const struct weft_device *have, struct weft_device *want);
/* Nothing is left to be sent. */
bool weft_sync_is_empty(const struct weft_device *change);

#endif /* _WEFT_TOOLS_SYNC_H */
