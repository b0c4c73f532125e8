// SPDX-License-Identifier: GPL-2.0
/*
 * The endpoints of a node by a policy: which addresses each word takes, which are left out whatever the policy says, their order
 * and number; the words themselves; the hello that has them; and the pace at which they are looked at.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sodium.h>

#include "conf/setting.h"
#include "fleet.h"
#include "fleet/pace.h"
#include "fleet/underlay.h"
#include "memory.h"
#include "support.h"

/* A machine: links by number, and addresses "LINK ADDRESS/LENGTH [FLAG...]". */
static const struct weft_host_link_name links[] = {
	{ 7, "eth1", "", 0, true }, { 1, "lo", "", 0, true }, { 2, "eth0", "", 0, true }, { 3, "down0", "", 0, false },
	{ 4, "prod", "weft", 0, true }, { 5, "wg0", "wireguard", 0, true }, { 6, "br0", "bridge", 0, true }, { 8, "eth2", "", 6, true },
	{ 9, "docker0", "bridge", 0, true }, { 10, "veth1", "veth", 9, true }, { 11, "virbr0", "bridge", 0, true },
	{ 12, "vnet0", "tun", 11, true }, { 13, "keep0", "dummy", 11, true }, { 14, "empty0", "bridge", 0, true },
	{ 15, "ts0", "tun", 0, true }, { 16, "flannel.1", "vxlan", 0, true }, { 17, "gnv0", "geneve", 0, true },
	{ 18, "tunl0", "ipip", 0, true }, { 19, "up0", "veth", 0, true }, { 20, "eth0.5", "vlan", 0, true }, { 21, "bond0", "bond", 0, true },
	{ 22, "br1", "bridge", 0, true }, { 23, "bond1", "bond", 22, true }, { 24, "veth2", "veth", 22, true }, { 25, "any0", "dummy", 0, true },
	{ 26, "br2", "bridge", 0, true }, { 27, "vx2", "vxlan", 26, true }, { 28, "mgmt", "vrf", 0, true },
	{ 29, "eth3", "", 28, true }, { 30, "br3", "bridge", 28, true }, { 31, "eth4", "", 30, true },
};

static const struct {
	const char *name;
	__u32 flags;
	__u8 scope;
} flags[] = {
	{ "tentative", IFA_F_TENTATIVE, 0 }, { "optimistic", IFA_F_TENTATIVE | IFA_F_OPTIMISTIC, 0 }, { "failed", IFA_F_DADFAILED, 0 },
	{ "deprecated", IFA_F_DEPRECATED, 0 }, { "temporary", IFA_F_TEMPORARY, 0 }, { "secondary", IFA_F_SECONDARY, 0 },
	{ "permanent", IFA_F_PERMANENT, 0 }, { "stable", IFA_F_STABLE_PRIVACY, 0 }, { "managed", IFA_F_MANAGETEMPADDR, 0 },
	{ "host", 0, RT_SCOPE_HOST }, { "link", 0, RT_SCOPE_LINK }, { "site", 0, RT_SCOPE_SITE },
};

static struct weft_fleet *fleet;
/* Of the last pick(). */
static struct weft_underlay_report report;

static void add_address(struct weft_host_addresses *to, char *text)
{
	char *rest = NULL, *word = strtok_r(text, " ", &rest);
	struct weft_host_address address = { .index = atoi(word) };
	size_t i;

	if (!weft_setting_prefix(strtok_r(NULL, " ", &rest), &address.prefix))
		test_bail("an address of the test");
	while ((word = strtok_r(NULL, " ", &rest)))
		for (i = 0; i < ARRAY_SIZE(flags); i++)
			if (!strcmp(flags[i].name, word)) {
				address.flags |= flags[i].flags;
				address.scope = flags[i].scope ?: address.scope;
			}
	to->items = realloc(to->items, (to->count + 1) * sizeof(address));
	to->items[to->count++] = address;
}

static void split(const char *text, const char *at, void *to, void (*add)(void *to, char *word))
{
	char *copy = strdup(text), *rest = NULL, *word;

	for (word = strtok_r(copy, at, &rest); word; word = strtok_r(NULL, at, &rest))
		add(to, word);
	free(copy);
}

static void add_address_to(void *to, char *word)
{
	add_address(to, word);
}

static void add_word_to(void *to, char *word)
{
	weft_profile_words_add(to, word, 0);
}

/* The endpoints, with blanks between; port 51820 of node ant. */
static const char *pick(const char *policy, const char *fixed, const char *addresses)
{
	struct weft_words words = { }, given = { }, found = { };
	struct weft_host_addresses list = { };
	struct weft_host_links copies = { malloc(sizeof(links)), ARRAY_SIZE(links) };
	struct weft_prefix_table prefixes;
	struct weft_underlay underlay = {
		.fleet = "prod", .policy = &words, .fixed = &given, .links = &copies, .addresses = &list,
		.prefixes = &prefixes, .node = weft_fleet_find(fleet, "ant")->node, .port = 51820,
	};
	static char outcome[2048];
	size_t i;

	memcpy(copies.items, links, sizeof(links));
	split(policy, ",", &words, add_word_to);
	split(fixed, " ", &given, add_word_to);
	split(addresses, ",", &list, add_address_to);
	outcome[0] = '\0';
	if (!weft_prefix_table_fill(&prefixes, fleet) || !weft_underlay_pick(&underlay, &found))
		test_bail("memory");
	report = underlay.report;
	for (i = 0; i < found.count; i++)
		snprintf(outcome + strlen(outcome), sizeof(outcome) - strlen(outcome), "%s%s", i ? " " : "", found.items[i].text);
	weft_prefix_table_free(&prefixes);
	weft_profile_words_free(&words);
	weft_profile_words_free(&given);
	weft_profile_words_free(&found);
	free(list.items);
	free(copies.items);
	return outcome;
}

/* Node ant is 10.7.0.1/16 and has 10.9.0.0/16 and 2001:db8:9::/48 behind it; bee, which is revoked, has 198.51.100.0/24. */
static void begin(void)
{
	struct weft_merge merge = { };
	struct fleet_text text = { };

	fleet = fleet_new("A");
	fleet_terms(&text, 'A', 1, "A", ",\"revoked\":{\"bee\":1}");
	fleet_node(&text, 'A', "ant", 1, 1, 'a', "10.7.0.1", ",\"prefixes\":[\"10.9.0.0/16\",\"2001:db8:9::/48\",\"0.0.0.0/0\"]");
	fleet_node(&text, 'A', "cat", 1, 1, 'c', "10.7.0.3", ",\"prefixes\":[\"192.0.2.128/25\"]");
	if (!weft_fleet_merge(fleet, text.chars, text.len, &merge) || merge.refused_count)
		test_bail("the test's own records are refused");
	weft_merge_free(&merge);
	fleet_clear(&text);
}

/* One address of eth0, by a policy, and whether the policy takes it. */
static const struct class_case {
	const char *policy;
	const char *address;
	bool taken;
} classes[] = {
	{ "public", "203.0.113.5/24", true }, { "public", "198.51.100.5/24", true }, { "public", "8.8.8.8/32", true },
	{ "public", "10.1.2.3/8", false }, { "public", "172.16.0.1/12", false }, { "public", "172.31.255.254/12", false },
	{ "public", "172.32.0.1/12", true }, { "public", "172.15.0.1/12", true }, { "public", "192.168.1.1/24", false },
	{ "public", "192.169.1.1/24", true }, { "public", "100.64.0.1/10", false }, { "public", "100.127.255.254/10", false },
	{ "public", "100.128.0.1/10", true }, { "public", "100.63.0.1/10", true }, { "public", "198.18.0.1/15", false },
	{ "public", "198.19.0.1/15", false }, { "public", "198.20.0.1/15", true }, { "public", "192.0.0.4/29", false },
	{ "public", "224.0.0.1/4", false }, { "public", "240.0.0.1/4", false }, { "public", "0.0.0.1/8", false },
	{ "public", "2001:db8::5/64", true }, { "public", "2a01::5/64", true }, { "public", "3fff::1/64", true },
	{ "public", "fd00::5/64", false }, { "public", "fc00::5/64", false }, { "public", "4000::1/64", false },
	{ "public", "64:ff9b::c000:205/96", false }, { "public", "::ffff:192.0.2.1/128", false },
	{ "private", "10.1.2.3/8", true }, { "private", "172.16.0.1/12", true }, { "private", "192.168.1.1/24", true },
	{ "private", "100.64.0.1/10", true }, { "private", "fd00::5/64", true }, { "private", "fc01::5/64", true },
	{ "private", "203.0.113.5/24", false }, { "private", "2001:db8::5/64", false }, { "private", "172.32.0.1/12", false },
	{ "203.0.113.0/24", "203.0.113.5/24", true }, { "203.0.113.0/24", "203.0.113.5/32", true },
	{ "203.0.113.0/24", "203.0.114.5/24", false }, { "203.0.113.5", "203.0.113.5/24", true },
	{ "203.0.113.5", "203.0.113.6/24", false }, { "0.0.0.0/0", "203.0.113.5/24", true }, { "0.0.0.0/0", "2001:db8::5/64", false },
	{ "2001:db8::/32", "2001:db8::5/64", true }, { "2001:db8::/32", "2001:db9::5/64", false }, { "::/0", "fd00::5/64", true },
	{ "::/0", "203.0.113.5/24", false }, { "eth0", "203.0.113.5/24", true }, { "eth0", "10.1.2.3/8", true },
	{ "eth0", "2001:db8::5/64", true }, { "eth", "203.0.113.5/24", false }, { "eth1", "203.0.113.5/24", false },

	/* Whatever the policy says. */
	{ "eth0", "127.0.0.2/8", false }, { "::/0", "::1/128", false }, { "eth0", "169.254.1.1/16", false },
	{ "eth0", "fe80::1/64", false }, { "eth0", "ff02::1/128", false }, { "eth0", "203.0.113.5/24 host", false },
	{ "eth0", "203.0.113.5/24 link", false }, { "eth0", "203.0.113.5/24 site", true }, { "eth0", "203.0.113.5/24 secondary", true },
	{ "eth0", "203.0.113.5/24 deprecated", false }, { "eth0", "2001:db8::5/64 tentative", false },
	{ "eth0", "2001:db8::5/64 optimistic", false }, { "eth0", "2001:db8::5/64 failed", false },
	{ "eth0", "2001:db8::5/64 deprecated", false }, { "eth0", "2001:db8::5/64 temporary", false },
	{ "eth0", "2001:db8::5/64 permanent", true }, { "eth0", "2001:db8::5/64 stable", true }, { "eth0", "2001:db8::5/64 managed", true },

	/* Inside the fleet: a node's prefix, its address, and the network of the own address; a default route is not meant. */
	{ "eth0", "10.9.1.1/24", false }, { "eth0", "2001:db8:9::1/64", false }, { "eth0", "192.0.2.200/24", false },
	{ "eth0", "192.0.2.100/24", true }, { "eth0", "10.7.0.3/32", false }, { "eth0", "10.7.200.1/24", false },
	{ "eth0", "10.8.0.1/16", true },
};

static void check_classes(void)
{
	char name[128], address[64], want[64];
	const char *got;
	size_t i, len;

	for (i = 0; i < ARRAY_SIZE(classes); i++) {
		snprintf(address, sizeof(address), "2 %s", classes[i].address);
		len = strcspn(classes[i].address, "/");
		snprintf(want, sizeof(want), strchr(classes[i].address, ':') ? "[%.*s]:51820" : "%.*s:51820", (int)len,
			 classes[i].address);
		got = pick(classes[i].policy, "", address);
		snprintf(name, sizeof(name), "%s %s %s", classes[i].policy, classes[i].taken ? "takes" : "leaves out", classes[i].address);
		test_text(name, got, classes[i].taken ? want : "");
	}
}

static void check_links(void)
{
	test_text("addresses of links", pick("0.0.0.0/0,::/0", "", "2 203.0.113.2/24,7 203.0.113.7/24,6 203.0.113.6/24"),
		  "203.0.113.2:51820 203.0.113.6:51820 203.0.113.7:51820");
	test_text("a link that is down", pick("public,down0", "", "3 203.0.113.3/24"), "");
	test_text("a link that is not listed", pick("public", "", "99 203.0.113.3/24"), "");
	test_text("the fleet's own link", pick("public", "", "4 203.0.113.3/24"), "");
	test_text("another tunnel, though it is named", pick("wg0,public", "", "5 203.0.113.3/24"), "");
	test_text("an address in the network of another tunnel", pick("private", "", "5 10.8.0.2/24,2 10.8.0.77/16,2 10.8.1.77/16"),
		  "10.8.1.77:51820");
	test_text("a tunnel whose address has length 0", pick("public", "", "5 10.8.0.2/0,5 fd00::2/0,2 203.0.113.5/24,2 2001:db8::5/64"),
		  "203.0.113.5:51820 [2001:db8::5]:51820");
	test_text("a global address of the loopback link", pick("public", "", "1 127.0.0.1/8 host,1 203.0.113.9/32,1 ::1/128 host"),
		  "203.0.113.9:51820");
}

/* Links whose addresses a policy takes by their name alone, and others. */
static const struct kind_case {
	const char *link;
	unsigned int index;
	bool outer;
} kinds[] = {
	{ "eth0", 2, true }, { "br0", 6, true }, { "docker0", 9, false }, { "virbr0", 11, false }, { "empty0", 14, false },
	{ "ts0", 15, false }, { "flannel.1", 16, false }, { "gnv0", 17, false }, { "tunl0", 18, false }, { "up0", 19, true },
	{ "eth0.5", 20, true }, { "bond0", 21, true }, { "br1", 22, true }, { "any0", 25, true }, { "br2", 26, false },
	{ "mgmt", 28, false }, { "eth3", 29, false }, { "br3", 30, false },
};

static void check_kinds(void)
{
	char name[128], machine[128];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(machine, sizeof(machine), "%u 172.17.0.1/16", kinds[i].index);
		snprintf(name, sizeof(name), "private %s an address of %s", kinds[i].outer ? "takes" : "leaves out", kinds[i].link);
		test_text(name, pick("private", "", machine), kinds[i].outer ? "172.17.0.1:51820" : "");
		snprintf(name, sizeof(name), "a prefix %s an address of %s", kinds[i].outer ? "takes" : "leaves out", kinds[i].link);
		test_text(name, pick("172.16.0.0/12", "", machine), kinds[i].outer ? "172.17.0.1:51820" : "");
		snprintf(machine, sizeof(machine), "%u 203.0.113.5/24", kinds[i].index);
		snprintf(name, sizeof(name), "public %s an address of %s", kinds[i].outer ? "takes" : "leaves out", kinds[i].link);
		test_text(name, pick("public", "", machine), kinds[i].outer ? "203.0.113.5:51820" : "");
		snprintf(name, sizeof(name), "the name of %s takes its address", kinds[i].link);
		test_text(name, pick(kinds[i].link, "", machine), "203.0.113.5:51820");
	}
}

static void check_order(void)
{
	const char *machine = "7 2001:db8::9/64,2 192.168.1.9/24,2 203.0.113.20/24,7 203.0.113.3/24,2 fd00::1/64,2 2001:db8::10/64";

	test_text("the order of the words, then of links, families and addresses", pick("public,private", "", machine),
		  "203.0.113.20:51820 [2001:db8::10]:51820 203.0.113.3:51820 [2001:db8::9]:51820 192.168.1.9:51820 [fd00::1]:51820");
	test_text("... the other way round", pick("private,public", "", machine),
		  "192.168.1.9:51820 [fd00::1]:51820 203.0.113.20:51820 [2001:db8::10]:51820 203.0.113.3:51820 [2001:db8::9]:51820");
	test_text("... of addresses that come in another order",
		  pick("public,private", "", "2 2001:db8::10/64,2 fd00::1/64,7 203.0.113.3/24,2 203.0.113.20/24,2 192.168.1.9/24,7 2001:db8::9/64"),
		  "203.0.113.20:51820 [2001:db8::10]:51820 203.0.113.3:51820 [2001:db8::9]:51820 192.168.1.9:51820 [fd00::1]:51820");
	test_text("primary addresses before secondary ones",
		  pick("public", "", "2 203.0.113.1/24 secondary,2 203.0.113.250/24,2 2001:db8::5/64,7 203.0.113.2/24"),
		  "203.0.113.250:51820 [2001:db8::5]:51820 203.0.113.1:51820 203.0.113.2:51820");
	test_text("an address that two words take, and two links have", pick("eth0,public", "", "2 203.0.113.3/24,7 203.0.113.3/32"),
		  "203.0.113.3:51820");
	test_text("... has the place of the first of them",
		  pick("public", "", "7 203.0.113.9/32,7 203.0.113.1/24,2 203.0.113.9/24"), "203.0.113.9:51820 203.0.113.1:51820");
	test_text("endpoints that the node was given", pick("public", "203.0.113.3:51820 [2001:DB8:0::9]:51820 203.0.113.20:9", machine),
		  "203.0.113.20:51820 [2001:db8::10]:51820");
	test_text("no address", pick("public", "", ""), "");
	test_text("no policy", pick("", "", machine), "");
}

/* A hello has 16 endpoints. */
static void check_most(void)
{
	char machine[1024] = "";
	const char *got;
	size_t i, count = 0;

	for (i = 0; i < 40; i++)
		snprintf(machine + strlen(machine), sizeof(machine) - strlen(machine), "2 203.0.113.%zu/24,", 100 + i);
	for (got = pick("public", "192.0.2.1:5 192.0.2.2:5", machine); got; got = strchr(got + 1, ' '))
		count++;
	test_ok(count == 14, "no more than a hello has room for");
	test_ok(strstr(pick("public", "192.0.2.1:5 192.0.2.2:5", machine), "203.0.113.113:51820") &&
		!strstr(pick("public", "192.0.2.1:5 192.0.2.2:5", machine), "203.0.113.114:51820"), "... the first ones");
}

/* Two links with the same @count addresses, all secondary, and a primary one whose number comes last. */
static const char *crowd(char *machine, size_t len, unsigned int count)
{
	unsigned int i;

	machine[0] = '\0';
	for (i = 0; i < count; i++)
		snprintf(machine + strlen(machine), len - strlen(machine),
			 "7 203.0.113.%u/24 secondary,2 203.0.113.%u/24 secondary,", 100 + i, 100 + i);
	snprintf(machine + strlen(machine), len - strlen(machine), "2 203.0.113.250/24");
	return machine;
}

static void check_report(void)
{
	char machine[4096];
	const char *got;

	got = pick("public", "", crowd(machine, sizeof(machine), 40));
	test_ok(!strncmp(got, "203.0.113.250:51820 203.0.113.100:51820", 39), "of too many addresses the primary one is there");
	test_ok(report.cut == 25, "... and those that are left out are counted, each one once");
	pick("public", "203.0.113.100:51820 192.0.2.1:5", crowd(machine, sizeof(machine), 40));
	test_ok(report.cut == 26, "... without those that the node was given");
	pick("public", "", crowd(machine, sizeof(machine), 15));
	test_ok(!report.cut, "as many addresses as a hello has room for");
	pick("publik,private,eth0,public,0.0.0.0/0,10.9.0.0/16,ts0", "", "2 203.0.113.3/24,2 10.9.0.1/16,15 172.17.0.1/16");
	test_ok(!report.takes[0] && !report.takes[1] && !report.takes[5], "words that take no address");
	test_ok(report.takes[2] && report.takes[3] && report.takes[4] && report.takes[6], "... and those that take one, the first word or not");
}

static void check_words(void)
{
	static const char * const good[] = {
		"public", "private", "eth0", "eth0.100", "br-lan", "203.0.113.0/24", "203.0.113.5", "2001:db8::/32", "::/0", "wg0",
	};
	static const char * const bad[] = {
		"", "off", "prod", "203.0.113.5/24", "2001:db8::1/32", "203.0.113.0/33", "a/b", "a b", "sixteen_letters_", ".", "..",
		"eth0:1", "\xc3\xa9th0", "a\tb", "a\x7f",
	};
	size_t i, wrong = 0;

	for (i = 0; i < ARRAY_SIZE(good); i++)
		wrong += !weft_underlay_word_is_good(good[i], "prod");
	test_ok(!wrong, "words of a policy");
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		wrong += weft_underlay_word_is_good(bad[i], "prod");
	test_ok(!wrong, "... and words that are none");
}

/* @data: the former endpoints, of which one is gone, or NULL. */
static bool pick_once(const void *data)
{
	struct weft_words policy = { }, fixed = { }, found = { }, before = { };
	struct weft_host_addresses list = { };
	struct weft_host_links copies = { };
	struct weft_prefix_table prefixes;
	struct weft_underlay underlay = {
		.fleet = "prod", .policy = &policy, .fixed = &fixed, .links = &copies, .addresses = &list, .prefixes = &prefixes,
		.before = data ? &before : NULL, .port = 5,
	};
	bool good, whole;

	test_memory_spare();
	copies = (struct weft_host_links){ malloc(sizeof(links)), ARRAY_SIZE(links) };
	memcpy(copies.items, links, sizeof(links));
	weft_profile_words_add(&policy, "public", 0);
	weft_profile_words_add(&policy, "10.0.0.0/8", 0);
	split("2 203.0.113.2/24,2 203.0.113.3/24,2 10.0.0.1/8", ",", &list, add_address_to);
	split(data ?: "", " ", &before, add_word_to);
	test_memory_spare_end();
	good = weft_prefix_table_fill(&prefixes, fleet) && weft_underlay_pick(&underlay, &found);
	test_memory_spare();
	whole = good ? found.count == (data ? 4 : 3) || test_memory_failed() : !found.count;
	weft_prefix_table_free(&prefixes);
	weft_profile_words_free(&policy);
	weft_profile_words_free(&found);
	weft_profile_words_free(&before);
	free(list.items);
	free(copies.items);
	test_memory_spare_end();
	return whole && (good || test_memory_failed());
}

/* The machine of check_node(), whose lists can fail. */

static const char *machine_now;
static bool machine_broken;

static int machine_links(struct weft_host *host, struct weft_host_links *to)
{
	snprintf(host->error, sizeof(host->error), "no answer");
	if (machine_broken)
		return -EIO;
	*to = (struct weft_host_links){ malloc(sizeof(links)), ARRAY_SIZE(links) };
	memcpy(to->items, links, sizeof(links));
	return 0;
}

static int machine_addresses(struct weft_host *host, struct weft_host_addresses *to)
{
	(void)host;
	split(machine_now, ",", to, add_address_to);
	return 0;
}

/* "GENERATION ENDPOINT..." of the node's hello after the policy was followed. */
static const char *follow_keeping(struct weft_folder *folder, bool keeps, const char *machine)
{
	static struct weft_refusal why;
	static char outcome[512];
	struct weft_fleet_record *hello;
	struct weft_underlay_report said;
	size_t i;

	machine_now = machine;
	if (!weft_underlay_read(folder, keeps, &said))
		return "failed";
	if (!weft_self_greet(folder->self, folder->fleet))
		test_bail("no hello");
	hello = weft_fleet_record_parse(folder->self->hello, strlen(folder->self->hello), &why);
	if (!hello)
		return why.text;
	snprintf(outcome, sizeof(outcome), "%llu%s", (unsigned long long)hello->number, said.changed ? "" : " same");
	if (said.gone)
		snprintf(outcome + strlen(outcome), sizeof(outcome) - strlen(outcome), " -%zu", said.gone);
	for (i = 0; i < hello->endpoints.count; i++)
		snprintf(outcome + strlen(outcome), sizeof(outcome) - strlen(outcome), " %s", hello->endpoints.items[i].text);
	weft_fleet_record_free(hello);
	return outcome;
}

static const char *follow(struct weft_folder *folder, const char *machine)
{
	return follow_keeping(folder, false, machine);
}

/* Endpoints that are gone, and stay for now. */
static void check_gone(struct weft_folder *folder)
{
	struct weft_self *self = folder->self;
	char most[512] = "2 203.0.113.100/24";
	int i;

	follow(folder, "2 203.0.113.5/24,7 192.0.2.7/24");
	test_text("an address is gone, and stays in its place", follow_keeping(folder, true, "7 192.0.2.7/24"),
		  "6 same -1 203.0.113.5:7 192.0.2.7:7");
	test_text("... behind a new one", follow_keeping(folder, true, "7 192.0.2.6/24"), "7 -2 192.0.2.6:7 203.0.113.5:7 192.0.2.7:7");
	test_text("... and is back", follow_keeping(folder, true, "2 203.0.113.5/24,7 192.0.2.7/24,7 192.0.2.6/24"),
		  "8 203.0.113.5:7 192.0.2.6:7 192.0.2.7:7");
	test_text("... or leaves the hello", follow(folder, "7 192.0.2.6/24"), "9 192.0.2.6:7");
	test_text("none is left", follow_keeping(folder, true, ""), "9 same -1 192.0.2.6:7");
	self->port = 8;
	test_text("with another port it does not stay", follow_keeping(folder, true, "2 203.0.113.5/24"), "10 203.0.113.5:8");
	weft_profile_words_add(&self->endpoints, "203.0.113.5:8", 0);
	test_text("nor twice", follow_keeping(folder, true, ""), "10 203.0.113.5:8");
	weft_profile_words_free(&self->endpoints);
	for (i = 1; i < 16; i++)
		snprintf(most + strlen(most), sizeof(most) - strlen(most), ",2 203.0.113.%d/24", 100 + i);
	follow(folder, most);
	test_ok(!strstr(follow_keeping(folder, true, "2 203.0.113.99/24"), "203.0.113.115") && self->found.count == WEFT_FLEET_ENDPOINTS_MAX,
		"... nor beyond the room of a hello");
	weft_profile_words_free(&self->endpoints_from);
	test_text("... nor without a policy", follow_keeping(folder, true, ""), "13");
}

static void check_node(void)
{
	static struct weft_host host = { .links = machine_links, .all_addresses = machine_addresses };
	struct weft_self *self = calloc(1, sizeof(*self)), *again;
	struct weft_refusal why = { };
	struct test_bench bench;
	struct weft_folder folder = { .ctx = &bench.ctx, .name = "prod", .self = self, .fleet = fleet_new("A"), .lock = -1 };
	struct weft_key admin = fleet_signer('A');
	char *text;

	test_bench_start(&bench, "");
	bench.ctx.host = &host;
	snprintf(self->fleet, sizeof(self->fleet), "prod");
	snprintf(self->node, sizeof(self->node), "ant");
	self->identity = fleet_seed('a');
	self->tunnel = fleet_seed('t');
	self->serial = 1;
	weft_keys_add(&self->trust, &admin);
	weft_profile_words_add(&self->endpoints, "192.0.2.1:9", 0);
	test_text("a node without a policy does not read its addresses", follow(&folder, NULL), "1 same 192.0.2.1:9");
	weft_profile_words_add(&self->endpoints_from, "eth0", 0);
	test_text("a policy makes a new hello", follow(&folder, "2 203.0.113.5/24"), "2 192.0.2.1:9 203.0.113.5:51820");
	test_text("... once", follow(&folder, "2 203.0.113.5/24"), "2 same 192.0.2.1:9 203.0.113.5:51820");
	test_text("another address", follow(&folder, "2 203.0.113.6/24"), "3 192.0.2.1:9 203.0.113.6:51820");
	machine_broken = true;
	test_text("a machine that does not tell its addresses", follow(&folder, ""), "failed");
	machine_broken = false;
	test_text("... keeps the endpoints that it had", follow(&folder, "2 203.0.113.6/24"), "3 same 192.0.2.1:9 203.0.113.6:51820");
	text = weft_self_text(self);
	again = weft_self_read("prod", text, strlen(text), &why);
	test_ok(again && again->endpoints_from.count == 1 && again->found.count == 1, "the state has policy and endpoints");
	weft_self_free(again);
	free(text);
	self->port = 7;
	test_text("another port", follow(&folder, "2 203.0.113.6/24"), "4 192.0.2.1:9 203.0.113.6:7");
	test_text("no address any more", follow(&folder, ""), "5 192.0.2.1:9");
	weft_profile_words_free(&self->endpoints_from);
	test_text("the policy is switched off", follow(&folder, "2 203.0.113.6/24"), "5 same 192.0.2.1:9");
	weft_profile_words_free(&self->endpoints);
	weft_profile_words_add(&self->endpoints_from, "eth0", 0);
	weft_profile_words_add(&self->endpoints_from, "eth1", 0);
	check_gone(&folder);
	test_bench_end(&bench);
	weft_self_free(self);
	weft_fleet_free(folder.fleet);
}

/* A link that changes ten times a second, for ten minutes, in networks that are the same at each look. */
static void check_pace(void)
{
	struct weft_pace pace = { };
	unsigned int looks = 0;
	__s64 now, last = 0, shortest = INT64_MAX;

	test_ok(weft_pace_is_due(&pace, 0), "the first look is due at once");
	weft_pace_done(&pace, 0, false, 20000, 600000);
	test_ok(!weft_pace_is_due(&pace, 1000000), "... and without a sign there is no other");
	for (now = 100; now <= 600000; now += 100) {
		weft_pace_ask(&pace, now, 1000);
		if (!weft_pace_is_due(&pace, now))
			continue;
		weft_pace_done(&pace, now, false, 20000, 600000);
		if (now - last < shortest)
			shortest = now - last;
		last = now;
		looks++;
	}
	test_ok(looks == 30 && shortest == 20000, "a link that changes all the time is looked at three times a minute");
	weft_pace_done(&pace, 0, false, 20000, 600000);
	weft_pace_ask(&pace, 30000, 1000);
	weft_pace_ask(&pace, 30900, 1000);
	test_ok(!weft_pace_is_due(&pace, 30999) && weft_pace_is_due(&pace, 31000), "changes that come together are looked at once");
}

int main(void)
{
	if (sodium_init() < 0)
		test_bail("libsodium");
	begin();
	check_classes();
	check_links();
	check_kinds();
	check_order();
	check_most();
	check_report();
	check_words();
	check_node();
	check_pace();
	test_memory_each("a choice of endpoints with each allocation failing", pick_once, NULL);
	test_memory_each("... with one that stays", pick_once, "10.0.0.1:5 203.0.113.9:5 203.0.113.3:5 203.0.113.2:5");
	test_memory_each("... behind a new one", pick_once, "203.0.113.2:5 203.0.113.9:5");
	weft_fleet_free(fleet);
	return test_end();
}
