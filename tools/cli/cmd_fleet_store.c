// SPDX-License-Identifier: GPL-2.0
/* weft fleet init, admit, revoke, put, bundle, render, list: on the controller */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/complain.h"
#include "cli/fleet.h"
#include "conf/file.h"
#include "conf/setting.h"
#include "fleet/admin.h"
#include "fleet/apply.h"
#include "fleet/folder.h"
#include "fleet/memory.h"
#include "fleet/render.h"
#include "print/json.h"

/* JSON of the command line's words. */

static bool store_add_number(const struct weft_context *ctx, struct json_object *object,
			     const char *key, const char *text)
{
	char *end;
	long long number;

	if (!text)
		return true;
	number = strtoll(text, &end, 10);
	if (!*text || *end || number < 0)
		return weft_complain(ctx, "%s: '%s' is not a number", key, text);
	return weft_fleet_add_number(object, key, number) || weft_complain(ctx, "out of memory");
}

static bool store_add_text(const struct weft_context *ctx, struct json_object *object,
			   const char *key, const char *text)
{
	return !text || weft_json_add_text(object, key, text) ||
	       weft_complain(ctx, "out of memory");
}

/* "a,b" as an array. */
static bool store_add_list(const struct weft_context *ctx, struct json_object *object,
			   const char *key, const char *text)
{
	struct json_object *array;
	char *copy, *rest, *word;
	bool good;

	if (!text)
		return true;
	array = json_object_new_array();
	copy = strdup(text);
	good = array && copy;
	for (rest = copy; good && (word = strsep(&rest, ","));)
		if (*word)
			good = !json_object_array_add(array, weft_json_string(word));
	free(copy);
	if (good)
		return weft_json_add(object, key, array) || weft_complain(ctx, "out of memory");
	json_object_put(array);
	return weft_complain(ctx, "out of memory");
}

static bool store_add_switch(const struct weft_context *ctx, struct json_object *object,
			     const char *key, const char *text)
{
	bool on = text && !strcmp(text, "on");

	if (!text)
		return true;
	if (!on && strcmp(text, "off"))
		return weft_complain(ctx, "%s: '%s' is neither 'on' nor 'off'", key, text);
	return weft_fleet_add_switch(object, key, on) || weft_complain(ctx, "out of memory");
}

/* An open store, and the admin key. */
struct store_admin {
	struct weft_store store;
	struct weft_key seed;
	struct weft_key public_key;
	struct weft_keys trust;
	bool made;
};

/* The keys of @text, separated by commas, or none for NULL. */
static bool store_take_trust(const struct weft_context *ctx, struct weft_keys *trust,
			     const char *text)
{
	char *copy = strdup(text ? text : ""), *rest = copy, *word;
	struct weft_key key;
	bool good = copy || weft_complain(ctx, "out of memory");

	while (good && (word = strsep(&rest, ","))) {
		if (!*word)
			continue;
		good = weft_key_decode(&key, word) ||
		       weft_complain(ctx, "trust: '%s' is not a key", word);
		if (good && !weft_keys_add(trust, &key))
			good = weft_complain(ctx, "out of memory");
	}
	free(copy);
	return good;
}

/* A store that a command reads, and the keys that its record of the fleet comes from. */
struct store_reader {
	struct weft_store store;
	struct weft_keys trust;
};

static bool store_reopen(struct store_reader *reader, const struct weft_context *ctx,
			 const char *path)
{
	weft_store_close(&reader->store);
	return weft_store_need(&reader->store, ctx, path, &reader->trust, false);
}

/* A machine that is a node of the fleet knows its admin keys, and the epochs that it has seen. */
static bool store_check_memory(struct store_reader *reader, const struct weft_context *ctx,
			       const char *path)
{
	struct weft_folder folder;
	bool good = weft_folder_read(&folder, ctx, reader->store.fleet->name,
				     WEFT_FOLDER_UNLOCKED) &&
		    weft_folder_need(&folder);
	size_t i;

	for (i = 0; good && i < folder.fleet->trust.count; i++)
		good = weft_keys_add(&reader->trust, &folder.fleet->trust.items[i]) ||
		       weft_complain(ctx, "out of memory");
	good = good && store_reopen(reader, ctx, path);
	if (good && weft_fleet_epoch(reader->store.fleet) < weft_fleet_epoch(folder.fleet))
		weft_warn(ctx, "'%s' has epoch %llu, and this machine has seen epoch %llu", path,
			  (unsigned long long)weft_fleet_epoch(reader->store.fleet),
			  (unsigned long long)weft_fleet_epoch(folder.fleet));
	weft_folder_free(&folder);
	return good;
}

/*
 * With @keys the record of the fleet has to come from one of these. Without them it has to
 * come from those that this machine knows as a node, and where it is none the store is
 * believed: @warn says so, for output that nothing verifies later on.
 */
static bool store_read(struct store_reader *reader, const struct weft_context *ctx,
		       const char *path, const char *keys, bool warn)
{
	*reader = (struct store_reader){ .store = { .ctx = ctx, .lock = -1 } };
	if (!store_take_trust(ctx, &reader->trust, keys) ||
	    !weft_store_need(&reader->store, ctx, path,
			     reader->trust.count ? &reader->trust : NULL, false))
		return false;
	if (reader->trust.count)
		return true;
	if (weft_folder_is_there(ctx, reader->store.fleet->name))
		return store_check_memory(reader, ctx, path);
	if (warn)
		weft_warn(ctx,
			  "'%s' is believed to be of the fleet's admin: 'trust %s' verifies it, if that is the admin key",
			  path, weft_key_encode(&reader->store.fleet->terms->signer).chars);
	return true;
}

static void store_read_end(struct store_reader *reader)
{
	weft_store_close(&reader->store);
	weft_keys_free(&reader->trust);
}

/* A key that the fleet does not list signs records that no node takes. */
static bool store_may_sign(const struct weft_context *ctx, const struct store_admin *admin)
{
	const struct weft_fleet *fleet = admin->store.fleet;

	return !fleet || weft_keys_have(&fleet->terms->admins, &admin->public_key) ||
	       weft_complain(ctx, "the admin key is none of those of fleet '%s'", fleet->name);
}

/* An existing fleet has an admin key: a missing file is a typing mistake. */
static bool store_is_new(const char *path)
{
	char *file;
	bool is_new;

	if (asprintf(&file, "%s/fleet", path) < 0)
		return false;
	is_new = access(file, F_OK);
	free(file);
	return is_new;
}

static bool store_begin(struct weft_context *ctx, struct store_admin *admin, const char *path,
			const char *key_file, const char *trust, bool make)
{
	memset(admin, 0, sizeof(*admin));
	admin->store.lock = -1;
	if (!weft_admin_key(ctx, key_file, make && store_is_new(path), &admin->seed, &admin->made))
		return false;
	weft_seed_public(&admin->public_key, &admin->seed);
	if (!weft_keys_add(&admin->trust, &admin->public_key))
		return weft_complain(ctx, "out of memory");
	return store_take_trust(ctx, &admin->trust, trust) &&
	       (make ? weft_store_open(&admin->store, ctx, path, &admin->trust, true) :
		       weft_store_need(&admin->store, ctx, path, &admin->trust, true)) &&
	       store_may_sign(ctx, admin);
}

static void store_end(struct store_admin *admin)
{
	weft_store_close(&admin->store);
	weft_keys_free(&admin->trust);
	weft_key_wipe(&admin->seed);
}

/* Of a dry run, its text output; the JSON has them always. */
static int store_tell_changes(const struct weft_store *store)
{
	size_t i;

	for (i = 0; i < store->changes.count; i++)
		fprintf(store->ctx->out, "%s\n", store->changes.items[i].text);
	return 0;
}

/* init */

struct store_terms {
	const char *store, *key, *topology, *port, *keepalive, *mtu, *every, *window, *grace;
	const char *order, *preshared, *admins, *trust;
};

static struct json_object *store_terms_wish(const struct weft_context *ctx,
					    const struct store_terms *terms)
{
	struct json_object *wish = json_object_new_object();

	if (wish && store_add_text(ctx, wish, "topology", terms->topology) &&
	    store_add_number(ctx, wish, "port", terms->port) &&
	    store_add_number(ctx, wish, "keepalive", terms->keepalive) &&
	    store_add_number(ctx, wish, "mtu", terms->mtu) &&
	    store_add_number(ctx, wish, "rotate_every", terms->every) &&
	    store_add_number(ctx, wish, "rotate_window", terms->window) &&
	    store_add_number(ctx, wish, "rotate_grace", terms->grace) &&
	    store_add_number(ctx, wish, "rotate_order", terms->order) &&
	    store_add_switch(ctx, wish, "preshared", terms->preshared) &&
	    store_add_list(ctx, wish, "admins", terms->admins))
		return wish;
	json_object_put(wish);
	return NULL;
}

static int store_print_init(const struct weft_context *ctx, const struct store_admin *admin,
			    const char *name, bool changed)
{
	struct json_object *object;
	__u64 epoch = admin->store.fleet ? weft_fleet_epoch(admin->store.fleet) : 0;
	struct weft_key_text key = weft_key_encode(&admin->public_key);

	if (!ctx->json && ctx->dry_run)
		return store_tell_changes(&admin->store);
	if (!ctx->json) {
		fprintf(ctx->out, "%s\n", key.chars);
		return 0;
	}
	object = json_object_new_object();
	return weft_fleet_print(ctx, object, object &&
				weft_fleet_add_switch(object, "changed", changed || admin->made) &&
				weft_json_add_text(object, "fleet", name) &&
				weft_fleet_add_number(object, "epoch", epoch + changed) &&
				weft_json_add_text(object, "admin", key.chars) &&
				weft_fleet_add_words(object, "changes", &admin->store.changes), 0);
}

int weft_fleet_init(struct weft_context *ctx, int argc, char **argv)
{
	struct store_terms terms = { };
	const struct weft_fleet_word words[] = {
		{ "store", &terms.store, true }, { "admin-key", &terms.key, true },
		{ "topology", &terms.topology }, { "port", &terms.port },
		{ "keepalive", &terms.keepalive }, { "mtu", &terms.mtu },
		{ "rotate-every", &terms.every }, { "rotate-window", &terms.window },
		{ "rotate-grace", &terms.grace }, { "rotate-order", &terms.order },
		{ "preshared", &terms.preshared },
		{ "admins", &terms.admins }, { "trust", &terms.trust },
		{ }
	};
	struct json_object *wish;
	struct store_admin admin;
	bool changed = false, good;
	int status = 1;

	if (!weft_profile_name_is_good(argv[0], strlen(argv[0])))
		return !weft_complain(ctx, "'%s' is not the name of a fleet", argv[0]);
	if (!weft_fleet_words(ctx, "init", words, argc - 1, argv + 1))
		return 1;
	wish = store_terms_wish(ctx, &terms);
	if (!wish)
		return 1;
	good = store_begin(ctx, &admin, terms.store, terms.key, terms.trust, true) &&
	       (!admin.made ||
		weft_profile_words_add(&admin.store.changes, "a new admin key", 0) ||
		weft_complain(ctx, "out of memory")) &&
	       weft_admin_terms(&admin.store, argv[0], wish, &admin.seed, &changed);
	if (good)
		status = store_print_init(ctx, &admin, argv[0], changed);
	store_end(&admin);
	json_object_put(wish);
	return status;
}

/* admit */

struct store_node {
	const char *store, *key, *from, *node, *identity, *public_key, *address, *prefix;
	const char *groups, *hub, *endpoint, *not_after, *trust;
};

/* One node as an array. */
static struct json_object *store_node_wish(const struct weft_context *ctx,
					   const struct store_node *node)
{
	struct json_object *array = json_object_new_array(), *wish = json_object_new_object();
	bool good;

	good = array && wish && store_add_text(ctx, wish, "node", node->node) &&
	       store_add_text(ctx, wish, "identity", node->identity) &&
	       store_add_text(ctx, wish, "public_key", node->public_key) &&
	       store_add_list(ctx, wish, "addresses", node->address) &&
	       store_add_list(ctx, wish, "prefixes", node->prefix) &&
	       store_add_list(ctx, wish, "groups", node->groups) &&
	       store_add_switch(ctx, wish, "hub", node->hub) &&
	       store_add_list(ctx, wish, "endpoints", node->endpoint) &&
	       store_add_number(ctx, wish, "not_after", node->not_after);
	if (good && !json_object_array_add(array, wish))
		return array;
	json_object_put(wish);
	json_object_put(array);
	return NULL;
}

/* One value, and white space; NULL for other text. */
static struct json_object *store_parse(const struct weft_file *file, size_t *end,
				       const char **why)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *value;

	*end = 0;
	*why = "out of memory";
	if (!tokener)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	value = json_tokener_parse_ex(tokener, file->text, file->len);
	*why = value ? "another text behind the array" :
		       json_tokener_error_desc(json_tokener_get_error(tokener));
	*end = json_tokener_get_parse_end(tokener);
	*end += strspn(file->text + *end, " \t\r\n");
	if (*end != file->len) {
		json_object_put(value);
		value = NULL;
	}
	json_tokener_free(tokener);
	return value;
}

/* The number of the line that byte @end of @text is in. */
static unsigned int store_line(const char *text, size_t end)
{
	unsigned int line = 1;
	size_t i;

	for (i = 0; i < end && text[i]; i++)
		line += text[i] == '\n';
	return line;
}

/* An array of objects; NULL after a complaint. */
static struct json_object *store_read_wish(const struct weft_context *ctx, const char *path)
{
	struct json_object *array;
	struct weft_file file;
	const char *why;
	size_t end;

	if (!weft_file_read(ctx, path, WEFT_FLEET_TEXT_BYTES, &file))
		return NULL;
	array = store_parse(&file, &end, &why);
	if (array && !json_object_is_type(array, json_type_array)) {
		why = "not an array";
		json_object_put(array);
		array = NULL;
	}
	if (!array)
		weft_complain(ctx, "'%s' is not a JSON array of nodes: line %u: %s", path,
			      store_line(file.text, end), why);
	weft_file_wipe(&file);
	return array;
}

static bool store_add_admission(struct json_object *array,
				const struct weft_admin_admission *admission)
{
	struct json_object *object = json_object_new_object();

	if (object && weft_json_add_text(object, "node", admission->node) &&
	    weft_fleet_add_number(object, "serial", admission->serial) &&
	    weft_fleet_add_switch(object, "changed", admission->changed) &&
	    !json_object_array_add(array, object))
		return true;
	json_object_put(object);
	return false;
}

static int store_print_admissions(const struct weft_store *store,
				  const struct weft_admin_admissions *admissions)
{
	struct json_object *object = json_object_new_object(), *array = json_object_new_array();
	bool good = object && array;
	size_t i;

	for (i = 0; good && i < admissions->count; i++)
		good = store_add_admission(array, &admissions->items[i]);
	good = good && weft_json_add(object, "nodes", array);
	if (!good)
		json_object_put(array);
	return weft_fleet_print(store->ctx, object, good &&
				weft_fleet_add_switch(object, "changed", admissions->changed) &&
				weft_fleet_add_words(object, "changes", &store->changes), 0);
}

static int store_tell_admissions(const struct weft_store *store,
				 const struct weft_admin_admissions *admissions)
{
	const struct weft_context *ctx = store->ctx;
	size_t i;

	if (ctx->json)
		return store_print_admissions(store, admissions);
	if (ctx->dry_run)
		return store_tell_changes(store);
	for (i = 0; i < admissions->count; i++)
		fprintf(ctx->out, "%s serial %llu%s\n", admissions->items[i].node,
			(unsigned long long)admissions->items[i].serial,
			admissions->items[i].changed ? "" : ", as before");
	return 0;
}

int weft_fleet_admit(struct weft_context *ctx, int argc, char **argv)
{
	struct store_node node = { };
	const struct weft_fleet_word words[] = {
		{ "store", &node.store, true }, { "admin-key", &node.key, true },
		{ "from", &node.from }, { "node", &node.node }, { "identity", &node.identity },
		{ "public-key", &node.public_key }, { "address", &node.address },
		{ "prefix", &node.prefix }, { "groups", &node.groups }, { "hub", &node.hub },
		{ "endpoint", &node.endpoint }, { "not-after", &node.not_after },
		{ "trust", &node.trust },
		{ }
	};
	struct weft_admin_admissions admissions = { };
	struct json_object *wish;
	struct store_admin admin;
	int status = 1;

	if (!weft_fleet_words(ctx, "admit", words, argc, argv))
		return 1;
	if (!node.from == !node.node)
		return !weft_complain(ctx, "fleet admit: use either 'node NODE' or 'from FILE'");
	if (node.from && !strcmp(node.from, "-") && !strcmp(node.key, "-"))
		return !weft_complain(ctx,
				      "fleet admit: the standard input is either the key or the nodes");
	wish = node.from ? store_read_wish(ctx, node.from) : store_node_wish(ctx, &node);
	if (!wish)
		return 1;
	if (store_begin(ctx, &admin, node.store, node.key, node.trust, false) &&
	    weft_admin_admit(&admin.store, wish, &admin.seed, &admissions))
		status = store_tell_admissions(&admin.store, &admissions);
	weft_admin_admissions_free(&admissions);
	store_end(&admin);
	json_object_put(wish);
	return status;
}

/* revoke */

static int store_tell_revocation(const struct weft_store *store,
				 const struct weft_admin_revocation *call)
{
	const struct weft_context *ctx = store->ctx;
	struct json_object *object;

	if (!ctx->json && ctx->dry_run)
		return store_tell_changes(store);
	if (!ctx->json) {
		fprintf(ctx->out, "%s: revoked%s, epoch %llu; %s\n", call->names,
			call->changed ? "" : " before", (unsigned long long)call->epoch,
			"a node keeps its sessions until it has applied this epoch");
		return 0;
	}
	object = json_object_new_object();
	return weft_fleet_print(ctx, object, object &&
				weft_fleet_add_switch(object, "changed", call->changed) &&
				weft_fleet_add_number(object, "epoch", call->epoch) &&
				weft_json_add_text(object, "revoked", call->names) &&
				weft_fleet_add_words(object, "changes", &store->changes), 0);
}

int weft_fleet_revoke(struct weft_context *ctx, int argc, char **argv)
{
	const char *path = NULL, *key = NULL, *trust = NULL, *serial = NULL;
	struct weft_admin_revocation call = { };
	const struct weft_fleet_word words[] = {
		{ "store", &path, true }, { "admin-key", &key, true },
		{ "node", &call.names, true }, { "serial", &serial }, { "trust", &trust },
		{ }
	};
	struct store_admin admin;
	__u64 number = 0;
	int status = 1;

	if (!weft_fleet_words(ctx, "revoke", words, argc, argv))
		return 1;
	if (serial && (!weft_setting_number(serial, 10, INT64_MAX, &number) || !number))
		return !weft_complain(ctx, "serial: '%s' is not a number from 1 on", serial);
	call.serial = number;
	if (store_begin(ctx, &admin, path, key, trust, false) &&
	    weft_admin_revoke(&admin.store, &call, &admin.seed))
		status = store_tell_revocation(&admin.store, &call);
	store_end(&admin);
	return status;
}

/* put */

static bool store_put_other(struct weft_store *store, const struct weft_fleet_record *record,
			    const struct weft_fleet_record *old)
{
	return !record || (old && weft_fleet_record_equal(old, record)) ||
	       weft_store_put(store, record);
}

/* The records of a node; those of a node that was revoked meanwhile are removed. */
static bool store_put_member(struct weft_store *store, const struct weft_member *member,
			     const struct weft_member *old)
{
	if (!weft_member_is_in(member))
		return !old || !old->node || weft_store_remove(store, member->name);
	return store_put_other(store, member->node, old ? old->node : NULL) &&
	       store_put_other(store, member->hello, old ? old->hello : NULL);
}

/* The record of the fleet, behind those that lead to it. */
static bool store_put_terms(struct weft_store *store, const struct weft_fleet *before)
{
	const struct weft_fleet *fleet = store->fleet;
	size_t i;

	if (!fleet->terms ||
	    (before->terms && weft_fleet_record_equal(before->terms, fleet->terms)))
		return true;
	for (i = 0; i < fleet->older_count; i++)
		if (fleet->older[i]->number >= weft_fleet_epoch(before) &&
		    !weft_store_keep(store, fleet->older[i]))
			return false;
	return weft_store_put(store, fleet->terms);
}

/* Write each record that the store did not have. */
static bool store_put_new(struct weft_store *store, const struct weft_fleet *before)
{
	const struct weft_member *member;
	size_t i;

	if (!store_put_terms(store, before))
		return false;
	for (i = 0; i < store->fleet->count; i++) {
		member = &store->fleet->members[i];
		if (!store_put_member(store, member, weft_fleet_find(before, member->name)))
			return false;
	}
	return true;
}

static int store_tell_put(const struct weft_context *ctx, const struct weft_merge *merge)
{
	int status = merge->refused_count ? WEFT_FLEET_PARTIAL : 0;
	struct json_object *object;

	weft_fleet_warn_refused(ctx, merge);
	if (!ctx->json)
		return status;
	object = json_object_new_object();
	return weft_fleet_print(ctx, object, object &&
				weft_fleet_add_switch(object, "changed", merge->accepted) &&
				weft_fleet_add_merge(object, merge), status);
}

/*
 * A store that was set back has revocations that the fleet's newest record does not
 * have: the status is that of refused records.
 */
static int store_warn_revocations(const struct weft_context *ctx, const struct weft_fleet *before,
				  const struct weft_fleet *now)
{
	const struct weft_revocations *former, *present = &now->terms->revoked;
	size_t i, k;
	int status = 0;

	if (!before || !before->terms)
		return 0;
	former = &before->terms->revoked;
	for (i = 0; i < former->count; i++) {
		for (k = 0; k < present->count; k++)
			if (!strcmp(former->items[i].node, present->items[k].node) &&
			    former->items[i].serial <= present->items[k].serial)
				break;
		if (k < present->count)
			continue;
		weft_warn(ctx, "epoch %llu does not have this store's revocation of '%s': put the records again, and revoke '%s' again",
			  (unsigned long long)now->terms->number, former->items[i].node,
			  former->items[i].node);
		status = WEFT_FLEET_PARTIAL;
	}
	return status;
}

int weft_fleet_put(struct weft_context *ctx, int argc, char **argv)
{
	const char *path = NULL, *from = "-", *given = NULL;
	const struct weft_fleet_word words[] = {
		{ "store", &path, true }, { "from", &given }, { }
	};
	struct weft_store store, before = { .lock = -1 };
	struct weft_merge merge = { };
	struct weft_file text;
	int status = 1;

	if (!weft_fleet_words(ctx, "put", words, argc, argv) ||
	    /* Before the lock: the text may come over a slow line. */
	    !weft_fleet_read_text(ctx, given ? given : from, &text))
		return 1;
	if (weft_store_open(&store, ctx, path, NULL, true) &&
	    weft_store_adopt(&store, text.text, text.len) &&
	    weft_store_open(&before, ctx, path, NULL, false) &&
	    weft_fleet_take_bundle(ctx, store.fleet, &text, &merge) &&
	    store_put_new(&store, before.fleet ? before.fleet : &(struct weft_fleet){ }))
		status = store_tell_put(ctx, &merge) |
			 store_warn_revocations(ctx, before.fleet, store.fleet);
	weft_file_wipe(&text);
	weft_merge_free(&merge);
	weft_store_close(&before);
	weft_store_close(&store);
	return status;
}

/* bundle */

int weft_fleet_bundle(struct weft_context *ctx, int argc, char **argv)
{
	const char *path = NULL, *keys = NULL;
	const struct weft_fleet_word words[] = {
		{ "store", &path, true }, { "trust", &keys }, { }
	};
	struct store_reader reader;
	bool good;

	if (!weft_fleet_words(ctx, "bundle", words, argc, argv))
		return 1;
	/* Each node verifies it. */
	good = store_read(&reader, ctx, path, keys, false);
	if (good)
		weft_memory_write_bundle(ctx->out, reader.store.fleet);
	store_read_end(&reader);
	return !good;
}

/* render */

int weft_fleet_render(struct weft_context *ctx, int argc, char **argv)
{
	const char *path = NULL, *node = NULL, *keys = NULL;
	const struct weft_fleet_word words[] = {
		{ "store", &path, true }, { "node", &node, true }, { "trust", &keys }, { }
	};
	struct weft_fleet_own own = { };
	struct weft_fleet_model model;
	struct store_reader reader;
	struct weft_refusal why;
	bool good;

	if (!weft_fleet_words(ctx, "render", words, argc, argv))
		return 1;
	good = store_read(&reader, ctx, path, keys, true);
	snprintf(own.node, sizeof(own.node), "%s", node);
	if (good && !weft_fleet_model(reader.store.fleet, &own, &model, &why))
		good = weft_complain(ctx, "%s", why.text);
	if (good) {
		weft_render_plain(ctx->out, &model);
		weft_fleet_model_free(&model);
	}
	store_read_end(&reader);
	return !good;
}

/* list */

static bool store_list_node(struct json_object *array, const struct weft_member *member)
{
	struct json_object *object = member->node ? weft_fleet_record_json(member->node) :
						    json_object_new_object();
	struct json_object *hello = member->hello ? weft_fleet_record_json(member->hello) : NULL;
	bool good = object && (!member->hello || hello);

	if (good && !member->node)
		good = weft_json_add_text(object, "node", member->name);
	good = good && weft_fleet_add_switch(object, "revoked", !weft_member_is_in(member)) &&
	       (!hello || weft_json_add(object, "hello", json_object_get(hello)));
	json_object_put(hello);
	if (good && !json_object_array_add(array, object))
		return true;
	json_object_put(object);
	return false;
}

static int store_print_list(const struct weft_context *ctx, const struct weft_fleet *fleet)
{
	struct json_object *object = weft_fleet_record_json(fleet->terms);
	struct json_object *array = json_object_new_array();
	bool good = object && array;
	size_t i;

	for (i = 0; good && i < fleet->count; i++)
		good = store_list_node(array, &fleet->members[i]);
	good = good && weft_json_add(object, "nodes", array);
	if (!good)
		json_object_put(array);
	return weft_fleet_print(ctx, object, good, 0);
}

static void store_tell_list(const struct weft_context *ctx, const struct weft_fleet *fleet)
{
	const struct weft_member *member;
	size_t i;

	fprintf(ctx->out, "fleet %s, epoch %llu, %s, %zu nodes\n", fleet->name,
		(unsigned long long)weft_fleet_epoch(fleet),
		weft_topology_names[fleet->terms->topology].name, weft_fleet_size(fleet));
	for (i = 0; i < fleet->count; i++) {
		member = &fleet->members[i];
		fprintf(ctx->out, "%-24s %s%s%s\n", member->name,
			weft_member_is_in(member) ? "" : "revoked ",
			weft_member_is_in(member) && member->node->hub ? "hub " : "",
			!weft_member_is_in(member) ? "" :
			weft_member_key(member) ? weft_key_encode(weft_member_key(member)).chars :
						  "without a hello");
	}
}

int weft_fleet_list(struct weft_context *ctx, int argc, char **argv)
{
	const char *path = NULL, *keys = NULL;
	const struct weft_fleet_word words[] = {
		{ "store", &path, true }, { "trust", &keys }, { }
	};
	struct store_reader reader;
	int status = 1;

	if (!weft_fleet_words(ctx, "list", words, argc, argv))
		return 1;
	if (store_read(&reader, ctx, path, keys, true)) {
		status = 0;
		if (ctx->json)
			status = store_print_list(ctx, reader.store.fleet);
		else
			store_tell_list(ctx, reader.store.fleet);
	}
	store_read_end(&reader);
	return status;
}
