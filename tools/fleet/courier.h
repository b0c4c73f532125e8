/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The program of a store, as a child process of another user. It is called in three ways:
 *
 *   COMMAND watch          prints each record that the store has, one a line, and from then on
 *                          each that changes; it does not end
 *   COMMAND get            prints each record that the store has, and ends
 *   COMMAND put KEY        stores the line of its standard input under KEY, "hello/NODE"
 *
 * A status other than 0 is a failure. Other output than records is ignored.
 */
#ifndef _WEFT_TOOLS_FLEET_COURIER_H
#define _WEFT_TOOLS_FLEET_COURIER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct weft_context;

/* Where the output of a program is a line longer than any record, the line is dropped. */
#define WEFT_COURIER_LINE_BYTES	262144

/**
 * struct weft_courier_user - the user that programs of stores run as
 * @change: change to it
 * @uid: its number
 * @gid: its group
 * @name: its name
 */
struct weft_courier_user {
	bool change;
	uid_t uid;
	gid_t gid;
	const char *name;
};

/**
 * struct weft_courier - one running program
 * @pid: its process group, 0: none runs
 * @fd: becomes readable when the program has ended, or -1
 * @out: its output, or -1
 * @life: while it is open the program may run, or -1
 * @line: the beginning of a line whose end has not come yet
 * @len: its length
 * @skips: the rest of a line that is too long is skipped
 */
struct weft_courier {
	pid_t pid;
	int fd;
	int out;
	int life;
	char *line;
	size_t len;
	bool skips;
};

/*
 * Find the user @name, or for NULL the default one if this process is root's. False after a
 * complaint.
 */
bool weft_courier_find_user(const struct weft_context *ctx, const char *name,
			    struct weft_courier_user *user);
void weft_courier_init(struct weft_courier *courier);
/*
 * Start the shell command @command with the word @verb, and @key unless it is NULL; @input
 * is its standard input. False after a complaint.
 */
bool weft_courier_start(const struct weft_context *ctx, struct weft_courier *courier,
			const struct weft_courier_user *user, const char *command,
			const char *verb, const char *key, const char *input);
/*
 * Append the whole lines that can be read now to @*text, of @*len bytes, at most up to
 * @limit. False: no memory.
 */
bool weft_courier_read(struct weft_courier *courier, char **text, size_t *len, size_t limit);
/* Whether the program has ended; *@good: with status 0. It can be started again then. */
bool weft_courier_reap(struct weft_courier *courier, bool *good);
/* End the program, with all of its process group, and wait for it. */
void weft_courier_stop(struct weft_courier *courier);

#endif /* _WEFT_TOOLS_FLEET_COURIER_H */
