/* SPDX-License-Identifier: GPL-2.0 */
/* A file from an interface that runs, and from the file it came from. */
#ifndef _WEFT_TOOLS_SAVE_H
#define _WEFT_TOOLS_SAVE_H

#include <stdbool.h>
#include <stdio.h>

struct weft_context;
struct weft_profile;

/*
 * Write @profile's file anew: what is set now, with what only the file knows,
 * hooks and the names of peers and endpoints. The old file stays whole until
 * the new one is. False after a complaint.
 */
bool weft_save(const struct weft_context *ctx,
	       const struct weft_profile *profile);
/* The file's @text without what only "up" understands, for setconf. False: no memory. */
bool weft_save_strip(FILE *out, char *text);

#endif /* _WEFT_TOOLS_SAVE_H */
