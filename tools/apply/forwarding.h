/* SPDX-License-Identifier: GPL-2.0 */
/* Forwarding = on: what comes out of the tunnel may go on elsewhere. */
#ifndef _WEFT_TOOLS_FORWARDING_H
#define _WEFT_TOOLS_FORWARDING_H

#include <stdbool.h>

struct weft_context;
struct weft_journal;
struct weft_profile;

/* Set the interface's switches as the file says. False after a complaint. */
bool weft_forwarding_apply(const struct weft_context *ctx,
			   const struct weft_profile *profile,
			   struct weft_journal *journal);
/* Warn of what else on this machine keeps packets from being forwarded. */
void weft_forwarding_warn(const struct weft_context *ctx,
			  const struct weft_profile *profile);

#endif /* _WEFT_TOOLS_FORWARDING_H */
