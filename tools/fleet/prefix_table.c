// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "fleet/prefix_table.h"

static int prefix_table_compare(const void *a, const void *b)
{
	const struct weft_owned_prefix *x = a, *y = b;
	int diff = weft_model_allowedip_compare(&x->ip, &y->ip);

	return diff ? diff : (x->owner > y->owner) - (x->owner < y->owner);
}

static void prefix_table_add(struct weft_prefix_table *table, const struct weft_allowedip *ip,
			     size_t owner)
{
	table->items[table->count++] = (struct weft_owned_prefix){ *ip, owner };
	if (ip->cidr && !memchr(table->lengths, ip->cidr, table->length_count))
		table->lengths[table->length_count++] = ip->cidr;
}

static void prefix_table_add_node(struct weft_prefix_table *table,
				  const struct weft_fleet_record *node, size_t owner)
{
	struct weft_allowedip ip;
	size_t i;

	for (i = 0; i < node->addresses.count; i++) {
		ip = node->addresses.items[i];
		ip.cidr = ip.family == AF_INET ? 32 : 128;
		prefix_table_add(table, &ip, owner);
	}
	for (i = 0; i < node->prefixes.count; i++)
		prefix_table_add(table, &node->prefixes.items[i], owner);
}

bool weft_prefix_table_fill(struct weft_prefix_table *table, const struct weft_fleet *fleet)
{
	const struct weft_fleet_record *node;
	size_t i, count = 0;

	memset(table, 0, sizeof(*table));
	for (i = 0; i < fleet->count; i++) {
		node = fleet->members[i].node;
		count += node ? node->addresses.count + node->prefixes.count : 0;
	}
	table->items = calloc(count + 1, sizeof(*table->items));
	if (!table->items)
		return false;
	for (i = 0; i < fleet->count; i++)
		if (fleet->members[i].node && weft_member_is_in(&fleet->members[i]))
			prefix_table_add_node(table, fleet->members[i].node, i);
	qsort(table->items, table->count, sizeof(*table->items), prefix_table_compare);
	return true;
}

static bool prefix_table_has(const struct weft_prefix_table *table,
			     const struct weft_allowedip *address, unsigned int cidr)
{
	struct weft_allowedip masked = *address;
	size_t low = 0, high = table->count, middle;

	masked.cidr = cidr;
	weft_model_allowedip_mask(&masked);
	while (low < high) {
		middle = low + (high - low) / 2;
		if (weft_model_allowedip_compare(&table->items[middle].ip, &masked) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < table->count &&
	       !weft_model_allowedip_compare(&table->items[low].ip, &masked);
}

/* Whether an address of the interface has a length that includes @address. */
static bool prefix_table_is_on_link(const struct weft_fleet_record *node,
				    const struct weft_allowedip *address)
{
	const struct weft_prefixes *own = &node->addresses;
	struct weft_allowedip ours, theirs;
	size_t i;

	for (i = 0; i < own->count; i++) {
		ours = own->items[i];
		theirs = *address;
		if (ours.family != theirs.family || !ours.cidr)
			continue;
		theirs.cidr = ours.cidr;
		weft_model_allowedip_mask(&ours);
		weft_model_allowedip_mask(&theirs);
		if (!weft_model_allowedip_compare(&ours, &theirs))
			return true;
	}
	return false;
}

bool weft_prefix_table_contains(const struct weft_prefix_table *table,
				const struct weft_fleet_record *node,
				const struct weft_allowedip *address)
{
	unsigned int most = address->family == AF_INET ? 32 : 128;
	size_t i;

	for (i = 0; i < table->length_count; i++)
		if (table->lengths[i] <= most &&
		    prefix_table_has(table, address, table->lengths[i]))
			return true;
	return node && prefix_table_is_on_link(node, address);
}

void weft_prefix_table_free(struct weft_prefix_table *table)
{
	free(table->items);
	memset(table, 0, sizeof(*table));
}
