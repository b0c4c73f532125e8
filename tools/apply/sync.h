/* SPDX-License-Identifier: GPL-2.0 */
/* The difference between two devices. */
#ifndef _WEFT_TOOLS_SYNC_H
#define _WEFT_TOOLS_SYNC_H

#include <stdbool.h>

struct weft_device;

/*
 * Reduces @want, a complete configuration, to its difference from @have, so that
 * applying it disturbs nothing else. False: no memory.
 */
bool weft_sync_reduce(const struct weft_device *have, struct weft_device *want);
/* The change has nothing to send. */
bool weft_sync_is_empty(const struct weft_device *change);

#endif /* _WEFT_TOOLS_SYNC_H */
