// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/context.h"
#include "conf/runtime.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE	71
#endif

/* Unlike an inode number, a namespace's cookie is never reused. */
static bool runtime_cookie(__u64 *cookie)
{
	socklen_t len = sizeof(*cookie);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return false;
	err = getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &len);
	close(fd);
	return !err;
}

/* 0, or a negative errno for a folder that is not private. */
static int runtime_distrust(const struct stat *st)
{
	if (!S_ISDIR(st->st_mode))
		return -ENOTDIR;
	if (st->st_uid != geteuid())
		return -EACCES;
	return st->st_mode & 0022 ? -EPERM : 0;
}

/* Private, because records contain hooks, and hooks may contain keys. */
static bool runtime_make_folder(const char *folder)
{
	struct stat st;

	if (mkdir(folder, 0700) && errno != EEXIST)
		return false;
	if (lstat(folder, &st))
		return false;
	errno = -runtime_distrust(&st);
	if (errno)
		return false;
	/* On a read-only file system existing files can still be read and locked. */
	return !access(folder, X_OK);
}

const char *weft_runtime_reason(int err)
{
	switch (err) {
	case EACCES:
		return "the folder, or the one above it, belongs to another user";
	case EPERM:
		return "other users can write to the folder (chmod go-w)";
	default:
		return strerror(err);
	}
}

char *weft_runtime_path(const struct weft_context *ctx, const char *name,
			const char *suffix)
{
	__u64 cookie;
	char *path;

	if (!ctx->runtime || strchr(name, '/')) {
		errno = ENOENT;
		return NULL;
	}
	if (!runtime_make_folder(ctx->runtime) || !runtime_cookie(&cookie))
		return NULL;
	if (asprintf(&path, "%s/%llu-%s.%s", ctx->runtime,
		     (unsigned long long)cookie, name, suffix) < 0)
		return NULL;
	return path;
}
