// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "fleet/members.h"
#include "fleet/topology.h"

static bool topology_is_hub(const struct weft_member *member)
{
	return weft_member_is_in(member) && member->node->hub;
}

/* By group, then by name of the hub. */
static int topology_compare(const void *a, const void *b)
{
	const struct weft_group_hub *x = a, *y = b;
	int diff = strcmp(x->group, y->group);

	return diff ? diff : strcmp(x->hub->name, y->hub->name);
}

static int topology_compare_groups(const void *a, const void *b)
{
	return strcmp(((const struct weft_group_hub *)a)->group,
		      ((const struct weft_group_hub *)b)->group);
}

static size_t topology_count_groups(const struct weft_fleet *fleet)
{
	size_t i, count = 0;

	for (i = 0; i < fleet->count; i++)
		if (topology_is_hub(&fleet->members[i]))
			count += fleet->members[i].node->groups.count;
	return count;
}

static void topology_add_hub(struct weft_paths *paths, const struct weft_member *hub)
{
	const struct weft_words *groups = &hub->node->groups;
	size_t i;

	for (i = 0; i < groups->count; i++)
		paths->hubs[paths->hub_count++] = (struct weft_group_hub){
			groups->items[i].text, hub,
		};
}

static void topology_keep_first(struct weft_paths *paths)
{
	size_t i, kept = 0;

	for (i = 0; i < paths->hub_count; i++)
		if (!kept || strcmp(paths->hubs[kept - 1].group, paths->hubs[i].group))
			paths->hubs[kept++] = paths->hubs[i];
	paths->hub_count = kept;
}

static const struct weft_member *topology_hub_of(const struct weft_paths *paths, const char *group)
{
	const struct weft_group_hub wanted = { .group = group };
	const struct weft_group_hub *found;

	found = bsearch(&wanted, paths->hubs, paths->hub_count, sizeof(wanted),
			topology_compare_groups);
	return found ? found->hub : NULL;
}

static const struct weft_member *topology_home(const struct weft_paths *paths,
					       const struct weft_member *spoke)
{
	const struct weft_words *groups = &spoke->node->groups;
	const struct weft_member *home = NULL, *hub;
	size_t i;

	if (paths->fleet->terms->topology == WEFT_TOPOLOGY_HUB)
		return paths->first;
	for (i = 0; i < groups->count; i++) {
		hub = topology_hub_of(paths, groups->items[i].text);
		if (hub && (!home || strcmp(hub->name, home->name) < 0))
			home = hub;
	}
	return home ? home : paths->first;
}

bool weft_paths_begin(struct weft_paths *paths, const struct weft_fleet *fleet,
		      const struct weft_member *self)
{
	size_t i;

	*paths = (struct weft_paths){ .fleet = fleet, .self = self };
	paths->hubs = calloc(topology_count_groups(fleet) + 1, sizeof(*paths->hubs));
	if (!paths->hubs)
		return false;
	for (i = 0; i < fleet->count; i++) {
		if (!topology_is_hub(&fleet->members[i]))
			continue;
		if (!paths->first)
			paths->first = &fleet->members[i];
		topology_add_hub(paths, &fleet->members[i]);
	}
	qsort(paths->hubs, paths->hub_count, sizeof(*paths->hubs), topology_compare);
	topology_keep_first(paths);
	paths->home = topology_home(paths, self);
	return true;
}

static bool topology_share_group(const struct weft_member *a, const struct weft_member *b)
{
	const struct weft_words *x = &a->node->groups, *y = &b->node->groups;
	size_t i, k;

	for (i = 0; i < x->count; i++)
		for (k = 0; k < y->count; k++)
			if (!strcmp(x->items[i].text, y->items[k].text))
				return true;
	return false;
}

const struct weft_member *weft_paths_via(const struct weft_paths *paths,
					 const struct weft_member *other)
{
	const struct weft_member *self = paths->self;

	if (paths->fleet->terms->topology == WEFT_TOPOLOGY_MESH)
		return other;
	if (self->node->hub)
		return other->node->hub || topology_home(paths, other) == self ?
		       other : topology_home(paths, other);
	if (!other->node->hub && paths->fleet->terms->topology == WEFT_TOPOLOGY_GROUPS &&
	    topology_share_group(self, other))
		return other;
	return paths->home;
}

void weft_paths_end(struct weft_paths *paths)
{
	free(paths->hubs);
}
