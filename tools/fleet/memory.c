// SPDX-License-Identifier: GPL-2.0
/*
 * The text: a line with the trusted keys and the revocations; a line "made NODE KEY"
 * for each key under which a node was configured; then records.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/memory.h"

#define MEMORY_HEAD		"weft-fleet-memory/1 "
#define MEMORY_MADE		"made "
#define MEMORY_TRUST_MAX	64
#define MEMORY_REVOKED_MAX	1048576

/**
 * struct memory_head - the first line
 * @fleet: the fleet
 * @trust: the keys that sign records of fleet and nodes
 * @revoked: all revocations that were seen
 */
struct memory_head {
	char fleet[WEFT_FLEET_NAME_BYTES];
	struct weft_keys trust;
	struct weft_revocations revoked;
};

static const struct weft_fields_row memory_rows[] = {
	{
		.name = "fleet", .type = &weft_fields_fleet_name,
		.offset = offsetof(struct memory_head, fleet), .kinds = 1, .required = 1,
	}, {
		.name = "trust", .type = &weft_fields_keys,
		.offset = offsetof(struct memory_head, trust), .kinds = 1, .required = 1,
		.max = MEMORY_TRUST_MAX,
	}, {
		.name = "revoked", .type = &weft_fields_revocations,
		.offset = offsetof(struct memory_head, revoked), .kinds = 1,
		.max = MEMORY_REVOKED_MAX,
	},
	{ }
};

/**
 * struct memory_item - one line after the first
 * @record: the record, or NULL
 * @node: otherwise the node
 * @key: and its key
 */
struct memory_item {
	struct weft_fleet_record *record;
	char node[WEFT_NODE_NAME_BYTES];
	struct weft_key key;
};

/* All lines of a text. */
struct memory_items {
	struct memory_item *items;
	size_t count;
};

static bool memory_refuse(struct weft_refusal *why, const char *text)
{
	snprintf(why->text, sizeof(why->text), "%s", text);
	return false;
}

struct weft_fleet *weft_memory_new(const char *name, const struct weft_keys *trust)
{
	struct weft_fleet *fleet = calloc(1, sizeof(*fleet));
	size_t i;

	if (!fleet)
		return NULL;
	snprintf(fleet->name, sizeof(fleet->name), "%s", name);
	for (i = 0; i < trust->count; i++) {
		if (!weft_keys_add(&fleet->trust, &trust->items[i])) {
			weft_fleet_free(fleet);
			return NULL;
		}
	}
	return fleet;
}

/* Reading. */

static void memory_items_free(struct memory_items *items)
{
	size_t i;

	for (i = 0; i < items->count; i++)
		weft_fleet_record_free(items->items[i].record);
	free(items->items);
}

static bool memory_take_made(struct memory_item *item, const char *line, size_t len,
			     struct weft_refusal *why)
{
	char *copy = strndup(line + strlen(MEMORY_MADE), len - strlen(MEMORY_MADE));
	char *blank = copy ? strchr(copy, ' ') : NULL;
	bool good = blank;

	if (blank) {
		*blank = '\0';
		good = weft_fields_is_node_name(copy) && weft_key_decode(&item->key, blank + 1);
		if (good)
			snprintf(item->node, sizeof(item->node), "%s", copy);
	}
	free(copy);
	return good || memory_refuse(why, "a line of a peer's key is damaged");
}

static bool memory_take_item(struct memory_items *items, const char *line, size_t len,
			     struct weft_refusal *why)
{
	struct memory_item *item = &items->items[items->count];

	memset(item, 0, sizeof(*item));
	items->count++;
	if (len > strlen(MEMORY_MADE) && !strncmp(line, MEMORY_MADE, strlen(MEMORY_MADE)))
		return memory_take_made(item, line, len, why);
	item->record = weft_fleet_record_parse(line, len, why);
	return item->record;
}

static size_t memory_count_lines(const char *text, size_t len)
{
	const char *end = text + len, *newline;
	size_t count = 0;

	for (; text < end && (newline = memchr(text, '\n', end - text)); text = newline + 1)
		count++;
	return count;
}

static bool memory_take_items(struct memory_items *items, const char *text, size_t len,
			      struct weft_refusal *why)
{
	const char *end = text + len, *newline;

	items->items = calloc(memory_count_lines(text, len) + 1, sizeof(*items->items));
	if (!items->items)
		return memory_refuse(why, "out of memory");
	for (; text < end; text = newline + 1) {
		newline = memchr(text, '\n', end - text);
		if (!newline)
			return memory_refuse(why, "no newline ends it: it is cut");
		if (!memory_take_item(items, text, newline - text, why))
			return false;
	}
	return true;
}

static bool memory_add_members(struct weft_fleet *fleet, const struct memory_items *items)
{
	const char **names = calloc(items->count + 1, sizeof(*names));
	const struct memory_item *item;
	size_t i, count = 0;
	bool good;

	for (i = 0; names && i < items->count; i++) {
		item = &items->items[i];
		if (!item->record)
			names[count++] = item->node;
		else if (item->record->kind != WEFT_FLEET_TERMS)
			names[count++] = item->record->node;
	}
	good = names && weft_fleet_add(fleet, names, count);
	free(names);
	return good;
}

/* Former records of the fleet stand before the newest one. */
static bool memory_place_terms(struct weft_fleet *fleet, struct weft_fleet_record *record)
{
	struct weft_fleet_record **older;

	if (fleet->terms) {
		older = reallocarray(fleet->older, fleet->older_count + 1, sizeof(*older));
		if (!older)
			return false;
		fleet->older = older;
		older[fleet->older_count++] = fleet->terms;
	}
	fleet->terms = record;
	return true;
}

static bool memory_place(struct weft_fleet *fleet, struct memory_item *item)
{
	struct weft_fleet_record *record = item->record, **slot;
	struct weft_member *member;

	if (!record) {
		member = weft_fleet_find(fleet, item->node);
		return weft_keys_add(&member->made, &item->key);
	}
	item->record = NULL;
	if (record->kind == WEFT_FLEET_TERMS) {
		if (memory_place_terms(fleet, record))
			return true;
		weft_fleet_record_free(record);
		return false;
	}
	member = weft_fleet_find(fleet, record->node);
	slot = record->kind == WEFT_FLEET_NODE ? &member->node : &member->hello;
	weft_fleet_record_free(*slot);
	*slot = record;
	return true;
}

static bool memory_take_body(struct weft_fleet *fleet, const char *text, size_t len,
			     struct weft_refusal *why)
{
	struct memory_items items = { };
	bool good = memory_take_items(&items, text, len, why);
	size_t i;

	if (good && !memory_add_members(fleet, &items))
		good = memory_refuse(why, "out of memory");
	for (i = 0; good && i < items.count; i++)
		good = memory_place(fleet, &items.items[i]) ||
		       memory_refuse(why, "out of memory");
	memory_items_free(&items);
	return good;
}

static bool memory_take_head(struct memory_head *head, const char *text, size_t len,
			     struct weft_refusal *why)
{
	size_t skip = strlen(MEMORY_HEAD);
	struct json_object *object;
	bool good;

	if (len < skip || strncmp(text, MEMORY_HEAD, skip))
		return memory_refuse(why, "its first line is not '" MEMORY_HEAD "...'");
	object = weft_fields_parse(text + skip, len - skip, why);
	good = object && weft_fields_take(memory_rows, 1, object, head, why);
	json_object_put(object);
	return good;
}

static struct weft_fleet *memory_read(const char *name, const char *text, size_t len,
				      struct memory_head *head, struct weft_refusal *why)
{
	const char *newline = memchr(text, '\n', len);
	struct weft_fleet *fleet;
	bool good;

	if (!newline || !memory_take_head(head, text, newline - text, why)) {
		if (!newline)
			memory_refuse(why, "its first line is cut");
		return NULL;
	}
	if (strcmp(head->fleet, name)) {
		memory_refuse(why, "it is the memory of another fleet");
		return NULL;
	}
	fleet = weft_memory_new(name, &head->trust);
	good = fleet && weft_fleet_take_revocations(fleet, &head->revoked);
	if (!good)
		memory_refuse(why, "out of memory");
	if (good && memory_take_body(fleet, newline + 1, text + len - newline - 1, why))
		return fleet;
	weft_fleet_free(fleet);
	return NULL;
}

struct weft_fleet *weft_memory_read(const char *name, const char *text, size_t len,
				    struct weft_refusal *why)
{
	struct memory_head head = { };
	struct weft_fleet *fleet = memory_read(name, text, len, &head, why);

	weft_fields_free(memory_rows, &head);
	return fleet;
}

/* Writing. */

static bool memory_list_revocations(const struct weft_fleet *fleet, struct weft_revocations *to)
{
	const struct weft_member *member;
	size_t i;

	to->items = calloc(fleet->count + 1, sizeof(*to->items));
	if (!to->items)
		return false;
	for (i = 0; i < fleet->count; i++) {
		member = &fleet->members[i];
		if (!member->revoked)
			continue;
		to->items[to->count].serial = member->revoked;
		memcpy(to->items[to->count++].node, member->name, sizeof(member->name));
	}
	return true;
}

static bool memory_write_head(FILE *out, const struct weft_fleet *fleet)
{
	struct memory_head head = { .trust = fleet->trust };
	struct json_object *object = NULL;

	memcpy(head.fleet, fleet->name, sizeof(head.fleet));
	if (memory_list_revocations(fleet, &head.revoked))
		object = weft_fields_put(memory_rows, 1, &head);
	if (object)
		fprintf(out, "%s%s\n", MEMORY_HEAD, weft_fields_text(object));
	json_object_put(object);
	free(head.revoked.items);
	return object;
}

static void memory_write_record(FILE *out, const struct weft_fleet_record *record)
{
	if (record)
		fprintf(out, "%s\n", record->line);
}

static void memory_write_terms(FILE *out, const struct weft_fleet *fleet)
{
	size_t i;

	for (i = 0; i < fleet->older_count; i++)
		memory_write_record(out, fleet->older[i]);
	memory_write_record(out, fleet->terms);
}

bool weft_memory_write(FILE *out, const struct weft_fleet *fleet)
{
	const struct weft_member *member;
	size_t i, k;

	if (!memory_write_head(out, fleet))
		return false;
	for (i = 0; i < fleet->count; i++) {
		member = &fleet->members[i];
		for (k = 0; k < member->made.count; k++)
			fprintf(out, MEMORY_MADE "%s %s\n", member->name,
				weft_key_encode(&member->made.items[k]).chars);
	}
	memory_write_terms(out, fleet);
	for (i = 0; i < fleet->count; i++)
		memory_write_record(out, fleet->members[i].node);
	for (i = 0; i < fleet->count; i++)
		memory_write_record(out, fleet->members[i].hello);
	return true;
}

void weft_memory_write_bundle(FILE *out, const struct weft_fleet *fleet)
{
	size_t i;

	memory_write_terms(out, fleet);
	for (i = 0; i < fleet->count; i++)
		if (weft_member_is_in(&fleet->members[i]))
			memory_write_record(out, fleet->members[i].node);
	for (i = 0; i < fleet->count; i++)
		if (weft_member_is_in(&fleet->members[i]))
			memory_write_record(out, fleet->members[i].hello);
}
