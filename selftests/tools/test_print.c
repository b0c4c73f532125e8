// SPDX-License-Identifier: GPL-2.0
/* Printers: golden text, fields, colours and JSON from a model. */
#include <arpa/inet.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "model/attr.h"
#include "print/colour.h"
#include "print/conf.h"
#include "print/fields.h"
#include "print/summary.h"
#include "support.h"

static const char conf[] =
	"[Interface]\nPrivateKey = dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=\n"
	"ListenPort = 51820\nFwMark = 0xca6c\nListenAddress = 192.0.2.9, 2001:db8::9\nBindDevice = eth0\n"
	"[Peer]\nPublicKey = " KEY_A "\n"
	"[Peer]\nPublicKey = " KEY_B "\nPresharedKey = " KEY_P "\n"
	"AllowedIPs = 10.0.0.0/8, fd00::/64\nEndpoint = 192.0.2.1:7\nPersistentKeepalive = 25\n"
	"[Peer]\nPublicKey = " KEY_C "\nAllowedIPs = 0.0.0.0/0\nEndpoint = [2001:db8::1]:7, 192.0.2.2:8\nRoam = off\n";

#define PUBLIC_KEY	"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="
#define PRIVATE_KEY	"dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo="

static const char summary[] =
	"interface: wft0\n"
	"  public key: " PUBLIC_KEY "\n"
	"  private key: (hidden)\n"
	"  listening port: 51820\n"
	"  fwmark: 0xca6c\n"
	"  listening address: 192.0.2.9, 2001:db8::9\n"
	"  bound to device: eth0\n"
	"  pmtu: on\n"
	"  dscp: inherit\n"
	"\n"
	"peer: " KEY_C "\n"
	"  name: sea\xc3\xb6rt\n"
	"  endpoint: [2001:db8::1]:7\n"
	"  candidates: [2001:db8::1]:7, 192.0.2.2:8\n"
	"  roaming: off\n"
	"  allowed ips: 0.0.0.0/0\n"
	"  latest handshake: 1 minute, 1 second ago\n"
	"  transfer: 1.00 KiB received, 1023 B sent\n"
	"  state: given-up\n"
	"  last packet: never received, now sent\n"
	"\n"
	"peer: " KEY_B "\n"
	"  preshared key: (hidden)\n"
	"  endpoint: 192.0.2.1:7\n"
	"  allowed ips: 10.0.0.0/8, fd00::/64\n"
	"  latest handshake: 1 year, 2 days, 3 hours, 4 minutes, 5 seconds ago\n"
	"  transfer: 0 B received, 148 B sent\n"
	"  persistent keepalive: every 25 seconds\n"
	"  state: silent for 1 minute, 2 seconds\n"
	"  last packet: 1 minute, 17 seconds ago received, 1 second ago sent\n"
	"  handshake rtt: 12.034 ms\n"
	"  path mtu: 1420\n"
	"\n"
	"peer: " KEY_A "\n"
	"  allowed ips: (none)\n";

static const char coloured[] =
	"\x1b[0m\x1b[32m\x1b[1minterface\x1b[0m: \x1b[32mwg0\x1b[0m\n"
	"\n"
	"\x1b[33m\x1b[1mpeer\x1b[0m: \x1b[33m" KEY_A "\x1b[0m\n"
	"  \x1b[1mallowed ips\x1b[0m: 10.0.0.0\x1b[36m/\x1b[0m8\n"
	"  \x1b[1mlatest handshake\x1b[0m: (\x1b[31mSystem clock wound backward; connection problems may ensue.\x1b[0m)\n"
	"  \x1b[1mtransfer\x1b[0m: 1.50 \x1b[36mMiB\x1b[0m received, 0 \x1b[36mB\x1b[0m sent\n"
	"  \x1b[1mpersistent keepalive\x1b[0m: every 1 \x1b[36mminute\x1b[0m\n";

static const struct {
	const char *field;
	const char *text;
} fields[] = {
	{ "public-key", PUBLIC_KEY "\n" },
	{ "private-key", PRIVATE_KEY "\n" },
	{ "listen-port", "51820\n" },
	{ "fwmark", "0xca6c\n" },
	{ "peers", KEY_A "\n" KEY_B "\n" KEY_C "\n" },
	{ "preshared-keys", KEY_A "\t(none)\n" KEY_B "\t" KEY_P "\n" KEY_C "\t(none)\n" },
	{ "endpoints", KEY_A "\t(none)\n" KEY_B "\t192.0.2.1:7\n" KEY_C "\t[2001:db8::1]:7\n" },
	{ "allowed-ips", KEY_A "\t(none)\n" KEY_B "\t10.0.0.0/8 fd00::/64\n" KEY_C "\t0.0.0.0/0\n" },
	{ "latest-handshakes", KEY_A "\t0\n" KEY_B "\t968280155\n" KEY_C "\t999999939\n" },
	{ "persistent-keepalive", KEY_A "\toff\n" KEY_B "\t25\n" KEY_C "\toff\n" },
	{ "transfer", KEY_A "\t0\t0\n" KEY_B "\t0\t148\n" KEY_C "\t1024\t1023\n" },
	{ "listen-address", "192.0.2.9 2001:db8::9\n" },
	{ "bind-device", "eth0\n" },
	{ "candidates", KEY_A "\t(none)\n" KEY_B "\t192.0.2.1:7\n" KEY_C "\t[2001:db8::1]:7 192.0.2.2:8\n" },
	{ "roam", KEY_A "\ton\n" KEY_B "\ton\n" KEY_C "\toff\n" },
	{ "names", KEY_A "\t(none)\n" KEY_B "\t(none)\n" KEY_C "\tsea\xc3\xb6rt\n" },
	{ "state", KEY_A "\t(none)\t(none)\n" KEY_B "\tsilent\t62\n" KEY_C "\tgiven-up\t0\n" },
	{ "previous-public-key", "(none)\n" },
	{ "next-keys", KEY_A "\t(none)\n" KEY_B "\t(none)\n" KEY_C "\t(none)\n" },
	{ "previous-keys", KEY_A "\t(none)\n" KEY_B "\t(none)\n" KEY_C "\t(none)\n" },
	{ "identities", KEY_A "\t(none)\n" KEY_B "\t(none)\n" KEY_C "\t(none)\n" },
	{ "drops", "mac=3 send=1\n" KEY_A "\t(none)\n" KEY_B "\tsource=2 queue=18446744073709551615\n"
		   KEY_C "\t(none)\n" },
	{ "dump", PRIVATE_KEY "\t" PUBLIC_KEY "\t51820\t0xca6c\n"
		  KEY_A "\t(none)\t(none)\t(none)\t0\t0\t0\toff\n"
		  KEY_B "\t" KEY_P "\t192.0.2.1:7\t10.0.0.0/8,fd00::/64\t968280155\t0\t148\t25\n"
		  KEY_C "\t(none)\t[2001:db8::1]:7\t0.0.0.0/0\t999999939\t1024\t1023\toff\n" },
};

static struct weft_device *test_full_device(void)
{
	struct weft_device *dev = test_device("wft0", WEFT_KIND_WEFT, conf);
	struct weft_peer *b = dev->peers->next, *c = b->next;

	/* A year, 2 days, 3 hours, 4 minutes and 5 seconds before "now". */
	b->handshake_s = 1000000000 - (367 * 86400 + 3 * 3600 + 4 * 60 + 5);
	b->tx_bytes = 148;
	c->handshake_s = 1000000000 - 61;
	c->rx_bytes = 1024;
	c->tx_bytes = 1023;
	c->name = strdup("sea\xc3\xb6rt");
	dev->drops[WEFT_DROPS_A_MAC] = 3;
	dev->drops[WEFT_DROPS_A_SEND] = 1;
	b->drops[WEFT_DROPS_A_SOURCE] = 2;
	b->drops[WEFT_DROPS_A_QUEUE] = ~0ULL;
	dev->event_sequence = 9;
	dev->pmtu = 1;
	dev->dscp = WEFT_DSCP_INHERIT;
	dev->known = WEFT_ATTR_BIT(WEFT_DEVICE_A_PMTU) |
		     WEFT_ATTR_BIT(WEFT_DEVICE_A_DSCP) |
		     WEFT_ATTR_BIT(WEFT_DEVICE_A_EVENT_SEQUENCE) |
		     WEFT_ATTR_BIT(WEFT_DEVICE_A_DROPS);
	b->state = WEFT_PEER_STATE_SILENT;
	b->state_age_ms = 62000;
	b->rx_age_ms = 77999;
	b->tx_age_ms = 1000;
	b->handshake_rtt_us = 12034;
	c->state = WEFT_PEER_STATE_GIVEN_UP;
	c->state_age_ms = 999;
	c->tx_age_ms = 1;
	c->known = WEFT_ATTR_BIT(WEFT_PEER_A_STATE) |
		   WEFT_ATTR_BIT(WEFT_PEER_A_STATE_AGE) |
		   WEFT_ATTR_BIT(WEFT_PEER_A_TX_AGE);
	b->rx_packets = 4;
	b->path_mtu = 1420;
	b->known = WEFT_ATTR_BIT(WEFT_PEER_A_STATE) |
		   WEFT_ATTR_BIT(WEFT_PEER_A_STATE_AGE) |
		   WEFT_ATTR_BIT(WEFT_PEER_A_RX_AGE) |
		   WEFT_ATTR_BIT(WEFT_PEER_A_TX_AGE) |
		   WEFT_ATTR_BIT(WEFT_PEER_A_HANDSHAKE_RTT) |
		   WEFT_ATTR_BIT(WEFT_PEER_A_RX_PACKETS) |
		   WEFT_ATTR_BIT(WEFT_PEER_A_HANDSHAKES_SENT) |
		   WEFT_ATTR_BIT(WEFT_PEER_A_PATH_MTU) |
		   WEFT_ATTR_BIT(WEFT_PEER_A_DROPS);
	return dev;
}

static void test_summary(void)
{
	struct test_bench bench;
	char *text, *keys;

	test_bench_start(&bench, "");
	bench.devices[0] = test_full_device();
	test_ok(weft_summary_print(&bench.ctx, bench.devices[0]), "summary");
	test_bench_flush(&bench);
	test_text("has the latest handshake first and never prints 1970",
		  bench.out, summary);
	text = strdup(bench.out);
	bench.ctx.show_keys = true;
	weft_summary_print(&bench.ctx, bench.devices[0]);
	test_bench_flush(&bench);
	keys = bench.out + strlen(text);
	test_ok(strstr(keys, "  private key: " PRIVATE_KEY "\n") &&
		strstr(keys, "  preshared key: " KEY_P "\n") &&
		!strstr(keys, "hidden"), "keys are shown on request");
	test_ok(!strstr(text, PRIVATE_KEY) && !strstr(text, KEY_P),
		"keys are hidden otherwise");
	free(text);
	test_bench_end(&bench);
}

static void test_colours(void)
{
	struct test_bench bench;
	struct weft_peer *peer;

	test_bench_start(&bench, "");
	bench.devices[0] = test_device("wg0", WEFT_KIND_WIREGUARD,
				       "[Peer]\nPublicKey = " KEY_A "\nAllowedIPs = 10.0.0.0/8\nPersistentKeepalive = 60\n");
	peer = bench.devices[0]->peers;
	peer->handshake_s = 1000000001;
	peer->rx_bytes = 3 << 19;
	bench.ctx.colour = true;
	weft_summary_print(&bench.ctx, bench.devices[0]);
	test_bench_flush(&bench);
	test_text("colours, and a clock that went backward", bench.out,
		  coloured);
	test_bench_end(&bench);
}

static void test_colour_wishes(void)
{
	static const struct {
		const char *name;
		const char *mode;
		const char *no_color;
		bool terminal;
		bool colour;
	} wishes[] = {
		{ "a terminal", NULL, NULL, true, true },
		{ "no terminal", NULL, NULL, false, false },
		{ "WG_COLOR_MODE=always", "always", NULL, false, true },
		{ "WG_COLOR_MODE=always before NO_COLOR", "always", "1", false, true },
		{ "WG_COLOR_MODE=never", "never", NULL, true, false },
		{ "WG_COLOR_MODE=odd is auto", "odd", NULL, true, true },
		{ "NO_COLOR=1", NULL, "1", true, false },
		{ "NO_COLOR=1 with auto", "auto", "1", true, false },
		{ "NO_COLOR= is not set", NULL, "", true, true },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wishes); i++)
		test_ok(weft_colour_wanted(wishes[i].mode, wishes[i].no_color,
					   wishes[i].terminal) ==
			wishes[i].colour, wishes[i].name);
}

static void test_sizes(void)
{
	static const struct {
		__u64 bytes;
		const char *text;
	} sizes[] = {
		{ 1, "1 B" }, { 1023, "1023 B" }, { 1024, "1.00 KiB" },
		{ 1024 * 1024 - 1, "1024.00 KiB" }, { 1024 * 1024, "1.00 MiB" },
		{ 1ULL << 30, "1.00 GiB" }, { 1ULL << 40, "1.00 TiB" },
		{ 1ULL << 50, "1024.00 TiB" }, { ~0ULL, "16777216.00 TiB" },
	};
	char want[128];
	struct test_bench bench;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		test_bench_start(&bench, "");
		bench.devices[0] = test_device("wg0", WEFT_KIND_WEFT,
					       "[Peer]\nPublicKey = " KEY_A "\n");
		bench.devices[0]->peers->rx_bytes = sizes[i].bytes;
		weft_summary_print(&bench.ctx, bench.devices[0]);
		test_bench_flush(&bench);
		snprintf(want, sizeof(want), "  transfer: %s received, 0 B sent\n",
			 sizes[i].text);
		test_ok(strstr(bench.out, want), sizes[i].text);
		test_bench_end(&bench);
	}
}

/* Equal times keep the kernel's order; nanoseconds count. */
static void test_order(void)
{
	struct weft_peer *a, *b, *c;
	struct test_bench bench;
	const char *at[3];

	test_bench_start(&bench, "");
	bench.devices[0] = test_device("wg0", WEFT_KIND_WEFT,
				       "[Peer]\nPublicKey = " KEY_A "\n"
				       "[Peer]\nPublicKey = " KEY_B "\n"
				       "[Peer]\nPublicKey = " KEY_C "\n");
	a = bench.devices[0]->peers;
	b = a->next;
	c = b->next;
	a->handshake_s = 5;
	b->handshake_s = 5;
	c->handshake_s = 5;
	c->handshake_ns = 1;
	weft_summary_print(&bench.ctx, bench.devices[0]);
	test_bench_flush(&bench);
	at[0] = strstr(bench.out, KEY_C);
	at[1] = strstr(bench.out, KEY_A);
	at[2] = strstr(bench.out, KEY_B);
	test_ok(at[0] && at[0] < at[1] && at[1] < at[2],
		"the later nanosecond first, then the kernel's order");
	test_bench_end(&bench);
}

static void test_fields(void)
{
	const struct weft_field *field;
	struct test_bench bench;
	size_t i, known = 0;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		test_bench_start(&bench, "");
		bench.devices[0] = test_full_device();
		field = weft_fields_find(fields[i].field);
		if (field)
			weft_fields_print(&bench.ctx, bench.devices[0], field,
					  false);
		test_bench_flush(&bench);
		test_text(fields[i].field, bench.out, fields[i].text);
		test_bench_end(&bench);
	}
	while (weft_fields[known].name)
		known++;
	test_ok(known == ARRAY_SIZE(fields), "every field is tested");
}

/* Each line of a field begins with the interface if several are shown. */
static void test_named(void)
{
	struct test_bench bench;
	char *line, *end;
	bool good = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		test_bench_start(&bench, "");
		bench.devices[0] = test_full_device();
		weft_fields_print(&bench.ctx, bench.devices[0],
				  weft_fields_find(fields[i].field), true);
		test_bench_flush(&bench);
		for (line = bench.out; *line; line = end + 1) {
			good &= !strncmp(line, "wft0\t", 5);
			end = strchr(line, '\n');
		}
		test_bench_end(&bench);
	}
	test_ok(good, "a named line begins with the interface, for every field");
}

/* Runs "weft @words" and parses its JSON. */
static struct json_object *test_json_run(struct test_bench *bench,
					 char **words, int count)
{
	test_bench_start(bench, "");
	bench->devices[0] = test_full_device();
	bench->devices[1] = test_device("wg0", WEFT_KIND_WIREGUARD, "");
	if (weft_command_main(&bench->ctx, count, words))
		return NULL;
	test_bench_flush(bench);
	return json_tokener_parse(bench->out);
}

static void test_json(const char *name, int count, char **words,
		      const char *want)
{
	struct test_bench bench;
	struct json_object *got = test_json_run(&bench, words, count);

	test_text(name, json_object_to_json_string_ext(got, JSON_C_TO_STRING_NOSLASHESCAPE |
							    JSON_C_TO_STRING_PLAIN),
		  want);
	json_object_put(got);
	test_bench_end(&bench);
}

#define DEVICE_JSON	"\"listen-address\":[\"192.0.2.9\",\"2001:db8::9\"],\"bind-device\":\"eth0\"," \
			"\"pmtu\":true,\"dscp\":\"inherit\",\"event-sequence\":9,\"drops\":{\"mac\":3,\"send\":1},"
#define DROPS_B_JSON	"\"drops\":{\"source\":2,\"queue\":18446744073709551615}"
#define STATE_B_JSON	"\"state\":\"silent\",\"state-age-ms\":62000,"
#define STATE_C_JSON	"\"state\":\"given-up\",\"state-age-ms\":999"
#define PEERS_JSON(psk)							\
	"\"peers\":[{\"public-key\":\"" KEY_A "\",\"preshared-key\":null,\"endpoint\":null," \
	"\"candidates\":[],\"roam\":true,\"allowed-ips\":[],\"latest-handshake\":null,\"transfer-rx\":0,\"transfer-tx\":0," \
	"\"persistent-keepalive\":null},"					\
	"{\"public-key\":\"" KEY_B "\",\"preshared-key\":\"" psk "\",\"endpoint\":\"192.0.2.1:7\"," \
	"\"candidates\":[\"192.0.2.1:7\"],\"roam\":true,\"allowed-ips\":[\"10.0.0.0/8\",\"fd00::/64\"],\"latest-handshake\":968280155," \
	"\"transfer-rx\":0,\"transfer-tx\":148,\"persistent-keepalive\":25,"	\
	STATE_B_JSON "\"rx-age-ms\":77999,\"tx-age-ms\":1000,\"handshake-rtt-us\":12034," \
	"\"rx-packets\":4,\"handshakes-sent\":0,\"path-mtu\":1420," DROPS_B_JSON "},"	\
	"{\"public-key\":\"" KEY_C "\",\"name\":\"sea\xc3\xb6rt\",\"preshared-key\":null,\"endpoint\":\"[2001:db8::1]:7\"," \
	"\"candidates\":[\"[2001:db8::1]:7\",\"192.0.2.2:8\"],\"roam\":false,\"allowed-ips\":[\"0.0.0.0/0\"],\"latest-handshake\":999999939,"	\
	"\"transfer-rx\":1024,\"transfer-tx\":1023,\"persistent-keepalive\":null," \
	STATE_C_JSON ",\"tx-age-ms\":1}]"

static void test_json_views(void)
{
	static const char hidden[] =
		"[{\"interface\":\"wft0\",\"kind\":\"weft\",\"public-key\":\"" PUBLIC_KEY "\","
		"\"private-key\":\"(hidden)\",\"listen-port\":51820,\"fwmark\":51820,"
		DEVICE_JSON
		PEERS_JSON("(hidden)") "}]";
	static const char shown[] =
		"[{\"interface\":\"wft0\",\"kind\":\"weft\",\"public-key\":\"" PUBLIC_KEY "\","
		"\"private-key\":\"" PRIVATE_KEY "\",\"listen-port\":51820,\"fwmark\":51820,"
		DEVICE_JSON
		PEERS_JSON(KEY_P) "}]";
	char *one[] = { "weft", "show", "wft0", "-j", NULL };
	char *keys[] = { "weft", "show", "wft0", "--show-keys", "--json", NULL };
	char *dump[] = { "weft", "-j", "show", "wft0", "dump", NULL };
	char *ports[] = { "weft", "show", "all", "listen-port", "-j", NULL };
	char *rates[] = { "weft", "show", "all", "persistent-keepalive", "-j", NULL };
	char *drops[] = { "weft", "show", "all", "drops", "-j", NULL };
	char *state[] = { "weft", "show", "wft0", "state", "-j", NULL };
	char *names[] = { "weft", "show", "interfaces", "-j", NULL };

	test_json("JSON, secrets hidden", 4, one, hidden);
	test_json("JSON, secrets shown", 5, keys, shown);
	test_json("JSON of the dump, with all secrets", 5, dump, shown);
	test_json("JSON of a device's field", 5, ports,
		  "[{\"interface\":\"wft0\",\"listen-port\":51820},{\"interface\":\"wg0\",\"listen-port\":0}]");
	test_json("JSON of a peer's field", 5, rates,
		  "[{\"interface\":\"wft0\",\"peers\":[{\"public-key\":\"" KEY_A "\",\"persistent-keepalive\":null},"
		  "{\"public-key\":\"" KEY_B "\",\"persistent-keepalive\":25},"
		  "{\"public-key\":\"" KEY_C "\",\"persistent-keepalive\":null}]},"
		  "{\"interface\":\"wg0\",\"peers\":[]}]");
	test_json("JSON of the drop counters", 5, drops,
		  "[{\"interface\":\"wft0\",\"drops\":{\"mac\":3,\"send\":1},\"peers\":[{\"public-key\":\"" KEY_A "\"},"
		  "{\"public-key\":\"" KEY_B "\",\"drops\":{\"source\":2,\"queue\":18446744073709551615}},"
		  "{\"public-key\":\"" KEY_C "\"}]},"
		  "{\"interface\":\"wg0\",\"peers\":[]}]");
	test_json("JSON of the state", 5, state,
		  "[{\"interface\":\"wft0\",\"peers\":[{\"public-key\":\"" KEY_A "\"},"
		  "{\"public-key\":\"" KEY_B "\",\"state\":\"silent\",\"state-age-ms\":62000},"
		  "{\"public-key\":\"" KEY_C "\",\"state\":\"given-up\",\"state-age-ms\":999}]}]");
	test_json("JSON of the list", 4, names,
		  "[{\"interface\":\"wft0\",\"kind\":\"weft\"},{\"interface\":\"wg0\",\"kind\":\"wireguard\"}]");
}

/* Keys in rotation: peer A has all of them, B those without an end, C none. */
static struct weft_device *test_rotating_device(void)
{
	struct weft_device *dev = test_device("wft0", WEFT_KIND_WEFT,
					      "[Interface]\nPrivateKey = " PRIVATE_KEY "\nListenAddress = 2001:db8::9\n"
					      "[Peer]\nPublicKey = " KEY_A "\n[Peer]\nPublicKey = " KEY_B "\n"
					      "[Peer]\nPublicKey = " KEY_C "\nEndpoint = 192.0.2.1:7\n");
	struct weft_peer *a = dev->peers, *b = a->next, *c = b->next;

	dev->has |= WEFT_DEVICE_HAS_PREVIOUS_PUBLIC_KEY;
	weft_key_decode(&dev->previous_public_key, KEY_C);
	dev->grace_left = 60;
	dev->known = WEFT_ATTR_BIT(WEFT_DEVICE_A_GRACE_LEFT) | WEFT_ATTR_BIT(WEFT_DEVICE_A_DSCP);
	dev->dscp = 46;
	a->handshake_s = 1000000000;
	a->has |= WEFT_PEER_HAS_NEXT_PUBLIC_KEY | WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY |
		  WEFT_PEER_HAS_NEXT_PRESHARED_KEY | WEFT_PEER_HAS_PREVIOUS_PRESHARED_KEY;
	weft_key_decode(&a->next_public_key, KEY_B);
	weft_key_decode(&a->previous_public_key, KEY_C);
	weft_key_decode(&a->next_preshared_key, KEY_P);
	weft_key_decode(&a->previous_preshared_key, PRIVATE_KEY);
	a->grace_left = 61;
	a->preshared_grace_left = 0;
	a->grace = 7;
	a->identity = WEFT_IDENTITY_PREVIOUS;
	a->known = WEFT_ATTR_BIT(WEFT_PEER_A_GRACE_LEFT) | WEFT_ATTR_BIT(WEFT_PEER_A_GRACE) |
		   WEFT_ATTR_BIT(WEFT_PEER_A_PRESHARED_GRACE_LEFT) | WEFT_ATTR_BIT(WEFT_PEER_A_IDENTITY);
	b->has |= WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY | WEFT_PEER_HAS_PREVIOUS_PRESHARED_KEY;
	weft_key_decode(&b->previous_public_key, KEY_P);
	b->grace = WEFT_GRACE_SECONDS;
	b->identity = WEFT_IDENTITY_CURRENT;
	b->known = WEFT_ATTR_BIT(WEFT_PEER_A_GRACE) | WEFT_ATTR_BIT(WEFT_PEER_A_IDENTITY);
	/* The first number without a name. */
	c->identity = WEFT_IDENTITY_PREVIOUS + 1;
	c->endpoint.ip4.sin_port = htons(8);
	c->state = WEFT_PEER_STATE_GIVEN_UP + 1;
	c->state_age_ms = 1000;
	c->known = WEFT_ATTR_BIT(WEFT_PEER_A_IDENTITY) | WEFT_ATTR_BIT(WEFT_PEER_A_STATE) |
		   WEFT_ATTR_BIT(WEFT_PEER_A_RX_AGE) | WEFT_ATTR_BIT(WEFT_PEER_A_HANDSHAKE_RTT);
	c->handshake_rtt_us = 1000;
	c->rx_age_ms = 999;
	return dev;
}

static const char rotating_summary[] =
	"interface: wft0\n"
	"  public key: " PUBLIC_KEY "\n"
	"  private key: (hidden)\n"
	"  listening address: 2001:db8::9\n"
	"  dscp: 46\n"
	"  previous key: " KEY_C ", for 1 minute\n"
	"\n"
	"peer: " KEY_A "\n"
	"  allowed ips: (none)\n"
	"  latest handshake: Now\n"
	"  next key: " KEY_B "\n"
	"  previous key: " KEY_C ", for 1 minute, 1 second\n"
	"  next preshared key: (hidden)\n"
	"  previous preshared key: (hidden), for 0 seconds\n"
	"  last used: our previous key\n"
	"\n"
	"peer: " KEY_B "\n"
	"  allowed ips: (none)\n"
	"  previous key: " KEY_P "\n"
	"  previous preshared key: (none)\n"
	"  last used: our key\n"
	"\n"
	"peer: " KEY_C "\n"
	"  endpoint: 192.0.2.1:8\n"
	"  candidates: 192.0.2.1:7\n"
	"  allowed ips: (none)\n"
	"  state: unknown for 1 second\n"
	"  last packet: now received, never sent\n"
	"  handshake rtt: 1.000 ms\n";

static const char rotating_conf[] =
	"[Interface]\nListenAddress = 2001:db8::9\nDSCP = 46\nPrivateKey = " PRIVATE_KEY "\n\n"
	"[Peer]\nPublicKey = " KEY_A "\nNextPublicKey = " KEY_B "\nNextPresharedKey = " KEY_P "\nGrace = 7\n\n"
	"[Peer]\nPublicKey = " KEY_B "\n\n"
	"[Peer]\nPublicKey = " KEY_C "\nEndpoint = 192.0.2.1:8\n";

static const struct {
	const char *field;
	const char *text;
	const char *json;
} rotating_fields[] = {
	{ "previous-public-key", KEY_C "\n", "\"previous-public-key\":\"" KEY_C "\"" },
	{ "next-keys", KEY_A "\t" KEY_B "\n" KEY_B "\t(none)\n" KEY_C "\t(none)\n",
	  "\"peers\":[{\"public-key\":\"" KEY_A "\",\"next-public-key\":\"" KEY_B "\"},"
	  "{\"public-key\":\"" KEY_B "\"},{\"public-key\":\"" KEY_C "\"}]" },
	{ "previous-keys", KEY_A "\t" KEY_C "\n" KEY_B "\t" KEY_P "\n" KEY_C "\t(none)\n",
	  "\"peers\":[{\"public-key\":\"" KEY_A "\",\"previous-public-key\":\"" KEY_C "\"},"
	  "{\"public-key\":\"" KEY_B "\",\"previous-public-key\":\"" KEY_P "\"},{\"public-key\":\"" KEY_C "\"}]" },
	{ "identities", KEY_A "\tprevious\n" KEY_B "\tcurrent\n" KEY_C "\t(none)\n",
	  "\"peers\":[{\"public-key\":\"" KEY_A "\",\"identity\":\"previous\"},"
	  "{\"public-key\":\"" KEY_B "\",\"identity\":\"current\"},{\"public-key\":\"" KEY_C "\",\"identity\":3}]" },
	{ "preshared-keys", KEY_A "\t(none)\n" KEY_B "\t(none)\n" KEY_C "\t(none)\n",
	  "\"peers\":[{\"public-key\":\"" KEY_A "\",\"preshared-key\":null,\"next-preshared-key\":\"" KEY_P "\","
	  "\"previous-preshared-key\":\"" PRIVATE_KEY "\"},{\"public-key\":\"" KEY_B "\",\"preshared-key\":null,"
	  "\"previous-preshared-key\":null},{\"public-key\":\"" KEY_C "\",\"preshared-key\":null}]" },
	{ "listen-address", "2001:db8::9\n", "\"listen-address\":[\"2001:db8::9\"]" },
	{ "bind-device", "off\n", "\"bind-device\":null" },
	{ "fwmark", "off\n", "\"fwmark\":null" },
	{ "private-key", PRIVATE_KEY "\n", "\"private-key\":\"" PRIVATE_KEY "\"" },
	{ "public-key", PUBLIC_KEY "\n", "\"public-key\":\"" PUBLIC_KEY "\"" },
	{ "candidates", KEY_A "\t(none)\n" KEY_B "\t(none)\n" KEY_C "\t192.0.2.1:7\n",
	  "\"peers\":[{\"public-key\":\"" KEY_A "\",\"candidates\":[]},{\"public-key\":\"" KEY_B "\",\"candidates\":[]},"
	  "{\"public-key\":\"" KEY_C "\",\"candidates\":[\"192.0.2.1:7\"]}]" },
	{ "roam", KEY_A "\ton\n" KEY_B "\ton\n" KEY_C "\ton\n",
	  "\"peers\":[{\"public-key\":\"" KEY_A "\",\"roam\":true},{\"public-key\":\"" KEY_B "\",\"roam\":true},"
	  "{\"public-key\":\"" KEY_C "\",\"roam\":true}]" },
};

static void test_rotating_field(size_t i)
{
	char *words[] = { "weft", "show", "wft0", (char *)rotating_fields[i].field, "-j", NULL };
	struct json_object *parsed;
	struct test_bench bench;
	char want[1024], name[64];

	test_bench_start(&bench, "");
	bench.devices[0] = test_rotating_device();
	weft_fields_print(&bench.ctx, bench.devices[0], weft_fields_find(rotating_fields[i].field), false);
	test_bench_flush(&bench);
	snprintf(name, sizeof(name), "while keys are replaced: %s", rotating_fields[i].field);
	test_text(name, bench.out, rotating_fields[i].text);
	test_bench_end(&bench);
	test_bench_start(&bench, "");
	bench.devices[0] = test_rotating_device();
	test_ok(!weft_command_main(&bench.ctx, 5, words), "  as JSON");
	test_bench_flush(&bench);
	parsed = json_tokener_parse(bench.out);
	snprintf(want, sizeof(want), "[{\"interface\":\"wft0\",%s}]", rotating_fields[i].json);
	test_text("  the field", json_object_to_json_string_ext(parsed, JSON_C_TO_STRING_NOSLASHESCAPE |
							       JSON_C_TO_STRING_PLAIN), want);
	json_object_put(parsed);
	test_bench_end(&bench);
}

static void test_rotating(void)
{
	struct test_bench bench;
	size_t i;

	test_bench_start(&bench, "");
	bench.devices[0] = test_rotating_device();
	weft_summary_print(&bench.ctx, bench.devices[0]);
	test_bench_flush(&bench);
	test_text("while keys are replaced: the summary", bench.out, rotating_summary);
	test_bench_end(&bench);
	test_bench_start(&bench, "");
	bench.devices[0] = test_rotating_device();
	weft_conf_print(&bench.ctx, bench.devices[0]);
	test_bench_flush(&bench);
	test_text("while keys are replaced: the file", bench.out, rotating_conf);
	test_bench_end(&bench);
	for (i = 0; i < ARRAY_SIZE(rotating_fields); i++)
		test_rotating_field(i);
}

static const char full_conf[] =
	"[Interface]\nListenPort = 51820\nFwMark = 0xca6c\nListenAddress = 192.0.2.9, 2001:db8::9\nBindDevice = eth0\n"
	"PMTU = on\nDSCP = inherit\nPrivateKey = " PRIVATE_KEY "\n\n"
	"[Peer]\nPublicKey = " KEY_A "\n\n"
	"[Peer]\nPublicKey = " KEY_B "\nPresharedKey = " KEY_P "\nAllowedIPs = 10.0.0.0/8, fd00::/64\n"
	"Endpoint = 192.0.2.1:7\nPersistentKeepalive = 25\n\n"
	"[Peer]\nPublicKey = " KEY_C "\nName = sea\xc3\xb6rt\nAllowedIPs = 0.0.0.0/0\n"
	"Endpoint = [2001:db8::1]:7, 192.0.2.2:8\nRoam = off\n";

static void test_conf(void)
{
	struct test_bench bench;

	test_bench_start(&bench, "");
	bench.devices[0] = test_full_device();
	weft_conf_print(&bench.ctx, bench.devices[0]);
	test_bench_flush(&bench);
	test_text("the file of all settings", bench.out, full_conf);
	test_bench_end(&bench);
}

int main(void)
{
	test_summary();
	test_rotating();
	test_conf();
	test_colours();
	test_colour_wishes();
	test_sizes();
	test_order();
	test_fields();
	test_named();
	test_json_views();
	return test_end();
}
