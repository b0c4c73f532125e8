// SPDX-License-Identifier: GPL-2.0
/*
 * Files for "up": the meaning of valid ones, the errors of broken ones, and the output of "strip".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/save.h"
#include "conf/locate.h"
#include "conf/profile.h"
#include "model/format.h"
#include "support.h"

#define INTERFACE	"[Interface]\n"
#define PEER_A	"[Peer]\nPublicKey = " KEY_A "\n"

/**
 * struct profile_case - one file
 * @name: the case
 * @text: the file
 * @meaning: the parsed file, "" for a broken one
 * @err: the errors
 */
static const struct profile_case {
	const char *name;
	const char *text;
	const char *meaning;
	const char *err;
} cases[] = {
	{
		.name = "an empty file",
		.text = "",
		.meaning = "table=auto\n",
	}, {
		.name = "all settings",
		.text = INTERFACE "Address = 10.0.0.1/24, fd00::1/64\nDNS = 10.0.0.53, fd00::53, example.org\nMTU = 1400\n"
			"Table = 77\nPreUp = a %i\nPostUp = b\nPreDown = c\nPostDown = d\nSaveConfig = true\n"
			"Forwarding = on\nFwMark = 0x9\n" PEER_A "Name = harbour master\n",
		.meaning = "address=10.0.0.1/24 address=fd00::1/64 dns=10.0.0.53 dns=fd00::53 search=example.org mtu=1400 "
			   "table=77 PreUp=6:a %i PostUp=7:b PreDown=8:c PostDown=9:d save forwarding=on fwmark=9 "
			   "peer=harbour master\n",
	}, {
		.name = "lists over several lines, and without commas",
		.text = INTERFACE "Address = 10.0.0.1\nAddress = 10.0.0.2/31 10.0.0.3 ,,fd00::1\nDNS=1.1.1.1\nDNS = a.example\tb.example\n",
		.meaning = "address=10.0.0.1/32 address=10.0.0.2/31 address=10.0.0.3/32 address=fd00::1/128 dns=1.1.1.1 "
			   "search=a.example search=b.example table=auto\n",
	}, {
		.name = "names and words in any case",
		.text = "[INTERFACE]\naddress=10.0.0.1/8\nTABLE=OFF\nsaveconfig = FALSE\nforwarding = OFF\n",
		.meaning = "address=10.0.0.1/8 table=off forwarding=off\n",
	}, {
		.name = "host bits are valid in an address",
		.text = INTERFACE "Address = 10.1.2.3/8\n",
		.meaning = "address=10.1.2.3/8 table=auto\n",
	}, {
		.name = "hooks in their order, with equals signs",
		.text = INTERFACE "PostUp = sysctl -w a.b=1; echo 'x'\n\nPostUp = second # not this\n",
		.meaning = "table=auto PostUp=2:sysctl -w a.b=1; echo 'x' PostUp=4:second\n",
	}, {
		.name = "a table by its name",
		.text = INTERFACE "Table = main\n",
		.meaning = "table=254\n",
	}, {
		.name = "a table in hexadecimal, the last of two",
		.text = INTERFACE "Table = 5\nTable = 0xca6c\n",
		.meaning = "table=51820\n",
	}, {
		.name = "the least and the greatest MTU",
		.text = INTERFACE "MTU = 68\nMTU = 65535\n",
		.meaning = "mtu=65535 table=auto\n",
	},
	{
		.name = "settings that may be empty for wg-quick(8)",
		.text = INTERFACE "Address =\nDNS =\nMTU = 1400\nMTU =\nTable = 5\nTable =\nPreUp =\nPostUp =\nPreDown =\nPostDown =\n",
		.meaning = "table=auto\n",
	}, {
		.name = "an interface in two sections",
		.text = INTERFACE "Address = 10.0.0.1/24\n" PEER_A "[ Interface ]\nAddress = fd00::1/64\nDNS = 1.1.1.1\n",
		.meaning = "address=10.0.0.1/24 address=fd00::1/64 dns=1.1.1.1 table=auto\n",
	}, {
		.name = "a name server with a zone",
		.text = INTERFACE "DNS = fe80::1%lo\n",
		.meaning = "dns=fe80::1%lo table=auto\n",
	}, {
		.name = "addresses with masks",
		.text = INTERFACE "Address = 10.0.0.1/255.255.255.0, 10.0.0.2/255.255.255.255, 10.0.0.3/0.0.0.0\n",
		.meaning = "address=10.0.0.1/24 address=10.0.0.2/32 address=10.0.0.3/0 table=auto\n",
	},
	/* Broken ones. */
	{
		.name = "a mask with a hole",
		.text = INTERFACE "Address = 10.0.0.1/255.0.255.0\n",
		.err = "weft: wg0.conf:2: Address: '10.0.0.1/255.0.255.0' is not an address: use ADDRESS or ADDRESS/LENGTH, with a length of 0 to 32 for IPv4, 0 to 128 for IPv6\n",
	}, {
		.name = "a mask for IPv6",
		.text = INTERFACE "Address = fd00::1/255.255.255.0\n",
		.err = "weft: wg0.conf:2: Address: 'fd00::1/255.255.255.0' is not an address: use ADDRESS or ADDRESS/LENGTH, with a length of 0 to 32 for IPv4, 0 to 128 for IPv6\n",
	}, {
		.name = "a mask with a prefix length",
		.text = PEER_A "AllowedIPs = 10.0.0.0/255.0.0.0\n",
		.err = "weft: wg0.conf:3: AllowedIPs: '10.0.0.0/255.0.0.0' is not an allowed IP: use ADDRESS or ADDRESS/LENGTH, with a length of 0 to 32 for IPv4, 0 to 128 for IPv6\n",
	}, {
		.name = "no address",
		.text = INTERFACE "Address = 10.0.0.1/24, here\n",
		.err = "weft: wg0.conf:2: Address: 'here' is not an address: use ADDRESS or ADDRESS/LENGTH, with a length of 0 to 32 for IPv4, 0 to 128 for IPv6\n",
	}, {
		.name = "an address that is too long",
		.text = INTERFACE "Address = fd00::1/129\n",
		.err = "weft: wg0.conf:2: Address: 'fd00::1/129' is not an address: use ADDRESS or ADDRESS/LENGTH, with a length of 0 to 32 for IPv4, 0 to 128 for IPv6\n",
	}, {
		.name = "no name server",
		.text = INTERFACE "DNS = 1.1.1\n",
		.err = "weft: wg0.conf:2: DNS: '1.1.1' is not a name server: use its address, or a search domain\n",
	}, {
		.name = "a name server with a length",
		.text = INTERFACE "DNS = fd00::1/64\n",
		.err = "weft: wg0.conf:2: DNS: 'fd00::1/64' is not a name server: use its address, or a search domain\n",
	}, {
		.name = "a name server with an empty zone",
		.text = INTERFACE "DNS = fe80::1%\n",
		.err = "weft: wg0.conf:2: DNS: 'fe80::1%' is not a name server: use its address, or a search domain\n",
	}, {
		.name = "a name server with a zone that is no link's name",
		.text = INTERFACE "DNS = fe80::1%a-name-of-sixteen\n",
		.err = "weft: wg0.conf:2: DNS: 'fe80::1%a-name-of-sixteen' is not a name server: use its address, or a search domain\n",
	}, {
		.name = "MTU too small",
		.text = INTERFACE "MTU = 67\n",
		.err = "weft: wg0.conf:2: MTU: '67' is not an MTU: use a number from 68 to 65535\n",
	}, {
		.name = "MTU too great",
		.text = INTERFACE "MTU = 65536\n",
		.err = "weft: wg0.conf:2: MTU: '65536' is not an MTU: use a number from 68 to 65535\n",
	}, {
		.name = "MTU with a unit",
		.text = INTERFACE "MTU = 1420b\n",
		.err = "weft: wg0.conf:2: MTU: '1420b' is not an MTU: use a number from 68 to 65535\n",
	}, {
		.name = "table 0",
		.text = INTERFACE "Table = 0\n",
		.err = "weft: wg0.conf:2: Table: '0' is not a routing table: use 'auto', 'off', a number from 1 to 0xffffffff or a name from /etc/iproute2/rt_tables or /etc/iproute2/rt_tables.d/*.conf\n",
	}, {
		.name = "an unknown table",
		.text = INTERFACE "Table = nosuchtable\n",
		.err = "weft: wg0.conf:2: Table: 'nosuchtable' is not a routing table: use 'auto', 'off', a number from 1 to 0xffffffff or a name from /etc/iproute2/rt_tables or /etc/iproute2/rt_tables.d/*.conf\n",
	}, {
		.name = "a table past all numbers",
		.text = INTERFACE "Table = 4294967296\n",
		.err = "weft: wg0.conf:2: Table: '4294967296' is not a routing table: use 'auto', 'off', a number from 1 to 0xffffffff or a name from /etc/iproute2/rt_tables or /etc/iproute2/rt_tables.d/*.conf\n",
	}, {
		.name = "SaveConfig = yes",
		.text = INTERFACE "SaveConfig = yes\n",
		.err = "weft: wg0.conf:2: SaveConfig: 'yes' is neither 'true' nor 'false'\n",
	}, {
		.name = "Forwarding = true",
		.text = INTERFACE "Forwarding = true\n",
		.err = "weft: wg0.conf:2: Forwarding: 'true' is neither 'on' nor 'off'\n",
	}, {
		.name = "no value",
		.text = INTERFACE "SaveConfig =\n",
		.err = "weft: wg0.conf:2: SaveConfig: missing value\n",
	}, {
		.name = "a field of the interface in a peer",
		.text = PEER_A "Address = 10.0.0.1\n",
		.err = "weft: wg0.conf:3: unknown field 'Address' of [Peer]: use PublicKey, PresharedKey, Endpoint, Roam, PersistentKeepalive, AllowedIPs, Name, NextPublicKey, NextPresharedKey, Grace\n",
	}, {
		.name = "an unknown field",
		.text = INTERFACE "Colour = blue\n",
		.err = "weft: wg0.conf:2: unknown field 'Colour' of [Interface]: use ListenPort, FwMark, ListenAddress, BindDevice, PrivateKey, PMTU, DSCP, Address, DNS, MTU, Table, PreUp, PostUp, PreDown, PostDown, SaveConfig, Forwarding, PreviousPrivateKey, GraceUntil\n",
	},
};

static void profile_describe_words(FILE *out, const char *name,
				   const struct weft_words *words, bool lines)
{
	size_t i;

	for (i = 0; i < words->count; i++)
		if (lines)
			fprintf(out, " %s=%u:%s", name, words->items[i].line,
				words->items[i].text);
		else
			fprintf(out, " %s=%s", name, words->items[i].text);
}

static void profile_describe_table(FILE *out, const struct weft_profile *profile)
{
	if (profile->mtu)
		fprintf(out, " mtu=%u", profile->mtu);
	if (profile->table == WEFT_TABLE_NUMBER)
		fprintf(out, " table=%u", profile->table_number);
	else
		fprintf(out, " table=%s",
			profile->table == WEFT_TABLE_OFF ? "off" : "auto");
}

static void profile_describe_rest(FILE *out, const struct weft_profile *profile)
{
	const struct weft_peer *peer;

	if (profile->save)
		fputs(" save", out);
	if (profile->forwarding != WEFT_SWITCH_NONE)
		fprintf(out, " forwarding=%s",
			profile->forwarding == WEFT_SWITCH_ON ? "on" : "off");
	if (profile->dev->fwmark)
		fprintf(out, " fwmark=%u", profile->dev->fwmark);
	for (peer = profile->dev->peers; peer; peer = peer->next)
		if (peer->name)
			fprintf(out, " peer=%s", peer->name);
	fputc('\n', out);
}

static char *profile_describe(const struct weft_profile *profile)
{
	char *text = NULL;
	size_t len = 0, i;
	FILE *out = open_memstream(&text, &len);
	int hook;

	for (i = 0; i < profile->addresses.count; i++)
		fprintf(out, " address=%s/%u",
			weft_format_address(&profile->addresses.items[i].prefix).chars,
			profile->addresses.items[i].prefix.cidr);
	profile_describe_words(out, "dns", &profile->dns, false);
	profile_describe_words(out, "search", &profile->search, false);
	profile_describe_table(out, profile);
	for (hook = 0; hook < WEFT_HOOK_COUNT; hook++)
		profile_describe_words(out, weft_profile_hook_name(hook),
				       &profile->hooks[hook], true);
	profile_describe_rest(out, profile);
	fclose(out);
	return text;
}

static void test_case(const struct profile_case *test)
{
	char *text = strdup(test->text), *meaning = NULL, name[128];
	struct weft_profile *profile;
	struct test_bench bench;

	test_bench_start(&bench, "");
	profile = weft_profile_parse(&bench.ctx, "wg0.conf", text, "wg0");
	if (profile)
		meaning = profile_describe(profile);
	test_bench_flush(&bench);
	snprintf(name, sizeof(name), "%s: meaning", test->name);
	test_text(name, meaning ? meaning + 1 : "",
		  test->meaning && *test->meaning ? test->meaning : "");
	snprintf(name, sizeof(name), "%s: error", test->name);
	test_text(name, bench.err, test->err ?: "");
	weft_profile_free(profile);
	test_bench_end(&bench);
	free(meaning);
	free(text);
}

static const struct {
	const char *word;
	const char *name;
	const char *path;
	const char *err;
} places[] = {
	{ "./wg0.conf", "wg0", "./wg0.conf" },
	{ "wg0.conf", "wg0", "wg0.conf" },
	{ "/a/b/fifteen-letters.conf", "fifteen-letters", "/a/b/fifteen-letters.conf" },
	{ "/a/a=b+c_d.e.conf", "a=b+c_d.e", "/a/a=b+c_d.e.conf" },
	{ "/a/sixteen-letters-.conf",
	  .err = "weft: '/a/sixteen-letters-.conf' is not named after an interface: use NAME.conf, where NAME has 1 to 15 letters, digits or _=+.-\n" },
	{ "/a/.conf",
	  .err = "weft: '/a/.conf' is not named after an interface: use NAME.conf, where NAME has 1 to 15 letters, digits or _=+.-\n" },
	{ "/a/...conf",
	  .err = "weft: '/a/...conf' is not named after an interface: use NAME.conf, where NAME has 1 to 15 letters, digits or _=+.-\n" },
	{ "/a/wg0",
	  .err = "weft: '/a/wg0' is not named after an interface: use NAME.conf, where NAME has 1 to 15 letters, digits or _=+.-\n" },
	{ "/a/wg 0.conf",
	  .err = "weft: '/a/wg 0.conf' is not named after an interface: use NAME.conf, where NAME has 1 to 15 letters, digits or _=+.-\n" },
	{ "wg;0",
	  .err = "weft: 'wg;0' is not an interface name: use 1 to 15 letters, digits or _=+.-\n" },
	{ "",
	  .err = "weft: '' is not an interface name: use 1 to 15 letters, digits or _=+.-\n" },
	{ "..",
	  .err = "weft: '..' is not an interface name: use 1 to 15 letters, digits or _=+.-\n" },
	{ "sixteen-letters-",
	  .err = "weft: 'sixteen-letters-' is not an interface name: use 1 to 15 letters, digits or _=+.-\n" },
	{ "wg0",
	  .err = "weft: 'wg0' has no file: neither /nosuch/one/wg0.conf nor /nosuch/two/wg0.conf exists\n" },
};

static void test_places(void)
{
	static const char * const folders[] = {
		"/nosuch/one", "/nosuch/two", NULL
	};
	struct weft_location location;
	struct test_bench bench;
	char name[128];
	bool good;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		test_bench_start(&bench, "");
		good = weft_locate(&bench.ctx, folders, places[i].word,
				   &location);
		test_bench_flush(&bench);
		snprintf(name, sizeof(name), "place '%s'", places[i].word);
		test_ok(good == !places[i].err, name);
		test_text(name, bench.err, places[i].err ?: "");
		if (good) {
			test_text(name, location.name, places[i].name);
			test_text(name, location.path, places[i].path);
		}
		free(location.path);
		test_bench_end(&bench);
	}
}

static const struct {
	const char *name;
	const char *text;
	const char *left;
} strips[] = {
	{ "an empty file", "", "\n" },
	{ "settings of setconf stay, trimmed",
	  INTERFACE " \tListenPort = 1  # mine\n\n" PEER_A "AllowedIPs = ::/0",
	  INTERFACE "ListenPort = 1  # mine\n\n" PEER_A "AllowedIPs = ::/0\n\n" },
	{ "settings of up are removed",
	  INTERFACE "Address = 1.2.3.4\nMTU=1400\n dns = 1.1.1.1\nPostUp = a=b\nForwarding = on\nFwMark = 1\n" PEER_A "Name = x\n",
	  INTERFACE "FwMark = 1\n" PEER_A "Name = x\n\n" },
	{ "blanks in sections' names, and a section in parts",
	  "[ Interface ]\nMTU = 9\n[ Peer ]\nPublicKey = " KEY_A "\n[interface ]\nDNS = 1.1.1.1\nListenPort = 1",
	  "[ Interface ]\n[ Peer ]\nPublicKey = " KEY_A "\n[interface ]\nListenPort = 1\n\n" },
	{ "comments stay",
	  "# Address = 1.2.3.4\n" INTERFACE "# MTU = 9\n",
	  "# Address = 1.2.3.4\n" INTERFACE "# MTU = 9\n\n" },
};

static void test_strips(void)
{
	char *text, *left = NULL, name[128];
	size_t len = 0, i;
	FILE *out;

	for (i = 0; i < ARRAY_SIZE(strips); i++) {
		text = strdup(strips[i].text);
		out = open_memstream(&left, &len);
		weft_save_strip(out, text);
		fclose(out);
		snprintf(name, sizeof(name), "strip: %s", strips[i].name);
		test_text(name, left, strips[i].left);
		free(left);
		free(text);
	}
}

static void test_names(void)
{
	static const struct {
		const char *name;
		bool good;
	} names[] = {
		{ "", false }, { "a", true }, { "=", true }, { ".", false }, { "..", false }, { "...", true }, { ".a", true },
		{ "a.", true }, { "ab", true }, { "a2345678901234_", true }, { "a23456789012345_", false }, { "a b", false },
		{ "a/b", false }, { "a%", false }, { "a+b-c_D=9", true },
	};
	char text[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(text, sizeof(text), "the name '%s'", names[i].name);
		test_ok(weft_profile_name_is_good(names[i].name, strlen(names[i].name)) == names[i].good, text);
	}
	test_ok(weft_profile_name_is_good("wft0.conf/", 9) && !weft_profile_name_is_good("wft0.conf/", 10),
		"only the given length of a name counts");
}

int main(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		test_case(&cases[i]);
	test_places();
	test_strips();
	test_names();
	return test_end();
}
