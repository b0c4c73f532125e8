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
/* The limit of "up" for lookups: "weft resolve" continues later. */
#define WEFT_RESOLVE_PATIENCE_MS	8000

/* The same on a reload, whose peers have their endpoints. */
#define WEFT_RESOLVE_RELOAD_MS		2000

/* The value of WG_ENDPOINT_RESOLUTION_RETRIES; negative for no limit. */
int weft_resolve_retries(const struct weft_context *ctx, const char *wish);
/* Check @value's form and keep it; false after a complaint. */
bool weft_resolve_prepare(const struct weft_context *ctx,
			  const struct weft_place *place, const char *value,
			  struct weft_peer *peer);
/* The endpoint is an IPv6 address without brackets, with a port after the last colon. */
bool weft_resolve_is_bare(const char *endpoint);
/* The text of weft_resolve_prepare() contains a host name. False: errno may be ENOMEM. */
bool weft_resolve_is_name(const char *endpoint);
/*
 * Look up all stored endpoints, in parallel: all addresses of a peer become its candidates
 * and the first its endpoint. Called last, because lookups are slow and fail for reasons
 * outside of the configuration. False after complaints, if a peer has no address.
 */
bool weft_resolve_device(const struct weft_context *ctx, const char *file,
			 struct weft_device *dev);
/*
 * The same, limited to @ctx->patience_ms. A name without an address causes a
 * warning, and sets @unresolved of its peer. False: no memory.
 */
bool weft_resolve_leniently(const struct weft_context *ctx, const char *file,
			    struct weft_device *dev);

#endif /* _WEFT_TOOLS_RESOLVE_H */
