/* SPDX-License-Identifier: GPL-2.0 */
/* Hosts' addresses, of many names at once. */
#ifndef _WEFT_TOOLS_LOOKUP_H
#define _WEFT_TOOLS_LOOKUP_H

#include <stddef.h>

struct addrinfo;
struct weft_context;

/* No answer before the deadline: beside getaddrinfo()'s own errors. */
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
 * Look all of them up side by side with @ctx->lookup, which threads call, and
 * return when all have an answer, or @limit_ms after the call (negative: no
 * limit). Addresses take no thread and no time. Afterwards weft_lookup_release()
 * frees what was found.
 */
void weft_lookup_run(const struct weft_context *ctx,
		     struct weft_lookup *lookups, size_t count, int limit_ms);
void weft_lookup_release(const struct weft_context *ctx,
			 struct weft_lookup *lookups, size_t count);

/* gai_strerror(), for WEFT_LOOKUP_LATE as well. */
const char *weft_lookup_error(int error);

#endif /* _WEFT_TOOLS_LOOKUP_H */
