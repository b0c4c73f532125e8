// SPDX-License-Identifier: GPL-2.0
/* Records to the interface of a node: topologies, prefixes, keys and endpoints. */
#include <sodium.h>

#include "fleet.h"
#include "fleet/model.h"
#include "model/format.h"
#include "support.h"

static struct weft_fleet *fleet;
static struct fleet_text text;

/* Admin key A; @which: "mesh", "hub" or "groups". */
static void begin(const char *which)
{
	struct weft_key key = fleet_signer('A');

	weft_fleet_free(fleet);
	fleet = fleet_new("A");
	fleet_say(&text, 'A', "fleet",
		  "{\"fleet\":\"prod\",\"epoch\":1,\"admins\":[\"%s\"],\"topology\":\"%s\",\"port\":51820,\"keepalive\":25,\"mtu\":1400}",
		  weft_key_encode(&key).chars, which);
}

/* The number of a node is the last byte of its address, and its keys are those of its first letter. */
static void add(const char *node, unsigned int number, const char *more)
{
	char address[32];

	snprintf(address, sizeof(address), "10.7.0.%u", number);
	fleet_node(&text, 'A', node, 1, 1, node[0], address, more);
	fleet_hello(&text, node[0], node, 1, 1, node[0], "");
}

static void take(void)
{
	struct weft_merge merge = { };

	if (!weft_fleet_merge(fleet, text.chars, text.len, &merge) || merge.refused_count)
		test_bail(merge.refused_count ? merge.refused[0].reason : "merge");
	weft_merge_free(&merge);
	fleet_clear(&text);
}

/* "NAME PREFIX... [@ENDPOINTS] [>next]" for each peer, then problems, and silent nodes in brackets. */
static const char *model_of(const char *node, char own_key)
{
	struct weft_fleet_own own = { };
	static char outcome[8192];
	struct weft_fleet_model model;
	struct weft_refusal why;
	const struct weft_allowedip *ip;
	const struct weft_peer *peer;
	FILE *out;
	size_t i;

	take();
	snprintf(own.node, sizeof(own.node), "%s", node);
	if (own_key) {
		own.private_key = fleet_seed(own_key);
		weft_seed_tunnel(&own.private_key, &own.private_key);
	}
	if (!weft_fleet_model(fleet, &own, &model, &why)) {
		snprintf(outcome, sizeof(outcome), "%s", why.text);
		return outcome;
	}
	out = fmemopen(outcome, sizeof(outcome), "w");
	for (peer = model.profile->dev->peers; peer; peer = peer->next) {
		fputs(peer->name, out);
		for (ip = peer->allowedips; ip; ip = ip->next)
			fprintf(out, " %s/%u", weft_format_address(ip).chars, ip->cidr);
		fprintf(out, "%s%s%s\n", peer->endpoint_text ? " @" : "", peer->endpoint_text ?: "",
			peer->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY ? " >next" : "");
	}
	for (i = 0; i < model.problems.count; i++)
		fprintf(out, "%s\n", model.problems.items[i].text);
	for (i = 0; i < model.silent.count; i++)
		fprintf(out, "[%s]\n", model.silent.items[i].text);
	fputc('\0', out);
	fclose(out);
	weft_fleet_model_free(&model);
	return outcome;
}

static void check_none(void)
{
	weft_fleet_free(fleet);
	fleet = fleet_new("A");
	test_text("a fleet without a record", model_of("ant", 0), "no record of fleet 'prod' is known");
	begin("mesh");
	add("ant", 1, "");
	test_text("a node that is unknown", model_of("bee", 0), "node 'bee' is not admitted");
	test_text("a node alone", model_of("ant", 'a'), "");
	fleet_terms(&text, 'A', 2, "A", ",\"revoked\":{\"ant\":1}");
	test_text("a node that is revoked", model_of("ant", 'a'), "node 'ant' is revoked");
}

static void check_mesh(void)
{
	begin("mesh");
	add("ant", 1, ",\"prefixes\":[\"10.9.1.0/24\"]");
	add("bee", 2, ",\"prefixes\":[\"10.9.2.0/24\",\"fd00::/64\"]");
	add("cat", 3, "");
	test_text("a mesh", model_of("ant", 'a'), "bee 10.7.0.2/32 10.9.2.0/24 fd00::/64\ncat 10.7.0.3/32\n");
	test_text("... from another node", model_of("cat", 'c'), "ant 10.7.0.1/32 10.9.1.0/24\nbee 10.7.0.2/32 10.9.2.0/24 fd00::/64\n");
	fleet_node(&text, 'A', "dog", 1, 1, 'd', "10.7.0.4", "");
	test_text("a node without a hello is no peer", model_of("cat", 'c'),
		  "ant 10.7.0.1/32 10.9.1.0/24\nbee 10.7.0.2/32 10.9.2.0/24 fd00::/64\n[dog]\n");
}

static void check_prefixes(void)
{
	begin("mesh");
	add("ant", 1, ",\"prefixes\":[\"10.9.0.0/16\"]");
	add("bee", 2, ",\"prefixes\":[\"10.9.0.0/16\",\"10.9.2.0/24\",\"10.9.2.0/24\"]");
	add("cat", 3, ",\"prefixes\":[\"10.7.0.2/32\",\"0.0.0.0/0\"]");
	add("dog", 4, "");
	test_text("a prefix of two nodes is that of the first", model_of("dog", 'd'),
		  "ant 10.7.0.1/32 10.9.0.0/16\nbee 10.7.0.2/32 10.9.2.0/24\ncat 0.0.0.0/0 10.7.0.3/32\n"
		  "prefix 10.7.0.2/32 of node cat belongs to node bee\n"
		  "prefix 10.9.0.0/16 of node bee belongs to node ant\n");
	test_text("... also for the second", model_of("bee", 'b'),
		  "ant 10.7.0.1/32 10.9.0.0/16\ncat 0.0.0.0/0 10.7.0.3/32\ndog 10.7.0.4/32\n"
		  "prefix 10.7.0.2/32 of node cat belongs to node bee\n"
		  "prefix 10.9.0.0/16 of node bee belongs to node ant\n");
}

static void check_hub(void)
{
	begin("hub");
	add("ant", 1, ",\"hub\":true");
	add("bee", 2, "");
	add("cat", 3, ",\"prefixes\":[\"10.9.3.0/24\"]");
	add("dog", 4, ",\"hub\":true");
	test_text("a spoke has its hub, with all others behind it", model_of("bee", 'b'),
		  "ant 10.7.0.1/32 10.7.0.3/32 10.7.0.4/32 10.9.3.0/24\n");
	test_text("the first hub has all", model_of("ant", 'a'), "bee 10.7.0.2/32\ncat 10.7.0.3/32 10.9.3.0/24\ndog 10.7.0.4/32\n");
	test_text("another hub has the first one", model_of("dog", 'd'), "ant 10.7.0.1/32 10.7.0.2/32 10.7.0.3/32 10.9.3.0/24\n");
	begin("hub");
	add("ant", 1, "");
	add("bee", 2, "");
	test_text("a fleet without a hub", model_of("bee", 'b'), "prefix 10.7.0.1/32 of node ant has no path: the fleet has no hub\n");
	begin("hub");
	fleet_node(&text, 'A', "ant", 1, 1, 'a', "10.7.0.1", ",\"hub\":true");
	add("bee", 2, "");
	add("cat", 3, "");
	test_text("a hub without a hello", model_of("bee", 'b'),
		  "prefix 10.7.0.3/32 of node cat has no path: no tunnel key is known of hub ant\n[ant]\n");
}

static void check_groups(void)
{
	begin("groups");
	add("ant", 1, ",\"groups\":[\"east\"],\"hub\":true");
	add("bee", 2, ",\"groups\":[\"west\"],\"hub\":true");
	add("cat", 3, ",\"groups\":[\"east\"]");
	add("dog", 4, ",\"groups\":[\"east\",\"west\"]");
	add("eel", 5, ",\"groups\":[\"west\"]");
	add("fox", 6, "");
	test_text("groups: a spoke in one group", model_of("eel", 'e'),
		  "bee 10.7.0.1/32 10.7.0.2/32 10.7.0.3/32 10.7.0.6/32\ndog 10.7.0.4/32\n");
	test_text("groups: a spoke in two groups", model_of("dog", 'd'),
		  "ant 10.7.0.1/32 10.7.0.2/32 10.7.0.6/32\ncat 10.7.0.3/32\neel 10.7.0.5/32\n");
	test_text("groups: a spoke in none", model_of("fox", 'f'),
		  "ant 10.7.0.1/32 10.7.0.2/32 10.7.0.3/32 10.7.0.4/32 10.7.0.5/32\n");
	test_text("groups: a hub", model_of("bee", 'b'),
		  "ant 10.7.0.1/32 10.7.0.3/32 10.7.0.4/32 10.7.0.6/32\neel 10.7.0.5/32\n");
}

static void check_keys(void)
{
	struct weft_key key = fleet_tunnel('b'), next = fleet_tunnel('n'), seed = fleet_seed('n');
	char more[512], proof[256];

	begin("mesh");
	add("ant", 1, "");
	add("bee", 2, "");
	snprintf(more, sizeof(more), ",\"public_key\":\"%s\"", weft_key_encode(&key).chars);
	fleet_say(&text, 'A', "node", "{\"fleet\":\"prod\",\"node\":\"phone\",\"serial\":1,\"admitted\":1,\"addresses\":[\"10.7.0.9\"]%s}", more);
	test_text("a key of two nodes is that of the first", model_of("ant", 'a'),
		  "bee 10.7.0.2/32\nnode phone has a tunnel key of node bee: it does not get that key\n");
	test_text("the own key is no peer's", model_of("bee", 'b'),
		  "ant 10.7.0.1/32\nnode phone has the tunnel key of this node: it is no peer\n");
	begin("mesh");
	add("ant", 1, "");
	fleet_node(&text, 'A', "bee", 1, 1, 'b', "10.7.0.2", "");
	fleet_proof_text(proof, sizeof(proof), &seed, "bee");
	snprintf(more, sizeof(more), ",\"next_public_key\":\"%s\",\"next_proof\":%s", weft_key_encode(&next).chars, proof);
	fleet_hello(&text, 'b', "bee", 1, 1, 'b', more);
	test_text("an announced key is the peer's next one", model_of("ant", 'a'), "bee 10.7.0.2/32 >next\n");
	snprintf(more, sizeof(more), ",\"public_key\":\"%s\"", weft_key_encode(&next).chars);
	fleet_say(&text, 'A', "node", "{\"fleet\":\"prod\",\"node\":\"aphone\",\"serial\":1,\"admitted\":1,\"addresses\":[\"10.7.0.9\"]%s}", more);
	test_text("... also where the admin has pinned it at a member without weft", model_of("ant", 'a'),
		  "bee 10.7.0.2/32 >next\nnode aphone has a tunnel key of node bee: it does not get that key\n");
}

static void check_endpoints(void)
{
	begin("mesh");
	add("ant", 1, ",\"prefixes\":[\"10.9.0.0/16\",\"2001:db8:1::/48\",\"0.0.0.0/0\"]");
	fleet_node(&text, 'A', "bee", 1, 1, 'b', "10.7.0.2",
		   ",\"endpoints\":[\"bee.example:5\",\"10.9.3.3:5\",\"192.0.2.2:6\"]");
	fleet_hello(&text, 'b', "bee", 1, 1, 'b',
		    ",\"endpoints\":[\"192.0.2.3:7\",\"10.7.0.1:7\",\"[2001:db8:1::5]:7\",\"[2001:db8:2::5]:7\",\"evil.example:7\",\"10.7.0.200:7\"]");
	test_text("endpoints: the admin's first, none inside the tunnel, no name of a node's own", model_of("ant", 'a'),
		  "bee 10.7.0.2/32 @bee.example:5, 192.0.2.2:6, 192.0.2.3:7, [2001:db8:2::5]:7\n"
		  "endpoint 10.9.3.3:5 of node bee is inside the tunnel: it is left out\n"
		  "endpoint 10.7.0.1:7 of node bee is inside the tunnel: it is left out\n"
		  "endpoint [2001:db8:1::5]:7 of node bee is inside the tunnel: it is left out\n"
		  "endpoint evil.example:7 of node bee is not an address: only the admin names hosts\n"
		  "endpoint 10.7.0.200:7 of node bee is inside the tunnel: it is left out\n");
}

/* A node whose hello has more keys. */
static void add_saying(const char *node, unsigned int number, const char *more, const char *said)
{
	char address[32];

	snprintf(address, sizeof(address), "10.7.0.%u", number);
	fleet_node(&text, 'A', node, 1, 1, node[0], address, more);
	fleet_hello(&text, node[0], node, 1, 1, node[0], said);
}

#define SEEN(list)	",\"x-seen\":[" list "]"

static void check_seen(void)
{
	begin("mesh");
	add_saying("ant", 1, ",\"hub\":true", SEEN("\"bee=198.51.100.2:7\",\"cat=[2001:db8::3]:7\""));
	add_saying("bee", 2, "", ",\"endpoints\":[\"192.168.0.2:5\"]");
	add("cat", 3, "");
	test_text("seen: the last endpoint", model_of("cat", 'c'), "ant 10.7.0.1/32\nbee 10.7.0.2/32 @192.168.0.2:5, 198.51.100.2:7\n");
	test_text("seen: the only endpoint", model_of("bee", 'b'), "ant 10.7.0.1/32\ncat 10.7.0.3/32 @[2001:db8::3]:7\n");
	test_text("seen: not for the hub that sees it", model_of("ant", 'a'), "bee 10.7.0.2/32 @192.168.0.2:5\ncat 10.7.0.3/32\n");
	begin("mesh");
	add_saying("ant", 1, "", SEEN("\"bee=198.51.100.2:7\""));
	add("bee", 2, "");
	add("cat", 3, "");
	test_text("seen by a node that is no hub", model_of("cat", 'c'), "ant 10.7.0.1/32\nbee 10.7.0.2/32\n");
	begin("mesh");
	add_saying("ant", 1, ",\"hub\":true", SEEN("\"bee=198.51.100.2:7\""));
	add("bee", 2, "");
	add("cat", 3, "");
	take();
	fleet_terms(&text, 'A', 2, "A", ",\"revoked\":{\"ant\":1}");
	test_text("seen by a hub that is revoked", model_of("cat", 'c'), "bee 10.7.0.2/32\n");
	begin("mesh");
	add_saying("ant", 1, ",\"hub\":true", SEEN("\"bee=198.51.100.2:7\""));
	add_saying("bee", 2, ",\"hub\":true", SEEN("\"cat=198.51.100.3:7\",\"dog=198.51.100.4:7\""));
	add_saying("cat", 3, ",\"hub\":true", SEEN("\"dog=198.51.100.4:7\""));
	add_saying("dog", 4, "", ",\"endpoints\":[\"192.0.2.4:5\"]");
	add_saying("eel", 5, ",\"hub\":true", SEEN("\"dog=198.51.100.5:7\""));
	add("fox", 6, "");
	test_text("seen by several hubs: once each", model_of("fox", 'f'),
		  "ant 10.7.0.1/32\nbee 10.7.0.2/32 @198.51.100.2:7\ncat 10.7.0.3/32 @198.51.100.3:7\n"
		  "dog 10.7.0.4/32 @192.0.2.4:5, 198.51.100.4:7, 198.51.100.5:7\neel 10.7.0.5/32\n");
	begin("groups");
	add_saying("ant", 1, ",\"hub\":true,\"groups\":[\"east\"]", SEEN("\"bee=198.51.100.2:7\",\"cat=198.51.100.3:7\""));
	add("bee", 2, ",\"groups\":[\"east\"]");
	add("cat", 3, ",\"groups\":[\"east\"]");
	test_text("seen: in a group", model_of("cat", 'c'), "ant 10.7.0.1/32\nbee 10.7.0.2/32 @198.51.100.2:7\n");
}

/* Two private networks with the same addresses. */
static void check_same_network(void)
{
	begin("mesh");
	add_saying("ant", 1, ",\"hub\":true", SEEN("\"bee=192.168.0.3:5\""));
	add_saying("bee", 2, "", ",\"endpoints\":[\"192.168.0.2:5\",\"192.168.0.2:6\",\"203.0.113.2:5\"]");
	add_saying("cat", 3, ",\"endpoints\":[\"192.168.0.3:5\"]", ",\"endpoints\":[\"192.168.0.2:5\"]");
	test_text("an endpoint that is this node's own, too", model_of("cat", 'c'),
		  "ant 10.7.0.1/32\nbee 10.7.0.2/32 @192.168.0.2:6, 203.0.113.2:5\n");
	test_text("... and another node's", model_of("ant", 'a'),
		  "bee 10.7.0.2/32 @192.168.0.2:5, 192.168.0.2:6, 203.0.113.2:5\ncat 10.7.0.3/32 @192.168.0.3:5, 192.168.0.2:5\n");
	begin("mesh");
	add_saying("bee", 2, ",\"endpoints\":[\"192.168.0.2:5\"]", "");
	add_saying("cat", 3, "", ",\"endpoints\":[\"192.168.0.2:5\"]");
	test_text("... and one that the admin names", model_of("cat", 'c'), "bee 10.7.0.2/32 @192.168.0.2:5\n");
}

/* A hub that was taken over. */
static void check_lying_hub(void)
{
	begin("mesh");
	add_saying("ant", 1, ",\"hub\":true",
		   SEEN("\"ant=198.51.100.1:7\",\"bee=10.7.0.3:7\",\"cat=127.0.0.1:22\",\"dog=224.0.0.1:7\",\"eel=10.9.0.7:7\",\"fox=[::ffff:192.0.2.1]:7\",\"gnu=203.0.113.66:53\",\"zebra=203.0.113.66:53\""));
	add("bee", 2, "");
	add("cat", 3, "");
	add("dog", 4, "");
	add("eel", 5, ",\"prefixes\":[\"10.9.0.0/16\"]");
	add("fox", 6, "");
	add_saying("gnu", 7, "", ",\"endpoints\":[\"192.0.2.7:5\"]");
	test_text("a hub that lies: an address behind the node's own, and no more", model_of("cat", 'c'),
		  "ant 10.7.0.1/32\nbee 10.7.0.2/32\ndog 10.7.0.4/32\neel 10.7.0.5/32 10.9.0.0/16\nfox 10.7.0.6/32\n"
		  "gnu 10.7.0.7/32 @192.0.2.7:5, 203.0.113.66:53\n"
		  "hub ant tells of 4 endpoints of other nodes that are inside the tunnel, or not the address of a host: they are left out\n");
}

/* The kernel takes 16 candidates: the node's own come first. */
static void check_seen_most(void)
{
	char endpoints[512] = ",\"endpoints\":[";
	const char *got;
	size_t i;

	begin("mesh");
	add_saying("ant", 1, ",\"hub\":true", SEEN("\"bee=198.51.100.2:7\""));
	for (i = 0; i < 16; i++)
		snprintf(endpoints + strlen(endpoints), sizeof(endpoints) - strlen(endpoints), "%s\"192.0.2.%zu:5\"", i ? "," : "", i + 1);
	strcat(endpoints, "]");
	add_saying("bee", 2, "", endpoints);
	add("cat", 3, "");
	got = model_of("cat", 'c');
	test_ok(strstr(got, "192.0.2.15:5, 198.51.100.2:7\n") && !strstr(got, "192.0.2.16"), "seen: one place is for it");
	begin("mesh");
	add_saying("ant", 1, ",\"hub\":true", SEEN("\"bee=192.0.2.3:5\""));
	add_saying("bee", 2, "", endpoints);
	add("cat", 3, "");
	test_ok(strstr(model_of("cat", 'c'), "192.0.2.16:5\n"), "... but not if the node names it itself");
}

int main(void)
{
	if (sodium_init() < 0)
		test_bail("libsodium");
	check_none();
	check_mesh();
	check_prefixes();
	check_hub();
	check_groups();
	check_keys();
	check_endpoints();
	check_seen();
	check_same_network();
	check_lying_hub();
	check_seen_most();
	weft_fleet_free(fleet);
	fleet_clear(&text);
	return test_end();
}
