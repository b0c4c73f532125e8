/* SPDX-License-Identifier: GPL-2.0 */
/* Programs: hooks, nft and resolvconf. */
#ifndef _WEFT_TOOLS_PROGRAM_H
#define _WEFT_TOOLS_PROGRAM_H

#include <stdbool.h>

struct weft_host;
struct weft_program;

/* Whether PATH has a program of this name. */
bool weft_program_is_there(struct weft_host *host, const char *name);
/*
 * Run a program to its end. Its standard output becomes *@output, to be freed, and
 * its standard error is discarded; with @output NULL it inherits weft's. Not 0: the
 * program could not be started (-ENOENT: it does not exist), or has failed.
 */
int weft_program_run(struct weft_host *host,
		     const struct weft_program *program, char **output);

#endif /* _WEFT_TOOLS_PROGRAM_H */
