/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The underlay endpoints of a node by a policy, "endpoints-from": which of this machine's
 * addresses its hello has. The words of a policy:
 *
 *   public    global unicast addresses
 *   private   addresses of RFC 1918, of RFC 6598 (CGNAT) and of RFC 4193 (ULA)
 *   PREFIX    addresses inside it
 *   IFACE     addresses of this interface
 *
 * Containers, virtual machines and other VPNs have links whose private addresses are the same on
 * many machines. IFACE alone takes addresses of the kinds tun, which is tap, too, vxlan, geneve
 * and ipip, of a bridge that has no other port than veth, dummy and these kinds, and those in
 * a VRF.
 */
#ifndef _WEFT_TOOLS_FLEET_UNDERLAY_H
#define _WEFT_TOOLS_FLEET_UNDERLAY_H

#include "fleet/folder.h"
#include "fleet/prefix_table.h"
#include "host/host.h"

/* Whether @word may be in a policy of @fleet, whose own interface may not. */
bool weft_underlay_word_is_good(const char *word, const char *fleet);

/**
 * struct weft_underlay_report - what a policy has found
 * @takes: for each word, whether it takes an address of the machine
 * @cut: the number of endpoints that a hello has no room for
 * @gone: the number of endpoints that are there no more, and stay
 * @changed: the node had other endpoints by its policy before; not of a mere choice
 */
struct weft_underlay_report {
	bool takes[WEFT_SELF_POLICY_MAX];
	size_t cut;
	size_t gone;
	bool changed;
};

/**
 * struct weft_underlay - all that a choice of endpoints depends on
 * @fleet: the fleet, and its interface
 * @policy: the words of the policy
 * @fixed: endpoints that the node has in any case
 * @before: endpoints of a former choice, which stay, or NULL
 * @links: the machine's links; they are sorted
 * @addresses: its addresses
 * @prefixes: the prefixes of the fleet
 * @node: the node's own record, or NULL
 * @port: the UDP port
 * @report: of the choice
 */
struct weft_underlay {
	const char *fleet;
	const struct weft_words *policy;
	const struct weft_words *fixed;
	const struct weft_words *before;
	struct weft_host_links *links;
	const struct weft_host_addresses *addresses;
	const struct weft_prefix_table *prefixes;
	const struct weft_fleet_record *node;
	unsigned int port;
	struct weft_underlay_report report;
};

/*
 * The endpoints by the policy, beside @fixed, as many as a hello has room for: in the order of
 * the policy's words, then by the number of the link, primary addresses before secondary ones,
 * and by address. Left out are addresses of tunnels and in their networks, of links that are
 * down or without a carrier, those inside the fleet's prefixes, and those that are not global,
 * tentative, deprecated or temporary. Those of @before that are gone stay behind them, but for
 * another port and addresses inside the tunnel or the fleet's prefixes; if nothing is new, the
 * order of @before stays, too. Fills in @report, which is zero before. No I/O. False: no memory;
 * @found is empty then.
 */
bool weft_underlay_pick(struct weft_underlay *underlay, struct weft_words *found);
/*
 * Read the machine's addresses, and set @found of the node of @folder by its policy; fills in
 * @report. If it @keeps them, endpoints that are gone stay. False after a complaint: the list is
 * as it was.
 */
bool weft_underlay_read(struct weft_folder *folder, bool keeps,
			struct weft_underlay_report *report);
/* Warn of words of the policy that take no address, and of endpoints without room. */
void weft_underlay_warn(const struct weft_folder *folder,
			const struct weft_underlay_report *report);

#endif /* _WEFT_TOOLS_FLEET_UNDERLAY_H */
