// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "host/host.h"

struct weft_route *weft_host_routes_add(struct weft_routes *routes)
{
	struct weft_route *items;

	items = reallocarray(routes->items, routes->count + 1, sizeof(*items));
	if (!items)
		return NULL;
	routes->items = items;
	memset(&items[routes->count], 0, sizeof(*items));
	return &items[routes->count++];
}

struct weft_rule *weft_host_rules_add(struct weft_rules *rules)
{
	struct weft_rule *items;

	items = reallocarray(rules->items, rules->count + 1, sizeof(*items));
	if (!items)
		return NULL;
	rules->items = items;
	memset(&items[rules->count], 0, sizeof(*items));
	return &items[rules->count++];
}

void weft_host_routes_free(struct weft_routes *routes)
{
	free(routes->items);
	memset(routes, 0, sizeof(*routes));
}

void weft_host_rules_free(struct weft_rules *rules)
{
	free(rules->items);
	memset(rules, 0, sizeof(*rules));
}
