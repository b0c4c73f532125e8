// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <json-c/json.h>
#include <json-c/printbuf.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/setting.h"
#include "fleet/endpoint.h"
#include "fleet/fields.h"
#include "fleet/signature.h"
#include "model/format.h"
#include "print/json.h"

/* An object, its lists, and one more for what a later version may nest. */
#define FIELDS_DEPTH		4
#define FIELDS_PLAIN		(JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)
#define FIELDS_ENDPOINT_BYTES	255

#define FIELDS_DIGITS		"0123456789"
#define FIELDS_LETTERS		"abcdefghijklmnopqrstuvwxyz"
#define FIELDS_CAPITALS		"ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/**
 * struct weft_fields_type - a type of value
 * @what: its description, for refusals
 * @take: fills in @to from a value; false: it is not of this type, or no memory
 * @put: the value for @from; NULL: no memory
 * @is_set: the value differs from the one of a missing key
 * @free: frees a list, or NULL
 */
struct weft_fields_type {
	const char *what;
	bool (*take)(const struct weft_fields_row *row, struct json_object *value, void *to);
	struct json_object *(*put)(const void *from);
	bool (*is_set)(const void *from);
	void (*free)(void *of);
};

const struct weft_topology_name weft_topology_names[] = {
	[WEFT_TOPOLOGY_MESH] = { "mesh" },
	[WEFT_TOPOLOGY_HUB] = { "hub" },
	[WEFT_TOPOLOGY_GROUPS] = { "groups" },
	{ }
};

static bool fields_refuse(struct weft_refusal *why, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, args);
	va_end(args);
	return false;
}

bool weft_keys_add(struct weft_keys *keys, const struct weft_key *key)
{
	struct weft_key *items;

	items = reallocarray(keys->items, keys->count + 1, sizeof(*items));
	if (!items)
		return false;
	keys->items = items;
	items[keys->count++] = *key;
	return true;
}

bool weft_keys_have(const struct weft_keys *keys, const struct weft_key *key)
{
	size_t i;

	for (i = 0; i < keys->count; i++)
		if (weft_key_equal(&keys->items[i], key))
			return true;
	return false;
}

void weft_keys_free(struct weft_keys *keys)
{
	free(keys->items);
	memset(keys, 0, sizeof(*keys));
}

/* The text of a string without a zero inside, or NULL. */
static const char *fields_string(struct json_object *value)
{
	const char *text;

	if (!json_object_is_type(value, json_type_string))
		return NULL;
	text = json_object_get_string(value);
	return text && strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

/* Call @take for each item of a list that is not too long. */
static bool fields_each(const struct weft_fields_row *row, struct json_object *value, void *to,
			bool (*take)(const char *text, void *to))
{
	size_t i, count;
	const char *text;

	if (!json_object_is_type(value, json_type_array))
		return false;
	count = json_object_array_length(value);
	if (!count || count > row->max)
		return false;
	for (i = 0; i < count; i++) {
		text = fields_string(json_object_array_get_idx(value, i));
		if (!text || !take(text, to))
			return false;
	}
	return true;
}

static bool fields_append(struct json_object *array, struct json_object *value)
{
	if (value && !json_object_array_add(array, value))
		return true;
	json_object_put(value);
	return false;
}

/* Numbers. */

static bool fields_take_number(const struct weft_fields_row *row, struct json_object *value,
			       void *to)
{
	/* Of a number that does not fit, json-c returns the nearest one that does. */
	if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0 ||
	    json_object_get_uint64(value) > row->max)
		return false;
	*(__u64 *)to = json_object_get_uint64(value);
	return true;
}

static struct json_object *fields_put_number(const void *from)
{
	return json_object_new_int64(*(const __u64 *)from);
}

static bool fields_number_is_set(const void *from)
{
	return *(const __u64 *)from;
}

const struct weft_fields_type weft_fields_number = {
	"a number in its range", fields_take_number, fields_put_number, fields_number_is_set,
};

/* Switches. */

static bool fields_take_switch(const struct weft_fields_row *row, struct json_object *value,
			       void *to)
{
	(void)row;
	*(bool *)to = json_object_get_boolean(value);
	return json_object_is_type(value, json_type_boolean);
}

static struct json_object *fields_put_switch(const void *from)
{
	return json_object_new_boolean(*(const bool *)from);
}

static bool fields_switch_is_set(const void *from)
{
	return *(const bool *)from;
}

const struct weft_fields_type weft_fields_switch = {
	"true or false", fields_take_switch, fields_put_switch, fields_switch_is_set,
};

/* Keys. */

static bool fields_take_key(const struct weft_fields_row *row, struct json_object *value, void *to)
{
	const char *text = fields_string(value);

	(void)row;
	return text && weft_key_decode(to, text) && !weft_key_is_zero(to);
}

static struct json_object *fields_put_key(const void *from)
{
	struct weft_key_text text = weft_key_encode(from);
	struct json_object *value = json_object_new_string(text.chars);

	weft_key_text_wipe(&text);
	return value;
}

static bool fields_key_is_set(const void *from)
{
	return !weft_key_is_zero(from);
}

const struct weft_fields_type weft_fields_key = {
	"a key", fields_take_key, fields_put_key, fields_key_is_set,
};

static bool fields_add_key(const char *text, void *to)
{
	struct weft_key key;

	return weft_key_decode(&key, text) && !weft_key_is_zero(&key) &&
	       weft_keys_add(to, &key);
}

static bool fields_take_keys(const struct weft_fields_row *row, struct json_object *value,
			     void *to)
{
	return fields_each(row, value, to, fields_add_key);
}

static struct json_object *fields_put_keys(const void *from)
{
	struct json_object *array = json_object_new_array();
	const struct weft_keys *keys = from;
	bool good = array;
	size_t i;

	for (i = 0; good && i < keys->count; i++)
		good = fields_append(array, fields_put_key(&keys->items[i]));
	if (good)
		return array;
	json_object_put(array);
	return NULL;
}

static bool fields_keys_are_set(const void *from)
{
	return ((const struct weft_keys *)from)->count;
}

static void fields_free_keys(void *of)
{
	weft_keys_free(of);
}

const struct weft_fields_type weft_fields_keys = {
	"a list of keys", fields_take_keys, fields_put_keys, fields_keys_are_set,
	fields_free_keys,
};

/* Proofs: the key and the signature, one after the other, in two strings. */

static bool fields_take_proof(const struct weft_fields_row *row, struct json_object *value,
			      void *to)
{
	struct weft_proof *proof = to;
	const char *signer, *signature;

	(void)row;
	if (!json_object_is_type(value, json_type_array) || json_object_array_length(value) != 2)
		return false;
	signer = fields_string(json_object_array_get_idx(value, 0));
	signature = fields_string(json_object_array_get_idx(value, 1));
	return signer && signature && weft_key_decode(&proof->signer, signer) &&
	       strlen(signature) == WEFT_SIGNATURE_CHARS &&
	       weft_signature_decode(&proof->signature, signature);
}

static struct json_object *fields_put_proof(const void *from)
{
	const struct weft_proof *proof = from;
	struct weft_signature_text text = weft_signature_encode(&proof->signature);
	struct json_object *array = json_object_new_array();

	if (array && fields_append(array, fields_put_key(&proof->signer)) &&
	    fields_append(array, json_object_new_string(text.chars)))
		return array;
	json_object_put(array);
	return NULL;
}

static bool fields_proof_is_set(const void *from)
{
	return !weft_key_is_zero(&((const struct weft_proof *)from)->signer);
}

const struct weft_fields_type weft_fields_proof = {
	"a proof", fields_take_proof, fields_put_proof, fields_proof_is_set,
};

/* Names. */

bool weft_fields_is_node_name(const char *name)
{
	size_t len = strlen(name);

	return len && len < WEFT_NODE_NAME_BYTES &&
	       strspn(name, FIELDS_LETTERS FIELDS_DIGITS "._-") == len &&
	       !strchr("._-", name[0]);
}

static struct json_object *fields_put_text(const void *from)
{
	return json_object_new_string(from);
}

static bool fields_text_is_set(const void *from)
{
	return *(const char *)from;
}

static bool fields_take_fleet_name(const struct weft_fields_row *row, struct json_object *value,
				   void *to)
{
	const char *text = fields_string(value);

	(void)row;
	if (!text || !weft_profile_name_is_good(text, strlen(text)))
		return false;
	snprintf(to, WEFT_FLEET_NAME_BYTES, "%s", text);
	return true;
}

const struct weft_fields_type weft_fields_fleet_name = {
	"a name of a fleet", fields_take_fleet_name, fields_put_text, fields_text_is_set,
};

static bool fields_take_node_name(const struct weft_fields_row *row, struct json_object *value,
				  void *to)
{
	const char *text = fields_string(value);

	(void)row;
	if (!text || !weft_fields_is_node_name(text))
		return false;
	snprintf(to, WEFT_NODE_NAME_BYTES, "%s", text);
	return true;
}

const struct weft_fields_type weft_fields_node_name = {
	"a name of a node", fields_take_node_name, fields_put_text, fields_text_is_set,
};

bool weft_fields_is_word(const char *text)
{
	size_t len = strlen(text);

	return len && len < WEFT_NODE_NAME_BYTES &&
	       strspn(text, FIELDS_LETTERS FIELDS_CAPITALS FIELDS_DIGITS "._:+-") == len;
}

static bool fields_take_word(const struct weft_fields_row *row, struct json_object *value,
			     void *to)
{
	const char *text = fields_string(value);

	(void)row;
	if (!text || !weft_fields_is_word(text))
		return false;
	snprintf(to, WEFT_NODE_NAME_BYTES, "%s", text);
	return true;
}

const struct weft_fields_type weft_fields_word = {
	"a word of letters, digits and '._:+-'", fields_take_word, fields_put_text,
	fields_text_is_set,
};

/* A line of text. */

static bool fields_is_line(const char *text)
{
	while (*text >= 0x20 && *text <= 0x7e)
		text++;
	return !*text;
}

static bool fields_take_line(const struct weft_fields_row *row, struct json_object *value,
			     void *to)
{
	const char *text = fields_string(value);

	if (!text || !fields_is_line(text) || strlen(text) > row->max)
		return false;
	*(char **)to = strdup(text);
	return *(char **)to;
}

static struct json_object *fields_put_line(const void *from)
{
	return json_object_new_string(*(char * const *)from);
}

static bool fields_line_is_set(const void *from)
{
	return *(char * const *)from;
}

static void fields_free_line(void *of)
{
	free(*(char **)of);
	*(char **)of = NULL;
}

const struct weft_fields_type weft_fields_line = {
	"a line of text", fields_take_line, fields_put_line, fields_line_is_set,
	fields_free_line,
};

/* Lists of words. */

static bool fields_add_word(const char *text, void *to)
{
	return weft_fields_is_word(text) && weft_profile_words_add(to, text, 0);
}

static bool fields_take_words(const struct weft_fields_row *row, struct json_object *value,
			      void *to)
{
	return fields_each(row, value, to, fields_add_word);
}

static struct json_object *fields_put_words(const void *from)
{
	struct json_object *array = json_object_new_array();
	const struct weft_words *words = from;
	bool good = array;
	size_t i;

	for (i = 0; good && i < words->count; i++)
		good = fields_append(array, json_object_new_string(words->items[i].text));
	if (good)
		return array;
	json_object_put(array);
	return NULL;
}

static bool fields_words_are_set(const void *from)
{
	return ((const struct weft_words *)from)->count;
}

static void fields_free_words(void *of)
{
	weft_profile_words_free(of);
}

const struct weft_fields_type weft_fields_words = {
	"a list of words of letters, digits and '._:+-'", fields_take_words, fields_put_words,
	fields_words_are_set, fields_free_words,
};

/* Names of peers may be in any language. */
static bool fields_add_line(const char *text, void *to)
{
	const char *at = text;

	while ((unsigned char)*at >= 0x20 && *at != 0x7f)
		at++;
	return !*at && weft_profile_words_add(to, text, 0);
}

static bool fields_take_lines(const struct weft_fields_row *row, struct json_object *value,
			      void *to)
{
	return fields_each(row, value, to, fields_add_line);
}

const struct weft_fields_type weft_fields_lines = {
	"a list of lines of text", fields_take_lines, fields_put_words, fields_words_are_set,
	fields_free_words,
};

/* An address of IPv6, and a zone after "%" or none. */
static bool fields_is_address6(const char *text, size_t len)
{
	char host[INET6_ADDRSTRLEN];
	struct in6_addr address;
	size_t bare = strcspn(text, "%]");

	if (bare >= sizeof(host) || bare > len ||
	    strspn(text, FIELDS_LETTERS FIELDS_CAPITALS FIELDS_DIGITS "._:%-") != len)
		return false;
	memcpy(host, text, bare);
	host[bare] = '\0';
	return inet_pton(AF_INET6, host, &address) == 1 && bare + 1 != len;
}

static bool fields_is_host(const char *text, size_t len)
{
	return len && *text != '-' &&
	       strspn(text, FIELDS_LETTERS FIELDS_CAPITALS FIELDS_DIGITS "._-") == len;
}

/* HOST:PORT or [ADDRESS]:PORT; nothing that a configuration file would read otherwise. */
static bool fields_is_endpoint(const char *text)
{
	const char *colon = strrchr(text, ':');
	__u64 port;

	if (strlen(text) > FIELDS_ENDPOINT_BYTES || !colon || colon == text ||
	    !weft_setting_number(colon + 1, 10, 65535, &port) || !port)
		return false;
	if (*text != '[')
		return fields_is_host(text, colon - text);
	return colon[-1] == ']' && colon - text > 2 &&
	       fields_is_address6(text + 1, colon - text - 2);
}

static bool fields_add_endpoint(const char *text, void *to)
{
	return fields_is_endpoint(text) && weft_profile_words_add(to, text, 0);
}

static bool fields_take_endpoints(const struct weft_fields_row *row, struct json_object *value,
				  void *to)
{
	return fields_each(row, value, to, fields_add_endpoint);
}

const struct weft_fields_type weft_fields_endpoints = {
	"a list of endpoints HOST:PORT or [ADDRESS]:PORT", fields_take_endpoints,
	fields_put_words, fields_words_are_set, fields_free_words,
};

/* Sightings: NAME=ADDRESS:PORT, each name once, in the order of the names. */

static bool fields_take_name(const char *text, size_t len, char *name)
{
	if (len >= WEFT_NODE_NAME_BYTES)
		return false;
	memcpy(name, text, len);
	name[len] = '\0';
	return weft_fields_is_node_name(name);
}

static bool fields_follows(const struct weft_words *words, const char *name)
{
	const char *last = words->count ? words->items[words->count - 1].text : NULL;
	char former[WEFT_NODE_NAME_BYTES];

	return !last || (fields_take_name(last, strcspn(last, "="), former) &&
			 strcmp(former, name) < 0);
}

static bool fields_add_seen(const char *text, void *to)
{
	const char *equals = strchr(text, '=');
	char name[WEFT_NODE_NAME_BYTES];
	struct weft_allowedip address;

	return equals && fields_take_name(text, equals - text, name) &&
	       fields_follows(to, name) && fields_is_endpoint(equals + 1) &&
	       weft_fleet_endpoint_parse(equals + 1, &address) &&
	       weft_profile_words_add(to, text, 0);
}

static bool fields_take_seen(const struct weft_fields_row *row, struct json_object *value,
			     void *to)
{
	return fields_each(row, value, to, fields_add_seen);
}

const struct weft_fields_type weft_fields_seen = {
	"a list of NODE=ADDRESS:PORT, sorted by node", fields_take_seen, fields_put_words,
	fields_words_are_set, fields_free_words,
};

/* Prefixes. */

static bool fields_add_address(const char *text, void *to)
{
	struct weft_prefixes *prefixes = to;
	struct weft_allowedip *items, ip = { };
	char *copy = strdup(text);
	bool good = copy && weft_setting_prefix(copy, &ip);

	free(copy);
	if (!good)
		return false;
	items = reallocarray(prefixes->items, prefixes->count + 1, sizeof(*items));
	if (!items)
		return false;
	prefixes->items = items;
	items[prefixes->count++] = ip;
	return true;
}

/* A prefix has no host bits: a prefix with host bits is a typing mistake. */
static bool fields_add_prefix(const char *text, void *to)
{
	struct weft_prefixes *prefixes = to;
	struct weft_allowedip masked;

	if (!fields_add_address(text, to))
		return false;
	masked = prefixes->items[prefixes->count - 1];
	weft_model_allowedip_mask(&masked);
	return !weft_model_allowedip_compare(&masked, &prefixes->items[prefixes->count - 1]);
}

static bool fields_take_addresses(const struct weft_fields_row *row, struct json_object *value,
				  void *to)
{
	return fields_each(row, value, to, fields_add_address);
}

static bool fields_take_prefixes(const struct weft_fields_row *row, struct json_object *value,
				 void *to)
{
	return fields_each(row, value, to, fields_add_prefix);
}

static struct json_object *fields_put_prefix(const struct weft_allowedip *ip)
{
	char text[INET6_ADDRSTRLEN + sizeof("/128")];

	snprintf(text, sizeof(text), "%s/%u", weft_format_address(ip).chars, ip->cidr);
	return json_object_new_string(text);
}

static struct json_object *fields_put_prefixes(const void *from)
{
	struct json_object *array = json_object_new_array();
	const struct weft_prefixes *prefixes = from;
	bool good = array;
	size_t i;

	for (i = 0; good && i < prefixes->count; i++)
		good = fields_append(array, fields_put_prefix(&prefixes->items[i]));
	if (good)
		return array;
	json_object_put(array);
	return NULL;
}

static bool fields_prefixes_are_set(const void *from)
{
	return ((const struct weft_prefixes *)from)->count;
}

static void fields_free_prefixes(void *of)
{
	struct weft_prefixes *prefixes = of;

	free(prefixes->items);
	memset(prefixes, 0, sizeof(*prefixes));
}

const struct weft_fields_type weft_fields_addresses = {
	"a list of addresses ADDRESS/LENGTH", fields_take_addresses, fields_put_prefixes,
	fields_prefixes_are_set, fields_free_prefixes,
};

const struct weft_fields_type weft_fields_prefixes = {
	"a list of prefixes without host bits", fields_take_prefixes, fields_put_prefixes,
	fields_prefixes_are_set, fields_free_prefixes,
};

/* The topology. */

static bool fields_take_topology(const struct weft_fields_row *row, struct json_object *value,
				 void *to)
{
	const char *text = fields_string(value);
	int i;

	(void)row;
	for (i = 0; text && weft_topology_names[i].name; i++) {
		if (strcmp(text, weft_topology_names[i].name))
			continue;
		*(enum weft_topology *)to = i;
		return true;
	}
	return false;
}

static struct json_object *fields_put_topology(const void *from)
{
	return json_object_new_string(weft_topology_names[*(const enum weft_topology *)from].name);
}

static bool fields_topology_is_set(const void *from)
{
	(void)from;
	return true;
}

const struct weft_fields_type weft_fields_topology = {
	"'mesh', 'hub' or 'groups'", fields_take_topology, fields_put_topology,
	fields_topology_is_set,
};

/* Revocations: an object of names and serials, sorted by name. */

static bool fields_add_revocation(struct weft_revocations *to, const char *name,
				  struct json_object *value)
{
	static const struct weft_fields_row any = { .max = INT64_MAX };
	struct weft_revocation *items;

	items = reallocarray(to->items, to->count + 1, sizeof(*items));
	if (!items)
		return false;
	to->items = items;
	if (!weft_fields_is_node_name(name) ||
	    !fields_take_number(&any, value, &items[to->count].serial))
		return false;
	snprintf(items[to->count].node, sizeof(items->node), "%s", name);
	to->count++;
	return to->count == 1 || strcmp(items[to->count - 2].node, name) < 0;
}

static bool fields_take_revocations(const struct weft_fields_row *row,
				    struct json_object *value, void *to)
{
	if (!json_object_is_type(value, json_type_object) ||
	    (__u64)json_object_object_length(value) > row->max)
		return false;
	json_object_object_foreach(value, name, serial)
		if (!fields_add_revocation(to, name, serial))
			return false;
	return true;
}

static struct json_object *fields_put_revocations(const void *from)
{
	const struct weft_revocations *revocations = from;
	struct json_object *object = json_object_new_object();
	bool good = object;
	size_t i;

	for (i = 0; good && i < revocations->count; i++)
		good = weft_json_add(object, revocations->items[i].node,
				     json_object_new_int64(revocations->items[i].serial));
	if (good)
		return object;
	json_object_put(object);
	return NULL;
}

static bool fields_revocations_are_set(const void *from)
{
	return ((const struct weft_revocations *)from)->count;
}

static void fields_free_revocations(void *of)
{
	struct weft_revocations *revocations = of;

	free(revocations->items);
	memset(revocations, 0, sizeof(*revocations));
}

const struct weft_fields_type weft_fields_revocations = {
	"an object of nodes and serials, sorted by name", fields_take_revocations,
	fields_put_revocations, fields_revocations_are_set, fields_free_revocations,
};

/* Objects. */

const char *weft_fields_text(struct json_object *object)
{
	return json_object_to_json_string_ext(object, FIELDS_PLAIN);
}

/* json-c owns these texts, and frees them as they are. */
static void fields_wipe_text(const char *text)
{
	if (text)
		sodium_memzero((char *)text, strlen(text));
}

void weft_fields_wipe(struct json_object *object)
{
	if (!object)
		return;
	fields_wipe_text(weft_fields_text(object));
	json_object_object_foreach(object, name, value) {
		(void)name;
		if (json_object_is_type(value, json_type_string))
			fields_wipe_text(json_object_get_string(value));
	}
	json_object_put(object);
}

static struct json_object *fields_tokenize(const char *text, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(FIELDS_DEPTH);
	struct json_object *object;

	if (!tokener)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, text, len);
	if (object && json_tokener_get_parse_end(tokener) != len) {
		json_object_put(object);
		object = NULL;
	}
	/* The text may have secrets. */
	if (tokener->pb && tokener->pb->buf)
		sodium_memzero(tokener->pb->buf, tokener->pb->size);
	json_tokener_free(tokener);
	return object;
}

struct json_object *weft_fields_parse(const char *text, size_t len, struct weft_refusal *why)
{
	struct json_object *object = fields_tokenize(text, len);
	const char *plain;

	if (!json_object_is_type(object, json_type_object)) {
		fields_refuse(why, "not a JSON object");
		json_object_put(object);
		return NULL;
	}
	plain = weft_fields_text(object);
	if (plain && strlen(plain) == len && !memcmp(plain, text, len))
		return object;
	fields_refuse(why, "a duplicate key, white space, or another spelling of JSON");
	json_object_put(object);
	return NULL;
}

static const struct weft_fields_row *fields_find(const struct weft_fields_row *table,
						 unsigned int kind, const char *name)
{
	for (; table->name; table++)
		if (table->kinds & kind && !strcmp(table->name, name))
			return table;
	return NULL;
}

static bool fields_take_one(const struct weft_fields_row *row, struct json_object *value,
			    void *to, struct weft_refusal *why)
{
	return row->type->take(row, value, (char *)to + row->offset) ||
	       fields_refuse(why, "%s is not %s", row->name, row->type->what);
}

/* A name of any bytes, cut and cleaned for a message. */
static bool fields_refuse_key(struct weft_refusal *why, const char *name)
{
	char shown[WEFT_NODE_NAME_BYTES];
	size_t i;

	snprintf(shown, sizeof(shown), "%s", name);
	for (i = 0; shown[i]; i++)
		if (shown[i] < 0x20 || shown[i] > 0x7e)
			shown[i] = '?';
	return fields_refuse(why, "unknown key '%s'", shown);
}

bool weft_fields_take(const struct weft_fields_row *table, unsigned int kind,
		      struct json_object *object, void *to, struct weft_refusal *why)
{
	const struct weft_fields_row *row;

	json_object_object_foreach(object, name, value) {
		row = fields_find(table, kind, name);
		if (row ? !fields_take_one(row, value, to, why) :
			  strncmp(name, "x-", 2) && !fields_refuse_key(why, name))
			return false;
	}
	for (row = table; row->name; row++)
		if (row->required & kind && !json_object_object_get_ex(object, row->name, NULL))
			return fields_refuse(why, "%s is missing", row->name);
	return true;
}

struct json_object *weft_fields_put(const struct weft_fields_row *table, unsigned int kind,
				    const void *from)
{
	struct json_object *object = json_object_new_object();
	const struct weft_fields_row *row;
	bool good = object;
	const char *at;

	for (row = table; good && row->name; row++) {
		at = (const char *)from + row->offset;
		if (row->kinds & kind && (row->required & kind || row->type->is_set(at)))
			good = weft_json_add(object, row->name, row->type->put(at));
	}
	if (good)
		return object;
	json_object_put(object);
	return NULL;
}

bool weft_fields_accept(const struct weft_fields_type *type, const struct weft_fields_row *row,
			struct json_object *value, void *to)
{
	return type->take(row, value, to);
}

void weft_fields_free(const struct weft_fields_row *table, void *of)
{
	for (; table->name; table++)
		if (table->type->free)
			table->type->free((char *)of + table->offset);
}
