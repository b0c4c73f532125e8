// SPDX-License-Identifier: GPL-2.0
/*
 * The text: a line with the trusted keys and the revocations; a line "made NODE KEY"
 * for each key under which a node was configured, or "former NODE KEY" where that was
 * before its present admission; then records; then a line "end", without which a text
 * that was cut between two lines would be taken for a smaller fleet.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/memory.h"

#define MEMORY_HEAD		"weft-fleet-memory/1 "
#define MEMORY_MADE		"made "
#define MEMORY_FORMER		"former "
#define MEMORY_END		"end\n"
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
 * @former: otherwise a key of a former admission
 * @node: and its node
 * @key: the key
 */
struct memory_item {
	struct weft_fleet_record *record;
	bool former;
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

static bool memory_begins(const char *line, size_t len, const char *word)
{
	return len > strlen(word) && !strncmp(line, word, strlen(word));
}

/* The rest of a line after its first word. */
static bool memory_take_key(struct memory_item *item, const char *rest, size_t len,
			    struct weft_refusal *why)
{
	char *copy = strndup(rest, len);
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
	size_t skip;

	memset(item, 0, sizeof(*item));
	items->count++;
	item->former = memory_begins(line, len, MEMORY_FORMER);
	skip = item->former ? strlen(MEMORY_FORMER) : strlen(MEMORY_MADE);
	if (item->former || memory_begins(line, len, MEMORY_MADE))
		return memory_take_key(item, line + skip, len - skip, why);
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
	size_t tail = strlen(MEMORY_END);
	const char *end, *newline;

	if (len < tail || memcmp(text + len - tail, MEMORY_END, tail))
		return memory_refuse(why, "its last line is not 'end': it is cut");
	len -= tail;
	end = text + len;
	items->items = calloc(memory_count_lines(text, len) + 1, sizeof(*items->items));
	if (!items->items)
		return memory_refuse(why, "out of memory");
	for (; text < end; text = newline + 1) {
		newline = memchr(text, '\n', end - text);
		if (!newline)
			return memory_refuse(why, "no newline ends a line: it is damaged");
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
	if (fleet->terms && !weft_fleet_keep_older(fleet, fleet->terms))
		return false;
	fleet->terms = record;
	return true;
}

static bool memory_place(struct weft_fleet *fleet, struct memory_item *item)
{
	struct weft_fleet_record *record = item->record, **slot;
	struct weft_member *member;

	if (!record) {
		member = weft_fleet_find(fleet, item->node);
		return weft_keys_add(item->former ? &member->former : &member->made,
				     &item->key);
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

	if (memchr(text, '\0', len)) {
		memory_refuse(why, "a zero byte is in it");
		return NULL;
	}
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

static void memory_write_keys(FILE *out, const char *word, const char *node,
			      const struct weft_keys *keys)
{
	size_t i;

	for (i = 0; i < keys->count; i++)
		fprintf(out, "%s%s %s\n", word, node, weft_key_encode(&keys->items[i]).chars);
}

bool weft_memory_write(FILE *out, const struct weft_fleet *fleet)
{
	const struct weft_member *member;
	size_t i;

	if (!memory_write_head(out, fleet))
		return false;
	for (i = 0; i < fleet->count; i++) {
		member = &fleet->members[i];
		memory_write_keys(out, MEMORY_MADE, member->name, &member->made);
		memory_write_keys(out, MEMORY_FORMER, member->name, &member->former);
	}
	memory_write_terms(out, fleet);
	for (i = 0; i < fleet->count; i++)
		memory_write_record(out, fleet->members[i].node);
	for (i = 0; i < fleet->count; i++)
		memory_write_record(out, fleet->members[i].hello);
	fputs(MEMORY_END, out);
	return true;
}

static const char *memory_next_line(const char *text)
{
	return text + strcspn(text, "\n") + 1;
}

/* What follows the keys of peers in a text of weft_memory_write(). */
static const char *memory_records(const char *text)
{
	text = memory_next_line(text);
	while (!strncmp(text, MEMORY_MADE, strlen(MEMORY_MADE)))
		text = memory_next_line(text);
	return text;
}

bool weft_memory_has_same_records(const char *a, const char *b)
{
	size_t head = memory_next_line(a) - a;

	return !strncmp(a, b, head) && !strcmp(memory_records(a), memory_records(b));
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
