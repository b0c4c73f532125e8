/* SPDX-License-Identifier: GPL-2.0 */
/* Name servers, which systemd-resolved or resolvconf(8) is told of. */
#ifndef _WEFT_TOOLS_DNS_H
#define _WEFT_TOOLS_DNS_H

#include <stdbool.h>

#include "conf/record.h"

struct weft_context;
struct weft_journal;

/* Which of them this machine has; WEFT_DNS_NONE after a complaint. */
enum weft_dns weft_dns_choose(const struct weft_context *ctx,
			      const char *name);
/*
 * All three: false after a complaint. Taken back, the interface has the name
 * servers @former again; those that are not known cannot be restored.
 */
bool weft_dns_set(struct weft_journal *journal, const struct weft_dns_state *wanted,
		  const struct weft_dns_state *former);
bool weft_dns_replace(struct weft_journal *journal, const struct weft_dns_state *former);
/* Never taken back. */
bool weft_dns_unset(struct weft_journal *journal, enum weft_dns dns);

#endif /* _WEFT_TOOLS_DNS_H */
