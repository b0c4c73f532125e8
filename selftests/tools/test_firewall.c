// SPDX-License-Identifier: GPL-2.0
/*
 * Firewalls as nft and iptables print them, and their effect on a tunnel's packets: replies, new
 * flows, and outgoing packets.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/firewall.h"
#include "doctor/doctor.h"
#include "host/host.h"
#include "support.h"

#define PORT	51820

/* Packets from and to 198.51.100.2:51821 over eth0. */
static struct weft_packet packet_of(__u16 family)
{
	struct weft_packet packet = {
		.family = family, .port = PORT, .dev = "eth0", .mark = 7,
		.astray = WEFT_MATCH_NO,
	};

	packet.there.any.sa_family = family;
	packet.there.ip4.sin_port = htons(51821);
	if (family == AF_INET)
		inet_pton(family, "198.51.100.2", &packet.there.ip4.sin_addr);
	else
		inet_pton(family, "2001:db8::2", &packet.there.ip6.sin6_addr);
	return packet;
}

static char letter_of(const struct weft_doctor_rules *rules,
		      const struct weft_packet *packet)
{
	static const char letters[] = {
		[WEFT_BARS_NOT] = '-', [WEFT_BARS_PERHAPS] = 'p',
		[WEFT_BARS_UNLESS] = 'u', [WEFT_BARS] = 'X',
	};
	struct weft_bar bar;
	char letter;

	weft_doctor_rules_ask(rules, packet, &bar);
	letter = letters[bar.bars];
	if (!bar.culprit != !bar.bars)
		letter = '!';
	weft_bar_clear(&bar);
	return letter;
}

/* Checks replies, new flows and outgoing packets: a letter each. */
static void ask(const char *kind, const char *name,
		const struct weft_doctor_rules *rules,
		struct weft_packet packet, const char *want)
{
	char got[4] = "", title[160];

	got[0] = letter_of(rules, &packet);
	packet.fresh = true;
	got[1] = letter_of(rules, &packet);
	packet.out = true;
	got[2] = letter_of(rules, &packet);
	snprintf(title, sizeof(title), "%s: %s", kind, name);
	test_text(title, got, want);
}

#define CHAIN_OF(family, name, hook, prio, policy)			\
	"{\"chain\":{\"family\":\"" family "\",\"table\":\"t\",\"name\":\"" name "\",\"type\":\"filter\"," \
	"\"hook\":\"" hook "\",\"prio\":" prio ",\"policy\":\"" policy "\"}}"
#define CHAIN(hook, policy)	CHAIN_OF("inet", "c", hook, "0", policy)
#define PLAIN(name)							\
	",{\"chain\":{\"family\":\"inet\",\"table\":\"t\",\"name\":\"" name "\"}}"
#define RULE_OF(family, chain, expr)					\
	",{\"rule\":{\"family\":\"" family "\",\"table\":\"t\",\"chain\":\"" chain "\",\"expr\":[" expr "]}}"
#define RULE(chain, expr)	RULE_OF("inet", chain, expr)
#define MATCH(op, left, right)						\
	"{\"match\":{\"op\":\"" op "\",\"left\":{" left "},\"right\":" right "}},"
#define FIELD(protocol, field)						\
	"\"payload\":{\"protocol\":\"" protocol "\",\"field\":\"" field "\"}"
#define DPORT(right)	MATCH("==", FIELD("udp", "dport"), right)
#define SPORT(right)	MATCH("==", FIELD("udp", "sport"), right)
#define SADDR(right)	MATCH("==", FIELD("ip", "saddr"), right)
#define PREFIX(address, len)						\
	"{\"prefix\":{\"addr\":\"" address "\",\"len\":" len "}}"
#define META(key, right)						\
	MATCH("==", "\"meta\":{\"key\":\"" key "\"}", right)
#define STATE(right)	MATCH("in", "\"ct\":{\"key\":\"state\"}", right)
#define FIB(flags, right)						\
	MATCH("==", "\"fib\":{\"result\":\"oif\",\"flags\":[" flags "]}", right)
#define DROP	"{\"counter\":{\"packets\":0,\"bytes\":0}},{\"drop\":null}"
#define ACCEPT	"{\"accept\":null}"
#define LIMIT	"{\"limit\":{\"rate\":5,\"burst\":5,\"per\":\"second\"}},"
#define COMMONEST							\
	CHAIN("input", "drop") RULE("c", META("iif", "\"lo\"") ACCEPT)	\
	RULE("c", STATE("[\"established\",\"related\"]") ACCEPT)	\
	RULE("c", MATCH("==", FIELD("tcp", "dport"), "22") ACCEPT)
#define VMAP(key, pairs)						\
	"{\"vmap\":{\"key\":{" key "},\"data\":{\"set\":[" pairs "]}}}"
#define FIRST_SET(name, elements)					\
	"{\"set\":{\"family\":\"inet\",\"name\":\"" name "\",\"table\":\"t\",\"elem\":[" elements "]}}"
#define SET(name, elements)	"," FIRST_SET(name, elements)

#define MAP(name, elements)						\
	",{\"map\":{\"family\":\"inet\",\"name\":\"" name "\",\"table\":\"t\",\"elem\":[" elements "]}}"
#define VMAP_OF(key, name)						\
	"{\"vmap\":{\"key\":{" key "},\"data\":\"@" name "\"}}"

static const struct {
	const char *name;
	const char *rules;
	const char *want;
} nft[] = {
	{ "no JSON", "nonsense", "---" },
	{ "no rules", CHAIN("input", "accept"), "---" },
	{ "a policy", CHAIN("input", "drop"), "XX-" },
	{ "a policy before routing", CHAIN("prerouting", "drop"), "XX-" },
	{ "a policy for outgoing packets", CHAIN("output", "drop"), "--X" },
	{ "a policy after routing", CHAIN("postrouting", "drop"), "--X" },
	{ "a policy for forwarded packets", CHAIN("forward", "drop"), "---" },
	{ "a policy of the other family", CHAIN_OF("ip6", "c", "input", "0", "drop"), "---" },
	{ "a policy of this family", CHAIN_OF("ip", "c", "input", "0", "drop"), "XX-" },
	{ "a policy of a bridge", CHAIN_OF("bridge", "c", "input", "0", "drop"), "---" },
	{ "the most common firewall", COMMONEST, "-X-" },
	{ "the most common firewall, and the port", COMMONEST RULE("c", DPORT("51820") ACCEPT), "---" },
	{ "the most common firewall, and another port", COMMONEST RULE("c", DPORT("53") ACCEPT), "-X-" },
	{ "the most common firewall, and a limit", COMMONEST RULE("c", LIMIT ACCEPT), "-u-" },
	{ "the most common firewall, and an unknown condition for the port",
	  COMMONEST RULE("c", META("skuid", "0") DPORT("51820") ACCEPT), "---" },
	{ "the most common firewall, and a prefix of the peer",
	  COMMONEST RULE("c", MATCH("==", FIELD("ip", "saddr"), "{\"prefix\":{\"addr\":\"198.51.100.0\",\"len\":24}}") ACCEPT),
	  "---" },
	{ "the most common firewall, and another prefix",
	  COMMONEST RULE("c", MATCH("==", FIELD("ip", "saddr"), "{\"prefix\":{\"addr\":\"10.0.0.0\",\"len\":8}}") ACCEPT),
	  "-X-" },
	{ "a map of states", CHAIN("input", "drop")
	  RULE("c", VMAP("\"ct\":{\"key\":\"state\"}",
			 "[\"invalid\",{\"drop\":null}],[\"established\",{\"accept\":null}],[\"related\",{\"accept\":null}]")),
	  "-X-" },
	{ "a map of ports", CHAIN("input", "accept")
	  RULE("c", VMAP(FIELD("udp", "dport"), "[22,{\"accept\":null}],[51820,{\"drop\":null}]")), "XX-" },
	{ "a map of TCP's ports", CHAIN("input", "accept")
	  RULE("c", VMAP(FIELD("tcp", "dport"), "[51820,{\"drop\":null}]")), "---" },
	{ "a map by name", CHAIN("input", "accept") MAP("m", "[22,{\"accept\":null}],[51820,{\"drop\":null}]")
	  RULE("c", VMAP_OF(FIELD("udp", "dport"), "m")), "XX-" },
	{ "a map by name without the port", CHAIN("input", "accept") MAP("m", "[22,{\"drop\":null}]")
	  RULE("c", VMAP_OF(FIELD("udp", "dport"), "m")), "---" },
	{ "a map that is not listed", CHAIN("input", "accept") RULE("c", VMAP_OF(FIELD("udp", "dport"), "m")), "---" },
	{ "a map behind a limit", CHAIN("input", "accept")
	  RULE("c", LIMIT VMAP(FIELD("udp", "dport"), "[51820,{\"drop\":null}]")), "pp-" },
	{ "a chain that is not listed", CHAIN("input", "drop") RULE("c", "{\"jump\":{\"target\":\"d\"}}"), "uu-" },
	{ "new flows dropped", CHAIN("input", "accept") RULE("c", STATE("[\"new\",\"untracked\"]") DROP), "-X-" },
	{ "invalid packets dropped", CHAIN("input", "accept") RULE("c", STATE("\"invalid\"") DROP), "---" },
	{ "the port", CHAIN("input", "accept") RULE("c", DPORT("51820") DROP), "XX-" },
	{ "another port", CHAIN("input", "accept") RULE("c", DPORT("51821") DROP), "---" },
	{ "all but the port", CHAIN("input", "accept")
	  RULE("c", MATCH("!=", FIELD("udp", "dport"), "51820") DROP), "---" },
	{ "all but another port", CHAIN("input", "accept")
	  RULE("c", MATCH("!=", FIELD("udp", "dport"), "51821") DROP), "XX-" },
	{ "all of TCP but a port", CHAIN("input", "accept")
	  RULE("c", MATCH("!=", FIELD("tcp", "dport"), "22") DROP), "---" },
	{ "the port as a source", CHAIN("output", "accept") RULE("c", SPORT("51820") DROP), "--X" },
	{ "the peer's port", CHAIN("output", "accept") RULE("c", DPORT("51821") DROP), "--X" },
	{ "a range", CHAIN("input", "accept") RULE("c", DPORT("{\"range\":[50000,60000]}") DROP), "XX-" },
	{ "a set", CHAIN("input", "accept")
	  RULE("c", DPORT("{\"set\":[53,{\"range\":[51819,51820]}]}") DROP), "XX-" },
	{ "a set without the port", CHAIN("input", "accept")
	  RULE("c", DPORT("{\"set\":[53,{\"range\":[1,2]}]}") DROP), "---" },
	{ "a set by name", CHAIN("input", "accept") SET("s", "53,{\"elem\":{\"val\":51820}}")
	  RULE("c", DPORT("\"@s\"") DROP), "XX-" },
	{ "a set by name, before all else", FIRST_SET("s", "51820") "," CHAIN("input", "accept")
	  RULE("c", DPORT("\"@s\"") DROP), "XX-" },
	{ "a set by name without the port", CHAIN("input", "accept") SET("s", "53") RULE("c", DPORT("\"@s\"") DROP), "---" },
	{ "a set that is not listed", CHAIN("input", "accept") RULE("c", DPORT("\"@s\"") DROP), "pp-" },
	{ "all of UDP", CHAIN("input", "accept") RULE("c", META("l4proto", "\"udp\"") DROP), "XX-" },
	{ "all of TCP", CHAIN("input", "accept") RULE("c", META("l4proto", "\"tcp\"") DROP), "---" },
	{ "TCP and UDP", CHAIN("input", "accept")
	  RULE("c", META("l4proto", "{\"set\":[\"tcp\",\"udp\"]}") DROP), "XX-" },
	{ "the other family", CHAIN("input", "accept") RULE("c", META("nfproto", "\"ipv6\"") DROP), "---" },
	{ "any address of the other family but one", CHAIN("input", "accept")
	  RULE("c", MATCH("!=", FIELD("ip6", "saddr"), "\"2001:db8::1\"") DROP), "---" },
	{ "the link", CHAIN("input", "accept") RULE("c", META("iifname", "\"eth0\"") DROP), "XX-" },
	{ "a pattern of links", CHAIN("input", "accept") RULE("c", META("iifname", "\"eth*\"") DROP), "XX-" },
	{ "another link", CHAIN("input", "accept") RULE("c", META("iifname", "\"eth9\"") DROP), "---" },
	{ "the link by its number", CHAIN("input", "accept") RULE("c", META("iif", "\"eth0\"") DROP), "XX-" },
	{ "a group of links", CHAIN("input", "accept") RULE("c", META("iifgroup", "\"eth9\"") DROP), "pp-" },
	{ "a type of links", CHAIN("input", "accept") RULE("c", META("iiftype", "\"ether\"") DROP), "pp-" },
	{ "a processor", CHAIN("input", "accept") RULE("c", META("cpu", "0") DROP), "pp-" },
	{ "the link out", CHAIN("output", "accept") RULE("c", META("oifname", "\"eth0\"") DROP), "--X" },
	{ "another link out", CHAIN("output", "accept") RULE("c", META("oif", "\"eth9\"") DROP), "---" },
	{ "a group of links out", CHAIN("output", "accept")
	  RULE("c", META("oifgroup", "\"eth9\"") DROP), "--p" },
	{ "the link and the port at once", CHAIN("input", "accept")
	  RULE("c", MATCH("==", "\"concat\":[{\"meta\":{\"key\":\"iifname\"}},{" FIELD("udp", "dport") "}]",
			  "{\"set\":[{\"concat\":[\"eth0\",51820]}]}") DROP), "XX-" },
	{ "firewalld's first rules", COMMONEST
	  RULE("c", MATCH("in", "\"ct\":{\"key\":\"status\"}", "\"dnat\"") ACCEPT), "-X-" },
	{ "another status of the flow", COMMONEST
	  RULE("c", MATCH("in", "\"ct\":{\"key\":\"status\"}", "\"assured\"") ACCEPT), "-u-" },
	{ "broadcasts", CHAIN("input", "accept")
	  RULE("c", META("pkttype", "{\"set\":[\"broadcast\",\"multicast\"]}") DROP), "---" },
	{ "packets to one host", CHAIN("input", "accept") RULE("c", META("pkttype", "\"host\"") DROP), "XX-" },
	{ "the mark", CHAIN("output", "accept") RULE("c", META("mark", "7") DROP), "--X" },
	{ "another mark", CHAIN("output", "accept") RULE("c", META("mark", "8") DROP), "---" },
	{ "accepted by an earlier rule", CHAIN("input", "drop") RULE("c", DPORT("51820") ACCEPT), "---" },
	{ "another packet accepted by an earlier rule", CHAIN("input", "drop") RULE("c", DPORT("22") ACCEPT), "XX-" },
	{ "accepted by one chain, and not by the next",
	  CHAIN("input", "accept") "," CHAIN_OF("inet", "d", "input", "10", "drop") RULE("c", ACCEPT), "XX-" },
	{ "in a called chain", CHAIN("input", "accept") PLAIN("d")
	  RULE("c", DPORT("51820") "{\"jump\":{\"target\":\"d\"}}") RULE("d", DROP), "XX-" },
	{ "in a chain that is called under an unknown condition", CHAIN("input", "accept") PLAIN("d")
	  RULE("c", LIMIT "{\"jump\":{\"target\":\"d\"}}") RULE("d", DROP), "pp-" },
	{ "accepted by a called chain", CHAIN("input", "drop") PLAIN("d")
	  RULE("c", "{\"jump\":{\"target\":\"d\"}}") RULE("d", ACCEPT), "---" },
	{ "a return before the rule", CHAIN("input", "accept") PLAIN("d")
	  RULE("c", "{\"jump\":{\"target\":\"d\"}}") RULE("d", DPORT("51820") "{\"return\":null}") RULE("d", DROP), "---" },
	{ "a return for other packets", CHAIN("input", "accept") PLAIN("d")
	  RULE("c", "{\"jump\":{\"target\":\"d\"}}") RULE("d", DPORT("53") "{\"return\":null}") RULE("d", DROP), "XX-" },
	{ "a return to the policy", CHAIN("input", "drop")
	  RULE("c", "{\"return\":null}") RULE("c", ACCEPT), "XX-" },
	{ "a goto without a return", CHAIN("input", "drop") PLAIN("d")
	  RULE("c", "{\"goto\":{\"target\":\"d\"}}") RULE("c", ACCEPT) RULE("d", DPORT("53") ACCEPT), "XX-" },
	{ "a chain that calls itself", CHAIN("input", "accept")
	  RULE("c", "{\"jump\":{\"target\":\"c\"}}"), "---" },
	{ "a reject", CHAIN("output", "accept") RULE("c", DPORT("51821") "{\"reject\":null}"), "--X" },
	{ "a limit", CHAIN("input", "accept") RULE("c", LIMIT DROP), "pp-" },
	{ "the route back", CHAIN("prerouting", "accept") RULE("c", FIB("\"saddr\",\"iif\"", "false") DROP), "---" },
	{ "packets for other hosts", CHAIN("prerouting", "accept")
	  RULE("c", MATCH("!=", "\"fib\":{\"result\":\"type\",\"flags\":[\"daddr\"]}", "\"local\"") DROP), "---" },
	{ "nulls and wrong types", CHAIN("input", "accept")
	  RULE("c", MATCH("==", "\"meta\":{\"key\":\"iifname\"}", "null") DROP)
	  RULE("c", "{\"vmap\":{\"key\":null,\"data\":7}}") RULE("c", "null") ",null", "---" },
};

static void test_nft(void)
{
	struct weft_doctor_rules rules = { };
	char json[8192];
	size_t i;

	rules.nft = json;
	for (i = 0; i < ARRAY_SIZE(nft); i++) {
		snprintf(json, sizeof(json), "{\"nftables\":[%s]}", nft[i].rules);
		ask("nft", nft[i].name, &rules, packet_of(AF_INET), nft[i].want);
	}
}

/* Packets of a peer at any address, over any link. */
static void test_anywhere(void)
{
	static const struct {
		const char *name;
		const char *rules;
		const char *want;
	} tries[] = {
		{ "the most common firewall", COMMONEST, "-X-" },
		{ "a link", COMMONEST RULE("c", META("iifname", "\"eth1\"") ACCEPT), "-u-" },
		{ "an address", COMMONEST RULE("c", SADDR("\"198.51.100.7\"") ACCEPT), "-X-" },
		{ "a prefix", COMMONEST RULE("c", SADDR(PREFIX("10.0.0.0", "8")) ACCEPT), "-X-" },
		{ "a set of addresses", COMMONEST SET("s", "\"198.51.100.7\"") RULE("c", SADDR("\"@s\"") ACCEPT), "-X-" },
		{ "all addresses", COMMONEST RULE("c", SADDR(PREFIX("0.0.0.0", "0")) ACCEPT), "---" },
		{ "all but an address", COMMONEST
		  RULE("c", MATCH("!=", FIELD("ip", "saddr"), "\"198.51.100.7\"") ACCEPT), "-u-" },
		{ "an address, and a limit", COMMONEST
		  RULE("c", SADDR("\"198.51.100.7\"") LIMIT ACCEPT), "-X-" },
		{ "an address, and the port", COMMONEST
		  RULE("c", SADDR("\"198.51.100.7\"") DPORT("51820") ACCEPT), "---" },
		{ "an address with the port", COMMONEST
		  RULE("c", MATCH("==", "\"concat\":[{" FIELD("ip", "saddr") "},{" FIELD("udp", "dport") "}]",
				  "{\"set\":[{\"concat\":[\"198.51.100.7\",51820]}]}") ACCEPT), "---" },
		{ "a map of addresses", COMMONEST
		  RULE("c", VMAP(FIELD("ip", "saddr"), "[\"198.51.100.7\",{\"accept\":null}]")), "-X-" },
		{ "a chain for an address", COMMONEST PLAIN("d")
		  RULE("c", SADDR("\"198.51.100.7\"") "{\"jump\":{\"target\":\"d\"}}") RULE("d", LIMIT ACCEPT), "-X-" },
		{ "a chain for an address, and the port in it", COMMONEST PLAIN("d")
		  RULE("c", SADDR("\"198.51.100.7\"") "{\"jump\":{\"target\":\"d\"}}") RULE("d", DPORT("51820") ACCEPT),
		  "-u-" },
		{ "an address dropped", CHAIN("input", "accept") RULE("c", SADDR("\"198.51.100.7\"") DROP), "pp-" },
		{ "an address without a state", CHAIN("input", "drop") RULE("c", SADDR("\"198.51.100.7\"") ACCEPT), "uX-" },
		{ "a link, and the port", COMMONEST
		  RULE("c", META("iifname", "\"eth1\"") DPORT("51820") ACCEPT), "---" },
	};
	struct weft_packet packet = { .family = AF_INET, .port = PORT };
	struct weft_doctor_rules rules = { };
	char json[4096];
	size_t i;

	rules.nft = json;
	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		snprintf(json, sizeof(json), "{\"nftables\":[%s]}", tries[i].rules);
		ask("from anywhere", tries[i].name, &rules, packet, tries[i].want);
	}
}

#define PRE(prio, rule)	CHAIN_OF("inet", "c", "prerouting", prio, "accept") RULE("c", rule)
#define MISSING		FIB("\"saddr\",\"mark\",\"iif\"", "false") DROP

/* An incoming packet takes its flow's mark at priority -150, if the tunnel has a rule for it. */
static void test_reverse(void)
{
	static const struct {
		const char *name;
		const char *rules;
		bool remarked;
		bool bars;
	} tries[] = {
		{ "before marks", PRE("-290", MISSING), true, true },
		{ "behind marks", PRE("-140", MISSING), true, false },
		{ "behind marks that are deleted", PRE("-140", MISSING), false, true },
		{ "without marks", PRE("-140", FIB("\"saddr\",\"iif\"", "false") DROP), true, true },
		{ "marks by name", PRE("-290", FIB("\"saddr\",\"iif\"", "\"0\"") DROP), true, true },
		{ "the other way round", PRE("-290", FIB("\"saddr\",\"iif\"", "true") DROP), true, false },
		{ "in the other family", PRE("-290", META("nfproto", "\"ipv4\"") MISSING), true, false },
		{ "in a called chain",
		  CHAIN_OF("inet", "c", "prerouting", "-290", "accept") PLAIN("d")
		  RULE("c", "{\"jump\":{\"target\":\"d\"}}") RULE("d", MISSING), true, true },
	};
	struct weft_packet packet = packet_of(AF_INET6);
	struct weft_doctor_rules rules = { };
	struct weft_bar bar;
	char json[4096];
	size_t i;

	rules.nft = json;
	packet.astray = WEFT_MATCH_YES;
	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		snprintf(json, sizeof(json), "{\"nftables\":[%s]}", tries[i].rules);
		packet.remarked = tries[i].remarked;
		weft_doctor_rules_ask(&rules, &packet, &bar);
		test_ok((bar.bars == WEFT_BARS) == tries[i].bars &&
			bar.reverse == tries[i].bars, tries[i].name);
		weft_bar_clear(&bar);
	}
}

#define UFW								\
	"*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n" \
	":ufw-before-input - [0:0]\n:ufw-not-local - [0:0]\n:ufw-user-input - [0:0]\n" \
	"-A INPUT -j ufw-before-input\n-A INPUT -j ufw-user-input\n"	\
	"-A ufw-before-input -i lo -j ACCEPT\n"			\
	"-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n" \
	"-A ufw-before-input -m conntrack --ctstate INVALID -j DROP\n"	\
	"-A ufw-before-input -p icmp -m icmp --icmp-type 3 -j ACCEPT\n" \
	"-A ufw-before-input -p udp -m udp --sport 67 --dport 68 -j ACCEPT\n" \
	"-A ufw-before-input -j ufw-not-local\n"			\
	"-A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN\n"	\
	"-A ufw-not-local -m addrtype --dst-type MULTICAST -j RETURN\n"	\
	"-A ufw-not-local -j DROP\n"					\
	"-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT\n"

static const struct {
	const char *name;
	const char *text;
	const char *want;
} tables[] = {
	{ "nothing", "", "---" },
	{ "a policy", "*filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n", "XX-" },
	{ "a policy, and chains whose names begin alike",
	  "*filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:INPUT_direct - [0:0]\n:INPUT_ZONES - [0:0]\nCOMMIT\n", "XX-" },
	{ "a policy of raw", "*raw\n:PREROUTING DROP [0:0]\n:OUTPUT DROP [0:0]\nCOMMIT\n", "XXX" },
	{ "a policy of nat", "*nat\n:INPUT DROP [0:0]\nCOMMIT\n", "---" },
	{ "the port", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p udp -m udp --dport 51820 -j DROP\n", "XX-" },
	{ "another port", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p udp -m udp --dport 5 -j DROP\n", "---" },
	{ "any but the port", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p udp -m udp ! --dport 51820 -j DROP\n", "---" },
	{ "a range", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p udp -m udp --dport 51000:52000 -j DROP\n", "XX-" },
	{ "a range from", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p udp -m udp --dport 51000: -j DROP\n", "XX-" },
	{ "several ports", "*filter\n:INPUT DROP [0:0]\n-A INPUT -p udp -m multiport --dports 53,51820:51830 -j ACCEPT\n",
	  "---" },
	{ "outgoing packets", "*filter\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p udp -m udp --sport 51820 -j REJECT --reject-with x\n",
	  "--X" },
	{ "TCP", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -j DROP\n", "---" },
	{ "everything", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j DROP\n", "XX-" },
	{ "all packets of another link", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -i eth9 -j DROP\n", "---" },
	{ "all packets of a pattern of links", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -i eth+ -j DROP\n", "XX-" },
	{ "all packets of any other link", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT ! -i eth0 -j DROP\n", "---" },
	{ "one source", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s 198.51.100.2/32 -j DROP\n", "XX-" },
	{ "another source", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s 10.0.0.0/8 -j DROP\n", "---" },
	{ "a limit", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m limit --limit 3/min -j DROP\n", "pp-" },
	{ "accepted by an earlier rule",
	  "*filter\n:INPUT DROP [0:0]\n-A INPUT -p udp -m udp --dport 51820 -j ACCEPT\n", "---" },
	{ "a comment with words", "*filter\n:INPUT ACCEPT [0:0]\n"
	  "-A INPUT -p udp -m udp --dport 51820 -m comment --comment \"-j ACCEPT \\\" no\" -j DROP\n", "XX-" },
	{ "firewalld's first rules",
	  "*filter\n:INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT\n", "-X-" },
	{ "broadcasts", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m pkttype --pkt-type broadcast -j DROP\n", "---" },
	{ "ufw", UFW, "-X-" },
	{ "ufw, and the port", UFW "-A ufw-user-input -p udp -m udp --dport 51820 -j ACCEPT\n", "---" },
	{ "logged, and then dropped", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j LOG --log-prefix \"no \"\n-A INPUT -j DROP\n",
	  "XX-" },
	{ "a goto", "*filter\n:INPUT ACCEPT [0:0]\n:d - [0:0]\n-A INPUT -g d\n-A d -j DROP\n", "XX-" },
	{ "an empty rule", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT\n-A\n-A INPUT -j\n-A INPUT -p\n", "---" },
};

static void test_iptables(void)
{
	struct weft_doctor_rules rules = { }, rules6 = { };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		rules.ip4 = (char *)tables[i].text;
		rules6.ip6 = rules.ip4;
		ask("iptables", tables[i].name, &rules, packet_of(AF_INET),
		    tables[i].want);
		ask("  of the other family", tables[i].name, &rules,
		    packet_of(AF_INET6), "---");
		ask("  the other one", tables[i].name, &rules6,
		    packet_of(AF_INET), "---");
	}
	rules6.ip6 = "*filter\n:INPUT DROP [0:0]\nCOMMIT\n";
	ask("ip6tables", "a policy", &rules6, packet_of(AF_INET6), "XX-");
}

/* As "ufw allow from 198.51.100.7" adds it. */
static void test_iptables_anywhere(void)
{
	static const struct {
		const char *name;
		const char *text;
		const char *want;
	} tries[] = {
		{ "ufw", UFW, "-X-" },
		{ "ufw, and an address", UFW "-A ufw-user-input -s 198.51.100.7/32 -j ACCEPT\n", "-X-" },
		{ "ufw, and a range", UFW "-A ufw-user-input -m iprange --src-range 198.51.100.7-198.51.100.9 -j ACCEPT\n",
		  "-X-" },
		{ "ufw, and all but an address", UFW "-A ufw-user-input ! -s 198.51.100.7/32 -j ACCEPT\n", "-u-" },
		{ "ufw, an address and the port",
		  UFW "-A ufw-user-input -s 198.51.100.7/32 -p udp -m udp --dport 51820 -j ACCEPT\n", "---" },
	};
	struct weft_packet packet = { .family = AF_INET, .port = PORT };
	struct weft_doctor_rules rules = { };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		rules.ip4 = (char *)tries[i].text;
		ask("iptables from anywhere", tries[i].name, &rules, packet,
		    tries[i].want);
	}
}

#define RAW(prio, rule)							\
	"," CHAIN_OF("inet", "r", "prerouting", prio, "accept") RULE("r", rule)
#define NOTRACK		"{\"notrack\":null}"
#define UNTRACKED	COMMONEST RULE("c", STATE("\"untracked\"") ACCEPT)

/* An untracked packet matches no other connection state. */
static void test_untracked(void)
{
	static const struct {
		const char *name;
		const char *rules;
		const char *want;
	} tries[] = {
		{ "no rule", UNTRACKED, "-X-" },
		{ "the port", UNTRACKED RAW("-300", DPORT("51820") NOTRACK), "---" },
		{ "the port, and no rule for it", COMMONEST RAW("-300", DPORT("51820") NOTRACK), "XX-" },
		{ "another port", UNTRACKED RAW("-300", DPORT("53") NOTRACK), "-X-" },
		{ "after the packet is tracked", UNTRACKED RAW("-150", DPORT("51820") NOTRACK), "-X-" },
		{ "perhaps", UNTRACKED RAW("-300", LIMIT NOTRACK), "uu-" },
		{ "in a called chain", UNTRACKED PLAIN("d") RULE("d", NOTRACK)
		  RAW("-300", DPORT("51820") "{\"jump\":{\"target\":\"d\"}}"), "---" },
		{ "in a chain that is called under an unknown condition", UNTRACKED PLAIN("d") RULE("d", NOTRACK)
		  RAW("-300", LIMIT "{\"jump\":{\"target\":\"d\"}}"), "uu-" },
		{ "behind a rule that accepts", UNTRACKED RAW("-300", ACCEPT) RULE("r", NOTRACK), "-X-" },
		{ "outgoing packets", CHAIN("output", "drop") RULE("c", STATE("\"untracked\"") ACCEPT) ","
		  CHAIN_OF("inet", "r", "output", "-300", "accept") RULE("r", SPORT("51820") NOTRACK), "---" },
	};
	struct weft_doctor_rules rules = { };
	char json[8192];
	size_t i;

	rules.nft = json;
	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		snprintf(json, sizeof(json), "{\"nftables\":[%s]}", tries[i].rules);
		ask("untracked", tries[i].name, &rules, packet_of(AF_INET), tries[i].want);
	}
}

#define RAW_IPTABLES(target)						\
	"*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p udp -m udp --dport 51820 -j " target "\nCOMMIT\n" \
	"*filter\n:INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED,UNTRACKED -j ACCEPT\nCOMMIT\n"

static void test_untracked_iptables(void)
{
	struct weft_doctor_rules rules = { };

	rules.ip4 = (char *)RAW_IPTABLES("CT --notrack");
	ask("untracked", "CT of iptables", &rules, packet_of(AF_INET), "---");
	rules.ip4 = (char *)RAW_IPTABLES("NOTRACK");
	ask("untracked", "NOTRACK of iptables", &rules, packet_of(AF_INET), "---");
	rules.ip4 = (char *)RAW_IPTABLES("CT --helper ftp");
	ask("untracked", "another CT of iptables", &rules, packet_of(AF_INET), "-X-");
}

#define TABLE(family, name, flags)					\
	"{\"table\":{\"family\":\"" family "\",\"name\":\"" name "\",\"handle\":1,\"flags\":" flags "}},"

/* nft lists a dormant table with its rules. */
static void test_dormant(void)
{
	static const struct {
		const char *name;
		const char *table;
		const char *want;
	} tries[] = {
		{ "a table", TABLE("inet", "t", "\"dormant\""), "---" },
		{ "as one of its flags", TABLE("inet", "t", "[\"dormant\",\"owner\"]"), "---" },
		{ "not a table with an unknown flag", TABLE("inet", "t", "\"rt\""), "XX-" },
		{ "not a table with an owner", TABLE("inet", "t", "\"owner\""), "XX-" },
		{ "not a persistent table", TABLE("inet", "t", "[\"owner\",\"persist\"]"), "XX-" },
		{ "another table", TABLE("inet", "u", "\"dormant\""), "XX-" },
		{ "a table of another family", TABLE("ip", "t", "\"dormant\""), "XX-" },
	};
	struct weft_doctor_rules rules = { };
	char json[4096];
	size_t i;

	rules.nft = json;
	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		snprintf(json, sizeof(json), "{\"nftables\":[%s%s]}", tries[i].table,
			 CHAIN("input", "drop"));
		ask("dormant", tries[i].name, &rules, packet_of(AF_INET), tries[i].want);
	}
}

static void test_rpfilter(void)
{
	static const char mangle[] =
		"*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m rpfilter --validmark --invert -j DROP\n";
	static const char text[] =
		"*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m rpfilter --validmark --invert -j DROP\n";
	static const char loose[] =
		"*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m rpfilter --loose --invert -j DROP\n";
	struct weft_packet packet = packet_of(AF_INET);
	struct weft_doctor_rules rules = { };

	rules.ip4 = (char *)text;
	ask("rpfilter", "the same way back", &rules, packet, "---");
	packet.astray = WEFT_MATCH_YES;
	packet.remarked = true;
	ask("rpfilter", "another way back", &rules, packet, "XX-");
	rules.ip4 = (char *)loose;
	ask("rpfilter", "any way back", &rules, packet, "---");
	/* wg-quick's rules set the mark at mangle's priority, weft's rules later. */
	rules.ip4 = (char *)mangle;
	ask("rpfilter", "another way back, seen with its mark", &rules, packet, "---");
	packet.late = true;
	ask("rpfilter", "another way back, seen before its mark", &rules, packet, "XX-");
	packet.remarked = false;
	packet.late = false;
	ask("rpfilter", "another way back, without a mark", &rules, packet, "XX-");
}

/* nft rules with matches of iptables are read in iptables' format, if it is available. */
static void test_both(void)
{
	static const char json[] = "{\"nftables\":["
		CHAIN_OF("ip", "INPUT", "input", "0", "drop")
		RULE_OF("ip", "INPUT", "{\"xt\":null}," ACCEPT) "]}";
	struct weft_doctor_rules rules = { };

	rules.nft = (char *)json;
	ask("both", "a match of iptables', which is not there", &rules,
	    packet_of(AF_INET), "uu-");
	rules.ip4 = "# Generated\n*filter\n:INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n";
	ask("both", "a match of iptables'", &rules, packet_of(AF_INET), "-X-");
}

static void test_words(void)
{
	static const char json[] = "{\"nftables\":[" COMMONEST "]}";
	struct weft_packet packet = packet_of(AF_INET);
	struct weft_doctor_rules rules = { };
	struct weft_bar bar;

	packet.fresh = true;
	rules.nft = (char *)json;
	weft_doctor_rules_ask(&rules, &packet, &bar);
	test_text("nft: the culprit", bar.culprit,
		  "the policy of chain c of nft table inet t is drop");
	test_text("nft: the remedy", bar.mend,
		  "nft insert rule inet t c udp dport 51820 accept");
	weft_bar_clear(&bar);
	rules.nft = NULL;
	rules.ip4 = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p udp -j DROP\n";
	weft_doctor_rules_ask(&rules, &packet, &bar);
	test_text("iptables: the culprit", bar.culprit,
		  "the rule '-A INPUT -p udp -j DROP' of iptables");
	test_text("iptables: the remedy", bar.mend,
		  "iptables -t filter -I INPUT -p udp --dport 51820 -j ACCEPT");
	weft_bar_clear(&bar);
}

/* The tables that nft lists, NULL where it fails. */
static const char *tables_listed;

static int host_run(struct weft_host *host, const struct weft_program *program, char **output)
{
	(void)host;
	(void)program;
	if (tables_listed)
		*output = strdup(tables_listed);
	return tables_listed ? 0 : -EIO;
}

/* Each interface has a table of its own, and a plain name is used unchanged. */
static void test_tables(void)
{
	static const struct {
		const char *name;
		const char *table;
	} tables[] = {
		{ "wft0", "weft-wft0" },
		{ "a_b", "weft-a_b" },
		{ "a-b.C_9", "weft-a-b.C_9" },
		{ "a+b", "weft-a/pb" },
		{ "a=b", "weft-a/eb" },
		{ "+", "weft-/p" },
		{ "===============", "weft-/e/e/e/e/e/e/e/e/e/e/e/e/e/e/e" },
	};
	struct weft_host host = { .run = host_run };
	char listing[256];
	bool there;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		snprintf(listing, sizeof(listing), "table inet other\ntable inet %s\ntable inet %s2\n", tables[i].table, tables[i].table);
		tables_listed = listing;
		test_ok(!weft_firewall_look(&host, tables[i].name, &there) && there, tables[i].table);
		snprintf(listing, sizeof(listing), "table inet x%s\ntable inet %s2\n", tables[i].table, tables[i].table);
		test_ok(!weft_firewall_look(&host, tables[i].name, &there) && !there, "  is not there");
		tables_listed = NULL;
		test_ok(weft_firewall_look(&host, tables[i].name, &there) < 0, "  is not known where nft fails");
		test_text("  the diagnosis knows the table", weft_firewall_table(tables[i].name).chars, tables[i].table);
	}
}

int main(void)
{
	test_tables();
	test_nft();
	test_anywhere();
	test_reverse();
	test_iptables();
	test_iptables_anywhere();
	test_untracked();
	test_untracked_iptables();
	test_dormant();
	test_rpfilter();
	test_both();
	test_words();
	return test_end();
}
