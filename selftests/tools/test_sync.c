// SPDX-License-Identifier: GPL-2.0
/*
 * syncconf: the difference between a device and a configuration. A table of single differences,
 * then random devices: a fake kernel that gets the difference ends in the state of one that got the
 * whole configuration.
 */
#include <arpa/inet.h>
#include <linux/weft.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/sync.h"
#include "cli/command.h"
#include "conf/config.h"
#include "conf/resolve.h"
#include "model/attr.h"
#include "support.h"

#define PEER_A	"[Peer]\nPublicKey = " KEY_A "\n"
#define PEER_B	"[Peer]\nPublicKey = " KEY_B "\n"
#define PEER_C	"[Peer]\nPublicKey = " KEY_C "\n"
#define DEVICE	"[Interface]\nPrivateKey = " KEY_P "\nListenPort = 5\nFwMark = 7\n"

/**
 * struct sync_case - a device, a configuration, and their difference
 * @name: the case
 * @have: the device
 * @want: the configuration
 * @weft: the change for a weft interface
 * @wireguard: for a wireguard one, if it differs
 */
static const struct sync_case {
	const char *name;
	const char *have;
	const char *want;
	const char *weft;
	const char *wireguard;
} cases[] = {
	{
		.name = "nothing differs",
		.have = DEVICE PEER_A "PresharedKey = " KEY_B
			"\nAllowedIPs = 10.0.0.0/8, ::/0\nEndpoint = 1.2.3.4:5\nPersistentKeepalive = 9\n",
		.want = DEVICE PEER_A "AllowedIPs = ::/0\nEndpoint = 1.2.3.4:5\nAllowedIPs = 10.9.9.9/8\nPersistentKeepalive = 9\nPresharedKey = " KEY_B
			"\n",
		.weft = "wg0:\n",
	}, {
		.name = "both empty", .have = "", .want = "", .weft = "wg0:\n",
	}, {
		.name = "another port",
		.have = DEVICE, .want = "[Interface]\nPrivateKey = " KEY_P
			"\nListenPort = 6\nFwMark = 7\n",
		.weft = "wg0: port=6\n",
	}, {
		.name = "a file without a port keeps the port",
		.have = DEVICE, .want = "[Interface]\nPrivateKey = " KEY_P "\nFwMark = 7\n",
		.weft = "wg0:\n",
	}, {
		.name = "a mark and a key removed",
		.have = DEVICE, .want = "[Interface]\nListenPort = 5\n",
		.weft = "wg0: key=0 fwmark=0x0\n",
	}, {
		.name = "weft's own settings, unknown",
		.have = "[Interface]\nPMTU = on\nDSCP = 8\n", .want = "[Interface]\nPMTU = on\nDSCP = 8\n",
		.weft = "wg0: pmtu=1 dscp=8\n", .wireguard = "wg0:\n",
	}, {
		.name = "a key added",
		.have = "", .want = "[Interface]\nPrivateKey = " KEY_P "\n",
		.weft = "wg0: key=P\n",
	}, {
		.name = "a new peer",
		.have = PEER_A, .want = PEER_A PEER_B "AllowedIPs = ::/0\n",
		.weft = "wg0:\npeer B: psk=0 keepalive=0 replace-ips +::/0\n",
	}, {
		.name = "a removed peer",
		.have = PEER_A PEER_B, .want = PEER_B,
		.weft = "wg0:\npeer A: remove\n",
	}, {
		.name = "all peers removed",
		.have = PEER_C PEER_A PEER_B, .want = "",
		.weft = "wg0:\npeer A: remove\npeer B: remove\npeer C: remove\n",
	}, {
		.name = "a preshared key missing in the file is removed",
		.have = PEER_A "PresharedKey = " KEY_B "\n", .want = PEER_A,
		.weft = "wg0:\npeer A: update-only psk=0\n",
	}, {
		.name = "another preshared key",
		.have = PEER_A "PresharedKey = " KEY_B "\n",
		.want = PEER_A "PresharedKey = " KEY_C "\n",
		.weft = "wg0:\npeer A: update-only psk=C\n",
	}, {
		.name = "a next key",
		.have = PEER_A, .want = PEER_A "NextPublicKey = " KEY_B "\n",
		.weft = "wg0:\npeer A: update-only next=B\n",
		.wireguard = "wg0:\n",
	}, {
		.name = "a next key missing in the file is removed",
		.have = PEER_A "NextPublicKey = " KEY_B "\n", .want = PEER_A,
		.weft = "wg0:\npeer A: update-only next=0\n",
		.wireguard = "wg0:\n",
	}, {
		.name = "a peer by its next key is the same peer",
		.have = PEER_A "NextPublicKey = " KEY_B "\n", .want = PEER_B,
		.weft = "wg0:\n",
		.wireguard = "wg0:\npeer B: psk=0 keepalive=0 replace-ips\npeer A: remove\n",
	}, {
		.name = "a peer with its next key is the same peer",
		.have = PEER_B, .want = PEER_A "NextPublicKey = " KEY_B "\n",
		.weft = "wg0:\n",
		.wireguard = "wg0:\npeer A: psk=0 next=B keepalive=0 replace-ips\npeer B: remove\n",
	}, {
		.name = "a peer by its next key, with another change",
		.have = PEER_A "NextPublicKey = " KEY_B "\n",
		.want = PEER_B "PersistentKeepalive = 5\n",
		.weft = "wg0:\npeer A: update-only keepalive=5\n",
		.wireguard = "wg0:\npeer B: psk=0 keepalive=5 replace-ips\npeer A: remove\n",
	}, {
		.name = "two peers, one with the other's next key",
		.have = PEER_A "NextPublicKey = " KEY_B "\n", .want = PEER_A PEER_B,
		.weft = "wg0:\npeer A: update-only next=0\npeer B: psk=0 keepalive=0 replace-ips\n",
		.wireguard = "wg0:\npeer B: psk=0 keepalive=0 replace-ips\n",
	}, {
		.name = "a next preshared key",
		.have = PEER_A "PresharedKey = " KEY_B "\n",
		.want = PEER_A "PresharedKey = " KEY_B "\nNextPresharedKey = " KEY_C "\n",
		.weft = "wg0:\npeer A: update-only next-psk=C\n",
		.wireguard = "wg0:\n",
	}, {
		.name = "a preshared key equal to the next one",
		.have = PEER_A "PresharedKey = " KEY_B "\nNextPresharedKey = " KEY_C "\n",
		.want = PEER_A "PresharedKey = " KEY_C "\n",
		.weft = "wg0:\n",
	}, {
		.name = "a next preshared key in use",
		.have = PEER_A "PresharedKey = " KEY_C "\n",
		.want = PEER_A "PresharedKey = " KEY_B "\nNextPresharedKey = " KEY_C "\n",
		.weft = "wg0:\n",
	}, {
		.name = "a keepalive missing in the file is removed",
		.have = PEER_A "PersistentKeepalive = 5\n", .want = PEER_A,
		.weft = "wg0:\npeer A: update-only keepalive=0\n",
	}, {
		.name = "another endpoint",
		.have = PEER_A "Endpoint = 1.2.3.4:5\n",
		.want = PEER_A "Endpoint = 1.2.3.4:6\n",
		.weft = "wg0:\npeer A: update-only endpoint=1.2.3.4:6\n",
	}, {
		.name = "an endpoint of the other family",
		.have = PEER_A "Endpoint = 1.2.3.4:5\n",
		.want = PEER_A "Endpoint = [::1]:5\n",
		.weft = "wg0:\npeer A: update-only endpoint=[::1]:5\n",
	}, {
		.name = "a file without an endpoint keeps the learnt one",
		.have = PEER_A "Endpoint = 1.2.3.4:5\n", .want = PEER_A,
		.weft = "wg0:\npeer A: update-only candidates\n", .wireguard = "wg0:\n",
	}, {
		.name = "several endpoints",
		.have = PEER_A "Endpoint = 1.2.3.4:5\n",
		.want = PEER_A "Endpoint = 1.2.3.4:5, 1.2.3.5:5\n",
		.weft = "wg0:\npeer A: update-only candidates=1.2.3.4:5,1.2.3.5:5\n",
		.wireguard = "wg0:\n",
	}, {
		.name = "several endpoints in another order, and one that failed over",
		.have = PEER_A "Endpoint = 1.2.3.4:5, [::1]:5\n",
		.want = PEER_A "Endpoint = [::1]:5, 1.2.3.4:5\n",
		.weft = "wg0:\n",
		.wireguard = "wg0:\npeer A: update-only endpoint=[::1]:5\n",
	}, {
		.name = "several endpoints, without the peer's current one",
		.have = PEER_A "Endpoint = 1.2.3.4:5, 1.2.3.5:5\n",
		.want = PEER_A "Endpoint = 1.2.3.6:5, 1.2.3.5:5\n",
		.weft = "wg0:\npeer A: update-only endpoint=1.2.3.6:5 candidates=1.2.3.6:5,1.2.3.5:5\n",
		.wireguard = "wg0:\npeer A: update-only endpoint=1.2.3.6:5\n",
	}, {
		.name = "one endpoint in place of several",
		.have = PEER_A "Endpoint = 1.2.3.4:5, 1.2.3.5:5\n",
		.want = PEER_A "Endpoint = 1.2.3.4:5\n",
		.weft = "wg0:\npeer A: update-only candidates=1.2.3.4:5\n",
		.wireguard = "wg0:\n",
	}, {
		.name = "a peer that gets pinned, and one that gets unpinned",
		.have = PEER_A PEER_B "Roam = off\n",
		.want = PEER_A "Roam = off\n" PEER_B,
		.weft = "wg0:\npeer A: update-only roam=0\npeer B: update-only roam=1\n",
		.wireguard = "wg0:\n",
	}, {
		.name = "a prefix more",
		.have = PEER_A "AllowedIPs = 10.0.0.0/8\n",
		.want = PEER_A "AllowedIPs = 10.0.0.0/8, ::/0\n",
		.weft = "wg0:\npeer A: update-only +::/0\n",
	}, {
		.name = "a prefix less",
		.have = PEER_A "AllowedIPs = 10.0.0.0/8, ::/0\n",
		.want = PEER_A "AllowedIPs = 10.0.0.0/8\n",
		.weft = "wg0:\npeer A: update-only -::/0\n",
		.wireguard = "wg0:\npeer A: update-only replace-ips +10.0.0.0/8\n",
	}, {
		.name = "no prefix left",
		.have = PEER_A "AllowedIPs = 10.0.0.0/8\n", .want = PEER_A,
		.weft = "wg0:\npeer A: update-only -10.0.0.0/8\n",
		.wireguard = "wg0:\npeer A: update-only replace-ips\n",
	}, {
		.name = "another length of one address",
		.have = PEER_A "AllowedIPs = 10.0.0.0/8\n",
		.want = PEER_A "AllowedIPs = 10.0.0.0/9\n",
		.weft = "wg0:\npeer A: update-only +10.0.0.0/9 -10.0.0.0/8\n",
		.wireguard = "wg0:\npeer A: update-only replace-ips +10.0.0.0/9\n",
	}, {
		.name = "a prefix that moves to another peer",
		.have = PEER_A "AllowedIPs = 10.0.0.0/8\n" PEER_B "AllowedIPs = 11.0.0.0/8\n",
		.want = PEER_A PEER_B "AllowedIPs = 11.0.0.0/8, 10.0.0.0/8\n",
		.weft = "wg0:\npeer A: update-only -10.0.0.0/8\npeer B: update-only +10.0.0.0/8\n",
		.wireguard =
			"wg0:\npeer A: update-only replace-ips\npeer B: update-only +10.0.0.0/8\n",
	}, {
		.name = "a prefix that moves from a removed peer",
		.have = PEER_A "AllowedIPs = 10.0.0.0/8\n",
		.want = PEER_B "AllowedIPs = 10.0.0.0/8\n",
		.weft = "wg0:\npeer B: psk=0 keepalive=0 replace-ips +10.0.0.0/8\npeer A: remove\n",
	}, {
		.name = "a prefix of two peers belongs to the last one",
		.have = PEER_A PEER_B "AllowedIPs = ::/0\n",
		.want = PEER_A "AllowedIPs = ::/0\n" PEER_B "AllowedIPs = ::1/0\n",
		.weft = "wg0:\n",
	}, {
		.name = "a prefix twice for one peer",
		.have = PEER_A "AllowedIPs = ::/0\n",
		.want = PEER_A "AllowedIPs = ::/0, ::1/0\n",
		.weft = "wg0:\n",
	}, {
		.name = "a name added, another removed",
		.have = PEER_A "Name = x\n" PEER_B,
		.want = PEER_A PEER_B "Name = y\n",
		.weft = "wg0:\npeer A: update-only name=''\npeer B: update-only name='y'\n",
		.wireguard = "wg0:\n",
	}, {
		.name = "the same names",
		.have = PEER_A "Name = x\n", .want = PEER_A "Name = x\n", .weft = "wg0:\n",
	}, {
		.name = "names that are swapped are both removed first",
		.have = PEER_A "Name = x\n" PEER_B "Name = y\n",
		.want = PEER_A "Name = y\n" PEER_B "Name = x\n",
		.weft = "wg0:\npeer B: update-only name=''\npeer A: update-only name=''\n"
			"peer A: update-only name='y'\npeer B: update-only name='x'\n",
		.wireguard = "wg0:\n",
	}, {
		.name = "a name that moves from a removed peer to a new one",
		.have = PEER_A "Name = x\n", .want = PEER_B "Name = x\n",
		.weft = "wg0:\npeer A: update-only name=''\npeer B: name='x' psk=0 keepalive=0 replace-ips\n"
			"peer A: remove\n",
		.wireguard = "wg0:\npeer B: name='x' psk=0 keepalive=0 replace-ips\npeer A: remove\n",
	}, {
		.name = "a peer given twice gets its last settings",
		.have = PEER_A "PersistentKeepalive = 4\nEndpoint = 1.1.1.1:1\n",
		.want = PEER_A "PersistentKeepalive = 3\nEndpoint = 1.1.1.1:2\n" PEER_A
			"PersistentKeepalive = 4\n",
		.weft = "wg0:\npeer A: update-only endpoint=1.1.1.1:2\n",
	},
};

static struct weft_device *test_want(const char *conf)
{
	struct weft_device *dev;
	char *text = strdup(conf);
	struct test_bench bench;

	test_bench_start(&bench, "");
	dev = weft_config_parse(&bench.ctx, "want", text, "wg0", true);
	if (!dev || !weft_resolve_device(&bench.ctx, "want", dev)) {
		test_bench_flush(&bench);
		printf("Bail out! %s\n", bench.err);
		exit(1);
	}
	test_bench_end(&bench);
	free(text);
	return dev;
}

static void test_one(const char *name, const struct sync_case *test,
		     enum weft_kind kind, const char *change)
{
	struct weft_device *have = test_device("wg0", kind, test->have);
	struct weft_device *want = test_want(test->want);
	char title[128], *text;

	snprintf(title, sizeof(title), "%s (%s)", name,
		 weft_model_kind_name(kind));
	if (weft_sync_reduce(have, want))
		text = test_describe(want);
	else
		text = strdup("out of memory");
	test_text(title, text, change);
	snprintf(title, sizeof(title), "%s (%s): emptiness", name,
		 weft_model_kind_name(kind));
	test_ok(weft_sync_is_empty(want) == !strcmp(change, "wg0:\n"), title);
	weft_model_device_free(have);
	weft_model_device_free(want);
	free(text);
}

static void test_cases(void)
{
	const struct sync_case *test = cases;

	for (; test < cases + ARRAY_SIZE(cases); test++) {
		test_one(test->name, test, WEFT_KIND_WEFT, test->weft);
		test_one(test->name, test, WEFT_KIND_WIREGUARD,
			 test->wireguard ?: test->weft);
	}
}

#define NAMED(x)	PEER_A "Endpoint = " x "\n"

/**
 * struct roam_case - a peer whose endpoint differs from its file
 * @name: the case
 * @before: the file that was applied last
 * @at: the peer's endpoint, NULL for the first one of @before
 * @state: the peer's state, -1 if unknown
 * @want: the new file; "?" in it stands for a name that does not resolve
 * @change: the request to the kernel
 */
static const struct roam_case {
	const char *name;
	const char *before;
	const char *at;
	int state;
	const char *want;
	const char *change;
} roams[] = {
	{ "a peer that has roamed stays", NAMED("1.2.3.4:5"), "9.9.9.9:9", WEFT_PEER_STATE_UP, NAMED("1.2.3.4:5"), "" },
	{ "a silent peer that has roamed stays", NAMED("1.2.3.4:5"), "9.9.9.9:9", WEFT_PEER_STATE_SILENT, NAMED("1.2.3.4:5"), "" },
	{ "a peer that has roamed to the other family stays", NAMED("1.2.3.4:5"), "[2001:db8::9]:5", WEFT_PEER_STATE_UP, NAMED("1.2.3.4:5"), "" },
	{ "a peer without a session gets its file's endpoint", NAMED("1.2.3.4:5"), "9.9.9.9:9", WEFT_PEER_STATE_IDLE, NAMED("1.2.3.4:5"),
	  "peer A: update-only endpoint=1.2.3.4:5\n" },
	{ "a peer that was given up gets its file's endpoint", NAMED("1.2.3.4:5"), "9.9.9.9:9", WEFT_PEER_STATE_GIVEN_UP, NAMED("1.2.3.4:5"),
	  "peer A: update-only endpoint=1.2.3.4:5\n" },
	{ "a peer during a handshake gets its file's endpoint", NAMED("1.2.3.4:5"), "9.9.9.9:9", WEFT_PEER_STATE_HANDSHAKING, NAMED("1.2.3.4:5"),
	  "peer A: update-only endpoint=1.2.3.4:5\n" },
	{ "a peer in an unknown state gets its file's endpoint", NAMED("1.2.3.4:5"), "9.9.9.9:9", -1, NAMED("1.2.3.4:5"),
	  "peer A: update-only endpoint=1.2.3.4:5\n" },
	{ "a changed endpoint in the file is set", NAMED("1.2.3.4:5"), "9.9.9.9:9", WEFT_PEER_STATE_UP, NAMED("1.2.3.5:5"),
	  "peer A: update-only endpoint=1.2.3.5:5\n" },
	{ "a changed endpoint equal to the current one is not set", NAMED("1.2.3.4:5"), "9.9.9.9:9", WEFT_PEER_STATE_UP, NAMED("9.9.9.9:9"),
	  "peer A: update-only candidates=9.9.9.9:9\n" },
	{ "a peer stays with the same several endpoints", NAMED("1.2.3.4:5, 1.2.3.5:5"), "9.9.9.9:9", WEFT_PEER_STATE_GIVEN_UP,
	  NAMED("1.2.3.5:5, 1.2.3.4:5"), "" },
	{ "a peer stays at one of several new endpoints", NAMED("1.2.3.4:5, 1.2.3.5:5"), "1.2.3.5:5", WEFT_PEER_STATE_UP,
	  NAMED("1.2.3.5:5, 1.2.3.6:5"), "peer A: update-only candidates=1.2.3.5:5,1.2.3.6:5\n" },
	{ "a peer at none of several new endpoints", NAMED("1.2.3.4:5, 1.2.3.5:5"), "9.9.9.9:9", WEFT_PEER_STATE_UP,
	  NAMED("1.2.3.5:5, 1.2.3.6:5"), "peer A: update-only endpoint=1.2.3.5:5 candidates=1.2.3.5:5,1.2.3.6:5\n" },
	{ "an unresolved name changes no endpoint", NAMED("1.2.3.4:5"), "9.9.9.9:9", WEFT_PEER_STATE_GIVEN_UP, NAMED("x.?:5"), "" },
	{ "an unresolved name among several changes no endpoint", NAMED("1.2.3.4:5, 1.2.3.5:5"), "9.9.9.9:9", WEFT_PEER_STATE_GIVEN_UP,
	  NAMED("x.?:5, 1.2.3.6:5"), "peer A: update-only candidates=1.2.3.6:5,1.2.3.4:5,1.2.3.5:5\n" },
	{ "an unresolved name removes no candidate", NAMED("1.2.3.4:5, 1.2.3.5:5"), "1.2.3.4:5", WEFT_PEER_STATE_UP,
	  NAMED("x.?:5, 1.2.3.5:5"), "" },
	{ "an unresolved name sets nothing for a peer without an endpoint", NAMED("1.2.3.4:5, 1.2.3.5:5"), "nowhere", WEFT_PEER_STATE_IDLE,
	  NAMED("x.?:5, 1.2.3.5:5"), "" },
	{ "a peer without an endpoint gets the resolved candidates", PEER_A, NULL, WEFT_PEER_STATE_IDLE, NAMED("x.?:5, 1.2.3.6:5"),
	  "peer A: update-only endpoint=1.2.3.6:5\n" },
};

/* The same of a fleet, whose endpoints change by themselves. */
static const struct roam_case fleet_roams[] = {
	{ "fleet: a peer at none of several new endpoints stays", NAMED("1.2.3.4:5, 1.2.3.5:5"), "9.9.9.9:9", WEFT_PEER_STATE_UP,
	  NAMED("1.2.3.5:5, 1.2.3.6:5"), "peer A: update-only candidates=1.2.3.5:5,1.2.3.6:5\n" },
	{ "fleet: a peer that has called, and gets its first endpoint", PEER_A, "9.9.9.9:9", WEFT_PEER_STATE_UP, NAMED("1.2.3.5:5"),
	  "peer A: update-only candidates=1.2.3.5:5\n" },
	{ "fleet: an endpoint that is withdrawn stays while the peer answers there", NAMED("1.2.3.4:5, 1.2.3.5:5"), "1.2.3.4:5",
	  WEFT_PEER_STATE_UP, NAMED("1.2.3.5:5, 1.2.3.6:5"), "peer A: update-only candidates=1.2.3.5:5,1.2.3.6:5\n" },
	{ "fleet: ... and beside a single other one", NAMED("1.2.3.4:5, 1.2.3.5:5"), "1.2.3.4:5", WEFT_PEER_STATE_UP,
	  NAMED("1.2.3.5:5"), "peer A: update-only candidates=1.2.3.5:5\n" },
	{ "fleet: one that does not answer goes", NAMED("1.2.3.4:5, 1.2.3.5:5"), "9.9.9.9:9", WEFT_PEER_STATE_SILENT,
	  NAMED("1.2.3.5:5, 1.2.3.6:5"), "peer A: update-only endpoint=1.2.3.5:5 candidates=1.2.3.5:5,1.2.3.6:5\n" },
	{ "fleet: nor one without a session", NAMED("1.2.3.4:5"), "9.9.9.9:9", WEFT_PEER_STATE_IDLE, NAMED("1.2.3.5:5"),
	  "peer A: update-only endpoint=1.2.3.5:5\n" },
	{ "fleet: a peer without an endpoint gets one", PEER_A, "nowhere", WEFT_PEER_STATE_UP, NAMED("1.2.3.5:5"),
	  "peer A: update-only endpoint=1.2.3.5:5\n" },
};

static int roam_lookup(const char *host, const char *port,
		       const struct addrinfo *hints, struct addrinfo **found)
{
	(void)hints;
	return strchr(host, '?') ? EAI_NONAME :
				   getaddrinfo(host, port, hints, found);
}

static void test_roam(const struct roam_case *test, bool fleet)
{
	struct weft_device *have = test_device("wg0", WEFT_KIND_WEFT, test->before);
	char *text = strdup(test->want), *change, want_text[256];
	struct weft_device *want, *now;
	struct test_bench bench;

	if (test->at && !strcmp(test->at, "nowhere")) {
		have->peers->endpoint.any.sa_family = AF_UNSPEC;
	} else if (test->at) {
		snprintf(want_text, sizeof(want_text), NAMED("%s"), test->at);
		now = test_device("wg0", WEFT_KIND_WEFT, want_text);
		have->peers->endpoint = now->peers->endpoint;
		weft_model_device_free(now);
	}
	if (test->state >= 0) {
		have->peers->known |= WEFT_ATTR_BIT(WEFT_PEER_A_STATE);
		have->peers->state = test->state;
	}
	test_bench_start(&bench, "");
	bench.ctx.lookup = roam_lookup;
	want = weft_config_parse(&bench.ctx, "want", text, "wg0", true);
	if (want)
		want->peers->keeps_endpoint = fleet;
	test_ok(want && weft_resolve_leniently(&bench.ctx, "want", want) &&
		weft_sync_reduce(have, want), test->name);
	change = test_describe(want);
	snprintf(want_text, sizeof(want_text), "wg0:\n%s", test->change);
	test_text("  the request", change, want_text);
	free(change);
	free(text);
	weft_model_device_free(want);
	weft_model_device_free(have);
	test_bench_end(&bench);
}

/* Runs "weft resolve" with a file, on a link whose peers are silent. Returns its status. */
static int resolve_with(struct test_bench *bench, const char *conf, const char *running, typeof(getaddrinfo) *lookup)
{
	char folder[] = "/tmp/weft-sync-XXXXXX", path[64];
	char *words[] = { path, NULL };
	FILE *file;
	int status;

	if (!mkdtemp(folder))
		test_bail("no folder");
	snprintf(path, sizeof(path), "%s/wg0.conf", folder);
	file = fopen(path, "w");
	if (!file || fputs(conf, file) < 0 || fclose(file))
		test_bail("no file");
	test_bench_start(bench, "");
	bench->ctx.lookup = lookup;
	bench->devices[0] = test_device("wg0", WEFT_KIND_WEFT, running);
	status = weft_command_resolve(&bench->ctx, 1, words);
	unlink(path);
	rmdir(folder);
	return status;
}

/* A peer whose endpoint's name does not resolve. */
static void test_resolve_keeps(void)
{
	struct test_bench bench;

	test_ok(!resolve_with(&bench, NAMED("x.?:5, 1.2.3.6:5"), NAMED("1.2.3.4:5, 1.2.3.5:5"), roam_lookup),
		"resolve, with a name without an address");
	test_text("resolve keeps the peer's candidates", bench.sent,
		  "wg0:\npeer A: update-only endpoint=1.2.3.6:5 candidates=1.2.3.6:5,1.2.3.4:5,1.2.3.5:5\n");
	test_bench_end(&bench);
}

static int found_lookup(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found)
{
	(void)host;
	return getaddrinfo("1.2.3.6", port, hints, found);
}

static struct test_bench *removing_bench;

/* Removes the peer during the lookup of its endpoint. */
static int removing_lookup(const char *host, const char *port, const struct addrinfo *hints,
			   struct addrinfo **found)
{
	weft_model_device_free(removing_bench->devices[0]);
	removing_bench->devices[0] = test_device("wg0", WEFT_KIND_WEFT, "[Interface]\nPrivateKey = " KEY_P "\n");
	return found_lookup(host, port, hints, found);
}

/* A change by the peer's name does not add the removed peer again. A change by its key would. */
static void test_set_named(const char *peer, const char *sent, const char *complaint)
{
	char *words[] = { "wg0", "peer", (char *)peer, "endpoint", "hub.example:5", NULL };
	struct test_bench bench;
	int status;

	test_bench_start(&bench, "");
	removing_bench = &bench;
	bench.ctx.lookup = removing_lookup;
	bench.devices[0] = test_device("wg0", WEFT_KIND_WEFT, "[Interface]\nPrivateKey = " KEY_P
				       "\n[Peer]\nPublicKey = " KEY_A "\nName = hub\n");
	status = weft_command_set(&bench.ctx, 5, words);
	test_bench_flush(&bench);
	test_ok(status == !!*complaint, "set of a peer that is removed meanwhile");
	test_text("set of a peer that is removed meanwhile: sent", bench.sent, sent);
	test_text("set of a peer that is removed meanwhile: error", bench.err, complaint);
	test_bench_end(&bench);
}

/* The file has the peer's former key. */
static void test_resolve_follows(void)
{
	struct test_bench bench;

	resolve_with(&bench, "[Interface]\nPrivateKey = " KEY_P "\n[Peer]\nPublicKey = " KEY_A "\nNextPublicKey = " KEY_B
		     "\nEndpoint = hub.example:5\n",
		     "[Interface]\nPrivateKey = " KEY_P "\n[Peer]\nPublicKey = " KEY_B "\nEndpoint = 1.2.3.4:5\n",
		     found_lookup);
	test_ok(strstr(bench.sent, "peer B: update-only endpoint="), "resolve finds a peer with its next key");
	test_bench_end(&bench);
}

/* A fake kernel: few peers, few prefixes, and the effect of one SET. */
#define FAKE_PEERS	6
#define FAKE_PREFIXES	8
#define FAKE_ROUNDS	3000

struct fake_kernel {
	struct {
		bool exists;
		char psk;
		unsigned int keepalive;
		unsigned int port;	/* of its endpoint, 0 without one */
		unsigned int listed;	/* of its configured endpoint */
		bool alive;		/* has a session */
	} peers[FAKE_PEERS];
	int owner[FAKE_PREFIXES];	/* of each prefix, -1 without one */
	char key;
	unsigned int mark;
};

static void fake_init(struct fake_kernel *kernel)
{
	int i;

	memset(kernel, 0, sizeof(*kernel));
	for (i = 0; i < FAKE_PREFIXES; i++)
		kernel->owner[i] = -1;
}

static void fake_disown(struct fake_kernel *kernel, int peer)
{
	int i;

	for (i = 0; i < FAKE_PREFIXES; i++)
		if (kernel->owner[i] == peer)
			kernel->owner[i] = -1;
}

static void fake_remove(struct fake_kernel *kernel, int peer)
{
	fake_disown(kernel, peer);
	memset(&kernel->peers[peer], 0, sizeof(kernel->peers[peer]));
}

/* Prefix n is 10.n.0.0/16. */
static void fake_set_prefixes(struct fake_kernel *kernel, int id,
			      const struct weft_peer *peer)
{
	const struct weft_allowedip *ip;
	int n;

	for (ip = peer->allowedips; ip; ip = ip->next) {
		n = ((const unsigned char *)&ip->ip4)[1];
		if (!ip->remove)
			kernel->owner[n] = id;
		else if (kernel->owner[n] == id)
			kernel->owner[n] = -1;
	}
}

static void fake_set_peer(struct fake_kernel *kernel,
			  const struct weft_peer *peer)
{
	int id = peer->public_key.bytes[0] - 'A';

	if (peer->has & WEFT_PEER_REMOVE) {
		fake_remove(kernel, id);
		return;
	}
	if (!kernel->peers[id].exists && peer->has & WEFT_PEER_UPDATE_ONLY)
		return;
	kernel->peers[id].exists = true;
	if (peer->has & WEFT_PEER_HAS_PRESHARED_KEY)
		kernel->peers[id].psk = peer->preshared_key.bytes[0];
	if (peer->has & WEFT_PEER_HAS_KEEPALIVE)
		kernel->peers[id].keepalive = peer->keepalive;
	if (peer->endpoint.any.sa_family != AF_UNSPEC)
		kernel->peers[id].port = ntohs(peer->endpoint.ip4.sin_port);
	if (peer->has & WEFT_PEER_HAS_CANDIDATES)
		kernel->peers[id].listed = peer->candidate_count ?
			ntohs(peer->candidates[0].ip4.sin_port) : 0;
	if (peer->has & WEFT_PEER_REPLACE_ALLOWEDIPS)
		fake_disown(kernel, id);
	fake_set_prefixes(kernel, id, peer);
}

static void fake_set(struct fake_kernel *kernel,
		     const struct weft_device *dev)
{
	const struct weft_peer *peer;
	int i;

	if (dev->has & WEFT_DEVICE_HAS_PRIVATE_KEY)
		kernel->key = dev->private_key.bytes[0];
	if (dev->has & WEFT_DEVICE_HAS_FWMARK)
		kernel->mark = dev->fwmark;
	if (dev->has & WEFT_DEVICE_REPLACE_PEERS)
		for (i = 0; i < FAKE_PEERS; i++)
			fake_remove(kernel, i);
	for (peer = dev->peers; peer; peer = peer->next)
		fake_set_peer(kernel, peer);
}

static void fake_print_peer(const struct fake_kernel *kernel, int id,
			    FILE *out)
{
	struct weft_key key;
	int n;

	memset(key.bytes, 'A' + id, sizeof(key.bytes));
	fprintf(out, "[Peer]\nPublicKey = %s\n", weft_key_encode(&key).chars);
	if (kernel->peers[id].psk) {
		memset(key.bytes, kernel->peers[id].psk, sizeof(key.bytes));
		fprintf(out, "PresharedKey = %s\n",
			weft_key_encode(&key).chars);
	}
	fprintf(out, "PersistentKeepalive = %u\n", kernel->peers[id].keepalive);
	if (kernel->peers[id].port)
		fprintf(out, "Endpoint = 1.1.1.1:%u\n", kernel->peers[id].port);
	for (n = 0; n < FAKE_PREFIXES; n++)
		if (kernel->owner[n] == id)
			fprintf(out, "AllowedIPs = 10.%d.0.0/16\n", n);
}

/* Prints the kernel's state as a file, for the caller to free. */
static char *fake_print(const struct fake_kernel *kernel)
{
	struct weft_key key;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int id;

	fprintf(out, "[Interface]\nFwMark = %u\n", kernel->mark);
	if (kernel->key) {
		memset(key.bytes, kernel->key, sizeof(key.bytes));
		fprintf(out, "PrivateKey = %s\n", weft_key_encode(&key).chars);
	}
	for (id = 0; id < FAKE_PEERS; id++)
		if (kernel->peers[id].exists)
			fake_print_peer(kernel, id, out);
	fclose(out);
	return text;
}

/*
 * A file with some of the peers in any order, and possibly a prefix twice. No peer appears twice:
 * setconf then leaves a prefix without an owner if a peer's first section took it from another
 * peer, and syncconf does not.
 */
static char *fake_random_conf(void)
{
	int peers = random() % (FAKE_PEERS + 1), prefixes;
	int next = random() % FAKE_PEERS, step = random() % 2 ? 1 : FAKE_PEERS - 1;
	char *text = NULL;
	struct weft_key key;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	fprintf(out, "[Interface]\nFwMark = %ld\n", random() % 2);
	while (peers--) {
		memset(key.bytes, 'A' + next, sizeof(key.bytes));
		next = (next + step) % FAKE_PEERS;
		fprintf(out, "[Peer]\nPublicKey = %s\n",
			weft_key_encode(&key).chars);
		if (random() % 2)
			fprintf(out, "PresharedKey = %s\n",
				random() % 2 ? KEY_P : KEY_B);
		if (random() % 2)
			fprintf(out, "PersistentKeepalive = %ld\n",
				random() % 3);
		if (random() % 2)
			fprintf(out, "Endpoint = 1.1.1.1:%ld\n",
				1 + random() % 2);
		for (prefixes = random() % 4; prefixes--; )
			fprintf(out, "AllowedIPs = 10.%ld.0.0/16\n",
				random() % FAKE_PREFIXES);
	}
	fclose(out);
	return text;
}

/* The interface as get() reports it: a file does not hold the configured endpoint. */
static struct weft_device *fake_read(const struct fake_kernel *kernel,
				     enum weft_kind kind)
{
	char *state = fake_print(kernel);
	struct weft_device *dev = test_device("wg0", kind, state);
	struct weft_peer *peer;
	unsigned int listed;
	int id;

	for (peer = dev->peers; peer; peer = peer->next) {
		id = peer->public_key.bytes[0] - 'A';
		listed = kind == WEFT_KIND_WEFT ? kernel->peers[id].listed : 0;
		weft_model_candidates_clear(peer);
		if (listed) {
			peer->endpoint.ip4.sin_port = htons(listed);
			peer->endpoint.ip4.sin_family = AF_INET;
			inet_pton(AF_INET, "1.1.1.1", &peer->endpoint.ip4.sin_addr);
			weft_model_candidate_add(peer, &peer->endpoint);
			peer->endpoint.ip4.sin_port = htons(kernel->peers[id].port);
		}
		peer->known |= WEFT_ATTR_BIT(WEFT_PEER_A_STATE);
		peer->state = kernel->peers[id].alive ? WEFT_PEER_STATE_UP :
						       WEFT_PEER_STATE_GIVEN_UP;
	}
	free(state);
	return dev;
}

/* A learnt endpoint stays as long as the peer has a session and the file does not change. */
static bool fake_check_endpoints(const struct fake_kernel *from,
				 const struct fake_kernel *to,
				 const char *conf, bool is_weft)
{
	struct weft_device *want = test_want(conf);
	unsigned int said[FAKE_PEERS] = { }, wanted;
	const struct weft_peer *peer;
	bool good = true;
	int i;

	for (peer = want->peers; peer; peer = peer->next)
		if (peer->endpoint.any.sa_family != AF_UNSPEC)
			said[peer->public_key.bytes[0] - 'A'] = ntohs(peer->endpoint.ip4.sin_port);
	for (i = 0; i < FAKE_PEERS; i++) {
		wanted = said[i] ?: from->peers[i].port;
		if (is_weft && said[i] && from->peers[i].listed == said[i] &&
		    from->peers[i].alive)
			wanted = from->peers[i].port;
		if (to->peers[i].exists)
			good &= to->peers[i].port == wanted;
		if (to->peers[i].exists && is_weft)
			good &= to->peers[i].listed == said[i];
	}
	weft_model_device_free(want);
	return good;
}

static void fake_forget_endpoints(struct fake_kernel *kernel)
{
	int i;

	for (i = 0; i < FAKE_PEERS; i++) {
		kernel->peers[i].port = 0;
		kernel->peers[i].listed = 0;
		kernel->peers[i].alive = false;
	}
}

/* Applies @conf to @from: the difference, and the whole. */
static bool fake_round(const struct fake_kernel *from, const char *conf,
		       enum weft_kind kind, struct fake_kernel *result)
{
	struct weft_device *have = fake_read(from, kind);
	struct weft_device *want = test_want(conf);
	struct fake_kernel full, compared;
	bool good;

	fake_init(&full);
	fake_set(&full, want);
	*result = *from;
	good = weft_sync_reduce(have, want);
	fake_set(result, want);
	weft_model_device_free(have);
	weft_model_device_free(want);

	/* A second difference is empty. */
	have = fake_read(result, kind);
	want = test_want(conf);
	good &= weft_sync_reduce(have, want) && weft_sync_is_empty(want);
	weft_model_device_free(have);
	weft_model_device_free(want);

	good &= fake_check_endpoints(from, result, conf, kind == WEFT_KIND_WEFT);
	compared = *result;
	fake_forget_endpoints(&compared);
	fake_forget_endpoints(&full);
	return good && !memcmp(&compared, &full, sizeof(full));
}

/* Peers roam, and sessions end. */
static void fake_roam(struct fake_kernel *kernel)
{
	int i;

	for (i = 0; i < FAKE_PEERS; i++) {
		if (!kernel->peers[i].exists)
			continue;
		kernel->peers[i].alive = random() % 2;
		if (random() % 2)
			kernel->peers[i].port = 1 + random() % 3;
	}
}

static void test_random(enum weft_kind kind)
{
	struct fake_kernel kernel, next;
	bool good = true;
	char *conf, title[64];
	int round;

	srandom(kind);
	fake_init(&kernel);
	for (round = 0; good && round < FAKE_ROUNDS; round++) {
		conf = fake_random_conf();
		good = fake_round(&kernel, conf, kind, &next);
		if (!good)
			printf("# round %d:\n%s\n", round, conf);
		kernel = next;
		fake_roam(&kernel);
		free(conf);
	}
	snprintf(title, sizeof(title), "%d random syncs end as setconf does (%s)",
		 FAKE_ROUNDS, weft_model_kind_name(kind));
	test_ok(good, title);
}

int main(void)
{
	size_t i;

	test_cases();
	for (i = 0; i < ARRAY_SIZE(roams); i++)
		test_roam(&roams[i], false);
	for (i = 0; i < ARRAY_SIZE(fleet_roams); i++)
		test_roam(&fleet_roams[i], true);
	test_resolve_keeps();
	test_resolve_follows();
	test_set_named("hub", "", "weft: wg0: peer " KEY_A " was removed during the lookup of endpoints\n");
	test_set_named(KEY_A, "wg0:\npeer A: endpoint=1.2.3.6:5\n", "");
	test_random(WEFT_KIND_WEFT);
	test_random(WEFT_KIND_WIREGUARD);
	return test_end();
}
