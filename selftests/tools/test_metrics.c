// SPDX-License-Identifier: GPL-2.0
/*
 * Metrics: golden text from a model, without duplicates and secrets.
 *
 *   test_metrics          the tests
 *   test_metrics print    that text alone, for promtool.sh and monitoring.sh
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "host/host.h"
#include "model/attr.h"
#include "print/metrics.h"
#include "print/metrics_host.h"
#include "support.h"

#define PUBLIC_KEY	"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="
#define PRIVATE_KEY	"dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo="

static const char conf[] =
	"[Interface]\nPrivateKey = " PRIVATE_KEY "\nListenPort = 51820\n"
	"[Peer]\nPublicKey = " KEY_A "\n"
	"[Peer]\nPublicKey = " KEY_B "\nPresharedKey = " KEY_P "\n";

#define A	"interface=\"wft0\",public_key=\"" KEY_A "\",name=\"the \\\"hub\\\\\""
#define B	"interface=\"wft0\",public_key=\"" KEY_B "\",name=\"\""
#define C	"interface=\"wg0\",public_key=\"" KEY_C "\",name=\"\""

static const char begins[] =
	"# HELP weft_interface_info Kind and public key of the interface.\n"
	"# TYPE weft_interface_info gauge\n"
	"weft_interface_info{interface=\"wft0\",kind=\"weft\",public_key=\"" PUBLIC_KEY "\"} 1\n"
	"weft_interface_info{interface=\"wg0\",kind=\"wireguard\",public_key=\"\"} 1\n"
	"# HELP weft_peers Peers of the interface.\n"
	"# TYPE weft_peers gauge\n"
	"weft_peers{interface=\"wft0\"} 2\n"
	"weft_peers{interface=\"wg0\"} 1\n"
	"# HELP weft_events_total Events of the interface, including those that the rate limit suppressed.\n"
	"# TYPE weft_events_total counter\n"
	"weft_events_total{interface=\"wft0\"} 12\n";

/* Metrics from the middle of the text. */
static const char * const pieces[] = {
	"# HELP weft_peer_receive_bytes_total Bytes of authenticated messages received from the peer.\n"
	"# TYPE weft_peer_receive_bytes_total counter\n"
	"weft_peer_receive_bytes_total{" A "} 18446744073709551615\n"
	"weft_peer_receive_bytes_total{" B "} 0\n"
	"weft_peer_receive_bytes_total{" C "} 148\n#",

	"# TYPE weft_peer_last_handshake_timestamp_seconds gauge\n"
	"weft_peer_last_handshake_timestamp_seconds{" A "} 999999990\n"
	"weft_peer_last_handshake_timestamp_seconds{" B "} 0\n"
	"weft_peer_last_handshake_timestamp_seconds{" C "} 0\n#",

	"# TYPE weft_peer_receive_packets_total counter\n"
	"weft_peer_receive_packets_total{" A "} 7\n#",

	"# TYPE weft_peer_path_mtu_bytes gauge\n"
	"weft_peer_path_mtu_bytes{" B "} 1280\n#",

	"weft_drops_total{interface=\"wft0\",reason=\"mac\",direction=\"in\"} 3\n"
	"weft_drops_total{interface=\"wft0\",reason=\"rate-limit\",direction=\"in\"} 0\n",

	"# TYPE weft_grace_left_seconds gauge\n"
	"weft_grace_left_seconds{interface=\"wft0\"} 3600\n#",

	"# TYPE weft_peer_handshake_rtt_seconds gauge\n"
	"weft_peer_handshake_rtt_seconds{" B "} 12.003456\n#",

	"# TYPE weft_peer_grace_left_seconds gauge\n"
	"weft_peer_grace_left_seconds{" B "} 60\n#",

	"# TYPE weft_peer_preshared_grace_left_seconds gauge\n"
	"weft_peer_preshared_grace_left_seconds{" B "} 90\n#",

	"# TYPE weft_peer_state gauge\n"
	"weft_peer_state{" B ",state=\"idle\"} 0\n"
	"weft_peer_state{" B ",state=\"handshaking\"} 0\n"
	"weft_peer_state{" B ",state=\"up\"} 0\n"
	"weft_peer_state{" B ",state=\"silent\"} 1\n"
	"weft_peer_state{" B ",state=\"given-up\"} 0\n#",

	"# TYPE weft_peer_drops_total counter\n"
	"weft_peer_drops_total{" B ",reason=\"source\",direction=\"in\"} 2\n"
	"weft_peer_drops_total{" B ",reason=\"given-up\",direction=\"out\"} 9\n",

	"# TYPE weft_peer_info gauge\n"
	"weft_peer_info{" A "} 1\n"
	"weft_peer_info{" B "} 1\n"
	"weft_peer_info{" C "} 1\n#",
};

/* Of all peers of an interface together; wg0 reports no states. */
static const char sums[] =
	"# HELP weft_peers_in_state Peers of the interface by their present state.\n"
	"# TYPE weft_peers_in_state gauge\n"
	"weft_peers_in_state{interface=\"wft0\",state=\"idle\"} 0\n"
	"weft_peers_in_state{interface=\"wft0\",state=\"handshaking\"} 0\n"
	"weft_peers_in_state{interface=\"wft0\",state=\"up\"} 0\n"
	"weft_peers_in_state{interface=\"wft0\",state=\"silent\"} 1\n"
	"weft_peers_in_state{interface=\"wft0\",state=\"given-up\"} 0\n"
	"# HELP weft_peers_on_previous_key Peers whose session was made under the interface's previous key.\n"
	"# TYPE weft_peers_on_previous_key gauge\n"
	"weft_peers_on_previous_key{interface=\"wft0\"} 1\n"
	"# HELP weft_peers_handshakes_sent Handshake initiations sent to the present peers.\n"
	"# TYPE weft_peers_handshakes_sent gauge\n"
	"weft_peers_handshakes_sent{interface=\"wft0\"} 5\n"
	"# HELP weft_peers_handshakes_received Valid handshake initiations received from the present peers.\n"
	"# TYPE weft_peers_handshakes_received gauge\n"
	"weft_peers_handshakes_received{interface=\"wft0\"} 0\n"
	"# HELP weft_peers_handshakes_completed Sessions established with the present peers, initiated by either end.\n"
	"# TYPE weft_peers_handshakes_completed gauge\n"
	"weft_peers_handshakes_completed{interface=\"wft0\"} 4\n";

/* The name of the one link that is down. */
static const char *metrics_down;

static int metrics_link(struct weft_host *host, const char *name,
			struct weft_host_link *link)
{
	(void)host;
	link->index = 1;
	link->up = !metrics_down || strcmp(name, metrics_down);
	link->counted = !strcmp(name, "wft0");
	link->rx_bytes = 101;
	link->tx_bytes = 102;
	link->rx_packets = 103;
	link->tx_packets = 104;
	return 0;
}

static struct weft_host metrics_host = { .link = metrics_link };

static void test_fill(struct test_bench *bench)
{
	struct weft_device *dev;
	struct weft_peer *a, *b;

	test_bench_start(bench, "");
	bench->ctx.host = &metrics_host;
	dev = test_device("wft0", WEFT_KIND_WEFT, conf);
	bench->devices[0] = dev;
	bench->devices[1] = test_device("wg0", WEFT_KIND_WIREGUARD,
					"[Peer]\nPublicKey = " KEY_C "\n");
	bench->devices[1]->peers->rx_bytes = 148;
	dev->known = WEFT_ATTR_BIT(WEFT_DEVICE_A_EVENT_SEQUENCE) |
		     WEFT_ATTR_BIT(WEFT_DEVICE_A_GRACE_LEFT) |
		     WEFT_ATTR_BIT(WEFT_DEVICE_A_DROPS);
	dev->event_sequence = 12;
	dev->drops[WEFT_DROPS_A_MAC] = 3;
	a = dev->peers;
	a->name = strdup("the \"hub\\");
	a->rx_bytes = ~0ULL;
	a->handshake_s = 999999990;
	a->rx_packets = 7;
	a->identity = WEFT_IDENTITY_CURRENT;
	a->handshakes_sent = 2;
	a->handshakes_completed = 4;
	a->known = WEFT_ATTR_BIT(WEFT_PEER_A_RX_PACKETS) |
		   WEFT_ATTR_BIT(WEFT_PEER_A_IDENTITY) |
		   WEFT_ATTR_BIT(WEFT_PEER_A_HANDSHAKES_SENT) |
		   WEFT_ATTR_BIT(WEFT_PEER_A_HANDSHAKES_COMPLETED);
	b = a->next;
	b->path_mtu = 1280;
	b->state = WEFT_PEER_STATE_SILENT;
	b->identity = WEFT_IDENTITY_PREVIOUS;
	b->handshakes_sent = 3;
	b->handshake_rtt_us = 12003456;
	b->grace_left = 60;
	b->preshared_grace_left = 90;
	dev->grace_left = 3600;
	b->drops[WEFT_DROPS_A_SOURCE] = 2;
	b->drops[WEFT_DROPS_A_GIVEN_UP] = 9;
	b->known = WEFT_ATTR_BIT(WEFT_PEER_A_PATH_MTU) |
		   WEFT_ATTR_BIT(WEFT_PEER_A_STATE) |
		   WEFT_ATTR_BIT(WEFT_PEER_A_IDENTITY) |
		   WEFT_ATTR_BIT(WEFT_PEER_A_HANDSHAKES_SENT) |
		   WEFT_ATTR_BIT(WEFT_PEER_A_HANDSHAKE_RTT) |
		   WEFT_ATTR_BIT(WEFT_PEER_A_GRACE_LEFT) |
		   WEFT_ATTR_BIT(WEFT_PEER_A_PRESHARED_GRACE_LEFT) |
		   WEFT_ATTR_BIT(WEFT_PEER_A_DROPS);
}

static void test_golden(void)
{
	struct test_bench bench;
	char name[64];
	size_t i;

	test_fill(&bench);
	weft_metrics_print(bench.ctx.out, bench.devices, 2, WEFT_METRICS_PEERS_ON);
	test_bench_flush(&bench);
	test_ok(!strncmp(bench.out, begins, strlen(begins)),
		"interfaces come first");
	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		snprintf(name, sizeof(name), "piece %zu", i + 1);
		test_ok(strstr(bench.out, pieces[i]), name);
	}
	test_ok(strstr(bench.out, sums), "sums and counts of all peers");
	test_ok(!strstr(bench.out, PRIVATE_KEY) && !strstr(bench.out, KEY_P),
		"metrics hold no secret");
	test_ok(!strstr(bench.out, "weft_peer_drops_total{" A),
		"drop counters of zero are left out");
	test_bench_end(&bench);
}

static char *text_with(enum weft_metrics_peers peers)
{
	struct test_bench bench;
	char *out;

	test_fill(&bench);
	weft_metrics_print(bench.ctx.out, bench.devices, 2, peers);
	test_bench_flush(&bench);
	out = strdup(bench.out);
	test_bench_end(&bench);
	return out;
}

static size_t count_of(const char *text, const char *part)
{
	size_t count = 0;

	while ((text = strstr(text, part))) {
		count++;
		text += strlen(part);
	}
	return count;
}

/* The series for each peer. */
static void test_peers(void)
{
	char *on = text_with(WEFT_METRICS_PEERS_ON), *keys = text_with(WEFT_METRICS_PEERS_KEYS);
	char *off = text_with(WEFT_METRICS_PEERS_OFF);

	test_ok(!strstr(off, "weft_peer_") && !strstr(off, KEY_A) && !strstr(off, KEY_B) && !strstr(off, KEY_C),
		"off: there are no series for each peer");
	test_ok(!strncmp(off, begins, strlen(begins)) && strstr(off, sums) && strstr(off, "\nweft_drops_total{"),
		"off: metrics of interfaces, sums and counts");
	test_ok(!strncmp(on, off, strlen(off)), "on: the series for each peer are added to them");
	test_ok(count_of(on, ",name=\"") > 20 && count_of(keys, ",name=\"") == 3,
		"keys: a name is a label of the info metric alone");
	test_ok(strstr(keys, "weft_peer_info{" A "} 1\n") &&
		strstr(keys, "\nweft_peer_receive_packets_total{interface=\"wft0\",public_key=\"" KEY_A "\"} 7\n"),
		"keys: the key is in both");
	test_ok(count_of(keys, "\n") == count_of(on, "\n"), "keys: no series is missing");
	free(on);
	free(keys);
	free(off);
}

static const char host_text[] =
	"# HELP weft_module_loaded 1 if module weft is loaded.\n"
	"# TYPE weft_module_loaded gauge\nweft_module_loaded 0\n"
	"# HELP weft_time_seconds Time of the host's clock when the metrics were read.\n"
	"# TYPE weft_time_seconds gauge\nweft_time_seconds 1799999999\n";

static const char tunnels_text[] =
	"# HELP weft_tunnel_configured 1 if the interface has a configuration file.\n"
	"# TYPE weft_tunnel_configured gauge\n"
	"weft_tunnel_configured{interface=\"fleet0\"} 1\n"
	"weft_tunnel_configured{interface=\"wft0\"} 0\n"
	"# HELP weft_tunnel_up 1 if the interface exists and is up.\n"
	"# TYPE weft_tunnel_up gauge\n"
	"weft_tunnel_up{interface=\"fleet0\"} 0\n"
	"weft_tunnel_up{interface=\"wft0\"} 1\n"
	"# HELP weft_tunnel_readable 1 if the interface exists and could be read.\n"
	"# TYPE weft_tunnel_readable gauge\n"
	"weft_tunnel_readable{interface=\"fleet0\"} 0\n"
	"weft_tunnel_readable{interface=\"wft0\"} 1\n"
	"# HELP weft_receive_bytes_total Bytes of authenticated messages received.\n"
	"# TYPE weft_receive_bytes_total counter\n"
	"weft_receive_bytes_total{interface=\"wft0\"} 18446744073709551615\n"
	"# HELP weft_transmit_bytes_total Bytes of messages sent.\n"
	"# TYPE weft_transmit_bytes_total counter\n"
	"weft_transmit_bytes_total{interface=\"wft0\"} 2\n"
	"# HELP weft_receive_packets_total Authenticated messages received.\n"
	"# TYPE weft_receive_packets_total counter\n"
	"weft_receive_packets_total{interface=\"wft0\"} 3\n"
	"# HELP weft_transmit_packets_total Messages sent.\n"
	"# TYPE weft_transmit_packets_total counter\n"
	"weft_transmit_packets_total{interface=\"wft0\"} 4\n";

static const struct weft_metrics_tunnel tunnels[] = {
	{ .name = "fleet0", .configured = true },
	{ .name = "wft0", .there = true, .readable = true, .up = true, .counted = true, .rx_bytes = ~0ULL, .tx_bytes = 2,
	  .rx_packets = 3, .tx_packets = 4 },
};

/* A host without the module, and one with a missing tunnel. */
static void test_tunnels(void)
{
	char *out = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&out, &len);

	weft_metrics_print_host(stream, false, 1799999999);
	weft_metrics_print_tunnels(stream, NULL, 0);
	fflush(stream);
	test_text("no module, and no tunnel", out, host_text);
	rewind(stream);
	weft_metrics_print_tunnels(stream, tunnels, 2);
	fclose(stream);
	test_text("a missing tunnel", out, tunnels_text);
	free(out);
}

/* A reader would refuse the whole file for a name that is not UTF-8. */
static void test_bytes(void)
{
	static const struct weft_metrics_tunnel odd[] = {
		{ .name = "a\xff" }, { .name = "a\xfe\xc3\xbc" },
	};
	char *out = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&out, &len);

	weft_metrics_print_tunnels(stream, odd, 2);
	fclose(stream);
	test_ok(strstr(out, "weft_tunnel_up{interface=\"a\\\\xff\"} 0\n") &&
		strstr(out, "weft_tunnel_up{interface=\"a\\\\xfe\xc3\xbc\"} 0\n"),
		"names that are not UTF-8 are converted, and differ");
	free(out);
}

/* Runs "weft @words" on wft0 and wg0. Returns the standard output, for the caller to free. */
static char *test_run(const char *fail_name, int count, char **words,
		      int *status, char **err)
{
	struct test_bench bench;
	char *out;

	test_fill(&bench);
	/* The bench's copies have no names of their own. */
	free(bench.devices[0]->peers->name);
	bench.devices[0]->peers->name = NULL;
	bench.fail_name = fail_name;
	*status = weft_command_main(&bench.ctx, count, words);
	test_bench_flush(&bench);
	out = strdup(bench.out);
	*err = strdup(bench.err);
	test_bench_end(&bench);
	return out;
}

static void test_command(const char *name, const char *fail_name, char *text,
			 int want_status, const char *want_err, bool wft0,
			 bool wg0)
{
	char *words[8] = { "weft" }, *rest = NULL, *out, *err, *word;
	int count = 1, status;

	for (word = strtok_r(text, " ", &rest); word;
	     word = strtok_r(NULL, " ", &rest))
		words[count++] = word;
	out = test_run(fail_name, count, words, &status, &err);
	test_ok(status == want_status &&
		!!strstr(out, "weft_peers{interface=\"wft0\"} 2\n") == wft0 &&
		!!strstr(out, "weft_peers{interface=\"wg0\"} 1\n") == wg0,
		name);
	test_text(name, err, want_err);
	free(out);
	free(err);
}

static void test_commands(void)
{
	char all[] = "metrics", one[] = "metrics wg0", two[] = "metrics wg0 wft0";
	char none[] = "metrics nope", gone[] = "metrics", json[] = "-j metrics";
	char *twice[] = { "weft", "metrics", "wg0", "wg0", NULL };
	char *once[] = { "weft", "metrics", "wg0", NULL };
	char *out[2], *err[2];
	int status;

	test_command("all interfaces", NULL, all, 0, "", true, true);
	test_command("one interface", NULL, one, 0, "", false, true);
	test_command("two interfaces", NULL, two, 0, "", true, true);
	test_command("an unknown interface", NULL, none, 1,
		     "weft: cannot read interface 'nope': No such device\n",
		     false, false);
	test_command("an unreadable interface does not hide the other", "wft0",
		     gone, 1,
		     "weft: cannot read interface 'wft0': the link is gone\n",
		     false, true);
	test_command("metrics are not JSON", NULL, json, 1,
		     "weft: metrics: no JSON output\n"
		     "Usage: weft metrics [write FILE] [peers on|keys|off] [IFACE]...\n", false, false);
	out[0] = test_run(NULL, 4, twice, &status, &err[0]);
	out[1] = test_run(NULL, 3, once, &status, &err[1]);
	test_text("an interface named twice appears once", out[0], out[1]);
	free(out[0]);
	free(out[1]);
	free(err[0]);
	free(err[1]);
}

/* The words before the interfaces. */
static void test_words(void)
{
	char none[] = "metrics peers", wrong[] = "metrics peers of", last[] = "metrics wg0 peers";
	char off[] = "metrics peers off", twice[] = "metrics peers off wg0", other[] = "metrics peers off peers keys wg0";
	char *words[] = { "weft", "metrics", "peers", "off", NULL }, *out, *err;
	int status;

	test_command("peers without a value", NULL, none, 1,
		     "weft: metrics: peers: requires a value: on, keys or off\n", false, false);
	test_command("peers with a wrong value", NULL, wrong, 1,
		     "weft: metrics: peers: 'of': expected on, keys or off\n", false, false);
	test_command("an interface named peers", NULL, last, 1,
		     "weft: cannot read interface 'peers': No such device\n", false, true);
	test_command("peers off", NULL, off, 0, "", true, true);
	test_command("peers off of one interface", NULL, twice, 0, "", false, true);
	test_command("the last value counts", NULL, other, 0, "", false, true);
	out = test_run(NULL, 4, words, &status, &err);
	test_ok(!strstr(out, "weft_peer_") && strstr(out, "weft_peers_in_state{interface=\"wft0\",state=\"silent\"} 1\n"),
		"peers off: the output");
	test_ok(strstr(out, "\nweft_time_seconds 1000000000\n"), "the host's clock");
	test_ok(strstr(out, "\nweft_receive_bytes_total{interface=\"wft0\"} 101\n") &&
		strstr(out, "\nweft_transmit_bytes_total{interface=\"wft0\"} 102\n") &&
		strstr(out, "\nweft_receive_packets_total{interface=\"wft0\"} 103\n") &&
		strstr(out, "\nweft_transmit_packets_total{interface=\"wft0\"} 104\n") &&
		!strstr(out, "weft_receive_bytes_total{interface=\"wg0\"}"), "counters of the link, if the kernel reports them");
	free(out);
	free(err);
}

/* The kernel loads a module when a family is looked up by name. */
static void test_module(void)
{
	char *words[] = { "weft", "metrics", NULL };
	struct test_bench bench;

	test_bench_start(&bench, "");
	bench.fail_ready = "no";
	test_ok(!weft_command_main(&bench.ctx, 2, words), "no module: metrics");
	test_bench_flush(&bench);
	test_ok(strstr(bench.out, "weft_module_loaded 0\n"), "no module: error");
	test_ok(!bench.asked_ready, "no module: the kernel loads none");
	test_bench_end(&bench);
}

static char *test_read(const char *path)
{
	char text[65536] = "";
	FILE *file = fopen(path, "r");
	size_t len = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	if (file)
		fclose(file);
	text[len] = '\0';
	return strdup(text);
}

/* The file when no interface, one interface, or its folder cannot be read. */
static void test_write(void)
{
	char folder[] = "/tmp/weft-metrics-XXXXXX", path[64], nowhere[80];
	char *words[] = { "weft", "metrics", "write", path, NULL };
	char *named[] = { "weft", "metrics", "write", path, "wg0", NULL };
	char *pairs[] = { "weft", "metrics", "peers", "off", "write", path, "wft0", NULL };
	char *out, *err, *text;
	int status;

	if (!mkdtemp(folder))
		return;
	snprintf(path, sizeof(path), "%s/weft.prom", folder);
	out = test_run(NULL, 4, words, &status, &err);
	text = test_read(path);
	test_ok(!status && !*out && strstr(text, "weft_peers{interface=\"wft0\"} 2\n") &&
		strstr(text, "weft_tunnel_up{interface=\"wft0\"} 1\n"),
		"metrics are written");
	free(out);
	free(err);
	free(text);
	out = test_run(NULL, 5, named, &status, &err);
	text = test_read(path);
	test_ok(!status && !*out && !*err && strstr(text, "weft_peers{interface=\"wg0\"} 1\n") && !strstr(text, "wft0"),
		"metrics of one interface are written");
	free(out);
	free(err);
	free(text);
	out = test_run(NULL, 7, pairs, &status, &err);
	text = test_read(path);
	test_ok(!status && !*out && !*err && strstr(text, "weft_peers{interface=\"wft0\"} 2\n") && !strstr(text, "weft_peer_"),
		"metrics without series for each peer are written");
	free(out);
	free(err);
	free(text);
	out = test_run("wft0", 4, words, &status, &err);
	text = test_read(path);
	test_ok(status == 1 && !strstr(text, "weft_peers{interface=\"wft0\"}") &&
		strstr(text, "weft_peers{interface=\"wg0\"} 1\n") &&
		strstr(text, "weft_tunnel_readable{interface=\"wft0\"} 0\n") &&
		strstr(text, "weft_tunnel_up{interface=\"wft0\"} 1\n"),
		"an unreadable interface leaves no stale file");
	free(out);
	free(err);
	free(text);
	snprintf(nowhere, sizeof(nowhere), "%s/other", folder);
	unlink(path);
	test_ok(!symlink(nowhere, path), "a link to another file");
	out = test_run(NULL, 4, words, &status, &err);
	text = test_read(path);
	test_ok(!status && strstr(text, "weft_peers") && access(nowhere, F_OK),
		"a link to another file is not followed");
	free(out);
	free(err);
	free(text);
	unlink(path);
	rmdir(folder);
	snprintf(nowhere, sizeof(nowhere), "%s/weft.prom", folder);
	words[3] = nowhere;
	out = test_run(NULL, 4, words, &status, &err);
	test_ok(status == 1 && *err, "a missing folder");
	free(out);
	free(err);
	out = test_run(NULL, 3, words, &status, &err);
	test_ok(status == 1 && strstr(err, "write: requires a value"), "no file");
	free(out);
	free(err);
}

/* Without readable folders the tunnels with files are unknown. */
static void test_folders(void)
{
	char *words[] = { "weft", "metrics", NULL }, *out, *err;
	int status;

	if (symlink("wireguard", "/etc/wireguard"))
		test_bail("no link in /etc");
	out = test_run(NULL, 2, words, &status, &err);
	test_ok(status == 1 && strstr(out, "weft_tunnel_up{interface=\"wft0\"} 1\n"),
		"a folder that cannot be read: status");
	test_text("a folder that cannot be read: error", err,
		  "weft: cannot read the folder '/etc/wireguard': Too many levels of symbolic links\n");
	free(out);
	free(err);
	unlink("/etc/wireguard");
}

static int test_print(void)
{
	struct test_bench bench;

	test_fill(&bench);
	weft_metrics_print_host(stdout, true, 1799999999);
	weft_metrics_print_tunnels(stdout, tunnels, 2);
	weft_metrics_print(stdout, bench.devices, 2, WEFT_METRICS_PEERS_ON);
	test_bench_end(&bench);
	return 0;
}

int main(int argc, char **argv)
{
	bool has_etc;

	if (argc == 2 && !strcmp(argv[1], "print"))
		return test_print();
	has_etc = test_enter_etc();
	test_golden();
	test_peers();
	test_bytes();
	test_tunnels();
	test_commands();
	test_words();
	test_module();
	test_write();
	if (has_etc)
		test_folders();
	else
		printf("# no namespace: folders that cannot be read are not tried\n");
	return test_end();
}
