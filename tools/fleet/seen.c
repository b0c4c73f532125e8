// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/endpoint.h"
#include "fleet/seen.h"

bool weft_seen_is_hub(const struct weft_member *hub, const struct weft_member *self)
{
	return hub != self && weft_member_is_in(hub) && hub->node->hub && hub->hello;
}

bool weft_seen_begin(struct weft_seen *seen, const struct weft_fleet *fleet,
		     const struct weft_member *self)
{
	size_t i, count = 0;

	for (i = 0; i < fleet->count; i++)
		if (weft_seen_is_hub(&fleet->members[i], self))
			count += fleet->members[i].hello->seen.count;
	*seen = (struct weft_seen){ .items = calloc(count + 1, sizeof(*seen->items)) };
	return seen->items;
}

static bool seen_is_good(const char *endpoint, const struct weft_member *self,
			 const struct weft_prefix_table *prefixes)
{
	struct weft_allowedip address;

	return weft_fleet_endpoint_parse(endpoint, &address) &&
	       !weft_fleet_endpoint_is_special(&address) &&
	       !weft_prefix_table_contains(prefixes, self->node, &address);
}

/* NULL: the fleet does not know the member yet, or any more. */
static const struct weft_member *seen_member(const struct weft_fleet *fleet, const char *text)
{
	char name[WEFT_NODE_NAME_BYTES];
	const struct weft_member *member;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, "="), text);
	member = weft_fleet_find(fleet, name);
	return member && weft_member_is_in(member) ? member : NULL;
}

static void seen_push(struct weft_seen *seen, const struct weft_member *member,
		      const char *endpoint)
{
	seen->items[seen->count] = (struct weft_seen_entry){ member, seen->count, endpoint };
	seen->count++;
}

size_t weft_seen_add(struct weft_seen *seen, const struct weft_fleet *fleet,
		     const struct weft_member *hub, const struct weft_member *self,
		     const struct weft_prefix_table *prefixes)
{
	const struct weft_words *words = &hub->hello->seen;
	const struct weft_member *member;
	const char *endpoint;
	size_t i, bad = 0;

	for (i = 0; i < words->count; i++) {
		member = seen_member(fleet, words->items[i].text);
		endpoint = strchr(words->items[i].text, '=') + 1;
		if (!member || member == hub || member == self)
			continue;
		if (seen_is_good(endpoint, self, prefixes))
			seen_push(seen, member, endpoint);
		else
			bad++;
	}
	return bad;
}

/* By member, whose number is its place in the fleet. */
static int seen_compare_members(const void *a, const void *b)
{
	const struct weft_seen_entry *x = a, *y = b;

	return (x->member > y->member) - (x->member < y->member);
}

static int seen_compare(const void *a, const void *b)
{
	const struct weft_seen_entry *x = a, *y = b;
	int diff = seen_compare_members(a, b);

	return diff ? diff : (x->order > y->order) - (x->order < y->order);
}

void weft_seen_sort(struct weft_seen *seen)
{
	qsort(seen->items, seen->count, sizeof(*seen->items), seen_compare);
}

const struct weft_seen_entry *weft_seen_find(const struct weft_seen *seen,
					     const struct weft_member *member, size_t *count)
{
	const struct weft_seen_entry wanted = { .member = member };
	const struct weft_seen_entry *found, *end = seen->items + seen->count;

	*count = 0;
	found = bsearch(&wanted, seen->items, seen->count, sizeof(wanted), seen_compare_members);
	if (!found)
		return NULL;
	while (found > seen->items && found[-1].member == member)
		found--;
	while (found + *count < end && found[*count].member == member)
		(*count)++;
	return found;
}

void weft_seen_free(struct weft_seen *seen)
{
	free(seen->items);
	memset(seen, 0, sizeof(*seen));
}
