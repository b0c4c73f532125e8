/* SPDX-License-Identifier: GPL-2.0 */
/* An interface becomes what its file says, or nothing happens. */
#ifndef _WEFT_TOOLS_UP_H
#define _WEFT_TOOLS_UP_H

#include <stdbool.h>

struct weft_context;
struct weft_profile;

/*
 * One that runs is changed where it differs: no session ends. One that does
 * not is made. @profile is used up. False after a complaint, with everything
 * as it was before.
 */
bool weft_up(const struct weft_context *ctx, struct weft_profile *profile);
/*
 * Take the interface away with all that came with it. What fails is told,
 * and the rest goes on; false then.
 */
bool weft_down(const struct weft_context *ctx,
	       const struct weft_profile *profile);

#endif /* _WEFT_TOOLS_UP_H */
