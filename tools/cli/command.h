/* SPDX-License-Identifier: GPL-2.0 */
/* Commands: one row of a table each, which also produces the help. */
#ifndef _WEFT_TOOLS_COMMAND_H
#define _WEFT_TOOLS_COMMAND_H

#include <stdbool.h>

#include "base/context.h"

/* The status of "doctor" without checks: 1 and 2 are those of findings. */
#define WEFT_DOCTOR_COULD_NOT	3

/**
 * struct weft_command - one verb
 * @name: the verb
 * @arguments: its arguments, for usage
 * @summary: one line of help
 * @help: the rest of the help, or NULL
 * @min: fewest arguments
 * @max: most arguments, negative for any number
 * @run: runs it with the arguments after the verb; returns the exit status
 * @json: the command can print JSON
 * @dry: the command takes --dry-run
 * @really: the command takes --really
 * @failure: the exit status of a wrong command line and of lost output, 0 for 1
 * @list: prints the words of its arguments for the help, from their table, or NULL
 */
struct weft_command {
	const char *name;
	const char *arguments;
	const char *summary;
	const char *help;
	int min;
	int max;
	int (*run)(struct weft_context *ctx, int argc, char **argv);
	bool json;
	bool dry;
	bool really;
	int failure;
	void (*list)(FILE *stream);
};

extern const struct weft_command weft_commands[];

/* NULL: no command of this name. */
const struct weft_command *weft_command_find(const char *name);

int weft_command_show(struct weft_context *ctx, int argc, char **argv);
int weft_command_showconf(struct weft_context *ctx, int argc, char **argv);
int weft_command_rotate(struct weft_context *ctx, int argc, char **argv);
int weft_command_set(struct weft_context *ctx, int argc, char **argv);
int weft_command_setconf(struct weft_context *ctx, int argc, char **argv);
int weft_command_addconf(struct weft_context *ctx, int argc, char **argv);
int weft_command_syncconf(struct weft_context *ctx, int argc, char **argv);
int weft_command_genkey(struct weft_context *ctx, int argc, char **argv);
int weft_command_genpsk(struct weft_context *ctx, int argc, char **argv);
int weft_command_pubkey(struct weft_context *ctx, int argc, char **argv);
int weft_command_up(struct weft_context *ctx, int argc, char **argv);
int weft_command_check(struct weft_context *ctx, int argc, char **argv);
int weft_command_down(struct weft_context *ctx, int argc, char **argv);
int weft_command_save(struct weft_context *ctx, int argc, char **argv);
int weft_command_strip(struct weft_context *ctx, int argc, char **argv);
int weft_command_resolve(struct weft_context *ctx, int argc, char **argv);
int weft_command_monitor(struct weft_context *ctx, int argc, char **argv);
int weft_command_top(struct weft_context *ctx, int argc, char **argv);
int weft_command_wait(struct weft_context *ctx, int argc, char **argv);
int weft_command_metrics(struct weft_context *ctx, int argc, char **argv);
int weft_command_doctor(struct weft_context *ctx, int argc, char **argv);
int weft_command_fleet(struct weft_context *ctx, int argc, char **argv);
int weft_command_help(struct weft_context *ctx, int argc, char **argv);
/*
 * A longer name would be cut off, and another interface meant; one with '/' would
 * leave the folder of the locks.
 */
bool weft_command_takes_name(const struct weft_context *ctx, const char *name);

/* The verbs of "fleet", for its help. */
void weft_command_list_fleet(FILE *stream);

/* Not in the table: prints candidates for the last word. */
int weft_command_complete(struct weft_context *ctx, int argc, char **argv);

/* The rest of main(), with a complete context; argv[0] is the program. */
int weft_command_main(struct weft_context *ctx, int argc, char **argv);

#endif /* _WEFT_TOOLS_COMMAND_H */
