// SPDX-License-Identifier: GPL-2.0
/*
 * weft doctor on a fake host: the facts that it gathers, the routes that it looks up, the length of
 * its watch, and its output.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "conf/profile.h"
#include "doctor/doctor.h"
#include "memory.h"
#include "model/attr.h"
#include "model/format.h"
#include "support.h"

#define SKIPPED		4
#define FILE_PATH	"/etc/weft/wft0.conf"
#define QUESTIONS_BYTES	4096
#define NETFILTER	"/proc/net/netfilter/nf_log=0 NONE ()\n"

#define INTERFACE	"[Interface]\nListenPort = 51820\nPrivateKey = " KEY_P "\n"
#define HUB		"[Peer]\nPublicKey = " KEY_A "\nName = hub\nEndpoint = 192.0.2.1:7\nAllowedIPs = "
#define OTHER		"[Peer]\nPublicKey = " KEY_B "\nAllowedIPs = "

/**
 * struct diagnosis_case - a host, and the facts found on it
 * @name: the case
 * @running: the interface's configuration
 * @kind: its kind, NONE for weft
 * @file: the interface's file, NULL for none
 * @read: lines "PATH=TEXT" of the kernel's settings
 * @programs: lines "COMMAND=OUTPUT", with "!" for a program that fails; others are missing
 * @unmarked: the device of packets without a mark, NULL for the same
 * @happens: changes the interface before reading number @reading, counted from 0
 * @fail_link: the link cannot be read
 * @fail_way: routes cannot be looked up
 * @facts: the facts, NULL if the doctor fails before
 * @questions: the looked up routes, NULL to ignore them
 * @readings: readings of the interface after the first one
 * @sent: the requests to the kernel
 * @err: the error
 */
struct diagnosis_case {
	const char *name;
	const char *running;
	enum weft_kind kind;
	const char *file;
	const char *read;
	const char *programs;
	const char *unmarked;
	void (*happens)(struct weft_device *dev, unsigned int reading);
	bool fail_link;
	bool fail_way;
	const char *facts;
	const char *questions;
	unsigned int readings;
	const char *sent;
	const char *err;
};

static struct {
	const struct diagnosis_case *now;
	struct test_bench *bench;
	int (*get)(struct weft_backend *backend, const char *name,
		   struct weft_device **dev);
	unsigned int readings;
	unsigned int pauses;
	char questions[QUESTIONS_BYTES];
} fake;

/* ---- the host ---- */

static int fake_get(struct weft_backend *backend, const char *name,
		    struct weft_device **dev)
{
	if (fake.now->happens && fake.bench->devices[0])
		fake.now->happens(fake.bench->devices[0], fake.readings);
	fake.readings++;
	return fake.get(backend, name, dev);
}

static void fake_pause(unsigned int us)
{
	fake.pauses += us == 150000;
}

static int fake_link(struct weft_host *host, const char *name,
		     struct weft_host_link *link)
{
	*link = (struct weft_host_link){
		.index = 5, .kind = WEFT_KIND_WEFT, .mtu = 1420, .up = true,
	};
	if (!fake.now->fail_link)
		return strcmp(name, "wft0") ? -ENODEV : 0;
	snprintf(host->error, sizeof(host->error), "no link");
	return -EPERM;
}

/* The interface has 10.9.0.1/24 and fd09::1/64. */
static int fake_addresses(struct weft_host *host, unsigned int index,
			  struct weft_routes *addresses)
{
	struct weft_route *four, *six;

	(void)host;
	memset(addresses, 0, sizeof(*addresses));
	if (index != 5)
		return -ENODEV;
	test_memory_spare();
	weft_host_routes_add(addresses);
	weft_host_routes_add(addresses);
	test_memory_spare_end();
	four = &addresses->items[0];
	six = &addresses->items[1];
	*four = (struct weft_route){ .prefix = { .family = AF_INET, .cidr = 24 } };
	*six = (struct weft_route){ .prefix = { .family = AF_INET6, .cidr = 64 } };
	inet_pton(AF_INET, "10.9.0.1", &four->prefix.ip4);
	inet_pton(AF_INET6, "fd09::1", &six->prefix.ip6);
	return 0;
}

/* 10.0.0.0/8 and fd00::/8 are routed into the tunnel, 203.0.113.0/24 is unreachable. */
static int fake_way(struct weft_host *host, const union weft_endpoint *to,
		    __u32 mark, struct weft_host_way *way)
{
	char text[INET6_ADDRSTRLEN];
	size_t len = strlen(fake.questions);
	const char *dev = "eth0";

	(void)host;
	memset(way, 0, sizeof(*way));
	if (to->any.sa_family == AF_INET)
		inet_ntop(AF_INET, &to->ip4.sin_addr, text, sizeof(text));
	else
		inet_ntop(AF_INET6, &to->ip6.sin6_addr, text, sizeof(text));
	snprintf(fake.questions + len, sizeof(fake.questions) - len, "%s%s%s",
		 len ? " " : "", text, mark ? "!" : "");
	if (fake.now->fail_way)
		return -EPERM;
	if (!strncmp(text, "10.", 3) || !strncmp(text, "fd", 2))
		dev = "wft0";
	else if (fake.now->unmarked && !mark)
		dev = fake.now->unmarked;
	way->asked = true;
	way->found = strncmp(text, "203.", 4);
	if (way->found)
		snprintf(way->dev, sizeof(way->dev), "%s", dev);
	way->mtu = 1500;
	return 0;
}

/* Returns the text after "KEY=" in one of the lines, for the caller to free, or NULL. */
static char *fake_line(const char *lines, const char *key)
{
	const char *at = lines;
	size_t len = strlen(key);

	while (at && (strncmp(at, key, len) || at[len] != '=')) {
		at = strchr(at, '\n');
		at = at && at[1] ? at + 1 : NULL;
	}
	return at ? strndup(at + len + 1, strcspn(at + len + 1, "\n")) : NULL;
}

static int fake_read(struct weft_host *host, const char *path, char **text)
{
	(void)host;
	*text = fake_line(fake.now->read, path);
	return *text ? 0 : -ENOENT;
}

static int fake_run(struct weft_host *host,
		    const struct weft_program *program, char **output)
{
	char words[256] = "", *c;
	size_t i, len = 0;

	for (i = 0; program->words[i]; i++)
		len += snprintf(words + len, sizeof(words) - len, "%s%s",
				i ? " " : "", program->words[i]);
	*output = fake_line(fake.now->programs, words);
	if (*output && !strcmp(*output, "!")) {
		free(*output);
		*output = NULL;
		snprintf(host->error, sizeof(host->error), "%s: exit status 1", program->words[0]);
		return -EIO;
	}
	/* A bar separates the lines of its output. */
	for (c = *output; c && *c; c++)
		if (*c == '|')
			*c = '\n';
	return *output ? 0 : -ENOENT;
}

static struct weft_host fake_host = {
	.link = fake_link, .addresses = fake_addresses, .way = fake_way,
	.read = fake_read, .run = fake_run,
};

static void fake_file(const char *text)
{
	FILE *file;

	unlink(FILE_PATH);
	if (!text)
		return;
	file = fopen(FILE_PATH, "w");
	if (!file || fputs(text, file) < 0 || fclose(file))
		test_bail("cannot write " FILE_PATH);
}

static void fake_open(struct test_bench *bench, const struct diagnosis_case *test)
{
	memset(&fake, 0, sizeof(fake));
	fake.now = test;
	fake.bench = bench;
	test_bench_start(bench, "");
	fake.get = bench->backend.get;
	bench->backend.get = fake_get;
	bench->ctx.host = &fake_host;
	bench->ctx.pause = fake_pause;
	bench->devices[0] = test_device("wft0", test->kind ?: WEFT_KIND_WEFT, test->running ?: "");
	fake_file(test->file);
}

/* ---- facts ---- */

static void print_bar(FILE *out, const char *name, const struct weft_bar *bar)
{
	fprintf(out, " %s %c%s", name, "-?~x"[bar->bars], bar->reverse ? "r" : "");
}

static void print_way(FILE *out, const char *name, const struct weft_host_way *way)
{
	fprintf(out, " %s %s", name, !way->asked ? "-" : way->found ? way->dev : "nowhere");
}

static void print_peer(FILE *out, const struct weft_doctor_peer *peer)
{
	size_t i;

	fprintf(out, "peer %c", peer->last->public_key.bytes[0]);
	print_way(out, "way", &peer->way);
	print_way(out, "unmarked", &peer->unmarked);
	fprintf(out, "%s%s", peer->outer_strict ? " strict" : "", peer->calls ? " calls" : "");
	print_bar(out, "in", &peer->in);
	print_bar(out, "out", &peer->out);
	if (peer->returns)
		fprintf(out, " returns %u", peer->returns);
	for (i = 0; i < 2 && peer->endpoints[i].any.sa_family; i++)
		fprintf(out, " %s", weft_format_endpoint(&peer->endpoints[i]).chars);
	if (peer->wanted)
		fprintf(out, " wanted %c", peer->wanted->public_key.bytes[0]);
	if (peer->unresolved)
		fprintf(out, " unresolved %s", peer->unresolved);
	fputc('\n', out);
	for (i = 0; i < peer->prefix_count; i++) {
		fprintf(out, "  %s/%u", weft_format_address(peer->prefixes[i].ip).chars,
			peer->prefixes[i].ip->cidr);
		print_way(out, "->", &peer->prefixes[i].way);
		fputc('\n', out);
	}
}

static char *describe(const struct weft_doctor_facts *facts)
{
	char *text = NULL;
	size_t len, i;
	FILE *out = open_memstream(&text, &len);

	fprintf(out, "link %u%s%s%s%s%s\n", facts->link.index,
		facts->forwarding4 ? " forwarding4" : "", facts->forwarding6 ? " forwarding6" : "",
		facts->strict ? " strict" : "", facts->pmtu ? " pmtu" : "",
		facts->unmarked_table ? " unmarked-table" : "");
	if (facts->path)
		fprintf(out, "file %s%s\n", facts->path, facts->profile ? "" : " is broken");
	if (facts->unread)
		fprintf(out, "unread: %s\n", facts->unread);
	for (i = 0; i < ARRAY_SIZE(facts->walls); i++) {
		if (!facts->walls[i].used)
			continue;
		fprintf(out, "wall %d", i ? 6 : 4);
		print_bar(out, "in", &facts->walls[i].in);
		print_bar(out, "fresh", &facts->walls[i].fresh);
		print_bar(out, "out", &facts->walls[i].out);
		fputc('\n', out);
	}
	for (i = 0; i < facts->peer_count; i++)
		print_peer(out, &facts->peers[i]);
	fclose(out);
	return text;
}

static void test_gather(const struct diagnosis_case *test)
{
	struct weft_doctor_facts facts;
	struct test_bench bench;
	char *text, name[128];
	bool good;

	fake_open(&bench, test);
	good = weft_doctor_gather(&bench.ctx, "wft0", &facts);
	test_bench_flush(&bench);
	snprintf(name, sizeof(name), "%s: gathered", test->name);
	test_ok(good == !!test->facts, name);
	text = good ? describe(&facts) : strdup("");
	test_text("  facts", text, test->facts ?: "");
	if (test->questions)
		test_text("  looked up routes", fake.questions, test->questions);
	snprintf(name, sizeof(name), "  read %u times, with pauses", fake.readings);
	test_ok(fake.readings == test->readings + 1 && fake.pauses == test->readings, name);
	test_text("  sent", bench.sent, test->sent ?: "");
	test_text("  error", bench.err, test->err ?: "");
	weft_doctor_facts_free(&facts);
	free(text);
	test_bench_end(&bench);
}

/* With a /proc of processes only, the kernel's counters cannot be read. */
static void test_no_counters(const struct diagnosis_case *test)
{
	if (mount("none", "/proc/self/net", "tmpfs", 0, NULL)) {
		printf("# nothing can be mounted on /proc/self/net: %s\n", strerror(errno));
		return;
	}
	test_ok(access("/proc/net/snmp", F_OK), "no counters of the kernel");
	test_gather(test);
	umount("/proc/self/net");
}

/* ---- changes during the watch ---- */

static void happens_roaming(struct weft_device *dev, unsigned int reading)
{
	dev->peers->endpoint.ip4.sin_port = htons(reading & 1 || reading > 6 ? 8 : 7);
}

/* To a new endpoint each time. */
static void happens_moving(struct weft_device *dev, unsigned int reading)
{
	dev->peers->endpoint.ip4.sin_port = htons(7 + reading);
}

static void happens_peer_goes(struct weft_device *dev, unsigned int reading)
{
	if (reading != 3)
		return;
	dev->peers->next->drop = true;
	weft_model_peers_prune(dev);
}

static void happens_other_peer(struct weft_device *dev, unsigned int reading)
{
	if (reading == 2)
		dev->peers->public_key.bytes[0] = 'Z';
}

static void happens_unreadable(struct weft_device *dev, unsigned int reading)
{
	(void)dev;
	if (reading == 4)
		fake.bench->fail_get = "the link is gone";
}

static void happens_unreadable_first(struct weft_device *dev, unsigned int reading)
{
	(void)dev;
	(void)reading;
	fake.bench->fail_get = "the link is gone";
}

/* The peer answers after further packets. */
static void happens_answer(struct weft_device *dev, unsigned int reading)
{
	dev->peers->handshake_s = reading < 25 ? 0 : 1000000000;
	dev->peers->rx_bytes = reading < 25 ? 0 : 92;
	dev->peers->tx_bytes = 148 * reading;
}

/* A session exists, and no packet is sent. */
static void happens_idle(struct weft_device *dev, unsigned int reading)
{
	(void)reading;
	dev->peers->handshake_s = 1000000000;
	dev->peers->rx_bytes = 92;
}

static void happens_sending(struct weft_device *dev, unsigned int reading)
{
	happens_idle(dev, reading);
	dev->peers->tx_bytes = 32 * reading;
}

static void happens_drop(struct weft_device *dev, unsigned int reading)
{
	happens_idle(dev, reading);
	dev->drops[WEFT_DROPS_A_MAC] = 1;
}

static void happens_drop_unknown(struct weft_device *dev, unsigned int reading)
{
	happens_idle(dev, reading);
	dev->drops[WEFT_DROPS_A_UNKNOWN_PEER] = reading;
}

static void happens_drop_clock(struct weft_device *dev, unsigned int reading)
{
	happens_idle(dev, reading);
	dev->drops[WEFT_DROPS_A_TIMESTAMP] = reading;
}

static void happens_drop_preshared(struct weft_device *dev, unsigned int reading)
{
	happens_idle(dev, reading);
	dev->drops[WEFT_DROPS_A_PRESHARED] = reading;
}

static void happens_up(struct weft_device *dev, unsigned int reading)
{
	struct weft_peer *peer;

	happens_idle(dev, reading);
	for (peer = dev->peers; peer; peer = peer->next) {
		peer->known |= WEFT_ATTR_BIT(WEFT_PEER_A_STATE);
		peer->state = WEFT_PEER_STATE_UP;
		peer->rx_bytes = 92;
	}
}

static void happens_listening(struct weft_device *dev, unsigned int reading)
{
	happens_idle(dev, reading);
	dev->pmtu = 1;
	dev->listen_port = 0;
}

#define CONNECT_A	"wft0:\npeer A: update-only connect\n"
#define WALL4		"wall 4 in - fresh - out -\n"
#define LINK		"link 5 forwarding4 forwarding6"
#define NO_INPUT	"iptables-save=*filter|:INPUT DROP [0:0]|:OUTPUT ACCEPT [0:0]|COMMIT|\n"
#define NO_OUTPUT	"ip6tables-save=# of a machine|*filter|:INPUT ACCEPT [0:0]|:OUTPUT DROP [0:0]|COMMIT|\n"
#define ONLY_ANSWERS	"iptables-save=*filter|:INPUT DROP [0:0]|:OUTPUT ACCEPT [0:0]|" \
			"-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT|COMMIT|\n"
#define NFT_DROP	"nft -j list ruleset={\"nftables\":[{\"table\":{\"family\":\"inet\",\"name\":\"f\"}},{\"chain\":" \
			"{\"family\":\"inet\",\"table\":\"f\",\"name\":\"i\",\"type\":\"filter\",\"hook\":\"input\"," \
			"\"prio\":0,\"policy\":\"drop\"}}]}\n"
#define RP_FILTER	"/proc/sys/net/ipv4/conf/all/rp_filter="

static const struct diagnosis_case cases[] = {
	{
		.name = "no faults", .happens = happens_idle, .readings = 20,
		.running = INTERFACE HUB "10.9.0.0/24\n" OTHER "10.9.1.1/32\n",
		.facts = LINK "\n" WALL4
			 "peer A way eth0 unmarked - in - out -\n  10.9.0.0/24 -> wft0\n"
			 "peer B way - unmarked - in - out -\n  10.9.1.1/32 -> wft0\n",
		/* The interface's own address is left out. */
		.questions = "192.0.2.1 10.9.0.2 10.9.1.1", .sent = CONNECT_A,
	}, {
		.name = "an address of each prefix", .happens = happens_idle, .readings = 20,
		.running = INTERFACE HUB "0.0.0.0/0, 10.9.0.0/31, 10.9.2.0/30, 224.0.0.0/4, 10.9.0.1/32\n"
			   OTHER "::/0, fd09::/64, fd09:1::/127, fd09::1/128, ff00::/8, fe80::/64\n",
		.facts = LINK "\n" WALL4
			 "peer A way eth0 unmarked - in - out -\n  0.0.0.0/0 -> eth0\n  10.9.0.0/31 -> wft0\n"
			 "  10.9.2.0/30 -> wft0\n  10.9.0.1/32 -> wft0\n"
			 "peer B way - unmarked - in - out -\n  ::/0 -> eth0\n  fd09::/64 -> wft0\n  fd09:1::/127 -> wft0\n"
			 "  fd09::1/128 -> wft0\n",
		.questions = "192.0.2.1 198.18.0.1 10.9.0.1 10.9.2.1 10.9.0.1 2001:2::1 fd09::2 fd09:1::1 fd09::1",
		.sent = CONNECT_A,
	}, {
		.name = "settings of the kernel", .happens = happens_listening, .readings = 20,
		.running = INTERFACE HUB "10.9.0.0/24\n",
		.read = "/proc/sys/net/ipv4/conf/wft0/forwarding=0\n/proc/sys/net/ipv6/conf/all/forwarding=0\n"
			RP_FILTER "0\n/proc/sys/net/ipv4/conf/wft0/rp_filter=1\n",
		.facts = "link 5 strict pmtu\npeer A way eth0 unmarked - in - out -\n  10.9.0.0/24 -> wft0\n",
		.sent = CONNECT_A,
	}, {
		.name = "the greater rp_filter holds", .happens = happens_listening, .readings = 20,
		.running = INTERFACE HUB "10.9.0.0/24\n",
		.read = "/proc/sys/net/ipv4/conf/wft0/forwarding=1\n/proc/sys/net/ipv6/conf/all/forwarding=1\n"
			RP_FILTER "2\n/proc/sys/net/ipv4/conf/wft0/rp_filter=1\n",
		.facts = LINK " pmtu\npeer A way eth0 unmarked - in - out -\n  10.9.0.0/24 -> wft0\n",
		.sent = CONNECT_A,
	}, {
		.name = "a mark, and other routes without it", .happens = happens_idle, .readings = 20,
		.running = INTERFACE "FwMark = 9\n" HUB "10.9.0.0/24\n", .unmarked = "eth1",
		.read = RP_FILTER "0\n/proc/sys/net/ipv4/conf/eth0/rp_filter=1\n",
		.facts = LINK " unmarked-table\n" WALL4
			 "peer A way eth0 unmarked eth1 strict in - out -\n  10.9.0.0/24 -> wft0\n",
		.questions = "192.0.2.1! 192.0.2.1 10.9.0.2", .sent = CONNECT_A,
	}, {
		.name = "a mark that rules restore before the filter", .happens = happens_idle, .readings = 20,
		.running = INTERFACE "FwMark = 9\n" HUB "10.9.0.0/24\n", .unmarked = "eth1",
		.read = RP_FILTER "1\n/proc/sys/net/ipv4/conf/all/src_valid_mark=1\n",
		.programs = "nft -j list ruleset={\"nftables\":[{\"table\":{\"family\":\"inet\",\"name\":\"weft-wft0\"}}]}\n",
		.facts = LINK " strict\n" WALL4 "peer A way eth0 unmarked eth1 in - out -\n  10.9.0.0/24 -> wft0\n",
		.sent = CONNECT_A,
	}, {
		.name = "a mark that rules restore after the filter", .happens = happens_idle, .readings = 20,
		.running = INTERFACE "FwMark = 9\n" HUB "10.9.0.0/24\n", .unmarked = "eth1",
		.read = RP_FILTER "1\n/proc/sys/net/ipv4/conf/all/src_valid_mark=0\n",
		.programs = "nft -j list ruleset={\"nftables\":[{\"table\":{\"family\":\"inet\",\"name\":\"wg-quick-wft0\"}}]}\n",
		.facts = LINK " strict\n" WALL4 "peer A way eth0 unmarked eth1 strict in - out -\n  10.9.0.0/24 -> wft0\n",
		.sent = CONNECT_A,
	}, {
		.name = "no route", .happens = happens_idle, .readings = 20,
		.running = INTERFACE "[Peer]\nPublicKey = " KEY_A "\nEndpoint = 203.0.113.1:7\nAllowedIPs = 203.0.113.2/32\n",
		.facts = LINK "\n" WALL4 "peer A way nowhere unmarked - in - out -\n  203.0.113.2/32 -> nowhere\n",
		.sent = CONNECT_A,
	}, {
		.name = "routes that cannot be looked up", .happens = happens_idle, .readings = 20, .fail_way = true,
		.running = INTERFACE "FwMark = 9\n" HUB "10.9.0.0/24\n",
		.facts = LINK " unmarked-table\n" WALL4 "peer A way - unmarked - in - out -\n  10.9.0.0/24 -> -\n",
		.questions = "192.0.2.1! 10.9.0.2", .sent = CONNECT_A,
	}, {
		.name = "no peer's endpoint is known", .readings = 20,
		.running = INTERFACE OTHER "10.9.1.1/32\n",
		.facts = LINK "\n" WALL4 "wall 6 in - fresh - out -\npeer B way - unmarked - in - out -\n  10.9.1.1/32 -> wft0\n",
		.questions = "10.9.1.1 198.18.0.1 2001:2::1",
	}, {
		.name = "no peers, and no routes", .readings = 20, .running = INTERFACE, .fail_way = true,
		.facts = LINK "\n" WALL4, .questions = "198.18.0.1 2001:2::1",
	}, {
		.name = "a firewall that drops all incoming packets", .readings = 44, .running = INTERFACE HUB "10.9.0.0/24\n",
		.programs = NO_INPUT,
		.facts = LINK "\nwall 4 in x fresh x out -\npeer A way eth0 unmarked - in x out -\n  10.9.0.0/24 -> wft0\n",
		.sent = CONNECT_A,
	}, {
		.name = "a firewall that drops all outgoing packets", .readings = 44,
		.running = INTERFACE "[Peer]\nPublicKey = " KEY_A "\nEndpoint = [2001:db8::1]:7\nAllowedIPs = fd09::/64\n",
		.programs = NO_OUTPUT,
		.facts = LINK "\nwall 6 in - fresh - out x\npeer A way eth0 unmarked - in - out x\n  fd09::/64 -> wft0\n",
		.sent = CONNECT_A,
	}, {
		.name = "a firewall that accepts replies", .readings = 44, .running = INTERFACE HUB "10.9.0.0/24\n",
		.programs = ONLY_ANSWERS,
		.facts = LINK "\nwall 4 in - fresh x out -\npeer A way eth0 unmarked - in - out -\n  10.9.0.0/24 -> wft0\n",
		.sent = CONNECT_A,
	}, {
		.name = "nft drops all incoming packets", .readings = 44, .running = INTERFACE HUB "10.9.0.0/24\n",
		.programs = NFT_DROP,
		.facts = LINK "\nwall 4 in x fresh x out -\npeer A way eth0 unmarked - in x out -\n  10.9.0.0/24 -> wft0\n",
		.sent = CONNECT_A,
	}, {
		.name = "no program reads the firewall", .readings = 20, .running = INTERFACE, .fail_way = true,
		.read = NETFILTER, .facts = LINK "\nunread: neither nft nor iptables-save works\n" WALL4,
	}, {
		.name = "each program fails to read the firewall", .readings = 20, .running = INTERFACE, .fail_way = true,
		.read = NETFILTER, .programs = "nft -j list ruleset=!\niptables-save=!\nip6tables-save=!\n",
		.facts = LINK "\nunread: nft: exit status 1\n" WALL4,
	}, {
		.name = "nft fails, and iptables-save does not", .readings = 20, .running = INTERFACE, .fail_way = true,
		.read = NETFILTER, .programs = "nft -j list ruleset=!\niptables-save=#\n",
		.facts = LINK "\nunread: nft: exit status 1\n" WALL4,
	}, {
		.name = "only iptables-save is installed", .readings = 20, .running = INTERFACE, .fail_way = true,
		.read = NETFILTER, .programs = "iptables-save=#\n", .facts = LINK "\n" WALL4,
	}, {
		.name = "a kernel without netfilter", .readings = 20, .running = INTERFACE, .fail_way = true,
		.programs = "nft -j list ruleset=!\n", .facts = LINK "\n" WALL4,
	}, {
		.name = "the firewall is not read for a peer that is up", .readings = 20, .happens = happens_up,
		.running = INTERFACE HUB "10.9.0.0/24\n", .programs = NO_INPUT,
		.facts = LINK "\nwall 4 in x fresh x out -\npeer A way eth0 unmarked - in - out -\n  10.9.0.0/24 -> wft0\n",
		.sent = CONNECT_A,
	}, {
		.name = "a peer that never responds", .readings = 44, .running = INTERFACE HUB "10.9.0.0/24\n",
		.facts = LINK "\n" WALL4 "peer A way eth0 unmarked - in - out -\n  10.9.0.0/24 -> wft0\n",
		.sent = CONNECT_A,
	}, {
		.name = "a peer that responds late", .readings = 25, .happens = happens_answer,
		.running = INTERFACE HUB "10.9.0.0/24\n",
		.facts = LINK "\n" WALL4 "peer A way eth0 unmarked - in - out -\n  10.9.0.0/24 -> wft0\n",
		.sent = CONNECT_A,
	}, {
		.name = "a peer that does not answer data", .readings = 44, .happens = happens_sending,
		.running = INTERFACE HUB "10.9.0.0/24\n",
		.facts = LINK "\n" WALL4 "peer A way eth0 unmarked - in - out -\n  10.9.0.0/24 -> wft0\n",
		.sent = CONNECT_A,
	}, {
		.name = "wireguard, without requests for handshakes", .readings = 44, .happens = happens_idle,
		.kind = WEFT_KIND_WIREGUARD, .running = INTERFACE HUB "10.9.0.0/24\n",
		.facts = LINK "\n" WALL4 "peer A way eth0 unmarked - in - out -\n  10.9.0.0/24 -> wft0\n",
	}, {
		.name = "handshakes for another key", .readings = 44, .happens = happens_drop,
		.running = INTERFACE HUB "10.9.0.0/24\n",
		.facts = LINK "\n" WALL4 "peer A way eth0 unmarked - in - out -\n  10.9.0.0/24 -> wft0\n", .sent = CONNECT_A,
	}, {
		.name = "handshakes of an unknown peer", .readings = 44, .happens = happens_drop_unknown,
		.running = INTERFACE HUB "10.9.0.0/24\n",
		.facts = LINK "\n" WALL4 "peer A way eth0 unmarked - in - out -\n  10.9.0.0/24 -> wft0\n", .sent = CONNECT_A,
	}, {
		.name = "handshakes with old timestamps", .readings = 44, .happens = happens_drop_clock,
		.running = INTERFACE HUB "10.9.0.0/24\n",
		.facts = LINK "\n" WALL4 "peer A way eth0 unmarked - in - out -\n  10.9.0.0/24 -> wft0\n", .sent = CONNECT_A,
	}, {
		.name = "handshakes with another preshared key", .readings = 44, .happens = happens_drop_preshared,
		.running = INTERFACE HUB "10.9.0.0/24\n",
		.facts = LINK "\n" WALL4 "peer A way eth0 unmarked - in - out -\n  10.9.0.0/24 -> wft0\n", .sent = CONNECT_A,
	}, {
		.name = "a peer at two endpoints", .readings = 44, .happens = happens_roaming,
		.running = INTERFACE HUB "10.9.0.0/24\n",
		.facts = LINK "\n" WALL4 "peer A way eth0 unmarked - in - out - returns 6 192.0.2.1:8 192.0.2.1:7\n"
			 "  10.9.0.0/24 -> wft0\n", .sent = CONNECT_A,
	}, {
		.name = "a peer that roams", .readings = 44, .happens = happens_moving,
		.running = INTERFACE HUB "10.9.0.0/24\n",
		.facts = LINK "\n" WALL4 "peer A way eth0 unmarked - in - out - 192.0.2.1:51 192.0.2.1:50\n"
			 "  10.9.0.0/24 -> wft0\n", .sent = CONNECT_A,
	}, {
		.name = "a peer that is removed", .readings = 3, .happens = happens_peer_goes, .sent = CONNECT_A,
		.running = INTERFACE HUB "10.9.0.0/24\n" OTHER "10.9.1.1/32\n",
		.err = "weft: wft0: the peers changed during the checks: run the command again\n",
	}, {
		.name = "a peer that is replaced by another one", .readings = 2, .happens = happens_other_peer, .sent = CONNECT_A,
		.running = INTERFACE HUB "10.9.0.0/24\n", .err = "weft: wft0: the peers changed during the checks: run the command again\n",
	}, {
		.name = "an interface that is removed", .readings = 4, .happens = happens_unreadable, .sent = CONNECT_A,
		.running = INTERFACE HUB "10.9.0.0/24\n", .err = "weft: cannot read interface 'wft0': the link is gone\n",
	}, {
		.name = "an interface that cannot be read", .happens = happens_unreadable_first,
		.running = INTERFACE HUB "10.9.0.0/24\n", .err = "weft: cannot read interface 'wft0': the link is gone\n",
	}, {
		.name = "a link that cannot be read", .running = INTERFACE HUB "10.9.0.0/24\n", .fail_link = true,
		.err = "weft: cannot read link 'wft0': no link\n",
	}, {
		.name = "a file", .readings = 20, .happens = happens_idle,
		.running = INTERFACE HUB "10.9.0.0/24\n" OTHER "10.9.1.1/32\n" "[Peer]\nPublicKey = " KEY_C "\n",
		.file = INTERFACE OTHER "10.9.1.1/32\n" "[Peer]\nPublicKey = " KEY_C "\nEndpoint = no.example:5\n"
			HUB "10.9.0.0/24\n",
		.facts = LINK "\nfile " FILE_PATH "\n" WALL4
			 "peer A way eth0 unmarked - in - out - wanted A\n  10.9.0.0/24 -> wft0\n"
			 "peer B way - unmarked - calls in - out - wanted B\n  10.9.1.1/32 -> wft0\n"
			 "peer C way - unmarked - in - out - wanted C unresolved no.example:5\n",
		.sent = CONNECT_A,
	}, {
		.name = "a file without that peer, and without routes", .readings = 20, .happens = happens_idle,
		.running = INTERFACE HUB "10.9.0.0/24\n", .file = INTERFACE "Table = off\n" OTHER "10.9.1.1/32\n",
		.facts = LINK "\nfile " FILE_PATH "\n" WALL4 "peer A way eth0 unmarked - in - out -\n",
		.sent = CONNECT_A,
	}, {
		.name = "a broken file", .readings = 20, .happens = happens_idle,
		.running = INTERFACE HUB "10.9.0.0/24\n", .file = INTERFACE "nonsense\n",
		.facts = LINK "\nfile " FILE_PATH " is broken\n" WALL4
			 "peer A way eth0 unmarked - in - out -\n  10.9.0.0/24 -> wft0\n",
		.sent = CONNECT_A,
	},
};

/* ---- output ---- */

#define FOUND_NO_KEY	"wft0: error: the interface has no private key: no handshake is possible [no-private-key]\n" \
			"  to mend it: (umask 077; weft genkey >KEYFILE); weft set wft0 private-key KEYFILE\n"
#define FOUND_NO_PEERS	"wft0: warning: the interface has no peers [no-peers]\n" \
			"  to mend it: weft set wft0 peer KEY allowed-ips IP/LENGTH endpoint HOST:PORT\n"

/**
 * struct print_case - a command line
 * @words: the words
 * @fake: the host; without @running it has no interface
 * @fail_ready: the kernel has no weft
 * @starved: memory is short, too
 * @status: the exit status
 * @out: the standard output, JSON without blanks; NULL: the missing module is printed
 * @err: the standard error
 */
static const struct print_case {
	const char *words;
	struct diagnosis_case fake;
	bool fail_ready;
	bool starved;
	int status;
	const char *out;
	const char *err;
} prints[] = {
	{
		"doctor wft0", { .name = "all is well", .running = INTERFACE HUB "10.9.0.0/24\n", .happens = happens_up },
		.out = "wft0: no fault found\n",
	}, {
		"doctor", { .name = "all is well with all interfaces", .running = INTERFACE HUB "10.9.0.0/24\n", .happens = happens_up },
		.out = "wft0: no fault found\n",
	}, {
		"-j doctor wft0", { .name = "all is well", .running = INTERFACE HUB "10.9.0.0/24\n", .happens = happens_up },
		.out = "[{\"findings\":[],\"interface\":\"wft0\",\"kind\":\"weft\"}]",
	}, {
		"doctor wft0", { .name = "a warning", .running = INTERFACE }, .status = 1, .out = FOUND_NO_PEERS,
	}, {
		"doctor", { .name = "an error and a warning of an interface", .running = "[Interface]\nListenPort = 5\n" }, .starved = true, .status = 2,
		.out = FOUND_NO_KEY FOUND_NO_PEERS,
	}, {
		"doctor wft0", { .name = "a firewall that no program reads", .running = INTERFACE HUB "10.9.0.0/24\n",
				 .happens = happens_up, .read = NETFILTER, .programs = "nft -j list ruleset=!\n" },
		.starved = true, .status = 1,
		.out = "wft0: warning: this machine's firewall cannot be read, and its rules were not checked: nft: exit status 1 [unread-firewall]\n"
		       "  to mend it: install nftables with JSON support, or find out why this fails: nft -j list ruleset; then: weft doctor wft0\n",
	}, {
		"doctor wft0", { .name = "a peer", .running = INTERFACE HUB "203.0.113.0/24\n", .happens = happens_up },
		.status = 1,
		.out = "wft0, peer hub: warning: no route leads to its allowed IP 203.0.113.0/24 [no-route]\n"
		       "  to mend it: ip route add 203.0.113.0/24 dev wft0\n",
	}, {
		"-j doctor wft0", { .name = "peers", .happens = happens_up,
				    .running = INTERFACE HUB "203.0.113.0/25\n" OTHER "203.0.113.128/25\n" },
		.starved = true, .status = 1,
		.out = "[{\"findings\":[{\"code\":\"no-route\",\"severity\":\"warning\",\"peer\":\"" KEY_A "\",\"name\":\"hub\",\"what\":\"no route leads to its allowed IP 203.0.113.0/25\",\"mend\":\"ip route add 203.0.113.0/25 dev wft0\"},{\"code\":\"no-route\",\"severity\":\"warning\",\"peer\":\"" KEY_B "\",\"what\":\"no route leads to its allowed IP 203.0.113.128/25\",\"mend\":\"ip route add 203.0.113.128/25 dev wft0\"}],\"interface\":\"wft0\",\"kind\":\"weft\"}]",
	}, {
		"-j doctor wft0", { .name = "an error", .running = "[Interface]\nListenPort = 5\n" OTHER "10.9.1.1/32\n",
				    .happens = happens_up },
		.status = 2,
		.out = "[{\"findings\":[{\"code\":\"no-private-key\",\"severity\":\"error\",\"what\":\"the interface has no private key: no handshake is possible\",\"mend\":\"(umask 077; weft genkey >KEYFILE); weft set wft0 private-key KEYFILE\"}],\"interface\":\"wft0\",\"kind\":\"weft\"}]",
	}, {
		"doctor", { .name = "no tunnel" }, .out = "no tunnel interface exists\n",
	}, {
		"-j doctor", { .name = "no tunnel" }, .out = "[]",
	}, {
		"doctor wft1", { .name = "no such interface", .running = INTERFACE }, .status = 3,
		.out = "", .err = "weft: cannot read interface 'wft1': No such device\n",
	}, {
		"-j doctor", { .name = "a file without an interface", .file = INTERFACE }, .status = 1,
		.out = "[{\"findings\":[{\"code\":\"not-up\",\"severity\":\"warning\",\"what\":\"" FILE_PATH " exists, and the interface does not exist in this network namespace\",\"mend\":\"weft up wft0; at each boot: systemctl enable --now weft@wft0\"}],\"interface\":\"wft0\",\"kind\":null}]",
	}, {
		"doctor wft0", { .name = "a file without an interface", .file = INTERFACE }, .starved = true, .status = 1,
		.out = "wft0: warning: " FILE_PATH " exists, and the interface does not exist in this network namespace [not-up]\n"
		       "  to mend it: weft up wft0; at each boot: systemctl enable --now weft@wft0\n",
	}, {
		"-j doctor", { .name = "no module", .programs = "modprobe --version=kmod\n" }, .starved = true, .fail_ready = true, .status = 2,
		.out = NULL,
	}, {
		"doctor", { .name = "no module", .programs = "modprobe --version=kmod\n" }, .fail_ready = true, .status = 2,
		.out = NULL,
	},
};

static int split(const char *text, char **words, char *copy)
{
	char *rest = NULL, *word;
	int count = 1;

	strcpy(copy, text);
	words[0] = "weft";
	for (word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		words[count++] = word;
	words[count] = NULL;
	return count;
}

static int print_run(struct test_bench *bench, const struct print_case *test)
{
	char copy[64], *words[8];
	int count = split(test->words, words, copy);

	fake_open(bench, &test->fake);
	bench->fail_ready = test->fail_ready ? "no such family" : NULL;
	if (!test->fake.running) {
		weft_model_device_free(bench->devices[0]);
		bench->devices[0] = NULL;
	}
	count = weft_command_main(&bench->ctx, count, words);
	test_bench_flush(bench);
	return count;
}

/*
 * Strips blanks and newlines of JSON, which differ between versions of json-c. The caller frees the
 * result.
 */
static char *print_text(const struct print_case *test, const char *out)
{
	struct json_object *parsed;
	char *text;

	if (test->words[0] != '-')
		return strdup(out);
	parsed = json_tokener_parse(out);
	text = strdup(json_object_to_json_string_ext(parsed, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(parsed);
	return text;
}

/* The finding of a missing module names the machine, not an interface. */
static void test_machine_text(const struct print_case *test, const char *text)
{
	bool is_json = test->words[0] == '-';

	test_ok(strstr(text, is_json ? "\"interface\":null,\"kind\":null}]" : "this machine: error: ") &&
		strstr(text, is_json ? "\"code\":\"no-module\",\"severity\":\"error\"" : " [no-module]\n"),
		"  printed for the machine");
}

static void test_print(const struct print_case *test)
{
	struct test_bench bench;
	char name[128], *text;
	int status;

	status = print_run(&bench, test);
	text = print_text(test, bench.out);
	snprintf(name, sizeof(name), "%s: %s: exit status", test->words, test->fake.name);
	test_ok(status == test->status, name);
	if (test->out)
		test_text("  printed", text, test->out);
	else
		test_machine_text(test, text);
	free(text);
	test_text("  error", bench.err, test->err ?: "");
	test_bench_end(&bench);
}

/* A program that fails for lack of memory counts as missing. */
static bool print_once(const void *data)
{
	const struct print_case *test = data;
	struct test_bench bench;
	bool good;
	int status;

	status = print_run(&bench, test);
	good = test_memory_failed() ? status < 3 || strcasestr(bench.err, "memory") : status == test->status;
	if (!good)
		printf("# status %d\n# printed: %s# error: %s\n", status, bench.out, bench.err);
	test_bench_end(&bench);
	return good;
}

int main(void)
{
	char name[128];
	size_t i;

	if (!test_enter_etc()) {
		printf("1..0 # SKIP no /etc of one's own: %s\n", strerror(errno));
		return SKIPPED;
	}
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		test_gather(&cases[i]);
	test_no_counters(&cases[0]);
	for (i = 0; i < ARRAY_SIZE(prints); i++)
		test_print(&prints[i]);
	for (i = 0; i < ARRAY_SIZE(prints); i++) {
		snprintf(name, sizeof(name), "%s: %s: output, or an error for lack of memory", prints[i].words, prints[i].fake.name);
		if (prints[i].starved)
			test_memory_each(name, print_once, &prints[i]);
	}
	return test_end();
}
