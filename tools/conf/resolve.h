/* SPDX-License-Identifier: GPL-2.0 */
/* Endpoints: "host:port", "[address]:port", or several with commas between. */
#ifndef _WEFT_TOOLS_RESOLVE_H
#define _WEFT_TOOLS_RESOLVE_H

#include <stdbool.h>

struct weft_context;
struct weft_device;
struct weft_peer;
struct weft_place;

#define WEFT_RESOLVE_RETRIES	15
/* How long an interface waits for names: "weft resolve" goes on. */
#define WEFT_RESOLVE_PATIENCE_MS	8000

/* The same on a reload: its peers have their endpoints. */
#define WEFT_RESOLVE_RELOAD_MS		2000

/* What WG_ENDPOINT_RESOLUTION_RETRIES asks for; negative for ever. */
int weft_resolve_retries(const struct weft_context *ctx, const char *wish);
/* Check @value's form and keep it; false after a complaint. */
bool weft_resolve_prepare(const struct weft_context *ctx,
			  const struct weft_place *place, const char *value,
			  struct weft_peer *peer);
/* The same has an IPv6 address that only its last colon tells from the port. */
bool weft_resolve_is_bare(const char *endpoint);
/* An endpoint, as weft_resolve_prepare() keeps it, that may move. False: errno may be ENOMEM. */
bool weft_resolve_is_name(const char *endpoint);
/*
 * Look up the endpoints kept for @peer: all their addresses are its candidates
 * and the first is its endpoint. @place is where they stand.
 */
bool weft_resolve_peer(const struct weft_context *ctx,
		       const struct weft_place *place, struct weft_peer *peer);
/*
 * Look all endpoints kept up, side by side: last, because it is slow and can
 * fail for reasons that have nothing to do with the configuration. False after
 * complaints, when a peer has no address.
 */
bool weft_resolve_device(const struct weft_context *ctx, const char *file,
			 struct weft_device *dev);
/*
 * The same, in no more than @ctx->patience_ms. A name without an address is
 * warned of, and @unresolved of its peer set. False: no memory.
 */
bool weft_resolve_leniently(const struct weft_context *ctx, const char *file,
			    struct weft_device *dev);

#endif /* _WEFT_TOOLS_RESOLVE_H */
