// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "dns.h"
#include "firewall.h"
#include "hook.h"
#include "journal.h"
#include "policy.h"
#include "profile.h"
#include "report.h"
#include "save.h"
#include "state.h"
#include "up.h"

/* One interface on its way down; nothing of it is ever taken back. */
struct down_job {
	const struct weft_context *ctx;
	const struct weft_profile *profile;
	struct weft_state state;
	struct weft_journal journal;
};

static bool down_no_memory(struct down_job *job)
{
	weft_report(job->ctx, "%s: out of memory", job->profile->name);
	return false;
}

static bool down_dns(struct down_job *job)
{
	struct weft_change change;

	if (!job->profile->dns.count && !job->profile->search.count)
		return true;
	if (!weft_dns_build_removal(job->profile->name, &change))
		return down_no_memory(job);
	return weft_journal_do(&job->journal, &change);
}

static bool down_firewall(struct down_job *job)
{
	struct weft_change change;

	if (!weft_firewall_build_removal(job->ctx->network, job->profile->name,
					 &change))
		return down_no_memory(job);
	return weft_journal_do(&job->journal, &change);
}

static bool down_rule(struct down_job *job, const struct weft_rule *rule)
{
	struct weft_change change = { .kind = WEFT_CHANGE_RULE_DELETE };

	memcpy(change.dev, job->profile->name, sizeof(change.dev));
	change.rule = *rule;
	return weft_journal_do(&job->journal, &change);
}

static bool down_policy(struct down_job *job)
{
	struct weft_policy none = { };
	struct weft_rules rules = { };
	bool good;
	size_t i;

	good = weft_policy_stale_rules(&none, &job->state, &rules) ||
	       down_no_memory(job);
	if (rules.count)
		good &= down_firewall(job);
	for (i = 0; i < rules.count; i++)
		good &= down_rule(job, &rules.items[i]);
	weft_network_rules_free(&rules);
	return good;
}

/* Addresses and routes go with it. */
static bool down_link(struct down_job *job)
{
	struct weft_change change = { .kind = WEFT_CHANGE_LINK_DELETE };

	memcpy(change.dev, job->profile->name, sizeof(change.dev));
	return weft_journal_do(&job->journal, &change);
}

static bool down_remove(struct down_job *job)
{
	bool good;

	good = down_dns(job);
	good &= down_policy(job);
	good &= down_link(job);
	return good & weft_hook_run(job->ctx, job->profile,
				    WEFT_HOOK_POST_DOWN);
}

/* Nothing has happened yet when a PreDown fails, or the file cannot be saved. */
static bool down_prepare(struct down_job *job)
{
	if (!job->state.link.index) {
		weft_report(job->ctx, "%s: it is not up", job->profile->name);
		return false;
	}
	return weft_hook_run(job->ctx, job->profile, WEFT_HOOK_PRE_DOWN) &&
	       (!job->profile->save || weft_save(job->ctx, job->profile));
}

bool weft_down(const struct weft_context *ctx,
	       const struct weft_profile *profile)
{
	struct down_job job = {
		.ctx = ctx, .profile = profile,
		.journal = { .ctx = ctx, .name = profile->name },
	};
	bool good;

	if (!weft_state_read(ctx, profile->name, &job.state))
		return false;
	good = down_prepare(&job) && down_remove(&job);
	weft_journal_free(&job.journal);
	weft_state_free(&job.state);
	return good;
}
