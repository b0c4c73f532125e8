// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/host.h"

#define HOST_RP_FILTER_STRICT	1

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

char *weft_host_setting_path(const char *family, const char *name, const char *setting)
{
	char *path;

	if (asprintf(&path, "/proc/sys/net/%s/conf/%s/%s", family, name, setting) < 0)
		return NULL;
	return path;
}

int weft_host_setting(struct weft_host *host, const char *family, const char *name,
		      const char *setting)
{
	char *path = weft_host_setting_path(family, name, setting), *text = NULL;
	int number = -1;

	if (path && !host->read(host, path, &text))
		number = atoi(text);
	free(text);
	free(path);
	return number;
}

bool weft_host_is_strict(struct weft_host *host, const char *name)
{
	int all = weft_host_setting(host, "ipv4", "all", "rp_filter");
	int own = weft_host_setting(host, "ipv4", name, "rp_filter");

	return (all > own ? all : own) == HOST_RP_FILTER_STRICT;
}
