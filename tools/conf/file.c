// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/complain.h"
#include "conf/file.h"

#define WEFT_FILE_FIRST_BYTES	4096

/* realloc() would leave the old copy, keys and all, on the heap. */
static bool file_grow(struct weft_file *file, size_t *room)
{
	size_t want = *room ? *room * 2 : WEFT_FILE_FIRST_BYTES;
	char *text = malloc(want);

	if (!text)
		return false;
	if (file->text) {
		memcpy(text, file->text, file->len);
		sodium_memzero(file->text, *room);
		free(file->text);
	}
	file->text = text;
	*room = want;
	return true;
}

/* 0 or a negative errno; -EFBIG past @max bytes. */
static int file_slurp(FILE *stream, size_t max, struct weft_file *file)
{
	size_t room = 0;

	do {
		if (file->len + 1 >= room && !file_grow(file, &room))
			return -ENOMEM;
		errno = 0;
		file->len += fread(file->text + file->len, 1,
				   room - file->len - 1, stream);
		if (ferror(stream))
			return errno ? -errno : -EIO;
		if (file->len > max)
			return -EFBIG;
	} while (!feof(stream));
	file->text[file->len] = '\0';
	return 0;
}

bool weft_file_read_stream(const struct weft_context *ctx, const char *name, FILE *stream,
			   size_t max, struct weft_file *file)
{
	bool is_stdin = stream == ctx->in;
	int err;

	memset(file, 0, sizeof(*file));
	/* Unbuffered: no second copy of secrets in the stream's buffer. */
	if (!is_stdin)
		setvbuf(stream, NULL, _IONBF, 0);
	err = is_stdin || !fstat(fileno(stream), &file->seen) ? 0 : -errno;
	if (!err)
		err = file_slurp(stream, max, file);
	if (!is_stdin)
		fclose(stream);
	if (!err)
		return true;
	if (err == -EFBIG)
		weft_complain(ctx, "'%s' is longer than %zu bytes", name, max);
	else
		weft_complain(ctx, "cannot read '%s': %s", name, strerror(-err));
	weft_file_wipe(file);
	return false;
}

bool weft_file_read(const struct weft_context *ctx, const char *path,
		    size_t max, struct weft_file *file)
{
	bool is_stdin = !strcmp(path, "-");
	FILE *stream = is_stdin ? ctx->in : fopen(path, "re");

	if (stream)
		return weft_file_read_stream(ctx, is_stdin ? "standard input" : path, stream,
					     max, file);
	memset(file, 0, sizeof(*file));
	return weft_complain(ctx, "cannot open '%s': %s", path, strerror(errno));
}

bool weft_file_is_same(const struct stat *now, const struct stat *seen)
{
	return now->st_dev == seen->st_dev && now->st_ino == seen->st_ino &&
	       now->st_size == seen->st_size && now->st_mtim.tv_sec == seen->st_mtim.tv_sec &&
	       now->st_mtim.tv_nsec == seen->st_mtim.tv_nsec;
}

void weft_file_warn_readable(const struct weft_context *ctx, const char *path)
{
	struct stat st;

	if (!strcmp(path, "-") || stat(path, &st) || !S_ISREG(st.st_mode))
		return;
	if (st.st_mode & 0004)
		weft_warn(ctx,
			  "'%s' contains a secret key, and other users can read it: remove their permissions (chmod o-rwx)",
			  path);
}

void weft_file_wipe(struct weft_file *file)
{
	if (file->text)
		sodium_memzero(file->text, file->len);
	free(file->text);
	memset(file, 0, sizeof(*file));
}
