/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Default routes into a tunnel. They are in a table of their own, which two rules
 * for each family apply to all packets but the tunnel's:
 *
 *   priority p - 1	look up the main table, but ignore its default routes
 *   priority p		packets without the tunnel's mark: look up the tunnel's table
 *
 * Mark and table have the same number.
 */
#ifndef _WEFT_TOOLS_POLICY_ROUTE_H
#define _WEFT_TOOLS_POLICY_ROUTE_H

#include <stdbool.h>

#include "host/host.h"

/* Without src_valid_mark the reverse path filter ignores marks. */
#define WEFT_POLICY_ROUTE_MARKS	"/proc/sys/net/ipv4/conf/all/src_valid_mark"

struct weft_context;
struct weft_profile;
struct weft_state;

/**
 * struct weft_policy_route - the table for default routes
 * @ip4: there is an IPv4 default route
 * @ip6: there is an IPv6 default route
 * @table: table and mark, 0 where there is neither
 */
struct weft_policy_route {
	bool ip4;
	bool ip6;
	__u32 table;
};

/* Refuses a mark that cannot be combined with a default route: false after a complaint. */
bool weft_policy_route_check_file(const struct weft_context *ctx,
				  const struct weft_profile *profile);
/* Whether @profile wants rules: Table is auto, and a peer is allowed a default route. */
bool weft_policy_route_is_wanted(const struct weft_profile *profile);
/* Plan for @profile, whose file has been checked. False after a complaint. */
bool weft_policy_route_plan(const struct weft_context *ctx,
			    const struct weft_profile *profile,
			    const struct weft_state *state,
			    struct weft_policy_route *policy);
/*
 * The rules that @policy lacks, and superfluous rules of this interface. False:
 * errno is ENOMEM, or ENOSPC where no priority is left before the main table's
 * rule.
 */
bool weft_policy_route_missing_rules(const struct weft_policy_route *policy,
				     const struct weft_rules *have,
				     struct weft_rules *missing);
bool weft_policy_route_stale_rules(const struct weft_policy_route *policy,
				   const struct weft_state *state,
				   struct weft_rules *stale);

/* The rules that lead to @table, whatever routes it has. False: no memory. */
bool weft_policy_route_table_rules(const struct weft_rules *have, __u32 table,
				   struct weft_rules *found);

#endif /* _WEFT_TOOLS_POLICY_ROUTE_H */
