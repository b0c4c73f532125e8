// SPDX-License-Identifier: GPL-2.0
#include <json-c/json.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "fleet/record.h"

#define RECORD_VERSION		"weft-fleet/1"
/* A hundred years, for seconds of a schedule. */
#define RECORD_SECONDS_MAX	3155760000ULL
#define RECORD_MTU_MAX		65535
#define RECORD_KEYS_MAX		16
#define RECORD_ADDRESSES_MAX	16
#define RECORD_PREFIXES_MAX	128
#define RECORD_GROUPS_MAX	64
#define RECORD_REVOKED_MAX	1024

/* Kinds of objects that a key may be in. */
enum {
	RECORD_TERMS = 1 << WEFT_FLEET_TERMS,
	RECORD_NODE = 1 << WEFT_FLEET_NODE,
	RECORD_HELLO = 1 << WEFT_FLEET_HELLO,
	RECORD_WISH = 1 << 3,	/* a node that is to be admitted */
	RECORD_ADMITTED = RECORD_NODE | RECORD_WISH,
	RECORD_ALL = RECORD_TERMS | RECORD_NODE | RECORD_HELLO,
};

#define RECORD_ROW(key, kind, member, mandatory, kinds_of, limit)		\
	{									\
		.name = (key), .type = &weft_fields_##kind,			\
		.offset = offsetof(struct weft_fleet_record, member),		\
		.kinds = (kinds_of), .required = (mandatory), .max = (limit),		\
	}

static const struct weft_fields_row record_rows[] = {
	RECORD_ROW("fleet", fleet_name, fleet, RECORD_ALL, RECORD_ALL, 0),
	RECORD_ROW("node", node_name, node, RECORD_ADMITTED | RECORD_HELLO,
		   RECORD_ADMITTED | RECORD_HELLO, 0),
	RECORD_ROW("epoch", number, number, RECORD_TERMS, RECORD_TERMS, INT64_MAX),
	RECORD_ROW("serial", number, number, RECORD_NODE, RECORD_NODE, INT64_MAX),
	RECORD_ROW("serial", number, serial, RECORD_HELLO, RECORD_HELLO, INT64_MAX),
	RECORD_ROW("generation", number, number, RECORD_HELLO, RECORD_HELLO, INT64_MAX),
	RECORD_ROW("admins", keys, admins, RECORD_TERMS, RECORD_TERMS, RECORD_KEYS_MAX),
	RECORD_ROW("topology", topology, topology, RECORD_TERMS, RECORD_TERMS, 0),
	RECORD_ROW("keepalive", number, keepalive, 0, RECORD_TERMS, 65535),
	RECORD_ROW("mtu", number, mtu, 0, RECORD_TERMS, RECORD_MTU_MAX),
	RECORD_ROW("rotate_every", number, rotate_every, 0, RECORD_TERMS, RECORD_SECONDS_MAX),
	RECORD_ROW("rotate_window", number, rotate_window, 0, RECORD_TERMS, RECORD_SECONDS_MAX),
	RECORD_ROW("rotate_grace", number, rotate_grace, 0, RECORD_TERMS, RECORD_SECONDS_MAX),
	RECORD_ROW("rotate_order", number, rotate_order, 0, RECORD_TERMS, INT64_MAX),
	RECORD_ROW("preshared", switch, preshared, 0, RECORD_TERMS, 0),
	RECORD_ROW("revoked", revocations, revoked, 0, RECORD_TERMS, RECORD_REVOKED_MAX),
	RECORD_ROW("admitted", number, admitted, RECORD_NODE, RECORD_NODE, INT64_MAX),
	RECORD_ROW("identity", key, identity, 0, RECORD_ADMITTED, 0),
	RECORD_ROW("public_key", key, public_key, RECORD_HELLO, RECORD_ADMITTED | RECORD_HELLO, 0),
	RECORD_ROW("proof", proof, proof, 0, RECORD_HELLO, 0),
	RECORD_ROW("next_public_key", key, next_public_key, 0, RECORD_HELLO, 0),
	RECORD_ROW("next_proof", proof, next_proof, 0, RECORD_HELLO, 0),
	RECORD_ROW("addresses", addresses, addresses, RECORD_ADMITTED, RECORD_ADMITTED,
		   RECORD_ADDRESSES_MAX),
	RECORD_ROW("prefixes", prefixes, prefixes, 0, RECORD_ADMITTED, RECORD_PREFIXES_MAX),
	RECORD_ROW("groups", words, groups, 0, RECORD_ADMITTED, RECORD_GROUPS_MAX),
	RECORD_ROW("hub", switch, hub, 0, RECORD_ADMITTED, 0),
	RECORD_ROW("port", number, port, RECORD_TERMS,
		   RECORD_TERMS | RECORD_HELLO, 65535),
	RECORD_ROW("endpoints", endpoints, endpoints, 0, RECORD_ADMITTED | RECORD_HELLO,
		   WEFT_FLEET_ENDPOINTS_MAX),
	/* Versions of weft that do not know it ignore it. */
	RECORD_ROW("x-seen", seen, seen, 0, RECORD_HELLO, WEFT_FLEET_SEEN_MAX),
	RECORD_ROW("not_after", number, not_after, 0, RECORD_ADMITTED, INT64_MAX),
	{ }
};

static const char * const record_kinds[] = {
	[WEFT_FLEET_TERMS] = "fleet",
	[WEFT_FLEET_NODE] = "node",
	[WEFT_FLEET_HELLO] = "hello",
};

const char *weft_fleet_kind_name(enum weft_fleet_kind kind)
{
	return record_kinds[kind];
}

struct weft_fleet_record_name weft_fleet_record_name(const struct weft_fleet_record *record)
{
	struct weft_fleet_record_name name;

	snprintf(name.text, sizeof(name.text), "%s%s%s", record_kinds[record->kind],
		 record->kind == WEFT_FLEET_TERMS ? "" : "/", record->node);
	return name;
}

static bool record_refuse(struct weft_refusal *why, const char *text)
{
	snprintf(why->text, sizeof(why->text), "%s", text);
	return false;
}

/* The word at *@at, followed by a blank, of @len characters; NULL: another text is there. */
static const char *record_word(char **at, size_t len)
{
	char *word = *at, *blank = strchr(word, ' ');

	if (!blank || (len && blank != word + len))
		return NULL;
	*blank = '\0';
	*at = blank + 1;
	return word;
}

static bool record_take_kind(struct weft_fleet_record *record, const char *word)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(record_kinds); i++) {
		if (strcmp(word, record_kinds[i]))
			continue;
		record->kind = i;
		return true;
	}
	return false;
}

/* Splits @copy, a copy of the line, whose blanks become zeros. */
static bool record_split(struct weft_fleet_record *record, char *copy, struct weft_refusal *why)
{
	char *at = copy;
	const char *word = record_word(&at, 0);

	if (!word || strncmp(word, "weft-fleet/", strlen("weft-fleet/")))
		return record_refuse(why, "not a record of weft");
	if (strcmp(word, RECORD_VERSION))
		return record_refuse(why, "a record of another version than " RECORD_VERSION);
	word = record_word(&at, 0);
	if (!word || !record_take_kind(record, word))
		return record_refuse(why, "an unknown kind of record");
	word = record_word(&at, WEFT_KEY_CHARS);
	if (!word || !weft_key_decode(&record->signer, word))
		return record_refuse(why, "the signer is not a key");
	word = record_word(&at, WEFT_SIGNATURE_CHARS);
	if (!word || !weft_signature_decode(&record->signature, word))
		return record_refuse(why, "the signature has another form");
	record->payload = record->line + (at - copy);
	return true;
}

/* Rules that concern more than one key. */
static bool record_check(const struct weft_fleet_record *record, struct weft_refusal *why)
{
	if (record->kind == WEFT_FLEET_NODE && record->admitted > record->number)
		return record_refuse(why, "admitted is greater than serial");
	if (record->kind == WEFT_FLEET_NODE && weft_key_is_zero(&record->identity) &&
	    weft_key_is_zero(&record->public_key))
		return record_refuse(why, "neither identity nor public_key is there");
	if (record->kind == WEFT_FLEET_HELLO &&
	    weft_key_equal(&record->public_key, &record->next_public_key))
		return record_refuse(why, "next_public_key equals public_key");
	return true;
}

static bool record_take_payload(struct weft_fleet_record *record, struct weft_refusal *why)
{
	size_t len = record->line + record->len - record->payload;
	struct json_object *object = weft_fields_parse(record->payload, len, why);
	bool good;

	good = object && weft_fields_take(record_rows, 1U << record->kind, object, record, why) &&
	       record_check(record, why);
	/* The first admission has serial 1: a revocation of serial 0 is none. */
	if (good && record->kind == WEFT_FLEET_NODE && !record->number)
		good = record_refuse(why, "serial is 0");
	json_object_put(object);
	return good;
}

static bool record_take_head(struct weft_fleet_record *record, const char *line, size_t len,
			     struct weft_refusal *why)
{
	char *copy;
	bool good;

	record->line = strndup(line, len);
	record->len = len;
	copy = strndup(line, len);
	if (!record->line || !copy) {
		free(copy);
		return record_refuse(why, "out of memory");
	}
	good = record_split(record, copy, why);
	free(copy);
	return good;
}

static size_t record_limit(const char *line, size_t len)
{
	static const char terms[] = RECORD_VERSION " fleet ";

	return len > strlen(terms) && !memcmp(line, terms, strlen(terms)) ?
	       WEFT_FLEET_TERMS_BYTES : WEFT_FLEET_LINE_BYTES;
}

/* The bytes of a line that may be one. */
static bool record_is_line(const char *line, size_t len, struct weft_refusal *why)
{
	if (len > record_limit(line, len))
		return record_refuse(why,
				     "longer than 16384 bytes, or 131072 of a record of the fleet");
	return !memchr(line, '\0', len) || record_refuse(why, "a zero byte is in it");
}

bool weft_fleet_record_has_head(const char *line, size_t len, struct weft_refusal *why)
{
	struct weft_fleet_record record = { };
	bool good;

	good = record_is_line(line, len, why) && record_take_head(&record, line, len, why);
	free(record.line);
	return good;
}

struct weft_fleet_record *weft_fleet_record_parse(const char *line, size_t len,
						  struct weft_refusal *why)
{
	struct weft_fleet_record *record;

	if (!record_is_line(line, len, why))
		return NULL;
	record = calloc(1, sizeof(*record));
	if (!record) {
		record_refuse(why, "out of memory");
		return NULL;
	}
	if (record_take_head(record, line, len, why) && record_take_payload(record, why))
		return record;
	weft_fleet_record_free(record);
	return NULL;
}

struct weft_fleet_record *weft_fleet_record_from(enum weft_fleet_kind kind, bool wish,
						 struct json_object *object,
						 struct weft_refusal *why)
{
	struct weft_fleet_record *record = calloc(1, sizeof(*record));

	if (!record) {
		record_refuse(why, "out of memory");
		return NULL;
	}
	record->kind = kind;
	if (weft_fields_take(record_rows, wish ? RECORD_WISH : 1U << kind, object, record, why) &&
	    record_check(record, why))
		return record;
	weft_fleet_record_free(record);
	return NULL;
}

struct json_object *weft_fleet_record_json(const struct weft_fleet_record *record)
{
	return weft_fields_put(record_rows, 1U << record->kind, record);
}

bool weft_fleet_record_verify(const struct weft_fleet_record *record, const struct weft_key *signer)
{
	const struct weft_signed what = {
		.kind = record_kinds[record->kind], .fleet = record->fleet,
		.text = record->payload,
		.len = record->line + record->len - record->payload,
	};

	return weft_key_equal(&record->signer, signer) &&
	       weft_signature_check(&record->signature, signer, &what);
}

/* A list may have become longer than readers take, or a number greater. */
static bool record_is_readable(const char *line, size_t len)
{
	struct weft_refusal why;
	struct weft_fleet_record *record = weft_fleet_record_parse(line, len, &why);

	weft_fleet_record_free(record);
	return record;
}

/* The line of a signed payload. False: no memory, or no reader takes it. */
static bool record_make_line(struct weft_fleet_record *record, const char *payload)
{
	char *line;
	int len = asprintf(&line, "%s %s %s %s %s", RECORD_VERSION, record_kinds[record->kind],
			   weft_key_encode(&record->signer).chars,
			   weft_signature_encode(&record->signature).chars, payload);

	if (len < 0)
		return false;
	if (!record_is_readable(line, len)) {
		free(line);
		return false;
	}
	free(record->line);
	record->line = line;
	record->len = len;
	record->payload = line + len - strlen(payload);
	return true;
}

bool weft_fleet_record_sign(struct weft_fleet_record *record, const struct weft_key *seed)
{
	struct json_object *object = weft_fields_put(record_rows, 1U << record->kind, record);
	const char *payload = object ? weft_fields_text(object) : NULL;
	struct weft_signed what = {
		.kind = record_kinds[record->kind], .fleet = record->fleet, .text = payload,
	};
	bool good = payload;

	if (good) {
		what.len = strlen(payload);
		weft_seed_public(&record->signer, seed);
		good = weft_signature_make(&record->signature, seed, &what) &&
		       record_make_line(record, payload);
	}
	json_object_put(object);
	return good;
}

/* The values without the number, as JSON. */
static struct json_object *record_values(const struct weft_fleet_record *record)
{
	struct weft_fleet_record bare = *record;

	bare.number = 0;
	return weft_fields_put(record_rows, 1U << record->kind, &bare);
}

bool weft_fleet_record_says_same(const struct weft_fleet_record *a,
				 const struct weft_fleet_record *b)
{
	struct json_object *x = record_values(a), *y = record_values(b);
	bool same;

	same = a->kind == b->kind && x && y && !strcmp(weft_fields_text(x), weft_fields_text(y));
	json_object_put(x);
	json_object_put(y);
	return same;
}

bool weft_fleet_record_equal(const struct weft_fleet_record *a, const struct weft_fleet_record *b)
{
	return a->len == b->len && !memcmp(a->line, b->line, a->len);
}

struct weft_fleet_record *weft_fleet_record_copy(const struct weft_fleet_record *record)
{
	struct weft_refusal why;

	return weft_fleet_record_parse(record->line, record->len, &why);
}

void weft_fleet_record_free(struct weft_fleet_record *record)
{
	if (!record)
		return;
	weft_fields_free(record_rows, record);
	free(record->line);
	free(record);
}
