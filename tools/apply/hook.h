/* SPDX-License-Identifier: GPL-2.0 */
/* The commands of PreUp, PostUp, PreDown and PostDown. */
#ifndef _WEFT_TOOLS_HOOK_H
#define _WEFT_TOOLS_HOOK_H

#include <stdbool.h>

#include "conf/profile.h"

/* Run the hooks of one kind in bash, with %i for the interface; false after a complaint. */
bool weft_hook_run(const struct weft_context *ctx,
		   const struct weft_profile *profile,
		   enum weft_profile_hook hook);

#endif /* _WEFT_TOOLS_HOOK_H */
