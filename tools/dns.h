/* SPDX-License-Identifier: GPL-2.0 */
/* Name servers, which systemd-resolved or resolvconf(8) is told of. */
#ifndef _WEFT_TOOLS_DNS_H
#define _WEFT_TOOLS_DNS_H

#include <stdbool.h>

struct weft_context;
struct weft_journal;
struct weft_profile;

enum weft_dns {
	WEFT_DNS_NONE,
	WEFT_DNS_RESOLVED,
	WEFT_DNS_RESOLVCONF,
};

/* Which of them this machine has; WEFT_DNS_NONE after a complaint. */
enum weft_dns weft_dns_choose(const struct weft_context *ctx,
			      const char *name);
/* Both: false after a complaint. */
bool weft_dns_set(struct weft_journal *journal,
		  const struct weft_profile *profile, enum weft_dns dns);
bool weft_dns_unset(struct weft_journal *journal, enum weft_dns dns);

#endif /* _WEFT_TOOLS_DNS_H */
