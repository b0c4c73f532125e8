/* SPDX-License-Identifier: GPL-2.0 */
/* Writes the file of a running interface anew. */
#ifndef _WEFT_TOOLS_SAVE_H
#define _WEFT_TOOLS_SAVE_H

#include <stdbool.h>
#include <stdio.h>

struct weft_context;
struct weft_profile;

/*
 * Write @profile's file anew: the present settings, and the parts that only the
 * file has, such as hooks and names of peers and endpoints. The old file is
 * replaced atomically. False after a complaint.
 */
bool weft_save(const struct weft_context *ctx,
	       const struct weft_profile *profile);
/* The file's @text without the fields of "up", for setconf. False: no memory. */
bool weft_save_strip(FILE *out, char *text);

#endif /* _WEFT_TOOLS_SAVE_H */
