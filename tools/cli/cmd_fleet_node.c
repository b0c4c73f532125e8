// SPDX-License-Identifier: GPL-2.0
/* weft fleet hello, apply, rotate: on a node */
#include <json-c/json.h>
#include <linux/weft.h>
#include <stdlib.h>
#include <string.h>

#include "apply/lock.h"
#include "base/complain.h"
#include "base/signals.h"
#include "base/text.h"
#include "cli/fleet.h"
#include "conf/file.h"
#include "conf/setting.h"
#include "fleet/apply.h"
#include "fleet/endpoint.h"
#include "fleet/last.h"
#include "fleet/phase.h"
#include "fleet/underlay.h"
#include "genl/backend.h"
#include "print/json.h"

/* Shared by the verbs: the state of a node, under the lock of its interface. */
struct node_job {
	struct weft_context *ctx;
	const char *name;
	struct weft_folder folder;
	struct weft_lock lock;
	bool changed;
};

static bool node_begin(struct node_job *job)
{
	job->lock.fd = -1;
	job->folder.lock = -1;
	/* The name is checked before it becomes part of a path. */
	if (!weft_profile_name_is_good(job->name, strlen(job->name)))
		return weft_folder_read(&job->folder, job->ctx, job->name, WEFT_FOLDER_UNLOCKED);
	return weft_lock_take(job->ctx, job->name, &job->lock) &&
	       weft_folder_read(&job->folder, job->ctx, job->name, WEFT_FOLDER_MADE);
}

static void node_end(struct node_job *job)
{
	weft_folder_free(&job->folder);
	weft_lock_release(&job->lock);
}

static bool node_no_memory(struct node_job *job)
{
	return weft_complain(job->ctx, "out of memory");
}

/* hello */

struct node_hello {
	const char *node, *admins, *serial, *port, *endpoint, *endpoints_from, *private_key;
};

static bool node_take_admins(struct node_job *job, struct weft_keys *trust, const char *text)
{
	char *copy = strdup(text), *rest = copy, *word;
	struct weft_key key;
	bool good = copy || node_no_memory(job);

	while (good && (word = strsep(&rest, ","))) {
		good = (weft_key_decode(&key, word) && !weft_key_is_zero(&key)) ||
		       weft_complain(job->ctx, "admins: '%s' is not a key", word);
		if (good && !weft_keys_have(trust, &key))
			good = weft_keys_add(trust, &key) || node_no_memory(job);
	}
	free(copy);
	if (good && trust->count > WEFT_SELF_TRUST_MAX)
		good = weft_complain(job->ctx, "admins: more than %d keys", WEFT_SELF_TRUST_MAX);
	return good;
}

/* Until the fleet's record is known, the keys of the command line replace the former ones. */
static bool node_renew_admins(struct node_job *job, const char *text)
{
	struct weft_folder *folder = &job->folder;

	weft_keys_free(&folder->self->trust);
	weft_keys_free(&folder->fleet->trust);
	return node_take_admins(job, &folder->self->trust, text) &&
	       node_take_admins(job, &folder->fleet->trust, text);
}

static bool node_take_private_key(struct node_job *job, const char *path, struct weft_key *key)
{
	struct weft_file file;
	bool good;

	if (!weft_file_read(job->ctx, path, 4096, &file))
		return false;
	good = (weft_key_decode(key, weft_text_trim(file.text)) && !weft_key_is_zero(key)) ||
	       weft_complain(job->ctx, "'%s' has no private key", path);
	/* The kernel keeps it in this form, too. */
	weft_key_clamp(key);
	weft_file_wipe(&file);
	return good;
}

static bool node_fill_self(struct node_job *job, const struct node_hello *hello,
			   struct weft_self *self)
{
	if (!hello->node || !hello->admins)
		return weft_complain(job->ctx,
				     "fleet hello: the first time 'node NODE' and 'admins KEY' are needed");
	if (!weft_fields_is_node_name(hello->node))
		return weft_complain(job->ctx,
				     "'%s' is not the name of a node: use lower case letters, digits and '._-', a letter or digit first",
				     hello->node);
	snprintf(self->fleet, sizeof(self->fleet), "%s", job->name);
	snprintf(self->node, sizeof(self->node), "%s", hello->node);
	weft_seed_generate(&self->identity);
	self->since = job->ctx->now;
	if (hello->private_key)
		return node_take_private_key(job, hello->private_key, &self->tunnel_raw) &&
		       node_take_admins(job, &self->trust, hello->admins);
	weft_seed_generate(&self->tunnel);
	return node_take_admins(job, &self->trust, hello->admins);
}

static bool node_make_self(struct node_job *job, const struct node_hello *hello)
{
	struct weft_self *self = calloc(1, sizeof(*self));

	if (!self)
		return node_no_memory(job);
	if (node_fill_self(job, hello, self))
		return weft_folder_begin(&job->folder, self);
	weft_self_free(self);
	return false;
}

/* Whether it is the tunnel's present key: a repeated call changes nothing. */
static bool node_has_private_key(struct node_job *job, const char *path, bool *has)
{
	struct weft_key given = { }, present;
	bool good = node_take_private_key(job, path, &given);

	weft_self_private_key(job->folder.self, &present);
	/* The kernel's form of both. */
	weft_key_clamp(&present);
	*has = weft_key_equal(&given, &present);
	weft_key_wipe(&given);
	weft_key_wipe(&present);
	return good;
}

/* What stays: another name or other keys would be another node. */
static bool node_check_self(struct node_job *job, const struct node_hello *hello)
{
	const struct weft_self *self = job->folder.self;
	bool same = true;

	if (hello->node && strcmp(hello->node, self->node))
		return weft_complain(job->ctx, "this machine is node '%s' of fleet '%s', not '%s'",
				     self->node, self->fleet, hello->node);
	if (hello->private_key && !node_has_private_key(job, hello->private_key, &same))
		return false;
	return same || weft_complain(job->ctx,
				     "fleet hello: node '%s' has another tunnel key already: private-key is for the first time",
				     self->node);
}

static bool node_take_number(struct node_job *job, const char *what, const char *text, __u64 max,
			     __u64 *number)
{
	__u64 value;

	if (!text)
		return true;
	if (!weft_setting_number(text, 10, max, &value))
		return weft_complain(job->ctx, "%s: '%s' is not a number up to %llu", what, text,
				     (unsigned long long)max);
	*number = value;
	return true;
}

/* Others leave out what these are not: only the admin gives names. */
static bool node_endpoints_are_hosts(const struct weft_words *endpoints)
{
	size_t i;

	for (i = 0; i < endpoints->count; i++)
		if (!weft_fleet_endpoint_is_host(endpoints->items[i].text))
			return false;
	return true;
}

/* "off" for none; the list replaces the former one. */
static bool node_take_endpoints(struct node_job *job, const char *text)
{
	struct weft_words *endpoints = &job->folder.self->endpoints;
	struct json_object *array;
	char *copy, *rest, *word;
	struct weft_fields_row row = { .max = WEFT_FLEET_ENDPOINTS_MAX };
	bool good;

	if (!text)
		return true;
	weft_profile_words_free(endpoints);
	if (!strcmp(text, "off"))
		return true;
	array = json_object_new_array();
	copy = strdup(text);
	good = array && copy;
	for (rest = copy; good && (word = strsep(&rest, ","));)
		good = !json_object_array_add(array, json_object_new_string(word));
	good = good && weft_fields_accept(&weft_fields_endpoints, &row, array, endpoints) &&
	       node_endpoints_are_hosts(endpoints);
	free(copy);
	json_object_put(array);
	return good || weft_complain(job->ctx,
				     "endpoint: '%s' is not a list of up to 16 endpoints ADDRESS:PORT or [ADDRESS]:PORT of hosts: names are for the admin, with 'weft fleet admit ... endpoint'",
				     text);
}

static bool node_take_policy_word(struct node_job *job, const char *word)
{
	struct weft_self *self = job->folder.self;

	if (!weft_underlay_word_is_good(word, self->fleet))
		return weft_complain(job->ctx,
				     "endpoints-from: '%s' is not 'public', 'private', a prefix without host bits, or an interface other than the fleet's own",
				     word);
	if (self->endpoints_from.count == WEFT_SELF_POLICY_MAX)
		return weft_complain(job->ctx, "endpoints-from: more than %d words",
				     WEFT_SELF_POLICY_MAX);
	return weft_profile_words_add(&self->endpoints_from, word, 0) || node_no_memory(job);
}

/* "off" for none; the list replaces the former one. */
static bool node_take_policy(struct node_job *job, const char *text)
{
	char *copy, *rest, *word;
	bool good;

	if (!text)
		return true;
	weft_profile_words_free(&job->folder.self->endpoints_from);
	if (!strcmp(text, "off"))
		return true;
	copy = strdup(text);
	good = copy || node_no_memory(job);
	for (rest = copy; good && (word = strsep(&rest, ","));)
		good = node_take_policy_word(job, word);
	free(copy);
	return good;
}

/* Nothing of it keeps the node from its hello: an interface may come later. */
static bool node_follow_policy(struct node_job *job)
{
	struct weft_underlay_report report;

	if (!weft_underlay_read(&job->folder, false, &report))
		return false;
	weft_underlay_warn(&job->folder, &report);
	return true;
}

/* After the first records it is those that say whose signatures count. */
static bool node_check_admins(struct node_job *job, const char *text)
{
	struct weft_keys named = { };
	bool good = node_take_admins(job, &named, text), known = false;
	size_t i;

	for (i = 0; i < named.count; i++)
		known |= weft_keys_have(&job->folder.fleet->trust, &named.items[i]);
	weft_keys_free(&named);
	return good && (known ||
			weft_complain(job->ctx,
				      "admins: none of these keys signs for fleet '%s' any more, as this node knows it",
				      job->name));
}

static bool node_take_words(struct node_job *job, const struct node_hello *hello)
{
	struct weft_self *self = job->folder.self;

	return self && node_take_number(job, "serial", hello->serial, INT64_MAX, &self->serial) &&
	       node_take_number(job, "port", hello->port, 65535, &self->port) &&
	       node_take_endpoints(job, hello->endpoint) &&
	       node_take_policy(job, hello->endpoints_from) &&
	       (!hello->admins ||
		(job->folder.fleet->terms ? node_check_admins(job, hello->admins) :
					    node_renew_admins(job, hello->admins)));
}

static struct json_object *node_key_json(const struct weft_key *key)
{
	return json_object_new_string(weft_key_encode(key).chars);
}

static bool node_add_keys(struct json_object *object, const struct weft_self *self)
{
	struct weft_key identity, private_key, public_key;

	weft_seed_public(&identity, &self->identity);
	weft_self_private_key(self, &private_key);
	weft_key_derive_public(&public_key, &private_key);
	weft_key_wipe(&private_key);
	if (!weft_json_add(object, "identity", node_key_json(&identity)) ||
	    !weft_json_add(object, "public_key", node_key_json(&public_key)))
		return false;
	if (weft_key_is_zero(&self->next))
		return !json_object_object_add(object, "next_public_key", NULL);
	weft_seed_tunnel(&private_key, &self->next);
	weft_key_derive_public(&public_key, &private_key);
	weft_key_wipe(&private_key);
	return weft_json_add(object, "next_public_key", node_key_json(&public_key));
}

/* A text, or null. */
static bool node_add_text(struct json_object *object, const char *key, const char *text)
{
	return text && *text ? weft_json_add_text(object, key, text) :
			       !json_object_object_add(object, key, NULL);
}

static bool node_fill_hello_json(const struct node_job *job, struct json_object *object)
{
	const struct weft_self *self = job->folder.self;

	return weft_fleet_add_switch(object, "changed", job->changed) &&
	       weft_json_add_text(object, "fleet", self->fleet) &&
	       weft_json_add_text(object, "node", self->node) && node_add_keys(object, self) &&
	       weft_fleet_add_number(object, "serial", self->serial) &&
	       weft_fleet_add_number(object, "generation", self->generation) &&
	       weft_fleet_add_words(object, "endpoints_from", &self->endpoints_from) &&
	       weft_fleet_add_words(object, "endpoints_found", &self->found) &&
	       weft_json_add_text(object, "rotation", weft_self_rotation_name(self)) &&
	       node_add_text(object, "rotation_id", self->rotation) &&
	       node_add_text(object, "record", self->hello);
}

static int node_tell_hello(const struct node_job *job)
{
	const struct weft_self *self = job->folder.self;
	struct json_object *object;

	if (job->ctx->json) {
		object = json_object_new_object();
		return weft_fleet_print(job->ctx, object,
					object && node_fill_hello_json(job, object), 0);
	}
	if (self->hello)
		fprintf(job->ctx->out, "%s\n", self->hello);
	else
		weft_warn(job->ctx,
			  "node '%s' has no serial yet, and no hello: admit the node, then run 'weft fleet hello %s serial NUMBER'",
			  self->node, self->fleet);
	return 0;
}

int weft_fleet_hello(struct weft_context *ctx, int argc, char **argv)
{
	struct node_hello hello = { };
	const struct weft_fleet_word words[] = {
		{ "node", &hello.node }, { "admins", &hello.admins },
		{ "serial", &hello.serial }, { "port", &hello.port },
		{ "endpoint", &hello.endpoint }, { "endpoints-from", &hello.endpoints_from },
		{ "private-key", &hello.private_key },
		{ }
	};
	struct node_job job = { .ctx = ctx, .name = argv[0] };
	int status = 1;

	if (!weft_fleet_words(ctx, "hello", words, argc - 1, argv + 1))
		return 1;
	if (node_begin(&job) &&
	    (job.folder.self ? node_check_self(&job, &hello) : node_make_self(&job, &hello)) &&
	    node_take_words(&job, &hello) && node_follow_policy(&job) &&
	    weft_phase_greet(&job.folder) && weft_folder_write(&job.folder, &job.changed)) {
		weft_phase_warn_spent(&job.folder);
		status = node_tell_hello(&job);
	}
	node_end(&job);
	return status;
}

/* apply */

static bool node_fill_apply_json(const struct node_job *job, const struct weft_merge *merge,
				 const struct weft_fleet_apply *apply, struct json_object *object)
{
	const struct weft_fleet *fleet = job->folder.fleet;

	return weft_fleet_add_switch(object, "changed", apply->changed) &&
	       weft_json_add_text(object, "fleet", fleet->name) &&
	       weft_json_add_text(object, "node", job->folder.self->node) &&
	       weft_fleet_add_number(object, "epoch", weft_fleet_epoch(fleet)) &&
	       weft_fleet_add_number(object, "nodes", weft_fleet_size(fleet)) &&
	       weft_fleet_add_number(object, "peers", apply->peers) &&
	       weft_fleet_add_words(object, "hellos_missing", &apply->silent) &&
	       weft_fleet_add_words(object, "problems", &apply->problems) &&
	       weft_fleet_add_words(object, "changes", &apply->changes) &&
	       weft_fleet_add_merge(object, merge) &&
	       node_add_text(object, "waiting", apply->waits ? "removals" : NULL) &&
	       weft_fleet_add_number(object, "removals", apply->removals);
}

static void node_warn_apply(const struct node_job *job, const struct weft_fleet_apply *apply)
{
	const struct weft_context *ctx = job->ctx;
	size_t i;

	for (i = 0; i < apply->problems.count; i++)
		weft_warn(ctx, "%s: %s", job->name, apply->problems.items[i].text);
	for (i = 0; i < apply->silent.count; i++)
		weft_warn(ctx, "%s: node %s has no hello yet: it is no peer", job->name,
			  apply->silent.items[i].text);
	if (apply->waits)
		weft_warn(ctx,
			  "%s: %zu peers are to be removed, more than a tenth: they stay without --really",
			  job->name, apply->removals);
}

static int node_tell_apply(const struct node_job *job, const struct weft_merge *merge,
			   const struct weft_fleet_apply *apply)
{
	bool partial = merge->refused_count || apply->left_out;
	int status = apply->waits ? WEFT_FLEET_WAITS : partial ? WEFT_FLEET_PARTIAL : 0;
	struct json_object *object;
	size_t i;

	node_warn_apply(job, apply);
	if (job->ctx->json) {
		object = json_object_new_object();
		return weft_fleet_print(job->ctx, object, object &&
					node_fill_apply_json(job, merge, apply, object), status);
	}
	for (i = 0; i < apply->changes.count; i++)
		fprintf(job->ctx->out, "%s\n", apply->changes.items[i].text);
	return status;
}

static void node_note_last(struct node_job *job, bool good, const struct weft_merge *merge,
			   const struct weft_fleet_apply *apply)
{
	const struct weft_fleet_last last = {
		.time = job->ctx->now, .ok = good, .waits = apply->waits,
		.epoch = weft_fleet_epoch(job->folder.fleet),
	};

	if (!job->ctx->dry_run)
		weft_fleet_last_write(&job->folder, &last, merge, &apply->problems);
}

/* After a restored backup the fleet may have another hello of this generation. */
static bool node_outbid_clash(struct node_job *job)
{
	const struct weft_member *self = weft_fleet_find(job->folder.fleet,
							 job->folder.self->node);

	return !self || !self->clash || weft_phase_greet(&job->folder);
}

/*
 * Without an agent the policy is followed when a command runs. A machine whose addresses cannot
 * be read has a complaint: a revocation does not wait for them.
 */
static void node_renew_endpoints(struct node_job *job)
{
	struct weft_underlay_report report;

	if (weft_underlay_read(&job->folder, false, &report) && report.changed)
		weft_phase_greet(&job->folder);
}

int weft_fleet_apply_verb(struct weft_context *ctx, int argc, char **argv)
{
	struct node_job job = { .ctx = ctx, .name = argv[0] };
	struct weft_fleet_apply apply = { };
	struct weft_merge merge = { };
	struct weft_file text = { };
	int status = 1;
	bool good;

	if (argc > 2)
		return !weft_complain(ctx, "fleet apply: unexpected argument '%s'", argv[2]);
	/* Before the lock: the text may come over a slow line. */
	if (argc == 2 && !weft_fleet_read_text(ctx, argv[1], &text))
		return 1;
	good = node_begin(&job) && weft_folder_need(&job.folder) &&
	       (argc < 2 || weft_fleet_take_bundle(ctx, job.folder.fleet, &text, &merge)) &&
	       node_outbid_clash(&job);
	if (good) {
		node_renew_endpoints(&job);
		weft_fleet_warn_refused(ctx, &merge);
		good = weft_fleet_apply(ctx, &job.folder, &apply) &&
		       weft_fleet_check_identity(&job.folder, &apply);
		node_note_last(&job, good, &merge, &apply);
	}
	if (good)
		status = node_tell_apply(&job, &merge, &apply);
	weft_fleet_apply_free(&apply);
	weft_merge_free(&merge);
	if (argc == 2)
		weft_file_wipe(&text);
	node_end(&job);
	return status;
}

/* rotate */

static bool node_take_grace(struct node_job *job, const char *text, struct weft_phase_call *call)
{
	call->has_grace = text;
	return node_take_number(job, "grace", text, UINT32_MAX, &call->grace);
}

int weft_fleet_rotate(struct weft_context *ctx, int argc, char **argv)
{
	struct weft_phase_call call = { };
	const char *grace = NULL;
	const struct weft_fleet_word words[] = {
		{ "id", &call.id }, { "grace", &grace }, { }
	};
	struct node_job job = { .ctx = ctx, .name = argv[0] };
	const struct weft_phase *phase = weft_phase_find(argv[1]);
	int status = 1;

	if (!phase)
		return !weft_complain_unknown(ctx, "unknown phase", argv[1], weft_phases,
					      sizeof(weft_phases[0]));
	if (!weft_fleet_words(ctx, "rotate", words, argc - 2, argv + 2))
		return 1;
	if (call.id && !weft_fields_is_word(call.id))
		return !weft_complain(ctx, "id: '%s' is not a word of letters, digits and '._:+-'",
				      call.id);
	weft_signals_outlive_reader();
	if (node_take_grace(&job, grace, &call) && node_begin(&job) &&
	    weft_folder_need(&job.folder) &&
	    weft_phase_run(&job.folder, phase, &call, &job.changed))
		status = node_tell_hello(&job);
	node_end(&job);
	return status;
}
