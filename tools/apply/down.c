// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "apply/dns.h"
#include "apply/firewall.h"
#include "apply/hook.h"
#include "apply/journal.h"
#include "apply/leftover.h"
#include "apply/policy_route.h"
#include "apply/save.h"
#include "apply/state.h"
#include "apply/up.h"
#include "base/complain.h"
#include "base/signals.h"
#include "conf/locate.h"
#include "conf/profile.h"
#include "conf/record.h"

/* One interface that is taken down; no step is undone. */
struct down_job {
	const struct weft_context *ctx;
	const struct weft_profile *profile;
	struct weft_state state;
	struct weft_record record;
	struct weft_journal journal;
};

/* According to the record of "up", or to the file without a record. */
static bool down_dns(struct down_job *job)
{
	const struct weft_profile *profile = job->profile;
	enum weft_dns dns = job->record.dns;

	if (!job->record.there && (profile->dns.count || profile->search.count))
		dns = weft_dns_choose(job->ctx, profile->name);
	return weft_dns_unset(&job->journal, dns);
}

static bool down_firewall(struct down_job *job)
{
	struct weft_change change;

	if (!weft_firewall_build_removal(job->ctx->host, job->profile->name,
					 &change))
		return weft_complain(job->ctx, "%s: out of memory", job->profile->name);
	return weft_journal_do(&job->journal, &change);
}

static bool down_rule(struct down_job *job, const struct weft_rule *rule)
{
	struct weft_change change = { .kind = WEFT_CHANGE_RULE_DELETE };

	memcpy(change.dev, job->profile->name, sizeof(change.dev));
	change.rule = *rule;
	return weft_journal_do(&job->journal, &change);
}

/*
 * A link that was set down has lost its routes, but not the rules; an MTU below
 * IPv6's minimum removes the routes of that family alone.
 */
static bool down_policy(struct down_job *job)
{
	struct weft_policy_route none = { };
	struct weft_rules rules = { };
	bool good;
	size_t i;

	good = weft_policy_route_stale_rules(&none, &job->state, &rules) ||
	       weft_complain(job->ctx, "%s: out of memory", job->profile->name);
	if (rules.count || job->record.table_count)
		good &= down_firewall(job);
	for (i = 0; i < rules.count; i++)
		good &= down_rule(job, &rules.items[i]);
	good &= weft_leftover_rules_alone(&job->journal, &job->record, job->state.link.index);
	weft_host_rules_free(&rules);
	return good;
}

/* The kernel deletes addresses and routes with the link. */
static bool down_link(struct down_job *job)
{
	struct weft_change change = { .kind = WEFT_CHANGE_LINK_DELETE };

	memcpy(change.dev, job->profile->name, sizeof(change.dev));
	return weft_journal_do(&job->journal, &change);
}

/* After a crash the next command continues from here, and does not run PreDown again. */
static void down_record(struct down_job *job)
{
	job->record.falling = true;
	if (job->record.there)
		weft_record_write(job->ctx, job->profile->name, &job->record);
}

/* A record that stays makes the next command undo the rest. */
static void down_record_end(struct down_job *job, bool undone)
{
	if (undone) {
		weft_record_remove(job->ctx, job->profile->name);
		return;
	}
	weft_record_keep(&job->record);
	down_record(job);
}

static bool down_remove(struct down_job *job)
{
	bool dns, undone, good;

	down_record(job);
	dns = down_dns(job);
	undone = down_policy(job);
	undone &= down_link(job);
	good = weft_hook_run(job->ctx, job->profile, WEFT_HOOK_POST_DOWN);
	/* systemd-resolved forgets a deleted link. */
	down_record_end(job, undone && (dns || job->record.dns == WEFT_DNS_RESOLVED));
	return dns && undone && good;
}

/* Reads the file again: a PreDown may have written it, for example by "weft save". */
static bool down_save_anew(struct down_job *job)
{
	struct weft_location location = { .path = job->profile->path };
	struct weft_profile *profile;
	bool good;

	memcpy(location.name, job->profile->name, sizeof(location.name));
	profile = weft_locate_read(job->ctx, &location);
	good = profile && (!profile->save || weft_save(job->ctx, profile));
	weft_profile_free(profile);
	return good;
}

/* A failure to write the file does not keep the tunnel up; the exit status reports it. */
static bool down_save(struct down_job *job)
{
	return !job->profile->save || down_save_anew(job);
}

/* A failing PreDown stops "down" before any change. */
static bool down_stop(struct down_job *job)
{
	bool saved;

	if (!weft_hook_run(job->ctx, job->profile, WEFT_HOOK_PRE_DOWN))
		return false;
	saved = down_save(job);
	return down_remove(job) && saved;
}

/* For a record of another or a deleted link, only that record is undone. */
static bool down_run(struct down_job *job)
{
	const char *name = job->profile->name;
	bool good = true, left;

	left = !job->ctx->nested &&
	       weft_leftover_is_there(&job->record, &job->state);
	if (left) {
		good = weft_leftover_clear(job->ctx, name, &job->record,
					   &job->state);
		if (job->record.there)
			return false;
		weft_state_free(&job->state);
		if (!weft_state_read(job->ctx, name, &job->state))
			return false;
	}
	if (job->state.link.index)
		return down_stop(job) && good;
	if (!left)
		weft_complain(job->ctx, "%s: the interface is not up", name);
	return left && good;
}

bool weft_down(const struct weft_context *ctx,
	       const struct weft_profile *profile)
{
	struct down_job job = {
		.ctx = ctx, .profile = profile,
		.journal = { .ctx = ctx, .name = profile->name },
	};
	bool good;

	weft_signals_outlive_reader();
	if (!weft_state_read(ctx, profile->name, &job.state))
		return false;
	weft_record_read(ctx, profile->name, &job.record);
	good = down_run(&job);
	weft_journal_free(&job.journal);
	weft_record_free(&job.record);
	weft_state_free(&job.state);
	return good;
}
