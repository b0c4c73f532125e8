// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <libgen.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/complain.h"
#include "base/text.h"
#include "conf/file.h"
#include "conf/writer.h"
#include "fleet/admin.h"
#include "fleet/difference.h"
#include "model/format.h"
#include "print/json.h"

#define ADMIN_MTU_MIN	1280
#define ADMIN_NODES_MAX	100000

static bool admin_no_memory(const struct weft_store *store)
{
	return weft_complain(store->ctx, "out of memory");
}

static __printf(2, 3)
bool admin_say(struct weft_store *store, const char *fmt, ...)
{
	va_list args;
	bool good;

	va_start(args, fmt);
	good = weft_profile_words_print(&store->changes, fmt, args);
	va_end(args);
	return good || admin_no_memory(store);
}

static bool admin_say_difference(struct weft_store *store, const struct weft_fleet_record *old,
				 const struct weft_fleet_record *now)
{
	return weft_difference(&store->changes, old, now) || admin_no_memory(store);
}

/* The admin key. */

static bool admin_make_key(const struct weft_context *ctx, const char *file,
			   struct weft_key *seed)
{
	struct weft_key_text text;
	char line[WEFT_KEY_CHARS + 2];
	bool good;

	weft_seed_generate(seed);
	if (ctx->dry_run)
		return true;
	text = weft_key_encode(seed);
	snprintf(line, sizeof(line), "%s\n", text.chars);
	good = weft_writer_put(ctx, file, 0600, NULL, line, strlen(line));
	weft_key_text_wipe(&text);
	sodium_memzero(line, sizeof(line));
	return good;
}

/* The locked folder of the key's file, or -1: of two commands one makes the key. */
static int admin_lock(const char *file)
{
	char *copy = strdup(file);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	free(copy);
	if (fd >= 0)
		flock(fd, LOCK_EX);
	return fd;
}

/* Make the key if its file does not exist. False after a complaint. */
static bool admin_need_key(const struct weft_context *ctx, const char *file,
			   struct weft_key *seed, bool *made)
{
	struct stat st;
	bool good = true;
	int lock;

	if (!lstat(file, &st) || errno != ENOENT)
		return true;
	lock = admin_lock(file);
	*made = lstat(file, &st) && errno == ENOENT;
	if (*made)
		good = admin_make_key(ctx, file, seed);
	if (lock >= 0)
		close(lock);
	return good;
}

bool weft_admin_key(const struct weft_context *ctx, const char *file, bool make,
		    struct weft_key *seed, bool *made)
{
	struct weft_file text;
	bool good;

	*made = false;
	if (make && strcmp(file, "-") && !admin_need_key(ctx, file, seed, made))
		return false;
	if (*made)
		return true;
	if (!weft_file_read(ctx, file, 4096, &text))
		return false;
	if (strcmp(file, "-"))
		weft_file_warn_readable(ctx, file);
	good = weft_key_decode(seed, weft_text_trim(text.text)) ||
	       weft_complain(ctx, "'%s' has no key: an admin key is 44 characters of base64", file);
	weft_file_wipe(&text);
	return good;
}

/* The record of the fleet. */

static struct json_object *admin_first_terms(const char *name, const struct weft_key *seed)
{
	struct weft_fleet_record first = {
		.kind = WEFT_FLEET_TERMS, .topology = WEFT_TOPOLOGY_MESH, .port = WEFT_FLEET_PORT,
	};
	struct weft_key admin;
	struct json_object *object;

	snprintf(first.fleet, sizeof(first.fleet), "%s", name);
	weft_seed_public(&admin, seed);
	if (!weft_keys_add(&first.admins, &admin))
		return NULL;
	object = weft_fleet_record_json(&first);
	weft_keys_free(&first.admins);
	return object;
}

static bool admin_merge(struct json_object *object, struct json_object *wish)
{
	json_object_object_foreach(wish, key, value)
		if (!weft_json_add(object, key, json_object_get(value)))
			return false;
	return true;
}

static struct weft_fleet_record *admin_wanted_terms(struct weft_store *store, const char *name,
						    struct json_object *wish,
						    const struct weft_key *seed)
{
	const struct weft_fleet_record *now = store->fleet ? store->fleet->terms : NULL;
	struct json_object *object = now ? weft_fleet_record_json(now) :
					   admin_first_terms(name, seed);
	struct weft_fleet_record *record = NULL;
	struct weft_refusal why;

	if (object && admin_merge(object, wish)) {
		record = weft_fleet_record_from(WEFT_FLEET_TERMS, false, object, &why);
		if (!record)
			weft_complain(store->ctx, "%s", why.text);
	} else {
		admin_no_memory(store);
	}
	json_object_put(object);
	return record;
}

/* The successor of the present record. */
static bool admin_sign_terms(struct weft_store *store, struct weft_fleet_record *record,
			     const struct weft_key *seed, __u64 least)
{
	record->number = weft_fleet_epoch(store->fleet ?: &(struct weft_fleet){ }) + 1;
	if (record->number < least)
		record->number = least;
	return weft_fleet_record_sign(record, seed) ||
	       weft_complain(store->ctx, "the record of the fleet is too long");
}

/* The present record is kept where other keys take over. */
static bool admin_keep_terms(struct weft_store *store, const struct weft_fleet_record *record)
{
	const struct weft_fleet_record *now = store->fleet ? store->fleet->terms : NULL;

	return !now || !weft_fleet_hands_over(now, record) || weft_store_keep(store, now);
}

static bool admin_may(struct weft_store *store, const struct weft_fleet_record *record,
		      const char *name, const struct weft_key *seed)
{
	struct weft_key admin;

	if (strcmp(record->fleet, name))
		return weft_complain(store->ctx, "'%s' is the store of fleet '%s', not of '%s'",
				     store->path, record->fleet, name);
	if (!record->port)
		return weft_complain(store->ctx, "port: 0 is no port: use 1 to 65535");
	if (record->mtu && record->mtu < ADMIN_MTU_MIN)
		return weft_complain(store->ctx,
				     "mtu: %llu is too small: IPv6 needs %d, and 0 derives it from the paths",
				     (unsigned long long)record->mtu, ADMIN_MTU_MIN);
	weft_seed_public(&admin, seed);
	return weft_keys_have(&record->admins, &admin) ||
	       weft_complain(store->ctx,
			     "admins: the key of admin-key is not among them: add a new key first, then leave out the old one with the new one as admin-key");
}

/* The next record of a node, signed by another key; NULL after a complaint. */
static struct weft_fleet_record *admin_sign_again(struct weft_store *store,
						  const struct weft_fleet_record *node,
						  const struct weft_key *seed)
{
	struct weft_fleet_record *copy = weft_fleet_record_copy(node);

	if (copy) {
		copy->number++;
		if (weft_fleet_record_sign(copy, seed))
			return copy;
		weft_fleet_record_free(copy);
	}
	admin_no_memory(store);
	return NULL;
}

/* A node whose record is signed by a key that is left out would be refused by new nodes. */
static bool admin_sign_nodes(struct weft_store *store, const struct weft_fleet_record *terms,
			     const struct weft_key *seed, struct weft_fleet_record **to,
			     size_t *count)
{
	const struct weft_member *member;
	size_t i;

	for (i = 0; store->fleet && i < store->fleet->count; i++) {
		member = &store->fleet->members[i];
		if (!weft_member_is_in(member) ||
		    weft_keys_have(&terms->admins, &member->node->signer))
			continue;
		to[*count] = admin_sign_again(store, member->node, seed);
		if (!to[*count] ||
		    !admin_say(store, "node %s: signed again, serial %llu", member->name,
			       (unsigned long long)to[*count]->number))
			return false;
		(*count)++;
	}
	return true;
}

static bool admin_say_terms(struct weft_store *store, const struct weft_fleet_record *terms)
{
	const struct weft_fleet_record *now = store->fleet ? store->fleet->terms : NULL;

	return (now || admin_say(store, "fleet %s: new", terms->fleet)) &&
	       admin_say_difference(store, now, terms);
}

/* The nodes' records and that of the fleet change at once. */
static bool admin_put_terms(struct weft_store *store, struct weft_fleet_record *terms,
			    const struct weft_key *seed)
{
	size_t i, count = 0, nodes = store->fleet ? store->fleet->count : 0;
	struct weft_fleet_record **all = calloc(nodes + 1, sizeof(*all));
	bool good;

	if (!all)
		return admin_no_memory(store);
	good = admin_say_terms(store, terms) &&
	       admin_sign_nodes(store, terms, seed, all, &count) &&
	       admin_sign_terms(store, terms, seed, 0) && admin_keep_terms(store, terms);
	all[count] = terms;
	good = good && weft_store_put_all(store, all, count + 1);
	for (i = 0; i < count; i++)
		weft_fleet_record_free(all[i]);
	free(all);
	return good;
}

bool weft_admin_terms(struct weft_store *store, const char *name, struct json_object *wish,
		      const struct weft_key *seed, bool *changed)
{
	struct weft_fleet_record *record = admin_wanted_terms(store, name, wish, seed);
	bool good;

	*changed = false;
	if (!record)
		return false;
	good = admin_may(store, record, name, seed);
	if (good && !(store->fleet && weft_fleet_record_says_same(record, store->fleet->terms))) {
		good = admin_put_terms(store, record, seed);
		*changed = good;
	}
	weft_fleet_record_free(record);
	return good;
}

/* Admissions. */

/* A template's empty values are missing ones. */
static void admin_drop_empty(struct json_object *object)
{
	struct json_object_iterator at = json_object_iter_begin(object);
	struct json_object_iterator end = json_object_iter_end(object);
	struct json_object *value;
	const char *name;

	while (!json_object_iter_equal(&at, &end)) {
		name = json_object_iter_peek_name(&at);
		value = json_object_iter_peek_value(&at);
		json_object_iter_next(&at);
		if (!value || (json_object_is_type(value, json_type_array) &&
			       !json_object_array_length(value)) ||
		    (json_object_is_type(value, json_type_string) &&
		     !json_object_get_string_len(value)))
			json_object_object_del(object, name);
	}
}

static struct weft_fleet_record *admin_wish(struct weft_store *store, struct json_object *object)
{
	struct weft_fleet_record *record = NULL;
	struct weft_refusal why;
	struct json_object *node;

	if (!json_object_is_type(object, json_type_object)) {
		weft_complain(store->ctx, "a node is not a JSON object");
		return NULL;
	}
	admin_drop_empty(object);
	record = weft_fleet_record_from(WEFT_FLEET_NODE, true, object, &why);
	if (!record) {
		node = json_object_object_get(object, "node");
		weft_complain(store->ctx, "node '%s': %s",
			      node ? json_object_get_string(node) : "?", why.text);
	}
	return record;
}

static bool admin_is_new(const struct weft_member *member, const struct weft_fleet_record *record)
{
	return !member || !weft_member_is_in(member) ||
	       !weft_key_equal(&member->node->identity, &record->identity);
}

static bool admin_say_node(struct weft_store *store, const struct weft_fleet_record *record)
{
	const struct weft_member *member = weft_fleet_find(store->fleet, record->node);
	const struct weft_fleet_record *now = member ? member->node : NULL;
	bool is_new = admin_is_new(member, record);

	return (!is_new || admin_say(store, "node %s: %s, serial %llu", record->node,
				     member ? "admitted again" : "new",
				     (unsigned long long)record->number)) &&
	       admin_say_difference(store, now, record);
}

/* The numbers of @record: those of the present record, or the next ones. */
static void admin_number(struct weft_store *store, struct weft_fleet_record *record, bool *changed)
{
	const struct weft_member *member = weft_fleet_find(store->fleet, record->node);
	const struct weft_fleet_record *now = member ? member->node : NULL;
	__u64 last = member ? member->revoked : 0;

	if (now && now->number > last)
		last = now->number;
	memcpy(record->fleet, store->fleet->name, sizeof(record->fleet));
	record->admitted = !now || admin_is_new(member, record) ? last + 1 : now->admitted;
	*changed = !now || !weft_member_is_in(member) ||
		   !weft_fleet_record_says_same(record, now);
	record->number = *changed ? last + 1 : last;
}

/**
 * struct admin_job - the admissions of one call
 * @store: the store
 * @records: the nodes' records
 * @count: their number
 * @admissions: the outcome
 */
struct admin_job {
	struct weft_store *store;
	struct weft_fleet_record **records;
	size_t count;
	struct weft_admin_admissions *admissions;
};

static bool admin_take(struct admin_job *job, struct json_object *array,
		       const struct weft_key *seed)
{
	struct weft_admin_admission *admission;
	struct weft_fleet_record *record;
	size_t i, count = json_object_array_length(array);

	for (i = 0; i < count; i++) {
		record = admin_wish(job->store, json_object_array_get_idx(array, i));
		if (!record)
			return false;
		job->records[job->count++] = record;
		admission = &job->admissions->items[job->admissions->count++];
		memcpy(admission->node, record->node, sizeof(admission->node));
		admin_number(job->store, record, &admission->changed);
		admission->serial = record->number;
		job->admissions->changed |= admission->changed;
		if (!admission->changed)
			continue;
		if (!weft_fleet_record_sign(record, seed))
			return weft_complain(job->store->ctx, "node '%s': its record is too long",
					     record->node);
		if (!admin_say_node(job->store, record))
			return false;
	}
	return true;
}

/* A prefix, and the node that has it. */
struct admin_prefix {
	struct weft_allowedip ip;
	const char *node;
};

static int admin_compare_prefixes(const void *a, const void *b)
{
	const struct admin_prefix *x = a, *y = b;
	int diff = weft_model_allowedip_compare(&x->ip, &y->ip);

	return diff ? diff : strcmp(x->node, y->node);
}

static int admin_compare_names(const void *a, const void *b)
{
	return strcmp((*(struct weft_fleet_record * const *)a)->node,
		      (*(struct weft_fleet_record * const *)b)->node);
}

/* The records as they will be, sorted by node: those of the call replace those of the store. */
static struct weft_fleet_record **admin_future(const struct admin_job *job, size_t *count)
{
	const struct weft_fleet *fleet = job->store->fleet;
	struct weft_fleet_record **all = calloc(fleet->count + job->count + 1, sizeof(*all));
	struct weft_fleet_record wanted, *key = &wanted;
	size_t i;

	*count = 0;
	if (!all)
		return NULL;
	for (i = 0; i < fleet->count; i++) {
		memcpy(wanted.node, fleet->members[i].name, sizeof(wanted.node));
		if (weft_member_is_in(&fleet->members[i]) &&
		    !bsearch(&key, job->records, job->count, sizeof(*job->records),
			     admin_compare_names))
			all[(*count)++] = fleet->members[i].node;
	}
	for (i = 0; i < job->count; i++)
		all[(*count)++] = job->records[i];
	return all;
}

static void admin_list_prefixes(const struct weft_fleet_record *record, struct admin_prefix *to,
				size_t *count)
{
	size_t i;

	for (i = 0; i < record->addresses.count; i++) {
		to[*count] = (struct admin_prefix){ record->addresses.items[i], record->node };
		to[*count].ip.cidr = to[*count].ip.family == AF_INET ? 32 : 128;
		(*count)++;
	}
	for (i = 0; i < record->prefixes.count; i++)
		to[(*count)++] = (struct admin_prefix){ record->prefixes.items[i], record->node };
}

static bool admin_check_twice(struct weft_store *store, const struct admin_prefix *prefixes,
			      size_t count)
{
	size_t i;

	for (i = 1; i < count; i++)
		if (!weft_model_allowedip_compare(&prefixes[i - 1].ip, &prefixes[i].ip))
			return weft_complain(store->ctx,
					     "prefix %s/%u is of node '%s' and of node '%s'",
					     weft_format_address(&prefixes[i].ip).chars,
					     prefixes[i].ip.cidr, prefixes[i - 1].node,
					     prefixes[i].node);
	return true;
}

/* No prefix is at two nodes, nor twice at one. */
static bool admin_check_prefixes(struct weft_store *store, struct weft_fleet_record **all,
				 size_t count)
{
	struct admin_prefix *prefixes;
	size_t i, total = 0;
	bool good;

	for (i = 0; i < count; i++)
		total += all[i]->addresses.count + all[i]->prefixes.count;
	prefixes = calloc(total + 1, sizeof(*prefixes));
	if (!prefixes)
		return admin_no_memory(store);
	for (i = 0, total = 0; i < count; i++)
		admin_list_prefixes(all[i], prefixes, &total);
	qsort(prefixes, total, sizeof(*prefixes), admin_compare_prefixes);
	good = admin_check_twice(store, prefixes, total);
	free(prefixes);
	return good;
}

/* A key, and the node that has it. */
struct admin_key {
	const struct weft_key *key;
	const char *node;
};

static int admin_compare_keys(const void *a, const void *b)
{
	const struct admin_key *x = a, *y = b;
	int diff = memcmp(x->key->bytes, y->key->bytes, WEFT_KEY_BYTES);

	return diff ? diff : strcmp(x->node, y->node);
}

static void admin_list_key(struct admin_key *keys, size_t *count, const struct weft_key *key,
			   const char *node)
{
	if (!weft_key_is_zero(key))
		keys[(*count)++] = (struct admin_key){ key, node };
}

/* A machine that was cloned has the keys of its original, and could speak for it. */
static bool admin_check_keys(struct weft_store *store, struct weft_fleet_record **all,
			     size_t count)
{
	struct admin_key *keys = calloc(2 * count + 1, sizeof(*keys));
	size_t i, total = 0;
	bool good = true;

	if (!keys)
		return admin_no_memory(store);
	for (i = 0; i < count; i++) {
		admin_list_key(keys, &total, &all[i]->identity, all[i]->node);
		admin_list_key(keys, &total, &all[i]->public_key, all[i]->node);
	}
	qsort(keys, total, sizeof(*keys), admin_compare_keys);
	for (i = 1; good && i < total; i++)
		good = !weft_key_equal(keys[i - 1].key, keys[i].key) ||
		       weft_complain(store->ctx,
				     "node '%s' and node '%s' have the same identity or public key",
				     keys[i - 1].node, keys[i].node);
	free(keys);
	return good;
}

static bool admin_check(struct admin_job *job)
{
	struct weft_fleet_record **all;
	size_t i, count;
	bool good;

	qsort(job->records, job->count, sizeof(*job->records), admin_compare_names);
	for (i = 1; i < job->count; i++)
		if (!strcmp(job->records[i - 1]->node, job->records[i]->node))
			return weft_complain(job->store->ctx, "node '%s' is there twice",
					     job->records[i]->node);
	all = admin_future(job, &count);
	if (!all)
		return admin_no_memory(job->store);
	good = admin_check_prefixes(job->store, all, count) &&
	       admin_check_keys(job->store, all, count);
	free(all);
	return good;
}

/* Only changed records have a line. */
static bool admin_write(struct admin_job *job)
{
	struct weft_fleet_record **changed = calloc(job->count + 1, sizeof(*changed));
	size_t i, count = 0;
	bool good;

	if (!changed)
		return admin_no_memory(job->store);
	for (i = 0; i < job->count; i++)
		if (job->records[i]->line)
			changed[count++] = job->records[i];
	good = weft_store_put_all(job->store, changed, count);
	free(changed);
	return good;
}

bool weft_admin_admit(struct weft_store *store, struct json_object *array,
		      const struct weft_key *seed, struct weft_admin_admissions *admissions)
{
	size_t i, count = json_object_array_length(array);
	struct admin_job job = { .store = store, .admissions = admissions };
	bool good;

	memset(admissions, 0, sizeof(*admissions));
	if (count > ADMIN_NODES_MAX)
		return weft_complain(store->ctx, "more than %d nodes", ADMIN_NODES_MAX);
	admissions->items = calloc(count + 1, sizeof(*admissions->items));
	job.records = calloc(count + 1, sizeof(*job.records));
	if (!admissions->items || !job.records) {
		free(job.records);
		return admin_no_memory(store);
	}
	good = admin_take(&job, array, seed) && admin_check(&job) && admin_write(&job);
	for (i = 0; i < job.count; i++)
		weft_fleet_record_free(job.records[i]);
	free(job.records);
	return good;
}

void weft_admin_admissions_free(struct weft_admin_admissions *admissions)
{
	free(admissions->items);
}

/* Revocations. */

static int admin_compare_revocations(const void *a, const void *b)
{
	return strcmp(((const struct weft_revocation *)a)->node,
		      ((const struct weft_revocation *)b)->node);
}

static bool admin_add_revocation(struct weft_store *store, struct weft_revocations *to,
				 const char *name, __u64 serial)
{
	struct weft_revocation *items;
	size_t i;

	for (i = 0; i < to->count && strcmp(to->items[i].node, name); i++)
		;
	if (i == to->count) {
		items = reallocarray(to->items, to->count + 1, sizeof(*items));
		if (!items)
			return admin_no_memory(store);
		to->items = items;
		memset(&items[i], 0, sizeof(*items));
		snprintf(items[i].node, sizeof(items[i].node), "%s", name);
		to->count++;
	}
	to->items[i].serial = serial;
	qsort(to->items, to->count, sizeof(*to->items), admin_compare_revocations);
	return true;
}

static __u64 admin_at_least(__u64 number, __u64 other)
{
	return number > other ? number : other;
}

/* Another serial of the node may be known to nodes that the store has lost. */
static bool admin_revoke_one(struct weft_store *store, struct weft_fleet_record *terms,
			     const char *name, struct weft_admin_revocation *call)
{
	const struct weft_member *member = weft_fleet_find(store->fleet, name);
	__u64 serial = admin_at_least(call->serial, store->ctx->now);

	if (!weft_fields_is_node_name(name))
		return weft_complain(store->ctx, "'%s' is not the name of a node", name);
	if (!call->serial && (!member || (!member->node && !member->revoked)))
		return weft_complain(store->ctx,
				     "'%s' is no node of fleet '%s': to revoke a name that this store does not have, add 'serial %llu'",
				     name, store->fleet->name,
				     (unsigned long long)store->ctx->now);
	if (member && !weft_member_is_in(member) && member->revoked >= call->serial)
		return true;
	if (member && member->node)
		serial = admin_at_least(serial, member->node->number);
	call->changed = true;
	return admin_add_revocation(store, &terms->revoked, name, serial) &&
	       admin_say(store, "node %s: revoked, up to serial %llu", name,
			 (unsigned long long)serial);
}

static bool admin_revoke_all(struct weft_store *store, struct weft_fleet_record *terms,
			     struct weft_admin_revocation *call)
{
	char *copy = strdup(call->names), *rest = copy, *name;
	bool good = copy || admin_no_memory(store);

	while (good && (name = strsep(&rest, ",")))
		good = admin_revoke_one(store, terms, name, call);
	free(copy);
	return good;
}

/* The revocation is written before the node's records are removed. */
static bool admin_remove_revoked(struct weft_store *store, const struct weft_fleet_record *terms)
{
	const struct weft_member *member;
	size_t i;

	for (i = 0; i < terms->revoked.count; i++) {
		member = weft_fleet_find(store->fleet, terms->revoked.items[i].node);
		if (member && member->node &&
		    member->node->number > terms->revoked.items[i].serial)
			continue;
		if (!weft_store_remove(store, terms->revoked.items[i].node))
			return false;
	}
	return true;
}

bool weft_admin_revoke(struct weft_store *store, struct weft_admin_revocation *call,
		       const struct weft_key *seed)
{
	struct weft_fleet_record *terms = weft_fleet_record_copy(store->fleet->terms);
	bool good;

	call->changed = false;
	if (!terms)
		return admin_no_memory(store);
	good = admin_revoke_all(store, terms, call);
	if (good && call->changed)
		good = admin_sign_terms(store, terms, seed, store->ctx->now) &&
		       admin_keep_terms(store, terms) && weft_store_put(store, terms);
	call->epoch = terms->number;
	good = good && admin_remove_revoked(store, terms);
	weft_fleet_record_free(terms);
	return good;
}
