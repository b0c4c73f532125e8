// SPDX-License-Identifier: GPL-2.0
/*
 * The file that "weft save" writes: the current settings, and the settings that only the file has.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/save.h"
#include "conf/profile.h"
#include "host/host.h"
#include "memory.h"
#include "model/attr.h"
#include "support.h"

static char folder[] = "/tmp/weft-save-XXXXXX";
static char path[64];

/**
 * struct save_case - an interface, its file, and the saved file
 * @name: the case
 * @kind: the kind of the link
 * @running: the current settings, as a configuration
 * @before: the file
 * @after: the saved file; NULL for an unchanged one
 * @err: the error, with which nothing is written
 * @previous: key C is the interface's previous key
 * @pmtu: path MTU discovery of the link, -1 if not reported
 * @absent: the link does not exist
 * @broken: the link cannot be read
 */
static const struct save_case {
	const char *name;
	enum weft_kind kind;
	const char *running;
	const char *before;
	const char *after;
	const char *err;
	bool previous;
	int pmtu;
	bool absent;
	bool broken;
} cases[] = {
	{
		.name = "a small file", .kind = WEFT_KIND_WEFT, .pmtu = -1,
		.running = "[Interface]\nPrivateKey = " KEY_P "\nListenPort = 5\n",
		.before = "[Interface]\nPrivateKey = " KEY_P "\n",
		.after = "[Interface]\nAddress = 10.9.0.1/24\nAddress = fd09::1/64\nAddress = fe80::9/64\n"
			 "ListenPort = 5\nPrivateKey = " KEY_P "\n\n",
	}, {
		.name = "all settings of the file only", .kind = WEFT_KIND_WEFT, .pmtu = -1,
		.running = "[Interface]\nPrivateKey = " KEY_P "\nListenPort = 5\n",
		.before = "[Interface]\nPrivateKey = " KEY_P "\nDNS = 1.1.1.1, example.org, ::1\nMTU = 1400\nTable = 77\n"
			  "Forwarding = on\nSaveConfig = true\nPreUp = a %i\nPostUp = b\nPostUp = c\nPreDown = d\nPostDown = e\n",
		.after = "[Interface]\nAddress = 10.9.0.1/24\nAddress = fd09::1/64\nAddress = fe80::9/64\n"
			 "DNS = 1.1.1.1\nDNS = ::1\nDNS = example.org\nMTU = 1380\nTable = 77\nForwarding = on\n"
			 "SaveConfig = true\nPreUp = a %i\nPostUp = b\nPostUp = c\nPreDown = d\nPostDown = e\n"
			 "ListenPort = 5\nPrivateKey = " KEY_P "\n\n",
	}, {
		.name = "forwarding that is off, a mark, path MTUs", .kind = WEFT_KIND_WEFT, .pmtu = 0,
		.running = "[Interface]\nPrivateKey = " KEY_P "\nListenPort = 5\nFwMark = 9\n",
		.before = "[Interface]\nPrivateKey = " KEY_P "\nForwarding = off\nFwMark = 9\nTable = off\n",
		.after = "[Interface]\nAddress = 10.9.0.1/24\nAddress = fd09::1/64\nAddress = fe80::9/64\n"
			 "PMTU = off\nTable = off\nForwarding = off\n"
			 "ListenPort = 5\nFwMark = 0x9\nPrivateKey = " KEY_P "\n\n",
	}, {
		.name = "a mark that up chose", .kind = WEFT_KIND_WEFT, .pmtu = 1,
		.running = "[Interface]\nPrivateKey = " KEY_P "\nListenPort = 5\nFwMark = 9\n",
		.before = "[Interface]\nPrivateKey = " KEY_P "\n",
		.after = "[Interface]\nAddress = 10.9.0.1/24\nAddress = fd09::1/64\nAddress = fe80::9/64\n"
			 "ListenPort = 5\nPrivateKey = " KEY_P "\n\n",
	}, {
		.name = "a mark that up has not chosen", .kind = WEFT_KIND_WEFT, .pmtu = -1,
		.running = "[Interface]\nPrivateKey = " KEY_P "\nListenPort = 5\nFwMark = 9\n",
		.before = "[Interface]\nPrivateKey = " KEY_P "\nTable = off\n",
		.after = "[Interface]\nAddress = 10.9.0.1/24\nAddress = fd09::1/64\nAddress = fe80::9/64\nTable = off\n"
			 "ListenPort = 5\nFwMark = 0x9\nPrivateKey = " KEY_P "\n\n",
	}, {
		.name = "a rotation in progress", .kind = WEFT_KIND_WEFT, .pmtu = -1, .previous = true,
		.running = "[Interface]\nPrivateKey = " KEY_P "\nListenPort = 5\n",
		.before = "[Interface]\nPrivateKey = " KEY_P "\nPreviousPrivateKey = " KEY_C "\nGraceUntil = 1000000060\n",
		.after = "[Interface]\nAddress = 10.9.0.1/24\nAddress = fd09::1/64\nAddress = fe80::9/64\n"
			 "PreviousPrivateKey = " KEY_C "\nGraceUntil = 1000000060\nListenPort = 5\nPrivateKey = " KEY_P "\n\n",
	}, {
		.name = "a rotation without an end", .kind = WEFT_KIND_WEFT, .pmtu = -1, .previous = true,
		.running = "[Interface]\nPrivateKey = " KEY_P "\nListenPort = 5\n",
		.before = "[Interface]\nPrivateKey = " KEY_P "\nPreviousPrivateKey = " KEY_C "\n",
		.after = "[Interface]\nAddress = 10.9.0.1/24\nAddress = fd09::1/64\nAddress = fe80::9/64\n"
			 "PreviousPrivateKey = " KEY_C "\nListenPort = 5\nPrivateKey = " KEY_P "\n\n",
	}, {
		.name = "another previous key in the file", .kind = WEFT_KIND_WEFT, .pmtu = -1, .previous = true,
		.running = "[Interface]\nPrivateKey = " KEY_P "\nListenPort = 5\n",
		.before = "[Interface]\nPrivateKey = " KEY_P "\nPreviousPrivateKey = " KEY_B "\n",
		.after = "[Interface]\nAddress = 10.9.0.1/24\nAddress = fd09::1/64\nAddress = fe80::9/64\n"
			 "ListenPort = 5\nPrivateKey = " KEY_P "\n\n",
	}, {
		.name = "a finished rotation", .kind = WEFT_KIND_WEFT, .pmtu = -1,
		.running = "[Interface]\nPrivateKey = " KEY_P "\nListenPort = 5\n",
		.before = "[Interface]\nPrivateKey = " KEY_P "\nPreviousPrivateKey = " KEY_C "\n",
		.after = "[Interface]\nAddress = 10.9.0.1/24\nAddress = fd09::1/64\nAddress = fe80::9/64\n"
			 "ListenPort = 5\nPrivateKey = " KEY_P "\n\n",
	}, {
		.name = "names of endpoints and peers", .kind = WEFT_KIND_WIREGUARD, .pmtu = -1,
		.running = "[Interface]\nPrivateKey = " KEY_P "\nListenPort = 5\n[Peer]\nPublicKey = " KEY_A
			   "\nEndpoint = 192.0.2.1:9\n[Peer]\nPublicKey = " KEY_B "\nEndpoint = 192.0.2.2:9\n",
		.before = "[Interface]\nPrivateKey = " KEY_P "\n[Peer]\nPublicKey = " KEY_A
			  "\nName = alice\nEndpoint = a.example:9\n[Peer]\nPublicKey = " KEY_B "\nEndpoint = 192.0.2.7:9\n"
			  "[Peer]\nPublicKey = " KEY_C "\nEndpoint = c.example:9\n",
		.after = "[Interface]\nAddress = 10.9.0.1/24\nAddress = fd09::1/64\nAddress = fe80::9/64\n"
			 "ListenPort = 5\nPrivateKey = " KEY_P "\n\n[Peer]\nPublicKey = " KEY_A
			 "\nName = alice\nEndpoint = a.example:9\n\n[Peer]\nPublicKey = " KEY_B "\nEndpoint = 192.0.2.2:9\n",
	}, {
		.name = "a name of weft's link", .kind = WEFT_KIND_WEFT, .pmtu = -1,
		.running = "[Interface]\nPrivateKey = " KEY_P "\nListenPort = 5\n[Peer]\nPublicKey = " KEY_A "\nName = bob\n",
		.before = "[Interface]\nPrivateKey = " KEY_P "\n[Peer]\nPublicKey = " KEY_A "\nName = alice\n",
		.after = "[Interface]\nAddress = 10.9.0.1/24\nAddress = fd09::1/64\nAddress = fe80::9/64\n"
			 "ListenPort = 5\nPrivateKey = " KEY_P "\n\n[Peer]\nPublicKey = " KEY_A "\nName = bob\n",
	}, {
		.name = "a peer with its next key", .kind = WEFT_KIND_WEFT, .pmtu = -1,
		.running = "[Interface]\nPrivateKey = " KEY_P "\nListenPort = 5\n[Peer]\nPublicKey = " KEY_B
			   "\nEndpoint = 192.0.2.1:9\n",
		.before = "[Interface]\nPrivateKey = " KEY_P "\n[Peer]\nPublicKey = " KEY_A "\nNextPublicKey = " KEY_B
			  "\nEndpoint = a.example:9\n",
		.after = "[Interface]\nAddress = 10.9.0.1/24\nAddress = fd09::1/64\nAddress = fe80::9/64\n"
			 "ListenPort = 5\nPrivateKey = " KEY_P "\n\n[Peer]\nPublicKey = " KEY_B
			 "\nEndpoint = a.example:9\n",
	}, {
		.name = "a link that is not up", .kind = WEFT_KIND_WEFT, .pmtu = -1, .absent = true,
		.running = "[Interface]\nPrivateKey = " KEY_P "\n",
		.before = "[Interface]\nPrivateKey = " KEY_P "\n", .err = "weft: wft0: the interface is not up\n",
	}, {
		.name = "a link that cannot be read", .kind = WEFT_KIND_WEFT, .pmtu = -1, .broken = true,
		.running = "[Interface]\nPrivateKey = " KEY_P "\n",
		.before = "[Interface]\nPrivateKey = " KEY_P "\n",
		.err = "weft: wft0: cannot read the link: it is broken\n",
	},
};

static const struct save_case *now;

static int world_link(struct weft_host *host, const char *name,
		      struct weft_host_link *link)
{
	const struct weft_host_link there = { 7, now->kind, 1380, true };

	snprintf(host->error, sizeof(host->error), "it is broken");
	memset(link, 0, sizeof(*link));
	if (!now->absent && !strcmp(name, "wft0"))
		*link = there;
	return now->broken ? -EIO : 0;
}

static void add_address(struct weft_routes *addresses, const char *text,
			unsigned int cidr, __u8 protocol)
{
	struct weft_route *address = weft_host_routes_add(addresses);

	address->protocol = protocol;
	address->prefix.family = strchr(text, ':') ? AF_INET6 : AF_INET;
	address->prefix.cidr = cidr;
	inet_pton(address->prefix.family, text, &address->prefix.ip4);
}

/* The kernel has added the second link-local address. */
static int world_addresses(struct weft_host *host, unsigned int index,
			   struct weft_routes *addresses)
{
	(void)host;
	memset(addresses, 0, sizeof(*addresses));
	if (index != 7)
		return -ENODEV;
	test_memory_spare();
	add_address(addresses, "fe80::9", 64, WEFT_PROTOCOL);
	add_address(addresses, "fe80::8", 64, 0);
	add_address(addresses, "fd09::1", 64, 0);
	add_address(addresses, "10.9.0.1", 24, WEFT_PROTOCOL);
	test_memory_spare_end();
	return 0;
}

static int world_routes(struct weft_host *host, unsigned int index,
			__u32 table, struct weft_routes *routes)
{
	(void)host;
	(void)index;
	(void)table;
	memset(routes, 0, sizeof(*routes));
	return 0;
}

static int world_rules(struct weft_host *host, struct weft_rules *rules)
{
	(void)host;
	memset(rules, 0, sizeof(*rules));
	return 0;
}

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(text, file) < 0 || fclose(file) || chmod(path, 0600))
		test_bail("cannot write a file");
}

static void read_file(char *text, size_t size)
{
	FILE *file = fopen(path, "r");

	text[0] = '\0';
	if (file) {
		text[fread(text, 1, size - 1, file)] = '\0';
		fclose(file);
	}
}

static void test_file_is(const char *want)
{
	char got[2048];
	struct stat st;

	read_file(got, sizeof(got));
	test_text("the file", got, want);
	test_ok(!stat(path, &st) && (st.st_mode & 0777) == 0600, "its mode");
}

static void prepare(struct weft_device *dev)
{
	struct weft_key key;

	if (now->pmtu >= 0) {
		dev->known |= WEFT_ATTR_BIT(WEFT_DEVICE_A_PMTU);
		dev->pmtu = now->pmtu;
	}
	if (!now->previous)
		return;
	dev->has |= WEFT_DEVICE_HAS_PREVIOUS_PUBLIC_KEY;
	weft_key_decode(&key, KEY_C);
	weft_key_derive_public(&dev->previous_public_key, &key);
}

static void test_case(void)
{
	struct weft_host host = {
		.link = world_link, .addresses = world_addresses,
		.routes = world_routes, .rules = world_rules,
	};
	char *text = strdup(now->before);
	struct weft_profile *profile;
	struct test_bench bench;

	write_file(now->before);
	test_bench_start(&bench, "");
	bench.ctx.host = &host;
	bench.devices[0] = test_device("wft0", now->kind, now->running);
	prepare(bench.devices[0]);
	profile = weft_profile_parse(&bench.ctx, path, text, "wft0");
	if (!profile || stat(path, &profile->seen))
		test_bail("the file of a case is broken");
	test_ok(weft_save(&bench.ctx, profile) == !now->err, now->name);
	test_bench_flush(&bench);
	test_file_is(now->after ?: now->before);
	test_text("the error text", bench.err, now->err ?: "");
	weft_profile_free(profile);
	test_bench_end(&bench);
	free(text);
}

/* The file is written completely, or not changed. */
static bool once(const void *data)
{
	struct weft_host host = {
		.link = world_link, .addresses = world_addresses,
		.routes = world_routes, .rules = world_rules,
	};
	char *text = strdup(now->before), got[2048];
	struct weft_profile *profile;
	struct test_bench bench;
	bool good, saved;

	(void)data;
	write_file(now->before);
	test_memory_spare();
	test_bench_start(&bench, "");
	bench.ctx.host = &host;
	bench.devices[0] = test_device("wft0", now->kind, now->running);
	prepare(bench.devices[0]);
	profile = weft_profile_parse(&bench.ctx, path, text, "wft0");
	stat(path, &profile->seen);
	test_memory_spare_end();
	saved = weft_save(&bench.ctx, profile);
	test_bench_flush(&bench);
	read_file(got, sizeof(got));
	good = saved ? !strcmp(got, now->after) :
		       !strcmp(got, now->before) && test_memory_failed() && strcasestr(bench.err, "memory");
	if (!good)
		printf("# saved %d: %s# error: %s\n", saved, got, bench.err);
	weft_profile_free(profile);
	test_bench_end(&bench);
	free(text);
	return good;
}

int main(void)
{
	char name[128];
	size_t i;

	if (!mkdtemp(folder))
		test_bail("no folder in /tmp");
	snprintf(path, sizeof(path), "%s/wft0.conf", folder);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		now = &cases[i];
		test_case();
		snprintf(name, sizeof(name), "%s: while memory is short", now->name);
		if (now->after)
			test_memory_each(name, once, NULL);
	}
	unlink(path);
	test_ok(!rmdir(folder), "only the test's file is left");
	return test_end();
}
