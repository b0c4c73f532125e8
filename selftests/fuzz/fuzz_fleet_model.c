// SPDX-License-Identifier: GPL-2.0
/*
 * The model of every node of a random fleet: its topology, nodes, groups, hubs, prefixes, keys and
 * endpoints come from the input. All models together are one network: no prefix is at two peers of
 * a node, two nodes have each other as a peer or not at all, and each prefix has one path without a
 * loop, the same in both directions.
 */
#include "fuzz.h"

#include "fleet/topology.c"
#include "fleet/model.c"

#include "conf/setting.h"

#include <sodium.h>

#define FUZZ_NODES	7

/* Private keys and their public keys; the last one belongs to no node. */
static struct weft_key private_keys[FUZZ_NODES + 1], public_keys[FUZZ_NODES + 1];
static const struct weft_key no_key;

static const char * const names[FUZZ_NODES] = { "ant", "bee", "cat", "dog", "eel", "fox", "gnu" };
static const char * const groups[4] = { "east", "north", "south", "west" };
static const char * const prefixes[8] = {
	"10.9.0.0/16", "10.9.1.0/24", "10.9.1.128/25", "10.7.0.4/32", "0.0.0.0/0", "::/0", "fd00::/48", "fd00:0:0:1::/64",
};
static const char * const endpoints[8] = {
	"192.0.2.1:5", "10.9.1.200:5", "10.7.0.2:5", "[fd00::9]:5", "[2001:db8::1]:5", "hub.example:5", "10.7.0.9:5",
	"[fe80::1%eth0]:5",
};

/**
 * struct fuzz_model - one node's model
 * @member: the node
 * @model: its model
 * @in: it has one: the node is in the fleet
 * @odd: its key is another node's, too, or is unknown: it may have fewer peers
 */
struct fuzz_model {
	const struct weft_member *member;
	struct weft_fleet_model model;
	bool in;
	bool odd;
};

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	size_t i;

	(void)argc;
	(void)argv;
	FUZZ_MUST(sodium_init() >= 0);
	for (i = 0; i <= FUZZ_NODES; i++) {
		memset(private_keys[i].bytes, 'a' + i, sizeof(private_keys[i].bytes));
		weft_key_derive_public(&public_keys[i], &private_keys[i]);
	}
	return 0;
}

static void fuzz_add_prefix(struct weft_prefixes *to, const char *text)
{
	char copy[64];

	snprintf(copy, sizeof(copy), "%s", text);
	to->items = reallocarray(to->items, to->count + 1, sizeof(*to->items));
	memset(&to->items[to->count], 0, sizeof(*to->items));
	FUZZ_MUST(weft_setting_prefix(copy, &to->items[to->count++]));
}

static void fuzz_add_words(struct weft_words *to, const char * const *words, size_t count, uint8_t bits)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (bits >> i & 1)
			FUZZ_MUST(weft_profile_words_add(to, words[i], 0));
}

static void fuzz_fill_node(struct fuzz_input *input, struct weft_member *member, size_t number)
{
	struct weft_fleet_record *node = calloc(1, sizeof(*node));
	uint8_t how = fuzz_u8(input), bits = fuzz_u8(input);
	char address[32];
	size_t i;

	member->node = node;
	member->revoked = how & 1 && how & 2;
	node->kind = WEFT_FLEET_NODE;
	node->number = 1 + (how >> 2 & 1);
	node->hub = how & 8;
	fuzz_add_words(&node->groups, groups, 4, how >> 4);
	snprintf(address, sizeof(address), "10.7.0.%zu/24", number + 1);
	fuzz_add_prefix(&node->addresses, address);
	for (i = 0; i < 8; i++)
		if (bits >> i & 1)
			fuzz_add_prefix(&node->prefixes, prefixes[i]);
	fuzz_add_words(&node->endpoints, endpoints, 8, fuzz_u8(input));
}

/* Mostly the node's own key; sometimes no hello, another's key, or a next one. */
static void fuzz_fill_hello(struct fuzz_input *input, struct weft_member *member, size_t number)
{
	struct weft_fleet_record *hello;
	uint8_t how = fuzz_u8(input);

	if (how == 0xff)
		return;
	hello = calloc(1, sizeof(*hello));
	member->hello = hello;
	hello->kind = WEFT_FLEET_HELLO;
	hello->public_key = public_keys[how & 0x80 ? how % FUZZ_NODES : number];
	if (how & 0x40 && !weft_key_equal(&hello->public_key, &public_keys[how % (FUZZ_NODES + 1)]))
		hello->next_public_key = public_keys[how % (FUZZ_NODES + 1)];
	fuzz_add_words(&hello->endpoints, endpoints, 8, fuzz_u8(input));
}

static struct weft_fleet *fuzz_fleet(struct fuzz_input *input)
{
	struct weft_fleet *fleet = calloc(1, sizeof(*fleet));
	struct weft_fleet_record *terms = calloc(1, sizeof(*terms));
	size_t i;

	snprintf(fleet->name, sizeof(fleet->name), "prod");
	fleet->terms = terms;
	terms->topology = fuzz_u8(input) % 3;
	terms->port = 51820;
	FUZZ_MUST(weft_fleet_add(fleet, names, 1 + fuzz_u8(input) % FUZZ_NODES));
	for (i = 0; i < fleet->count; i++) {
		fuzz_fill_node(input, &fleet->members[i], i);
		fuzz_fill_hello(input, &fleet->members[i], i);
	}
	return fleet;
}

/* Another node that is in has this key, or announces it. */
static bool fuzz_is_shared(const struct weft_fleet *fleet, const struct weft_member *member,
			   const struct weft_key *key)
{
	const struct weft_member *other;
	size_t i;

	for (i = 0; i < fleet->count; i++) {
		other = &fleet->members[i];
		if (other != member && weft_member_is_in(other) && other->hello &&
		    (weft_key_equal(&other->hello->public_key, key) ||
		     weft_key_equal(&other->hello->next_public_key, key)))
			return true;
	}
	return false;
}

/* With @keyed the nodes have their private keys, which takes most of the time. */
static void fuzz_make(const struct weft_fleet *fleet, struct fuzz_model *models, bool keyed)
{
	struct weft_fleet_own own;
	struct weft_refusal why;
	size_t i;

	for (i = 0; i < fleet->count; i++) {
		own = (struct weft_fleet_own){ };
		if (keyed)
			own.private_key = private_keys[i];
		snprintf(own.node, sizeof(own.node), "%s", fleet->members[i].name);
		models[i].member = &fleet->members[i];
		models[i].in = weft_fleet_model(fleet, &own, &models[i].model, &why);
		FUZZ_MUST(models[i].in == weft_member_is_in(&fleet->members[i]));
		models[i].odd = !models[i].member->hello ||
				!weft_key_equal(&models[i].member->hello->public_key, &public_keys[i]) ||
				fuzz_is_shared(fleet, models[i].member, &public_keys[i]);
	}
}

/* One model by itself. */

static void fuzz_check_prefixes(const struct fuzz_model *one)
{
	const struct weft_peer *peer, *other;
	const struct weft_allowedip *ip, *second;

	for (peer = one->model.profile->dev->peers; peer; peer = peer->next)
		for (ip = peer->allowedips; ip; ip = ip->next)
			for (other = peer; other; other = other->next)
				for (second = other == peer ? ip->next : other->allowedips; second;
				     second = second->next)
					FUZZ_MUST(weft_model_allowedip_compare(ip, second));
}

static void fuzz_check_keys(const struct fuzz_model *one, const struct weft_key *own)
{
	const struct weft_peer *peer, *other;

	for (peer = one->model.profile->dev->peers; peer; peer = peer->next) {
		FUZZ_MUST(strcmp(peer->name, one->member->name));
		FUZZ_MUST(!weft_key_equal(&peer->public_key, own));
		FUZZ_MUST(!(peer->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY) ||
			  !weft_key_equal(&peer->next_public_key, own));
		for (other = peer->next; other; other = other->next) {
			FUZZ_MUST(!weft_key_equal(&peer->public_key, &other->public_key));
			FUZZ_MUST(!weft_key_equal(&peer->public_key, &other->next_public_key) ||
				  !(other->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY));
			FUZZ_MUST(!weft_key_equal(&peer->next_public_key, &other->public_key) ||
				  !(peer->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY));
		}
	}
}

/* Whether @address is inside a prefix that is not a default route. */
static bool fuzz_is_inside(const struct weft_fleet *fleet, const struct weft_allowedip *address)
{
	const struct weft_fleet_record *node;
	struct weft_allowedip cut;
	size_t i, k;

	for (i = 0; i < fleet->count; i++) {
		node = fleet->members[i].node;
		if (!weft_member_is_in(&fleet->members[i]))
			continue;
		if (address->family == AF_INET && node->addresses.items[0].ip4.s_addr == address->ip4.s_addr)
			return true;
		for (k = 0; k < node->prefixes.count; k++) {
			cut = *address;
			cut.cidr = node->prefixes.items[k].cidr;
			weft_model_allowedip_mask(&cut);
			if (cut.cidr && !weft_model_allowedip_compare(&cut, &node->prefixes.items[k]))
				return true;
		}
	}
	return false;
}

static void fuzz_check_endpoints(const struct weft_fleet *fleet, const struct fuzz_model *one)
{
	struct weft_allowedip address;
	const struct weft_peer *peer;
	char *copy, *rest, *word;

	for (peer = one->model.profile->dev->peers; peer; peer = peer->next) {
		copy = strdup(peer->endpoint_text ?: "");
		for (rest = copy; (word = strsep(&rest, ","));) {
			word += strspn(word, " ");
			if (!*word || !model_parse_endpoint(word, &address))
				continue;
			FUZZ_MUST(!fuzz_is_inside(fleet, &address));
		}
		free(copy);
	}
}

/* All models together. */

static const struct weft_peer *fuzz_peer(const struct fuzz_model *one, const char *name)
{
	const struct weft_peer *peer;

	for (peer = one->model.profile->dev->peers; peer; peer = peer->next)
		if (!strcmp(peer->name, name))
			return peer;
	return NULL;
}

static void fuzz_check_pairs(const struct fuzz_model *models, size_t count)
{
	size_t i, k;

	for (i = 0; i < count; i++)
		for (k = i + 1; k < count; k++)
			if (models[i].in && models[k].in && !models[i].odd && !models[k].odd)
				FUZZ_MUST(!fuzz_peer(&models[i], models[k].member->name) ==
					  !fuzz_peer(&models[k], models[i].member->name));
}

/* The peer of @one that has exactly this prefix. */
static const struct weft_peer *fuzz_next(const struct fuzz_model *one, const struct weft_allowedip *prefix)
{
	const struct weft_peer *peer;
	const struct weft_allowedip *ip;

	for (peer = one->model.profile->dev->peers; peer; peer = peer->next)
		for (ip = peer->allowedips; ip; ip = ip->next)
			if (!weft_model_allowedip_compare(ip, prefix))
				return peer;
	return NULL;
}

/* The nodes from @from to the end of the path of a prefix, at most four of them; their number. */
static size_t fuzz_walk(const struct fuzz_model *models, size_t count, size_t from,
			const struct weft_allowedip *prefix, size_t *path)
{
	const struct weft_peer *peer;
	size_t len = 0, k;

	for (;;) {
		FUZZ_MUST(len < 4);
		path[len++] = from;
		peer = fuzz_next(&models[from], prefix);
		if (!peer)
			return len;
		for (k = 0; k < count && strcmp(models[k].member->name, peer->name); k++)
			;
		FUZZ_MUST(k < count && models[k].in);
		from = k;
	}
}

static struct weft_allowedip fuzz_address(const struct fuzz_model *one)
{
	struct weft_allowedip ip = one->member->node->addresses.items[0];

	ip.cidr = 32;
	return ip;
}

static bool fuzz_has_hub(const struct fuzz_model *models, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (models[i].in && models[i].member->node->hub)
			return true;
	return false;
}

/* From each node to each other one, and back, by the nodes' own addresses. */
static void fuzz_check_paths(const struct weft_fleet *fleet, const struct fuzz_model *models)
{
	size_t there[4], back[4], len, i, k, m, count = fleet->count;
	bool whole = fuzz_has_hub(models, count) || fleet->terms->topology == WEFT_TOPOLOGY_MESH;
	struct weft_allowedip a, b;

	for (i = 0; i < count; i++)
		whole &= !models[i].in || !models[i].odd;
	for (i = 0; i < count; i++) {
		for (k = 0; k < count; k++) {
			if (i == k || !models[i].in || !models[k].in)
				continue;
			a = fuzz_address(&models[i]);
			b = fuzz_address(&models[k]);
			len = fuzz_walk(models, count, i, &b, there);
			if (!whole)
				continue;
			/* The prefix 10.7.0.4/32 may be that of a node before its owner by name. */
			if (there[len - 1] != k || fuzz_next(&models[k], &b) || fuzz_next(&models[i], &a)) {
				FUZZ_MUST(k == 3 || i == 3);
				continue;
			}
			FUZZ_MUST(fuzz_walk(models, count, k, &a, back) == len);
			for (m = 0; m < len; m++)
				FUZZ_MUST(there[m] == back[len - 1 - m]);
		}
	}
}

/* Each prefix ends at one node, from wherever it is looked for. */
static void fuzz_check_owners(const struct weft_fleet *fleet, const struct fuzz_model *models)
{
	size_t path[4], i, k, m, len, owner;
	const struct weft_prefixes *list;

	for (i = 0; i < fleet->count; i++) {
		if (!models[i].in)
			continue;
		list = &models[i].member->node->prefixes;
		for (k = 0; k < list->count; k++) {
			owner = SIZE_MAX;
			for (m = 0; m < fleet->count; m++) {
				if (!models[m].in)
					continue;
				len = fuzz_walk(models, fleet->count, m, &list->items[k], path);
				if (len > 1 && owner == SIZE_MAX)
					owner = path[len - 1];
			}
			FUZZ_MUST(owner == SIZE_MAX || models[owner].in);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	struct fuzz_model models[FUZZ_NODES] = { };
	bool keyed = !(fuzz_u8(&input) % 16);
	struct weft_fleet *fleet = fuzz_fleet(&input);
	size_t i;

	fuzz_make(fleet, models, keyed);
	for (i = 0; i < fleet->count; i++) {
		if (!models[i].in)
			continue;
		fuzz_check_prefixes(&models[i]);
		fuzz_check_keys(&models[i], keyed ? &public_keys[i] : &no_key);
		fuzz_check_endpoints(fleet, &models[i]);
	}
	fuzz_check_pairs(models, fleet->count);
	fuzz_check_paths(fleet, models);
	fuzz_check_owners(fleet, models);
	for (i = 0; i < fleet->count; i++)
		weft_fleet_model_free(&models[i].model);
	weft_fleet_free(fleet);
	return 0;
}
