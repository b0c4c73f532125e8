/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Allowed IPs: longest-prefix match from an inner address to the peer that owns it, for IPv4 and
 * IPv6, in one binary trie with compressed paths each. Readers only need RCU. The caller serialises
 * writers, and allocates and frees the nodes: no call here does, so none can fail.
 */
#ifndef WEFT_ALLOWEDIPS_H
#define WEFT_ALLOWEDIPS_H

#include <linux/types.h>
#include <linux/list.h>
#include <linux/rcupdate.h>

struct weft_allowedips_node {
	struct weft_allowedips_node __rcu *child[2];
	void __rcu *owner;			/* NULL: only joins its children */
	u8 prefix[16];				/* network order, host bits zero; IPv4: first 4 */
	u8 family_bits;				/* 32 or 128 */
	u8 cidr;				/* 0 .. family_bits */

	/* For writers only, so that readers touch no more than the fields above. */
	struct weft_allowedips_node *parent;
	union {
		struct list_head owned;		/* the owner's list, or nodes to free */
		struct rcu_head rcu;		/* for the caller to free it: off all lists */
	};
};

struct weft_allowedips {
	struct weft_allowedips_node __rcu *root4;
	struct weft_allowedips_node __rcu *root6;
};

/* Maximum number of nodes that one insertion adds to the trie. */
#define WEFT_ALLOWEDIPS_SPARES	2

/*
 * Readers, under rcu_read_lock(): the owner, or NULL. @addr in network byte order, 4 or 16 bytes,
 * any alignment.
 */
void *weft_allowedips_lookup4(const struct weft_allowedips *table, const void *addr);
void *weft_allowedips_lookup6(const struct weft_allowedips *table, const void *addr);

/* Writers. @bits is 32 or 128; host bits in @addr are ignored. */
void *weft_allowedips_owner(struct weft_allowedips *table, u8 bits, const void *addr, u8 cidr);
void *weft_allowedips_insert(struct weft_allowedips *table, u8 bits, const void *addr, u8 cidr,
			     void *owner, struct list_head *owned,
			     struct weft_allowedips_node *spare[WEFT_ALLOWEDIPS_SPARES]);
bool weft_allowedips_remove(struct weft_allowedips *table, u8 bits, const void *addr, u8 cidr,
			    const void *owner, struct list_head *freed);
void weft_allowedips_remove_owned(struct weft_allowedips *table, struct list_head *owned,
				  struct list_head *freed);
void weft_allowedips_detach(struct weft_allowedips *table, struct weft_allowedips *detached);

#endif /* WEFT_ALLOWEDIPS_H */
