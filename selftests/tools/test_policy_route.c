// SPDX-License-Identifier: GPL-2.0
/* Tables and rules of default routes, among those of other programs. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "apply/policy_route.h"
#include "apply/state.h"
#include "conf/profile.h"
#include "host/host.h"
#include "support.h"

#define FOREIGN		3	/* a protocol of another program */

/*
 * Fake tables: those from @first to @last are not empty, and have a default route or another one.
 */
static struct {
	__u32 first;
	__u32 last;
	__u16 family;
	__u8 cidr;
	bool special;
	__u32 broken;
	unsigned int asked;
} tables;

static int fake_routes(struct weft_host *host, unsigned int index,
		       __u32 table, struct weft_routes *routes)
{
	(void)index;
	memset(routes, 0, sizeof(*routes));
	tables.asked++;
	if (table == tables.broken) {
		snprintf(host->error, sizeof(host->error), "it is broken");
		return -EIO;
	}
	if (table >= tables.first && table <= tables.last)
		*weft_host_routes_add(routes) = (struct weft_route){
			.prefix = { .family = tables.family, .cidr = tables.cidr },
			.table = table, .protocol = FOREIGN, .special = tables.special,
		};
	return 0;
}

/* A file, an interface that may run with a mark, and its routes. */
struct scene {
	struct test_bench bench;
	struct weft_host host;
	struct weft_profile *profile;
	struct weft_state state;
	char *text;
};

static void scene_begin(struct scene *scene, const char *allowed,
			const char *more, __u32 running)
{
	memset(scene, 0, sizeof(*scene));
	memset(&tables, 0, sizeof(tables));
	test_bench_start(&scene->bench, "");
	scene->host.routes = fake_routes;
	scene->bench.ctx.host = &scene->host;
	if (asprintf(&scene->text, "[Interface]\n%s[Peer]\nPublicKey = " KEY_B "\n[Peer]\nPublicKey = " KEY_A "\nAllowedIPs = %s\n",
		     more, allowed) < 0)
		exit(1);
	scene->profile = weft_profile_parse(&scene->bench.ctx, "ut0.conf",
					    scene->text, "ut0");
	if (running) {
		scene->state.dev = weft_model_device_new("ut0");
		scene->state.dev->fwmark = running;
	}
}

static void scene_end(struct scene *scene)
{
	weft_profile_free(scene->profile);
	weft_model_device_free(scene->state.dev);
	weft_host_rules_free(&scene->state.rules);
	weft_host_routes_free(&scene->state.routes);
	test_bench_end(&scene->bench);
	free(scene->text);
}

static void scene_rule(struct scene *scene, struct weft_rule rule)
{
	*weft_host_rules_add(&scene->state.rules) = rule;
}

#define LEAD(f, p, t)	((struct weft_rule){ .family = f, .priority = p, .table = t, .mark = t, .invert = true, .protocol = WEFT_PROTOCOL })
#define PARTNER(f, p)	((struct weft_rule){ .family = f, .priority = p, .table = RT_TABLE_MAIN, .no_default = true, .protocol = WEFT_PROTOCOL })

static bool scene_plan(struct scene *scene, struct weft_policy_route *policy)
{
	bool good = weft_policy_route_plan(&scene->bench.ctx, scene->profile,
					   &scene->state, policy);

	test_bench_flush(&scene->bench);
	return good;
}

static void expect_plan(struct scene *scene, const char *name, bool ip4,
			bool ip6, __u32 table)
{
	struct weft_policy_route policy;

	test_ok(scene_plan(scene, &policy) && policy.ip4 == ip4 &&
		policy.ip6 == ip6 && policy.table == table, name);
	test_text("no error", scene->bench.err, "");
	scene_end(scene);
}

static void expect_refusal(struct scene *scene, const char *name,
			   const char *err)
{
	struct weft_policy_route policy;

	test_ok(!scene_plan(scene, &policy), name);
	test_text("the error text", scene->bench.err, err);
	scene_end(scene);
}

static void test_families(void)
{
	struct scene scene;

	scene_begin(&scene, "10.0.0.0/8, ::/1", "", 0);
	expect_plan(&scene, "no default route", false, false, 0);
	scene_begin(&scene, "10.0.0.0/8, 0.0.0.0/0", "", 0);
	expect_plan(&scene, "IPv4's", true, false, 51820);
	scene_begin(&scene, "::/0", "", 0);
	expect_plan(&scene, "IPv6's", false, true, 51820);
	scene_begin(&scene, "::/0, 0.0.0.0/0", "", 0);
	expect_plan(&scene, "both", true, true, 51820);
	scene_begin(&scene, "::/0, 0.0.0.0/0", "Table = off\n", 0);
	expect_plan(&scene, "both, and no routes", false, false, 0);
	scene_begin(&scene, "::/0, 0.0.0.0/0", "Table = 7\n", 0);
	expect_plan(&scene, "both, and a table", false, false, 0);
}

static void test_tables(void)
{
	struct scene scene;

	scene_begin(&scene, "::/0", "", 0);
	tables.first = 51820;
	tables.last = 51829;
	expect_plan(&scene, "the first table that is empty", false, true, 51830);
	scene_begin(&scene, "::/0", "", 0);
	tables.first = 1;
	tables.last = -1;
	expect_refusal(&scene, "no table is empty", "weft: ut0: no routing table from 51820 to 61819 is empty: set FwMark, whose number is also that of the table\n");
	test_ok(tables.asked == 10000, "the lookup covers all tables");
	scene_begin(&scene, "::/0", "", 0);
	tables.first = 51820;
	tables.last = 51821;
	tables.broken = 51822;
	expect_refusal(&scene, "a table cannot be read", "weft: ut0: cannot read routing table 51822: it is broken\n");
}

static void test_running(void)
{
	static const struct {
		const char *name;
		struct weft_rule rule;
		__u32 table;
	} rules[] = {
		{ "a running interface keeps its table", { AF_INET, 9, 77, 77, true, false, WEFT_PROTOCOL }, 77 },
		{ "a running interface keeps its table by an IPv6 rule", { AF_INET6, 9, 77, 77, true, false, WEFT_PROTOCOL }, 77 },
		{ "not by a rule of another program", { AF_INET, 9, 77, 77, true, false, FOREIGN }, 51820 },
		{ "not by a rule that is not inverted", { AF_INET, 9, 77, 77, false, false, WEFT_PROTOCOL }, 51820 },
		{ "not by a rule for another table", { AF_INET, 9, 78, 77, true, false, WEFT_PROTOCOL }, 51820 },
		{ "not by a rule for another mark", { AF_INET, 9, 77, 78, true, false, WEFT_PROTOCOL }, 51820 },
	};
	struct scene scene;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		scene_begin(&scene, "0.0.0.0/0", "", 77);
		scene_rule(&scene, (struct weft_rule){ .family = AF_INET, .table = RT_TABLE_LOCAL });
		scene_rule(&scene, rules[i].rule);
		expect_plan(&scene, rules[i].name, true, false, rules[i].table);
	}
	scene_begin(&scene, "0.0.0.0/0", "", 77);
	expect_plan(&scene, "an interface without a rule gets a new table", true, false, 51820);
	scene_begin(&scene, "0.0.0.0/0", "", 0);
	scene_rule(&scene, LEAD(AF_INET, 9, 0));
	expect_plan(&scene, "an interface without a mark gets a new table", true, false, 51820);
	scene_begin(&scene, "0.0.0.0/0", "FwMark = 5\n", 77);
	scene_rule(&scene, LEAD(AF_INET, 9, 77));
	expect_plan(&scene, "the file's mark comes first", true, false, 5);
}

static void test_marks(void)
{
	struct scene scene;

	scene_begin(&scene, "0.0.0.0/0", "FwMark = 252\n", 0);
	expect_plan(&scene, "a mark below the system's tables", true, false, 252);
	scene_begin(&scene, "0.0.0.0/0", "FwMark = 256\n", 0);
	expect_plan(&scene, "a mark above the system's tables", true, false, 256);
	scene_begin(&scene, "10.0.0.0/8", "FwMark = 254\n", 0);
	expect_plan(&scene, "without default routes a mark is no table", false, false, 0);
	scene_begin(&scene, "0.0.0.0/0", "FwMark = 9\n", 0);
	tables.broken = 9;
	expect_refusal(&scene, "a table that cannot be read", "weft: ut0: cannot read routing table 9: it is broken\n");
}

static void test_taken(void)
{
	static const char err[] = "weft: ut0: FwMark is 9, and routing table 9 already has a default route: use another mark\n";
	struct scene scene;

	scene_begin(&scene, "0.0.0.0/0", "FwMark = 9\n", 0);
	tables.first = tables.last = 9;
	tables.family = AF_INET;
	expect_refusal(&scene, "a table with another program's default route", err);
	scene_begin(&scene, "::/0", "FwMark = 9\n", 0);
	tables.first = tables.last = 9;
	tables.family = AF_INET6;
	expect_refusal(&scene, "a table with another program's IPv6 default route", err);
	scene_begin(&scene, "0.0.0.0/0", "FwMark = 9\n", 0);
	tables.first = tables.last = 9;
	tables.family = AF_INET6;
	expect_plan(&scene, "a default route of the other family", true, false, 9);
	scene_begin(&scene, "0.0.0.0/0", "FwMark = 9\n", 0);
	tables.first = tables.last = 9;
	tables.family = AF_INET;
	tables.cidr = 8;
	expect_plan(&scene, "another route", true, false, 9);
	scene_begin(&scene, "0.0.0.0/0", "FwMark = 9\n", 0);
	tables.first = tables.last = 9;
	tables.family = AF_INET;
	tables.special = true;
	expect_plan(&scene, "a default route that is unreachable", true, false, 9);
	scene_begin(&scene, "0.0.0.0/0", "", 0);
	tables.first = tables.last = 51820;
	tables.family = AF_INET;
	tables.special = true;
	expect_plan(&scene, "a free table has no unreachable route either", true, false, 51821);
	scene_begin(&scene, "0.0.0.0/0", "FwMark = 9\n", 0);
	tables.first = tables.last = 9;
	tables.family = AF_INET;
	*weft_host_routes_add(&scene.state.routes) = (struct weft_route){
		.prefix.family = AF_INET, .table = 9, .protocol = WEFT_PROTOCOL,
	};
	expect_plan(&scene, "the interface's own default route", true, false, 9);
}

/* Prints rules, a line each. */
static void expect_rules(const char *name, const struct weft_rules *rules,
			 const char *want)
{
	const struct weft_rule *rule;
	char text[512] = "";
	size_t i;

	for (i = 0; i < rules->count; i++) {
		rule = &rules->items[i];
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "v%d %u to %u%s%s%s\n",
			 rule->family == AF_INET ? 4 : 6, rule->priority, rule->table,
			 rule->invert && rule->mark == rule->table ? " but its mark" : "",
			 rule->no_default ? " no default" : "",
			 rule->protocol == WEFT_PROTOCOL ? "" : " (foreign)");
	}
	test_text(name, text, want);
}

static const struct {
	const char *name;
	struct weft_policy_route policy;
	struct weft_rule have[4];
	const char *want;	/* NULL: no priority is left */
} missing[] = {
	{ "no default routes", { }, { }, "" },
	{ "in front of the main table's", { true, false, 77 }, { },
	  "v4 32765 to 77 but its mark\nv4 32764 to 254 no default\n" },
	{ "both families, each in front of its first",
	  { true, true, 77 }, { { AF_INET, 0, 255 }, { AF_INET, 100, 5 }, { AF_INET6, 200, 5 }, { AF_INET, 300, 5 } },
	  "v4 99 to 77 but its mark\nv4 98 to 254 no default\nv6 199 to 77 but its mark\nv6 198 to 254 no default\n" },
	{ "both rules exist", { true, false, 77 }, { LEAD(AF_INET, 50, 77), PARTNER(AF_INET, 49) }, "" },
	{ "the partner is missing", { true, false, 77 }, { LEAD(AF_INET, 50, 77) }, "v4 49 to 254 no default\n" },
	{ "a partner at another priority", { true, false, 77 }, { LEAD(AF_INET, 50, 77), PARTNER(AF_INET, 48) }, "v4 49 to 254 no default\n" },
	{ "a partner after the rule", { true, false, 77 }, { LEAD(AF_INET, 50, 77), PARTNER(AF_INET, 51) }, "v4 49 to 254 no default\n" },
	{ "a partner of the other family", { true, false, 77 }, { LEAD(AF_INET, 50, 77), PARTNER(AF_INET6, 49) },
	  "v4 49 to 254 no default\n" },
	{ "a partner that is not weft's", { true, false, 77 },
	  { LEAD(AF_INET, 50, 77), { AF_INET, 49, RT_TABLE_MAIN, 0, false, true, FOREIGN } }, "v4 49 to 254 no default\n" },
	{ "a partner that takes default routes", { true, false, 77 },
	  { LEAD(AF_INET, 50, 77), { AF_INET, 49, RT_TABLE_MAIN, 0, false, false, WEFT_PROTOCOL } }, "v4 49 to 254 no default\n" },
	{ "a partner for another table", { true, false, 77 },
	  { LEAD(AF_INET, 50, 77), { AF_INET, 49, RT_TABLE_DEFAULT, 0, false, true, WEFT_PROTOCOL } }, "v4 49 to 254 no default\n" },
	{ "rules of another tunnel", { true, false, 77 }, { LEAD(AF_INET, 50, 78), PARTNER(AF_INET, 49) },
	  "v4 48 to 77 but its mark\nv4 47 to 254 no default\n" },
	{ "one priority left, and two needed", { true, false, 77 }, { { AF_INET, 2, 5 } }, NULL },
	{ "two priorities left", { true, false, 77 }, { { AF_INET, 3, 5 } }, "v4 2 to 77 but its mark\nv4 1 to 254 no default\n" },
	{ "no priority left", { true, false, 77 }, { { AF_INET, 1, 5 } }, NULL },
	{ "no priority left for IPv6", { true, true, 77 }, { { AF_INET6, 1, 5 } }, NULL },
};

static void test_missing(void)
{
	struct weft_rules have, found;
	size_t i, n;
	bool good;

	for (i = 0; i < ARRAY_SIZE(missing); i++) {
		memset(&have, 0, sizeof(have));
		memset(&found, 0, sizeof(found));
		for (n = 0; n < ARRAY_SIZE(missing[i].have) && missing[i].have[n].family; n++)
			*weft_host_rules_add(&have) = missing[i].have[n];
		good = weft_policy_route_missing_rules(&missing[i].policy, &have, &found);
		test_ok(good == !!missing[i].want, missing[i].name);
		if (missing[i].want)
			expect_rules("missing are", &found, missing[i].want);
		weft_host_rules_free(&have);
		weft_host_rules_free(&found);
	}
}

#define STALE4	"v4 49 to 254 no default\nv4 50 to 77 but its mark\n"

/* @route: the route of the interface; its rules are 49 and 50 to 77. */
static const struct {
	const char *name;
	struct weft_policy_route policy;
	struct weft_route route;
	struct weft_rule rules[4];
	const char *want;
} stale[] = {
	{ "no default routes in the file", { }, { { .family = AF_INET }, 77, WEFT_PROTOCOL },
	  { LEAD(AF_INET, 50, 77), PARTNER(AF_INET, 49) }, STALE4 },
	{ "a default route of IPv6 instead", { false, true, 77 }, { { .family = AF_INET }, 77, WEFT_PROTOCOL },
	  { LEAD(AF_INET, 50, 77), PARTNER(AF_INET, 49) }, STALE4 },
	{ "a default route of IPv4 instead", { true, false, 77 }, { { .family = AF_INET6 }, 77, WEFT_PROTOCOL },
	  { LEAD(AF_INET6, 50, 77), PARTNER(AF_INET6, 49) }, "v6 49 to 254 no default\nv6 50 to 77 but its mark\n" },
	{ "another table", { true, true, 78 }, { { .family = AF_INET }, 77, WEFT_PROTOCOL },
	  { LEAD(AF_INET, 50, 77), PARTNER(AF_INET, 49) }, STALE4 },
	{ "all rules stay", { true, false, 77 }, { { .family = AF_INET }, 77, WEFT_PROTOCOL },
	  { LEAD(AF_INET, 50, 77), PARTNER(AF_INET, 49) }, "" },
	{ "a rule without a partner is stale alone", { }, { { .family = AF_INET }, 77, WEFT_PROTOCOL },
	  { LEAD(AF_INET, 50, 77) }, "v4 50 to 77 but its mark\n" },
	{ "the table has no route of the interface", { }, { { .family = AF_INET }, 78, WEFT_PROTOCOL },
	  { LEAD(AF_INET, 50, 77), PARTNER(AF_INET, 49) }, "" },
	{ "the table has no default route of the interface", { }, { { .family = AF_INET, .cidr = 8 }, 77, WEFT_PROTOCOL },
	  { LEAD(AF_INET, 50, 77), PARTNER(AF_INET, 49) }, "" },
	{ "rules of the other family belong to another interface", { }, { { .family = AF_INET }, 77, WEFT_PROTOCOL },
	  { LEAD(AF_INET6, 50, 77), PARTNER(AF_INET6, 49) }, "" },
	{ "rules of the other family, with the route", { true, false, 77 }, { { .family = AF_INET }, 77, WEFT_PROTOCOL },
	  { LEAD(AF_INET6, 50, 77), PARTNER(AF_INET6, 49) }, "" },
	{ "the route is not weft's", { }, { { .family = AF_INET }, 77, FOREIGN },
	  { LEAD(AF_INET, 50, 77), PARTNER(AF_INET, 49) }, "" },
	{ "rules of other programs stay", { }, { { .family = AF_INET }, 77, WEFT_PROTOCOL },
	  { { AF_INET, 50, 77, 77, true, false, FOREIGN }, { AF_INET, 51, 77, 0, false, false, WEFT_PROTOCOL },
	    { AF_INET, 52, 77, 78, true, false, WEFT_PROTOCOL } }, "" },
};

static void test_stale(void)
{
	struct weft_rules found;
	struct scene scene;
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(stale); i++) {
		memset(&found, 0, sizeof(found));
		scene_begin(&scene, "10.0.0.0/8", "", 77);
		*weft_host_routes_add(&scene.state.routes) = stale[i].route;
		for (n = 0; n < ARRAY_SIZE(stale[i].rules) && stale[i].rules[n].family; n++)
			scene_rule(&scene, stale[i].rules[n]);
		test_ok(weft_policy_route_stale_rules(&stale[i].policy, &scene.state, &found),
			stale[i].name);
		expect_rules("stale are", &found, stale[i].want);
		weft_host_rules_free(&found);
		scene_end(&scene);
	}
}

int main(void)
{
	test_families();
	test_tables();
	test_running();
	test_marks();
	test_taken();
	test_missing();
	test_stale();
	return test_end();
}
