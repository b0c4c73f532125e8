// SPDX-License-Identifier: GPL-2.0
/*
 * Plans of up: the MTU of many paths, routes that are left out, and addresses that a kernel without
 * IPv6 would refuse.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "apply/plan.h"
#include "apply/policy_route.h"
#include "apply/state.h"
#include "conf/profile.h"
#include "conf/resolve.h"
#include "host/host.h"
#include "model/format.h"
#include "support.h"

#define MARK	7

/**
 * struct fake - the state of a fake kernel
 * @own_off: conf/ut0/disable_ipv6, NULL without it
 * @default_off: conf/default/disable_ipv6, NULL without it
 * @no_ip4: the settings of IPv4 are missing, too
 * @gateway: the MTU of the default route
 * @fail: number of the path lookup that fails, 0 for none
 * @asked: lookups of paths
 * @main: routes of the main table
 * @special: these are unreachable routes
 * @foreign: an address of ut0 that weft did not add
 */
static struct fake {
	const char *own_off;
	const char *default_off;
	bool no_ip4;
	unsigned int gateway;
	unsigned int fail;
	unsigned int asked;
	const char *main;
	bool special;
	const char *foreign;
} fake;

static int fake_read(struct weft_host *host, const char *path,
		     char **text)
{
	const char *value = NULL;

	(void)host;
	if (!strcmp(path, "/proc/sys/net/ipv6/conf/ut0/disable_ipv6"))
		value = fake.own_off;
	else if (!strcmp(path, "/proc/sys/net/ipv6/conf/default/disable_ipv6"))
		value = fake.default_off;
	else if (!strncmp(path, "/proc/sys/net/ipv4/", 19))
		value = fake.no_ip4 ? NULL : "0";
	if (!value)
		return -ENOENT;
	*text = strdup(value);
	return 0;
}

/* The MTU to 192.0.2.x is ten times x; without the mark it is always the same. */
static int fake_path_mtu(struct weft_host *host,
			 const union weft_endpoint *to, __u32 mark,
			 unsigned int *mtu)
{
	const unsigned char *ip;

	if (++fake.asked == fake.fail) {
		snprintf(host->error, sizeof(host->error), "it is broken");
		return -EIO;
	}
	*mtu = fake.gateway;
	if (!to)
		return 0;
	ip = (const unsigned char *)&to->ip4.sin_addr;
	*mtu = to->any.sa_family == AF_INET6 ? 1700 :
	       mark == MARK ? ip[3] * 10 : 9000;
	return 0;
}

static void fake_add(struct weft_routes *routes, const char *prefix,
		     __u32 table, __u8 protocol)
{
	struct weft_profile *profile;
	struct test_bench bench;
	char text[128];

	snprintf(text, sizeof(text), "[Interface]\nAddress = %s\n", prefix);
	test_bench_start(&bench, "");
	profile = weft_profile_parse(&bench.ctx, "fake", text, "ut0");
	*weft_host_routes_add(routes) = (struct weft_route){
		.prefix = profile->addresses.items[0].prefix,
		.table = table, .protocol = protocol,
	};
	weft_profile_free(profile);
	test_bench_end(&bench);
}

static int fake_routes(struct weft_host *host, unsigned int index,
		       __u32 table, struct weft_routes *routes)
{
	(void)host;
	memset(routes, 0, sizeof(*routes));
	if (!index && table == RT_TABLE_MAIN && fake.main)
		fake_add(routes, fake.main, table, 3);
	if (routes->count)
		routes->items[0].special = fake.special;
	return 0;
}

/* A file, and the state in which up plans. */
struct plan {
	struct test_bench bench;
	struct weft_host host;
	struct weft_profile *profile;
	struct weft_state state;
	char *text;
};

static void plan_begin(struct plan *plan, const char *conf)
{
	memset(plan, 0, sizeof(*plan));
	test_bench_start(&plan->bench, "");
	plan->host.read = fake_read;
	plan->host.path_mtu = fake_path_mtu;
	plan->host.routes = fake_routes;
	plan->bench.ctx.host = &plan->host;
	plan->text = strdup(conf);
	plan->profile = weft_profile_parse(&plan->bench.ctx, "ut0.conf",
					   plan->text, "ut0");
	if (!plan->profile ||
	    !weft_resolve_device(&plan->bench.ctx, "ut0.conf", plan->profile->dev)) {
		test_bench_flush(&plan->bench);
		printf("Bail out! %s\n", plan->bench.err);
		exit(1);
	}
	fake.asked = 0;
	if (fake.foreign)
		fake_add(&plan->state.addresses, fake.foreign, 0, 0);
}

static void plan_end(struct plan *plan)
{
	weft_profile_free(plan->profile);
	weft_host_routes_free(&plan->state.addresses);
	weft_host_routes_free(&plan->state.routes);
	test_bench_end(&plan->bench);
	free(plan->text);
}

#define OWN		"[Interface]\n"
#define FOUR		"Address = 10.0.0.1/24\n"
#define SIX		"Address = fd00::1/64\n"
#define PEER		"[Peer]\nPublicKey = " KEY_A "\n"
#define OTHER		"[Peer]\nPublicKey = " KEY_B "\n"
#define AT(x)		"Endpoint = 192.0.2." #x ":7\n"
#define NEEDS_PATH	"weft: warning: ut0: the path MTU of %u leaves less than the 1280 that IPv6 (%s) needs: outer packets will be fragmented\n"
#define NEEDS_TOLD	"weft: warning: ut0: the path MTU of %u to an endpoint of peer %s leaves less than 1280: outer packets to it will be fragmented\n"
#define NEEDS_FILE	"weft: ut0.conf:3: MTU: an MTU of %u is too small for IPv6 (%s): below 1280 the kernel removes IPv6 from the interface\n"

/**
 * struct mtu_case - a file, and the resulting MTU
 * @name: the case
 * @conf: the file
 * @mtu: the result, 0 for a refusal
 * @err: an error or a warning, with @number and @reason in it
 * @number: an MTU
 * @reason: the address that needs IPv6
 * @gateway: as in struct fake, 1500 if not given
 * @foreign: as in struct fake
 * @fleet: other nodes tell the endpoints
 */
static const struct mtu_case {
	const char *name;
	const char *conf;
	unsigned int mtu;
	const char *err;
	unsigned int number;
	const char *reason;
	unsigned int gateway;
	const char *foreign;
	bool fleet;
} mtus[] = {
	{ .name = "no peer: the default route", .conf = OWN FOUR, .gateway = 1492, .mtu = 1412 },
	{ .name = "no peer and no route", .conf = OWN FOUR, .gateway = 1, .mtu = 1420 },
	{ .name = "a peer without an endpoint", .conf = OWN FOUR PEER, .gateway = 1492, .mtu = 1412 },
	{ .name = "one path", .conf = OWN FOUR PEER AT(147), .mtu = 1390 },
	{ .name = "an IPv6 path", .conf = OWN FOUR PEER "Endpoint = [2001:db8::1]:7\n", .mtu = 1620 },
	{ .name = "two peers, the second has the smaller path MTU", .conf = OWN FOUR PEER AT(148) OTHER AT(146), .mtu = 1380 },
	{ .name = "two peers, the first has the smaller path MTU", .conf = OWN FOUR PEER AT(146) OTHER AT(148), .mtu = 1380 },
	{ .name = "candidates, the last has the smallest path MTU",
	  .conf = OWN FOUR PEER "Endpoint = 192.0.2.148:7, 192.0.2.147:7, 192.0.2.145:7\n", .mtu = 1370 },
	{ .name = "candidates, the first has the smallest path MTU",
	  .conf = OWN FOUR PEER "Endpoint = 192.0.2.145:7, 192.0.2.148:7\n", .mtu = 1370 },
	{ .name = "an unreachable endpoint does not count", .conf = OWN FOUR PEER AT(0) OTHER AT(147), .mtu = 1390 },
	{ .name = "only unreachable endpoints", .conf = OWN FOUR PEER AT(0), .gateway = 1492, .mtu = 1412 },
	{ .name = "a path too small for IPv6, without IPv6", .conf = OWN FOUR PEER AT(135), .mtu = 1270 },
	{ .name = "a path that is just right for IPv6", .conf = OWN SIX PEER AT(136), .mtu = 1280 },
	{ .name = "a path too small for an IPv6 address", .conf = OWN FOUR SIX PEER AT(135),
	  .mtu = 1280, .err = NEEDS_PATH, .number = 1350, .reason = "fd00::1/64" },
	{ .name = "a path too small for an IPv6 allowed IP", .conf = OWN FOUR PEER AT(135) "AllowedIPs = 10.0.0.0/8, fd77::/64\n",
	  .mtu = 1280, .err = NEEDS_PATH, .number = 1350, .reason = "fd77::/64" },
	{ .name = "a path too small for the second peer's IPv6", .conf = OWN FOUR PEER AT(135) OTHER "AllowedIPs = ::/0\n",
	  .mtu = 1280, .err = NEEDS_PATH, .number = 1350, .reason = "::/0" },
	{ .name = "a path too small for an address that weft did not add", .conf = OWN FOUR PEER AT(135),
	  .foreign = "fd99::1/64", .mtu = 1280, .err = NEEDS_PATH, .number = 1350, .reason = "fd99::1/64" },
	{ .name = "an address of the link does not count", .conf = OWN FOUR PEER AT(135), .foreign = "fe80::1/64", .mtu = 1270 },
	{ .name = "an IPv4 address that weft did not add does not count", .conf = OWN FOUR PEER AT(135), .foreign = "10.2.0.1/24", .mtu = 1270 },
	{ .name = "a path below the minimum of IPv4", .conf = OWN FOUR PEER AT(10), .mtu = 68 },
	{ .name = "a path with the minimum of IPv4", .conf = OWN FOUR PEER AT(15), .mtu = 70 },
	{ .name = "paths that a fleet's nodes tell count", .conf = OWN FOUR PEER AT(148) OTHER AT(147), .mtu = 1390, .fleet = true },
	{ .name = "... but take no less than IPv6 needs", .conf = OWN SIX PEER AT(147) OTHER AT(10), .mtu = 1280, .fleet = true,
	  .err = NEEDS_TOLD, .number = 100, .reason = KEY_B },
	{ .name = "... also as candidates", .conf = OWN FOUR PEER "Endpoint = 192.0.2.148:7, 192.0.2.60:7\n", .mtu = 1280, .fleet = true,
	  .err = NEEDS_TOLD, .number = 600, .reason = KEY_A },
	{ .name = "the default route is no endpoint", .conf = OWN FOUR PEER, .gateway = 600, .mtu = 520, .fleet = true },
	{ .name = "the file's MTU, without a lookup of paths", .conf = OWN FOUR "MTU = 1000\n" PEER AT(1), .mtu = 1000 },
	{ .name = "the file's MTU, just right for IPv6", .conf = OWN SIX "MTU = 1280\n" PEER, .mtu = 1280 },
	{ .name = "the file's MTU, too small for an address", .conf = OWN SIX "MTU = 1279\n" PEER,
	  .err = NEEDS_FILE, .number = 1279, .reason = "fd00::1/64" },
	{ .name = "the file's MTU, too small for an allowed IP", .conf = OWN FOUR "MTU = 1200\n" PEER "AllowedIPs = 0.0.0.0/0, ::/0\n",
	  .err = NEEDS_FILE, .number = 1200, .reason = "::/0" },
	{ .name = "the file's MTU, too small for an existing address", .conf = OWN FOUR "MTU = 1200\n" PEER, .foreign = "fd99::1/64",
	  .err = NEEDS_FILE, .number = 1200, .reason = "fd99::1/64" },
};

static void test_mtu(const struct mtu_case *test)
{
	unsigned int mtu = 0;
	struct weft_peer *peer;
	struct plan plan;
	char want[512];
	bool good;

	fake = (struct fake){
		.gateway = test->gateway == 1 ? 0 : test->gateway ?: 1500,
		.foreign = test->foreign,
	};
	plan_begin(&plan, test->conf);
	for (peer = plan.profile->dev->peers; peer; peer = peer->next)
		peer->keeps_endpoint = test->fleet;
	good = weft_plan_mtu(&plan.bench.ctx, plan.profile, &plan.state, MARK, &mtu);
	test_bench_flush(&plan.bench);
	snprintf(want, sizeof(want), test->err ?: "", test->number, test->reason);
	if (good && mtu != test->mtu)
		printf("# %s: %u, not %u\n", test->name, mtu, test->mtu);
	test_ok(good ? mtu == test->mtu : !test->mtu, test->name);
	test_text("the error text", plan.bench.err, want);
	if (strstr(test->conf, "MTU"))
		test_ok(!fake.asked, "no path is looked up");
	plan_end(&plan);
}

/* Each of three lookups can fail. */
static void test_mtu_fails(void)
{
	unsigned int mtu, fail;
	struct plan plan;

	for (fail = 1; fail <= 3; fail++) {
		fake = (struct fake){ .gateway = 1500, .fail = fail };
		plan_begin(&plan, OWN FOUR PEER "Endpoint = 192.0.2.148:7, 192.0.2.147:7\n" OTHER AT(146));
		test_ok(!weft_plan_mtu(&plan.bench.ctx, plan.profile, &plan.state, MARK, &mtu),
			"a path that cannot be looked up");
		test_bench_flush(&plan.bench);
		test_text("the error names the MTU", plan.bench.err, "weft: ut0: cannot read the path MTU: it is broken\n");
		plan_end(&plan);
	}
}

#define OFF(x)	"weft: ut0: the file has IPv6 (%s), and this machine disables IPv6 by " x ": enable IPv6, or remove it from Address and AllowedIPs\n"

static const struct {
	const char *name;
	const char *conf;
	const char *own;
	const char *general;
	bool no_ip4;
	const char *err;
	const char *reason;
} checks[] = {
	{ .name = "IPv6, without an obstacle", .conf = OWN SIX, .general = "0" },
	{ .name = "IPv6 on a link that has it, with another default", .conf = OWN SIX, .own = "0", .general = "1" },
	{ .name = "IPv6 on a link without IPv6", .conf = OWN FOUR SIX, .own = "1", .general = "0",
	  .err = OFF("/proc/sys/net/ipv6/conf/ut0/disable_ipv6"), .reason = "fd00::1/64" },
	{ .name = "IPv6 on a link to be created", .conf = OWN SIX, .general = "1",
	  .err = OFF("/proc/sys/net/ipv6/conf/default/disable_ipv6"), .reason = "fd00::1/64" },
	{ .name = "IPv6 routes on a link to be created", .conf = OWN FOUR PEER "AllowedIPs = 0.0.0.0/0, ::/0\n", .general = "1",
	  .err = OFF("/proc/sys/net/ipv6/conf/default/disable_ipv6"), .reason = "::/0" },
	{ .name = "a kernel without IPv6", .conf = OWN SIX,
	  .err = OFF("ipv6.disable"), .reason = "fd00::1/64" },
	{ .name = "a kernel without settings", .conf = OWN SIX, .no_ip4 = true },
	{ .name = "allowed IPs without routes need no IPv6",
	  .conf = OWN FOUR "Table = off\n" PEER "AllowedIPs = ::/0\n", .general = "1" },
	{ .name = "IPv4 alone", .conf = OWN FOUR PEER "AllowedIPs = 0.0.0.0/0\n", .own = "1", .general = "1" },
};

static void test_checks(void)
{
	struct plan plan;
	char want[512];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(checks); i++) {
		fake = (struct fake){
			.own_off = checks[i].own, .no_ip4 = checks[i].no_ip4,
			.default_off = checks[i].general,
		};
		plan_begin(&plan, checks[i].conf);
		test_ok(weft_plan_check(&plan.bench.ctx, plan.profile) == !checks[i].err,
			checks[i].name);
		test_bench_flush(&plan.bench);
		snprintf(want, sizeof(want), checks[i].err ?: "", checks[i].reason);
		test_text("the error text", plan.bench.err, want);
		plan_end(&plan);
	}
}

#define BESIDE	"weft: warning: ut0: AllowedIPs covers all of IPv4 and not all of IPv6, and this machine has an IPv6 default route: IPv6 bypasses the tunnel, unencrypted; ::/0 in AllowedIPs prevents that\n"

static const struct {
	const char *name;
	const char *conf;
	const char *main;
	bool warned;
	bool special;
} leaks[] = {
	{ "all of IPv4, IPv6 beside it", OWN FOUR PEER "AllowedIPs = 0.0.0.0/0\n", "::/0", true },
	{ "all of IPv4 in halves", OWN FOUR PEER "AllowedIPs = 0.0.0.0/1\n" OTHER "AllowedIPs = 128.0.0.0/1\n", "::/0", true },
	{ "one half twice is not all", OWN FOUR PEER "AllowedIPs = 0.0.0.0/1\n" OTHER "AllowedIPs = 0.0.0.0/1\n", "::/0", false },
	{ "half of IPv6 is not all", OWN FOUR PEER "AllowedIPs = 0.0.0.0/0, ::/1\n", "::/0", true },
	{ "a third of IPv6 that is not in use", OWN FOUR PEER "AllowedIPs = 0.0.0.0/0, 4000::/3\n", "::/0", true },
	{ "IPv4 has no such third", OWN FOUR PEER "AllowedIPs = 32.0.0.0/3, 128.0.0.0/1\n", "::/0", false },
	{ "all of both", OWN FOUR PEER "AllowedIPs = 0.0.0.0/0, ::/0\n", "::/0", false },
	{ "all of both, IPv6 in halves", OWN FOUR PEER "AllowedIPs = 0.0.0.0/0, ::/1, 8000::/1\n", "::/0", false },
	{ "all of both, as far as IPv6 is in use", OWN FOUR PEER "AllowedIPs = 0.0.0.0/0, 2000::/3\n", "::/0", false },
	{ "no IPv6 default route", OWN FOUR PEER "AllowedIPs = 0.0.0.0/0\n", "2001:db8::/32", false },
	{ "an IPv6 route that is no default route", OWN FOUR PEER "AllowedIPs = 0.0.0.0/0\n", "0.0.0.0/0", false },
	{ "an IPv6 default route that is unreachable", OWN FOUR PEER "AllowedIPs = 0.0.0.0/0\n", "::/0", false, true },
	{ "no routes at all", OWN FOUR PEER "AllowedIPs = 0.0.0.0/0\n", NULL, false },
	{ "no routes of weft's", OWN FOUR "Table = off\n" PEER "AllowedIPs = 0.0.0.0/0\n", "::/0", false },
	{ "a part of IPv4", OWN FOUR PEER "AllowedIPs = 10.0.0.0/8\n", "::/0", false },
};

static void test_leaks(void)
{
	struct plan plan;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(leaks); i++) {
		fake = (struct fake){ .main = leaks[i].main, .special = leaks[i].special };
		plan_begin(&plan, leaks[i].conf);
		weft_plan_warn(&plan.bench.ctx, plan.profile);
		test_bench_flush(&plan.bench);
		test_text(leaks[i].name, plan.bench.err, leaks[i].warned ? BESIDE : "");
		plan_end(&plan);
	}
}

/* Prints routes, a line each. */
static const struct {
	const char *name;
	const char *conf;
	const char *foreign;
	const char *want;
} routes[] = {
	{ "an address brings its network", OWN FOUR PEER "AllowedIPs = 10.0.0.0/24, 10.0.0.7/32, 10.0.1.0/24\n", NULL,
	  "10.0.1.0/24 254\n" },
	{ "an address brings no shorter prefix", OWN FOUR PEER "AllowedIPs = 10.0.0.0/23\n", NULL, "10.0.0.0/23 254\n" },
	{ "an IPv4 address of full length brings nothing", OWN "Address = 10.0.0.1/32\n" PEER "AllowedIPs = 10.0.0.1/32\n", NULL,
	  "10.0.0.1/32 254\n" },
	{ "an IPv6 one does", OWN "Address = fd00::1/128\n" PEER "AllowedIPs = fd00::1/128\n", NULL, "" },
	{ "a prefix of the other family", OWN "Address = ::1/8\n" PEER "AllowedIPs = 0.1.2.0/24\n", NULL, "0.1.2.0/24 254\n" },
	{ "an address that weft did not add brings its network too", OWN FOUR PEER "AllowedIPs = 10.9.9.0/24\n", "10.9.0.1/16", "" },
	{ "a table of its own gets all routes", OWN FOUR "Table = 9\n" PEER "AllowedIPs = 10.0.0.0/24, 0.0.0.0/0\n", NULL,
	  "0.0.0.0/0 9\n10.0.0.0/24 9\n" },
	{ "default routes get a table", OWN FOUR PEER "AllowedIPs = 0.0.0.0/0, 10.1.0.0/16\n", NULL,
	  "0.0.0.0/0 55\n10.1.0.0/16 254\n" },
	{ "no table, no routes", OWN FOUR "Table = off\n" PEER "AllowedIPs = 10.1.0.0/16\n", NULL, "" },
	{ "equal prefixes of two peers, and host bits, make one route",
	  OWN FOUR PEER "AllowedIPs = 10.1.0.0/16, fd01::/16\n" OTHER "AllowedIPs = 10.1.2.3/16, 10.1.0.0/17, fd01::7/16\n", NULL,
	  "10.1.0.0/16 254\n10.1.0.0/17 254\nfd01::/16 254\n" },
};

static void test_routes(void)
{
	const struct weft_policy_route policy = { .ip4 = true, .table = 55 };
	struct weft_routes found;
	struct plan plan;
	char text[512];
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(routes); i++) {
		fake = (struct fake){ .foreign = routes[i].foreign };
		plan_begin(&plan, routes[i].conf);
		memset(&found, 0, sizeof(found));
		test_ok(weft_plan_routes(plan.profile, &policy, &plan.state, &found),
			routes[i].name);
		for (text[0] = '\0', n = 0; n < found.count; n++)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s/%u %u\n",
				 weft_format_address(&found.items[n].prefix).chars,
				 found.items[n].prefix.cidr, found.items[n].table);
		test_text("the routes", text, routes[i].want);
		for (n = 0; n < found.count; n++)
			if (found.items[n].protocol != WEFT_PROTOCOL)
				test_ok(false, "the routes are marked as weft's");
		weft_host_routes_free(&found);
		plan_end(&plan);
	}
}

int main(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(mtus); i++)
		test_mtu(&mtus[i]);
	test_mtu_fails();
	test_checks();
	test_leaks();
	test_routes();
	return test_end();
}
