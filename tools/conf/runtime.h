/* SPDX-License-Identifier: GPL-2.0 */
/* Files of interfaces that last until the machine stops: below /run/weft. */
#ifndef _WEFT_TOOLS_RUNTIME_H
#define _WEFT_TOOLS_RUNTIME_H

struct weft_context;

/*
 * The path of a file that belongs to interface @name in the network namespace
 * of this process, in an existing private folder; to be freed. NULL with errno
 * set: the folder does not exist, and cannot be created.
 */
char *weft_runtime_path(const struct weft_context *ctx, const char *name,
			const char *suffix);
/* A text for an errno of weft_runtime_path(). */
const char *weft_runtime_reason(int err);

#endif /* _WEFT_TOOLS_RUNTIME_H */
