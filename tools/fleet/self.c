// SPDX-License-Identifier: GPL-2.0
#include <json-c/json.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "fleet/self.h"

#define SELF_NAMED(key, member, kind, mandatory, limit)				\
	{									\
		.name = (key), .type = &weft_fields_##kind,			\
		.offset = offsetof(struct weft_self, member), .kinds = 1,	\
		.required = (mandatory), .max = (limit),			\
	}
#define SELF_ROW(key, kind, mandatory, limit)	SELF_NAMED(#key, key, kind, mandatory, limit)
/* A version of weft that does not know the key goes on without it. */
#define SELF_LATER(key, kind, limit)		SELF_NAMED("x-" #key, key, kind, 0, limit)

static const struct weft_fields_row self_rows[] = {
	SELF_ROW(fleet, fleet_name, 1, 0),
	SELF_ROW(node, node_name, 1, 0),
	SELF_ROW(trust, keys, 1, WEFT_SELF_TRUST_MAX),
	SELF_ROW(identity, key, 1, 0),
	SELF_ROW(tunnel, key, 0, 0),
	SELF_ROW(tunnel_raw, key, 0, 0),
	SELF_ROW(next, key, 0, 0),
	SELF_ROW(previous, key, 0, 0),
	SELF_ROW(grace_until, number, 0, INT64_MAX),
	SELF_ROW(rotation, word, 0, 0),
	SELF_ROW(since, number, 0, INT64_MAX),
	SELF_ROW(announced, number, 0, INT64_MAX),
	SELF_ROW(order, number, 0, INT64_MAX),
	SELF_ROW(generation, number, 0, INT64_MAX - 1),
	SELF_ROW(serial, number, 0, INT64_MAX),
	SELF_ROW(port, number, 0, 65535),
	SELF_ROW(endpoints, endpoints, 0, WEFT_FLEET_ENDPOINTS_MAX),
	SELF_LATER(endpoints_from, lines, WEFT_SELF_POLICY_MAX),
	SELF_LATER(found, endpoints, WEFT_FLEET_ENDPOINTS_MAX),
	SELF_LATER(seen, seen, WEFT_FLEET_SEEN_MAX),
	SELF_ROW(hello, line, 0, WEFT_FLEET_LINE_BYTES),
	{ }
};

static struct weft_self *self_refuse(struct weft_self *self, struct weft_refusal *why,
				     const char *text)
{
	snprintf(why->text, sizeof(why->text), "%s", text);
	weft_self_free(self);
	return NULL;
}

static bool self_fill(struct weft_self *self, const char *text, size_t len,
		      struct weft_refusal *why)
{
	struct json_object *object = weft_fields_parse(text, len, why);
	bool good;

	good = object && weft_fields_take(self_rows, 1, object, self, why);
	weft_fields_wipe(object);
	return good;
}

struct weft_self *weft_self_read(const char *name, const char *text, size_t len,
				 struct weft_refusal *why)
{
	struct weft_self *self = calloc(1, sizeof(*self));

	if (!self)
		return self_refuse(NULL, why, "out of memory");
	if (len && text[len - 1] == '\n')
		len--;
	if (!self_fill(self, text, len, why)) {
		weft_self_free(self);
		return NULL;
	}
	if (strcmp(self->fleet, name))
		return self_refuse(self, why, "it is of another fleet");
	if (weft_key_is_zero(&self->tunnel) == weft_key_is_zero(&self->tunnel_raw))
		return self_refuse(self, why, "it has no tunnel key, or two");
	return self;
}

char *weft_self_text(const struct weft_self *self)
{
	struct json_object *object = weft_fields_put(self_rows, 1, self);
	char *text = NULL;

	if (object && asprintf(&text, "%s\n", weft_fields_text(object)) < 0)
		text = NULL;
	weft_fields_wipe(object);
	return text;
}

void weft_self_free(struct weft_self *self)
{
	if (!self)
		return;
	weft_fields_free(self_rows, self);
	sodium_memzero(self, sizeof(*self));
	free(self);
}

void weft_self_private_key(const struct weft_self *self, struct weft_key *key)
{
	if (weft_key_is_zero(&self->tunnel))
		*key = self->tunnel_raw;
	else
		weft_seed_tunnel(key, &self->tunnel);
}

enum weft_self_rotation weft_self_rotation(const struct weft_self *self)
{
	if (!weft_key_is_zero(&self->next))
		return WEFT_SELF_ANNOUNCED;
	return weft_key_is_zero(&self->previous) ? WEFT_SELF_RESTS : WEFT_SELF_CHANGED;
}

const char *weft_self_rotation_name(const struct weft_self *self)
{
	static const char * const names[] = {
		[WEFT_SELF_RESTS] = "none",
		[WEFT_SELF_ANNOUNCED] = "announced",
		[WEFT_SELF_CHANGED] = "changed",
	};

	return names[weft_self_rotation(self)];
}

void weft_self_own(const struct weft_self *self, struct weft_fleet_own *own)
{
	memset(own, 0, sizeof(*own));
	memcpy(own->node, self->node, sizeof(own->node));
	weft_self_private_key(self, &own->private_key);
	own->previous_key = self->previous;
	own->grace_until = self->grace_until;
	own->port = self->port;
}

/* Hellos. */

static bool self_put_key(const struct weft_self *self, const struct weft_key *seed,
			 struct weft_key *public_key, struct weft_proof *proof)
{
	struct weft_key private_key;

	if (weft_key_is_zero(seed))
		return true;
	weft_seed_tunnel(&private_key, seed);
	weft_key_derive_public(public_key, &private_key);
	weft_key_wipe(&private_key);
	return weft_proof_make(proof, seed, self->fleet, self->node);
}

/* The endpoints that were given, then those that were found. */
static void self_list_endpoints(const struct weft_self *self, struct weft_word *items,
				struct weft_words *to)
{
	const struct weft_words *lists[] = { &self->endpoints, &self->found };
	size_t i, k;

	*to = (struct weft_words){ .items = items };
	for (i = 0; i < ARRAY_SIZE(lists); i++)
		for (k = 0; k < lists[i]->count && to->count < WEFT_FLEET_ENDPOINTS_MAX; k++)
			items[to->count++] = lists[i]->items[k];
}

/* The present hello, unsigned, without endpoints; its list is that of @self. False: no memory. */
static bool self_fill_hello(const struct weft_self *self, __u64 serial,
			    struct weft_fleet_record *hello)
{
	memset(hello, 0, sizeof(*hello));
	hello->kind = WEFT_FLEET_HELLO;
	memcpy(hello->fleet, self->fleet, sizeof(hello->fleet));
	memcpy(hello->node, self->node, sizeof(hello->node));
	hello->serial = serial;
	hello->port = self->port;
	hello->seen = self->seen;
	if (weft_key_is_zero(&self->tunnel))
		weft_key_derive_public(&hello->public_key, &self->tunnel_raw);
	return self_put_key(self, &self->tunnel, &hello->public_key, &hello->proof) &&
	       self_put_key(self, &self->next, &hello->next_public_key, &hello->next_proof);
}

static __u64 self_serial(const struct weft_self *self, const struct weft_member *member)
{
	__u64 known = member && member->node ? member->node->number : 0;

	return known > self->serial ? known : self->serial;
}

/* The hello is still valid: a serial within the present admission is enough. */
static bool self_is_current(const struct weft_self *self, const struct weft_member *member,
			    const struct weft_fleet_record *hello)
{
	struct weft_fleet_record *former, fresh = *hello;
	struct weft_refusal why;
	bool same;

	former = self->hello ? weft_fleet_record_parse(self->hello, strlen(self->hello), &why) :
			       NULL;
	if (!former)
		return false;
	if (member && member->node && former->serial >= member->node->admitted &&
	    former->serial <= member->node->number && self->serial <= former->serial)
		fresh.serial = former->serial;
	same = weft_fleet_record_says_same(former, &fresh);
	/* A restored state folder may have an older generation than the fleet. */
	if (same && member && member->hello)
		same = member->hello->number < former->number ||
		       weft_fleet_record_equal(member->hello, former);
	/* So may a copy of the folder, whose hello of this generation the fleet has taken. */
	if (same && member)
		same = member->clash < former->number;
	weft_fleet_record_free(former);
	return same;
}

/* The highest generation that this identity has signed. */
static __u64 self_last(const struct weft_self *self, const struct weft_member *member)
{
	__u64 last = self->generation;

	if (member && member->hello && member->hello->number > last)
		last = member->hello->number;
	if (member && member->clash > last)
		last = member->clash;
	return last;
}

bool weft_self_is_spent(const struct weft_self *self, const struct weft_fleet *fleet)
{
	return self_last(self, weft_fleet_find(fleet, self->node)) >= WEFT_FLEET_GENERATION_MAX;
}

static bool self_sign_hello(struct weft_self *self, const struct weft_member *member,
			    struct weft_fleet_record *hello)
{
	hello->number = self_last(self, member) + 1;
	if (!weft_fleet_record_sign(hello, &self->identity))
		return false;
	free(self->hello);
	self->hello = hello->line;
	self->generation = hello->number;
	return true;
}

bool weft_self_greet(struct weft_self *self, const struct weft_fleet *fleet)
{
	const struct weft_member *member = weft_fleet_find(fleet, self->node);
	struct weft_word endpoints[WEFT_FLEET_ENDPOINTS_MAX];
	struct weft_fleet_record hello;
	__u64 serial = self_serial(self, member);

	if (!serial || weft_self_is_spent(self, fleet))
		return true;
	if (!self_fill_hello(self, serial, &hello))
		return false;
	self_list_endpoints(self, endpoints, &hello.endpoints);
	return self_is_current(self, member, &hello) || self_sign_hello(self, member, &hello);
}
