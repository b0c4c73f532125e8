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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "apply/dns.h"
#include "apply/firewall.h"
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
#include "base/array.h"
#include "base/complain.h"
#include "base/signals.h"
#include "conf/profile.h"
#include "conf/record.h"
#include "conf/resolve.h"
#include "genl/backend.h"
#include "model/format.h"

/**
 * struct up_job - one interface that is brought up
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
struct up_job {
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

static bool up_no_memory(struct up_job *job)
{
	weft_complain(job->ctx, "%s: out of memory", job->profile->name);
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

/* A full disk does not keep a tunnel down, and a stale record must not describe this one. */
static bool up_write_record(struct up_job *job)
{
	if (!job->unrecorded &&
	    !weft_record_write(job->ctx, job->profile->name, &job->record)) {
		job->unrecorded = true;
		weft_record_remove(job->ctx, job->profile->name);
		weft_warn(job->ctx, "%s: the changes are not recorded: 'weft down' needs the file and the link",
			  job->profile->name);
	}
	return true;
}

static bool up_run_hooks(struct up_job *job, enum weft_profile_hook hook)
{
	if (!job->fresh || !job->profile->hooks[hook].count)
		return true;
	job->record.reached = hook;
	return up_write_record(job) &&
	       weft_hook_run(job->ctx, job->profile, hook);
}

/* Before any change: without a service for its name servers a tunnel does not come up. */
static bool up_choose_dns(struct up_job *job)
{
	const struct weft_profile *profile = job->profile;

	if (!profile->dns.count && !profile->search.count)
		return true;
	job->dns = weft_dns_choose(job->ctx, profile->name);
	return job->dns != WEFT_DNS_NONE;
}

/* The leftover of another link becomes part of this record, and is removed by "down". */
static bool up_absorb_leftover(struct up_job *job)
{
	return !job->beside || weft_record_absorb(&job->record, &job->before) ||
	       up_no_memory(job);
}

/* From here on the next command would undo the recorded changes after a crash. */
static bool up_record(struct up_job *job)
{
	struct weft_record *record = &job->record;

	if (job->fresh) {
		record->rising = true;
		record->dns = job->dns;
	}
	record->index = job->state.link.index;
	if (!record->there && !job->fresh)
		record->reached = WEFT_HOOK_POST_UP;
	return (weft_record_take_profile(record, job->profile) ||
		up_no_memory(job)) &&
	       up_absorb_leftover(job) && up_write_record(job);
}

static bool up_begin(struct up_job *job)
{
	return up_run_hooks(job, WEFT_HOOK_PRE_UP);
}

static void up_warn_unresolved(struct up_job *job)
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
static bool up_resolve(struct up_job *job)
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

static bool up_read_rules(struct up_job *job, struct weft_rules *rules)
{
	struct weft_host *host = job->ctx->host;

	if (!host->rules(host, rules))
		return true;
	weft_complain(job->ctx, "%s: cannot read the routing rules: %s", job->profile->name,
		      host->error);
	return false;
}

/*
 * Without this lock two concurrent "up" would choose the same table and priority, or
 * one would take rules that the other deletes for its own. No hook runs and no name is
 * looked up under it. It is taken after the interface's lock, which without a folder is
 * the namespace's.
 */
static bool up_lock_rules(struct up_job *job)
{
	if (!weft_policy_route_is_wanted(job->profile) && !job->record.table_count)
		return true;
	if (!job->unrecorded &&
	    !weft_lock_take(job->ctx, WEFT_LOCK_RULES, &job->rules_lock))
		return false;
	weft_host_rules_free(&job->state.rules);
	return up_read_rules(job, &job->state.rules);
}

static bool up_unlock_rules(struct up_job *job)
{
	weft_lock_release(&job->rules_lock);
	return true;
}

static bool up_plan(struct up_job *job)
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
		return up_no_memory(job);
	return weft_plan_mtu(job->ctx, job->profile, &job->state, dev->fwmark,
			     &job->mtu);
}

/* Recorded before rules and firewall are made, which are not deleted with the link. */
static bool up_record_policy(struct up_job *job)
{
	if (!job->policy.table)
		return true;
	weft_record_add_table(&job->record, job->policy.table);
	return up_write_record(job);
}

/* From here on the next command may delete the link after a crash. */
static bool up_record_link(struct up_job *job)
{
	job->record.index = job->state.link.index;
	return up_write_record(job);
}

static bool up_make_link(struct up_job *job)
{
	struct weft_change change = up_change(job, WEFT_CHANGE_LINK_ADD);
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
		return up_record_link(job);
	weft_complain(job->ctx, "%s: cannot read the link: %s",
		      job->profile->name, host->error);
	return false;
}

/* Whether the file has a previous key whose grace is not over. */
static bool up_has_previous(const struct up_job *job)
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
		weft_complain(job->ctx, "%s: cannot rotate from the previous key to the key of the file: %s",
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

/* The kernel does not allow one IPv6 address with two prefix lengths. */
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
		/* The list is sorted, so duplicates of the file are neighbours. */
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

/* IPv6 needs an MTU of 1280 before its addresses and routes are added, until they are deleted. */
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

/* The kernel's route of an address that is still to be deleted blocks this route. */
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

/* The firewall's table depends on addresses, the mark and the families. */
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
	good = weft_policy_route_missing_rules(&job->policy, &job->state.rules,
					       &differing) &&
	       weft_policy_route_stale_rules(&job->policy, &job->state, &differing);
	if (differing.count)
		job->forged = true;
	weft_host_rules_free(&differing);
	return good;
}

static bool up_make_firewall(struct up_job *job)
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
		return up_no_memory(job);
	return weft_journal_do(&job->journal, &change);
}

/* The setting is per namespace, and not undone: other tunnels may rely on it by then. */
static bool up_honour_marks(struct up_job *job)
{
	struct weft_change change = up_change(job, WEFT_CHANGE_FILE);
	struct weft_host *host = job->ctx->host;
	bool good;

	if (!job->policy.ip4)
		return true;
	if (host->read(host, WEFT_POLICY_ROUTE_MARKS, &change.old_text)) {
		weft_complain(job->ctx, "%s: cannot read %s: %s",
			      job->profile->name, WEFT_POLICY_ROUTE_MARKS,
			      host->error);
		return false;
	}
	change.path = strdup(WEFT_POLICY_ROUTE_MARKS);
	change.text = strdup("1");
	good = (change.path && change.text) || up_no_memory(job);
	if (good && strcmp(change.old_text, "1"))
		return weft_journal_leave(&job->journal, &change);
	weft_change_clear(&change);
	return good;
}

static bool up_add_rules(struct up_job *job)
{
	struct weft_rules missing = { };
	bool good;

	good = weft_policy_route_missing_rules(&job->policy, &job->state.rules,
					       &missing);
	if (!good && errno == ENOMEM)
		up_no_memory(job);
	else if (!good)
		weft_complain(job->ctx, "%s: no priority is free before the first routing rule: give that rule a higher one",
			      job->profile->name);
	else
		good = up_do_rules(job, WEFT_CHANGE_RULE_ADD, &missing);
	weft_host_rules_free(&missing);
	return good;
}

/* A link that was set down has lost its routes; its rules are found by the recorded table. */
static bool up_delete_recorded_rules(struct up_job *job)
{
	struct weft_record past = { };
	struct weft_state now = { };
	bool good = true;
	size_t i;

	for (i = 0; i < job->record.table_count; i++)
		if (job->record.tables[i] != job->policy.table)
			weft_record_add_table(&past, job->record.tables[i]);
	if (past.table_count)
		good = up_read_rules(job, &now.rules) &&
		       weft_leftover_rules(&job->journal, &past, &now, job->state.link.index);
	weft_host_rules_free(&now.rules);
	return good;
}

static bool up_delete_rules(struct up_job *job)
{
	struct weft_rules stale = { };
	bool good;

	if (!weft_policy_route_stale_rules(&job->policy, &job->state, &stale))
		good = up_no_memory(job);
	else
		good = up_do_rules(job, WEFT_CHANGE_RULE_DELETE, &stale);
	weft_host_rules_free(&stale);
	return good && (job->fresh || job->beside || up_delete_recorded_rules(job));
}

/* Otherwise the kernel would delete secondary addresses together with their primary one. */
static bool up_keep_secondaries(struct up_job *job)
{
	struct weft_change change = up_change(job, WEFT_CHANGE_FILE);
	struct weft_host *host = job->ctx->host;
	bool good;

	if (asprintf(&change.path, "/proc/sys/net/ipv4/conf/%s/promote_secondaries",
		     job->profile->name) < 0)
		change.path = NULL;
	change.text = strdup("1");
	good = (change.path && change.text) || up_no_memory(job);
	if (good &&
	    !host->read(host, change.path, &change.old_text) &&
	    strcmp(change.old_text, "1"))
		return weft_journal_do(&job->journal, &change);
	weft_change_clear(&change);
	return good;
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

/* Adds the routes that an address had blocked. */
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
			good = !job->ctx->host->routes(job->ctx->host,
						       job->state.link.index,
						       0, &now);
			weft_state_sort(&now);
		}
		if (good && up_is_blocked(have) &&
		    !weft_state_find(&now, &wanted->prefix, wanted->table))
			good = up_do_route(job, WEFT_CHANGE_ROUTE_ADD, wanted);
	}
	weft_host_routes_free(&now);
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

/* False: no memory. */
static bool up_had_defaults(struct up_job *job, bool *yes)
{
	struct weft_policy_route none = { };
	struct weft_rules had = { };
	bool good;

	good = weft_policy_route_stale_rules(&none, &job->state, &had);
	*yes = had.count;
	weft_host_rules_free(&had);
	return good;
}

static bool up_drop_firewall(struct up_job *job)
{
	struct weft_change change;
	bool had;

	if (job->policy.table)
		return true;
	if (!up_had_defaults(job, &had))
		return up_no_memory(job);
	/* A killed "up" may have deleted the rules, but not the table. */
	if (!had && (job->beside || !job->record.table_count))
		return true;
	if (!weft_firewall_build_removal(job->ctx->host,
					 job->profile->name, &change))
		return up_no_memory(job);
	return weft_journal_do(&job->journal, &change);
}

static bool up_forward(struct up_job *job)
{
	return weft_forwarding_apply(job->ctx, job->profile, &job->journal);
}

/* A record of an earlier version has the service without the servers. */
static void up_note_dns(struct up_job *job)
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

static bool up_record_dns(struct up_job *job)
{
	return (weft_record_take_dns(&job->record, job->profile, job->dns) ||
		up_no_memory(job)) &&
	       up_absorb_leftover(job) && up_write_record(job);
}

/*
 * After all other steps that may fail, except PostUp and a rotation: an undo restores
 * the recorded name servers, which may not be all that the service had.
 */
static bool up_set_dns(struct up_job *job)
{
	const struct weft_dns_state *former = &job->former;
	const struct weft_dns_state wanted = {
		.known = true, .dns = job->dns,
		.servers = job->profile->dns, .search = job->profile->search,
	};

	return (former->dns == job->dns || weft_dns_replace(&job->journal, former)) &&
	       up_record_dns(job) && weft_dns_set(&job->journal, &wanted, former);
}

static bool up_end(struct up_job *job)
{
	return up_run_hooks(job, WEFT_HOOK_POST_UP);
}

static bool up_go_on(struct up_job *job)
{
	if (!weft_signals_caught())
		return true;
	weft_complain(job->ctx, "%s: interrupted by signal %d",
		      job->profile->name, weft_signals_caught());
	return false;
}

static bool up_do_steps(struct up_job *job)
{
	static bool (* const steps[])(struct up_job *job) = {
		up_choose_dns, up_record, up_begin, up_resolve,
		up_lock_rules, up_plan, up_record_policy,
		up_make_link, up_configure, up_raise_mtu, up_add_addresses,
		up_set_link_up, up_add_routes,
		up_make_firewall, up_honour_marks, up_add_rules,
		up_delete_rules, up_unlock_rules, up_delete_addresses,
		up_add_blocked_routes, up_delete_routes, up_lower_mtu,
		up_drop_firewall,
		up_forward, up_set_dns, up_rotate, up_end,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(steps); i++)
		if (!steps[i](job) || !up_go_on(job))
			return false;
	return true;
}

/* After a failure the former record gets the tables and name servers that were not undone. */
static void up_join_before(struct up_job *job)
{
	struct weft_record *before = &job->before, *record = &job->record;
	size_t i;

	for (i = 0; i < record->table_count; i++)
		weft_record_add_table(before, record->tables[i]);
	if (job->dns == WEFT_DNS_NONE)
		return;
	weft_profile_words_free(&before->servers);
	weft_profile_words_free(&before->search);
	before->dns = record->dns;
	before->servers = record->servers;
	before->search = record->search;
	memset(&record->servers, 0, sizeof(record->servers));
	memset(&record->search, 0, sizeof(record->search));
}

static void up_record_before(struct up_job *job)
{
	weft_record_free(&job->record);
	job->record = job->before;
	memset(&job->before, 0, sizeof(job->before));
	memset(&job->former, 0, sizeof(job->former));
	/* An earlier failure has removed the record, and the disk may have space again. */
	job->unrecorded = false;
	up_write_record(job);
}

/* The next command undoes the leftover of a link that was created here. */
static void up_unrecord(struct up_job *job, bool undone)
{
	if (!undone && job->fresh) {
		weft_record_keep(&job->record);
		up_write_record(job);
		return;
	}
	if (!undone && job->before.there)
		up_join_before(job);
	if (job->before.there)
		up_record_before(job);
	else if (undone)
		weft_record_remove(job->ctx, job->profile->name);
}

/*
 * Only the hooks of "down" can undo the effects of hooks. For an interface that
 * another process has created, that process runs them.
 */
static void up_undo(struct up_job *job)
{
	enum weft_profile_hook reached = job->fresh ? job->record.reached :
						      WEFT_HOOK_COUNT;
	bool good = true, undone;

	if (reached == WEFT_HOOK_POST_UP)
		good = weft_hook_run(job->ctx, job->profile, WEFT_HOOK_PRE_DOWN);
	undone = weft_journal_undo(&job->journal);
	if (reached != WEFT_HOOK_COUNT && !job->lost)
		good &= weft_hook_run(job->ctx, job->profile, WEFT_HOOK_POST_DOWN);
	up_unrecord(job, undone);
	good &= undone;
	weft_complain(job->ctx, good ? "%s: all changes are undone" :
				     "%s: some changes could not be undone, and stay",
		      job->profile->name);
}

/* The final record describes only the present tunnel. */
static void up_record_end(struct up_job *job)
{
	struct weft_record *record = &job->record;

	record->rising = false;
	record->index = job->state.link.index;
	record->table_count = 0;
	weft_record_add_table(record, job->policy.table);
	up_absorb_leftover(job);
	up_write_record(job);
}

/* A leftover that cannot be removed does not keep the tunnel down, and joins its record. */
static void up_pass_over_leftover(struct up_job *job)
{
	weft_warn(job->ctx, "%s: the interface comes up, and the rest that could not be removed stays",
		  job->profile->name);
	job->before = job->record;
	job->beside = true;
	memset(&job->record, 0, sizeof(job->record));
	job->record.reached = WEFT_HOOK_COUNT;
}

/* If the recorded link was deleted or replaced, its leftovers are removed first. */
static bool up_read(struct up_job *job)
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
static bool up_is_gone(const struct up_job *job)
{
	struct weft_host *host = job->ctx->host;
	struct weft_host_link now = { };

	return job->state.link.index && !job->lost &&
	       !host->link(host, job->profile->name, &now) &&
	       now.index != job->state.link.index;
}

/* "down" deletes the record after its hooks, or keeps it for a leftover. */
static bool up_was_taken_down(const struct up_job *job)
{
	struct weft_record now;
	bool there;

	/* Without a record a run of "down" cannot be detected. */
	if (job->unrecorded)
		return false;
	weft_record_read(job->ctx, job->profile->name, &now);
	there = now.there && !now.falling;
	weft_record_free(&now);
	return !there;
}

static void up_succeed(struct up_job *job)
{
	up_record_end(job);
	weft_forwarding_warn(job->ctx, job->profile);
	weft_plan_warn(job->ctx, job->profile);
}

static bool up_run(struct up_job *job)
{
	bool good = up_do_steps(job), gone = up_is_gone(job);

	/* A step may have failed under the lock, and the undo runs hooks. */
	up_unlock_rules(job);
	if (good && !gone) {
		up_succeed(job);
		return true;
	}
	if (gone)
		weft_complain(job->ctx, "%s: a hook has deleted the interface: it is not up",
			      job->profile->name);
	if (!gone || !up_was_taken_down(job))
		up_undo(job);
	return false;
}

bool weft_up(const struct weft_context *ctx, struct weft_profile *profile)
{
	struct up_job job = {
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
