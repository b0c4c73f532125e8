/* SPDX-License-Identifier: GPL-2.0 */
/* Files whose commands may be run. */
#ifndef _WEFT_TOOLS_TRUST_H
#define _WEFT_TOOLS_TRUST_H

#include <stdbool.h>

struct stat;
struct weft_context;

/*
 * Whether only root, or this user, can have written @path: the file, and each folder
 * and each symbolic link on the path. @path still has to be the file @seen, unless
 * that is all zero: between the reading and this check a folder's owner may have
 * replaced the file. False after a complaint.
 */
bool weft_trust_file(const struct weft_context *ctx, const char *path,
		     const struct stat *seen);

#endif /* _WEFT_TOOLS_TRUST_H */
