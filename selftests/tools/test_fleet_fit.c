// SPDX-License-Identifier: GPL-2.0
/*
 * A model on a machine that cannot take all of it: IPv6 is disabled, or another link has a
 * route. The rest of the model stays, and all of it once the cause is gone.
 *
 *   this node is ant 10.7.0.1/16 fd07::1/64; bee has 10.9.2.0/24 and fd09::/64, cat 10.10.0.0/16
 */
#include <linux/rtnetlink.h>
#include <sodium.h>
#include <string.h>

#include "conf/setting.h"
#include "fleet.h"
#include "fleet/fit.h"
#include "fleet/model.h"
#include "host/host.h"
#include "memory.h"
#include "model/format.h"
#include "support.h"

#define LINK	7	/* of the fleet */
#define OTHER	3

/**
 * struct machine - a fake host
 * @route: the route of another link; NULL: none
 * @protocol: its protocol
 * @metric: its metric
 * @own: the fleet's link has a route to this prefix, too; NULL: none
 * @index: its link
 * @ip6_off: the setting that disables IPv6, or ""
 * @broken: routes cannot be read
 */
static struct machine {
	const char *route;
	unsigned int protocol;
	unsigned int metric;
	const char *own;
	unsigned int index;
	const char *ip6_off;
	bool broken;
} machine;

static struct weft_fleet *fleet;

static void parse(struct weft_allowedip *ip, const char *prefix)
{
	char *copy = strdup(prefix);

	if (!weft_setting_prefix(copy, ip))
		test_bail("a prefix of the test");
	free(copy);
}

static void add_route(struct weft_routes *to, const char *prefix, unsigned int index, unsigned int protocol)
{
	struct weft_route *route = weft_host_routes_add(to);

	if (!route)
		return;
	parse(&route->prefix, prefix);
	route->index = index;
	route->protocol = protocol;
	route->table = RT_TABLE_MAIN;
}

static int read_routes(struct weft_host *host, unsigned int index, __u32 table, struct weft_routes *routes)
{
	(void)index;
	memset(routes, 0, sizeof(*routes));
	if (table != RT_TABLE_MAIN || machine.broken) {
		snprintf(host->error, sizeof(host->error), "it is broken");
		return -1;
	}
	/* The machine's default route, its network, and what the fleet's link has. */
	add_route(routes, "192.0.2.0/24", OTHER, RTPROT_KERNEL);
	add_route(routes, "0.0.0.0/0", OTHER, RTPROT_STATIC);
	if (machine.route)
		add_route(routes, machine.route, machine.index, machine.protocol);
	if (machine.route && routes->count)
		routes->items[routes->count - 1].metric = machine.metric;
	if (machine.own)
		add_route(routes, machine.own, LINK, WEFT_PROTOCOL);
	if (machine.own && routes->count && strchr(machine.own, ':'))
		routes->items[routes->count - 1].metric = 1024;
	return 0;
}

static int read_setting(struct weft_host *host, const char *path, char **text)
{
	(void)host;
	*text = strdup(!strcmp(path, machine.ip6_off) ? "1" : "0");
	return *text ? 0 : -1;
}

static struct weft_host host = { .routes = read_routes, .read = read_setting };

static void begin(void)
{
	struct fleet_text text = { };
	struct weft_merge merge = { };

	fleet = fleet_new("A");
	fleet_terms(&text, 'A', 1, "A", "");
	fleet_node(&text, 'A', "ant", 1, 1, 'a', "10.7.0.1/16\",\"fd07::1", "");
	fleet_node(&text, 'A', "bee", 1, 1, 'b', "10.7.0.2", ",\"prefixes\":[\"10.9.2.0/24\",\"fd09::/64\"]");
	fleet_node(&text, 'A', "cat", 1, 1, 'c', "10.7.0.3", ",\"prefixes\":[\"10.10.0.0/16\"]");
	fleet_hello(&text, 'b', "bee", 1, 1, 'u', "");
	fleet_hello(&text, 'c', "cat", 1, 1, 'v', "");
	if (!weft_fleet_merge(fleet, text.chars, text.len, &merge) || merge.refused_count)
		test_bail("the test's own records are refused");
	weft_merge_free(&merge);
	fleet_clear(&text);
}

static void describe(FILE *out, const struct weft_fleet_model *model)
{
	const struct weft_routes *addresses = &model->profile->addresses;
	const struct weft_allowedip *ip;
	const struct weft_peer *peer;
	size_t i;

	fputs("ant", out);
	for (i = 0; i < addresses->count; i++)
		fprintf(out, " %s", weft_format_address(&addresses->items[i].prefix).chars);
	for (peer = model->profile->dev->peers; peer; peer = peer->next) {
		fprintf(out, ", %s", peer->name);
		for (ip = peer->allowedips; ip; ip = ip->next)
			fprintf(out, " %s/%u", weft_format_address(ip).chars, ip->cidr);
	}
	for (i = 0; i < model->problems.count; i++)
		fprintf(out, "\n%s", model->problems.items[i].text);
}

/* The model on the machine, its problems, and "failed" or "whole". */
static const char *fit(void)
{
	const struct weft_fleet_own own = { .node = "ant" };
	static char outcome[4096];
	struct weft_fleet_model model;
	struct weft_refusal why;
	struct test_bench bench;
	bool left_out, good;
	FILE *out;

	if (!weft_fleet_model(fleet, &own, &model, &why))
		test_bail(why.text);
	test_bench_start(&bench, "");
	bench.ctx.host = &host;
	good = weft_fit(&bench.ctx, &model, LINK, &left_out);
	test_bench_flush(&bench);
	out = fmemopen(outcome, sizeof(outcome), "w");
	if (good)
		describe(out, &model);
	else
		fprintf(out, "failed: %s", bench.err);
	fputs(good && !left_out ? "\nwhole" : "", out);
	fclose(out);
	test_bench_end(&bench);
	weft_fleet_model_free(&model);
	return outcome;
}

#define ANT	"ant 10.7.0.1 fd07::1"
#define BEE	", bee 10.7.0.2/32 10.9.2.0/24 fd09::/64"
#define CAT	", cat 10.7.0.3/32 10.10.0.0/16"
#define WHOLE	ANT BEE CAT "\nwhole"

static void on(const char *name, const char *route, unsigned int index, unsigned int protocol, const char *want)
{
	machine = (struct machine){ .route = route, .index = index, .protocol = protocol, .ip6_off = "" };
	test_text(name, fit(), want);
}

/* A route of another link, and perhaps one of the fleet's, to the same prefix. */
static void beside(const char *name, const char *route, unsigned int protocol, unsigned int metric, bool own,
		   const char *want)
{
	machine = (struct machine){
		.route = route, .index = OTHER, .protocol = protocol, .metric = metric,
		.own = own ? route : NULL, .ip6_off = "",
	};
	test_text(name, fit(), want);
}

static void check_metrics(void)
{
	beside("a backup route", "10.9.2.0/24", RTPROT_STATIC, 1, false, WHOLE);
	beside("a backup route of IPv6", "fd09::/64", RTPROT_STATIC, 1025, false, WHOLE);
	beside("an equal route of IPv6", "fd09::/64", RTPROT_STATIC, 1024, false,
	       ANT ", bee 10.7.0.2/32 10.9.2.0/24" CAT
	       "\nprefix fd09::/64 of node bee is left out: this machine has another route to fd09::/64");
	beside("a network that turns up", "10.9.2.0/24", RTPROT_KERNEL, 0, true, WHOLE);
	beside("... with a metric", "10.9.2.0/24", RTPROT_KERNEL, 100, true, WHOLE);
	beside("... where none was", "10.9.2.0/24", RTPROT_KERNEL, 100, false,
	       ANT ", bee 10.7.0.2/32 fd09::/64" CAT
	       "\nprefix 10.9.2.0/24 of node bee is left out: this machine has the network 10.9.2.0/24");
	beside("a network whose route counts", "fd09::/64", RTPROT_KERNEL, 256, true,
	       ANT ", bee 10.7.0.2/32 10.9.2.0/24" CAT
	       "\nprefix fd09::/64 of node bee is left out: this machine has the network fd09::/64");
}

static void check_routes(void)
{
	on("a machine that takes all", NULL, 0, 0, WHOLE);
	on("the network of another link", "10.10.0.0/16", OTHER, RTPROT_KERNEL,
	   ANT BEE ", cat 10.7.0.3/32\nprefix 10.10.0.0/16 of node cat is left out: this machine has the network 10.10.0.0/16");
	on("a network around a prefix", "10.9.0.0/16", OTHER, RTPROT_KERNEL, WHOLE);
	on("a network around everything", "10.0.0.0/7", OTHER, RTPROT_KERNEL, WHOLE);
	on("a route to the same prefix", "10.9.2.0/24", OTHER, RTPROT_STATIC,
	   ANT ", bee 10.7.0.2/32 fd09::/64" CAT
	   "\nprefix 10.9.2.0/24 of node bee is left out: this machine has another route to 10.9.2.0/24");
	on("a route of another tunnel", "10.9.2.0/24", OTHER, WEFT_PROTOCOL,
	   ANT ", bee 10.7.0.2/32 fd09::/64" CAT
	   "\nprefix 10.9.2.0/24 of node bee is left out: this machine has another route to 10.9.2.0/24");
	on("IPv6, too", "fd09::/64", OTHER, RTPROT_KERNEL,
	   ANT ", bee 10.7.0.2/32 10.9.2.0/24" CAT
	   "\nprefix fd09::/64 of node bee is left out: this machine has the network fd09::/64");
	on("a route around a prefix is the less special one", "10.9.0.0/16", OTHER, RTPROT_STATIC, WHOLE);
	on("a network inside a prefix", "10.10.3.0/24", OTHER, RTPROT_KERNEL, WHOLE);
	on("the network of the node's own address needs no route", "10.7.0.0/16", OTHER, RTPROT_KERNEL, WHOLE);
	on("the fleet's own link", "10.10.0.0/16", LINK, RTPROT_KERNEL, WHOLE);
	check_metrics();
	on("the cause is gone", NULL, 0, 0, WHOLE);
	machine.broken = true;
	test_text("routes that cannot be read", fit(), "failed: weft: prod: cannot read the routes: it is broken\n");
}

static void check_ip6(void)
{
	machine = (struct machine){ .ip6_off = "/proc/sys/net/ipv6/conf/prod/disable_ipv6" };
	test_text("IPv6 is disabled", fit(),
		  "ant 10.7.0.1, bee 10.7.0.2/32 10.9.2.0/24" CAT
		  "\nthis machine disables IPv6 by /proc/sys/net/ipv6/conf/prod/disable_ipv6: 1 of its own addresses and 1 addresses and prefixes of peers are left out");
	machine.ip6_off = "";
	test_text("... and enabled again", fit(), WHOLE);
}

/* A failed allocation is a complaint, or leaves the model as it is. */
static bool fit_once(const void *data)
{
	const struct weft_fleet_own own = { .node = "ant" };
	struct weft_fleet_model model;
	struct weft_refusal why;
	struct test_bench bench;
	bool left_out, good;

	(void)data;
	test_memory_spare();
	test_bench_start(&bench, "");
	bench.ctx.host = &host;
	if (!weft_fleet_model(fleet, &own, &model, &why))
		test_bail(why.text);
	test_memory_spare_end();
	good = weft_fit(&bench.ctx, &model, LINK, &left_out);
	test_memory_spare();
	test_bench_flush(&bench);
	good = good ? left_out || test_memory_failed() : test_memory_failed() && *bench.err;
	weft_fleet_model_free(&model);
	test_bench_end(&bench);
	test_memory_spare_end();
	return good;
}

int main(void)
{
	if (sodium_init() < 0)
		test_bail("no libsodium");
	begin();
	check_routes();
	check_ip6();
	machine = (struct machine){
		.route = "10.10.0.0/16", .index = OTHER, .protocol = RTPROT_KERNEL,
		.ip6_off = "/proc/sys/net/ipv6/conf/prod/disable_ipv6",
	};
	test_memory_each("each allocation failing", fit_once, NULL);
	weft_fleet_free(fleet);
	return test_end();
}
