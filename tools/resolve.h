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

/* What WG_ENDPOINT_RESOLUTION_RETRIES asks for; negative for ever. */
int weft_resolve_retries(const struct weft_context *ctx, const char *wish);
/* Check @value's form and keep it; false after a complaint. */
bool weft_resolve_prepare(const struct weft_context *ctx,
			  const struct weft_place *place, const char *value,
			  struct weft_peer *peer);
/* An endpoint, as weft_resolve_prepare() keeps it, that may move. */
bool weft_resolve_is_name(const char *endpoint);
/*
 * Look up the endpoints kept for @peer: all their addresses are its candidates
 * and the first is its endpoint. @place is where they stand.
 */
bool weft_resolve_peer(const struct weft_context *ctx,
		       const struct weft_place *place, struct weft_peer *peer);
/*
 * Look all endpoints kept up: last, because it is slow and can fail for
 * reasons that have nothing to do with the configuration.
 */
bool weft_resolve_device(const struct weft_context *ctx, const char *file,
			 struct weft_device *dev);

#endif /* _WEFT_TOOLS_RESOLVE_H */
