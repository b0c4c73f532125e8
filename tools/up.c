// SPDX-License-Identifier: GPL-2.0
#include <linux/weft.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "array.h"
#include "backend.h"
#include "dns.h"
#include "firewall.h"
#include "forwarding.h"
#include "hook.h"
#include "journal.h"
#include "plan.h"
#include "policy.h"
#include "profile.h"
#include "report.h"
#include "resolve.h"
#include "state.h"
#include "sync.h"
#include "up.h"

/**
 * struct up_job - one interface on its way up
 * @ctx: what it is done with
 * @profile: what is wanted
 * @state: what was there before
 * @fresh: there was no link
 * @policy: for default routes
 * @routes: what is wanted, sorted
 * @addresses: what is wanted, sorted
 * @mtu: what is wanted
 * @journal: what has been done
 * @forged: the firewall's table has to be made anew
 * @hook_reached: the last of the up hooks that was begun, or WEFT_HOOK_COUNT
 */
struct up_job {
	const struct weft_context *ctx;
	struct weft_profile *profile;
	struct weft_state state;
	bool fresh;
	struct weft_policy policy;
	struct weft_routes routes;
	struct weft_routes *addresses;
	unsigned int mtu;
	struct weft_journal journal;
	bool forged;
	struct weft_key rotate_to;	/* all zero: to none */
	enum weft_profile_hook hook_reached;
};

static bool up_no_memory(struct up_job *job)
{
	weft_report(job->ctx, "%s: out of memory", job->profile->name);
	return false;
}

static struct weft_change up_change(struct up_job *job,
				    enum weft_change_kind kind)
{
	struct weft_change change = { .kind = kind };

	memcpy(change.dev, job->profile->name, sizeof(change.dev));
	return change;
}

static bool up_do_route(struct up_job *job, enum weft_change_kind kind,
			const struct weft_route *route)
{
	struct weft_change change = up_change(job, kind);

	change.route = *route;
	return weft_journal_do(&job->journal, &change);
}

static bool up_do_rules(struct up_job *job, enum weft_change_kind kind,
			const struct weft_rules *rules)
{
	struct weft_change change;
	size_t i;

	for (i = 0; i < rules->count; i++) {
		change = up_change(job, kind);
		change.rule = rules->items[i];
		if (!weft_journal_do(&job->journal, &change))
			return false;
	}
	return true;
}

static bool up_run_hooks(struct up_job *job, enum weft_profile_hook hook)
{
	if (!job->fresh || !job->profile->hooks[hook].count)
		return true;
	job->hook_reached = hook;
	return weft_hook_run(job->ctx, job->profile, hook);
}

static bool up_begin(struct up_job *job)
{
	return up_run_hooks(job, WEFT_HOOK_PRE_UP);
}

/* Names are looked up behind PreUp, which may be what makes that possible. */
static bool up_resolve(struct up_job *job)
{
	return weft_resolve_device(job->ctx, job->profile->path,
				   job->profile->dev);
}

/* What weft's links have unless the file says otherwise. */
static void up_choose_own(struct up_job *job, struct weft_device *dev)
{
	if (!job->fresh && job->state.dev->kind != WEFT_KIND_WEFT)
		return;
	if (!(dev->has & WEFT_DEVICE_HAS_PMTU))
		dev->pmtu = 1;
	if (!(dev->has & WEFT_DEVICE_HAS_DSCP))
		dev->dscp = WEFT_DSCP_OFF;
	dev->has |= WEFT_DEVICE_HAS_PMTU | WEFT_DEVICE_HAS_DSCP;
}

static bool up_plan(struct up_job *job)
{
	struct weft_device *dev = job->profile->dev;

	if (!weft_policy_plan(job->ctx, job->profile, &job->state,
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
		return up_no_memory(job);
	return weft_plan_mtu(job->ctx, job->profile, dev->fwmark, &job->mtu);
}

static bool up_make_link(struct up_job *job)
{
	struct weft_change change = up_change(job, WEFT_CHANGE_LINK_ADD);
	struct weft_network *network = job->ctx->network;

	if (!job->fresh)
		return true;
	change.link_kind = WEFT_KIND_WEFT;
	if (!weft_journal_do(&job->journal, &change))
		return false;
	if (!network->link(network, job->profile->name, &job->state.link))
		return true;
	weft_report(job->ctx, "%s: cannot read the link: %s",
		    job->profile->name, network->error);
	return false;
}

/* Whether the file has a key from before that is good still. */
static bool up_has_previous(const struct up_job *job)
{
	const struct weft_profile *profile = job->profile;

	return !weft_key_is_zero(&profile->previous_key) &&
	       (!profile->grace_until ||
		profile->grace_until > job->ctx->now);
}

/*
 * The key from before comes first, and then the rotation to the one that the
 * file has: as it was. An interface that has the key from before stays at it.
 */
static bool up_rotates(struct up_job *job)
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

static bool up_rotate(struct up_job *job)
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
		weft_report(job->ctx, "%s: cannot set its key beside the one from before: %s",
			    profile->name, backend->error);
	return !err;
}

static bool up_configure(struct up_job *job)
{
	struct weft_device *want = job->profile->dev;

	if (up_rotates(job)) {
		job->rotate_to = want->private_key;
		want->private_key = job->profile->previous_key;
	}
	if (job->fresh)
		return weft_journal_configure(&job->journal, want, NULL);
	if (!weft_sync_reduce(job->state.dev, want))
		return up_no_memory(job);
	return weft_sync_is_empty(want) ||
	       weft_journal_configure(&job->journal, want, job->state.dev);
}

/* Of IPv6 one address cannot have two lengths. */
static bool up_drop_other_length(struct up_job *job,
				 const struct weft_allowedip *wanted)
{
	const struct weft_routes *have = &job->state.addresses;
	struct weft_allowedip other;
	size_t i;

	for (i = 0; i < have->count; i++) {
		other = have->items[i].prefix;
		other.cidr = wanted->cidr;
		if (wanted->family != AF_INET6 ||
		    have->items[i].protocol != WEFT_PROTOCOL ||
		    weft_model_allowedip_compare(&other, wanted))
			continue;
		if (!up_do_route(job, WEFT_CHANGE_ADDRESS_DELETE,
				 &have->items[i]))
			return false;
	}
	return true;
}

static bool up_add_addresses(struct up_job *job)
{
	const struct weft_route *wanted;
	size_t i;

	for (i = 0; i < job->addresses->count; i++) {
		wanted = &job->addresses->items[i];
		/* The file may have it twice, and it is sorted. */
		if ((i && !weft_model_allowedip_compare(&wanted[-1].prefix,
							&wanted->prefix)) ||
		    weft_state_find(&job->state.addresses, &wanted->prefix, 0))
			continue;
		job->forged = true;
		if (!up_drop_other_length(job, &wanted->prefix) ||
		    !up_do_route(job, WEFT_CHANGE_ADDRESS_ADD, wanted))
			return false;
	}
	return true;
}

static bool up_set_mtu(struct up_job *job)
{
	struct weft_change change = up_change(job, WEFT_CHANGE_LINK_MTU);

	change.mtu = job->mtu;
	change.old_mtu = job->state.link.mtu;
	return weft_journal_do(&job->journal, &change);
}

/* IPv6 addresses need 1280: before they come, and after they have gone. */
static bool up_raise_mtu(struct up_job *job)
{
	return job->mtu <= job->state.link.mtu || up_set_mtu(job);
}

static bool up_lower_mtu(struct up_job *job)
{
	return job->mtu >= job->state.link.mtu || up_set_mtu(job);
}

static bool up_set_link_up(struct up_job *job)
{
	struct weft_change change = up_change(job, WEFT_CHANGE_LINK_UP);

	return job->state.link.up || weft_journal_do(&job->journal, &change);
}

/* An address that is to go holds the place of this route. */
static bool up_is_blocked(const struct weft_route *have)
{
	return have && have->protocol != WEFT_PROTOCOL;
}

static bool up_add_routes(struct up_job *job)
{
	const struct weft_route *wanted;
	size_t i;

	for (i = 0; i < job->routes.count; i++) {
		wanted = &job->routes.items[i];
		if (!weft_state_find(&job->state.routes, &wanted->prefix,
				     wanted->table) &&
		    !up_do_route(job, WEFT_CHANGE_ROUTE_ADD, wanted))
			return false;
	}
	return true;
}

/* Addresses, the mark and the families are written into the firewall. */
static bool up_compare_firewall(struct up_job *job)
{
	const struct weft_routes *have = &job->state.addresses;
	struct weft_rules differing = { };
	bool good;
	size_t i;

	for (i = 0; i < have->count; i++)
		if (have->items[i].protocol == WEFT_PROTOCOL &&
		    !weft_state_find(job->addresses, &have->items[i].prefix, 0))
			job->forged = true;
	good = weft_policy_missing_rules(&job->policy, &job->state.rules,
					 &differing) &&
	       weft_policy_stale_rules(&job->policy, &job->state, &differing);
	if (differing.count)
		job->forged = true;
	weft_network_rules_free(&differing);
	return good;
}

static bool up_make_firewall(struct up_job *job)
{
	const char *name = job->profile->name;
	struct weft_change change;

	/* What cannot be compared fails later, and says why. */
	if (!job->policy.table || !up_compare_firewall(job))
		return true;
	if (!job->forged && !job->fresh &&
	    weft_firewall_is_there(job->ctx->network, name))
		return true;
	if (!weft_firewall_build(job->ctx->network, job->profile, &job->policy,
				 &change))
		return up_no_memory(job);
	return weft_journal_do(&job->journal, &change);
}

/* Without it the reverse path filter does not look at marks. */
static bool up_honour_marks(struct up_job *job)
{
	static const char path[] = "/proc/sys/net/ipv4/conf/all/src_valid_mark";
	struct weft_change change = up_change(job, WEFT_CHANGE_FILE);
	struct weft_network *network = job->ctx->network;

	if (!job->policy.ip4)
		return true;
	if (network->read(network, path, &change.old_text)) {
		weft_report(job->ctx, "%s: cannot read %s: %s",
			    job->profile->name, path, network->error);
		return false;
	}
	change.path = strdup(path);
	change.text = strdup("1");
	if (change.path && change.text && strcmp(change.old_text, "1"))
		return weft_journal_do(&job->journal, &change);
	weft_change_clear(&change);
	return true;
}

static bool up_add_rules(struct up_job *job)
{
	struct weft_rules missing = { };
	bool good;

	good = weft_policy_missing_rules(&job->policy, &job->state.rules,
					 &missing);
	if (!good)
		weft_report(job->ctx, "%s: there is no place in front of the first routing rule",
			    job->profile->name);
	else
		good = up_do_rules(job, WEFT_CHANGE_RULE_ADD, &missing);
	weft_network_rules_free(&missing);
	return good;
}

static bool up_delete_rules(struct up_job *job)
{
	struct weft_rules stale = { };
	bool good;

	if (!weft_policy_stale_rules(&job->policy, &job->state, &stale))
		good = up_no_memory(job);
	else
		good = up_do_rules(job, WEFT_CHANGE_RULE_DELETE, &stale);
	weft_network_rules_free(&stale);
	return good;
}

/* Or the kernel would take the others of the same network with the first. */
static bool up_keep_secondaries(struct up_job *job)
{
	struct weft_change change = up_change(job, WEFT_CHANGE_FILE);
	struct weft_network *network = job->ctx->network;

	if (asprintf(&change.path, "/proc/sys/net/ipv4/conf/%s/promote_secondaries",
		     job->profile->name) < 0)
		change.path = NULL;
	change.text = strdup("1");
	if (change.path && change.text &&
	    !network->read(network, change.path, &change.old_text) &&
	    strcmp(change.old_text, "1"))
		return weft_journal_do(&job->journal, &change);
	weft_change_clear(&change);
	return true;
}

static bool up_is_replaced(struct up_job *job, const struct weft_allowedip *ip)
{
	struct weft_allowedip other;
	size_t i;

	for (i = 0; ip->family == AF_INET6 && i < job->addresses->count; i++) {
		other = job->addresses->items[i].prefix;
		other.cidr = ip->cidr;
		if (!weft_model_allowedip_compare(&other, ip))
			return true;
	}
	return false;
}

static bool up_delete_addresses(struct up_job *job)
{
	const struct weft_route *have;
	size_t i;

	for (i = 0; i < job->state.addresses.count; i++) {
		have = &job->state.addresses.items[i];
		if (have->protocol != WEFT_PROTOCOL ||
		    weft_state_find(job->addresses, &have->prefix, 0) ||
		    up_is_replaced(job, &have->prefix))
			continue;
		if (!up_keep_secondaries(job) ||
		    !up_do_route(job, WEFT_CHANGE_ADDRESS_DELETE, have))
			return false;
	}
	return true;
}

/* Those whose place an address held. */
static bool up_add_blocked_routes(struct up_job *job)
{
	const struct weft_route *wanted, *have;
	struct weft_routes now = { };
	bool good = true;
	size_t i;

	for (i = 0; good && i < job->routes.count; i++) {
		wanted = &job->routes.items[i];
		have = weft_state_find(&job->state.routes, &wanted->prefix,
				       wanted->table);
		if (up_is_blocked(have) && !now.count) {
			good = !job->ctx->network->routes(job->ctx->network,
							  job->state.link.index,
							  0, &now);
			weft_state_sort(&now);
		}
		if (good && up_is_blocked(have) &&
		    !weft_state_find(&now, &wanted->prefix, wanted->table))
			good = up_do_route(job, WEFT_CHANGE_ROUTE_ADD, wanted);
	}
	weft_network_routes_free(&now);
	return good;
}

static bool up_delete_routes(struct up_job *job)
{
	const struct weft_route *have;
	size_t i;

	for (i = 0; i < job->state.routes.count; i++) {
		have = &job->state.routes.items[i];
		if (have->protocol == WEFT_PROTOCOL &&
		    !weft_state_find(&job->routes, &have->prefix,
				     have->table) &&
		    !up_do_route(job, WEFT_CHANGE_ROUTE_DELETE, have))
			return false;
	}
	return true;
}

static bool up_had_defaults(struct up_job *job)
{
	struct weft_policy none = { };
	struct weft_rules had = { };
	bool yes;

	yes = weft_policy_stale_rules(&none, &job->state, &had) && had.count;
	weft_network_rules_free(&had);
	return yes;
}

static bool up_drop_firewall(struct up_job *job)
{
	struct weft_change change;

	if (job->policy.table || !up_had_defaults(job))
		return true;
	if (!weft_firewall_build_removal(job->ctx->network,
					 job->profile->name, &change))
		return up_no_memory(job);
	return weft_journal_do(&job->journal, &change);
}

static bool up_forward(struct up_job *job)
{
	return weft_forwarding_apply(job->ctx, job->profile, &job->journal);
}

/* Behind all that can fail, PostUp aside: resolvconf cannot give back what it had. */
static bool up_set_dns(struct up_job *job)
{
	const struct weft_profile *profile = job->profile;
	struct weft_change change;

	if (!profile->dns.count && !profile->search.count)
		return true;
	if (!weft_dns_build(profile, &change))
		return up_no_memory(job);
	return weft_journal_do(&job->journal, &change);
}

static bool up_end(struct up_job *job)
{
	return up_run_hooks(job, WEFT_HOOK_POST_UP);
}

static atomic_int up_signal;

static void up_note_signal(int number)
{
	up_signal = number;
}

/* From here on there is something to be undone. */
static bool up_heed_signals(struct up_job *job)
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGTERM };
	struct sigaction action = {
		.sa_handler = up_note_signal, .sa_flags = SA_RESTART,
	};
	struct sigaction old;
	size_t i;

	(void)job;
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		if (!sigaction(numbers[i], NULL, &old) &&
		    old.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
	return true;
}

static bool up_go_on(struct up_job *job)
{
	if (!up_signal)
		return true;
	weft_report(job->ctx, "%s: interrupted by signal %d",
		    job->profile->name, up_signal);
	return false;
}

static bool up_do_steps(struct up_job *job)
{
	static bool (* const steps[])(struct up_job *job) = {
		up_begin, up_resolve, up_plan, up_heed_signals,
		up_make_link, up_configure, up_raise_mtu, up_add_addresses,
		up_set_link_up, up_add_routes,
		up_make_firewall, up_honour_marks, up_add_rules,
		up_delete_rules, up_delete_addresses, up_lower_mtu,
		up_add_blocked_routes, up_delete_routes, up_drop_firewall,
		up_forward, up_set_dns, up_rotate, up_end,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(steps); i++)
		if (!steps[i](job) || !up_go_on(job))
			return false;
	return true;
}

/* What hooks have done only hooks can undo: those of going down. */
static void up_undo(struct up_job *job)
{
	if (job->hook_reached == WEFT_HOOK_POST_UP)
		weft_hook_run(job->ctx, job->profile, WEFT_HOOK_PRE_DOWN);
	weft_journal_undo(&job->journal);
	if (job->hook_reached != WEFT_HOOK_COUNT)
		weft_hook_run(job->ctx, job->profile, WEFT_HOOK_POST_DOWN);
	weft_report(job->ctx, "%s: everything done before that is undone",
		    job->profile->name);
}

bool weft_up(const struct weft_context *ctx, struct weft_profile *profile)
{
	struct up_job job = {
		.ctx = ctx, .profile = profile,
		.addresses = &profile->addresses,
		.journal = { .ctx = ctx, .name = profile->name },
		.hook_reached = WEFT_HOOK_COUNT,
	};
	bool good;

	if (!weft_state_read(ctx, profile->name, &job.state))
		return false;
	job.fresh = !job.state.link.index;
	good = up_do_steps(&job);
	if (good)
		weft_forwarding_warn(ctx, profile);
	else
		up_undo(&job);
	weft_journal_free(&job.journal);
	weft_network_routes_free(&job.routes);
	weft_state_free(&job.state);
	return good;
}
