/* SPDX-License-Identifier: GPL-2.0 */
/* The context of a command: its streams, its clock, its access to the kernel. */
#ifndef _WEFT_TOOLS_CONTEXT_H
#define _WEFT_TOOLS_CONTEXT_H

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

static_assert(sizeof(time_t) == 8, "a time_t of 32 bits ends in 2038: see WIDE in the Makefile");

struct addrinfo;
struct weft_backend;
struct weft_notes;
struct weft_host;

/**
 * struct weft_context - the environment of a command
 * @in: the stream for keys and configurations named "-"
 * @out: results
 * @err: complaints and warnings
 * @notes: if not NULL, stores complaints and warnings instead; files are then read
 *         to their ends
 * @backend: the kernel, or a test's replacement
 * @host: addresses, routes, rules and programs
 * @now: the present time, for ages
 * @colour: mark up @out for a terminal
 * @json: results as JSON
 * @nested: a hook runs this command, and the interface's lock is that of the
 *          command which runs the hook
 * @as_wg: the program's name is wg, and its output that of wg(8)
 * @show_keys: do not hide secret keys in the summary
 * @retries: retries of an endpoint's lookup, negative for no limit
 * @patience_ms: limit of "up" for all lookups together, 0: given by @retries
 * @lookup: getaddrinfo(), freed by @release
 * @release: freeaddrinfo()
 * @pause: sleep for a number of microseconds, or until a handled signal
 * @runtime: the folder for locks and records of interfaces, NULL for none
 * @state: the folder for the state of fleets
 * @dry_run: changes are described, and not made
 * @really: a change that was held back is to be made
 */
struct weft_context {
	FILE *in;
	FILE *out;
	FILE *err;
	struct weft_notes *notes;
	struct weft_backend *backend;
	struct weft_host *host;
	time_t now;
	bool colour;
	bool json;
	bool nested;
	bool as_wg;
	bool show_keys;
	int retries;
	int patience_ms;
	int (*lookup)(const char *host, const char *port,
		      const struct addrinfo *hints, struct addrinfo **found);
	void (*release)(struct addrinfo *found);
	void (*pause)(unsigned int us);
	const char *runtime;
	const char *state;
	bool dry_run;
	bool really;
};

#endif /* _WEFT_TOOLS_CONTEXT_H */
