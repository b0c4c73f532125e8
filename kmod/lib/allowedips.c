// SPDX-License-Identifier: GPL-2.0
/*
 * Allowed IPs. Every node stands for a prefix that covers all prefixes below it. A node either has
 * an owner, or joins exactly two children; so n prefixes take fewer than 2n nodes.
 *
 * A reader descends without a lock, concurrently with one writer. Each change becomes visible by a
 * single store: of a child pointer to complete nodes, or of an owner. A node that is removed keeps
 * its prefix and its children, so that a reader at that node continues as if it had run before the
 * removal.
 */
#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <asm/byteorder.h>
#include "lib/allowedips.h"

/*
 * An address or prefix in host order, its first bit the highest of @high; an IPv4 one fills the
 * first 32 bits.
 */
struct allowedips_key {
	u64 high;
	u64 low;
};

static __always_inline struct allowedips_key allowedips_key(const u8 bytes[16])
{
	__be64 word[2];

	memcpy(word, bytes, sizeof(word));
	return (struct allowedips_key){ be64_to_cpu(word[0]), be64_to_cpu(word[1]) };
}

static __always_inline struct allowedips_key allowedips_key4(const void *addr)
{
	__be32 word;

	memcpy(&word, addr, sizeof(word));
	return (struct allowedips_key){ (u64)be32_to_cpu(word) << 32, 0 };
}

/* The number of common leading bits: 0 .. 128. */
static unsigned int allowedips_common(struct allowedips_key a, struct allowedips_key b)
{
	if (a.high != b.high)
		return 64 - fls64(a.high ^ b.high);
	return 128 - fls64(a.low ^ b.low);
}

/* Bit number @at, counted from the first: the index of the child. @at is below 128. */
static unsigned int allowedips_bit(struct allowedips_key key, unsigned int at)
{
	return (at < 64 ? key.high >> (63 - at) : key.low >> (127 - at)) & 1;
}

static struct allowedips_key allowedips_mask(struct allowedips_key key, unsigned int cidr)
{
	if (cidr <= 64)
		return (struct allowedips_key){ cidr ? key.high & (~0ULL << (64 - cidr)) : 0, 0 };
	return (struct allowedips_key){ key.high, key.low & (~0ULL << (128 - cidr)) };
}

static bool allowedips_covers(const struct weft_allowedips_node *node, struct allowedips_key key)
{
	return allowedips_common(allowedips_key(node->prefix), key) >= node->cidr;
}

/* Every reader, whichever flavour of RCU it runs under. */
#define allowedips_read(pointer)	rcu_dereference_check(pointer, rcu_read_lock_bh_held())

/* The writer; the caller excludes others. */
#define allowedips_own(pointer)		rcu_dereference_protected(pointer, 1)

/*
 * As allowedips_covers(), but faster. If @wide is a constant false, the node and the key are
 * IPv4's, and their second halves are ignored.
 */
static __always_inline bool allowedips_matches(const struct weft_allowedips_node *node,
					       struct allowedips_key key, bool wide)
{
	struct allowedips_key own = allowedips_key(node->prefix);
	u64 high = own.high ^ key.high, low = own.low ^ key.low;
	u8 cidr = node->cidr;

	if (!wide || cidr < 64)
		return !(high >> 1 >> (63 - cidr));
	return !high && !(cidr == 128 ? low : low >> 1 >> (127 - cidr));
}

/* The same bit as allowedips_bit()'s; past the last bit any, as there is no child. */
static __always_inline unsigned int allowedips_turn(struct allowedips_key key, u8 at, bool wide)
{
	return (!wide || at < 64 ? key.high >> (63 - at) : key.low >> ((127 - at) & 63)) & 1;
}

/*
 * Only prefixes with an owner are compared: below a join that does not cover the address no prefix
 * does.
 */
static __always_inline void *allowedips_lookup(struct weft_allowedips_node __rcu *const *root,
					       struct allowedips_key key, bool wide)
{
	struct weft_allowedips_node *node = allowedips_read(*root);
	void *owner, *best = NULL;

	while (node) {
		owner = allowedips_read(node->owner);
		if (owner) {
			if (!allowedips_matches(node, key, wide))
				break;
			best = owner;
		}
		node = allowedips_read(node->child[allowedips_turn(key, node->cidr, wide)]);
	}
	return best;
}

/**
 * weft_allowedips_lookup4 - look up the owner of an IPv4 address
 * @table: the table
 * @addr: 4 bytes in network order, at any alignment
 *
 * Context: rcu_read_lock() or rcu_read_lock_bh(), which also keeps the result alive.
 * Return: the owner of the longest prefix that covers the address, or NULL.
 */
void *weft_allowedips_lookup4(const struct weft_allowedips *table, const void *addr)
{
	return allowedips_lookup(&table->root4, allowedips_key4(addr), false);
}

/**
 * weft_allowedips_lookup6 - look up the owner of an IPv6 address
 * @table: the table
 * @addr: 16 bytes in network order, at any alignment
 *
 * Context: rcu_read_lock() or rcu_read_lock_bh(), which also keeps the result alive.
 * Return: the owner of the longest prefix that covers the address, or NULL.
 */
void *weft_allowedips_lookup6(const struct weft_allowedips *table, const void *addr)
{
	return allowedips_lookup(&table->root6, allowedips_key(addr), true);
}

/*
 * The pointer to a prefix's node, or the one where it would be inserted; and the node that contains
 * the pointer.
 */
struct allowedips_link {
	struct weft_allowedips_node __rcu **slot;
	struct weft_allowedips_node *parent;
};

static struct weft_allowedips_node __rcu **allowedips_root(struct weft_allowedips *table, u8 bits)
{
	return bits == 32 ? &table->root4 : &table->root6;
}

/* Descends as long as a node is shorter than the prefix and covers it. */
static struct allowedips_link allowedips_find(struct weft_allowedips *table, u8 bits,
					      struct allowedips_key key, u8 cidr)
{
	struct allowedips_link link = { allowedips_root(table, bits), NULL };
	struct weft_allowedips_node *node;

	for (;;) {
		node = allowedips_own(*link.slot);
		if (!node || node->cidr >= cidr || !allowedips_covers(node, key))
			return link;
		link.parent = node;
		link.slot = &node->child[allowedips_bit(key, node->cidr)];
	}
}

/* The node of exactly this prefix, or NULL. */
static struct weft_allowedips_node *allowedips_exact(struct allowedips_link link,
						     struct allowedips_key key, u8 cidr)
{
	struct weft_allowedips_node *node = allowedips_own(*link.slot);

	return node && node->cidr == cidr && allowedips_covers(node, key) ? node : NULL;
}

static struct weft_allowedips_node *allowedips_fill(struct weft_allowedips_node **spare, u8 bits,
						    struct allowedips_key key, u8 cidr, void *owner)
{
	struct weft_allowedips_node *node = *spare;
	__be64 word[2];

	*spare = NULL;
	key = allowedips_mask(key, cidr);
	word[0] = cpu_to_be64(key.high);
	word[1] = cpu_to_be64(key.low);
	memcpy(node->prefix, word, sizeof(node->prefix));
	node->family_bits = bits;
	node->cidr = cidr;
	RCU_INIT_POINTER(node->owner, owner);
	INIT_LIST_HEAD(&node->owned);
	return node;
}

/* Links @child below @parent, which no reader can see yet. */
static void allowedips_adopt(struct weft_allowedips_node *parent,
			     struct weft_allowedips_node *child)
{
	unsigned int bit = allowedips_bit(allowedips_key(child->prefix), parent->cidr);

	RCU_INIT_POINTER(parent->child[bit], child);
	child->parent = parent;
}

/* Links a new node at @link, above or beside the present node. */
static void allowedips_attach(struct allowedips_link link, struct weft_allowedips_node *node,
			      struct weft_allowedips_node **spare)
{
	struct weft_allowedips_node *there = allowedips_own(*link.slot);
	struct allowedips_key key = allowedips_key(node->prefix);
	struct weft_allowedips_node *top = node;
	unsigned int common;

	if (there) {
		common = allowedips_common(allowedips_key(there->prefix), key);
		if (common < node->cidr) {
			top = allowedips_fill(spare, node->family_bits, key, common, NULL);
			allowedips_adopt(top, node);
		}
		allowedips_adopt(top, there);
	}
	top->parent = link.parent;
	rcu_assign_pointer(*link.slot, top);
}

static struct allowedips_key allowedips_key_of(u8 bits, const void *addr)
{
	return bits == 32 ? allowedips_key4(addr) : allowedips_key(addr);
}

/**
 * weft_allowedips_owner - look up the owner of a prefix
 * @table: the table
 * @bits: 32 for IPv4, 128 for IPv6
 * @addr: 4 or 16 bytes in network order, at any alignment; host bits are ignored
 * @cidr: length of the prefix, 0 .. @bits
 *
 * Context: the only writer.
 * Return: the owner of exactly this prefix, or NULL.
 */
void *weft_allowedips_owner(struct weft_allowedips *table, u8 bits, const void *addr, u8 cidr)
{
	struct allowedips_key key = allowedips_key_of(bits, addr);
	struct weft_allowedips_node *node;

	node = allowedips_exact(allowedips_find(table, bits, key, cidr), key, cidr);
	return node ? allowedips_own(node->owner) : NULL;
}

/**
 * weft_allowedips_insert - give a prefix to an owner
 * @table: the table
 * @bits: 32 for IPv4, 128 for IPv6
 * @addr: 4 or 16 bytes in network order, at any alignment; host bits are ignored
 * @cidr: length of the prefix, 0 .. @bits
 * @owner: the new owner; not NULL
 * @owned: the owner's list of nodes, to whose end the prefix's node is moved from any other list
 * @spare: WEFT_ALLOWEDIPS_SPARES zeroed nodes; each that is used is replaced by NULL
 *
 * A set of prefixes is replaced without a gap by moving the old list aside, inserting the new set,
 * which takes the prefixes that stay off the old list, and passing the rest of the old list to
 * weft_allowedips_remove_owned().
 *
 * Context: the only writer.
 * Return: the previous owner of exactly this prefix (@owner itself, possibly), or NULL.
 */
void *weft_allowedips_insert(struct weft_allowedips *table, u8 bits, const void *addr, u8 cidr,
			     void *owner, struct list_head *owned,
			     struct weft_allowedips_node *spare[WEFT_ALLOWEDIPS_SPARES])
{
	struct allowedips_key key = allowedips_key_of(bits, addr);
	struct allowedips_link link = allowedips_find(table, bits, key, cidr);
	struct weft_allowedips_node *node = allowedips_exact(link, key, cidr);
	void *previous = NULL;

	if (node) {
		previous = allowedips_own(node->owner);
		rcu_assign_pointer(node->owner, owner);
	} else {
		node = allowedips_fill(&spare[0], bits, key, cidr, owner);
		allowedips_attach(link, node, &spare[1]);
	}
	list_move_tail(&node->owned, owned);
	return previous;
}

static struct weft_allowedips_node __rcu **allowedips_slot(struct weft_allowedips *table,
							   struct weft_allowedips_node *node)
{
	struct weft_allowedips_node *parent = node->parent;

	if (!parent)
		return allowedips_root(table, node->family_bits);
	return &parent->child[rcu_access_pointer(parent->child[1]) == node];
}

/*
 * Clears a node's owner, then removes the node, and the one above it, if they are no longer needed.
 * That depends on a node's children: without any, it is removed and its parent has lost a child;
 * with one, the child replaces it and the parent stays; with two, the node stays as their join.
 */
static void allowedips_disown(struct weft_allowedips *table, struct weft_allowedips_node *node,
			      struct list_head *freed)
{
	struct weft_allowedips_node *child[2], *heir = NULL;

	RCU_INIT_POINTER(node->owner, NULL);
	list_del_init(&node->owned);
	while (node && !heir && !rcu_access_pointer(node->owner)) {
		child[0] = allowedips_own(node->child[0]);
		child[1] = allowedips_own(node->child[1]);
		if (child[0] && child[1])
			break;
		heir = child[0] ? child[0] : child[1];
		if (heir)
			heir->parent = node->parent;
		rcu_assign_pointer(*allowedips_slot(table, node), heir);
		list_move_tail(&node->owned, freed);
		node = node->parent;
	}
}

/**
 * weft_allowedips_remove - take one prefix from its owner
 * @table: the table
 * @bits: 32 for IPv4, 128 for IPv6
 * @addr: 4 or 16 bytes in network order, at any alignment; host bits are ignored
 * @cidr: length of the prefix, 0 .. @bits
 * @owner: the expected owner
 * @freed: the nodes to free after a grace period are added to its end, by their @owned: none, one
 * or two
 *
 * Context: the only writer.
 * Return: false if @owner does not own exactly this prefix; nothing is changed.
 */
bool weft_allowedips_remove(struct weft_allowedips *table, u8 bits, const void *addr, u8 cidr,
			    const void *owner, struct list_head *freed)
{
	struct allowedips_key key = allowedips_key_of(bits, addr);
	struct weft_allowedips_node *node;

	node = allowedips_exact(allowedips_find(table, bits, key, cidr), key, cidr);
	if (!node || !owner || rcu_access_pointer(node->owner) != owner)
		return false;
	allowedips_disown(table, node, freed);
	return true;
}

/**
 * weft_allowedips_remove_owned - take all prefixes on a list from their owner
 * @table: the table
 * @owned: the owner's list of nodes, empty afterwards
 * @freed: the nodes to free after a grace period are added to its end, by their @owned
 *
 * Context: the only writer. Takes time linear in the length of the list, not of the table.
 */
void weft_allowedips_remove_owned(struct weft_allowedips *table, struct list_head *owned,
				  struct list_head *freed)
{
	struct weft_allowedips_node *node;

	while (!list_empty(owned)) {
		node = list_first_entry(owned, struct weft_allowedips_node, owned);
		allowedips_disown(table, node, freed);
	}
}

/**
 * weft_allowedips_detach - empty a table at once
 * @table: the table, empty afterwards for new readers
 * @detached: gets the table's contents; each owner's list is to be passed with it to
 *	weft_allowedips_remove_owned(), at any later time
 *
 * Context: the only writer.
 */
void weft_allowedips_detach(struct weft_allowedips *table, struct weft_allowedips *detached)
{
	RCU_INIT_POINTER(detached->root4, allowedips_own(table->root4));
	RCU_INIT_POINTER(detached->root6, allowedips_own(table->root6));
	RCU_INIT_POINTER(table->root4, NULL);
	RCU_INIT_POINTER(table->root6, NULL);
}
