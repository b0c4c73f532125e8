/* SPDX-License-Identifier: GPL-2.0 */
/* Brings an interface to the state of its file, or leaves it unchanged. */
#ifndef _WEFT_TOOLS_UP_H
#define _WEFT_TOOLS_UP_H

#include <stdbool.h>

struct weft_context;
struct weft_profile;

/*
 * A running interface is changed where it differs: no session ends. A missing one
 * is created. @profile is consumed. False after a complaint, with all changes
 * undone.
 */
bool weft_up(const struct weft_context *ctx, struct weft_profile *profile);
/*
 * Delete the interface and all that "up" added for it. Failures are reported and do
 * not stop the rest; false then.
 */
bool weft_down(const struct weft_context *ctx,
	       const struct weft_profile *profile);

#endif /* _WEFT_TOOLS_UP_H */
