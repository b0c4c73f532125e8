/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The interface of a node as a function of the fleet's records: its peers with names,
 * keys, prefixes and endpoints, its addresses and its port. No I/O, no clock.
 */
#ifndef _WEFT_TOOLS_FLEET_MODEL_H
#define _WEFT_TOOLS_FLEET_MODEL_H

#include "fleet/members.h"

/**
 * struct weft_fleet_own - the part of a node that is in no record
 * @node: its name
 * @private_key: of the interface; zero where only the peers matter
 * @previous_key: the private key before a rotation; zero: none
 * @grace_until: the end of its grace, in seconds since 1970; 0: without an end
 * @port: the UDP port, 0: that of the fleet
 */
struct weft_fleet_own {
	char node[WEFT_NODE_NAME_BYTES];
	struct weft_key private_key;
	struct weft_key previous_key;
	__s64 grace_until;
	__u64 port;
};

/**
 * struct weft_fleet_model - the interface
 * @profile: its addresses, keys and peers, without a path
 * @problems: what the records ask for and cannot be, in words
 * @silent: nodes without a hello, which are no peers yet
 */
struct weft_fleet_model {
	struct weft_profile *profile;
	struct weft_words problems;
	struct weft_words silent;
};

/* False with @why filled in; @model is empty then. */
bool weft_fleet_model(const struct weft_fleet *fleet, const struct weft_fleet_own *own,
		      struct weft_fleet_model *model, struct weft_refusal *why);
void weft_fleet_model_free(struct weft_fleet_model *model);

#endif /* _WEFT_TOOLS_FLEET_MODEL_H */
