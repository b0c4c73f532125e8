// SPDX-License-Identifier: GPL-2.0
/*
 * weft up:
 *
 *   weft_command_up(): locates the file, takes the interface's lock, reads the profile
 *     weft_check_profile()
 *     weft_up()
 *       up_read(): the present state, the record of an earlier up, what is left of it
 *       up_run()
 *         up_do_steps(): each step notes in the journal how it is undone
 *         up_succeed(), or up_undo(): the journal backwards
 *
 * A reload is the same: each step changes only what differs from the state.
 */
#include <errno.h>
#include <linux/weft.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "apply/dns.h"
#include "apply/forwarding.h"
#include "apply/hook.h"
#include "apply/journal.h"
#include "apply/leftover.h"
#include "apply/lock.h"
#include "apply/plan.h"
#include "apply/policy_route.h"
#include "apply/state.h"
#include "apply/sync.h"
#include "apply/up.h"
#include "apply/up_job.h"
#include "base/array.h"
#include "base/complain.h"
#include "base/signals.h"
#include "conf/profile.h"
#include "conf/record.h"
#include "conf/resolve.h"
#include "genl/backend.h"
#include "model/format.h"

bool weft_up_no_memory(struct weft_up_job *job)
{
	return weft_complain(job->ctx, "%s: out of memory", job->profile->name);
}

struct weft_change weft_up_change(struct weft_up_job *job, enum weft_change_kind kind)
{
	struct weft_change change = { .kind = kind };

	memcpy(change.dev, job->profile->name, sizeof(change.dev));
	return change;
}

static bool up_run_hooks(struct weft_up_job *job, enum weft_profile_hook hook)
{
	if (!job->fresh || !job->profile->hooks[hook].count)
		return true;
	job->record.reached = hook;
	return weft_up_write_record(job) &&
	       weft_hook_run(job->ctx, job->profile, hook);
}

/* Before any change: without a service for its name servers a tunnel does not come up. */
static bool up_choose_dns(struct weft_up_job *job)
{
	const struct weft_profile *profile = job->profile;

	if (!profile->dns.count && !profile->search.count)
		return true;
	job->dns = weft_dns_choose(job->ctx, profile->name);
	return job->dns != WEFT_DNS_NONE;
}

static bool up_begin(struct weft_up_job *job)
{
	return up_run_hooks(job, WEFT_HOOK_PRE_UP);
}

static void up_warn_unresolved(struct weft_up_job *job)
{
	const char *name = job->profile->name;
	const struct weft_peer *peer;

	for (peer = job->profile->dev->peers; peer; peer = peer->next)
		if (peer->unresolved && peer->endpoint.any.sa_family == AF_UNSPEC)
			weft_warn(job->ctx, "%s: peer %s %s until it sends a handshake or 'weft resolve %s' finds an address",
				  name, weft_format_peer(peer).chars,
				  job->fresh ? "comes up without an endpoint" :
							 "keeps its endpoint", name);
}

/*
 * Names are looked up after PreUp, which may make name servers reachable. A name
 * without an address keeps no other peer down. For a running interface there is
 * one lookup without retries: its peers keep their endpoints.
 */
static bool up_resolve(struct weft_up_job *job)
{
	struct weft_context ctx = *job->ctx;

	if (!job->fresh) {
		ctx.retries = 0;
		ctx.patience_ms = WEFT_RESOLVE_RELOAD_MS;
	}
	if (!weft_resolve_leniently(&ctx, job->profile->path,
				    job->profile->dev))
		return false;
	up_warn_unresolved(job);
	return true;
}

/* The defaults of weft's links for settings that the file leaves out. */
static void up_choose_own(struct weft_up_job *job, struct weft_device *dev)
{
	if (!job->fresh && job->state.dev->kind != WEFT_KIND_WEFT)
		return;
	if (!(dev->has & WEFT_DEVICE_HAS_PMTU))
		dev->pmtu = 1;
	if (!(dev->has & WEFT_DEVICE_HAS_DSCP))
		dev->dscp = WEFT_DSCP_OFF;
	dev->has |= WEFT_DEVICE_HAS_PMTU | WEFT_DEVICE_HAS_DSCP;
}

static bool up_plan(struct weft_up_job *job)
{
	struct weft_device *dev = job->profile->dev;

	if (!weft_plan_check(job->ctx, job->profile) ||
	    !weft_policy_route_plan(job->ctx, job->profile, &job->state,
				    &job->policy))
		return false;
	if (job->policy.table)
		dev->fwmark = job->policy.table;
	up_choose_own(job, dev);
	/* A PostUp may have set a key that the file does not have. */
	if (weft_key_is_zero(&dev->private_key))
		dev->has &= ~WEFT_DEVICE_HAS_PRIVATE_KEY;
	weft_state_sort(job->addresses);
	if (!weft_plan_routes(job->profile, &job->policy, &job->state,
			      &job->routes))
		return weft_up_no_memory(job);
	return weft_plan_mtu(job->ctx, job->profile, &job->state, dev->fwmark,
			     &job->mtu);
}

static bool up_make_link(struct weft_up_job *job)
{
	struct weft_change change = weft_up_change(job, WEFT_CHANGE_LINK_ADD);
	struct weft_host *host = job->ctx->host;

	if (!job->fresh)
		return true;
	change.link_kind = WEFT_KIND_WEFT;
	if (!weft_journal_do(&job->journal, &change)) {
		job->lost = !host->link(host, job->profile->name,
					&job->state.link) &&
			    job->state.link.index;
		return false;
	}
	if (!host->link(host, job->profile->name, &job->state.link))
		return weft_up_record_link(job);
	return weft_complain(job->ctx, "%s: cannot read the link: %s", job->profile->name,
			     host->error);
}

/* Whether the file has a previous key whose grace is not over. */
static bool up_has_previous(const struct weft_up_job *job)
{
	const struct weft_profile *profile = job->profile;

	return !weft_key_is_zero(&profile->previous_key) &&
	       (!profile->grace_until ||
		profile->grace_until > job->ctx->now);
}

/*
 * The previous key is set first, and then rotated to the key of the file. An
 * interface that has the previous key keeps it until the rotation.
 */
static bool up_rotates(struct weft_up_job *job)
{
	struct weft_device *want = job->profile->dev;
	const struct weft_key *previous = &job->profile->previous_key;

	return up_has_previous(job) &&
	       want->has & WEFT_DEVICE_HAS_PRIVATE_KEY &&
	       !weft_key_is_zero(&want->private_key) &&
	       !weft_key_equal(previous, &want->private_key) &&
	       (job->fresh || (job->state.dev->kind == WEFT_KIND_WEFT &&
			       weft_key_equal(&job->state.dev->private_key, previous)));
}

static bool up_rotate(struct weft_up_job *job)
{
	struct weft_backend *backend = job->ctx->backend;
	struct weft_profile *profile = job->profile;
	struct weft_rotation rotation = {
		.action = WEFT_ROTATE_ACTION_BEGIN,
		.private_key = job->rotate_to,
	};
	int err;

	if (weft_key_is_zero(&job->rotate_to))
		return true;
	if (profile->grace_until)
		rotation.grace = profile->grace_until - job->ctx->now;
	err = backend->rotate(backend, profile->name, &rotation);
	weft_key_wipe(&rotation.private_key);
	weft_key_wipe(&job->rotate_to);
	if (err)
		weft_complain(job->ctx,
			      "%s: cannot rotate from the previous key to the key of the file: %s",
			      profile->name, backend->error);
	return !err;
}

static bool up_configure(struct weft_up_job *job)
{
	struct weft_device *want = job->profile->dev;

	if (up_rotates(job)) {
		job->rotate_to = want->private_key;
		want->private_key = job->profile->previous_key;
	}
	if (job->fresh)
		return weft_journal_configure(&job->journal, want, NULL);
	if (!weft_sync_reduce(job->state.dev, want))
		return weft_up_no_memory(job);
	return weft_sync_is_empty(want) ||
	       weft_journal_configure(&job->journal, want, job->state.dev);
}

static bool up_set_mtu(struct weft_up_job *job)
{
	struct weft_change change = weft_up_change(job, WEFT_CHANGE_LINK_MTU);

	change.mtu = job->mtu;
	change.old_mtu = job->state.link.mtu;
	return weft_journal_do(&job->journal, &change);
}

/* IPv6 needs an MTU of 1280 before its addresses and routes are added, until they are deleted. */
static bool up_raise_mtu(struct weft_up_job *job)
{
	return job->mtu <= job->state.link.mtu || up_set_mtu(job);
}

static bool up_lower_mtu(struct weft_up_job *job)
{
	return job->mtu >= job->state.link.mtu || up_set_mtu(job);
}

static bool up_set_link_up(struct weft_up_job *job)
{
	struct weft_change change = weft_up_change(job, WEFT_CHANGE_LINK_UP);

	return job->state.link.up || weft_journal_do(&job->journal, &change);
}

static bool up_forward(struct weft_up_job *job)
{
	return weft_forwarding_apply(job->ctx, job->profile, &job->journal);
}

/* A record of an earlier version has the service without the servers. */
static void up_note_dns(struct weft_up_job *job)
{
	const struct weft_record *record = &job->record;

	job->former.known = job->fresh ||
			    (record->there && (record->dns == WEFT_DNS_NONE ||
					       record->servers.count || record->search.count));
	if (job->fresh)
		return;
	job->former.dns = record->dns;
	if (job->beside)
		return;
	job->former.servers = job->before.servers;
	job->former.search = job->before.search;
}

/*
 * After all other steps that may fail, except PostUp and a rotation: an undo restores
 * the recorded name servers, which may not be all that the service had.
 */
static bool up_set_dns(struct weft_up_job *job)
{
	const struct weft_dns_state *former = &job->former;
	const struct weft_dns_state wanted = {
		.known = true, .dns = job->dns,
		.servers = job->profile->dns, .search = job->profile->search,
	};

	return (former->dns == job->dns || weft_dns_replace(&job->journal, former)) &&
	       weft_up_record_dns(job) && weft_dns_set(&job->journal, &wanted, former);
}

static bool up_end(struct weft_up_job *job)
{
	return up_run_hooks(job, WEFT_HOOK_POST_UP);
}

static bool up_go_on(struct weft_up_job *job)
{
	if (!weft_signals_caught())
		return true;
	return weft_complain(job->ctx, "%s: interrupted by signal %d", job->profile->name,
			     weft_signals_caught());
}

static bool up_do_steps(struct weft_up_job *job)
{
	static bool (* const steps[])(struct weft_up_job *job) = {
		up_choose_dns, weft_up_record, up_begin, up_resolve,
		weft_up_lock_rules, up_plan, weft_up_record_policy,
		up_make_link, up_configure, up_raise_mtu, weft_up_add_addresses,
		up_set_link_up, weft_up_add_routes,
		weft_up_make_firewall, weft_up_honour_marks, weft_up_add_rules,
		weft_up_delete_rules, weft_up_unlock_rules, weft_up_delete_addresses,
		weft_up_add_blocked_routes, weft_up_delete_routes, up_lower_mtu,
		weft_up_drop_firewall,
		up_forward, up_set_dns, up_rotate, up_end,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(steps); i++)
		if (!steps[i](job) || !up_go_on(job))
			return false;
	return true;
}

/*
 * Only the hooks of "down" can undo the effects of hooks. For an interface that
 * another process has created, that process runs them.
 */
static void up_undo(struct weft_up_job *job)
{
	enum weft_profile_hook reached = job->fresh ? job->record.reached :
						      WEFT_HOOK_COUNT;
	bool good = true, undone;

	if (reached == WEFT_HOOK_POST_UP)
		good = weft_hook_run(job->ctx, job->profile, WEFT_HOOK_PRE_DOWN);
	undone = weft_journal_undo(&job->journal);
	if (reached != WEFT_HOOK_COUNT && !job->lost)
		good &= weft_hook_run(job->ctx, job->profile, WEFT_HOOK_POST_DOWN);
	weft_up_unrecord(job, undone);
	good &= undone;
	weft_complain(job->ctx, good ? "%s: all changes are undone" :
				     "%s: some changes could not be undone, and stay",
		      job->profile->name);
}

/* A leftover that cannot be removed does not keep the tunnel down, and joins its record. */
static void up_pass_over_leftover(struct weft_up_job *job)
{
	weft_warn(job->ctx, "%s: the interface comes up, and the rest that could not be removed stays",
		  job->profile->name);
	job->before = job->record;
	job->beside = true;
	memset(&job->record, 0, sizeof(job->record));
	job->record.reached = WEFT_HOOK_COUNT;
}

/* If the recorded link was deleted or replaced, its leftovers are removed first. */
static bool up_read(struct weft_up_job *job)
{
	const char *name = job->profile->name;

	if (!weft_state_read(job->ctx, name, &job->state))
		return false;
	weft_record_read(job->ctx, name, &job->record);
	if (!job->ctx->nested &&
	    weft_leftover_is_there(&job->record, &job->state)) {
		weft_leftover_clear(job->ctx, name, &job->record, &job->state);
		if (job->record.there)
			up_pass_over_leftover(job);
		weft_state_free(&job->state);
		if (!weft_state_read(job->ctx, name, &job->state))
			return false;
	} else if (job->record.there) {
		weft_record_read(job->ctx, name, &job->before);
		if (!job->before.there)
			return false;
	}
	job->fresh = !job->state.link.index;
	up_note_dns(job);
	return true;
}

/* A hook may delete the link, or run "weft down". */
static bool up_is_gone(const struct weft_up_job *job)
{
	struct weft_host *host = job->ctx->host;
	struct weft_host_link now = { };

	return job->state.link.index && !job->lost &&
	       !host->link(host, job->profile->name, &now) &&
	       now.index != job->state.link.index;
}

static void up_succeed(struct weft_up_job *job)
{
	weft_up_record_end(job);
	weft_forwarding_warn(job->ctx, job->profile);
	weft_plan_warn(job->ctx, job->profile);
}

static bool up_run(struct weft_up_job *job)
{
	bool good = up_do_steps(job), gone = up_is_gone(job);

	/* A step may have failed under the lock, and the undo runs hooks. */
	weft_up_unlock_rules(job);
	if (good && !gone) {
		up_succeed(job);
		return true;
	}
	if (gone)
		weft_complain(job->ctx, "%s: a hook has deleted the interface: it is not up",
			      job->profile->name);
	if (!gone || !weft_up_was_taken_down(job))
		up_undo(job);
	return false;
}

bool weft_up(const struct weft_context *ctx, struct weft_profile *profile)
{
	struct weft_up_job job = {
		.ctx = ctx, .profile = profile,
		.addresses = &profile->addresses,
		.journal = { .ctx = ctx, .name = profile->name },
		.rules_lock = { .fd = -1 },
	};
	bool good;

	weft_signals_heed();
	weft_signals_outlive_reader();
	good = up_read(&job) && up_run(&job);
	weft_journal_free(&job.journal);
	weft_host_routes_free(&job.routes);
	weft_record_free(&job.before);
	weft_record_free(&job.record);
	weft_state_free(&job.state);
	return good;
}
