/* SPDX-License-Identifier: GPL-2.0 */
/*
 * nftables: with a default route into a tunnel, packets from other interfaces for
 * an address of the tunnel are dropped, and answers to the tunnel's own packets
 * get its mark, so that the reverse path filter accepts them.
 */
#ifndef _WEFT_TOOLS_FIREWALL_H
#define _WEFT_TOOLS_FIREWALL_H

#include <net/if.h>
#include <stdbool.h>

struct weft_change;
struct weft_host;
struct weft_policy_route;
struct weft_profile;

/* The name of a table. */
struct weft_firewall_table {
	char chars[sizeof("weft-") + 2 * IFNAMSIZ];
};

/*
 * The table of one interface: "weft-" and the interface's name. nft's identifiers
 * allow neither "+" nor "=", which become "/p" and "/e": interface names contain
 * no slash.
 */
struct weft_firewall_table weft_firewall_table(const char *interface);
/* Whether the interface has a table: 0, or a negative errno where that is not known. */
int weft_firewall_look(struct weft_host *host, const char *name, bool *there);
/* False: no memory. */
bool weft_firewall_build(struct weft_host *host,
			 const struct weft_profile *profile,
			 const struct weft_policy_route *policy,
			 struct weft_change *change);
bool weft_firewall_build_removal(struct weft_host *host,
				 const char *name, struct weft_change *change);

#endif /* _WEFT_TOOLS_FIREWALL_H */
