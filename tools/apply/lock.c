// SPDX-License-Identifier: GPL-2.0
/*
 * The lock is a flock() on a file of the interface in /run/weft, which contains
 * the PID of the holder. Without that folder it is a flock() on the network
 * namespace, which is coarser and needs no file.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/ancestor.h"
#include "apply/lock.h"
#include "base/complain.h"
#include "base/context.h"
#include "base/signals.h"
#include "conf/runtime.h"

#define LOCK_NAMESPACE	"/proc/self/ns/net"
/* The PIDs of a hook's ancestors that hold the lock: the hook's commands share it. */
#define LOCK_HOLDERS	"WEFT_LOCK_HOLDERS"
#define LOCK_PAUSE_US	20000
#define LOCK_SAY_AFTER	(1000000 / LOCK_PAUSE_US)
#define LOCK_TRIES	(LOCK_SAY_AFTER * (WEFT_LOCK_WAIT_S + 1))

enum lock_verdict {
	LOCK_TAKEN,
	LOCK_SHARED,
	LOCK_BUSY,
	LOCK_GONE,
	LOCK_BROKEN,
};

/* The folder takes no file. */
static bool lock_is_full(int err)
{
	return err == ENOSPC || err == EDQUOT || err == EROFS;
}

static int lock_open(struct weft_lock *lock)
{
	int fd, err;

	if (!lock->path)
		return open(LOCK_NAMESPACE, O_RDONLY | O_CLOEXEC);
	fd = open(lock->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	err = errno;
	/* An existing file can be locked even on a full file system. */
	if (fd < 0 && lock_is_full(err)) {
		fd = open(lock->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		errno = err;
	}
	return fd;
}

/* The last holder removes the file, possibly between open() and flock(). */
static bool lock_is_there(const struct weft_lock *lock)
{
	struct stat held, named;

	return !lock->path ||
	       (!fstat(lock->fd, &held) && !stat(lock->path, &named) &&
		held.st_ino == named.st_ino && held.st_dev == named.st_dev);
}

static void lock_sign(const struct weft_lock *lock)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d\n", getpid());

	/* After a failed write messages lack the PID; the lock holds all the same. */
	if (lock->path && !ftruncate(lock->fd, 0) &&
	    pwrite(lock->fd, text, len, 0) != len)
		errno = 0;
}

/* 0: the holder is not known. */
static pid_t lock_holder(const struct weft_lock *lock)
{
	char text[16];
	ssize_t len = lock->path ? pread(lock->fd, text, sizeof(text) - 1, 0) : 0;

	if (len <= 0)
		return 0;
	text[len] = '\0';
	return atoi(text);
}

static bool lock_is_listed(const char *list, pid_t pid)
{
	char *end;

	for (; list && *list; list = end)
		if (strtol(list, &end, 10) == pid)
			return true;
		else if (end == list)
			return false;
	return false;
}

/* Without a PID to compare, any listed process that lives is taken for the holder. */
static bool lock_is_inherited(const struct weft_lock *lock, pid_t holder)
{
	const char *list = getenv(LOCK_HOLDERS);
	char *end;
	pid_t pid;

	for (; list && *list; list = end) {
		pid = strtol(list, &end, 10);
		if (end == list || pid <= 0)
			return false;
		if (holder ? pid == holder : !lock->path && !kill(pid, 0))
			return true;
	}
	return false;
}

/*
 * An ancestor holds the lock from the start, or rarely takes it during the wait. Looking through
 * all of them takes milliseconds: @due tells whether to, and is cleared.
 */
static bool lock_is_ancestor(const struct weft_lock *lock, bool *due)
{
	bool was_due = *due;

	*due = false;
	return was_due && weft_ancestor_holds(lock->fd);
}

static enum lock_verdict lock_try(struct weft_lock *lock, pid_t *holder, bool *due)
{
	enum lock_verdict verdict = LOCK_BUSY;

	lock->fd = lock_open(lock);
	if (lock->fd < 0)
		return LOCK_BROKEN;
	if (!flock(lock->fd, LOCK_EX | LOCK_NB)) {
		if (lock_is_there(lock))
			return LOCK_TAKEN;
		verdict = LOCK_GONE;
	} else if (errno != EWOULDBLOCK) {
		verdict = LOCK_BROKEN;
	} else {
		*holder = lock_holder(lock);
		/* sudo and "env -i" drop the list. */
		if (lock_is_inherited(lock, *holder) ||
		    lock_is_ancestor(lock, due))
			verdict = LOCK_SHARED;
	}
	close(lock->fd);
	lock->fd = -1;
	return verdict;
}

/* Reports the wait, its limit, or the signal that ended it. */
static void lock_say(const struct weft_context *ctx, const char *name,
		     pid_t holder, bool more)
{
	char who[32] = "another process";
	int caught = weft_signals_caught();

	if (holder)
		snprintf(who, sizeof(who), "process %d", holder);
	if (caught)
		weft_complain(ctx,
			      "%s: interrupted by signal %d while waiting for the lock that %s holds",
			      name, caught, who);
	else if (more)
		weft_complain(ctx, "%s: waiting for the lock that %s holds",
			      name, who);
	else
		weft_complain(ctx, "%s: %s has held the lock for over %d seconds: giving up",
			      name, who, WEFT_LOCK_WAIT_S);
}

static enum lock_verdict lock_wait(const struct weft_context *ctx,
				   const char *name, struct weft_lock *lock)
{
	enum lock_verdict verdict;
	pid_t holder = 0;
	bool due = false;
	int i;

	for (i = 0; i < LOCK_TRIES; i++) {
		due |= i % LOCK_SAY_AFTER == 0;
		verdict = lock_try(lock, &holder, &due);
		if (verdict != LOCK_BUSY && verdict != LOCK_GONE)
			return verdict;
		if (weft_signals_caught())
			break;
		if (i == LOCK_SAY_AFTER)
			lock_say(ctx, name, holder, true);
		if (verdict == LOCK_BUSY)
			ctx->pause(LOCK_PAUSE_US);
	}
	lock_say(ctx, name, holder, false);
	return LOCK_BUSY;
}

/* Adds this process to the list for its hooks, once: an agent takes the lock for years. */
static void lock_announce(void)
{
	const char *list = getenv(LOCK_HOLDERS);
	char *more;

	if (lock_is_listed(list, getpid()))
		return;
	if (asprintf(&more, "%d %s", getpid(), list ? list : "") < 0)
		return;
	setenv(LOCK_HOLDERS, more, 1);
	free(more);
}

/* A full tmpfs must not keep a tunnel up. */
static void lock_warn_full(const struct weft_context *ctx, const char *name,
			   const char *path, int err)
{
	weft_warn(ctx, "%s: cannot create '%s': %s: all interfaces of the network namespace are locked instead",
		  name, path, strerror(err));
}

/* An unprivileged user is refused later on, and needs no warning. */
static void lock_warn_folder(const struct weft_context *ctx, const char *name, int err)
{
	if (err != EACCES || !geteuid())
		weft_warn(ctx, "%s: cannot use '%s': %s: all interfaces of the network namespace are locked instead",
			  name, ctx->runtime, weft_runtime_reason(err));
}

static enum lock_verdict lock_any(const struct weft_context *ctx,
				  const char *name, struct weft_lock *lock)
{
	enum lock_verdict verdict;

	lock->path = weft_runtime_path(ctx, name, "lock");
	if (!lock->path)
		lock_warn_folder(ctx, name, errno);
	verdict = lock_wait(ctx, name, lock);
	if (verdict != LOCK_BROKEN || !lock->path || !lock_is_full(errno))
		return verdict;
	lock_warn_full(ctx, name, lock->path, errno);
	free(lock->path);
	lock->path = NULL;
	return lock_wait(ctx, name, lock);
}

bool weft_lock_take(const struct weft_context *ctx, const char *name,
		    struct weft_lock *lock)
{
	enum lock_verdict verdict;

	lock->fd = -1;
	lock->path = NULL;
	lock->shared = false;
	/* Tests have no real interfaces. */
	if (!ctx->runtime)
		return true;
	verdict = lock_any(ctx, name, lock);
	if (verdict == LOCK_BROKEN && lock->path) {
		weft_complain(ctx, "%s: cannot lock '%s': %s", name, lock->path,
			      strerror(errno));
	} else if (verdict == LOCK_TAKEN) {
		lock_sign(lock);
		lock_announce();
	}
	lock->shared = verdict == LOCK_SHARED;
	/* Without a folder and without /proc there is nothing to lock. */
	if (verdict == LOCK_TAKEN || verdict == LOCK_SHARED ||
	    (verdict == LOCK_BROKEN && !lock->path))
		return true;
	weft_lock_release(lock);
	return false;
}

void weft_lock_release(struct weft_lock *lock)
{
	if (lock->fd >= 0) {
		if (lock->path)
			unlink(lock->path);
		close(lock->fd);
	}
	free(lock->path);
	lock->path = NULL;
	lock->fd = -1;
}
