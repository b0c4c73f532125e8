/* SPDX-License-Identifier: GPL-2.0 */
/* Files with secrets: read as a whole, checked for their mode, wiped. */
#ifndef _WEFT_TOOLS_FILE_H
#define _WEFT_TOOLS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>

struct weft_context;

/*
 * @text ends in a zero that @len does not count; @seen is the open file, all
 * zero for the standard input.
 */
struct weft_file {
	char *text;
	size_t len;
	struct stat seen;
};

/* False after a complaint; @path "-" is the standard input. */
bool weft_file_read(const struct weft_context *ctx, const char *path,
		    size_t max, struct weft_file *file);
/* The same of an open file, called @name, which is closed; ctx->in stays open. */
bool weft_file_read_stream(const struct weft_context *ctx, const char *name, FILE *stream,
			   size_t max, struct weft_file *file);
/* Whether a file is unchanged since it was @seen. */
bool weft_file_is_same(const struct stat *now, const struct stat *seen);
/* Warns once of a file with a secret, @path, that other users can read. */
void weft_file_warn_readable(const struct weft_context *ctx, const char *path);
void weft_file_wipe(struct weft_file *file);

#endif /* _WEFT_TOOLS_FILE_H */
