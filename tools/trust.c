// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report.h"
#include "trust.h"

/* In a folder with the sticky bit others cannot replace what is not theirs. */
static bool trust_mode(const struct stat *st)
{
	return !(st->st_mode & 0022) ||
	       (S_ISDIR(st->st_mode) && st->st_mode & S_ISVTX);
}

/*
 * Owner and mode of the opened file count, too: a number of a deleted file may
 * be given to the next one.
 */
static bool trust_is_same(const struct stat *st, const struct stat *seen)
{
	return st->st_dev == seen->st_dev && st->st_ino == seen->st_ino &&
	       st->st_uid == seen->st_uid && st->st_mode == seen->st_mode;
}

static bool trust_one(const struct weft_context *ctx, const char *file,
		      const char *path, const struct stat *seen)
{
	struct stat st;

	if (stat(path, &st)) {
		weft_report(ctx, "'%s' has hooks, and '%s' cannot be examined: %s",
			    file, path, strerror(errno));
		return false;
	}
	if (seen && seen->st_mode && !trust_is_same(&st, seen))
		weft_report(ctx,
			    "'%s' has hooks, and '%s' was replaced or changed while it was read: hooks run only from the file that was read",
			    file, path);
	else if (st.st_uid && st.st_uid != geteuid())
		weft_report(ctx,
			    "'%s' has hooks, and '%s' belongs to user %u, which can change them: hooks run only from files and folders of root",
			    file, path, st.st_uid);
	else if (!trust_mode(&st))
		weft_report(ctx,
			    "'%s' has hooks, and others may write to '%s', which has mode %04o: hooks run only from files and folders that no other user can write; chmod go-w it",
			    file, path, st.st_mode & 07777);
	else
		return true;
	return false;
}

/* @path is absolute, and cut down on the way; it still has to be the file @seen. */
static bool trust_chain(const struct weft_context *ctx, const char *file,
			char *path, const struct stat *seen)
{
	bool good = trust_one(ctx, file, path, seen);

	while (good && strcmp(path, "/") && strcmp(path, ".")) {
		path = dirname(path);
		good = trust_one(ctx, file, path, NULL);
	}
	return good;
}

static bool trust_real(const struct weft_context *ctx, const char *file,
		       const char *path, const struct stat *seen)
{
	char *real = realpath(path, NULL);
	bool good = false;

	if (real)
		good = trust_chain(ctx, file, real, seen);
	else
		weft_report(ctx, "'%s' cannot be examined: %s", path,
			    strerror(errno));
	free(real);
	return good;
}

bool weft_trust_file(const struct weft_context *ctx, const char *path,
		     const struct stat *seen)
{
	char *copy = strdup(path);
	bool good;

	if (!copy) {
		weft_report(ctx, "out of memory");
		return false;
	}
	/* The folder as it is named, too: a link in it may be replaced. */
	good = trust_real(ctx, path, path, seen) &&
	       trust_real(ctx, path, dirname(copy), NULL);
	free(copy);
	return good;
}
