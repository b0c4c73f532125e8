/* SPDX-License-Identifier: GPL-2.0 */
/* Changes to a fleet that the admin key signs. */
#ifndef _WEFT_TOOLS_FLEET_ADMIN_H
#define _WEFT_TOOLS_FLEET_ADMIN_H

#include "fleet/store.h"

struct json_object;

/*
 * The seed of the admin key in @file, or "-"; with @make a missing file is made, with
 * a new key. In a dry run it is not, and *@seed is random. False after a complaint.
 */
bool weft_admin_key(const struct weft_context *ctx, const char *file, bool make,
		    struct weft_key *seed, bool *made);

/* The changes of each of these are in @store's list, also in a dry run. */

/*
 * Bring the record of the fleet to the keys in @wish, those that are missing stay. A
 * first one gets defaults. False after a complaint.
 */
bool weft_admin_terms(struct weft_store *store, const char *name, struct json_object *wish,
		      const struct weft_key *seed, bool *changed);

/**
 * struct weft_admin_admission - one node of a call
 * @node: the node
 * @serial: its serial now
 * @changed: its record was changed
 */
struct weft_admin_admission {
	char node[WEFT_NODE_NAME_BYTES];
	__u64 serial;
	bool changed;
};

struct weft_admin_admissions {
	struct weft_admin_admission *items;
	size_t count;
	bool changed;
};

/*
 * Admit the nodes of @array, objects: all of them or, after a complaint, none. A new
 * identity, and a node that is revoked, is a new admission.
 */
bool weft_admin_admit(struct weft_store *store, struct json_object *array,
		      const struct weft_key *seed, struct weft_admin_admissions *admissions);
void weft_admin_admissions_free(struct weft_admin_admissions *admissions);

/**
 * struct weft_admin_revocation - a call of "revoke"
 * @names: the nodes, separated by commas
 * @serial: revoke at least up to this serial, also names that the store does not have; 0: none
 * @epoch: the epoch of the revocation, filled in
 * @changed: filled in
 */
struct weft_admin_revocation {
	const char *names;
	__u64 serial;
	__u64 epoch;
	bool changed;
};

/*
 * Revoke nodes: up to the serial of the store or the present time, if that is greater,
 * and in an epoch that is no smaller than the present time. So a store that was set back
 * voids no revocation. False after a complaint.
 */
bool weft_admin_revoke(struct weft_store *store, struct weft_admin_revocation *call,
		       const struct weft_key *seed);

#endif /* _WEFT_TOOLS_FLEET_ADMIN_H */
