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
	weft_fleet_free(fleet);
	fleet_clear(&text);
	return test_end();
}
