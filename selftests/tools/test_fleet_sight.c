// SPDX-License-Identifier: GPL-2.0
/*
 * What a hub's kernel sees of other nodes: which peers it tells of in its hello, in which order, and how many; and that it looks
 * only as a hub with a link of weft's. Hub ant sees bee, cat and others.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sodium.h>

#include "fleet.h"
#include "fleet/sight.h"
#include "host/host.h"
#include "memory.h"
#include "model/attr.h"
#include "support.h"

static struct weft_fleet *fleet;
static struct fleet_text text;
static struct weft_device *dev;
static const struct weft_words none;

static void add(const char *node, unsigned int number, const char *more, const char *said)
{
	char address[32];

	snprintf(address, sizeof(address), "10.7.%u.%u", number / 256, number % 256);
	fleet_node(&text, 'A', node, 1, 1, node[0], address, more);
	fleet_hello(&text, node[0], node, 1, 1, node[0], said);
}

static void take(void)
{
	struct weft_merge merge = { };

	if (!weft_fleet_merge(fleet, text.chars, text.len, &merge) || merge.refused_count)
		test_bail(merge.refused_count ? merge.refused[0].reason : "merge");
	weft_merge_free(&merge);
	fleet_clear(&text);
}

static void begin(void)
{
	weft_fleet_free(fleet);
	fleet = fleet_new("A");
	fleet_terms(&text, 'A', 1, "A", "");
	add("ant", 1, ",\"hub\":true", "");
}

static void set_endpoint(union weft_endpoint *to, const char *address, unsigned int port)
{
	memset(to, 0, sizeof(*to));
	if (strchr(address, ':')) {
		to->ip6.sin6_family = AF_INET6;
		to->ip6.sin6_port = htons(port);
		inet_pton(AF_INET6, address, &to->ip6.sin6_addr);
	} else {
		to->ip4.sin_family = AF_INET;
		to->ip4.sin_port = htons(port);
		inet_pton(AF_INET, address, &to->ip4.sin_addr);
	}
}

/* A peer of the interface with the tunnel key of a letter, whose packets come from @address. */
static struct weft_peer *see(const char *name, char key, const char *address, unsigned int port)
{
	struct weft_peer *peer = weft_model_peer_add(dev);

	peer->public_key = fleet_tunnel(key);
	peer->name = name ? strdup(name) : NULL;
	peer->known = WEFT_ATTR_BIT(WEFT_PEER_A_STATE);
	peer->state = WEFT_PEER_STATE_UP;
	if (address)
		set_endpoint(&peer->endpoint, address, port);
	return peer;
}

static void look(void)
{
	weft_model_device_free(dev);
	dev = weft_model_device_new("prod");
}

/* The list, with blanks between, after the one @before: words of a space. */
static const char *seen_after(const char *former)
{
	struct weft_words words = { }, before = { };
	char *copy = strdup(former), *rest = copy, *word;
	static char outcome[4096];
	size_t i;

	while (rest && *rest && (word = strsep(&rest, " ")))
		weft_profile_words_add(&before, word, 0);
	outcome[0] = '\0';
	if (!weft_sight_list(fleet, weft_fleet_find(fleet, "ant"), dev, &before, &words))
		test_bail("memory");
	free(copy);
	weft_profile_words_free(&before);
	for (i = 0; i < words.count; i++)
		snprintf(outcome + strlen(outcome), sizeof(outcome) - strlen(outcome), "%s%s", i ? " " : "", words.items[i].text);
	weft_profile_words_free(&words);
	return outcome;
}

static const char *seen(void)
{
	return seen_after("");
}

static void check_choice(void)
{
	begin();
	add("bee", 2, "", "");
	add("cat", 3, "", ",\"endpoints\":[\"192.168.0.3:5\"]");
	add("dog", 4, ",\"endpoints\":[\"198.51.100.4:7\"]", "");
	add("eel", 5, "", ",\"endpoints\":[\"[2001:DB8::5]:7\"]");
	fleet_node(&text, 'A', "fox", 1, 1, 'f', "10.7.0.6", "");
	add("gnu", 7, "", "");
	take();
	fleet_terms(&text, 'A', 2, "A", ",\"revoked\":{\"gnu\":1}");
	take();
	look();
	see("cat", 'c', "198.51.100.3", 7);
	see("bee", 'b', "2001:db8::2", 7);
	see("dog", 'd', "198.51.100.4", 7);
	see("eel", 'e', "2001:db8::5", 7);
	see("fox", 'f', "198.51.100.6", 7);
	see("gnu", 'g', "198.51.100.7", 7);
	see("stranger", 'x', "198.51.100.8", 7);
	see(NULL, 'y', "198.51.100.9", 7);
	see("ant", 'a', "198.51.100.1", 7);
	test_text("members at endpoints that no record names, by name", seen(), "bee=[2001:db8::2]:7 cat=198.51.100.3:7");
	look();
	see("dog", 'd', "198.51.100.4", 8);
	see("cat", 'c', "192.168.0.3", 5);
	test_text("another port is another endpoint", seen(), "dog=198.51.100.4:8");
}

static void check_sessions(void)
{
	static const struct {
		const char *name;
		__u32 state;
	} states[] = {
		{ "an idle peer", WEFT_PEER_STATE_IDLE }, { "one during a handshake", WEFT_PEER_STATE_HANDSHAKING },
		{ "a silent one", WEFT_PEER_STATE_SILENT }, { "one that was given up", WEFT_PEER_STATE_GIVEN_UP },
	};
	size_t i;

	begin();
	add("bee", 2, "", "");
	take();
	for (i = 0; i < ARRAY_SIZE(states); i++) {
		look();
		see("bee", 'b', "198.51.100.2", 7)->state = states[i].state;
		test_text(states[i].name, seen(), "");
	}
	look();
	see("bee", 'b', "198.51.100.2", 7)->known = 0;
	test_text("one without a state", seen(), "");
	look();
	see("bee", 'b', NULL, 0);
	test_text("one without an endpoint", seen(), "");
}

/* A hub that has just started has no session, and a path may be away for a while. */
static void check_before(void)
{
	static const char former[] = "bee=198.51.100.2:7 cat=198.51.100.3:7 dog=198.51.100.4:7";

	begin();
	add("bee", 2, "", "");
	add("cat", 3, "", "");
	add("dog", 4, "", "");
	take();
	look();
	test_text("members without a session stay", seen_after(former), former);
	see("cat", 'c', "198.51.100.9", 9);
	test_text("... and one that is elsewhere is there", seen_after(former),
		  "bee=198.51.100.2:7 cat=198.51.100.9:9 dog=198.51.100.4:7");
	fleet_hello(&text, 'd', "dog", 1, 2, 'd', ",\"endpoints\":[\"198.51.100.4:7\"]");
	take();
	fleet_terms(&text, 'A', 2, "A", ",\"revoked\":{\"bee\":1}");
	take();
	test_text("one that names it, and one that is revoked, are gone", seen_after(former), "cat=198.51.100.9:9");
	test_text("a stranger, the hub itself, and what is inside the tunnel",
		  seen_after("ant=198.51.100.1:7 cat=10.7.0.9:7 zoe=198.51.100.9:7"), "cat=198.51.100.9:9");
	look();
	test_text("... also without sessions", seen_after("ant=198.51.100.1:7 cat=10.7.0.9:7 zoe=198.51.100.9:7"), "");
}

/* Spokes of one hub have no other peer. */
static void check_topology(void)
{
	const struct weft_key admin = fleet_signer('A');

	weft_fleet_free(fleet);
	fleet = fleet_new("A");
	fleet_say(&text, 'A', "fleet", "{\"fleet\":\"prod\",\"epoch\":1,\"admins\":[\"%s\"],\"topology\":\"hub\",\"port\":51820}",
		  weft_key_encode(&admin).chars);
	add("ant", 1, ",\"hub\":true", "");
	add("bee", 2, "", "");
	take();
	look();
	see("bee", 'b', "198.51.100.2", 7);
	test_text("a list that is of no use", seen(), "");
	add("cat", 3, ",\"hub\":true", "");
	take();
	test_text("... and one of use to another hub", seen(), "bee=198.51.100.2:7");
}

/* A peer that another command has made, and keys that are being replaced. */
static void check_peer_keys(void)
{
	struct weft_peer *peer;

	begin();
	add("bee", 2, "", "");
	take();
	look();
	see("bee", 'x', "198.51.100.2", 7);
	test_text("a peer of the name, with another key", seen(), "");
	look();
	peer = see("bee", 'x', "198.51.100.2", 7);
	peer->previous_public_key = fleet_tunnel('b');
	peer->has |= WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY;
	test_text("... which was the node's key before", seen(), "bee=198.51.100.2:7");
	look();
	peer = see("bee", 'x', "198.51.100.2", 7);
	peer->next_public_key = fleet_tunnel('b');
	peer->has |= WEFT_PEER_HAS_NEXT_PUBLIC_KEY;
	test_text("... or is to be it", seen(), "bee=198.51.100.2:7");
}

static void check_refused(void)
{
	static const char * const bad[] = {
		"10.7.0.9", "10.9.1.1", "127.0.0.1", "169.254.1.1", "224.0.0.1", "fe80::1", "::1", "::ffff:192.0.2.1", "64:ff9b::1",
	};
	size_t i;

	begin();
	add("bee", 2, ",\"prefixes\":[\"10.9.0.0/16\"]", "");
	take();
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		look();
		see("bee", 'b', bad[i], 7);
		test_text(bad[i], seen(), "");
	}
	look();
	see("bee", 'b', "192.168.1.7", 7);
	test_text("a private address is one that others may reach", seen(), "bee=192.168.1.7:7");
}

/* The kernel's candidates are addresses of names that the admin gives, or endpoints that other hubs see. */
static void check_candidates(void)
{
	struct weft_peer *peer;

	begin();
	add("bee", 2, ",\"endpoints\":[\"bee.example:7\"]", "");
	take();
	look();
	peer = see("bee", 'b', "198.51.100.2", 7);
	weft_model_candidate_add(peer, &peer->endpoint);
	test_text("the address of a name", seen(), "");
	add("cat", 3, ",\"hub\":true", ",\"x-seen\":[\"bee=198.51.100.2:7\"]");
	take();
	test_text("an endpoint that another hub sees, too", seen(), "bee=198.51.100.2:7");
}

/* A list is no longer than a hello has room for. */
static void check_most(void)
{
	char name[WEFT_NODE_NAME_BYTES], address[48];
	struct weft_words words = { };
	struct weft_fleet_record hello = { .kind = WEFT_FLEET_HELLO, .number = INT64_MAX - 1, .serial = INT64_MAX, .port = 65535 };
	struct weft_key seed = fleet_seed('a'), next = fleet_seed('b');
	size_t i, bytes = 0;
	bool sorted = true;

	begin();
	look();
	for (i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "b%zu-%0*u", 1000 + i, i % 2 ? 50 : 1, 0);
		snprintf(address, sizeof(address), "2001:db8:ffff:ffff:ffff:ffff:ffff:%zx", 0x1000 + i);
		add(name, 300 + i, "", "");
		see(name, 'b', address, 65535);
	}
	take();
	if (!weft_sight_list(fleet, weft_fleet_find(fleet, "ant"), dev, &none, &words))
		test_bail("memory");
	for (i = 0; i < words.count; i++) {
		bytes += strlen(words.items[i].text) + 3;
		sorted &= (size_t)atoi(words.items[i].text + 1) == 1000 + i;
	}
	test_ok(words.count > 100 && bytes <= 12288 && bytes > 12288 - 150, "a list is bounded by its bytes");
	test_ok(sorted, "... the first members by name");
	/* All that a hello may have besides. */
	memset(hello.fleet, 'f', sizeof(hello.fleet) - 1);
	memset(hello.node, 'n', sizeof(hello.node) - 1);
	hello.seen = words;
	hello.public_key = fleet_tunnel('a');
	hello.next_public_key = fleet_tunnel('b');
	weft_proof_make(&hello.proof, &seed, "prod", "ant");
	weft_proof_make(&hello.next_proof, &next, "prod", "ant");
	for (i = 0; i < WEFT_FLEET_ENDPOINTS_MAX; i++) {
		snprintf(name, sizeof(name), "[2001:db8:ffff:ffff:ffff:ffff:ffff:%zx]:65535", 0x1000 + i);
		weft_profile_words_add(&hello.endpoints, name, 0);
	}
	test_ok(weft_fleet_record_sign(&hello, &seed) && hello.len < WEFT_FLEET_LINE_BYTES, "a hello has room for all of it");
	free(hello.line);
	weft_profile_words_free(&hello.endpoints);
	weft_profile_words_free(&words);
	begin();
	look();
	for (i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "b%zu", i);
		add(name, 300 + i, "", "");
		see(name, 'b', "1.2.3.4", 1);
	}
	take();
	if (!weft_sight_list(fleet, weft_fleet_find(fleet, "ant"), dev, &none, &words))
		test_bail("memory");
	test_ok(words.count == 512, "... and by their number");
	weft_profile_words_free(&words);
}

/* The node's interface. */

static enum weft_kind kind = WEFT_KIND_WEFT;
static unsigned int link_index = 7;
static bool broken, changed;

static int link_read(struct weft_host *host, const char *name, struct weft_host_link *link)
{
	snprintf(host->error, sizeof(host->error), "no answer");
	if (broken)
		return -EIO;
	*link = (struct weft_host_link){ .index = strcmp(name, "prod") ? 0 : link_index, .kind = kind };
	return 0;
}

static int get(struct weft_backend *backend, const char *name, struct weft_device **to)
{
	struct weft_peer *peer;

	(void)backend;
	*to = weft_model_device_new(name);
	peer = weft_model_peer_add(*to);
	peer->public_key = fleet_tunnel('b');
	peer->name = strdup("bee");
	peer->known = WEFT_ATTR_BIT(WEFT_PEER_A_STATE);
	peer->state = WEFT_PEER_STATE_UP;
	set_endpoint(&peer->endpoint, "198.51.100.2", 7);
	return 0;
}

static const char *read_as(struct weft_folder *folder)
{
	struct weft_words *list = &folder->self->seen;

	changed = false;
	if (!weft_sight_read(folder, &changed))
		return "failed";
	return list->count ? list->items[0].text : "";
}

static void check_node(void)
{
	static struct weft_host host = { .link = link_read };
	struct weft_self self = { .fleet = "prod", .node = "ant" };
	struct test_bench bench;
	struct weft_folder folder = { .ctx = &bench.ctx, .name = "prod", .self = &self, .lock = -1 };

	test_bench_start(&bench, "");
	bench.ctx.host = &host;
	bench.backend.get = get;
	begin();
	add("bee", 2, "", "");
	take();
	folder.fleet = fleet;
	test_text("a hub looks at its interface", read_as(&folder), "bee=198.51.100.2:7");
	test_ok(changed, "... for the first time");
	read_as(&folder);
	test_ok(!changed, "... and sees the same");
	broken = true;
	test_text("... which cannot be read", read_as(&folder), "failed");
	test_ok(self.seen.count == 1, "... and keeps what it saw");
	broken = false;
	kind = WEFT_KIND_WIREGUARD;
	test_text("a link without states changes nothing", read_as(&folder), "bee=198.51.100.2:7");
	kind = WEFT_KIND_WEFT;
	link_index = 0;
	test_text("... nor one that is not there yet", read_as(&folder), "bee=198.51.100.2:7");
	link_index = 7;
	fleet_node(&text, 'A', "ant", 2, 1, 'a', "10.7.0.1", "");
	take();
	test_text("a node that is no hub any more takes its list back", read_as(&folder), "");
	test_ok(changed && !weft_sight_is_hub(&folder), "... and is none");
	weft_profile_words_free(&self.seen);
	test_bench_end(&bench);
}

static bool list_once(const void *data)
{
	struct weft_words words = { };
	bool good, whole;

	(void)data;
	good = weft_sight_list(fleet, weft_fleet_find(fleet, "ant"), dev, &none, &words);
	whole = good ? words.count == 2 : !words.count;
	weft_profile_words_free(&words);
	return whole && (good || test_memory_failed());
}

int main(void)
{
	if (sodium_init() < 0)
		test_bail("libsodium");
	check_choice();
	check_sessions();
	check_before();
	check_topology();
	check_peer_keys();
	check_refused();
	check_candidates();
	check_most();
	check_node();
	begin();
	add("bee", 2, "", "");
	add("cat", 3, "", "");
	take();
	look();
	see("bee", 'b', "198.51.100.2", 7);
	see("cat", 'c', "198.51.100.3", 7);
	test_memory_each("a list with each allocation failing", list_once, NULL);
	weft_model_device_free(dev);
	weft_fleet_free(fleet);
	fleet_clear(&text);
	return test_end();
}
