/* SPDX-License-Identifier: GPL-2.0 */
/* What a command runs with: its streams, its clock, its way to the kernel. */
#ifndef _WEFT_TOOLS_CONTEXT_H
#define _WEFT_TOOLS_CONTEXT_H

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

struct addrinfo;
struct weft_backend;
struct weft_notes;
struct weft_host;

/**
 * struct weft_context - everything a command may touch
 * @in: where keys and configurations named "-" are read from
 * @out: results
 * @err: complaints and warnings
 * @notes: where those are kept instead, unless it is NULL; files are then read
 *         to their ends
 * @backend: the kernel, or what stands for it in a test
 * @host: what is around the interfaces: addresses, routes, programs
 * @now: the time that ages are counted to
 * @colour: mark up @out for a terminal
 * @json: results as JSON
 * @nested: a hook runs this command, and the interface's lock is that of the
 *          command which runs the hook
 * @as_wg: this program is called wg, and prints what that prints
 * @show_keys: do not hide secret keys in the summary
 * @retries: how often an endpoint's name is tried again, negative for ever
 * @patience_ms: how long "up" waits for names altogether, 0: as @retries says
 * @lookup: getaddrinfo(), freed by @release
 * @release: freeaddrinfo()
 * @pause: wait for so many microseconds, or until a signal that is heeded
 * @runtime: the folder for locks and records of interfaces, NULL for none
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
};

#endif /* _WEFT_TOOLS_CONTEXT_H */
