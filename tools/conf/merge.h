/* SPDX-License-Identifier: GPL-2.0 */
/* Sections of a file that are about one peer become one. */
#ifndef _WEFT_TOOLS_MERGE_H
#define _WEFT_TOOLS_MERGE_H

#include <stdbool.h>

struct weft_device;

/*
 * As the kernel takes such sections one after the other: what a later one says
 * replaces what an earlier one said, the list of allowed IPs as a whole. The
 * peer's again_line is then where the last of them has its key. False: no
 * memory.
 */
bool weft_merge_peers(struct weft_device *dev);

#endif /* _WEFT_TOOLS_MERGE_H */
