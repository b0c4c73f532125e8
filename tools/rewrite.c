// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array.h"
#include "file.h"
#include "key.h"
#include "report.h"
#include "rewrite.h"

/* Three lines, of a field and a key each, and more. */
#define REWRITE_BYTES	512

static const char * const rewrite_fields[] = {
	"PrivateKey", "PreviousPrivateKey", "GraceUntil",
};

/* The room is there: see REWRITE_BYTES. */
static void rewrite_put(struct weft_file *file, const char *text, size_t len)
{
	memcpy(file->text + file->len, text, len);
	file->len += len;
}

static void rewrite_put_key(struct weft_file *file, const char *field,
			    const struct weft_key *key)
{
	struct weft_key_text text = weft_key_encode(key);

	rewrite_put(file, field, strlen(field));
	rewrite_put(file, " = ", 3);
	rewrite_put(file, text.chars, WEFT_KEY_CHARS);
	rewrite_put(file, "\n", 1);
	weft_key_text_wipe(&text);
}

static void rewrite_put_all(struct weft_file *file,
			    const struct weft_rewrite *rewrite)
{
	char until[64];

	rewrite_put_key(file, rewrite_fields[0], rewrite->private_key);
	if (!rewrite->previous)
		return;
	rewrite_put_key(file, rewrite_fields[1], rewrite->previous);
	if (!rewrite->until)
		return;
	snprintf(until, sizeof(until), "%s = %lld\n", rewrite_fields[2],
		 (long long)rewrite->until);
	rewrite_put(file, until, strlen(until));
}

/* Which of the fields a line sets, or the count of them for none. */
static size_t rewrite_field(const char *line, size_t len)
{
	size_t i, field_len;
	const char *end;

	while (len && isspace((unsigned char)*line)) {
		line++;
		len--;
	}
	end = memchr(line, '=', len);
	field_len = end ? (size_t)(end - line) : 0;
	while (field_len && isspace((unsigned char)line[field_len - 1]))
		field_len--;
	for (i = 0; i < ARRAY_SIZE(rewrite_fields); i++)
		if (field_len == strlen(rewrite_fields[i]) &&
		    !strncasecmp(line, rewrite_fields[i], field_len))
			break;
	return i;
}

bool weft_rewrite_text(const struct weft_file *text,
		       const struct weft_rewrite *rewrite,
		       struct weft_file *fresh)
{
	const char *line = text->text, *end = line + text->len;
	bool done = false;
	size_t len, field;

	fresh->len = 0;
	fresh->text = calloc(1, text->len + REWRITE_BYTES);
	if (!fresh->text)
		return false;
	for (; line < end; line += len) {
		len = strcspn(line, "\n");
		len += line + len < end;
		field = rewrite_field(line, len);
		if (field == ARRAY_SIZE(rewrite_fields))
			rewrite_put(fresh, line, len);
		else if (!field && !done)
			rewrite_put_all(fresh, rewrite);
		done |= !field;
	}
	return true;
}

static bool rewrite_write(int fd, const struct weft_file *text)
{
	size_t done = 0;
	ssize_t len;

	while (done < text->len) {
		len = write(fd, text->text + done, text->len - done);
		if (len < 0 && errno != EINTR)
			return false;
		done += len > 0 ? len : 0;
	}
	return !fsync(fd);
}

/* Root may give it back to whom it belonged; others own what they can write. */
static bool rewrite_copy_owner(int fd, const char *path)
{
	struct stat st;

	return !stat(path, &st) && !fchmod(fd, st.st_mode & 07777) &&
	       (!fchown(fd, st.st_uid, st.st_gid) || errno == EPERM);
}

static bool rewrite_create(const char *fresh, const char *path,
			   const struct weft_file *text)
{
	int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool good;

	if (fd < 0)
		return false;
	good = rewrite_copy_owner(fd, path) && rewrite_write(fd, text);
	return !close(fd) && good;
}

/* A new name lasts once its folder has been written. */
static bool rewrite_sync_folder(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_CLOEXEC) : -1;
	bool good = fd >= 0 && !fsync(fd);

	if (fd >= 0)
		close(fd);
	free(copy);
	return good;
}

bool weft_rewrite_file(const struct weft_context *ctx, const char *path,
		       const struct weft_file *text)
{
	char *real = realpath(path, NULL), *fresh = NULL;
	bool good;

	if (!real || asprintf(&fresh, "%s.tmp", real) < 0)
		fresh = NULL;
	if (fresh)
		unlink(fresh);
	good = fresh && rewrite_create(fresh, real, text) &&
	       !rename(fresh, real) && rewrite_sync_folder(real);
	if (!good) {
		weft_report(ctx, "cannot write '%s': %s", fresh ? fresh : path,
			    strerror(errno));
		if (fresh)
			unlink(fresh);
	}
	free(fresh);
	free(real);
	return good;
}
