/* SPDX-License-Identifier: GPL-2.0 */
/* Forwarding = on: packets from the tunnel may be forwarded to other interfaces. */
#ifndef _WEFT_TOOLS_FORWARDING_H
#define _WEFT_TOOLS_FORWARDING_H

#include <stdbool.h>

struct weft_context;
struct weft_journal;
struct weft_profile;

/* Set the interface's forwarding settings as in the file. False after a complaint. */
bool weft_forwarding_apply(const struct weft_context *ctx,
			   const struct weft_profile *profile,
			   struct weft_journal *journal);
/* Warn of other settings of this machine that prevent forwarding. */
void weft_forwarding_warn(const struct weft_context *ctx,
			  const struct weft_profile *profile);

#endif /* _WEFT_TOOLS_FORWARDING_H */
