/* SPDX-License-Identifier: GPL-2.0 */
/* The routes and the MTU that a file asks for, compared with the present state. */
#ifndef _WEFT_TOOLS_PLAN_H
#define _WEFT_TOOLS_PLAN_H

#include <stdbool.h>

#include "host/host.h"

struct weft_context;
struct weft_policy_route;
struct weft_profile;
struct weft_state;

/* Whether the kernel's route of an interface's address leads to @prefix. */
bool weft_plan_connects(const struct weft_allowedip *address,
			const struct weft_allowedip *prefix);
/*
 * The routes to all allowed IPs, sorted, without those that the kernel adds for
 * the interface's addresses. False: no memory.
 */
bool weft_plan_routes(const struct weft_profile *profile,
		      const struct weft_policy_route *policy,
		      const struct weft_state *state,
		      struct weft_routes *routes);
/* Refuses an impossible table or MTU of the file: false after a complaint with its line. */
bool weft_plan_check_file(const struct weft_context *ctx,
			  const struct weft_profile *profile);
/* The setting that disables IPv6 on the interface, to be freed; NULL: none, or no memory. */
char *weft_plan_ip6_obstacle(struct weft_host *host, const struct weft_profile *profile);
/*
 * Whether the kernel has IPv6 if the file needs it. The check precedes all changes:
 * until an IPv6 address is added, its traffic leaks past the tunnel. False after a
 * complaint.
 */
bool weft_plan_check(const struct weft_context *ctx,
		     const struct weft_profile *profile);
/*
 * The MTU of the file, or the smallest path MTU to any endpoint less the overhead,
 * and at least IPv6's minimum where addresses or allowed IPs are IPv6. @mark is the
 * mark of the tunnel's own packets. False after a complaint.
 */
bool weft_plan_mtu(const struct weft_context *ctx,
		   const struct weft_profile *profile,
		   const struct weft_state *state, __u32 mark,
		   unsigned int *mtu);
/* Warn of a full tunnel for IPv4 while an IPv6 default route bypasses it. */
void weft_plan_warn(const struct weft_context *ctx,
		    const struct weft_profile *profile);

#endif /* _WEFT_TOOLS_PLAN_H */
