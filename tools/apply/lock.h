/* SPDX-License-Identifier: GPL-2.0 */
/* Only one process at a time changes an interface, and its file. */
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
 * @fd: what is locked, or -1
 * @path: the file that is, or NULL
 * @shared: the right is that of a process this one descends from, or which its
 *          environment names
 */
struct weft_lock {
	int fd;
	char *path;
	bool shared;
};

/*
 * Wait until no other process changes interface @name; after a second, a
 * message names the process that does, and false follows WEFT_LOCK_WAIT_S
 * seconds later, or at once after a signal that is heeded. A hook's commands
 * share the lock of the command that runs the hook, which is named in their
 * environment or is a process they descend from.
 * The lock ends with the process at the latest.
 */
bool weft_lock_take(const struct weft_context *ctx, const char *name,
		    struct weft_lock *lock);
void weft_lock_release(struct weft_lock *lock);

#endif /* _WEFT_TOOLS_LOCK_H */
