// SPDX-License-Identifier: GPL-2.0
/* Routing rules and the firewall of "up". */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apply/firewall.h"
#include "apply/journal.h"
#include "apply/leftover.h"
#include "apply/policy_route.h"
#include "apply/up_job.h"
#include "base/complain.h"
#include "conf/profile.h"

static bool up_do_rules(struct weft_up_job *job, enum weft_change_kind kind,
			const struct weft_rules *rules)
{
	struct weft_change change;
	size_t i;

	for (i = 0; i < rules->count; i++) {
		change = weft_up_change(job, kind);
		change.rule = rules->items[i];
		if (!weft_journal_do(&job->journal, &change))
			return false;
	}
	return true;
}

/*
 * Without this lock two concurrent "up" would choose the same table and priority, or
 * one would take rules that the other deletes for its own. No hook runs and no name is
 * looked up under it. It is taken after the interface's lock, which without a folder is
 * the namespace's.
 */
bool weft_up_lock_rules(struct weft_up_job *job)
{
	if (!weft_policy_route_is_wanted(job->profile) && !job->record.table_count)
		return true;
	if (!job->unrecorded &&
	    !weft_lock_take(job->ctx, WEFT_LOCK_RULES, &job->rules_lock))
		return false;
	weft_host_rules_free(&job->state.rules);
	return weft_state_read_rules(job->ctx, job->profile->name, &job->state.rules);
}

bool weft_up_unlock_rules(struct weft_up_job *job)
{
	weft_lock_release(&job->rules_lock);
	return true;
}

/* The firewall's table depends on addresses, the mark and the families. */
static bool up_compare_firewall(struct weft_up_job *job)
{
	const struct weft_routes *have = &job->state.addresses;
	struct weft_rules differing = { };
	bool good;
	size_t i;

	for (i = 0; i < have->count; i++)
		if (have->items[i].protocol == WEFT_PROTOCOL &&
		    !weft_state_find(job->addresses, &have->items[i].prefix, 0))
			job->forged = true;
	good = weft_policy_route_missing_rules(&job->policy, &job->state.rules,
					       &differing) &&
	       weft_policy_route_stale_rules(&job->policy, &job->state, &differing);
	if (differing.count)
		job->forged = true;
	weft_host_rules_free(&differing);
	return good;
}

bool weft_up_make_firewall(struct weft_up_job *job)
{
	const char *name = job->profile->name;
	struct weft_change change;
	bool there;

	if (!job->policy.table)
		return true;
	/* Out of memory for the comparison, the table is written anew. */
	if (!up_compare_firewall(job))
		job->forged = true;
	if (!job->forged && !job->fresh &&
	    !weft_firewall_look(job->ctx->host, name, &there) && there)
		return true;
	if (!weft_firewall_build(job->ctx->host, job->profile, &job->policy,
				 &change))
		return weft_up_no_memory(job);
	return weft_journal_do(&job->journal, &change);
}

/* The setting is per namespace, and not undone: other tunnels may rely on it by then. */
bool weft_up_honour_marks(struct weft_up_job *job)
{
	struct weft_change change = weft_up_change(job, WEFT_CHANGE_FILE);
	struct weft_host *host = job->ctx->host;
	bool good;

	if (!job->policy.ip4)
		return true;
	if (host->read(host, WEFT_POLICY_ROUTE_MARKS, &change.old_text))
		return weft_complain(job->ctx, "%s: cannot read %s: %s", job->profile->name,
				     WEFT_POLICY_ROUTE_MARKS, host->error);
	change.path = strdup(WEFT_POLICY_ROUTE_MARKS);
	change.text = strdup("1");
	good = (change.path && change.text) || weft_up_no_memory(job);
	if (good && strcmp(change.old_text, "1"))
		return weft_journal_leave(&job->journal, &change);
	weft_change_clear(&change);
	return good;
}

bool weft_up_add_rules(struct weft_up_job *job)
{
	struct weft_rules missing = { };
	bool good;

	good = weft_policy_route_missing_rules(&job->policy, &job->state.rules,
					       &missing);
	if (!good && errno == ENOMEM)
		weft_up_no_memory(job);
	else if (!good)
		weft_complain(job->ctx,
			      "%s: no priority is free before the first routing rule: give that rule a larger number",
			      job->profile->name);
	else
		good = up_do_rules(job, WEFT_CHANGE_RULE_ADD, &missing);
	weft_host_rules_free(&missing);
	return good;
}

/* A link that was set down has lost its routes; its rules are found by the recorded table. */
static bool up_delete_recorded_rules(struct weft_up_job *job)
{
	struct weft_record past = { };
	struct weft_state now = { };
	bool good = true;
	size_t i;

	for (i = 0; i < job->record.table_count; i++)
		if (job->record.tables[i] != job->policy.table)
			weft_record_add_table(&past, job->record.tables[i]);
	if (past.table_count)
		good = weft_state_read_rules(job->ctx, job->profile->name, &now.rules) &&
		       weft_leftover_rules(&job->journal, &past, &now, job->state.link.index);
	weft_host_rules_free(&now.rules);
	return good;
}

bool weft_up_delete_rules(struct weft_up_job *job)
{
	struct weft_rules stale = { };
	bool good;

	if (!weft_policy_route_stale_rules(&job->policy, &job->state, &stale))
		good = weft_up_no_memory(job);
	else
		good = up_do_rules(job, WEFT_CHANGE_RULE_DELETE, &stale);
	weft_host_rules_free(&stale);
	return good && (job->fresh || job->beside || up_delete_recorded_rules(job));
}

/* False: no memory. */
static bool up_had_defaults(struct weft_up_job *job, bool *yes)
{
	struct weft_policy_route none = { };
	struct weft_rules had = { };
	bool good;

	good = weft_policy_route_stale_rules(&none, &job->state, &had);
	*yes = had.count;
	weft_host_rules_free(&had);
	return good;
}

bool weft_up_drop_firewall(struct weft_up_job *job)
{
	struct weft_change change;
	bool had;

	if (job->policy.table)
		return true;
	if (!up_had_defaults(job, &had))
		return weft_up_no_memory(job);
	/* A killed "up" may have deleted the rules, but not the table. */
	if (!had && (job->beside || !job->record.table_count))
		return true;
	if (!weft_firewall_build_removal(job->ctx->host,
					 job->profile->name, &change))
		return weft_up_no_memory(job);
	return weft_journal_do(&job->journal, &change);
}
