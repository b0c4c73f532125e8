/* SPDX-License-Identifier: GPL-2.0 */
/* Lookup of the addresses of many hosts at once. */
#ifndef _WEFT_TOOLS_LOOKUP_H
#define _WEFT_TOOLS_LOOKUP_H

#include <stddef.h>

struct addrinfo;
struct weft_context;

/* No answer before the deadline, in addition to getaddrinfo()'s errors. */
#define WEFT_LOOKUP_LATE	(-1000)

/* Long enough for a resolver to ask a second server after the first one's 5 s. */
#define WEFT_LOOKUP_LIMIT_MS	7000

/**
 * struct weft_lookup - one host and port
 * @host: a name or an address; stays the caller's
 * @port: a number, or the name of a UDP service; stays the caller's
 * @error: 0, an error of getaddrinfo(), or WEFT_LOOKUP_LATE
 * @found: the addresses if @error is 0, otherwise NULL
 */
struct weft_lookup {
	const char *host;
	const char *port;
	int error;
	struct addrinfo *found;
};

/*
 * Look all of them up in parallel, in threads that call @ctx->lookup, and return
 * when all have an answer, or @limit_ms after the call (negative: no limit).
 * Addresses need no thread. Afterwards weft_lookup_release() frees the results.
 */
void weft_lookup_run(const struct weft_context *ctx,
		     struct weft_lookup *lookups, size_t count, int limit_ms);
void weft_lookup_release(const struct weft_context *ctx,
			 struct weft_lookup *lookups, size_t count);

/* gai_strerror(), for WEFT_LOOKUP_LATE as well. */
const char *weft_lookup_error(int error);

#endif /* _WEFT_TOOLS_LOOKUP_H */
