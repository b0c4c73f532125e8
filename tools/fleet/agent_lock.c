// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/complain.h"
#include "conf/runtime.h"
#include "fleet/agent_lock.h"

/* The locked file, or -1 with errno set. The file stays: another process may have opened it. */
static int agent_lock_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600), err;

	if (fd < 0 || !flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

static bool agent_lock_is_held(const struct weft_context *ctx, const char *name)
{
	return weft_complain(ctx,
			     "an agent of fleet '%s' runs: end it first, by 'systemctl stop weft-fleet@%s' or a signal",
			     name, name);
}

bool weft_agent_lock_take(const struct weft_context *ctx, const char *name, int *fd)
{
	char *path = weft_runtime_path(ctx, name, "agent");

	*fd = -1;
	if (!path)
		return weft_complain(ctx, "no folder for the agent's lock: %s",
				     weft_runtime_reason(errno));
	*fd = agent_lock_open(path);
	if (*fd < 0 && errno == EWOULDBLOCK)
		agent_lock_is_held(ctx, name);
	else if (*fd < 0)
		weft_complain(ctx, "cannot lock '%s': %s", path, strerror(errno));
	free(path);
	return *fd >= 0;
}

bool weft_agent_lock_exclude(const struct weft_context *ctx, const char *name, int *fd)
{
	char *path = weft_runtime_path(ctx, name, "agent");
	bool held;

	/* Where there is no place for the lock, no agent runs. */
	*fd = path ? agent_lock_open(path) : -1;
	held = path && *fd < 0 && errno == EWOULDBLOCK;
	free(path);
	return !held || agent_lock_is_held(ctx, name);
}

void weft_agent_lock_release(int fd)
{
	if (fd >= 0)
		close(fd);
}
