/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The underlay endpoints of a node by a policy, "endpoints-from": which of this machine's
 * addresses its hello has. The words of a policy:
 *
 *   public    global unicast addresses
 *   private   addresses of RFC 1918, of RFC 6598 (CGNAT) and of RFC 4193 (ULA)
 *   PREFIX    addresses inside it
 *   IFACE     addresses of this interface
 */
#ifndef _WEFT_TOOLS_FLEET_UNDERLAY_H
#define _WEFT_TOOLS_FLEET_UNDERLAY_H

#include "fleet/folder.h"
#include "fleet/prefix_table.h"
#include "host/host.h"

/* Whether @word may be in a policy of @fleet, whose own interface may not. */
bool weft_underlay_word_is_good(const char *word, const char *fleet);

/**
 * struct weft_underlay - all that a choice of endpoints depends on
 * @fleet: the fleet, and its interface
 * @policy: the words of the policy
 * @fixed: endpoints that the node has in any case
 * @links: the machine's links; they are sorted
 * @addresses: its addresses
 * @prefixes: the prefixes of the fleet
 * @node: the node's own record, or NULL
 * @port: the UDP port
 */
struct weft_underlay {
	const char *fleet;
	const struct weft_words *policy;
	const struct weft_words *fixed;
	struct weft_host_links *links;
	const struct weft_host_addresses *addresses;
	const struct weft_prefix_table *prefixes;
	const struct weft_fleet_record *node;
	unsigned int port;
};

/*
 * The endpoints by the policy, beside @fixed, as many as a hello has room for: in the order of
 * the policy's words, and by address. Left out are addresses of tunnels and in their networks,
 * of links that are down, those inside the fleet's prefixes, and those that are not global,
 * tentative, deprecated or temporary. No I/O. False: no memory; @found is empty then.
 */
bool weft_underlay_pick(struct weft_underlay *underlay, struct weft_words *found);
/*
 * Read the machine's addresses, and set @found of the node of @folder by its policy. *@changed
 * is set if it was another list. False after a complaint: the list is as it was.
 */
bool weft_underlay_read(struct weft_folder *folder, bool *changed);

#endif /* _WEFT_TOOLS_FLEET_UNDERLAY_H */
