// SPDX-License-Identifier: GPL-2.0
/*
 * The model of every node of a random fleet: its topology, nodes, groups, hubs, prefixes, keys and
 * endpoints come from the input. All models together are one network: no prefix is at two peers of
 * a node, two nodes have each other as a peer or not at all, and each prefix has one path without a
 * loop, the same in both directions.
 *
 * All keys, prefixes and endpoints are one of a few: the checks know them by their numbers. The
 * fleet itself is not allocated anew for each input.
 */
#include "crypto.h"

#include "fleet/topology.c"
#include "fleet/model.c"

#include "conf/setting.h"
#include "fleet/endpoint.h"

#include <sanitizer/asan_interface.h>

#define FUZZ_NODES	7
#define FUZZ_LARGE	32
#define FUZZ_KEYS	(FUZZ_NODES + 1)	/* the last one belongs to no node */
#define FUZZ_GIVEN	8			/* prefixes that nodes may have, and endpoints */
#define FUZZ_PREFIXES	(FUZZ_GIVEN + FUZZ_NODES)
#define FUZZ_NONE	0xff

static struct weft_key private_keys[FUZZ_KEYS], public_keys[FUZZ_KEYS];
static const struct weft_key no_key, identity = { { 1 } };
/* Those below, then the addresses of the nodes; and each with its length for an interface. */
static struct weft_allowedip prefixes[FUZZ_PREFIXES], addresses[FUZZ_NODES];
/* Prefixes that an endpoint is inside of: one bit each. */
static uint32_t inside[FUZZ_GIVEN];

static const char * const names[FUZZ_NODES] = { "ant", "bee", "cat", "dog", "eel", "fox", "gnu" };
static const char * const groups[4] = { "east", "north", "south", "west" };
/* The fourth is the address of the fourth node. */
static const char * const given[FUZZ_GIVEN] = {
	"10.9.0.0/16", "10.9.1.0/24", "10.9.1.128/25", "10.7.0.4/32", "0.0.0.0/0", "::/0", "fd00::/48", "fd00:0:0:1::/64",
};
static const char * const endpoints[FUZZ_GIVEN] = {
	"192.0.2.1:5", "10.9.1.200:5", "10.7.0.2:5", "[fd00::9]:5", "[2001:db8::1]:5", "hub.example:5", "10.7.0.9:5",
	"[fe80::1%eth0]:5",
};

/* What hubs see of nodes, one of the endpoints each. */
static const char * const sightings[FUZZ_NODES] = {
	"ant=192.0.2.1:5", "bee=10.9.1.200:5", "cat=10.7.0.2:5", "dog=[fd00::9]:5", "eel=[2001:db8::1]:5", "fox=10.7.0.9:5",
	"gnu=192.0.2.1:5",
};

/**
 * struct fuzz_node - one node, and its model
 * @node: its record
 * @hello: its hello
 * @prefixes: the items of lists of both, as are the following
 * @groups: its groups
 * @fixed: endpoints of its record
 * @heard: endpoints of its hello
 * @seen: sightings of its hello
 * @sees: them: one bit for each node
 * @key: the number of its key, or FUZZ_NONE
 * @next_key: of its next key, or FUZZ_NONE
 * @own: prefixes of its record, and its address: one bit each
 * @in: it has a model: it is in the fleet
 * @odd: its key is another node's, too, or is unknown: it may have fewer peers
 * @model: its model
 * @peers: the model's peers: one bit for each node
 * @next: by number of a prefix: the peer that has it, or FUZZ_NONE
 */
struct fuzz_node {
	struct weft_fleet_record node, hello;
	struct weft_allowedip prefixes[FUZZ_GIVEN];
	struct weft_word groups[4], fixed[FUZZ_GIVEN], heard[FUZZ_GIVEN], seen[FUZZ_NODES];
	uint8_t sees;
	uint8_t key, next_key;
	uint32_t own;
	bool in, odd;
	struct weft_fleet_model model;
	uint8_t peers;
	uint8_t next[FUZZ_PREFIXES];
};

static struct fuzz_node nodes[FUZZ_NODES];
static struct weft_fleet_record terms;
static struct weft_fleet fleet = { .name = "prod", .terms = &terms };

/* Numbers. */

static FUZZ_REFERENCE bool fuzz_same_prefix(const struct weft_allowedip *a, const struct weft_allowedip *b)
{
	return a->family == b->family && a->cidr == b->cidr &&
	       !__builtin_memcmp(&a->ip6, &b->ip6, a->family == AF_INET ? 4 : 16);
}

static FUZZ_REFERENCE size_t fuzz_prefix_number(const struct weft_allowedip *ip)
{
	size_t i;

	for (i = 0; i < FUZZ_PREFIXES && !fuzz_same_prefix(ip, &prefixes[i]); i++)
		;
	FUZZ_MUST(i < FUZZ_PREFIXES);
	return i;
}

static FUZZ_REFERENCE size_t fuzz_key_number(const struct weft_key *key)
{
	size_t i;

	for (i = 0; i < FUZZ_KEYS && __builtin_memcmp(key, &public_keys[i], sizeof(*key)); i++)
		;
	FUZZ_MUST(i < FUZZ_KEYS);
	return i;
}

/* The names begin with one letter after the other. */
static FUZZ_REFERENCE size_t fuzz_node_number(const char *name)
{
	size_t number = name[0] - 'a';

	FUZZ_MUST(number < fleet.count && !strcmp(name, names[number]));
	return number;
}

/* The number of a node's own address among the prefixes. */
static FUZZ_REFERENCE size_t fuzz_address(size_t node)
{
	return node == 3 ? 3 : FUZZ_GIVEN + node;
}

/* What does not change. */

static void fuzz_set_prefix(struct weft_allowedip *to, const char *text)
{
	char copy[64];

	snprintf(copy, sizeof(copy), "%s", text);
	FUZZ_MUST(weft_setting_prefix(copy, to));
}

static void fuzz_set_inside(size_t endpoint)
{
	struct weft_allowedip address, cut;
	size_t i;

	if (!weft_fleet_endpoint_parse(endpoints[endpoint], &address))
		return;
	for (i = 0; i < FUZZ_PREFIXES; i++) {
		cut = address;
		cut.cidr = prefixes[i].cidr;
		weft_model_allowedip_mask(&cut);
		/* A default route is not meant. */
		if (cut.cidr && fuzz_same_prefix(&cut, &prefixes[i]))
			inside[endpoint] |= 1U << i;
	}
}

static void fuzz_set_node(size_t number)
{
	struct fuzz_node *node = &nodes[number];
	char address[32];

	snprintf(address, sizeof(address), "10.7.0.%zu/32", number + 1);
	fuzz_set_prefix(&prefixes[FUZZ_GIVEN + number], address);
	snprintf(address, sizeof(address), "10.7.0.%zu/24", number + 1);
	fuzz_set_prefix(&addresses[number], address);
	node->node.kind = WEFT_FLEET_NODE;
	node->node.addresses = (struct weft_prefixes){ &addresses[number], 1 };
	node->node.prefixes.items = node->prefixes;
	node->node.groups.items = node->groups;
	node->node.endpoints.items = node->fixed;
	node->hello.kind = WEFT_FLEET_HELLO;
	node->hello.endpoints.items = node->heard;
	node->hello.seen.items = node->seen;
	fleet.members[number].node = &node->node;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	size_t i;

	(void)argc;
	(void)argv;
	FUZZ_MUST(sodium_init() >= 0);
	terms.port = 51820;
	FUZZ_MUST(weft_fleet_add(&fleet, names, FUZZ_NODES));
	for (i = 0; i < FUZZ_KEYS; i++) {
		memset(private_keys[i].bytes, 'a' + i, sizeof(private_keys[i].bytes));
		weft_key_derive_public(&public_keys[i], &private_keys[i]);
	}
	for (i = 0; i < FUZZ_GIVEN; i++)
		fuzz_set_prefix(&prefixes[i], given[i]);
	for (i = 0; i < FUZZ_NODES; i++)
		fuzz_set_node(i);
	for (i = 0; i < FUZZ_GIVEN; i++)
		fuzz_set_inside(i);
	return 0;
}

/* The fleet of an input. The items beyond the end of a list are poisoned, as beyond an allocation. */

static FUZZ_REFERENCE void fuzz_fill_words(struct weft_words *to, const char * const *words, size_t most, uint8_t bits)
{
	size_t i;

	ASAN_UNPOISON_MEMORY_REGION(to->items, most * sizeof(*to->items));
	for (i = 0, to->count = 0; i < most; i++)
		if (bits >> i & 1)
			to->items[to->count++].text = (char *)words[i];
	ASAN_POISON_MEMORY_REGION(to->items + to->count, (most - to->count) * sizeof(*to->items));
}

static FUZZ_REFERENCE void fuzz_fill_prefixes(struct weft_prefixes *to, uint8_t bits)
{
	size_t i;

	ASAN_UNPOISON_MEMORY_REGION(to->items, FUZZ_GIVEN * sizeof(*to->items));
	for (i = 0, to->count = 0; i < FUZZ_GIVEN; i++)
		if (bits >> i & 1)
			to->items[to->count++] = prefixes[i];
	ASAN_POISON_MEMORY_REGION(to->items + to->count, (FUZZ_GIVEN - to->count) * sizeof(*to->items));
}

static void fuzz_fill_node(struct fuzz_input *input, size_t number, uint8_t reached)
{
	struct weft_fleet_record *node = &nodes[number].node;
	uint8_t how = fuzz_u8(input), bits = fuzz_u8(input);

	fleet.members[number].revoked = how & 1 && how & 2;
	node->number = 1 + (how >> 2 & 1);
	node->hub = how & 8;
	fuzz_fill_words(&node->groups, groups, 4, how >> 4);
	fuzz_fill_prefixes(&node->prefixes, bits);
	fuzz_fill_words(&node->endpoints, endpoints, FUZZ_GIVEN, fuzz_u8(input) & reached);
	nodes[number].own = bits | 1U << fuzz_address(number);
}

/* Mostly the node's own key; sometimes no hello, a pinned key, another's key, or a next one. */
static void fuzz_fill_hello(struct fuzz_input *input, size_t number, uint8_t reached)
{
	struct fuzz_node *node = &nodes[number];
	uint8_t how = fuzz_u8(input), bits;

	fleet.members[number].hello = NULL;
	node->sees = 0;
	node->key = how == 0xfe ? number : FUZZ_NONE;
	node->next_key = FUZZ_NONE;
	node->node.identity = how == 0xfe ? no_key : identity;
	node->node.public_key = how == 0xfe ? public_keys[number] : no_key;
	if (how >= 0xfe)
		return;
	fleet.members[number].hello = &node->hello;
	node->key = how & 0x80 ? how % FUZZ_NODES : number;
	if (how & 0x40 && how % FUZZ_KEYS != node->key)
		node->next_key = how % FUZZ_KEYS;
	node->hello.public_key = public_keys[node->key];
	node->hello.next_public_key = node->next_key == FUZZ_NONE ? no_key : public_keys[node->next_key];
	bits = fuzz_u8(input) & reached;
	fuzz_fill_words(&node->hello.endpoints, endpoints, FUZZ_GIVEN, bits);
	/* Other bits than those of the endpoints, from the same byte. */
	node->sees = (bits ^ bits >> 3) & 0x7f;
	fuzz_fill_words(&node->hello.seen, sightings, FUZZ_NODES, node->sees);
}

/* Endpoints take half of the time, and concern nothing else: one fleet in four has them, those @reached. */
static void fuzz_fill(struct fuzz_input *input, uint8_t reached)
{
	uint8_t count;
	size_t i;

	terms.topology = fuzz_u8(input) % 3;
	count = fuzz_u8(input);
	/* The time of an execution grows with the square: few fleets are large. */
	fleet.count = 1 + (count < FUZZ_LARGE ? count % FUZZ_NODES : 1 + count % 3);
	for (i = 0; i < fleet.count; i++) {
		fuzz_fill_node(input, i, reached);
		fuzz_fill_hello(input, i, reached);
	}
}

/* Its own key is unknown, or another node that is in has it, or announces it. */
static FUZZ_REFERENCE bool fuzz_is_odd(size_t number)
{
	size_t i;

	for (i = 0; i < fleet.count; i++)
		if (i != number && weft_member_is_in(&fleet.members[i]) &&
		    (nodes[i].key == number || nodes[i].next_key == number))
			return true;
	return nodes[number].key != number;
}

/* With @keyed the nodes have their private keys. */
static void fuzz_make(bool keyed)
{
	struct weft_fleet_own own = { };
	struct weft_refusal why;
	size_t i;

	for (i = 0; i < fleet.count; i++) {
		if (keyed)
			own.private_key = private_keys[i];
		snprintf(own.node, sizeof(own.node), "%s", names[i]);
		nodes[i].in = weft_fleet_model(&fleet, &own, &nodes[i].model, &why);
		FUZZ_MUST(nodes[i].in == weft_member_is_in(&fleet.members[i]));
		nodes[i].odd = fuzz_is_odd(i);
	}
}

/* One model by itself: it is read into the node's @peers and @next. */

static FUZZ_REFERENCE void fuzz_read_prefixes(struct fuzz_node *node, const struct weft_peer *peer, size_t number)
{
	const struct weft_allowedip *ip;
	size_t prefix;

	for (ip = peer->allowedips; ip; ip = ip->next) {
		prefix = fuzz_prefix_number(ip);
		FUZZ_MUST(node->next[prefix] == FUZZ_NONE);
		node->next[prefix] = number;
	}
}

/* No key is there twice. */
static FUZZ_REFERENCE uint32_t fuzz_read_keys(const struct weft_peer *peer, uint32_t known)
{
	uint32_t bit = 1U << fuzz_key_number(&peer->public_key);

	FUZZ_MUST(peer->has & WEFT_PEER_HAS_PUBLIC_KEY && !(known & bit));
	known |= bit;
	if (!(peer->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY))
		return known;
	bit = 1U << fuzz_key_number(&peer->next_public_key);
	FUZZ_MUST(!(known & bit));
	return known | bit;
}

static FUZZ_REFERENCE size_t fuzz_endpoint_number(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < FUZZ_GIVEN && (strlen(endpoints[i]) != len || __builtin_memcmp(text, endpoints[i], len)); i++)
		;
	FUZZ_MUST(i < FUZZ_GIVEN);
	return i;
}

static FUZZ_REFERENCE bool fuzz_has_word(const struct weft_words *words, const char *text)
{
	size_t i;

	for (i = 0; i < words->count; i++)
		if (!strcmp(words->items[i].text, text))
			return true;
	return false;
}

/* A hub other than both has seen @other there. */
static FUZZ_REFERENCE bool fuzz_is_seen(size_t number, size_t other, const char *text)
{
	size_t i;

	for (i = 0; i < fleet.count; i++)
		if (i != number && i != other && nodes[i].in && nodes[i].node.hub && nodes[i].sees >> other & 1 &&
		    !strcmp(strchr(sightings[other], '=') + 1, text))
			return true;
	return false;
}

/*
 * No endpoint is inside one of the prefixes @all of the fleet, and each is one that the admin, the node, or a hub
 * gives.
 */
static FUZZ_REFERENCE void fuzz_read_endpoints(const struct weft_peer *peer, size_t number, size_t other, uint32_t all)
{
	const char *at = peer->endpoint_text;
	size_t len, endpoint;

	for (; at && *at; at += len + strspn(at + len, ", ")) {
		len = strcspn(at, ",");
		endpoint = fuzz_endpoint_number(at, len);
		FUZZ_MUST(!(inside[endpoint] & all));
		FUZZ_MUST(fuzz_has_word(&nodes[other].node.endpoints, endpoints[endpoint]) ||
			  (fleet.members[other].hello && fuzz_has_word(&nodes[other].hello.endpoints, endpoints[endpoint])) ||
			  fuzz_is_seen(number, other, endpoints[endpoint]));
	}
}

static FUZZ_REFERENCE void fuzz_read_model(size_t number, bool keyed, uint32_t all)
{
	struct fuzz_node *node = &nodes[number];
	uint32_t keys = keyed ? 1U << number : 0;
	const struct weft_peer *peer;
	size_t other;

	node->peers = 0;
	__builtin_memset(node->next, FUZZ_NONE, sizeof(node->next));
	for (peer = node->model.profile->dev->peers; peer; peer = peer->next) {
		other = fuzz_node_number(peer->name);
		FUZZ_MUST(other != number && !(node->peers >> other & 1));
		node->peers |= 1U << other;
		keys = fuzz_read_keys(peer, keys);
		fuzz_read_prefixes(node, peer, other);
		fuzz_read_endpoints(peer, number, other, all);
	}
}

/* Prefixes of all nodes that are in. */
static FUZZ_REFERENCE uint32_t fuzz_all_prefixes(void)
{
	uint32_t all = 0;
	size_t i;

	for (i = 0; i < fleet.count; i++)
		if (nodes[i].in)
			all |= nodes[i].own;
	return all;
}

/* All models together. */

static FUZZ_REFERENCE void fuzz_check_pairs(void)
{
	size_t i, k;

	for (i = 0; i < fleet.count; i++)
		for (k = i + 1; k < fleet.count; k++)
			if (nodes[i].in && nodes[k].in && !nodes[i].odd && !nodes[k].odd)
				FUZZ_MUST((nodes[i].peers >> k & 1) == (nodes[k].peers >> i & 1));
}

/* The nodes from @from to the end of the path of a prefix, at most four of them; their number. */
static FUZZ_REFERENCE size_t fuzz_walk(size_t from, size_t prefix, uint8_t *path)
{
	size_t len = 0;

	for (;;) {
		FUZZ_MUST(len < 4);
		path[len++] = from;
		if (nodes[from].next[prefix] == FUZZ_NONE)
			return len;
		from = nodes[from].next[prefix];
		FUZZ_MUST(nodes[from].in);
	}
}

/* Each node has a path to each other one. */
static FUZZ_REFERENCE bool fuzz_is_whole(void)
{
	bool hub = terms.topology == WEFT_TOPOLOGY_MESH;
	size_t i;

	for (i = 0; i < fleet.count; i++) {
		if (nodes[i].in && nodes[i].odd)
			return false;
		hub |= nodes[i].in && nodes[i].node.hub;
	}
	return hub;
}

static FUZZ_REFERENCE void fuzz_check_path(size_t from, size_t to, bool whole)
{
	size_t len, i, there = fuzz_address(to), here = fuzz_address(from);
	uint8_t path[4], back[4];

	len = fuzz_walk(from, there, path);
	if (!whole)
		return;
	/* The prefix 10.7.0.4/32 may be that of a node before its owner by name. */
	if (path[len - 1] != to || nodes[to].next[there] != FUZZ_NONE || nodes[from].next[here] != FUZZ_NONE) {
		FUZZ_MUST(to == 3 || from == 3);
		return;
	}
	FUZZ_MUST(fuzz_walk(to, here, back) == len);
	for (i = 0; i < len; i++)
		FUZZ_MUST(path[i] == back[len - 1 - i]);
}

/* From each node to each other one, and back, by the nodes' own addresses. */
static FUZZ_REFERENCE void fuzz_check_paths(void)
{
	bool whole = fuzz_is_whole();
	size_t i, k;

	for (i = 0; i < fleet.count; i++)
		for (k = 0; k < fleet.count; k++)
			if (i != k && nodes[i].in && nodes[k].in)
				fuzz_check_path(i, k, whole);
}

/* Of the nodes with a prefix the first by name; FUZZ_NODES: none that is in has it. */
static FUZZ_REFERENCE size_t fuzz_owner(size_t prefix)
{
	size_t i;

	for (i = 0; i < fleet.count && !(nodes[i].in && nodes[i].own >> prefix & 1); i++)
		;
	return i < fleet.count ? i : FUZZ_NODES;
}

/* Each prefix ends at its owner, from wherever it is looked for. */
static FUZZ_REFERENCE void fuzz_check_owners(void)
{
	bool whole = fuzz_is_whole();
	size_t i, k, len, owner;
	uint8_t path[4];

	for (i = 0; i < FUZZ_PREFIXES; i++) {
		owner = fuzz_owner(i);
		for (k = 0; k < fleet.count; k++) {
			if (!nodes[k].in)
				continue;
			len = fuzz_walk(k, i, path);
			FUZZ_MUST(len == 1 || owner != FUZZ_NODES);
			FUZZ_MUST(!whole || owner == FUZZ_NODES || path[len - 1] == owner);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	uint8_t how = fuzz_u8(&input);
	bool keyed = !(how % 16);
	uint32_t all;
	size_t i;

	fuzz_fill(&input, how % 4 ? 0 : 0xff);
	fuzz_make(keyed);
	all = fuzz_all_prefixes();
	for (i = 0; i < fleet.count; i++)
		if (nodes[i].in)
			fuzz_read_model(i, keyed, all);
	fuzz_check_pairs();
	fuzz_check_paths();
	fuzz_check_owners();
	for (i = 0; i < fleet.count; i++)
		weft_fleet_model_free(&nodes[i].model);
	return 0;
}
