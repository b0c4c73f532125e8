// SPDX-License-Identifier: GPL-2.0
/*
 * Allowed IPs against a linear list of prefixes, with random operations; the shape of the trie
 * after each operation; every node accounted for; and lookups at each step of a writer.
 */
#include "test.h"

#ifndef __KERNEL__
/* Hooks: between two steps of a reader, and after each store of the writer. */
static void (*test_between_reads)(void);
static void (*test_after_write)(void);

#define SHIM_BEFORE_READ()	do { if (test_between_reads) test_between_reads(); } while (0)
#define SHIM_AFTER_WRITE()	do { if (test_after_write) test_after_write(); } while (0)

#include <pthread.h>
#include <sched.h>
#endif

#include "lib/allowedips.c"

#define OWNERS		8
#define MODEL_MAX	600

/* One prefix of the slow reference. */
struct entry {
	u8 bits, cidr, addr[16];
	int owner;
};

/* A table, its reference, and all its memory. */
struct world {
	struct test *t;
	struct weft_allowedips table;
	struct list_head owned[OWNERS];
	struct list_head freed;
	struct weft_allowedips_node *spare[WEFT_ALLOWEDIPS_SPARES];
	size_t allocated;
	struct entry entries[MODEL_MAX];
	size_t count;
};

/* The table compares owners by address only. */
static void *owner_of(struct world *world, int owner)
{
	return &world->owned[owner];
}

static struct world *world_start(struct test *t)
{
	struct world *world = test_zalloc(t, sizeof(*world));
	int i;

	world->t = t;
	for (i = 0; i < OWNERS; i++)
		INIT_LIST_HEAD(&world->owned[i]);
	INIT_LIST_HEAD(&world->freed);
	return world;
}

static size_t list_length(const struct list_head *list)
{
	const struct list_head *at;
	size_t length = 0;

	for (at = list->next; at != list; at = at->next)
		length++;
	return length;
}

static bool bits_equal(const u8 *a, const u8 *b, unsigned int bits)
{
	unsigned int i;

	for (i = 0; i < bits; i++)
		if ((a[i / 8] ^ b[i / 8]) & 0x80 >> i % 8)
			return false;
	return true;
}

static struct entry *model_find(struct world *world, const struct entry *like)
{
	size_t i;

	for (i = 0; i < world->count; i++) {
		struct entry *e = &world->entries[i];

		if (e->bits == like->bits && e->cidr == like->cidr &&
		    bits_equal(e->addr, like->addr, e->cidr))
			return e;
	}
	return NULL;
}

static void *model_lookup(struct world *world, u8 bits, const u8 *addr)
{
	const struct entry *best = NULL;
	size_t i;

	for (i = 0; i < world->count; i++) {
		const struct entry *e = &world->entries[i];

		if (e->bits == bits && bits_equal(e->addr, addr, e->cidr) &&
		    (!best || e->cidr > best->cidr))
			best = e;
	}
	return best ? owner_of(world, best->owner) : NULL;
}

static void *model_insert(struct world *world, const struct entry *entry)
{
	struct entry *there = model_find(world, entry);
	void *previous = there ? owner_of(world, there->owner) : NULL;

	if (there)
		there->owner = entry->owner;
	else
		world->entries[world->count++] = *entry;
	return previous;
}

static bool model_remove(struct world *world, const struct entry *entry)
{
	struct entry *there = model_find(world, entry);

	if (!there || there->owner != entry->owner)
		return false;
	*there = world->entries[--world->count];
	return true;
}

static void model_remove_owner(struct world *world, int owner)
{
	size_t i = 0;

	while (i < world->count) {
		if (world->entries[i].owner == owner)
			world->entries[i] = world->entries[--world->count];
		else
			i++;
	}
}

static void world_spares(struct world *world)
{
	int i;

	for (i = 0; i < WEFT_ALLOWEDIPS_SPARES; i++) {
		if (!world->spare[i]) {
			world->spare[i] = test_zalloc(world->t, sizeof(*world->spare[i]));
			world->allocated++;
		}
	}
}

static void *world_table_insert(struct world *world, const struct entry *entry)
{
	world_spares(world);
	return weft_allowedips_insert(&world->table, entry->bits, entry->addr, entry->cidr,
				      owner_of(world, entry->owner), &world->owned[entry->owner],
				      world->spare);
}

static void world_insert(struct world *world, const struct entry *entry)
{
	EXPECT_PTR(world->t, world_table_insert(world, entry), model_insert(world, entry));
}

static void world_remove(struct world *world, const struct entry *entry)
{
	bool removed = weft_allowedips_remove(&world->table, entry->bits, entry->addr, entry->cidr,
					      owner_of(world, entry->owner), &world->freed);

	EXPECT_EQ(world->t, removed, model_remove(world, entry));
}

static void world_remove_owner(struct world *world, int owner)
{
	weft_allowedips_remove_owned(&world->table, &world->owned[owner], &world->freed);
	model_remove_owner(world, owner);
}

static void *table_lookup(const struct weft_allowedips *table, u8 bits, const u8 *addr)
{
	void *owner;

	rcu_read_lock();
	owner = bits == 32 ? weft_allowedips_lookup4(table, addr) :
			     weft_allowedips_lookup6(table, addr);
	rcu_read_unlock();
	return owner;
}

static void *world_lookup(struct world *world, u8 bits, const u8 *addr)
{
	return table_lookup(&world->table, bits, addr);
}

/* The end of a grace period: removed nodes are freed. */
static void world_reap(struct world *world)
{
	struct weft_allowedips_node *node;

	while (!list_empty(&world->freed)) {
		node = list_first_entry(&world->freed, struct weft_allowedips_node, owned);
		list_del_init(&node->owned);
		test_free(node);
		world->allocated--;
	}
}

/* The invariants of a node. */
static void node_check(struct world *world, struct weft_allowedips_node *node, u8 bits)
{
	struct allowedips_key key = allowedips_key(node->prefix);
	struct weft_allowedips_node *child;
	int i, children = 0;

	EXPECT_EQ(world->t, node->family_bits, bits);
	EXPECT(world->t, node->cidr <= bits);
	EXPECT_EQ(world->t, allowedips_mask(key, node->cidr).high, key.high);
	EXPECT_EQ(world->t, allowedips_mask(key, node->cidr).low, key.low);
	for (i = 0; i < 2; i++) {
		child = allowedips_own(node->child[i]);
		if (!child)
			continue;
		children++;
		key = allowedips_key(child->prefix);
		EXPECT_PTR(world->t, child->parent, node);
		EXPECT(world->t, child->cidr > node->cidr);
		EXPECT(world->t, allowedips_covers(node, key));
		EXPECT_EQ(world->t, allowedips_bit(key, node->cidr), i);
	}
	EXPECT(world->t, rcu_access_pointer(node->owner) || children == 2);
	EXPECT_EQ(world->t, !list_empty(&node->owned), !!rcu_access_pointer(node->owner));
}

/* The node after @node in a walk through all: parents first, child 0 before child 1. */
static struct weft_allowedips_node *node_next(struct weft_allowedips_node *node)
{
	struct weft_allowedips_node *child[2], *from;

	child[0] = allowedips_own(node->child[0]);
	child[1] = allowedips_own(node->child[1]);
	if (child[0] || child[1])
		return child[0] ? child[0] : child[1];
	do {
		from = node;
		node = node->parent;
		child[1] = node ? allowedips_own(node->child[1]) : NULL;
	} while (node && (!child[1] || child[1] == from));
	return child[1];
}

/* Counts the nodes of a trie and checks each. */
static size_t shape_check(struct world *world, struct weft_allowedips_node __rcu **root, u8 bits)
{
	struct weft_allowedips_node *node = allowedips_own(*root);
	size_t count = 0;

	EXPECT(world->t, !node || !node->parent);
	for (; node; node = node_next(node)) {
		node_check(world, node, bits);
		count++;
	}
	return count;
}

/*
 * Every node is in a trie, spare, or waits for its grace period; every owner's list holds its
 * nodes.
 */
static void world_check(struct world *world)
{
	size_t in_use, spare = 0, owned = 0;
	int i;

	in_use = shape_check(world, &world->table.root4, 32) +
		 shape_check(world, &world->table.root6, 128);
	for (i = 0; i < WEFT_ALLOWEDIPS_SPARES; i++)
		spare += !!world->spare[i];
	EXPECT_EQ(world->t, in_use + spare + list_length(&world->freed), world->allocated);
	for (i = 0; i < OWNERS; i++)
		owned += list_length(&world->owned[i]);
	EXPECT_EQ(world->t, owned, world->count);
	/* fewer than two nodes for each prefix, in each of both tries */
	EXPECT(world->t, in_use <= 2 * world->count);
}

static void world_end(struct world *world)
{
	int i;

	for (i = 0; i < OWNERS; i++)
		world_remove_owner(world, i);
	world_check(world);
	EXPECT_PTR(world->t, rcu_access_pointer(world->table.root4), NULL);
	EXPECT_PTR(world->t, rcu_access_pointer(world->table.root6), NULL);
	world_reap(world);
	for (i = 0; i < WEFT_ALLOWEDIPS_SPARES; i++) {
		world->allocated -= !!world->spare[i];
		test_free(world->spare[i]);
	}
	EXPECT_EQ(world->t, world->allocated, 0);
	test_free(world);
}

static struct entry entry4(u32 addr, u8 cidr, int owner)
{
	struct entry entry = { .bits = 32, .cidr = cidr, .owner = owner };
	__be32 word = cpu_to_be32(addr);

	memcpy(entry.addr, &word, sizeof(word));
	return entry;
}

/* Below 2001:db8::/32: the next 32 bits. */
static struct entry entry6(u32 addr, u8 cidr, int owner)
{
	struct entry entry = {
		.bits = 128, .cidr = cidr, .owner = owner, .addr = { 0x20, 0x01, 0x0d, 0xb8 },
	};
	__be32 word = cpu_to_be32(addr);

	memcpy(entry.addr + 4, &word, sizeof(word));
	return entry;
}

static void expect_lookup4(struct world *world, u32 addr, int owner)
{
	struct entry entry = entry4(addr, 32, 0);

	EXPECT_PTR(world->t, world_lookup(world, 32, entry.addr),
		   owner < 0 ? NULL : owner_of(world, owner));
}

static void allowedips_by_hand(struct test *t)
{
	static const u8 documentation[16] = { 0x20, 0x01, 0x0d, 0xb8 };
	struct world *world = world_start(t);
	struct entry e;

	expect_lookup4(world, 0x0a000001, -1);
	e = entry4(0x0a000000, 8, 1);
	world_insert(world, &e);
	/* host bits are ignored */
	e = entry4(0x0a0101ff, 24, 2);
	world_insert(world, &e);
	e = entry4(0x0a010105, 32, 3);
	world_insert(world, &e);
	e = entry4(0x0b000000, 8, 4);
	world_insert(world, &e);
	expect_lookup4(world, 0x0a000001, 1);
	expect_lookup4(world, 0x0affffff, 1);
	expect_lookup4(world, 0x0a010101, 2);
	expect_lookup4(world, 0x0a010104, 2);
	expect_lookup4(world, 0x0a010105, 3);
	expect_lookup4(world, 0x0b000000, 4);
	expect_lookup4(world, 0x0c000000, -1);
	expect_lookup4(world, 0x08000000, -1);
	e = entry4(0, 0, 5);
	world_insert(world, &e);
	expect_lookup4(world, 0x0c000000, 5);
	expect_lookup4(world, 0xffffffff, 5);
	world_check(world);
	/* an IPv4 default route does not match IPv6 */
	EXPECT_PTR(t, world_lookup(world, 128, documentation), NULL);
	world_end(world);
}

/* The least number of nodes: a join exists only where two prefixes diverge. */
static void allowedips_spares(struct test *t)
{
	struct world *world = world_start(t);
	struct entry e;

	e = entry4(0x0a000000, 8, 1);
	world_table_insert(world, &e);
	model_insert(world, &e);
	EXPECT(t, !world->spare[0] && world->spare[1]);
	/* below, above, the same again: no join */
	e = entry4(0x0a010000, 16, 1);
	world_table_insert(world, &e);
	model_insert(world, &e);
	EXPECT(t, !world->spare[0] && world->spare[1]);
	e = entry4(0x08000000, 5, 1);
	world_table_insert(world, &e);
	model_insert(world, &e);
	EXPECT(t, !world->spare[0] && world->spare[1]);
	world_insert(world, &e);
	EXPECT(t, world->spare[0] && world->spare[1]);
	/* beside: a join */
	e = entry4(0x0a020000, 16, 1);
	world_table_insert(world, &e);
	model_insert(world, &e);
	EXPECT(t, !world->spare[0] && !world->spare[1]);
	world_check(world);
	/* the join goes with its prefix: two nodes at once */
	world_remove(world, &e);
	EXPECT_EQ(t, list_length(&world->freed), 2);
	world_check(world);
	/* a join that turns into a prefix, and the reverse, allocates and frees no node */
	world_insert(world, &e);
	world_reap(world);
	e = entry4(0x0a000000, 14, 2);
	world_insert(world, &e);
	EXPECT(t, world->spare[0] && world->spare[1]);
	world_check(world);
	world_remove(world, &e);
	EXPECT_EQ(t, list_length(&world->freed), 0);
	world_check(world);
	world_end(world);
}

static void allowedips_refused(struct test *t)
{
	struct world *world = world_start(t);
	struct entry e;

	e = entry4(0x0a000000, 8, 1);
	world_remove(world, &e);
	world_insert(world, &e);
	/* a prefix of another owner */
	e = entry4(0x0a000000, 8, 2);
	world_remove(world, &e);
	/* a prefix inside */
	e = entry4(0x0a000000, 9, 1);
	world_remove(world, &e);
	/* a prefix around */
	e = entry4(0x08000000, 5, 1);
	world_remove(world, &e);
	/* a prefix beside */
	e = entry4(0x0b000000, 8, 1);
	world_remove(world, &e);
	EXPECT_EQ(t, world->count, 1);
	e = entry4(0x0b000000, 8, 2);
	world_insert(world, &e);
	/* the join of both has no owner, and cannot be removed for NULL either */
	EXPECT(t, !weft_allowedips_remove(&world->table, 32, e.addr, 7, NULL, &world->freed));
	world_check(world);
	world_end(world);
}

/* All prefix lengths of one address, in both orders: tries 33 and 129 nodes deep. */
static void chain_check(struct test *t, u8 bits, bool shortest_first)
{
	struct world *world = world_start(t);
	struct entry e = { .bits = bits };
	u8 addr[16];
	int cidr, i;

	test_random_bytes(e.addr, bits / 8);
	for (i = 0; i <= bits; i++) {
		e.cidr = shortest_first ? i : bits - i;
		e.owner = e.cidr % OWNERS;
		world_insert(world, &e);
	}
	world_check(world);
	EXPECT_EQ(t, world->count, bits + 1);
	for (cidr = 0; cidr <= bits; cidr++) {
		memcpy(addr, e.addr, sizeof(addr));
		if (cidr < bits)
			addr[cidr / 8] ^= 0x80 >> cidr % 8;
		EXPECT_PTR(t, world_lookup(world, bits, addr), owner_of(world, cidr % OWNERS));
	}
	for (cidr = 0; cidr <= bits; cidr += 2) {
		e.cidr = cidr;
		e.owner = cidr % OWNERS;
		world_remove(world, &e);
	}
	world_check(world);
	EXPECT_EQ(t, list_length(&world->freed), bits / 2 + 1);
	world_end(world);
}

static void allowedips_deep(struct test *t)
{
	chain_check(t, 32, true);
	chain_check(t, 32, false);
	chain_check(t, 128, true);
	chain_check(t, 128, false);
}

/* Few addresses and lengths, so that prefixes collide: equal, nested, adjacent. */
static struct entry entry_random(void)
{
	struct entry e = { .bits = test_random_below(2) ? 32 : 128 };
	int i, bytes = e.bits / 8;

	for (i = 0; i < bytes; i++)
		e.addr[i] = test_random_below(8) ? 0 : test_random();
	if (!test_random_below(4))
		test_random_bytes(e.addr, bytes);
	e.cidr = test_random_below(e.bits + 1);
	e.owner = test_random_below(OWNERS);
	return e;
}

static struct entry entry_known(struct world *world)
{
	struct entry e = entry_random();

	if (world->count && test_random_below(4)) {
		e = world->entries[test_random_below(world->count)];
		/* other host bits, the same prefix; sometimes another owner */
		if (e.cidr < e.bits)
			e.addr[e.bits / 8 - 1] ^= test_random_below(2);
		if (!test_random_below(6))
			e.owner = test_random_below(OWNERS);
	}
	return e;
}

static void world_probe_owner(struct world *world, const struct entry *near)
{
	const struct entry *there = model_find(world, near);

	EXPECT_PTR(world->t,
		   weft_allowedips_owner(&world->table, near->bits, near->addr, near->cidr),
		   there ? owner_of(world, there->owner) : NULL);
}

static void world_probe(struct world *world, const struct entry *near)
{
	u8 addr[17], *at = addr + test_random_below(2);	/* any alignment */
	int i;

	world_probe_owner(world, near);
	for (i = 0; i < 3; i++) {
		memcpy(at, near->addr, 16);
		if (i && near->cidr < near->bits)
			at[near->cidr / 8] ^= test_random();
		if (i == 2)
			at[test_random_below(near->bits / 8)] ^= test_random();
		EXPECT_PTR(world->t, world_lookup(world, near->bits, at),
			   model_lookup(world, near->bits, at));
	}
}

static struct entry world_random_step(struct world *world)
{
	struct entry e;
	u32 dice = test_random_below(100);

	if (dice < 50 && world->count < MODEL_MAX) {
		e = dice < 40 ? entry_random() : entry_known(world);
		world_insert(world, &e);
	} else {
		e = entry_known(world);
		if (dice == 99)
			world_remove_owner(world, e.owner);
		else
			world_remove(world, &e);
	}
	return e;
}

static void allowedips_random(struct test *t)
{
	struct world *world = world_start(t);
	struct entry e;
	int i;

	for (i = 0; i < TEST_ROUNDS(150000); i++) {
		e = world_random_step(world);
		world_probe(world, &e);
		if (i % 16 == 0)
			world_check(world);
		if (i % 64 == 0)
			world_reap(world);
	}
	world_end(world);
}

/*
 * Replaces the set of one owner, as netlink's "replace allowed IPs" does. A prefix in both sets is
 * found at any time.
 */
static void allowedips_replace_set(struct test *t)
{
	struct world *world = world_start(t);
	struct entry e;
	LIST_HEAD(old);

	e = entry4(0x0a000000, 8, 1);
	world_insert(world, &e);
	e = entry4(0x0a010000, 16, 1);
	world_insert(world, &e);
	list_splice_tail_init(&world->owned[1], &old);
	e = entry4(0x0a000000, 8, 1);
	world_insert(world, &e);
	e = entry4(0x0c000000, 8, 1);
	world_insert(world, &e);
	weft_allowedips_remove_owned(&world->table, &old, &world->freed);
	e = entry4(0x0a010000, 16, 1);
	EXPECT(t, model_remove(world, &e));
	EXPECT(t, list_empty(&old));
	expect_lookup4(world, 0x0a010000, 1);
	expect_lookup4(world, 0x0c000000, 1);
	EXPECT_EQ(t, list_length(&world->owned[1]), 2);
	world_check(world);
	world_end(world);
}

/* A lookup reads just four bytes of an IPv4 address, at any alignment: the buffer ends there. */
static void allowedips_short_keys(struct test *t)
{
	struct world *world = world_start(t);
	void *owner = owner_of(world, 1);
	size_t at;

	for (at = 0; at < 4; at++) {
		u8 *memory = test_zalloc(t, at + 4), *addr = memory + at;

		memcpy(addr, "\x0a\x01\x02\x03", 4);
		world_spares(world);
		EXPECT_PTR(t, weft_allowedips_insert(&world->table, 32, addr, 32, owner,
						     &world->owned[1], world->spare), NULL);
		EXPECT_PTR(t, weft_allowedips_owner(&world->table, 32, addr, 32), owner);
		EXPECT_PTR(t, table_lookup(&world->table, 32, addr), owner);
		EXPECT(t, weft_allowedips_remove(&world->table, 32, addr, 32, owner,
						 &world->freed));
		EXPECT_PTR(t, table_lookup(&world->table, 32, addr), NULL);
		test_free(memory);
	}
	world_end(world);
}

/* A set is detached at once and taken apart while the table holds another one. */
static void allowedips_detached(struct test *t)
{
	struct world *world = world_start(t);
	struct weft_allowedips old = {};
	struct list_head owned;
	struct entry e, e6;
	u32 i;

	for (i = 0; i < 64; i++) {
		e = entry4(0x0a000000 | i << 10, 22 + i % 11, 1 + i % 2);
		world_insert(world, &e);
		e6 = entry6(0x0a000000 | i << 10, 54 + i % 11, 2 - i % 2);
		world_insert(world, &e6);
	}
	weft_allowedips_detach(&world->table, &old);
	EXPECT_PTR(t, world_lookup(world, 32, e.addr), NULL);
	EXPECT_PTR(t, world_lookup(world, 128, e6.addr), NULL);
	EXPECT_PTR(t, table_lookup(&old, 32, e.addr), owner_of(world, e.owner));
	EXPECT_PTR(t, table_lookup(&old, 128, e6.addr), owner_of(world, e6.owner));
	EXPECT(t, rcu_access_pointer(old.root4) && rcu_access_pointer(old.root6));
	for (i = 1; i <= 2; i++) {
		INIT_LIST_HEAD(&owned);
		list_splice_tail_init(&world->owned[i], &owned);
		model_remove_owner(world, i);
		e = entry4(0x0a000000, 8 + i, i);
		world_insert(world, &e);
		e6 = entry6(0x0a000000, 40 + i, i);
		world_insert(world, &e6);
		weft_allowedips_remove_owned(&old, &owned, &world->freed);
		EXPECT(t, list_empty(&owned));
		expect_lookup4(world, 0x0a000000, i);
		EXPECT_PTR(t, world_lookup(world, 128, e6.addr), owner_of(world, i));
	}
	world_check(world);
	EXPECT(t, !rcu_access_pointer(old.root4) && !rcu_access_pointer(old.root6));
	world_end(world);
}

#ifndef __KERNEL__

/*
 * A reader meets a writer. One operation runs at the n-th step of a lookup, for each n, and lookups
 * run after each store of an operation. Each lookup returns the result from before the operation or
 * from after it.
 */
static struct meeting {
	struct world *world;
	struct entry entry;
	enum { INSERT, REMOVE, REMOVE_OWNER } op;
	int steps;		/* until the operation */
	u8 addr[16];
	void *before, *after;
	bool done;
} meeting;

static void meeting_operate(void)
{
	struct meeting *m = &meeting;

	m->done = true;
	switch (m->op) {
	case INSERT:
		world_table_insert(m->world, &m->entry);
		break;
	case REMOVE:
		weft_allowedips_remove(&m->world->table, m->entry.bits, m->entry.addr,
				       m->entry.cidr, owner_of(m->world, m->entry.owner),
				       &m->world->freed);
		break;
	default:
		weft_allowedips_remove_owned(&m->world->table, &m->world->owned[m->entry.owner],
					     &m->world->freed);
	}
}

static void meeting_step(void)
{
	if (!meeting.done && meeting.steps-- == 0)
		meeting_operate();
}

static void meeting_look(void)
{
	void (*reads)(void) = test_between_reads;
	void *got;

	test_between_reads = NULL;
	got = world_lookup(meeting.world, meeting.entry.bits, meeting.addr);
	test_between_reads = reads;
	EXPECT(meeting.world->t, got == meeting.before || got == meeting.after);
}

static void meeting_model(void)
{
	struct world *world = meeting.world;

	if (meeting.op == INSERT)
		model_insert(world, &meeting.entry);
	else if (meeting.op == REMOVE)
		model_remove(world, &meeting.entry);
	else
		model_remove_owner(world, meeting.entry.owner);
}

/* The same small table each time, since a meeting changes it. */
static void meeting_prepare(struct test *t, u64 seed)
{
	struct world *world = world_start(t);
	struct entry e;
	int i;

	test_random_state = seed;
	for (i = 0; i < 24; i++) {
		e = entry_random();
		e.bits = 32;
		e.cidr %= 33;
		world_insert(world, &e);
	}
	meeting.world = world;
	meeting.op = test_random_below(3);
	meeting.entry = entry_known(world);
	meeting.entry.bits = 32;
	meeting.entry.cidr %= 33;
	meeting.done = false;
	memcpy(meeting.addr, meeting.entry.addr, sizeof(meeting.addr));
	meeting.addr[3] ^= test_random_below(2);
	world_spares(world);
	meeting.before = model_lookup(world, 32, meeting.addr);
	meeting_model();
	meeting.after = model_lookup(world, 32, meeting.addr);
}

static void meeting_end(void)
{
	test_between_reads = NULL;
	test_after_write = NULL;
	EXPECT_PTR(meeting.world->t, world_lookup(meeting.world, 32, meeting.addr), meeting.after);
	world_check(meeting.world);
	world_end(meeting.world);
}

/* Returns false once the operation no longer falls into the lookup. */
static bool meeting_at_step(struct test *t, u64 seed, int step)
{
	bool met;
	void *got;

	meeting_prepare(t, seed);
	meeting.steps = step;
	test_between_reads = meeting_step;
	/*
	 * Where an operation removes several prefixes, a lookup in between may see some of them
	 * gone.
	 */
	test_after_write = meeting.op == REMOVE_OWNER ? NULL : meeting_look;
	got = world_lookup(meeting.world, 32, meeting.addr);
	met = meeting.done;
	if (met && meeting.op != REMOVE_OWNER)
		EXPECT(t, got == meeting.before || got == meeting.after);
	if (!met)
		meeting_operate();
	meeting_end();
	return met;
}

static void allowedips_reader_meets_writer(struct test *t)
{
	u64 seed;
	int step;

	for (seed = 1; seed <= 3000; seed++)
		for (step = 0; meeting_at_step(t, seed * 0x9e3779b97f4a7c15ULL, step); step++)
			;
}

/*
 * On real CPUs: one prefix moves between two owners, its neighbours are added and removed, and its
 * set is replaced. Each lookup finds one of the two owners.
 */
#define RACE_ROUNDS	20000

struct race {
	struct world *world;
	unsigned long lookups, wrong;
	bool stop;
};

static void *race_reader(void *data)
{
	struct race *race = data;
	struct entry e = entry4(0x0a010203, 32, 0);
	void *got;

	while (!__atomic_load_n(&race->stop, __ATOMIC_ACQUIRE)) {
		got = weft_allowedips_lookup4(&race->world->table, e.addr);
		race->wrong += got != owner_of(race->world, 1) && got != owner_of(race->world, 2);
		__atomic_fetch_add(&race->lookups, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void race_replace(struct world *world, int owner)
{
	struct entry e;
	LIST_HEAD(old);

	list_splice_tail_init(&world->owned[owner], &old);
	e = entry4(0x0a010200, 24, owner);
	world_table_insert(world, &e);
	/* a neighbour: 10.1.2.0/24 itself is never drawn */
	e = entry4(0x0a010200 ^ (1 + test_random_below(0xffff)) << 8, 24, 3);
	world_table_insert(world, &e);
	weft_allowedips_remove_owned(&world->table, &old, &world->freed);
	if (test_random_below(2))
		weft_allowedips_remove_owned(&world->table, &world->owned[3], &world->freed);
}

static void allowedips_race(struct test *t)
{
	struct world *world = world_start(t);
	struct race race = { .world = world };
	struct entry e = entry4(0x0a010200, 24, 1);
	pthread_t reader;
	int i;

	world_table_insert(world, &e);
	EXPECT(t, !pthread_create(&reader, NULL, race_reader, &race));
	while (!__atomic_load_n(&race.lookups, __ATOMIC_RELAXED))
		sched_yield();
	for (i = 0; i < RACE_ROUNDS; i++)
		race_replace(world, 1 + i % 2);
	__atomic_store_n(&race.stop, true, __ATOMIC_RELEASE);
	pthread_join(reader, NULL);
	EXPECT(t, race.lookups > 0);
	EXPECT_EQ(t, race.wrong, 0);
	world_end(world);
}

#else /* __KERNEL__ */

static void allowedips_reader_meets_writer(struct test *t)
{
	kunit_skip(t, "the hooks between a reader's steps exist in userspace only");
}

static void allowedips_race(struct test *t)
{
	kunit_skip(t, "the threads run in userspace only");
}

#endif /* __KERNEL__ */

TEST_SUITE("allowedips",
	   TEST_CASE(allowedips_by_hand),
	   TEST_CASE(allowedips_spares),
	   TEST_CASE(allowedips_refused),
	   TEST_CASE(allowedips_deep),
	   TEST_CASE(allowedips_random),
	   TEST_CASE(allowedips_replace_set),
	   TEST_CASE(allowedips_short_keys),
	   TEST_CASE(allowedips_detached),
	   TEST_CASE(allowedips_reader_meets_writer),
	   TEST_CASE(allowedips_race));
