// SPDX-License-Identifier: GPL-2.0
/*
 * The checks of weft doctor without a tunnel: made-up facts, one fault in each, and the findings;
 * and the effect of firewalls.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/profile.h"
#include "doctor/doctor.h"
#include "model/attr.h"
#include "support.h"

#define NOW	1000000000

static const char conf[] =
	"[Interface]\nListenPort = 51820\nPrivateKey = " KEY_P "\n"
	"[Peer]\nPublicKey = " KEY_A "\nAllowedIPs = 10.9.0.1/32\nEndpoint = 192.0.2.1:51820\nName = hub\n"
	"[Peer]\nPublicKey = " KEY_B "\nAllowedIPs = 10.9.0.2/32\n";

/**
 * struct sample - an interface without faults, to which a case adds one
 * @facts: the facts
 * @first: the first reading
 * @last: the second
 * @a: the facts of the first peer, which has an endpoint
 * @b: the facts of the second peer, which has none
 * @prefix: the first peer's allowed IP
 * @codes: the findings' codes
 * @mend: the remedy of the last finding
 */
struct sample {
	struct weft_doctor_facts facts;
	struct weft_device *first;
	struct weft_device *last;
	struct weft_doctor_peer *a;
	struct weft_doctor_peer *b;
	struct weft_doctor_prefix prefix;
	char codes[256];
	char mend[256];
};

static struct weft_peer *sample_peer(struct weft_device *dev, int number)
{
	return number ? dev->peers->next : dev->peers;
}

static void sample_knows(struct weft_peer *peer, __u32 state)
{
	peer->known |= WEFT_ATTR_BIT(WEFT_PEER_A_STATE) |
		       WEFT_ATTR_BIT(WEFT_PEER_A_HANDSHAKES_SENT);
	peer->state = state;
	peer->rx_bytes = 92;
}

static void sample_open(struct sample *sample)
{
	static const struct weft_host_way out = {
		.asked = true, .found = true, .dev = "eth0", .mtu = 1500,
	};
	int i;

	memset(sample, 0, sizeof(*sample));
	sample->first = test_device("wft0", WEFT_KIND_WEFT, conf);
	sample->last = test_device("wft0", WEFT_KIND_WEFT, conf);
	sample->facts = (struct weft_doctor_facts){
		.first = sample->first, .last = sample->last, .now = NOW,
		.link = { .index = 1, .kind = WEFT_KIND_WEFT, .mtu = 1420, .up = true },
		.peer_count = 2,
		.peers = calloc(2, sizeof(*sample->facts.peers)),
	};
	sample->a = &sample->facts.peers[0];
	sample->b = &sample->facts.peers[1];
	for (i = 0; i < 2; i++) {
		sample_knows(sample_peer(sample->first, i), WEFT_PEER_STATE_UP);
		sample_knows(sample_peer(sample->last, i), WEFT_PEER_STATE_UP);
		sample->facts.peers[i].first = sample_peer(sample->first, i);
		sample->facts.peers[i].last = sample_peer(sample->last, i);
	}
	sample->a->way = out;
	sample->facts.walls[0].used = true;
	sample->prefix.ip = sample->last->peers->allowedips;
	sample->prefix.way = out;
	strcpy(sample->prefix.way.dev, "wft0");
	sample->a->prefixes = &sample->prefix;
	sample->a->prefix_count = 1;
}

static void sample_close(struct sample *sample)
{
	weft_model_device_free(sample->first);
	weft_model_device_free(sample->last);
	free(sample->facts.peers);
}

static void sample_find(struct weft_doctor_report *report,
			const struct weft_doctor_result *result)
{
	struct sample *sample = report->data;
	size_t len = strlen(sample->codes);

	snprintf(sample->codes + len, sizeof(sample->codes) - len, "%s%s%s",
		 len ? " " : "", result->code, !result->peer ? "" :
		 result->peer == sample->a ? ":a" : ":b");
	snprintf(sample->mend, sizeof(sample->mend), "%s", result->mend);
	if (!*result->what || !*result->mend || !result->name)
		strcat(sample->codes, "(mute)");
}

/* Peer @i has no session, before and after. */
static void idle(struct sample *sample, unsigned int i)
{
	sample_peer(sample->first, i)->state = WEFT_PEER_STATE_IDLE;
	sample_peer(sample->last, i)->state = WEFT_PEER_STATE_IDLE;
}

/* Peer a does not answer handshakes. */
static void mute_a(struct sample *sample)
{
	sample->first->peers->state = WEFT_PEER_STATE_IDLE;
	sample->last->peers->state = WEFT_PEER_STATE_HANDSHAKING;
	sample->last->peers->handshakes_sent = 2;
	sample->last->peers->tx_bytes = 296;
}

static void no_key(struct sample *sample)
{
	mute_a(sample);
	sample->last->has &= ~WEFT_DEVICE_HAS_PRIVATE_KEY;
}

static void down(struct sample *sample)
{
	mute_a(sample);
	sample->facts.link.up = false;
	sample->prefix.way.found = false;
}

static void no_peers(struct sample *sample)
{
	sample->facts.peer_count = 0;
}

static const struct weft_bar a_rule = {
	.bars = WEFT_BARS, .culprit = "a rule", .mend = "another rule",
};

static const struct weft_bar a_doubt = {
	.bars = WEFT_BARS_UNLESS, .culprit = "a rule",
};

static void barred_in(struct sample *sample)
{
	mute_a(sample);
	sample->facts.walls[0].in = a_rule;
	sample->facts.walls[0].fresh = a_rule;
	sample->a->in = a_rule;
}

/* Rules of an unused address family have no effect. */
static void barred_unused(struct sample *sample)
{
	sample->facts.walls[1].in = a_rule;
	sample->facts.walls[1].out = a_rule;
	sample->facts.walls[1].fresh = a_rule;
}

static void barred_in6(struct sample *sample)
{
	mute_a(sample);
	barred_unused(sample);
	sample->facts.walls[1].used = true;
	sample->facts.walls[1].out.bars = WEFT_BARS_NOT;
}

static void barred_out(struct sample *sample)
{
	mute_a(sample);
	sample->a->out = a_rule;
	sample->facts.walls[0].out = a_rule;
}

static void barred(struct sample *sample)
{
	mute_a(sample);
	sample->a->out = a_rule;
}

static void barred_one(struct sample *sample)
{
	mute_a(sample);
	sample->a->in = a_rule;
}

static void perhaps_barred(struct sample *sample)
{
	mute_a(sample);
	sample->a->in = a_doubt;
}

static void perhaps_and_up(struct sample *sample)
{
	sample->a->in = a_doubt;
	sample->a->out = a_doubt;
}

/* The most common firewall: it accepts replies, and drops new flows. */
static void answers_alone(struct sample *sample)
{
	sample->facts.walls[0].fresh = a_rule;
}

static void answers_alone_to_caller(struct sample *sample)
{
	answers_alone(sample);
	idle(sample, 1);
}

static void answers_alone_for_now(struct sample *sample)
{
	answers_alone(sample);
	sample->b->calls = true;
}

/* A rule of unknown effect may accept new flows. */
static void answers_perhaps_alone(struct sample *sample)
{
	sample->facts.walls[0].fresh = a_doubt;
}

static void answers_perhaps_alone_to_caller(struct sample *sample)
{
	answers_perhaps_alone(sample);
	idle(sample, 1);
}

/* The less restricted family counts. */
static void answers_perhaps_alone_in_one_family(struct sample *sample)
{
	answers_perhaps_alone_to_caller(sample);
	sample->facts.walls[1].used = true;
	sample->facts.walls[1].fresh = a_rule;
}

static void answers_perhaps_alone_in_another(struct sample *sample)
{
	answers_perhaps_alone_to_caller(sample);
	sample->facts.walls[1].used = true;
}

static void answers_alone_in_one_family(struct sample *sample)
{
	answers_alone_to_caller(sample);
	sample->facts.walls[1].used = true;
}


static void unread(struct sample *sample)
{
	sample->facts.unread = "nft: exit status 1";
}

static void another_key(struct sample *sample)
{
	sample->last->drops[WEFT_DROPS_A_MAC] = 1;
}

static void unknown_peer(struct sample *sample)
{
	sample->last->drops[WEFT_DROPS_A_UNKNOWN_PEER] = 1;
}

/* Drops from before the watch do not count. */
static void long_ago(struct sample *sample)
{
	int i;

	for (i = 1; i <= WEFT_DROPS_A_MAX; i++) {
		sample->first->drops[i] = 7;
		sample->last->drops[i] = 7;
		if (i == WEFT_DROPS_A_NO_ENDPOINT)
			continue;
		sample->first->peers->drops[i] = 7;
		sample->last->peers->drops[i] = 7;
	}
}

static void forwarding(struct sample *sample)
{
	sample->facts.grew.not_forwarded4 = 3;
}

static void forwarding6(struct sample *sample)
{
	sample->facts.forwarding4 = true;
	sample->facts.grew.not_forwarded4 = 3;
	sample->facts.grew.not_forwarded6 = 3;
}

static void forwarding_on(struct sample *sample)
{
	sample->facts.grew.not_forwarded4 = 3;
	sample->facts.forwarding4 = true;
	sample->facts.forwarding6 = true;
}

static void no_handshakes(struct sample *sample)
{
	int i;

	for (i = 0; i < 2; i++) {
		sample_peer(sample->last, i)->rx_bytes = 0;
		sample_peer(sample->last, i)->endpoint.any.sa_family = AF_UNSPEC;
		idle(sample, i);
	}
}

static void no_endpoint_and_answers_alone(struct sample *sample)
{
	no_handshakes(sample);
	answers_alone(sample);
}

static void unresolved(struct sample *sample)
{
	mute_a(sample);
	sample->a->unresolved = "hub.example:51820";
}

static void no_endpoint(struct sample *sample)
{
	sample_peer(sample->last, 1)->drops[WEFT_DROPS_A_NO_ENDPOINT] = 2;
}

static void no_way(struct sample *sample)
{
	mute_a(sample);
	sample->a->way.found = false;
	sample->a->probe = WEFT_PROBE_UNREACHABLE;
}

static void loop(struct sample *sample)
{
	mute_a(sample);
	strcpy(sample->a->way.dev, "wft0");
}

static void refused(struct sample *sample)
{
	mute_a(sample);
	sample->a->probe = WEFT_PROBE_REFUSED;
}

/* Another service sent the error: the peer has a session. */
static void refused_and_up(struct sample *sample)
{
	sample->a->probe = WEFT_PROBE_REFUSED;
}

static void unreachable(struct sample *sample)
{
	mute_a(sample);
	sample->a->probe = WEFT_PROBE_UNREACHABLE;
}

static void preshared(struct sample *sample)
{
	mute_a(sample);
	sample->last->peers->drops[WEFT_DROPS_A_PRESHARED] = 2;
}

static void wrong_key(struct sample *sample)
{
	mute_a(sample);
	sample->last->peers->drops[WEFT_DROPS_A_HANDSHAKE] = 2;
}

static void two_hosts(struct sample *sample)
{
	sample->a->returns = 2;
	sample->last->peers->drops[WEFT_DROPS_A_TIMESTAMP] = 2;
}

static void moved(struct sample *sample)
{
	sample->a->returns = 1;
}

static void clock_back(struct sample *sample)
{
	sample->last->peers->drops[WEFT_DROPS_A_TIMESTAMP] = 2;
}

static void unconfirmed(struct sample *sample)
{
	mute_a(sample);
	sample->last->peers->handshakes_received = 3;
}

static void rp_filter_outer(struct sample *sample)
{
	mute_a(sample);
	sample->a->outer_strict = true;
	sample->a->unmarked = sample->a->way;
	strcpy(sample->a->unmarked.dev, "wft0");
}

/* The firewall's rule is found without a dropped packet. */
static void rp_filter_rule(struct sample *sample)
{
	mute_a(sample);
	sample->a->in = a_rule;
	sample->a->in.reverse = true;
}

/* A silent session before the next handshake. */
static void silent(struct sample *sample)
{
	sample->last->peers->state = WEFT_PEER_STATE_SILENT;
}

/* With initiations for another key, which are from before. */
static void session_ends(struct sample *sample)
{
	sample->first->peers->state = WEFT_PEER_STATE_UP;
	sample->last->peers->state = WEFT_PEER_STATE_IDLE;
	sample->first->drops[WEFT_DROPS_A_MAC] = 5;
	sample->last->drops[WEFT_DROPS_A_MAC] = 5;
}

static void given_up(struct sample *sample)
{
	sample->last->peers->state = WEFT_PEER_STATE_GIVEN_UP;
}

static void heard(struct sample *sample)
{
	silent(sample);
	sample->last->peers->rx_bytes += 92;
}

static void rp_filter(struct sample *sample)
{
	sample->facts.strict = true;
	sample->facts.grew.rp_filtered = 1;
	strcpy(sample->prefix.way.dev, "eth0");
}

static void no_route(struct sample *sample)
{
	sample->prefix.way.found = false;
}

static void shadowed(struct sample *sample)
{
	strcpy(sample->prefix.way.dev, "eth0");
}

static void nested(struct sample *sample)
{
	sample->last->peers->allowedips->cidr = 16;
	weft_model_allowedip_mask(sample->last->peers->allowedips);
}

static void overlap(struct sample *sample)
{
	idle(sample, 1);
	sample->last->peers->allowedips->cidr = 16;
	weft_model_allowedip_mask(sample->last->peers->allowedips);
}

static void default_route(struct sample *sample)
{
	idle(sample, 1);
	sample->last->peers->allowedips->cidr = 0;
	weft_model_allowedip_mask(sample->last->peers->allowedips);
}

static void mtu(struct sample *sample)
{
	sample->a->way.mtu = 1479;
}

static void mtu_searched(struct sample *sample)
{
	sample->a->way.mtu = 1479;
	sample->facts.pmtu = true;
}

static void mtu_fits(struct sample *sample)
{
	sample->a->way.mtu = 1480;
}

static void unknown_there(struct sample *sample)
{
	mute_a(sample);
	sample_peer(sample->last, 1)->endpoint = sample->last->peers->endpoint;
	sample_peer(sample->last, 1)->endpoint.ip4.sin_port = htons(7);
}

static void answers_alone_and_one_silent(struct sample *sample)
{
	answers_alone_for_now(sample);
	mute_a(sample);
}

/* The first peer is up, and the second has the same address. */
static void unknown_there_of_first(struct sample *sample)
{
	struct weft_peer *b = sample_peer(sample->last, 1);

	b->endpoint = sample->last->peers->endpoint;
	b->endpoint.ip4.sin_port = htons(7);
	b->state = WEFT_PEER_STATE_HANDSHAKING;
	b->handshakes_sent = 2;
}

static void no_way_into_itself(struct sample *sample)
{
	no_way(sample);
	strcpy(sample->a->way.dev, "wft0");
}

static void unreachable_loop(struct sample *sample)
{
	loop(sample);
	sample->a->probe = WEFT_PROBE_UNREACHABLE;
}

/* A link that is down is reported instead of its routes. */
static void no_route_and_down(struct sample *sample)
{
	no_route(sample);
	sample->facts.link.up = false;
}

static void rp_filter_nowhere(struct sample *sample)
{
	rp_filter(sample);
	sample->prefix.way.found = false;
}

static void rp_filter_loose(struct sample *sample)
{
	rp_filter(sample);
	sample->facts.strict = false;
}

static void rp_filter_idle(struct sample *sample)
{
	rp_filter(sample);
	sample->facts.grew.rp_filtered = 0;
}

static void mtu6(struct sample *sample)
{
	sample->last->peers->endpoint.any.sa_family = AF_INET6;
	sample->a->way.mtu = 1499;
}

static void mtu6_fits(struct sample *sample)
{
	mtu6(sample);
	sample->a->way.mtu = 1500;
}

static void mtu_of_nothing(struct sample *sample)
{
	sample->a->way.mtu = 60;
}

static void unconfirmed_once(struct sample *sample)
{
	mute_a(sample);
	sample->last->peers->handshakes_received = 1;
}

static void unconfirmed_confirmed(struct sample *sample)
{
	mute_a(sample);
	sample->last->peers->handshakes_received = 3;
	sample->last->peers->handshakes_completed = 3;
}

static void nothing(struct sample *sample)
{
	(void)sample;
}

static const struct {
	const char *name;
	void (*harm)(struct sample *sample);
	const char *codes;
	int worst;
} cases[] = {
	{ "all is well", nothing, "", 0 },
	{ "drops before the watch, and all is well", long_ago, "", 0 },
	{ "no private key", no_key, "no-private-key", 2 },
	{ "down", down, "down", 2 },
	{ "no peers", no_peers, "no-peers", 1 },
	{ "barred inwards", barred_in, "barred-in", 2 },
	{ "barred outwards", barred_out, "barred-out", 2 },
	{ "barred by the destination", barred, "barred:a", 2 },
	{ "barred inwards in IPv6", barred_in6, "barred-in", 2 },
	{ "barred in a family without peers", barred_unused, "", 0 },
	{ "barred from one peer", barred_one, "barred-in:a", 2 },
	{ "perhaps barred", perhaps_barred, "perhaps-barred:a unanswered:a", 2 },
	{ "perhaps barred, and up", perhaps_and_up, "", 0 },
	{ "answers alone", answers_alone, "", 0 },
	{ "answers alone, and a peer without a session", answers_alone_to_caller, "barred-new", 2 },
	{ "answers perhaps alone", answers_perhaps_alone, "", 0 },
	{ "answers perhaps alone, and a peer without a session", answers_perhaps_alone_to_caller, "perhaps-barred", 1 },
	{ "answers perhaps alone, and alone in the other family", answers_perhaps_alone_in_one_family,
	  "perhaps-barred", 1 },
	{ "answers perhaps alone, in one family of two", answers_perhaps_alone_in_another, "", 0 },
	{ "answers alone, and a peer without an endpoint in the file", answers_alone_for_now, "barred-new", 1 },
	{ "answers alone, in one family of two", answers_alone_in_one_family, "", 0 },
	{ "answers alone, and no peer has an endpoint", no_endpoint_and_answers_alone, "barred-new", 2 },
	{ "a firewall that could not be read", unread, "unread-firewall", 1 },
	{ "an initiation to another key", another_key, "another-key", 2 },
	{ "an initiation from an unknown key", unknown_peer, "unknown-peer", 2 },
	{ "forwarding is off", forwarding, "forwarding-off", 2 },
	{ "forwarding of IPv6 is off", forwarding6, "forwarding-off", 2 },
	{ "forwarding is on", forwarding_on, "", 0 },
	{ "no handshakes", no_handshakes, "nobody-calls", 1 },
	{ "an endpoint's name without an address", unresolved, "unresolved:a", 2 },
	{ "no endpoint", no_endpoint, "no-endpoint:b", 2 },
	{ "no route to the endpoint", no_way, "no-way:a", 2 },
	{ "a route to the endpoint through the tunnel", loop, "loop:a", 2 },
	{ "refused", refused, "refused:a", 2 },
	{ "refused, and up", refused_and_up, "", 0 },
	{ "preshared keys that differ", preshared, "preshared:a", 2 },
	{ "responses that do not authenticate", wrong_key, "wrong-key:a", 2 },
	{ "two hosts with one key", two_hosts, "same-key:a", 2 },
	{ "a peer that has roamed", moved, "", 0 },
	{ "a peer's clock that went back", clock_back, "clock:a", 2 },
	{ "responses that the peer does not confirm", unconfirmed, "unconfirmed:a", 2 },
	{ "a reverse path filter outside the tunnel", rp_filter_outer, "rp-filter:a", 2 },
	{ "a reverse path filter outside the tunnel, by a rule", rp_filter_rule, "rp-filter:a", 2 },
	{ "a silent session", silent, "unanswered:a", 2 },
	{ "a session that ends during the checks", session_ends, "", 0 },
	{ "a peer that was given up", given_up, "unanswered:a", 2 },
	{ "a silent session, and a packet just received", heard, "", 0 },
	{ "a reverse path filter in the tunnel", rp_filter, "rp-filter:a", 2 },
	{ "an unreachable host", unreachable, "unreachable:a", 2 },
	{ "another peer at the same endpoint", unknown_there, "unknown-there:a", 2 },
	{ "unanswered", mute_a, "unanswered:a", 2 },
	{ "no route", no_route, "no-route:a", 1 },
	{ "a route past the tunnel", shadowed, "shadowed:a", 1 },
	{ "overlapping allowed IPs", overlap, "overlap:a", 1 },
	{ "a hub beside a peer that is up", nested, "", 0 },
	{ "a default route beside a peer that is not up", default_route, "", 0 },
	{ "an MTU too large", mtu, "mtu:a", 1 },
	{ "an MTU too large, and path MTU discovery on", mtu_searched, "", 0 },
	{ "an MTU that just fits", mtu_fits, "", 0 },
	{ "an MTU too large over IPv6", mtu6, "mtu:a", 1 },
	{ "an MTU that just fits over IPv6", mtu6_fits, "", 0 },
	{ "a path with an MTU of 0", mtu_of_nothing, "", 0 },
	{ "answers alone, a peer without an endpoint in the file, and a silent one", answers_alone_and_one_silent,
	  "barred-new unanswered:a", 2 },
	{ "another peer at the endpoint of a peer that is up", unknown_there_of_first, "unknown-there:b", 2 },
	{ "no route to the endpoint, and one through the tunnel", no_way_into_itself, "no-way:a", 2 },
	{ "an unreachable host, routed through the tunnel", unreachable_loop, "loop:a", 2 },
	{ "no route, and down", no_route_and_down, "down", 2 },
	{ "a reverse path filter in the tunnel, and no route back", rp_filter_nowhere, "rp-filter:a", 2 },
	{ "a loose reverse path filter in the tunnel", rp_filter_loose, "shadowed:a", 1 },
	{ "a reverse path filter in the tunnel that dropped nothing", rp_filter_idle, "shadowed:a", 1 },
	{ "a response that is not confirmed yet", unconfirmed_once, "unanswered:a", 2 },
	{ "responses that are confirmed", unconfirmed_confirmed, "unanswered:a", 2 },
};

static void test_checks(void)
{
	struct weft_doctor_report report;
	struct sample sample;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		sample_open(&sample);
		cases[i].harm(&sample);
		report = (struct weft_doctor_report){
			.find = sample_find, .data = &sample,
		};
		test_ok(weft_doctor_look(&sample.facts, &report) &&
			report.worst == cases[i].worst, cases[i].name);
		test_text("  is found", sample.codes, cases[i].codes);
		sample_close(&sample);
	}
}

/* A name with blanks or quotes is one word of the suggested command. */
static void test_quoting(void)
{
	struct weft_doctor_report report;
	struct sample sample;

	sample_open(&sample);
	preshared(&sample);
	free(sample.last->peers->name);
	sample.last->peers->name = strdup("it's; x");
	report = (struct weft_doctor_report){ .find = sample_find, .data = &sample };
	weft_doctor_look(&sample.facts, &report);
	test_text("a peer's name is quoted in a command", sample.mend,
		  "set the same key on both sides: weft set wft0 peer 'it'\\''s; x' preshared-key KEYFILE");
	sample_close(&sample);
}

/* With an MTU below 1280 an interface has no IPv6. */
static void test_small_path(void)
{
	struct weft_doctor_report report;
	struct sample sample;

	sample_open(&sample);
	sample.a->way.mtu = 1339;
	report = (struct weft_doctor_report){ .find = sample_find, .data = &sample };
	weft_doctor_look(&sample.facts, &report);
	test_text("a path too small for IPv6", sample.mend,
		  "a path with an MTU of 1340, for IPv6 in the tunnel; without IPv6: ip link set wft0 mtu 1279, or: weft set wft0 pmtu on");
	sample_close(&sample);
	sample_open(&sample);
	sample.a->way.mtu = 1340;
	weft_doctor_look(&sample.facts, &report);
	test_text("a path just large enough", sample.mend,
		  "ip link set wft0 mtu 1280, or: weft set wft0 pmtu on");
	sample_close(&sample);
}

/* A dot in a link's name does not separate parts of a sysctl's name. */
static void test_dots(void)
{
	struct weft_doctor_report report;
	struct sample sample;

	sample_open(&sample);
	rp_filter_outer(&sample);
	strcpy(sample.a->way.dev, "eth0.100");
	report = (struct weft_doctor_report){ .find = sample_find, .data = &sample };
	weft_doctor_look(&sample.facts, &report);
	test_text("a reverse path filter outside, on a link with a dot", sample.mend,
		  "sysctl -w net/ipv4/conf/eth0.100/rp_filter=2 net.ipv4.conf.all.rp_filter=2");
	sample_close(&sample);
	sample_open(&sample);
	rp_filter(&sample);
	strcpy(sample.last->name, "wft0.7");
	report = (struct weft_doctor_report){ .find = sample_find, .data = &sample };
	weft_doctor_look(&sample.facts, &report);
	test_text("a reverse path filter inside, on a link with a dot", sample.mend,
		  "sysctl -w net/ipv4/conf/wft0.7/rp_filter=2 net.ipv4.conf.all.rp_filter=2, or add the routes");
	sample_close(&sample);
}

static void test_file(void)
{
	struct weft_profile profile = { };
	struct weft_doctor_report report;
	struct sample sample;

	sample_open(&sample);
	profile.dev = test_device("wft0", WEFT_KIND_WEFT,
				  "[Peer]\nPublicKey = " KEY_A "\nAllowedIPs = 10.9.0.1/32, 10.9.0.2/32\n");
	sample.facts.profile = &profile;
	sample.a->wanted = profile.dev->peers;
	report = (struct weft_doctor_report){ .find = sample_find, .data = &sample };
	weft_doctor_look(&sample.facts, &report);
	test_text("a prefix that the file gives to two peers", sample.codes,
		  "prefix-lost:a");
	weft_model_device_free(profile.dev);
	sample_close(&sample);
}

#define PEERS_MANY	9

/* Peers 0 to 8 at 192.0.2.8 down to .0, with 10.N.0.0/24 each. */
static struct weft_device *many_device(void)
{
	struct weft_device *dev = test_device("wft0", WEFT_KIND_WEFT, "");
	struct weft_allowedip *ip;
	struct weft_peer *peer;
	int i;

	for (i = 0; i < PEERS_MANY; i++) {
		peer = weft_model_peer_add(dev);
		peer->public_key.bytes[0] = i;
		peer->endpoint.any.sa_family = AF_INET;
		peer->endpoint.ip4.sin_addr.s_addr = htonl(0xc0000200 + PEERS_MANY - 1 - i);
		peer->endpoint.ip4.sin_port = htons(7);
		ip = weft_model_allowedip_add(peer);
		ip->family = AF_INET;
		ip->cidr = 24;
		ip->ip4.s_addr = htonl(0x0a000000 + (i << 16));
		sample_knows(peer, WEFT_PEER_STATE_UP);
	}
	return dev;
}

static void many_open(struct weft_doctor_facts *facts)
{
	struct weft_peer *first, *last;
	size_t i = 0;

	*facts = (struct weft_doctor_facts){
		.first = many_device(), .last = many_device(), .now = NOW, .peer_count = PEERS_MANY,
		.peers = calloc(PEERS_MANY, sizeof(*facts->peers)),
	};
	for (first = facts->first->peers, last = facts->last->peers; first;
	     first = first->next, last = last->next, i++) {
		facts->peers[i].first = first;
		facts->peers[i].last = last;
	}
}

static void many_close(struct weft_doctor_facts *facts)
{
	weft_model_device_free((struct weft_device *)facts->first);
	weft_model_device_free((struct weft_device *)facts->last);
	free(facts->peers);
}

static struct weft_peer *many_peer(struct weft_doctor_facts *facts, size_t i)
{
	return (struct weft_peer *)facts->peers[i].last;
}

/* Each peer in turn has the endpoint's address of each other peer. */
static void test_neighbours(void)
{
	struct weft_doctor_facts facts;
	struct weft_doctor_index *index;
	union weft_endpoint own;
	size_t i, j, alone = 0, beside = 0;

	many_open(&facts);
	for (i = 0; i < PEERS_MANY; i++) {
		own = many_peer(&facts, i)->endpoint;
		for (j = 0; j < PEERS_MANY; j++) {
			many_peer(&facts, i)->endpoint = many_peer(&facts, j)->endpoint;
			/* Only the address counts, not the port. */
			many_peer(&facts, i)->endpoint.ip4.sin_port = htons(8);
			index = weft_doctor_index_new(&facts);
			beside += i != j && weft_doctor_index_neighbour(index, &facts.peers[i]) == &facts.peers[j] &&
				  weft_doctor_index_neighbour(index, &facts.peers[j]) == &facts.peers[i];
			alone += i == j && !weft_doctor_index_neighbour(index, &facts.peers[i]);
			weft_doctor_index_free(index);
			many_peer(&facts, i)->endpoint = own;
		}
	}
	test_ok(alone == PEERS_MANY, "a peer with an endpoint of its own has no neighbour");
	test_ok(beside == PEERS_MANY * (PEERS_MANY - 1), "peers at one address are neighbours");
	many_peer(&facts, 3)->endpoint.any.sa_family = AF_UNSPEC;
	index = weft_doctor_index_new(&facts);
	test_ok(!weft_doctor_index_neighbour(index, &facts.peers[3]) && weft_doctor_index_all_up(index),
		"a peer without an endpoint has none");
	weft_doctor_index_free(index);
	many_close(&facts);
}

/* A prefix of a peer that is not up is found in a wider one, and in no other. */
static void test_within(void)
{
	const struct weft_doctor_peer *owner;
	struct weft_doctor_facts facts;
	struct weft_doctor_index *index;
	const struct weft_allowedip *found;
	size_t i, j, good = 0, up = 0, same = 0;
	struct weft_allowedip wide;

	many_open(&facts);
	for (i = 0; i < PEERS_MANY; i++)
		if (i != 4)
			many_peer(&facts, i)->state = WEFT_PEER_STATE_SILENT;
	index = weft_doctor_index_new(&facts);
	for (i = 0; i < PEERS_MANY; i++) {
		wide = *many_peer(&facts, i)->allowedips;
		same += !weft_doctor_index_within(index, &wide, &owner);
		wide.cidr = 16;
		owner = NULL;
		found = weft_doctor_index_within(index, &wide, &owner);
		for (j = 0; j < PEERS_MANY; j++)
			good += found == many_peer(&facts, j)->allowedips && owner == &facts.peers[j] && i == j;
		up += i == 4 && !found;
	}
	test_ok(good == PEERS_MANY - 1, "a prefix is found in a wider one");
	test_ok(up == 1, "a prefix of a peer that is up is not");
	test_ok(same == PEERS_MANY, "a prefix is not found in itself");
	test_ok(!weft_doctor_index_all_up(index), "not all peers are up");
	weft_doctor_index_free(index);
	many_close(&facts);
}

/* Matches of addresses, ports and links, for a packet from 192.0.2.1:7 by eth0. */
static const struct {
	const char *prefix;
	char in_source;
	char in_destination;
} addresses[] = {
	{ "192.0.2.1", 'y', '?' }, { "192.0.2.1/32", 'y', '?' }, { "192.0.2.0/24", 'y', '?' }, { "192.0.2.9/24", 'y', '?' },
	{ "192.0.2.2", 'n', '?' }, { "192.0.3.0/24", 'n', '?' }, { "0.0.0.0/0", 'y', 'y' },
	{ "192.0.2.1/33", '?', '?' }, { "192.0.2.1/x.y", '?', '?' }, { "192.0.2.0/255.255.255.0", '?', '?' },
	{ "nonsense", '?', '?' }, { "", '?', '?' }, { "192.0.2.1/24/8", '?', '?' },
	{ "2001:db8::/32", 'n', 'n' }, { "::/0", 'n', 'n' }, { "::/128", 'n', 'n' }, { "::/129", '?', '?' },
	{ "192.0.2.1 and more characters than the longest address has", '?', '?' },
};

static void test_packet_addresses(void)
{
	struct weft_packet packet = { .family = AF_INET, .port = 5, .dev = "eth0" };
	char name[128], got[3] = "", want[3] = "";
	size_t i;

	packet.there.ip4.sin_family = AF_INET;
	packet.there.ip4.sin_addr.s_addr = htonl(0xc0000201);
	for (i = 0; i < ARRAY_SIZE(addresses); i++) {
		snprintf(name, sizeof(name), "a packet from or to '%s'", addresses[i].prefix);
		want[0] = addresses[i].in_source;
		want[1] = addresses[i].in_destination;
		packet.out = false;
		got[0] = "n?y"[weft_packet_address(&packet, true, addresses[i].prefix)];
		got[1] = "n?y"[weft_packet_address(&packet, false, addresses[i].prefix)];
		test_text(name, got, want);
		/* Source and destination of an outgoing packet are the reverse. */
		packet.out = true;
		got[0] = "n?y"[weft_packet_address(&packet, false, addresses[i].prefix)];
		got[1] = "n?y"[weft_packet_address(&packet, true, addresses[i].prefix)];
		test_text(name, got, want);
	}
	packet.there.any.sa_family = AF_UNSPEC;
	test_ok(weft_packet_address(&packet, false, "192.0.2.1") == WEFT_MATCH_MAYBE, "a packet from or to any peer");
}

static char port_of(const struct weft_packet *packet, bool source, long first, long last)
{
	return "n?y"[weft_packet_own_port(packet, source, first, last)];
}

static void test_packet_ports(void)
{
	struct weft_packet packet = { .family = AF_INET, .port = 5, .out = true };
	char got[8] = "";

	packet.there.ip4.sin_family = AF_INET;
	packet.there.ip4.sin_port = htons(7);
	got[0] = port_of(&packet, true, 5, 5);
	got[1] = port_of(&packet, true, 4, 6);
	got[2] = port_of(&packet, true, 6, 9);
	got[3] = port_of(&packet, true, 1, 4);
	got[4] = port_of(&packet, false, 7, 7);
	got[5] = port_of(&packet, false, 5, 6);
	packet.out = false;
	got[6] = port_of(&packet, true, 7, 8);
	test_text("ports of both ends", got, "yynnyny");
	packet.there.any.sa_family = AF_UNSPEC;
	test_ok(port_of(&packet, true, 7, 7) == '?' && port_of(&packet, false, 5, 5) == 'y', "ports of any peer");
}

static void test_packet_links(void)
{
	struct weft_packet packet = { .family = AF_INET, .dev = "eth0" };
	char got[8] = "";

	got[0] = "n?y"[weft_packet_link(&packet, false, "eth0", '+')];
	got[1] = "n?y"[weft_packet_link(&packet, true, "eth0", '+')];
	got[2] = "n?y"[weft_packet_link(&packet, false, "eth1", '+')];
	got[3] = "n?y"[weft_packet_link(&packet, false, "et+", '+')];
	got[4] = "n?y"[weft_packet_link(&packet, false, "wl+", '+')];
	got[5] = "n?y"[weft_packet_link(&packet, false, "lo", '+')];
	got[6] = "n?y"[weft_packet_link(&packet, false, "et*", '+')];
	test_text("links", got, "ynnynnn");
	packet.dev[0] = '\0';
	got[0] = "n?y"[weft_packet_link(&packet, false, "eth0", '+')];
	got[1] = "n?y"[weft_packet_link(&packet, false, "lo", '+')];
	got[2] = '\0';
	test_text("an unknown link is not lo", got, "?n");
}

int main(void)
{
	test_neighbours();
	test_within();
	test_packet_addresses();
	test_packet_ports();
	test_packet_links();
	test_checks();
	test_quoting();
	test_small_path();
	test_dots();
	test_file();
	return test_end();
}
