/* SPDX-License-Identifier: GPL-2.0 */
/* The lock lets one process at a time change an interface and its file. */
#ifndef _WEFT_TOOLS_LOCK_H
#define _WEFT_TOOLS_LOCK_H

#include <stdbool.h>

struct weft_context;

/* How long a command waits for another one. */
#define WEFT_LOCK_WAIT_S	60
/* The lock on the namespace's routing rules: no interface has a blank in its name. */
#define WEFT_LOCK_RULES		"routing rules"

/**
 * struct weft_lock - the right to change an interface
 * @fd: the locked file, or -1
 * @path: the path of that file, or NULL
 * @shared: the holder is an ancestor of this process, or a process that its
 *          environment names
 */
struct weft_lock {
	int fd;
	char *path;
	bool shared;
};

/*
 * Wait until no other process changes interface @name. After a second a message
 * names the holder; false follows after WEFT_LOCK_WAIT_S seconds, or immediately
 * after a handled signal. A hook's commands share the lock of the command that
 * runs the hook, which is named in their environment or is an ancestor.
 * The lock ends with the process at the latest.
 */
bool weft_lock_take(const struct weft_context *ctx, const char *name,
		    struct weft_lock *lock);
void weft_lock_release(struct weft_lock *lock);

#endif /* _WEFT_TOOLS_LOCK_H */
