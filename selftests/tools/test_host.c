// SPDX-License-Identifier: GPL-2.0
/*
 * Links, addresses, routes and rules of the kernel, in a network namespace of this program's own,
 * and compared with the output of ip(8).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/host.h"
#include "host/program.h"
#include "memory.h"
#include "model/format.h"
#include "support.h"

#define TABLE	7
#define SKIPPED	4

static struct weft_host *host;

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (write(fd, text, strlen(text)) < 0)
			fprintf(stderr, "# %s: %s\n", path, strerror(errno));
		close(fd);
	}
}

/* Returns false if user namespaces are not permitted. */
static bool enter_namespace(void)
{
	char map[64];

	snprintf(map, sizeof(map), "0 %u 1", getuid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return false;
	put("/proc/self/setgroups", "deny");
	put("/proc/self/uid_map", map);
	return true;
}

/* Returns the output of a shell command, "-" if it fails; the caller frees it. */
static char *shell(char *command)
{
	char *words[] = { "sh", "-c", command, NULL };
	struct weft_program program = { .words = words, .count = 3 };
	char *output = NULL;

	if (weft_program_run(host, &program, &output))
		output = strdup("-");
	return output;
}

static void ip(char *command)
{
	free(shell(command));
}

static void test_ip(const char *name, char *command, const char *want)
{
	char *got = shell(command);

	test_text(name, got, want);
	free(got);
}

/* Compares the kernel's names of the namespaces. */
static bool is_home(void)
{
	char first[64] = "", own[64] = "";

	return readlink("/proc/1/ns/net", first, sizeof(first) - 1) > 0 &&
	       readlink("/proc/self/ns/net", own, sizeof(own) - 1) > 0 &&
	       !strcmp(first, own);
}

static struct weft_change change_of(enum weft_change_kind kind)
{
	struct weft_change change = { .kind = kind, .dev = "lo" };

	return change;
}

static void test_change(const struct weft_change *change, int want,
			const char *name)
{
	int err;

	host->error[0] = '\0';
	err = host->change(host, change);
	if (err != want)
		printf("# %d: %s\n", err, host->error);
	test_ok(err == want, name);
	test_ok(!want == !host->error[0], "with an error text if it fails");
}

static struct weft_host_link link_of(const char *name)
{
	struct weft_host_link link;

	if (host->link(host, name, &link))
		test_bail(host->error);
	return link;
}

/* A datagram of 100 bytes to a port that is closed, on lo, which sends and receives it. */
static void test_link_counters(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct weft_host_link before = link_of("lo"), now;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char data[100] = "";

	if (sendto(fd, data, sizeof(data), 0, (struct sockaddr *)&to, sizeof(to)) != sizeof(data))
		test_bail("cannot send on lo");
	close(fd);
	now = link_of("lo");
	test_ok(before.counted && now.counted, "lo has counters");
	test_ok(now.tx_bytes - before.tx_bytes >= 128 && now.tx_bytes == now.rx_bytes, "lo counts bytes");
	test_ok(now.tx_packets - before.tx_packets >= 1 && now.tx_packets - before.tx_packets <= 2 &&
		now.tx_packets == now.rx_packets, "lo counts packets");
}

static void test_link(void)
{
	struct weft_change change = change_of(WEFT_CHANGE_LINK_UP);
	struct weft_host_link lo = link_of("lo");

	test_ok(lo.index == 1 && lo.kind == WEFT_KIND_NONE && !lo.up,
		"lo is there, down, and no tunnel");
	test_ok(!link_of("nope").index, "another link is not there");
	test_change(&change, 0, "lo is set up");
	test_ok(link_of("lo").up && link_of("lo").mtu == lo.mtu, "lo is up");
	change.kind = WEFT_CHANGE_LINK_MTU;
	change.mtu = 9000;
	test_change(&change, 0, "its MTU is set");
	test_ok(link_of("lo").mtu == 9000 && link_of("lo").up, "lo stays up");
	change.kind = WEFT_CHANGE_LINK_DOWN;
	test_change(&change, 0, "lo is set down");
	test_ok(!link_of("lo").up && link_of("lo").mtu == 9000, "lo keeps its MTU");
	change.kind = WEFT_CHANGE_LINK_UP;
	test_change(&change, 0, "lo is set up again");
}

static void test_link_refused(void)
{
	struct weft_change change = change_of(WEFT_CHANGE_LINK_DELETE);
	static const char hint[] =
		" (the kernel does not have this kind: is module weft installed?)";
	char *at;

	test_change(&change, -EOPNOTSUPP, "lo cannot be deleted");
	test_ok(!strstr(host->error, hint), "the error names no module");
	snprintf(change.dev, sizeof(change.dev), "nope");
	test_change(&change, -ENODEV, "a missing link cannot be deleted");
	change.kind = WEFT_CHANGE_LINK_MTU;
	change.mtu = 1400;
	test_change(&change, -ENODEV, "the MTU of a missing link cannot be set");
	change.kind = WEFT_CHANGE_LINK_ADD;
	change.link_kind = WEFT_KIND_WEFT;
	if (!host->change(host, &change)) {
		test_ok(link_of("nope").kind == WEFT_KIND_WEFT, "a link is added");
		change.kind = WEFT_CHANGE_LINK_DELETE;
		test_change(&change, 0, "a link is deleted");
		return;
	}
	at = strstr(host->error, hint);
	test_ok(at && at > host->error && !strcmp(at, hint),
		"a kind that the kernel does not know names the module");
}

/* A link other than lo, if the kernel has any such kind. */
static void test_link_deleted(void)
{
	struct weft_change change = change_of(WEFT_CHANGE_LINK_DELETE);

	ip("ip link add other type veth peer name peer || ip tuntap add other mode tun");
	if (!link_of("other").index) {
		printf("# no link can be added with ip(8)\n");
		return;
	}
	snprintf(change.dev, sizeof(change.dev), "other");
	test_change(&change, 0, "a link is deleted");
	test_ok(!link_of("other").index, "the link is gone");
}

static void set_prefix(struct weft_allowedip *prefix, const char *text,
		       unsigned int cidr)
{
	memset(prefix, 0, sizeof(*prefix));
	prefix->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	prefix->cidr = cidr;
	if (inet_pton(prefix->family, text, &prefix->ip4) != 1)
		test_bail(text);
}

/* Addresses or routes as text; frees them. */
static char *describe(struct weft_routes *routes)
{
	size_t len, i;
	char *text;
	FILE *out = open_memstream(&text, &len);

	for (i = 0; i < routes->count; i++)
		fprintf(out, "%s/%u table %u proto %u link %u%s\n",
			weft_format_address(&routes->items[i].prefix).chars,
			routes->items[i].prefix.cidr, routes->items[i].table,
			routes->items[i].protocol, routes->items[i].index,
			routes->items[i].special ? " special" : "");
	fclose(out);
	weft_host_routes_free(routes);
	return text;
}

static void test_addresses_are(const char *name, const char *want)
{
	struct weft_routes addresses = { };
	char *text;

	test_ok(!host->addresses(host, 1, &addresses), name);
	text = describe(&addresses);
	test_text("addresses", text, want);
	free(text);
}

static void test_addresses(void)
{
	struct weft_change four = change_of(WEFT_CHANGE_ADDRESS_ADD), six = four;

	set_prefix(&four.route.prefix, "10.9.0.1", 24);
	set_prefix(&six.route.prefix, "fd09::1", 64);
	ip("ip addr flush dev lo; ip link add other type veth peer name peer; ip addr add 10.1.1.1/24 dev other");
	test_addresses_are("a link without addresses", "");
	test_change(&four, 0, "an IPv4 address is added");
	test_change(&six, 0, "an IPv6 address is added");
	test_addresses_are("a link's addresses are its own",
			   "10.9.0.1/24 table 0 proto 119 link 0\nfd09::1/64 table 0 proto 119 link 0\n");
	test_change(&four, -EEXIST, "an address is added only once");
	four.kind = WEFT_CHANGE_ADDRESS_DELETE;
	six.kind = WEFT_CHANGE_ADDRESS_DELETE;
	test_change(&four, 0, "an IPv4 address is deleted");
	test_change(&six, 0, "an IPv6 address is deleted");
	test_addresses_are("the list is empty", "");
	test_change(&four, -EADDRNOTAVAIL, "a second deletion fails");
	ip("ip link del other");
}

static void test_routes_are(const char *name, unsigned int index, __u32 table,
			    const char *want)
{
	struct weft_routes routes = { };
	char *text;

	test_ok(!host->routes(host, index, table, &routes), name);
	text = describe(&routes);
	test_text("routes", text, want);
	free(text);
}

static struct weft_change route_of(const char *to, unsigned int cidr, __u32 table)
{
	struct weft_change change = change_of(WEFT_CHANGE_ROUTE_ADD);

	set_prefix(&change.route.prefix, to, cidr);
	change.route.table = table;
	change.route.protocol = WEFT_PROTOCOL;
	return change;
}

static void test_routes_listed(void)
{
	struct weft_routes none = { };

	ip("ip -6 route add unreachable default table 88");
	ip("ip route add blackhole 10.66.0.0/16 table 7; ip route add 10.5.0.0/16 dev lo table 1234");
	test_routes_are("routes through a link", 1, 0,
			"10.8.0.0/16 table 7 proto 119 link 1\n0.0.0.0/0 table 300 proto 119 link 1\n"
			"10.5.0.0/16 table 1234 proto 3 link 1\nfd08::/32 table 7 proto 119 link 1\n");
	test_routes_are("routes of a table", 0, TABLE,
			"10.8.0.0/16 table 7 proto 119 link 1\n10.66.0.0/16 table 7 proto 3 link 0 special\n"
			"fd08::/32 table 7 proto 119 link 1\n");
	test_routes_are("an unreachable route of IPv6, which the kernel keeps at lo", 0, 88,
			"::/0 table 88 proto 3 link 1 special\n");
	test_routes_are("routes of a table through a link", 1, 300,
			"0.0.0.0/0 table 300 proto 119 link 1\n");
	test_routes_are("a missing table has no routes", 0, 77, "");
	test_ok(host->routes(host, 99, 0, &none) == -ENODEV && !none.count,
		"a missing link is -ENODEV");
	test_ip("ip shows the scope of IPv4", "ip -o route show table 7 proto 119",
		"10.8.0.0/16 dev lo scope link \n");
}

static void test_routes(void)
{
	struct weft_change four = route_of("10.8.0.0", 16, TABLE);
	struct weft_change six = route_of("fd08::", 32, TABLE);
	struct weft_change all = route_of("0.0.0.0", 0, 300);

	test_change(&four, 0, "an IPv4 route is added");
	test_change(&six, 0, "an IPv6 route is added");
	test_change(&all, 0, "a default route is added");
	test_change(&four, -EEXIST, "a route is added only once");
	test_routes_listed();
	four.kind = WEFT_CHANGE_ROUTE_DELETE;
	six.kind = WEFT_CHANGE_ROUTE_DELETE;
	all.kind = WEFT_CHANGE_ROUTE_DELETE;
	test_change(&four, 0, "an IPv4 route is deleted");
	test_change(&six, 0, "an IPv6 route is deleted");
	test_change(&all, 0, "a default route is deleted");
	test_routes_are("the list is empty", 1, TABLE, "");
	test_change(&four, -ESRCH, "a second deletion fails");
	ip("ip route flush table 7; ip route flush table 1234; ip -6 route flush table 88");
}

static struct weft_rule rule_of(__u16 family, __u32 priority)
{
	struct weft_rule rule = {
		.family = family, .priority = priority, .table = TABLE,
		.protocol = WEFT_PROTOCOL,
	};

	return rule;
}

/* Lists weft's own rules only. */
static void test_rules_are(const char *name, const char *want)
{
	struct weft_rules rules = { };
	size_t len, i;
	char *text;
	FILE *out;

	test_ok(!host->rules(host, &rules), name);
	out = open_memstream(&text, &len);
	for (i = 0; i < rules.count; i++)
		fprintf(out, "%s%u: table %u mark %#x%s%s proto %u\n",
			rules.items[i].family == AF_INET ? "" : "6:",
			rules.items[i].priority, rules.items[i].table,
			rules.items[i].mark, rules.items[i].invert ? " invert" : "",
			rules.items[i].no_default ? " no-default" : "",
			rules.items[i].protocol);
	fclose(out);
	weft_host_rules_free(&rules);
	test_text("rules", text, want);
	free(text);
}

#define RULES4	"0: table 255 mark 0 proto 2\n"
#define MAIN4	"32766: table 254 mark 0 proto 2\n32767: table 253 mark 0 proto 2\n"
#define RULES6	"6:0: table 255 mark 0 proto 2\n"
#define MAIN6	"6:32766: table 254 mark 0 proto 2\n"

static void test_rules(void)
{
	struct weft_change marked = change_of(WEFT_CHANGE_RULE_ADD), plain = marked, six = marked;

	marked.rule = rule_of(AF_INET, 500);
	marked.rule.mark = 0x55;
	marked.rule.invert = true;
	plain.rule = rule_of(AF_INET, 600);
	plain.rule.no_default = true;
	six.rule = rule_of(AF_INET6, 700);
	six.rule.table = 100000;
	test_rules_are("the kernel's own rules", RULES4 MAIN4 RULES6 MAIN6);
	test_change(&marked, 0, "a rule for packets without a mark");
	test_change(&plain, 0, "a rule that passes over default routes");
	test_change(&six, 0, "a rule of IPv6, to a table above 255");
	test_change(&marked, -EEXIST, "a rule is added only once");
	test_rules_are("all are listed",
		       RULES4 "500: table 7 mark 0x55 invert proto 119\n"
		       "600: table 7 mark 0 no-default proto 119\n" MAIN4
		       RULES6 "6:700: table 100000 mark 0 proto 119\n" MAIN6);
	test_ip("ip shows the rules", "ip rule show priority 500; ip rule show priority 600",
		"500:\tnot from all fwmark 0x55 lookup 7 proto 119\n"
		"600:\tfrom all lookup 7 suppress_prefixlength 0 proto 119\n");
	marked.kind = WEFT_CHANGE_RULE_DELETE;
	plain.kind = WEFT_CHANGE_RULE_DELETE;
	six.kind = WEFT_CHANGE_RULE_DELETE;
	test_change(&marked, 0, "the first rule is deleted");
	test_change(&plain, 0, "the second rule is deleted");
	test_change(&six, 0, "the third rule is deleted");
	test_change(&six, -ENOENT, "a second deletion fails, too");
	test_rules_are("the list is empty", RULES4 MAIN4 RULES6 MAIN6);
}

static void test_way(const char *to, __u32 mark, const char *want)
{
	union weft_endpoint endpoint = { };
	struct weft_host_way way;
	unsigned int mtu = 1;
	char text[128];

	endpoint.any.sa_family = strchr(to, ':') ? AF_INET6 : AF_INET;
	if (endpoint.any.sa_family == AF_INET)
		inet_pton(AF_INET, to, &endpoint.ip4.sin_addr);
	else
		inet_pton(AF_INET6, to, &endpoint.ip6.sin6_addr);
	if (!strncmp(to, "fe80", 4))
		endpoint.ip6.sin6_scope_id = 1;
	test_ok(!host->way(host, &endpoint, mark, &way), "the kernel looks up a route");
	test_ok(way.asked, "a route is found");
	snprintf(text, sizeof(text), "%s %u", way.found ? way.dev : "nowhere", way.mtu);
	test_text(to, text, want);
	test_ok(!host->path_mtu(host, &endpoint, mark, &mtu) && mtu == way.mtu,
		"its MTU is that of the path");
}

static void test_ways(void)
{
	test_way("192.0.2.1", 0, "nowhere 0");
	test_way("2001:db8::1", 0, "nowhere 0");
	ip("ip route add 192.0.2.0/24 dev lo; ip -6 route add 2001:db8::/32 dev lo");
	test_way("192.0.2.1", 0, "lo 9000");
	test_way("2001:db8::1", 0, "lo 9000");
	ip("ip route add 192.0.2.128/25 dev lo mtu 1400; ip -6 route add 2001:db8:8::/48 dev lo mtu 1410");
	test_way("192.0.2.129", 0, "lo 1400");
	test_way("2001:db8:8::1", 0, "lo 1410");
	ip("ip rule add fwmark 5 lookup 9; ip route add 192.0.2.0/24 dev lo mtu 1300 table 9");
	test_way("192.0.2.129", 5, "lo 1300");
	test_way("192.0.2.129", 6, "lo 1400");
	ip("ip route add unreachable 198.51.100.0/24; ip route add prohibit 203.0.113.0/24");
	test_way("198.51.100.1", 0, "nowhere 0");
	test_way("203.0.113.1", 0, "nowhere 0");
}

/* A link-local address is looked up on the link of its scope. */
static void test_scope(void)
{
	ip("ip link add other type veth peer name peer; ip link set other up; ip link set peer up");
	ip("ip -6 route add fe80::/64 dev lo; ip -6 route add fe80::/64 dev other metric 1");
	test_way("fe80::9", 0, "lo 9000");
	ip("ip link del other");
}

static void test_path_mtu_is(unsigned int want, const char *name)
{
	unsigned int mtu = 1;

	test_ok(!host->path_mtu(host, NULL, 0, &mtu) && mtu == want, name);
}

static void test_default_mtu(void)
{
	test_path_mtu_is(0, "without a default route its MTU is 0");
	ip("ip -6 route add default dev lo mtu 1333");
	test_path_mtu_is(1333, "the MTU of IPv6 applies without a route of IPv4");
	ip("ip route add default dev lo mtu 1350");
	test_path_mtu_is(1350, "the MTU of IPv4 applies first");
}

/* A change and its reverse. */
struct memory_change {
	struct weft_change change;
	enum weft_change_kind back;
};

/* Either the change is done, or the error is a lack of memory and nothing is done. */
static bool change_or_say(const struct weft_change *change, bool *done)
{
	int err;

	host->error[0] = '\0';
	err = host->change(host, change);
	*done = !err;
	return !err || (test_memory_failed() && err == -ENOMEM && strcasestr(host->error, "memory"));
}

static bool once_change(const void *data)
{
	const struct memory_change *pair = data;
	struct weft_change back = pair->change;
	bool done, good = change_or_say(&pair->change, &done);

	back.kind = pair->back;
	if (!done)
		return good;
	good &= change_or_say(&back, &done);
	/* Only one allocation fails. */
	if (!done)
		good &= change_or_say(&back, &done);
	return good && done;
}

static void test_memory_change(const char *name, struct weft_change change, enum weft_change_kind back)
{
	struct memory_change pair = { change, back };

	test_memory_each(name, once_change, &pair);
}

static void test_memory_changes(void)
{
	struct weft_change mtu = change_of(WEFT_CHANGE_LINK_MTU), down = change_of(WEFT_CHANGE_LINK_DOWN);
	struct weft_change address = change_of(WEFT_CHANGE_ADDRESS_ADD), rule = change_of(WEFT_CHANGE_RULE_ADD);

	mtu.mtu = 9000;
	set_prefix(&address.route.prefix, "10.9.0.1", 24);
	rule.rule = rule_of(AF_INET, 500);
	rule.rule.mark = 5;
	rule.rule.no_default = true;
	rule.rule.invert = true;
	test_memory_change("memory is short: a link's MTU", mtu, WEFT_CHANGE_LINK_MTU);
	test_memory_change("memory is short: a link is set down and up", down, WEFT_CHANGE_LINK_UP);
	test_memory_change("memory is short: an address", address, WEFT_CHANGE_ADDRESS_DELETE);
	set_prefix(&address.route.prefix, "fd09::1", 64);
	test_memory_change("memory is short: an IPv6 address", address, WEFT_CHANGE_ADDRESS_DELETE);
	test_memory_change("memory is short: a route", route_of("10.8.0.0", 16, TABLE), WEFT_CHANGE_ROUTE_DELETE);
	test_memory_change("memory is short: a rule", rule, WEFT_CHANGE_RULE_DELETE);
}

static struct weft_change nope_of(enum weft_change_kind kind)
{
	struct weft_change change = change_of(kind);

	snprintf(change.dev, sizeof(change.dev), "nope");
	change.link_kind = WEFT_KIND_NONE;
	return change;
}

/* Links of unknown kinds, and missing links. */
static bool once_refused(const void *data)
{
	int err;

	host->error[0] = '\0';
	err = host->change(host, data);
	return test_memory_failed() ? err == -ENOMEM && strcasestr(host->error, "memory") :
				      err == -ENODEV || err == -EOPNOTSUPP;
}

static void test_memory_refused(void)
{
	struct weft_change add = nope_of(WEFT_CHANGE_LINK_ADD), delete = nope_of(WEFT_CHANGE_LINK_DELETE);

	test_memory_each("memory is short: a link is made", once_refused, &add);
	test_memory_each("memory is short: a link is deleted", once_refused, &delete);
}

static bool is_said(int err)
{
	return err == -ENOMEM && test_memory_failed() && strcasestr(host->error, "memory");
}

static bool once_link(const void *data)
{
	struct weft_host_link link;
	int err = host->link(host, "lo", &link);

	(void)data;
	return err ? is_said(err) : link.index == 1 && link.up;
}

/* Lists are complete, or empty. */
static bool once_lists(const void *data)
{
	struct weft_routes addresses = { }, routes = { };
	struct weft_rules rules = { };
	bool good;
	int err;

	(void)data;
	err = host->addresses(host, 1, &addresses);
	good = err ? is_said(err) && !addresses.count : addresses.count == 2;
	err = host->routes(host, 0, TABLE, &routes);
	good &= err ? is_said(err) && !routes.count : routes.count == 1;
	err = host->rules(host, &rules);
	good &= err ? is_said(err) && !rules.count : rules.count == 5;
	weft_host_routes_free(&addresses);
	weft_host_routes_free(&routes);
	weft_host_rules_free(&rules);
	return good;
}

static bool once_way(const void *data)
{
	union weft_endpoint to = { .any.sa_family = AF_INET6 };
	struct weft_host_way way;
	unsigned int mtu;
	bool good;
	int err;

	(void)data;
	to.ip6.sin6_addr = in6addr_loopback;
	to.ip6.sin6_scope_id = 1;
	err = host->way(host, &to, 5, &way);
	good = err ? is_said(err) : way.found && way.mtu == 9000;
	err = host->path_mtu(host, NULL, 5, &mtu);
	return good && (err ? is_said(err) && !mtu : mtu == 1350);
}

static void test_memory_lists(void)
{
	struct weft_change route = route_of("10.8.0.0", 16, TABLE);

	ip("ip addr flush dev lo; ip link set lo up; ip addr add 10.1.1.1/32 dev lo; ip addr add ::1/128 dev lo");
	ip("ip route flush table 7; ip route add default dev lo mtu 1350 table 9; ip rule add fwmark 5 lookup 9");
	ip("while ip rule del fwmark 5 lookup 9; do :; done; ip route replace default dev lo mtu 1350");
	test_change(&route, 0, "a route to be listed");
	test_memory_each("memory is short: a link is read", once_link, NULL);
	test_memory_each("memory is short: addresses, routes and rules are listed", once_lists, NULL);
	test_memory_each("memory is short: a route is looked up", once_way, NULL);
}

/* The first request opens the socket. */
static bool once_socket(const void *data)
{
	struct weft_host_link link;
	int err = host->link(host, "lo", &link);

	(void)data;
	return err ? is_said(err) : link.index == 1;
}

int main(void)
{
	host = weft_host_kernel();
	test_ok(host->home(host) == is_home(),
		"the first process is in this or in another namespace");
	if (!enter_namespace()) {
		printf("1..0 # SKIP no namespaces for users: %s\n", strerror(errno));
		return SKIPPED;
	}
	test_ok(!host->home(host), "the first process is in another namespace");
	if (!host->has(host, "ip")) {
		printf("1..0 # SKIP ip(8) is not there\n");
		return SKIPPED;
	}
	test_memory_each("memory is short: for a socket", once_socket, NULL);
	test_link();
	test_link_counters();
	test_link_refused();
	test_link_deleted();
	test_addresses();
	test_routes();
	test_rules();
	test_ways();
	test_scope();
	test_default_mtu();
	test_memory_changes();
	test_memory_refused();
	test_memory_lists();
	return test_end();
}
