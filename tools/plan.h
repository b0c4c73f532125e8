/* SPDX-License-Identifier: GPL-2.0 */
/* What a file asks for, put beside what stands: routes and the MTU. */
#ifndef _WEFT_TOOLS_PLAN_H
#define _WEFT_TOOLS_PLAN_H

#include <stdbool.h>

#include "network.h"

struct weft_context;
struct weft_policy;
struct weft_profile;
struct weft_state;

/*
 * The routes to all allowed IPs, sorted, without those that the interface's
 * addresses bring with them. False: no memory.
 */
bool weft_plan_routes(const struct weft_profile *profile,
		      const struct weft_policy *policy,
		      const struct weft_state *state,
		      struct weft_routes *routes);
/*
 * The MTU of the file, or what the smallest way to any endpoint leaves.
 * @mark is that of the tunnel's own packets. False after a complaint.
 */
bool weft_plan_mtu(const struct weft_context *ctx,
		   const struct weft_profile *profile, __u32 mark,
		   unsigned int *mtu);

#endif /* _WEFT_TOOLS_PLAN_H */
