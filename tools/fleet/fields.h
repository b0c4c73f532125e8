/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A struct as a JSON object, and back, from one table: a row for each key.
 *
 * The text of an object is exactly the text that json-c prints for it, without
 * white space. Other spellings are refused, and so are duplicate keys, of which
 * json-c drops all but one.
 */
#ifndef _WEFT_TOOLS_FLEET_FIELDS_H
#define _WEFT_TOOLS_FLEET_FIELDS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "conf/profile.h"
#include "model/key.h"
#include "model/model.h"

struct json_object;

/* A reason for a refusal, in words. */
struct weft_refusal {
	char text[192];
};

#define WEFT_FLEET_NAME_BYTES	IFNAMSIZ	/* of the fleet, and its interface */
#define WEFT_NODE_NAME_BYTES	(WEFT_NAME_BYTES + 1)

/* Keys, freed with weft_keys_free(). */
struct weft_keys {
	struct weft_key *items;
	size_t count;
};

/* Prefixes, freed with free(@items). */
struct weft_prefixes {
	struct weft_allowedip *items;
	size_t count;
};

/* A node, and the highest serial of it that is revoked. */
struct weft_revocation {
	char node[WEFT_NODE_NAME_BYTES];
	__u64 serial;
};

struct weft_revocations {
	struct weft_revocation *items;
	size_t count;
};

struct weft_fields_type;

/**
 * struct weft_fields_row - one key of an object
 * @name: the key; NULL ends a table
 * @type: the type of its value
 * @offset: of the value in the struct
 * @kinds: kinds of object that may have the key, one bit each
 * @required: kinds of object that must have it
 * @max: the largest number, or the most items of a list
 */
struct weft_fields_row {
	const char *name;
	const struct weft_fields_type *type;
	size_t offset;
	unsigned int kinds;
	unsigned int required;
	__u64 max;
};

extern const struct weft_fields_type weft_fields_number;	/* __u64 */
extern const struct weft_fields_type weft_fields_switch;	/* bool */
extern const struct weft_fields_type weft_fields_key;		/* struct weft_key, zero: none */
extern const struct weft_fields_type weft_fields_keys;		/* struct weft_keys */
extern const struct weft_fields_type weft_fields_proof;		/* struct weft_proof */
extern const struct weft_fields_type weft_fields_fleet_name;	/* char[] */
extern const struct weft_fields_type weft_fields_node_name;	/* char[] */
extern const struct weft_fields_type weft_fields_words;		/* struct weft_words, groups */
extern const struct weft_fields_type weft_fields_word;		/* char[WEFT_NODE_NAME_BYTES] */
extern const struct weft_fields_type weft_fields_line;		/* char *, printable ASCII */
extern const struct weft_fields_type weft_fields_lines;		/* struct weft_words */
extern const struct weft_fields_type weft_fields_endpoints;	/* struct weft_words */
extern const struct weft_fields_type weft_fields_seen;		/* struct weft_words, sorted */
extern const struct weft_fields_type weft_fields_addresses;	/* struct weft_prefixes */
extern const struct weft_fields_type weft_fields_prefixes;	/* struct weft_prefixes */
extern const struct weft_fields_type weft_fields_topology;	/* enum weft_topology */
extern const struct weft_fields_type weft_fields_revocations;	/* struct weft_revocations */

enum weft_topology {
	WEFT_TOPOLOGY_MESH,
	WEFT_TOPOLOGY_HUB,
	WEFT_TOPOLOGY_GROUPS,
};

/* Ends with a row without a name. */
struct weft_topology_name {
	const char *name;
};

extern const struct weft_topology_name weft_topology_names[];

/* Letters, digits and "._:+-", 63 at most. */
bool weft_fields_is_word(const char *text);
/* Lower case letters, digits, '.', '_' and '-', and no '.', '_' or '-' in front. */
bool weft_fields_is_node_name(const char *name);

/*
 * The object of @len bytes of text; NULL with @why filled in. The caller puts it.
 */
struct json_object *weft_fields_parse(const char *text, size_t len, struct weft_refusal *why);
/*
 * Fill in @to, all zero before, for an object of one kind, a bit. False with @why
 * filled in; @to has to be freed in both cases.
 */
bool weft_fields_take(const struct weft_fields_row *table, unsigned int kind,
		      struct json_object *object, void *to, struct weft_refusal *why);
/* The object for @from: optional keys that are unset are left out. NULL: no memory. */
struct json_object *weft_fields_put(const struct weft_fields_row *table, unsigned int kind,
				    const void *from);
/* Wipe the texts of an object with secrets, and put it. NULL is ignored. */
void weft_fields_wipe(struct json_object *object);
/* The text of an object, owned by it. */
const char *weft_fields_text(struct json_object *object);
/* One value by itself, with @row's limit. False: it is not of this type, or no memory. */
bool weft_fields_accept(const struct weft_fields_type *type, const struct weft_fields_row *row,
			struct json_object *value, void *to);
/* Free the lists of @of. */
void weft_fields_free(const struct weft_fields_row *table, void *of);

/* False: no memory. */
bool weft_keys_add(struct weft_keys *keys, const struct weft_key *key);
bool weft_keys_have(const struct weft_keys *keys, const struct weft_key *key);
void weft_keys_free(struct weft_keys *keys);

#endif /* _WEFT_TOOLS_FLEET_FIELDS_H */
