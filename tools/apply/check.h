/* SPDX-License-Identifier: GPL-2.0 */
/* Mistakes in a file that parses: each is reported, with its line. */
#ifndef _WEFT_TOOLS_CHECK_H
#define _WEFT_TOOLS_CHECK_H

#include <stdbool.h>

struct weft_context;
struct weft_profile;

/* Run all checks; false after errors that forbid the tunnel to come up. */
bool weft_check_profile(const struct weft_context *ctx,
			const struct weft_profile *profile);
/* Hooks are only run from a file that others cannot write. */
bool weft_check_hooks(const struct weft_context *ctx,
		      const struct weft_profile *profile);

#endif /* _WEFT_TOOLS_CHECK_H */
