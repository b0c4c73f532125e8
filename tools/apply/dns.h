/* SPDX-License-Identifier: GPL-2.0 */
/* Name servers, handed to systemd-resolved or resolvconf(8). */
#ifndef _WEFT_TOOLS_DNS_H
#define _WEFT_TOOLS_DNS_H

#include <stdbool.h>

#include "conf/record.h"

struct weft_context;
struct weft_journal;

/* The service of this machine; WEFT_DNS_NONE after a complaint. */
enum weft_dns weft_dns_choose(const struct weft_context *ctx,
			      const char *name);
/*
 * All three: false after a complaint. An undo restores the name servers @former;
 * unknown ones cannot be restored.
 */
bool weft_dns_set(struct weft_journal *journal, const struct weft_dns_state *wanted,
		  const struct weft_dns_state *former);
bool weft_dns_replace(struct weft_journal *journal, const struct weft_dns_state *former);
/* Never undone. */
bool weft_dns_unset(struct weft_journal *journal, enum weft_dns dns);

#endif /* _WEFT_TOOLS_DNS_H */
