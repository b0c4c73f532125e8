// SPDX-License-Identifier: GPL-2.0
/*
 * Allowed IPs against a list of prefixes. Input: steps of four bytes. After the last step each node
 * is checked and each prefix looked up; after the removal of all prefixes no node is left.
 */
#include "fuzz.h"
#include "lib/allowedips.c"

#define OWNERS		4
#define ENTRIES_MAX	64

struct entry {
	u8 bits;
	u8 cidr;
	u8 owner;
	u8 addr[16];
};

static struct {
	struct weft_allowedips table;
	struct list_head owned[OWNERS];
	struct list_head freed;
	struct weft_allowedips_node *spare[WEFT_ALLOWEDIPS_SPARES];
	size_t nodes;
	struct entry entries[ENTRIES_MAX];
	size_t count;
} world;

FUZZ_REFERENCE static bool entry_covers(const struct entry *entry, u8 bits, const u8 *addr)
{
	unsigned int i;

	if (entry->bits != bits)
		return false;
	for (i = 0; i < entry->cidr; i++)
		if ((entry->addr[i / 8] ^ addr[i / 8]) & 0x80 >> i % 8)
			return false;
	return true;
}

FUZZ_REFERENCE static struct entry *slow_find(const struct entry *like)
{
	size_t i;

	for (i = 0; i < world.count; i++)
		if (world.entries[i].cidr == like->cidr &&
		    entry_covers(&world.entries[i], like->bits, like->addr))
			return &world.entries[i];
	return NULL;
}

FUZZ_REFERENCE static void *slow_lookup(u8 bits, const u8 *addr)
{
	const struct entry *best = NULL;
	size_t i;

	for (i = 0; i < world.count; i++)
		if (entry_covers(&world.entries[i], bits, addr) &&
		    (!best || world.entries[i].cidr > best->cidr))
			best = &world.entries[i];
	return best ? &world.owned[best->owner] : NULL;
}

static void *quick_lookup(u8 bits, const u8 *addr)
{
	return bits == 32 ? weft_allowedips_lookup4(&world.table, addr) :
			    weft_allowedips_lookup6(&world.table, addr);
}

/* The end of a grace period. */
static void step_reap(void)
{
	struct weft_allowedips_node *node;

	while (!list_empty(&world.freed)) {
		node = list_first_entry(&world.freed, struct weft_allowedips_node, owned);
		list_del_init(&node->owned);
		free(node);
		world.nodes--;
	}
}

static void step_insert(const struct entry *entry)
{
	struct entry *there = slow_find(entry);
	void *owner, *before = there ? &world.owned[there->owner] : NULL;
	size_t i;

	if (!there && world.count == ENTRIES_MAX)
		return;
	for (i = 0; i < WEFT_ALLOWEDIPS_SPARES; i++) {
		if (world.spare[i])
			continue;
		world.spare[i] = calloc(1, sizeof(*world.spare[i]));
		world.nodes++;
	}
	owner = weft_allowedips_insert(&world.table, entry->bits, entry->addr, entry->cidr,
				       &world.owned[entry->owner], &world.owned[entry->owner],
				       world.spare);
	FUZZ_MUST(owner == before);
	if (there)
		there->owner = entry->owner;
	else
		world.entries[world.count++] = *entry;
}

static void step_remove(const struct entry *entry)
{
	struct entry *there = slow_find(entry);
	bool wanted = there && there->owner == entry->owner;

	FUZZ_MUST(weft_allowedips_remove(&world.table, entry->bits, entry->addr, entry->cidr,
					 &world.owned[entry->owner], &world.freed) == wanted);
	if (wanted)
		*there = world.entries[--world.count];
}

static void step_remove_owner(u8 owner)
{
	size_t i = 0;

	weft_allowedips_remove_owned(&world.table, &world.owned[owner], &world.freed);
	while (i < world.count) {
		if (world.entries[i].owner == owner)
			world.entries[i] = world.entries[--world.count];
		else
			i++;
	}
}

/* The few input bytes land in either half of an address, and at its end. */
static void step_take(struct fuzz_input *input, u8 op, struct entry *entry)
{
	u8 first, last;

	entry->bits = op & 0x80 ? 128 : 32;
	entry->owner = op / 8 % OWNERS;
	entry->cidr = fuzz_u8(input) % (entry->bits + 1);
	first = fuzz_u8(input);
	last = fuzz_u8(input);
	memset(entry->addr, 0, sizeof(entry->addr));
	entry->addr[0] = first;
	entry->addr[entry->bits / 8 - 1] = last;
	if (entry->bits == 128) {
		entry->addr[7] = last;
		entry->addr[8] = first;
	}
}

static void step(struct fuzz_input *input)
{
	u8 op = fuzz_u8(input);
	struct entry entry, *there;

	step_take(input, op, &entry);
	switch (op % 8) {
	case 0:
		step_remove(&entry);
		break;
	case 1:
		step_remove_owner(entry.owner);
		break;
	case 2:
		step_reap();
		break;
	case 3:
		there = slow_find(&entry);
		FUZZ_MUST(weft_allowedips_owner(&world.table, entry.bits, entry.addr, entry.cidr) ==
			  (there ? &world.owned[there->owner] : NULL));
		break;
	case 4:
		FUZZ_MUST(quick_lookup(entry.bits, entry.addr) ==
			  slow_lookup(entry.bits, entry.addr));
		break;
	default:
		step_insert(&entry);
	}
}

/* Counts the nodes from this one on, and checks each. */
static size_t node_check(struct weft_allowedips_node *node, u8 bits)
{
	struct weft_allowedips_node *child;
	size_t i, children = 0, nodes = 1;

	FUZZ_MUST(node->family_bits == bits && node->cidr <= bits);
	for (i = 0; i < 2; i++) {
		child = node->child[i];
		if (!child)
			continue;
		children++;
		FUZZ_MUST(child->parent == node && child->cidr > node->cidr);
		FUZZ_MUST(allowedips_covers(node, allowedips_key(child->prefix)));
		FUZZ_MUST(allowedips_bit(allowedips_key(child->prefix), node->cidr) == i);
		nodes += node_check(child, bits);
	}
	FUZZ_MUST(node->owner || children == 2);
	return nodes;
}

static void world_check(void)
{
	size_t i, nodes = !!world.spare[0] + !!world.spare[1];

	if (world.table.root4)
		nodes += node_check(world.table.root4, 32);
	if (world.table.root6)
		nodes += node_check(world.table.root6, 128);
	FUZZ_MUST(nodes == world.nodes);
	for (i = 0; i < world.count; i++)
		FUZZ_MUST(quick_lookup(world.entries[i].bits, world.entries[i].addr) ==
			  slow_lookup(world.entries[i].bits, world.entries[i].addr));
}

static void world_end(void)
{
	size_t i;

	for (i = 0; i < OWNERS; i++)
		step_remove_owner(i);
	step_reap();
	FUZZ_MUST(!world.table.root4 && !world.table.root6);
	for (i = 0; i < WEFT_ALLOWEDIPS_SPARES; i++) {
		world.nodes -= !!world.spare[i];
		free(world.spare[i]);
	}
	FUZZ_MUST(!world.nodes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	size_t i;

	memset(&world, 0, sizeof(world));
	for (i = 0; i < OWNERS; i++)
		INIT_LIST_HEAD(&world.owned[i]);
	INIT_LIST_HEAD(&world.freed);
	while (fuzz_more(&input))
		step(&input);
	step_reap();
	world_check();
	world_end();
	return 0;
}
