// SPDX-License-Identifier: GPL-2.0
/*
 * weft doctor without a tunnel: facts that are made up, one thing wrong in
 * each, and what the checks make of it; and firewalls that bar, or do not.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "profile.h"
#include "support.h"

#define NOW	1000000000

static const char conf[] =
	"[Interface]\nListenPort = 51820\nPrivateKey = " KEY_P "\n"
	"[Peer]\nPublicKey = " KEY_A "\nAllowedIPs = 10.9.0.1/32\nEndpoint = 192.0.2.1:51820\nName = hub\n"
	"[Peer]\nPublicKey = " KEY_B "\nAllowedIPs = 10.9.0.2/32\n";

/**
 * struct ward - an interface that nothing is wrong with, until something is
 * @facts: the facts
 * @first: the first reading
 * @last: the second
 * @a: the first peer's part, which has an endpoint
 * @b: the second peer's, which has none
 * @prefix: the first peer's allowed IP
 * @codes: what was found
 */
struct ward {
	struct weft_doctor_facts facts;
	struct weft_device *first;
	struct weft_device *last;
	struct weft_doctor_peer *a;
	struct weft_doctor_peer *b;
	struct weft_doctor_prefix prefix;
	char codes[256];
};

static struct weft_peer *ward_peer(struct weft_device *dev, int number)
{
	return number ? dev->peers->next : dev->peers;
}

static void ward_knows(struct weft_peer *peer, __u32 state)
{
	peer->known |= WEFT_VALUE_BIT(WEFT_PEER_A_STATE) |
		       WEFT_VALUE_BIT(WEFT_PEER_A_HANDSHAKES_SENT);
	peer->state = state;
	peer->rx_bytes = 92;
}

static void ward_open(struct ward *ward)
{
	static const struct weft_network_way out = {
		.asked = true, .found = true, .dev = "eth0", .mtu = 1500,
	};
	int i;

	memset(ward, 0, sizeof(*ward));
	ward->first = test_device("wft0", WEFT_KIND_WEFT, conf);
	ward->last = test_device("wft0", WEFT_KIND_WEFT, conf);
	ward->facts = (struct weft_doctor_facts){
		.first = ward->first, .last = ward->last, .now = NOW,
		.link = { .index = 1, .kind = WEFT_KIND_WEFT, .mtu = 1420, .up = true },
		.peer_count = 2,
		.peers = calloc(2, sizeof(*ward->facts.peers)),
	};
	ward->a = &ward->facts.peers[0];
	ward->b = &ward->facts.peers[1];
	for (i = 0; i < 2; i++) {
		ward_knows(ward_peer(ward->first, i), WEFT_PEER_STATE_UP);
		ward_knows(ward_peer(ward->last, i), WEFT_PEER_STATE_UP);
		ward->facts.peers[i].first = ward_peer(ward->first, i);
		ward->facts.peers[i].last = ward_peer(ward->last, i);
	}
	ward->a->way = out;
	ward->prefix.ip = ward->last->peers->allowedips;
	ward->prefix.way = out;
	strcpy(ward->prefix.way.dev, "wft0");
	ward->a->prefixes = &ward->prefix;
	ward->a->prefix_count = 1;
}

static void ward_close(struct ward *ward)
{
	weft_model_device_free(ward->first);
	weft_model_device_free(ward->last);
	free(ward->facts.peers);
}

static void ward_find(struct weft_doctor_report *report,
		      const struct weft_doctor_check *check,
		      const struct weft_doctor_facts *facts,
		      const struct weft_doctor_peer *peer, const char *what,
		      const char *mend)
{
	struct ward *ward = report->data;
	size_t len = strlen(ward->codes);

	(void)facts;
	snprintf(ward->codes + len, sizeof(ward->codes) - len, "%s%s%s",
		 len ? " " : "", check->code, !peer ? "" :
		 peer == ward->a ? ":a" : ":b");
	if (!*what || !*mend)
		strcat(ward->codes, "(mute)");
}

/* Peer a is being called, and does not answer. */
static void mute_a(struct ward *ward)
{
	ward->first->peers->state = WEFT_PEER_STATE_IDLE;
	ward->last->peers->state = WEFT_PEER_STATE_HANDSHAKING;
	ward->last->peers->handshakes_sent = 2;
	ward->last->peers->tx_bytes = 296;
}

static void no_key(struct ward *ward)
{
	mute_a(ward);
	ward->last->has &= ~WEFT_DEVICE_HAS_PRIVATE_KEY;
}

static void down(struct ward *ward)
{
	mute_a(ward);
	ward->facts.link.up = false;
	ward->prefix.way.found = false;
}

static void no_peers(struct ward *ward)
{
	ward->facts.peer_count = 0;
}

static void barred_in(struct ward *ward)
{
	mute_a(ward);
	ward->facts.barred_in = "a rule";
}

static void barred_out(struct ward *ward)
{
	mute_a(ward);
	ward->a->probe = WEFT_PROBE_BARRED;
	ward->facts.barred_out = "a rule";
}

static void barred(struct ward *ward)
{
	mute_a(ward);
	ward->a->probe = WEFT_PROBE_BARRED;
}

static void another_key(struct ward *ward)
{
	ward->last->drops[WEFT_DROPS_A_MAC] = 1;
}

static void unknown_peer(struct ward *ward)
{
	ward->last->drops[WEFT_DROPS_A_UNKNOWN_PEER] = 1;
}

/* What was once does not count when all is well now. */
static void long_ago(struct ward *ward)
{
	int i;

	for (i = 1; i <= WEFT_DROPS_A_MAX; i++) {
		ward->first->drops[i] = 7;
		ward->last->drops[i] = 7;
		if (i == WEFT_DROPS_A_NO_ENDPOINT)
			continue;
		ward->first->peers->drops[i] = 7;
		ward->last->peers->drops[i] = 7;
	}
}

static void forwarding(struct ward *ward)
{
	ward->facts.grew.not_forwarded4 = 3;
}

static void forwarding6(struct ward *ward)
{
	ward->facts.forwarding4 = true;
	ward->facts.grew.not_forwarded4 = 3;
	ward->facts.grew.not_forwarded6 = 3;
}

static void forwarding_on(struct ward *ward)
{
	ward->facts.grew.not_forwarded4 = 3;
	ward->facts.forwarding4 = true;
	ward->facts.forwarding6 = true;
}

static void nobody(struct ward *ward)
{
	int i;

	for (i = 0; i < 2; i++) {
		ward_peer(ward->last, i)->rx_bytes = 0;
		ward_peer(ward->last, i)->endpoint.any.sa_family = AF_UNSPEC;
		ward_peer(ward->last, i)->state = WEFT_PEER_STATE_IDLE;
	}
}

static void unresolved(struct ward *ward)
{
	mute_a(ward);
	ward->a->unresolved = "hub.example:51820";
}

static void no_endpoint(struct ward *ward)
{
	ward_peer(ward->last, 1)->drops[WEFT_DROPS_A_NO_ENDPOINT] = 2;
}

static void no_way(struct ward *ward)
{
	mute_a(ward);
	ward->a->way.found = false;
	ward->a->probe = WEFT_PROBE_UNREACHABLE;
}

static void loop(struct ward *ward)
{
	mute_a(ward);
	strcpy(ward->a->way.dev, "wft0");
}

static void refused(struct ward *ward)
{
	mute_a(ward);
	ward->a->probe = WEFT_PROBE_REFUSED;
}

/* Something else said so: the peer is there. */
static void refused_and_up(struct ward *ward)
{
	ward->a->probe = WEFT_PROBE_REFUSED;
}

static void unreachable(struct ward *ward)
{
	mute_a(ward);
	ward->a->probe = WEFT_PROBE_UNREACHABLE;
}

static void preshared(struct ward *ward)
{
	mute_a(ward);
	ward->last->peers->drops[WEFT_DROPS_A_PRESHARED] = 2;
}

static void wrong_key(struct ward *ward)
{
	mute_a(ward);
	ward->last->peers->drops[WEFT_DROPS_A_HANDSHAKE] = 2;
}

static void two(struct ward *ward)
{
	ward->a->returns = 2;
	ward->last->peers->drops[WEFT_DROPS_A_TIMESTAMP] = 2;
}

static void moved(struct ward *ward)
{
	ward->a->returns = 1;
}

static void clock_back(struct ward *ward)
{
	ward->last->peers->drops[WEFT_DROPS_A_TIMESTAMP] = 2;
}

static void unconfirmed(struct ward *ward)
{
	mute_a(ward);
	ward->last->peers->handshakes_received = 3;
}

static void rp_filter_outer(struct ward *ward)
{
	mute_a(ward);
	ward->a->outer_strict = true;
	ward->facts.grew.rp_filtered = 1;
	ward->a->unmarked = ward->a->way;
	strcpy(ward->a->unmarked.dev, "wft0");
}

static void rp_filter(struct ward *ward)
{
	ward->facts.strict = true;
	ward->facts.grew.rp_filtered = 1;
	strcpy(ward->prefix.way.dev, "eth0");
}

static void no_route(struct ward *ward)
{
	ward->prefix.way.found = false;
}

static void shadowed(struct ward *ward)
{
	strcpy(ward->prefix.way.dev, "eth0");
}

static void nested(struct ward *ward)
{
	ward->last->peers->allowedips->cidr = 16;
	weft_model_allowedip_mask(ward->last->peers->allowedips);
}

static void overlap(struct ward *ward)
{
	ward_peer(ward->last, 1)->state = WEFT_PEER_STATE_IDLE;
	ward->last->peers->allowedips->cidr = 16;
	weft_model_allowedip_mask(ward->last->peers->allowedips);
}

static void default_route(struct ward *ward)
{
	ward_peer(ward->last, 1)->state = WEFT_PEER_STATE_IDLE;
	ward->last->peers->allowedips->cidr = 0;
	weft_model_allowedip_mask(ward->last->peers->allowedips);
}

static void mtu(struct ward *ward)
{
	ward->a->way.mtu = 1479;
}

static void mtu_told(struct ward *ward)
{
	ward->a->way.mtu = 1479;
	ward->facts.pmtu = true;
}

static void mtu_fits(struct ward *ward)
{
	ward->a->way.mtu = 1480;
}

static void unknown_there(struct ward *ward)
{
	mute_a(ward);
	ward_peer(ward->last, 1)->endpoint = ward->last->peers->endpoint;
	ward_peer(ward->last, 1)->endpoint.ip4.sin_port = htons(7);
}

static void nothing(struct ward *ward)
{
	(void)ward;
}

static const struct {
	const char *name;
	void (*harm)(struct ward *ward);
	const char *codes;
	int worst;
} cases[] = {
	{ "all is well", nothing, "", 0 },
	{ "all is well again", long_ago, "", 0 },
	{ "no private key", no_key, "no-private-key", 2 },
	{ "down", down, "down", 2 },
	{ "no peers", no_peers, "no-peers", 1 },
	{ "barred inwards", barred_in, "barred-in", 2 },
	{ "barred outwards", barred_out, "barred-out", 2 },
	{ "barred by the destination", barred, "barred:a", 2 },
	{ "called by another key", another_key, "another-key", 2 },
	{ "called by nobody's key", unknown_peer, "unknown-peer", 2 },
	{ "forwarding is off", forwarding, "forwarding-off", 2 },
	{ "forwarding of IPv6 is off", forwarding6, "forwarding-off", 2 },
	{ "forwarding is on", forwarding_on, "", 0 },
	{ "nobody calls", nobody, "nobody-calls", 1 },
	{ "a name for nothing", unresolved, "unresolved:a", 2 },
	{ "no endpoint", no_endpoint, "no-endpoint:b", 2 },
	{ "no way", no_way, "no-way:a", 2 },
	{ "a way in a circle", loop, "loop:a", 2 },
	{ "refused", refused, "refused:a", 2 },
	{ "refused, and up", refused_and_up, "", 0 },
	{ "preshared keys that differ", preshared, "preshared:a", 2 },
	{ "answers that do not open", wrong_key, "wrong-key:a", 2 },
	{ "two of one key", two, "same-key:a", 2 },
	{ "one that has moved", moved, "", 0 },
	{ "a clock that went back", clock_back, "clock:a", 2 },
	{ "answers that nobody heeds", unconfirmed, "unconfirmed:a", 2 },
	{ "a filter outside", rp_filter_outer, "rp-filter:a", 2 },
	{ "a filter inside", rp_filter, "rp-filter:a", 2 },
	{ "no machine", unreachable, "unreachable:a", 2 },
	{ "unknown there", unknown_there, "unknown-there:a", 2 },
	{ "unanswered", mute_a, "unanswered:a", 2 },
	{ "no route", no_route, "no-route:a", 1 },
	{ "a route past it", shadowed, "shadowed:a", 1 },
	{ "an overlap", overlap, "overlap:a", 1 },
	{ "a hub beside a direct peer", nested, "", 0 },
	{ "everything else", default_route, "", 0 },
	{ "an MTU too large", mtu, "mtu:a", 1 },
	{ "an MTU too large that is told of", mtu_told, "", 0 },
	{ "an MTU that just fits", mtu_fits, "", 0 },
};

static void test_checks(void)
{
	struct weft_doctor_report report;
	struct ward ward;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ward_open(&ward);
		cases[i].harm(&ward);
		report = (struct weft_doctor_report){
			.find = ward_find, .data = &ward,
		};
		test_ok(weft_doctor_look(&ward.facts, &report) &&
			report.worst == cases[i].worst, cases[i].name);
		test_text("  is found", ward.codes, cases[i].codes);
		ward_close(&ward);
	}
}

/* A file gives both peers one prefix. */
static void test_file(void)
{
	struct weft_profile profile = { };
	struct weft_doctor_report report;
	struct ward ward;

	ward_open(&ward);
	profile.dev = test_device("wft0", WEFT_KIND_WEFT,
				  "[Peer]\nPublicKey = " KEY_A "\nAllowedIPs = 10.9.0.1/32, 10.9.0.2/32\n");
	ward.facts.profile = &profile;
	report = (struct weft_doctor_report){ .find = ward_find, .data = &ward };
	weft_doctor_look(&ward.facts, &report);
	test_text("a prefix that the file gives away twice", ward.codes,
		  "prefix-lost:a");
	weft_model_device_free(profile.dev);
	ward_close(&ward);
}

#define CHAIN(hook, policy)						\
	"{\"chain\":{\"family\":\"inet\",\"table\":\"t\",\"name\":\"c\",\"type\":\"filter\"," \
	"\"hook\":\"" hook "\",\"prio\":0,\"policy\":\"" policy "\"}}"
#define RULE(chain, expr)						\
	",{\"rule\":{\"family\":\"inet\",\"table\":\"t\",\"chain\":\"" chain "\",\"expr\":[" expr "]}}"
#define PORT(field, right)						\
	"{\"match\":{\"op\":\"==\",\"left\":{\"payload\":{\"protocol\":\"udp\",\"field\":\"" field "\"}}," \
	"\"right\":" right "}},"
#define META(key, right)						\
	"{\"match\":{\"op\":\"==\",\"left\":{\"meta\":{\"key\":\"" key "\"}},\"right\":\"" right "\"}},"
#define DROP	"{\"counter\":{\"packets\":0,\"bytes\":0}},{\"drop\":null}"
#define ACCEPT	"{\"accept\":null}"

static const struct {
	const char *name;
	const char *rules;
	bool in;
	bool out;
} firewalls[] = {
	{ "no rules", CHAIN("input", "accept"), false, false },
	{ "a policy", CHAIN("input", "drop"), true, false },
	{ "a policy for what leaves", CHAIN("output", "drop"), false, true },
	{ "a policy for what passes", CHAIN("forward", "drop"), false, false },
	{ "the port", CHAIN("input", "accept") RULE("c", PORT("dport", "51820") DROP), true, false },
	{ "another port", CHAIN("input", "accept") RULE("c", PORT("dport", "51821") DROP), false, false },
	{ "the port as a source", CHAIN("output", "accept") RULE("c", PORT("sport", "51820") DROP), false, true },
	{ "a range", CHAIN("input", "accept")
	  RULE("c", PORT("dport", "{\"range\":[50000,60000]}") DROP), true, false },
	{ "a set", CHAIN("input", "accept")
	  RULE("c", PORT("dport", "{\"set\":[53,{\"range\":[51819,51820]}]}") DROP), true, false },
	{ "a set without it", CHAIN("input", "accept")
	  RULE("c", PORT("dport", "{\"set\":[53,{\"range\":[1,2]}]}") DROP), false, false },
	{ "a set by name", CHAIN("input", "accept") RULE("c", PORT("dport", "\"@s\"") DROP), false, false },
	{ "all of UDP", CHAIN("input", "accept") RULE("c", META("l4proto", "udp") DROP), true, false },
	{ "all of TCP", CHAIN("input", "accept") RULE("c", META("l4proto", "tcp") DROP), false, false },
	{ "one interface", CHAIN("input", "accept")
	  RULE("c", META("iifname", "eth9") PORT("dport", "51820") DROP), false, false },
	{ "accepted before", CHAIN("input", "drop") RULE("c", PORT("dport", "51820") ACCEPT), false, false },
	{ "perhaps accepted before", CHAIN("input", "drop") RULE("c", META("iifname", "eth9") ACCEPT), false, false },
	{ "another accepted before", CHAIN("input", "drop") RULE("c", PORT("dport", "22") ACCEPT), true, false },
	{ "in a chain that is called", CHAIN("input", "accept")
	  RULE("c", PORT("dport", "51820") "{\"jump\":{\"target\":\"d\"}}") RULE("d", DROP), true, false },
	{ "a chain that calls itself", CHAIN("input", "accept")
	  RULE("c", "{\"jump\":{\"target\":\"c\"}}"), false, false },
	{ "no JSON", "nonsense", false, false },
};

static const struct {
	const char *name;
	const char *text;
	bool in;
	bool out;
} tables[] = {
	{ "nothing", "", false, false },
	{ "a policy", "*filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n", true, false },
	{ "another table's policy", "*mangle\n:INPUT DROP [0:0]\nCOMMIT\n", false, false },
	{ "the port", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p udp -m udp --dport 51820 -j DROP\n", true, false },
	{ "another port", "*filter\n-A INPUT -p udp -m udp --dport 5 -j DROP\n", false, false },
	{ "what leaves", "*filter\n-A OUTPUT -p udp -m udp --sport 51820 -j REJECT --reject-with x\n", false, true },
	{ "TCP", "*filter\n-A INPUT -p tcp -j DROP\n", false, false },
	{ "everything", "*filter\n-A INPUT -j DROP\n", true, false },
	{ "one interface", "*filter\n-A INPUT -i eth9 -j DROP\n", false, false },
	{ "accepted before", "*filter\n:INPUT DROP [0:0]\n-A INPUT -p udp -m udp --dport 51820 -j ACCEPT\n",
	  false, false },
	{ "a remark", "*filter\n-A INPUT -p udp -m udp --dport 51820 -m comment --comment no -j DROP\n",
	  true, false },
};

static void test_bars(const char *kind, const char *name, char *culprit,
		      bool want, const char *way)
{
	char title[128];

	snprintf(title, sizeof(title), "%s, %s, %s", kind, name, way);
	test_ok(!!culprit == want, title);
	free(culprit);
}

static void test_firewalls(void)
{
	char json[4096];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(firewalls); i++) {
		snprintf(json, sizeof(json), "{\"nftables\":[%s]}",
			 firewalls[i].rules);
		test_bars("nft", firewalls[i].name,
			  weft_doctor_nft_bars(json, 51820, false),
			  firewalls[i].in, "in");
		test_bars("nft", firewalls[i].name,
			  weft_doctor_nft_bars(json, 51820, true),
			  firewalls[i].out, "out");
	}
	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		test_bars("iptables", tables[i].name,
			  weft_doctor_iptables_bars(tables[i].text, 51820, false),
			  tables[i].in, "in");
		test_bars("iptables", tables[i].name,
			  weft_doctor_iptables_bars(tables[i].text, 51820, true),
			  tables[i].out, "out");
	}
}

int main(void)
{
	test_checks();
	test_file();
	test_firewalls();
	return test_end();
}
