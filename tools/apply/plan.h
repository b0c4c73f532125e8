/* SPDX-License-Identifier: GPL-2.0 */
/* What a file asks for, put beside what stands: routes and the MTU. */
#ifndef _WEFT_TOOLS_PLAN_H
#define _WEFT_TOOLS_PLAN_H

#include <stdbool.h>

#include "host/host.h"

struct weft_context;
struct weft_policy_route;
struct weft_profile;
struct weft_state;

/*
 * The routes to all allowed IPs, sorted, without those that the interface's
 * addresses bring with them. False: no memory.
 */
bool weft_plan_routes(const struct weft_profile *profile,
		      const struct weft_policy_route *policy,
		      const struct weft_state *state,
		      struct weft_routes *routes);
/* A table or an MTU that no tunnel of this file can have: false after a complaint with its line. */
bool weft_plan_check_file(const struct weft_context *ctx,
			  const struct weft_profile *profile);
/*
 * Whether the kernel has IPv6 for what the file asks for. It is asked before
 * anything is changed: an address that comes late is a leak until then. False
 * after a complaint.
 */
bool weft_plan_check(const struct weft_context *ctx,
		     const struct weft_profile *profile);
/*
 * The MTU of the file, or what the smallest path to any endpoint leaves, and
 * never less than IPv6 needs where addresses or allowed IPs are IPv6. @mark is
 * that of the tunnel's own packets. False after a complaint.
 */
bool weft_plan_mtu(const struct weft_context *ctx,
		   const struct weft_profile *profile,
		   const struct weft_state *state, __u32 mark,
		   unsigned int *mtu);
/* A full tunnel for IPv4 with an IPv6 default route beside it is warned of. */
void weft_plan_warn(const struct weft_context *ctx,
		    const struct weft_profile *profile);

#endif /* _WEFT_TOOLS_PLAN_H */
