/* SPDX-License-Identifier: GPL-2.0 */
/* Merges sections of a file that are about the same peer. */
#ifndef _WEFT_TOOLS_MERGE_H
#define _WEFT_TOOLS_MERGE_H

#include <stdbool.h>

struct weft_device;

/*
 * As the kernel would apply such sections in order: settings of a later section
 * replace those of an earlier one, including the complete list of allowed IPs. The
 * peer's again_line becomes the line of the key in the last section. False: no
 * memory.
 */
bool weft_merge_peers(struct weft_device *dev);

#endif /* _WEFT_TOOLS_MERGE_H */
