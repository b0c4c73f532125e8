/* SPDX-License-Identifier: GPL-2.0 */
/* Atomic replacement of files: readers see the old text or the new one. */
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
 * @folder: the folder that contains it
 * @old: the present file, or -1 if it does not exist
 * @seen: stat data of the file when it was read, or NULL
 * @mode: the mode of a new file
 * @swept: successors of killed writers have been removed already
 * @fd: the successor
 * @fresh: its name in @folder, or NULL while it has none
 * @out: the stream for the new text
 * @err: the error of a failed text, a negative errno, or 0
 * @buffer: the buffer of @out, wiped at the end
 * @mask: the former signal mask
 * @on_size: the former action of the file size limit's signal
 */
struct weft_writer {
	const struct weft_context *ctx;
	char *path;
	const char *base;
	int folder;
	int old;
	struct stat *seen;
	mode_t mode;
	bool swept;
	int fd;
	char *fresh;
	FILE *out;
	int err;
	char *buffer;
	sigset_t mask;
	struct sigaction on_size;
};

/*
 * Begin to write @path, which is created with @mode if it does not exist. With
 * @seen, the stat data of the file that was read, a symbolic link is followed and
 * still has to lead to that file; without it, a link is replaced. False after a
 * complaint; after true weft_writer_end() has to be called. Terminating signals are
 * blocked in between.
 */
bool weft_writer_begin(struct weft_writer *writer,
		       const struct weft_context *ctx, const char *path,
		       mode_t mode, struct stat *seen);
/*
 * With @good the successor replaces the file, durably, with the mode, owner, access
 * list and label of the file, and @seen is updated. Otherwise, and after a complaint,
 * false: the file is unchanged, and the successor is removed.
 */
bool weft_writer_end(struct weft_writer *writer, bool good);

/* Both calls for a text in memory. */
bool weft_writer_put(const struct weft_context *ctx, const char *path,
		     mode_t mode, struct stat *seen, const char *text,
		     size_t len);

/*
 * For many files of one folder: weft_writer_sweep() reads the folder once, and removes
 * what killed writers of any file have left there; weft_writer_put_swept() does not
 * read it for each file.
 */
void weft_writer_sweep(const char *path);
bool weft_writer_put_swept(const struct weft_context *ctx, const char *path,
			   mode_t mode, const char *text, size_t len);

#endif /* _WEFT_TOOLS_WRITER_H */
