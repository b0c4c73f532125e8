/* SPDX-License-Identifier: GPL-2.0 */
/* What is kept of interfaces until the machine stops: below /run/weft. */
#ifndef _WEFT_TOOLS_RUNTIME_H
#define _WEFT_TOOLS_RUNTIME_H

struct weft_context;

/*
 * The path of a file that belongs to interface @name in the network namespace
 * of this process, in a folder that is there and closed to others; to be
 * freed. NULL with errno set: there is no such folder, and none can be made.
 */
char *weft_runtime_path(const struct weft_context *ctx, const char *name,
			const char *suffix);
/* The words for an errno of weft_runtime_path(). */
const char *weft_runtime_reason(int err);

#endif /* _WEFT_TOOLS_RUNTIME_H */
