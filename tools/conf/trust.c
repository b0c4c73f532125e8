// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/complain.h"
#include "conf/trust.h"

/* The kernel's limit for one path. */
#define TRUST_LINKS_MAX	40

/**
 * struct trust_walk - the walk along a path from the root to its file
 * @ctx: the context
 * @file: the path as it was given, for complaints
 * @seen: stat data of the opened file
 * @now: the folder reached, without links and the last slash
 * @rest: the names that follow
 * @links: the number of links followed
 */
struct trust_walk {
	const struct weft_context *ctx;
	const char *file;
	const struct stat *seen;
	char *now;
	char *rest;
	unsigned int links;
};

/* In a folder with the sticky bit other users cannot replace files that are not their own. */
static bool trust_mode(const struct stat *st)
{
	return !(st->st_mode & 0022) ||
	       (S_ISDIR(st->st_mode) && st->st_mode & S_ISVTX);
}

/*
 * Owner and mode of the opened file are compared, too: the inode number of a deleted
 * file may be reused.
 */
static bool trust_is_same(const struct stat *st, const struct stat *seen)
{
	return st->st_dev == seen->st_dev && st->st_ino == seen->st_ino &&
	       st->st_uid == seen->st_uid && st->st_mode == seen->st_mode;
}

static bool trust_owner(const struct trust_walk *walk, const char *path,
			const struct stat *st)
{
	if (!st->st_uid || st->st_uid == geteuid())
		return true;
	return weft_complain(walk->ctx,
			     "'%s' has hooks, and '%s' belongs to user %u, which can change them: hooks run only from files and folders of root",
			     walk->file, path, st->st_uid);
}

/* Checks a file or a folder; @seen: it still has to be that file. */
static bool trust_one(const struct trust_walk *walk, const char *path,
		      const struct stat *st, const struct stat *seen)
{
	if (seen && seen->st_mode && !trust_is_same(st, seen))
		weft_complain(walk->ctx,
			      "'%s' has hooks, and '%s' was replaced or changed while it was read: hooks run only from the file that was read",
			      walk->file, path);
	else if (!trust_owner(walk, path, st))
		return false;
	else if (!trust_mode(st))
		weft_complain(walk->ctx,
			      "'%s' has hooks, and other users can write to '%s', which has mode %04o: hooks run only from files and folders that other users cannot write (chmod go-w)",
			      walk->file, path, st->st_mode & 07777);
	else
		return true;
	return false;
}

static bool trust_no_memory(const struct trust_walk *walk)
{
	return weft_complain(walk->ctx, "out of memory");
}

static bool trust_not_examined(const struct trust_walk *walk, const char *path,
			       int err)
{
	return weft_complain(walk->ctx, "'%s' has hooks, and '%s' cannot be examined: %s",
			     walk->file, path, strerror(err));
}

/* The link's target is put before the rest of the path. */
static bool trust_follow(struct trust_walk *walk, const char *path,
			 const struct stat *st)
{
	char to[PATH_MAX], *rest;
	ssize_t len;

	if (!trust_owner(walk, path, st))
		return false;
	len = readlink(path, to, sizeof(to) - 1);
	if (len < 0)
		return trust_not_examined(walk, path, errno);
	if (++walk->links > TRUST_LINKS_MAX)
		return trust_not_examined(walk, path, ELOOP);
	to[len] = '\0';
	if (asprintf(&rest, "%s/%s", to, walk->rest) < 0)
		return trust_no_memory(walk);
	free(walk->rest);
	walk->rest = rest;
	if (*to == '/')
		walk->now[0] = '\0';
	return true;
}

static bool trust_enter(struct trust_walk *walk, char *path)
{
	bool last = !walk->rest[strspn(walk->rest, "/")];
	struct stat st;

	if (lstat(path, &st))
		return trust_not_examined(walk, path, errno);
	if (S_ISLNK(st.st_mode))
		return trust_follow(walk, path, &st);
	if (!trust_one(walk, path, &st, last ? walk->seen : NULL))
		return false;
	free(walk->now);
	walk->now = strdup(path);
	return walk->now || trust_no_memory(walk);
}

/* Walks to the next name of the rest. */
static bool trust_step(struct trust_walk *walk)
{
	char *name = walk->rest + strspn(walk->rest, "/"), *path, *rest;
	size_t len = strcspn(name, "/");
	char *slash = strrchr(walk->now, '/');
	bool good = true;

	if (len == 2 && !strncmp(name, "..", 2)) {
		if (slash)
			*slash = '\0';
		path = NULL;
	} else if (!len || (len == 1 && *name == '.')) {
		path = NULL;
	} else if (asprintf(&path, "%s/%.*s", walk->now, (int)len, name) < 0) {
		return trust_no_memory(walk);
	}
	rest = strdup(name + len);
	free(walk->rest);
	walk->rest = rest;
	if (!rest)
		good = trust_no_memory(walk);
	else if (path)
		good = trust_enter(walk, path);
	free(path);
	return good;
}

static bool trust_whole(struct trust_walk *walk)
{
	struct stat st;

	if (stat("/", &st))
		return trust_not_examined(walk, "/", errno);
	if (!trust_one(walk, "/", &st, NULL))
		return false;
	while (*walk->rest)
		if (!trust_step(walk))
			return false;
	return true;
}

/*
 * The owner of any folder or link on the path can replace the file, and realpath()
 * would hide the links.
 */
bool weft_trust_file(const struct weft_context *ctx, const char *path,
		     const struct stat *seen)
{
	struct trust_walk walk = { .ctx = ctx, .file = path, .seen = seen };
	char *folder = *path == '/' ? strdup("") : getcwd(NULL, 0);
	bool good = false;

	walk.now = strdup("");
	if (!folder || !walk.now || asprintf(&walk.rest, "%s/%s", folder, path) < 0)
		walk.rest = NULL;
	if (walk.rest)
		good = trust_whole(&walk);
	else
		trust_no_memory(&walk);
	free(folder);
	free(walk.now);
	free(walk.rest);
	return good;
}
