/* SPDX-License-Identifier: GPL-2.0 */
/* Files that are replaced whole: readers see the old text or the new one. */
#ifndef _WEFT_TOOLS_WRITER_H
#define _WEFT_TOOLS_WRITER_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

struct weft_context;

/**
 * struct weft_writer - one file while its successor is written
 * @ctx: the context, for complaints
 * @path: the file, with symbolic links of its folder followed
 * @base: its name in @folder, part of @path
 * @folder: the folder it lies in
 * @old: the file as it is, or -1 where there is none
 * @seen: the file as it was read, or NULL
 * @mode: the mode of a file that there was none of
 * @fd: the successor
 * @fresh: its name in @folder, or NULL while it has none
 * @out: what is written goes here
 * @err: what kept a text from being taken, a negative errno, or 0
 * @buffer: the buffer of @out, wiped at the end
 * @mask: the signals that were blocked before
 * @on_size: what the size limit's signal did before
 */
struct weft_writer {
	const struct weft_context *ctx;
	char *path;
	const char *base;
	int folder;
	int old;
	struct stat *seen;
	mode_t mode;
	int fd;
	char *fresh;
	FILE *out;
	int err;
	char *buffer;
	sigset_t mask;
	struct sigaction on_size;
};

/*
 * Begin to write @path, which is created with @mode if there is none. With
 * @seen, the file as it was read, a symbolic link is followed and has to lead
 * to that file still; without it, a link is replaced. False after a complaint;
 * true has to be followed by the end of it. Signals that would end the program
 * wait in between.
 */
bool weft_writer_begin(struct weft_writer *writer,
		       const struct weft_context *ctx, const char *path,
		       mode_t mode, struct stat *seen);
/*
 * With @good the successor takes the file's place, on the disk too, with the
 * mode, owner, access list and label of the file, and is what was seen from
 * then on. Otherwise, and after a complaint, false: the file is as it was, and
 * nothing lies beside it.
 */
bool weft_writer_end(struct weft_writer *writer, bool good);

/* Both at once for a text in memory. */
bool weft_writer_put(const struct weft_context *ctx, const char *path,
		     mode_t mode, struct stat *seen, const char *text,
		     size_t len);

#endif /* _WEFT_TOOLS_WRITER_H */
