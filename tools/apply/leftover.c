// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "apply/dns.h"
#include "apply/firewall.h"
#include "apply/hook.h"
#include "apply/journal.h"
#include "apply/leftover.h"
#include "apply/lock.h"
#include "apply/policy_route.h"
#include "apply/state.h"
#include "base/complain.h"
#include "conf/record.h"
#include "model/key.h"

bool weft_leftover_is_there(const struct weft_record *record,
			    const struct weft_state *state)
{
	return record->there &&
	       (record->rising || record->falling || !state->link.index ||
		(record->index && record->index != state->link.index));
}

/* A link as "up" creates it, without a key, peers and addresses. */
static bool leftover_is_bare(const struct weft_state *state)
{
	return state->link.index && state->dev && !state->dev->peers &&
	       weft_key_is_zero(&state->dev->private_key) &&
	       !state->addresses.count;
}

/*
 * The link of an "up" that was killed, possibly before it recorded the link, or
 * of a "down" that did not finish.
 */
static bool leftover_is_own(const struct weft_record *record,
			    const struct weft_state *state)
{
	bool recorded = record->index && record->index == state->link.index;

	if (record->falling)
		return recorded;
	return record->rising && state->link.kind == WEFT_KIND_WEFT &&
	       (recorded || (!record->index && leftover_is_bare(state)));
}

static struct weft_change leftover_change(const struct weft_journal *journal,
					  enum weft_change_kind kind)
{
	struct weft_change change = { .kind = kind };

	memcpy(change.dev, journal->name, strlen(journal->name));
	return change;
}

/* Another interface may have taken the empty table. False after a complaint. */
static bool leftover_ask_used(const struct weft_journal *journal, __u32 table,
			      unsigned int index, bool *used)
{
	struct weft_host *host = journal->ctx->host;
	struct weft_routes routes = { };
	size_t i;

	*used = false;
	if (host->routes(host, 0, table, &routes))
		return weft_complain(journal->ctx,
				     "%s: cannot read routing table %u: %s: its rules stay",
				     journal->name, table, host->error);
	for (i = 0; i < routes.count; i++)
		*used |= !routes.items[i].special &&
			 (!index || routes.items[i].index != index);
	weft_host_routes_free(&routes);
	return true;
}

static bool leftover_rules_of(struct weft_journal *journal, __u32 table,
			      const struct weft_state *state)
{
	struct weft_change change;
	struct weft_rules rules = { };
	bool good;
	size_t i;

	good = weft_policy_route_table_rules(&state->rules, table, &rules);
	for (i = 0; i < rules.count; i++) {
		change = leftover_change(journal, WEFT_CHANGE_RULE_DELETE);
		change.rule = rules.items[i];
		good &= weft_journal_do(journal, &change);
	}
	weft_host_rules_free(&rules);
	return good;
}

bool weft_leftover_rules(struct weft_journal *journal,
			 const struct weft_record *record,
			 const struct weft_state *state, unsigned int index)
{
	bool good = true, used;
	size_t i;

	for (i = 0; i < record->table_count; i++) {
		if (!leftover_ask_used(journal, record->tables[i], index, &used))
			good = false;
		else if (!used)
			good &= leftover_rules_of(journal, record->tables[i],
						  state);
	}
	return good;
}

/* A concurrent "up" that chooses one of the tables would take its rules for its own. */
bool weft_leftover_rules_alone(struct weft_journal *journal,
			       const struct weft_record *record, unsigned int index)
{
	struct weft_state now = { };
	struct weft_lock lock;
	bool good;

	if (!record->table_count)
		return true;
	if (!weft_lock_take(journal->ctx, WEFT_LOCK_RULES, &lock))
		return false;
	good = weft_state_read_rules(journal->ctx, journal->name, &now.rules) &&
	       weft_leftover_rules(journal, record, &now, index);
	weft_lock_release(&lock);
	weft_host_rules_free(&now.rules);
	return good;
}

static bool leftover_firewall(struct weft_journal *journal,
			      const struct weft_record *record)
{
	struct weft_host *host = journal->ctx->host;
	struct weft_change change;
	bool there;

	if (!record->table_count)
		return true;
	if (weft_firewall_look(host, journal->name, &there))
		return weft_complain(journal->ctx,
				     "%s: cannot list nft tables: %s: the interface's own table may remain",
				     journal->name, host->error);
	return !there ||
	       (weft_firewall_build_removal(host, journal->name, &change) &&
		weft_journal_do(journal, &change));
}

/* Any other link of the name belongs to another process. */
static bool leftover_link(struct weft_journal *journal,
			  const struct weft_record *record,
			  const struct weft_state *state)
{
	struct weft_change change = leftover_change(journal,
						    WEFT_CHANGE_LINK_DELETE);

	return !leftover_is_own(record, state) ||
	       weft_journal_do(journal, &change);
}

static bool leftover_undo(struct weft_journal *journal,
			  const struct weft_record *record,
			  const struct weft_state *state)
{
	bool resolved = record->dns == WEFT_DNS_RESOLVED, dns, good;

	/* systemd-resolved forgets a deleted link: the present link of that name is another one. */
	dns = (resolved && !leftover_is_own(record, state)) ||
	      weft_dns_unset(journal, record->dns);
	good = leftover_firewall(journal, record);
	good &= weft_leftover_rules_alone(journal, record, leftover_is_own(record, state) ?
							   state->link.index : 0);
	return good & leftover_link(journal, record, state) & (dns || resolved);
}

/* A PreDown that fails without the link must not stop the rest. */
static bool leftover_run(const struct weft_context *ctx, const char *name,
			 const struct weft_record *record,
			 enum weft_profile_hook hook)
{
	struct weft_profile *profile = weft_record_profile(record, name);
	bool good = profile && weft_hook_run(ctx, profile, hook);

	weft_profile_free(profile);
	return good;
}

static void leftover_say(const struct weft_context *ctx, const char *name,
			 const struct weft_record *record,
			 const struct weft_state *state)
{
	static const char killed[] =
		"an earlier 'weft up' was interrupted: undoing its steps";
	static const char half[] =
		"an earlier 'weft down' was interrupted: removing the rest";
	static const char kept[] =
		"an earlier command could not undo all of its steps: removing the rest";
	static const char deleted[] =
		"the link was deleted without 'weft down': removing the rest";

	weft_complain(ctx, "%s: %s", name,
		      record->kept ? kept : record->falling ? half :
		      record->rising ? killed : deleted);
	if (record->rising && state->link.index &&
	    !leftover_is_own(record, state))
		weft_warn(ctx, "%s: the link of this name stays: the record of that 'weft up' does not have it",
			  name);
}

/* A part that could not be undone stays recorded, together with the link. */
static void leftover_record_end(const struct weft_context *ctx, const char *name,
				struct weft_record *record, const struct weft_state *state,
				bool undone)
{
	if (undone) {
		weft_record_free(record);
		weft_record_remove(ctx, name);
		return;
	}
	if (leftover_is_own(record, state))
		record->index = state->link.index;
	weft_record_keep(record);
	weft_record_write(ctx, name, record);
}

bool weft_leftover_clear(const struct weft_context *ctx, const char *name,
			 struct weft_record *record,
			 const struct weft_state *state)
{
	struct weft_journal journal = { .ctx = ctx, .name = name };
	bool undone, good = true;

	leftover_say(ctx, name, record, state);
	if (!record->falling &&
	    (!record->rising || record->reached == WEFT_HOOK_POST_UP))
		leftover_run(ctx, name, record, WEFT_HOOK_PRE_DOWN);
	undone = leftover_undo(&journal, record, state);
	if (record->falling || !record->rising ||
	    record->reached != WEFT_HOOK_COUNT)
		good = leftover_run(ctx, name, record, WEFT_HOOK_POST_DOWN);
	weft_journal_free(&journal);
	leftover_record_end(ctx, name, record, state, undone);
	return undone && good;
}
