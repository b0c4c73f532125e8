/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Conflicts of a change with peers that it does not name: prefixes that move to
 * another peer, and the reason for a refused prefix or name.
 */
#ifndef _WEFT_TOOLS_CONFLICT_H
#define _WEFT_TOOLS_CONFLICT_H

#include <stdbool.h>

struct weft_context;
struct weft_device;

/* Whether @change adds prefixes to a peer: another peer may have them already. */
bool weft_conflict_adds_prefixes(const struct weft_device *change);
/* Report the prefixes that @change has moved, and their owners in @before. */
void weft_conflict_warn_moved(const struct weft_context *ctx,
			      const struct weft_device *before,
			      const struct weft_device *change);
/*
 * Report a prefix or name of @change that another peer of @now has, and that peer.
 * False: no conflict, and no message.
 */
bool weft_conflict_explain(const struct weft_context *ctx,
			   const struct weft_device *now,
			   const struct weft_device *change);

#endif /* _WEFT_TOOLS_CONFLICT_H */
