/* SPDX-License-Identifier: GPL-2.0 */
/* The members of a fleet: the best records that were accepted, and revocations. */
#ifndef _WEFT_TOOLS_FLEET_MEMBERS_H
#define _WEFT_TOOLS_FLEET_MEMBERS_H

#include "fleet/record.h"

/**
 * struct weft_member - all that is known of one node
 * @name: the node
 * @node: its record, or NULL
 * @hello: its hello, or NULL
 * @revoked: the highest serial that is revoked, 0 for none
 * @clash: the generation of a hello that the node has signed and that differs from
 *         @hello, 0 for none; not remembered
 * @made: keys under which this machine has configured the node as a peer
 * @former: those of its former admissions: they are to be removed, and never kept
 */
struct weft_member {
	char name[WEFT_NODE_NAME_BYTES];
	struct weft_fleet_record *node;
	struct weft_fleet_record *hello;
	__u64 revoked;
	__u64 clash;
	struct weft_keys made;
	struct weft_keys former;
};

/**
 * struct weft_fleet - a fleet
 * @name: the fleet
 * @trust: the keys that sign records of fleet and nodes
 * @terms: the newest record of the fleet, or NULL
 * @older: former ones whose successors have other admin keys, or another signer: a
 *         node that has missed epochs goes from one to the next
 * @older_count: their number
 * @members: by name
 * @count: their number
 */
struct weft_fleet {
	char name[WEFT_FLEET_NAME_BYTES];
	struct weft_keys trust;
	struct weft_fleet_record *terms;
	struct weft_fleet_record **older;
	size_t older_count;
	struct weft_member *members;
	size_t count;
};

/* NULL: no such member. */
struct weft_member *weft_fleet_find(const struct weft_fleet *fleet, const char *name);
/*
 * Add members for those of @count @names, in any order, that have none. False: no
 * memory. Pointers to members become invalid.
 */
bool weft_fleet_add(struct weft_fleet *fleet, const char * const *names, size_t count);
/*
 * The node is admitted anew: keys that this machine has configured may be in other
 * hands. False: no memory.
 */
bool weft_member_renew(struct weft_member *member);
/* The node is admitted and not revoked. */
bool weft_member_is_in(const struct weft_member *member);
/* The tunnel key that peers expect: that of the hello, or the pinned one; NULL: unknown. */
const struct weft_key *weft_member_key(const struct weft_member *member);
/* The highest epoch, 0 without a record. */
__u64 weft_fleet_epoch(const struct weft_fleet *fleet);
/* Nodes that are in. */
size_t weft_fleet_size(const struct weft_fleet *fleet);
/* Whether a node may need @terms to trust its successor @next. */
bool weft_fleet_hands_over(const struct weft_fleet_record *terms,
			   const struct weft_fleet_record *next);
/* Adds a former record of the fleet; takes ownership. False: no memory. */
bool weft_fleet_keep_older(struct weft_fleet *fleet, struct weft_fleet_record *terms);
/* Replaces the record of the fleet; takes ownership. False: no memory. */
bool weft_fleet_set_terms(struct weft_fleet *fleet, struct weft_fleet_record *terms);
/* Remembers the revocations of the present record. False: no memory. */
bool weft_fleet_take_revocations(struct weft_fleet *fleet,
				 const struct weft_revocations *revoked);
/* NULL is ignored. */
void weft_fleet_free(struct weft_fleet *fleet);

#endif /* _WEFT_TOOLS_FLEET_MEMBERS_H */
