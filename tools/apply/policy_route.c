// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "apply/policy_route.h"
#include "apply/state.h"
#include "base/complain.h"
#include "conf/profile.h"

/* The first table tried, as in wg-quick(8), and the number of tries. */
#define POLICY_ROUTE_TABLE_FIRST	51820
#define POLICY_ROUTE_TABLE_TRIES	10000

static bool policy_route_is_own(const struct weft_rule *rule, __u32 table)
{
	return rule->protocol == WEFT_PROTOCOL && rule->invert &&
	       rule->table == table && rule->mark == table;
}

/* The rule that leads to @table, or NULL. */
static const struct weft_rule *policy_route_find(const struct weft_rules *rules,
						 __u16 family, __u32 table)
{
	size_t i;

	for (i = 0; i < rules->count; i++)
		if (rules->items[i].family == family &&
		    policy_route_is_own(&rules->items[i], table))
			return &rules->items[i];
	return NULL;
}

/* The rule in front of @rule, or NULL. */
static const struct weft_rule *policy_route_find_partner(const struct weft_rules *rules,
							 const struct weft_rule *rule)
{
	const struct weft_rule *other;
	size_t i;

	for (i = 0; i < rules->count; i++) {
		other = &rules->items[i];
		if (other->family == rule->family &&
		    other->protocol == WEFT_PROTOCOL && other->no_default &&
		    other->table == RT_TABLE_MAIN &&
		    other->priority + 1 == rule->priority)
			return other;
	}
	return NULL;
}

static void policy_route_look_for_defaults(const struct weft_profile *profile,
					   struct weft_policy_route *policy)
{
	const struct weft_allowedip *ip;
	const struct weft_peer *peer;

	for (peer = profile->dev->peers; peer; peer = peer->next) {
		for (ip = peer->allowedips; ip; ip = ip->next) {
			policy->ip4 |= !ip->cidr && ip->family == AF_INET;
			policy->ip6 |= !ip->cidr && ip->family == AF_INET6;
		}
	}
}

bool weft_policy_route_is_wanted(const struct weft_profile *profile)
{
	struct weft_policy_route policy = { };

	if (profile->table == WEFT_TABLE_AUTO)
		policy_route_look_for_defaults(profile, &policy);
	return policy.ip4 || policy.ip6;
}

/* A running tunnel keeps its table: its packets carry the mark. */
static __u32 policy_route_running_table(const struct weft_state *state)
{
	__u32 mark = state->dev ? state->dev->fwmark : 0;

	if (mark && (policy_route_find(&state->rules, AF_INET, mark) ||
		     policy_route_find(&state->rules, AF_INET6, mark)))
		return mark;
	return 0;
}

static bool policy_route_pick_table(const struct weft_context *ctx,
				    const struct weft_profile *profile,
				    struct weft_policy_route *policy)
{
	struct weft_host *host = ctx->host;
	struct weft_routes routes = { };
	__u32 table = POLICY_ROUTE_TABLE_FIRST;
	bool empty;

	for (; table < POLICY_ROUTE_TABLE_FIRST + POLICY_ROUTE_TABLE_TRIES; table++) {
		if (host->routes(host, 0, table, &routes))
			return weft_complain(ctx, "%s: cannot read routing table %u: %s",
					     profile->name, table, host->error);
		empty = !routes.count;
		weft_host_routes_free(&routes);
		if (empty) {
			policy->table = table;
			return true;
		}
	}
	return weft_complain(ctx,
			     "%s: no routing table from %u to %u is empty: set FwMark, whose number is also that of the table",
			     profile->name, POLICY_ROUTE_TABLE_FIRST, table - 1);
}

/* In the main or the local table a default route would send the tunnel's packets into itself. */
bool weft_policy_route_check_file(const struct weft_context *ctx,
				  const struct weft_profile *profile)
{
	struct weft_place place = {
		.file = profile->path, .line = profile->dev->fwmark_line,
		.name = "FwMark",
	};
	__u32 mark = profile->dev->fwmark;

	if (!weft_policy_route_is_wanted(profile) || mark < RT_TABLE_DEFAULT ||
	    mark > RT_TABLE_LOCAL)
		return true;
	return weft_complain_at(ctx, &place,
				"with a default route the mark is also the number of a routing table, and table %u is one of the system's: use another mark",
				mark);
}

/* A default route of the table through another interface. */
static bool policy_route_is_foreign(const struct weft_policy_route *policy,
				    const struct weft_state *state,
				    const struct weft_route *route)
{
	return !route->prefix.cidr && !route->special &&
	       (route->prefix.family == AF_INET ? policy->ip4 : policy->ip6) &&
	       !weft_state_find(&state->routes, &route->prefix, policy->table);
}

/* Default routes go to the table of the same number as the file's mark. */
static bool policy_route_check_table(const struct weft_context *ctx,
				     const struct weft_profile *profile,
				     const struct weft_state *state,
				     const struct weft_policy_route *policy)
{
	struct weft_host *host = ctx->host;
	struct weft_routes routes = { };
	bool taken = false;
	size_t i;

	if (host->routes(host, 0, policy->table, &routes))
		return weft_complain(ctx, "%s: cannot read routing table %u: %s", profile->name,
				     policy->table, host->error);
	for (i = 0; i < routes.count; i++)
		taken |= policy_route_is_foreign(policy, state, &routes.items[i]);
	weft_host_routes_free(&routes);
	if (taken)
		weft_complain(ctx,
			      "%s: FwMark is %u, and routing table %u already has a default route: use another mark",
			      profile->name, policy->table, policy->table);
	return !taken;
}

bool weft_policy_route_plan(const struct weft_context *ctx,
			    const struct weft_profile *profile,
			    const struct weft_state *state,
			    struct weft_policy_route *policy)
{
	memset(policy, 0, sizeof(*policy));
	if (profile->table == WEFT_TABLE_AUTO)
		policy_route_look_for_defaults(profile, policy);
	if (!policy->ip4 && !policy->ip6)
		return true;
	policy->table = profile->dev->fwmark;
	if (policy->table)
		return policy_route_check_table(ctx, profile, state, policy);
	policy->table = policy_route_running_table(state);
	return policy->table || policy_route_pick_table(ctx, profile, policy);
}

/* The kernel's rule for local addresses has priority 0 and stays first. */
static __u32 policy_route_lowest_priority(const struct weft_rules *rules,
					  __u16 family)
{
	__u32 lowest = 32766;
	size_t i;

	for (i = 0; i < rules->count; i++)
		if (rules->items[i].family == family &&
		    rules->items[i].priority &&
		    rules->items[i].priority < lowest)
			lowest = rules->items[i].priority;
	return lowest;
}

static bool policy_route_add_rule(struct weft_rules *rules,
				  const struct weft_rule *rule)
{
	struct weft_rule *added = weft_host_rules_add(rules);

	if (!added)
		return false;
	*added = *rule;
	return true;
}

/* The second rule is added first: the first one alone would hide default routes. */
static bool policy_route_miss_family(const struct weft_policy_route *policy,
				     const struct weft_rules *have, __u16 family,
				     struct weft_rules *missing)
{
	const struct weft_rule *found = policy_route_find(have, family,
							  policy->table);
	struct weft_rule lead = {
		.family = family, .table = policy->table,
		.mark = policy->table, .invert = true,
		.protocol = WEFT_PROTOCOL,
		.priority = found ? found->priority :
			    policy_route_lowest_priority(have, family) - 1,
	};
	struct weft_rule partner = {
		.family = family, .table = RT_TABLE_MAIN, .no_default = true,
		.protocol = WEFT_PROTOCOL, .priority = lead.priority - 1,
	};

	if (!partner.priority || !lead.priority) {
		errno = ENOSPC;
		return false;
	}
	if (!found && !policy_route_add_rule(missing, &lead))
		return false;
	return (found && policy_route_find_partner(have, found)) ||
	       policy_route_add_rule(missing, &partner);
}

bool weft_policy_route_missing_rules(const struct weft_policy_route *policy,
				     const struct weft_rules *have,
				     struct weft_rules *missing)
{
	return (!policy->ip4 ||
		policy_route_miss_family(policy, have, AF_INET, missing)) &&
	       (!policy->ip6 ||
		policy_route_miss_family(policy, have, AF_INET6, missing));
}

static bool policy_route_wants(const struct weft_policy_route *policy,
			       const struct weft_rule *rule)
{
	return rule->table == policy->table &&
	       (rule->family == AF_INET ? policy->ip4 : policy->ip6);
}

/* A rule belongs to the interface if its table has a default route of its family through it. */
static bool policy_route_is_of_link(const struct weft_state *state,
				    const struct weft_rule *rule)
{
	const struct weft_route *route;
	size_t i;

	if (!policy_route_is_own(rule, rule->table))
		return false;
	for (i = 0; i < state->routes.count; i++) {
		route = &state->routes.items[i];
		if (route->table == rule->table && !route->prefix.cidr &&
		    route->prefix.family == rule->family &&
		    route->protocol == WEFT_PROTOCOL)
			return true;
	}
	return false;
}

bool weft_policy_route_stale_rules(const struct weft_policy_route *policy,
				   const struct weft_state *state,
				   struct weft_rules *stale)
{
	const struct weft_rule *rule, *partner;
	size_t i;

	for (i = 0; i < state->rules.count; i++) {
		rule = &state->rules.items[i];
		if (!policy_route_is_of_link(state, rule) ||
		    policy_route_wants(policy, rule))
			continue;
		partner = policy_route_find_partner(&state->rules, rule);
		if ((partner && !policy_route_add_rule(stale, partner)) ||
		    !policy_route_add_rule(stale, rule))
			return false;
	}
	return true;
}

bool weft_policy_route_table_rules(const struct weft_rules *have, __u32 table,
				   struct weft_rules *found)
{
	const struct weft_rule *rule, *partner;
	size_t i;

	for (i = 0; i < have->count; i++) {
		rule = &have->items[i];
		if (!policy_route_is_own(rule, table))
			continue;
		partner = policy_route_find_partner(have, rule);
		if ((partner && !policy_route_add_rule(found, partner)) ||
		    !policy_route_add_rule(found, rule))
			return false;
	}
	return true;
}
