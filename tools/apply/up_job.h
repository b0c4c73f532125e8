/* SPDX-License-Identifier: GPL-2.0 */
/* The steps of "up", by subject; up.c has their order. */
#ifndef _WEFT_TOOLS_UP_JOB_H
#define _WEFT_TOOLS_UP_JOB_H

#include <stdbool.h>

#include "apply/dns.h"
#include "apply/journal.h"
#include "apply/lock.h"
#include "apply/policy_route.h"
#include "apply/state.h"
#include "conf/record.h"
#include "host/host.h"
#include "model/key.h"

/**
 * struct weft_up_job - one interface that is brought up
 * @ctx: the context
 * @profile: the wanted configuration
 * @state: the state before
 * @fresh: the link did not exist
 * @policy: for default routes
 * @routes: the wanted routes, sorted
 * @addresses: the wanted addresses, sorted
 * @mtu: the wanted MTU
 * @journal: the changes made so far
 * @forged: the firewall's table has to be written anew
 * @record: the record as on disk, with the last hook that was started
 * @dns: the service that is handed the name servers
 * @before: the record before, restored when "up" fails
 * @beside: @before is the leftover of another link
 * @former: the name servers before, whose strings are those of @before
 * @rules_lock: held from the choice of a table to the last rule
 * @unrecorded: the record cannot be written
 * @lost: another process has created the link meanwhile
 */
struct weft_up_job {
	const struct weft_context *ctx;
	struct weft_profile *profile;
	struct weft_state state;
	bool fresh;
	struct weft_policy_route policy;
	struct weft_routes routes;
	struct weft_routes *addresses;
	unsigned int mtu;
	struct weft_journal journal;
	bool forged;
	struct weft_key rotate_to;	/* all zero: no rotation */
	struct weft_record record;
	struct weft_record before;
	bool beside;
	enum weft_dns dns;
	struct weft_dns_state former;
	struct weft_lock rules_lock;
	bool unrecorded;
	bool lost;
};

/* Each step is false after a complaint. */

bool weft_up_no_memory(struct weft_up_job *job);
struct weft_change weft_up_change(struct weft_up_job *job, enum weft_change_kind kind);

/* Addresses and routes. */
bool weft_up_add_addresses(struct weft_up_job *job);
bool weft_up_add_routes(struct weft_up_job *job);
bool weft_up_delete_addresses(struct weft_up_job *job);
bool weft_up_add_blocked_routes(struct weft_up_job *job);
bool weft_up_delete_routes(struct weft_up_job *job);

/* Rules and firewall. */
bool weft_up_lock_rules(struct weft_up_job *job);
bool weft_up_unlock_rules(struct weft_up_job *job);
bool weft_up_make_firewall(struct weft_up_job *job);
bool weft_up_honour_marks(struct weft_up_job *job);
bool weft_up_add_rules(struct weft_up_job *job);
bool weft_up_delete_rules(struct weft_up_job *job);
bool weft_up_drop_firewall(struct weft_up_job *job);

/* The record, written before the changes that it describes. */
bool weft_up_write_record(struct weft_up_job *job);
bool weft_up_record(struct weft_up_job *job);
bool weft_up_record_policy(struct weft_up_job *job);
bool weft_up_record_link(struct weft_up_job *job);
bool weft_up_record_dns(struct weft_up_job *job);
void weft_up_unrecord(struct weft_up_job *job, bool undone);
void weft_up_record_end(struct weft_up_job *job);
bool weft_up_was_taken_down(const struct weft_up_job *job);

#endif /* _WEFT_TOOLS_UP_JOB_H */
