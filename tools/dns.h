/* SPDX-License-Identifier: GPL-2.0 */
/* Name servers, which resolvconf(8) is told of. */
#ifndef _WEFT_TOOLS_DNS_H
#define _WEFT_TOOLS_DNS_H

#include <stdbool.h>

struct weft_change;
struct weft_profile;

/* Both: false when memory is short. */
bool weft_dns_build(const struct weft_profile *profile,
		    struct weft_change *change);
bool weft_dns_build_removal(const char *name, struct weft_change *change);

#endif /* _WEFT_TOOLS_DNS_H */
