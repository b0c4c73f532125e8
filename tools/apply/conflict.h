/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a change takes from peers that it does not name: prefixes that move to
 * another peer, and why a prefix or a name is refused.
 */
#ifndef _WEFT_TOOLS_CONFLICT_H
#define _WEFT_TOOLS_CONFLICT_H

#include <stdbool.h>

struct weft_context;
struct weft_device;

/* Whether @change gives anyone prefixes: those may be somebody's already. */
bool weft_conflict_adds_prefixes(const struct weft_device *change);
/* Say which prefixes @change has moved, and from whom; @before as it was. */
void weft_conflict_warn_moved(const struct weft_context *ctx,
			      const struct weft_device *before,
			      const struct weft_device *change);
/*
 * Name what of @change another peer of @now has, and that peer. False: there
 * is nothing of the kind, and nothing was said.
 */
bool weft_conflict_explain(const struct weft_context *ctx,
			   const struct weft_device *now,
			   const struct weft_device *change);

#endif /* _WEFT_TOOLS_CONFLICT_H */
