/* SPDX-License-Identifier: GPL-2.0 */
/* Programs: hooks, nft and resolvconf. */
#ifndef _WEFT_TOOLS_PROGRAM_H
#define _WEFT_TOOLS_PROGRAM_H

#include <stdbool.h>

struct weft_host;
struct weft_program;

/* Whether PATH leads to a program of this name. */
bool weft_program_is_there(struct weft_host *host, const char *name);
/*
 * Run it to its end. What it printed becomes *@output, to be freed, and its
 * complaints are dropped; with @output NULL both go where weft's go. Not 0:
 * it could not be started (-ENOENT: is not there), or did not end well.
 */
int weft_program_run(struct weft_host *host,
		     const struct weft_program *program, char **output);

#endif /* _WEFT_TOOLS_PROGRAM_H */
