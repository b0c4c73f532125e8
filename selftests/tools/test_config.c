// SPDX-License-Identifier: GPL-2.0
/* Configuration files: the changes of valid ones, and the errors of broken ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/config.h"
#include "conf/resolve.h"
#include "model/attr.h"
#include "print/conf.h"
#include "support.h"

#define PEER_A	"[Peer]\nPublicKey = " KEY_A "\n"
#define PEER_B	"[Peer]\nPublicKey = " KEY_B "\n"

/**
 * struct config_case - one file
 * @name: the case
 * @text: the file
 * @added: read for addconf, not setconf
 * @change: the resulting change, "" for a broken file
 * @err: the errors
 */
static const struct config_case {
	const char *name;
	const char *text;
	bool added;
	const char *change;
	const char *err;
} cases[] = {
	{
		.name = "an empty file removes all settings",
		.text = "",
		.change = "wg0: key=0 port=0 fwmark=0x0 replace-peers\n",
	}, {
		.name = "an empty file adds nothing",
		.text = "", .added = true,
		.change = "wg0:\n",
	}, {
		.name = "comments, blanks and carriage returns",
		.text = "# nothing\r\n\r\n \t [Interface]  # here\r\n"
			"\tListenPort\t=\t51820#x\r\n",
		.change = "wg0: key=0 port=51820 fwmark=0x0 replace-peers\n",
	}, {
		.name = "all settings",
		.text = "[Interface]\nPrivateKey = " KEY_P "\nListenPort = 1\nFwMark = 0xCA6C\n"
			PEER_A "PresharedKey = " KEY_B "\nEndpoint = 192.0.2.1:7\n"
			"PersistentKeepalive = 25\nAllowedIPs = 10.0.0.0/8, fd00::/8\n",
		.change = "wg0: key=P port=1 fwmark=0xca6c replace-peers\n"
			  "peer A: psk=B keepalive=25 endpoint=192.0.2.1:7 replace-ips +10.0.0.0/8 +fd00::/8\n",
	}, {
		.name = "names in any case",
		.text = "[INTERFACE]\nlistenport=5\n[pEER]\nPUBLICKEY=" KEY_A "\n",
		.change = "wg0: key=0 port=5 fwmark=0x0 replace-peers\n"
			  "peer A: psk=0 keepalive=0 replace-ips\n",
	}, {
		.name = "an added peer changes only its own settings",
		.text = PEER_A "Endpoint = [2001:db8::1]:9\n" PEER_B "AllowedIPs = ::/0\n",
		.added = true,
		.change = "wg0:\npeer A: endpoint=[2001:db8::1]:9\n"
			  "peer B: replace-ips +::/0\n",
	}, {
		.name = "allowed IPs over several lines, without lengths",
		.text = PEER_A "AllowedIPs = 10.0.0.1\nAllowedIPs=fe80::1,10.0.0.2/31\n",
		.change = "wg0: key=0 port=0 fwmark=0x0 replace-peers\n"
			  "peer A: psk=0 keepalive=0 replace-ips +10.0.0.1/32 +fe80::1/128 +10.0.0.2/31\n",
	}, {
		.name = "allowed IPs added and removed",
		.text = PEER_A "AllowedIPs = +10.0.0.1,10.0.0.3\nAllowedIPs = -fe80::1/64\n",
		.added = true,
		.change = "wg0:\npeer A: +10.0.0.1/32 +10.0.0.3/32 -fe80::1/64\n",
		.err =
			"weft: warning: wg0.conf:4: AllowedIPs: 'fe80::1/64' has host bits set: fe80::/64 is used\n",
	}, {
		.name = "off, in any case",
		.text = "[Interface]\nFwMark = OFF\n" PEER_A "PersistentKeepalive = off\n",
		.added = true,
		.change = "wg0: fwmark=0x0\npeer A: keepalive=0\n",
	}, {
		.name = "no fragments, and the inner DSCP",
		.text = "[Interface]\nPMTU = On\nDSCP = inherit\n",
		.added = true, .change = "wg0: pmtu=1 dscp=64\n",
	}, {
		.name = "settings missing in a file stay",
		.text = "[Interface]\nPMTU = off\n",
		.change = "wg0: key=0 port=0 fwmark=0x0 pmtu=0 replace-peers\n",
	}, {
		.name = "the last of two values applies",
		.text = "[Interface]\nListenPort = 1\nListenPort = 2\n", .added = true,
		.change = "wg0: port=2\n",
	}, {
		.name = "the interface after its peers",
		.text = PEER_A "[Interface]\nListenPort = 2\n", .added = true,
		.change = "wg0: port=2\npeer A:\n",
	}, {
		.name = "the largest numbers",
		.text = "[Interface]\nListenPort = 65535\nFwMark = 0xffffffff\n"
			PEER_A "PersistentKeepalive = 65535\nAllowedIPs = 1.2.3.4/32,::1/128\n",
		.added = true,
		.change = "wg0: port=65535 fwmark=0xffffffff\n"
			  "peer A: keepalive=65535 replace-ips +1.2.3.4/32 +::1/128\n",
	}, {
		.name = "no newline at the end",
		.text = "[Interface]\nListenPort = 3", .added = true,
		.change = "wg0: port=3\n",
	}, {
		.name = "blanks wherever wg(8) accepts them",
		.text = "[ Interface ]\nListen Port = 5 1\n[\tPeer ]\nPublicKey = " KEY_A "\n"
			"AllowedIPs = 10.9.0.2 / 32 , 10.9.0.3/ 32\nEndpoint = 192.0.2.2 : 5002\nName = two words\n",
		.added = true,
		.change = "wg0: port=51\npeer A: name='two words' endpoint=192.0.2.2:5002 replace-ips +10.9.0.2/32 +10.9.0.3/32\n",
	}, {
		.name = "a key with blanks in it",
		.text = "[Interface]\nPrivateKey = UFBQUFBQUFBQ UFBQUFBQUFBQUFBQUFBQUFBQUFBQUFA=\n",
		.added = true, .change = "wg0: key=P\n",
	}, {
		.name = "an interface in two sections",
		.text = "[Interface]\nListenPort = 1\nFwMark = 2\n" PEER_A "[Interface]\nListenPort = 3\n",
		.added = true, .change = "wg0: port=3 fwmark=0x2\npeer A:\n",
	}, {
		.name = "IPv6 endpoints without brackets",
		.text = PEER_A "Endpoint = 2001:db8::1:51820\n" PEER_B "Endpoint = fe80::1%lo:5\n",
		.added = true,
		.change = "wg0:\npeer A: endpoint=[2001:db8::1]:51820\npeer B: endpoint=[fe80::1%lo]:5\n",
	}, {
		.name = "a mark with a leading zero is decimal",
		.text = "[Interface]\nFwMark = 010\n", .added = true,
		.change = "wg0: fwmark=0xa\n",
	}, {
		.name = "a mark in capitals",
		.text = "[Interface]\nFwMark = 0XCA6C\n", .added = true,
		.change = "wg0: fwmark=0xca6c\n",
	}, {
		.name = "a port by the name of its service",
		.text = "[Interface]\nListenPort = domain\n", .added = true,
		.change = "wg0: port=53\n",
	}, {
		.name = "host bits cause a warning",
		.text = PEER_A "AllowedIPs = 10.1.2.3/24\n", .added = true,
		.change = "wg0:\npeer A: replace-ips +10.1.2.3/24\n",
		.err =
			"weft: warning: wg0.conf:3: AllowedIPs: '10.1.2.3/24' has host bits set: 10.1.2.0/24 is used\n",
	},
	/* Broken ones. */
	{
		.name = "unknown section",
		.text = "[Interface]\n\n[Pear]\n",
		.err = "weft: wg0.conf:3: unknown section '[Pear]': use [Interface] or [Peer]\n",
	}, {
		.name = "section not closed",
		.text = "[Interface\n",
		.err =
			"weft: wg0.conf:1: unknown section '[Interface': use [Interface] or [Peer]\n",
	}, {
		.name = "setting before any section",
		.text = "\nListenPort = 1\n",
		.err = "weft: wg0.conf:2: field before the first section: begin with [Interface] or [Peer]\n",
	}, {
		.name = "unknown field of the interface",
		.text = "[Interface]\nAddress = 10.0.0.1/24\n",
		.err =
			"weft: wg0.conf:2: unknown field 'Address' of [Interface]: use ListenPort, FwMark, ListenAddress, BindDevice, PrivateKey, PMTU, DSCP\n",
	}, {
		.name = "field of the other section",
		.text = PEER_A "ListenPort = 1\n",
		.err =
			"weft: wg0.conf:3: unknown field 'ListenPort' of [Peer]: use PublicKey, PresharedKey, Endpoint, Roam, PersistentKeepalive, AllowedIPs, Name, NextPublicKey, NextPresharedKey, Grace\n",
	}, {
		.name = "no equals sign",
		.text = "[Interface]\nListenPort 1\n",
		.err = "weft: wg0.conf:2: missing '=' after 'ListenPort': use FIELD = VALUE\n",
	}, {
		.name = "a key on a line of its own is not printed",
		.text = "[Interface]\n" KEY_P "\n",
		.err =
			"weft: wg0.conf:2: unknown field of [Interface] (the text may be a secret, and is not shown): use ListenPort, FwMark, ListenAddress, BindDevice, PrivateKey, PMTU, DSCP\n",
	}, {
		.name = "nor behind a field without an equals sign",
		.text = "[Interface]\nPrivateKey " KEY_P "\n",
		.err =
			"weft: wg0.conf:2: unknown field of [Interface] (the text may be a secret, and is not shown): use ListenPort, FwMark, ListenAddress, BindDevice, PrivateKey, PMTU, DSCP\n",
	}, {
		.name = "nor without its own equals sign",
		.text = "[Interface]\nUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFA\n",
		.err = "weft: wg0.conf:2: missing '=': use FIELD = VALUE (the text may be a secret, and is not shown)\n",
	}, {
		.name = "no value",
		.text = "[Interface]\nListenPort =\n",
		.err = "weft: wg0.conf:2: ListenPort: missing value\n",
	}, {
		.name = "port too high",
		.text = "[Interface]\nListenPort = 65536\n",
		.err =
			"weft: wg0.conf:2: ListenPort: '65536' is not a port: use a number from 0 (chosen by the kernel) to 65535\n",
	}, {
		.name = "negative port",
		.text = "[Interface]\nListenPort = -1\n",
		.err =
			"weft: wg0.conf:2: ListenPort: '-1' is not a port: use a number from 0 (chosen by the kernel) to 65535\n",
	}, {
		.name = "port past all numbers",
		.text = "[Interface]\nListenPort = 99999999999999999999\n",
		.err =
			"weft: wg0.conf:2: ListenPort: '99999999999999999999' is not a port: use a number from 0 (chosen by the kernel) to 65535\n",
	}, {
		.name = "mark too long",
		.text = "[Interface]\nFwMark = 0x100000000\n",
		.err =
			"weft: wg0.conf:2: FwMark: '0x100000000' is not a mark: use 'off' or a number from 0 to 0xffffffff\n",
	}, {
		.name = "DSCP too large",
		.text = "[Interface]\nDSCP = 64\n",
		.err =
			"weft: wg0.conf:2: DSCP: '64' is not a DSCP: use 'inherit', 'off' or a number from 0 to 63\n",
	}, {
		.name = "no switch",
		.text = "[Interface]\nPMTU = 1\n",
		.err =
			"weft: wg0.conf:2: PMTU: '1' is neither 'on' nor 'off'\n",
	}, {
		.name = "broken private key is not printed",
		.text = "[Interface]\nPrivateKey = secret\n",
		.err =
			"weft: wg0.conf:2: PrivateKey: not a key: 6 characters instead of 44 of base64 (the text may be a secret, and is not shown)\n",
	}, {
		.name = "broken preshared key is not printed",
		.text = PEER_A "PresharedKey = secret\n",
		.err =
			"weft: wg0.conf:3: PresharedKey: not a key: 6 characters instead of 44 of base64 (the text may be a secret, and is not shown)\n",
	}, {
		.name = "broken public key",
		.text = "[Peer]\nPublicKey = abc\n",
		.err =
			"weft: wg0.conf:2: PublicKey: 'abc' is not a public key: use 44 characters of base64\n",
	}, {
		.name = "peer without a key, at the end",
		.text = PEER_A "[Peer]\nAllowedIPs = ::/0\n",
		.err = "weft: wg0.conf:3: this [Peer] has no PublicKey\n",
	}, {
		.name = "peer without a key, before another",
		.text = "[Peer]\n" PEER_A,
		.err = "weft: wg0.conf:1: this [Peer] has no PublicKey\n",
	}, {
		.name = "endpoint without a port",
		.text = PEER_A "Endpoint = 192.0.2.1\n",
		.err =
			"weft: wg0.conf:3: Endpoint: '192.0.2.1' is not an endpoint: use ADDRESS:PORT, NAME:PORT or [IPV6-ADDRESS]:PORT\n",
	}, {
		.name = "endpoint with an empty port",
		.text = PEER_A "Endpoint = 192.0.2.1:\n",
		.err =
			"weft: wg0.conf:3: Endpoint: '192.0.2.1:' is not an endpoint: use ADDRESS:PORT, NAME:PORT or [IPV6-ADDRESS]:PORT\n",
	}, {
		.name = "endpoint with a port that is too great",
		.text = PEER_A "Endpoint = 192.0.2.1:65536\n",
		.err =
			"weft: wg0.conf:3: Endpoint: '192.0.2.1:65536' has a port above 65535, the largest one\n",
	}, {
		.name = "IPv6 endpoint without a port",
		.text = PEER_A "Endpoint = 2001:db8::1\n",
		.err =
			"weft: wg0.conf:3: Endpoint: '2001:db8::1' is not an endpoint: use ADDRESS:PORT, NAME:PORT or [IPV6-ADDRESS]:PORT\n",
	}, {
		.name = "a name with a colon in it",
		.text = PEER_A "Endpoint = har:bour:5\n",
		.err =
			"weft: wg0.conf:3: Endpoint: 'har:bour:5' is not an endpoint: use ADDRESS:PORT, NAME:PORT or [IPV6-ADDRESS]:PORT\n",
	}, {
		.name = "a port by an unknown name",
		.text = "[Interface]\nListenPort = nosuchservice\n",
		.err =
			"weft: wg0.conf:2: ListenPort: 'nosuchservice' is not a port: use a number from 0 (chosen by the kernel) to 65535\n",
	}, {
		.name = "IPv6 endpoint with one bracket",
		.text = PEER_A "Endpoint = [2001:db8::1:51820\n",
		.err =
			"weft: wg0.conf:3: Endpoint: '[2001:db8::1:51820' is not an endpoint: use ADDRESS:PORT, NAME:PORT or [IPV6-ADDRESS]:PORT\n",
	}, {
		.name = "keepalive with a unit",
		.text = PEER_A "PersistentKeepalive = 25s\n",
		.err =
			"weft: wg0.conf:3: PersistentKeepalive: '25s' is not a keepalive interval: use 'off' or a number of seconds from 0 to 65535\n",
	}, {
		.name = "IPv4 length too long",
		.text = PEER_A "AllowedIPs = 10.0.0.0/8, 10.0.0.0/33\n",
		.err =
			"weft: wg0.conf:3: AllowedIPs: '10.0.0.0/33' is not an allowed IP: use ADDRESS or ADDRESS/LENGTH, with a length of 0 to 32 for IPv4, 0 to 128 for IPv6\n",
	}, {
		.name = "IPv6 length too long",
		.text = PEER_A "AllowedIPs = ::/129\n",
		.err =
			"weft: wg0.conf:3: AllowedIPs: '::/129' is not an allowed IP: use ADDRESS or ADDRESS/LENGTH, with a length of 0 to 32 for IPv4, 0 to 128 for IPv6\n",
	}, {
		.name = "empty length",
		.text = PEER_A "AllowedIPs = 10.0.0.0/\n",
		.err =
			"weft: wg0.conf:3: AllowedIPs: '10.0.0.0/' is not an allowed IP: use ADDRESS or ADDRESS/LENGTH, with a length of 0 to 32 for IPv4, 0 to 128 for IPv6\n",
	}, {
		.name = "a name as an allowed IP",
		.text = PEER_A "AllowedIPs = localhost/8\n",
		.err =
			"weft: wg0.conf:3: AllowedIPs: 'localhost/8' is not an allowed IP: use ADDRESS or ADDRESS/LENGTH, with a length of 0 to 32 for IPv4, 0 to 128 for IPv6\n",
	}, {
		.name = "two commas",
		.text = PEER_A "AllowedIPs = 10.0.0.0/8,,::/0\n",
		.err =
			"weft: wg0.conf:3: AllowedIPs: '' is not an allowed IP: use ADDRESS or ADDRESS/LENGTH, with a length of 0 to 32 for IPv4, 0 to 128 for IPv6\n",
	}, {
		.name = "a change of a list in a whole configuration",
		.text = PEER_A "AllowedIPs = -10.0.0.0/8\n",
		.err =
			"weft: wg0.conf:3: AllowedIPs: '-10.0.0.0/8': '+' and '-' are not allowed here: the file replaces the list\n",
	},
};

static void test_case(const struct config_case *test)
{
	char *text = strdup(test->text), *change = NULL, name[128];
	struct test_bench bench;
	struct weft_device *dev;

	test_bench_start(&bench, "");
	dev = weft_config_parse(&bench.ctx, "wg0.conf", text, "wg0",
				!test->added);
	if (dev && weft_resolve_device(&bench.ctx, "wg0.conf", dev))
		change = test_describe(dev);
	test_bench_flush(&bench);
	snprintf(name, sizeof(name), "%s: meaning", test->name);
	test_text(name, change ?: "", test->change ?: "");
	snprintf(name, sizeof(name), "%s: error", test->name);
	test_text(name, bench.err, test->err ?: "");
	weft_model_device_free(dev);
	test_bench_end(&bench);
	free(change);
	free(text);
}

/* A printed configuration parses to the same configuration. */
static void test_round_trip(void)
{
	static const char conf[] =
		"[Interface]\nListenPort = 9\nFwMark = 0x7\nPMTU = on\nDSCP = 63\nPrivateKey = " KEY_P "\n\n"
		PEER_A "PresharedKey = " KEY_C "\nAllowedIPs = 10.0.0.0/8, ::/0\n"
		"Endpoint = [fe80::1%lo]:1\nPersistentKeepalive = 1\n\n" PEER_B;
	struct weft_device *dev = test_device("wg0", WEFT_KIND_WEFT, conf);
	struct test_bench bench;

	/* The attributes that the kernel would report. */
	dev->known = WEFT_ATTR_BIT(WEFT_DEVICE_A_PMTU) |
		     WEFT_ATTR_BIT(WEFT_DEVICE_A_DSCP);
	test_bench_start(&bench, "");
	weft_conf_print(&bench.ctx, dev);
	test_bench_flush(&bench);
	test_text("a printed configuration reads back as itself", bench.out,
		  conf);
	weft_model_device_free(dev);
	test_bench_end(&bench);
}

int main(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		test_case(&cases[i]);
	test_round_trip();
	return test_end();
}
