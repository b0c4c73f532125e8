// SPDX-License-Identifier: GPL-2.0
/*
 * up, in a world of paper: what it makes of the world, and that the world is
 * as it was whichever of the steps fails.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "network.h"
#include "profile.h"
#include "support.h"
#include "text.h"
#include "up.h"

#define WORLD_FILES_MAX	8

/**
 * struct world - a machine
 * @bench: the context; devices[0] is the interface
 * @network: the machine's ways
 * @link: the interface's link
 * @addresses: its addresses
 * @routes: its routes
 * @rules: the machine's rules
 * @paths: settings that have been written
 * @texts: what is in them
 * @nft: nft's table, "" for none
 * @dns: what resolvconf has, "" for nothing
 * @hooks: what hooks were run, a line each
 * @steps: how often something was changed
 * @fail_at: which of these fails, 0 for none
 */
static struct world {
	struct test_bench bench;
	struct weft_network network;
	struct weft_network_link link;
	struct weft_routes addresses;
	struct weft_routes routes;
	struct weft_rules rules;
	char *paths[WORLD_FILES_MAX];
	char *texts[WORLD_FILES_MAX];
	char *nft;
	char *dns;
	char hooks[256];
	unsigned int steps;
	unsigned int fail_at;
} world;

static const char *world_fault(char *error, size_t size)
{
	if (++world.steps != world.fail_at)
		return NULL;
	snprintf(error, size, "it is broken");
	return error;
}

static void world_replace(char **text, const char *with)
{
	free(*text);
	*text = strdup(with);
}

static int world_link(struct weft_network *network, const char *name,
		      struct weft_network_link *link)
{
	(void)network;
	(void)name;
	*link = world.link;
	return 0;
}

static void world_copy_routes(struct weft_routes *to,
			      const struct weft_routes *from)
{
	size_t i;

	memset(to, 0, sizeof(*to));
	for (i = 0; i < from->count; i++)
		*weft_network_routes_add(to) = from->items[i];
}

static int world_addresses(struct weft_network *network, unsigned int index,
			   struct weft_routes *addresses)
{
	(void)network;
	(void)index;
	world_copy_routes(addresses, &world.addresses);
	return 0;
}

static int world_routes(struct weft_network *network, unsigned int index,
			__u32 table, struct weft_routes *routes)
{
	(void)network;
	memset(routes, 0, sizeof(*routes));
	if (index)
		world_copy_routes(routes, &world.routes);
	/* Someone else has the first table that is tried. */
	else if (table == 51820)
		weft_network_routes_add(routes);
	return 0;
}

static int world_rules(struct weft_network *network, struct weft_rules *rules)
{
	size_t i;

	(void)network;
	memset(rules, 0, sizeof(*rules));
	for (i = 0; i < world.rules.count; i++)
		*weft_network_rules_add(rules) = world.rules.items[i];
	return 0;
}

static int world_path_mtu(struct weft_network *network,
			  const union weft_endpoint *to, __u32 mark,
			  unsigned int *mtu)
{
	(void)network;
	(void)mark;
	*mtu = to ? 1480 : 1500;
	return 0;
}

static int world_file(const char *path)
{
	int i;

	for (i = 0; i < WORLD_FILES_MAX && world.paths[i]; i++)
		if (!strcmp(world.paths[i], path))
			return i;
	world.paths[i] = strdup(path);
	world.texts[i] = strdup("0");
	return i;
}

static int world_read(struct weft_network *network, const char *path,
		      char **text)
{
	(void)network;
	if (strstr(path, "force_forwarding"))
		return -ENOENT;
	*text = strdup(world.texts[world_file(path)]);
	return 0;
}

static int world_run(struct weft_network *network,
		     const struct weft_program *program, char **output)
{
	(void)network;
	if (!strcmp(program->words[1], "-j")) {
		*output = strdup("{}");
		return 0;
	}
	if (!*world.nft)
		return -EIO;
	*output = strdup(world.nft);
	return 0;
}

static void world_add_route(struct weft_routes *routes,
			    const struct weft_route *route)
{
	*weft_network_routes_add(routes) = *route;
}

static bool world_delete_route(struct weft_routes *routes,
			       const struct weft_route *route)
{
	size_t i;

	for (i = 0; i < routes->count; i++) {
		if (routes->items[i].table != route->table ||
		    weft_model_allowedip_compare(&routes->items[i].prefix,
						 &route->prefix))
			continue;
		routes->items[i] = routes->items[--routes->count];
		return true;
	}
	return false;
}

static bool world_delete_rule(const struct weft_rule *rule)
{
	size_t i;

	for (i = 0; i < world.rules.count; i++) {
		if (world.rules.items[i].priority != rule->priority ||
		    world.rules.items[i].family != rule->family)
			continue;
		world.rules.items[i] = world.rules.items[--world.rules.count];
		return true;
	}
	return false;
}

static void world_nft(const char *input)
{
	const char *body = strchr(strchr(input, '\n') + 1, '\n') + 1;

	world_replace(&world.nft, body);
}

static bool world_program(const struct weft_program *program)
{
	if (!strcmp(program->words[0], "nft"))
		world_nft(program->input);
	else if (!strcmp(program->words[0], "resolvconf"))
		world_replace(&world.dns, program->input ? program->input : "");
	else if (!strcmp(program->words[0], "bash"))
		snprintf(world.hooks + strlen(world.hooks),
			 sizeof(world.hooks) - strlen(world.hooks), "%s\n",
			 program->words[2]);
	return true;
}

static bool world_unlink(void)
{
	weft_network_routes_free(&world.addresses);
	weft_network_routes_free(&world.routes);
	memset(&world.link, 0, sizeof(world.link));
	weft_model_device_free(world.bench.devices[0]);
	world.bench.devices[0] = NULL;
	return true;
}

static bool world_add_link(const struct weft_change *change)
{
	world.link = (struct weft_network_link){
		.index = 5, .kind = change->link_kind, .mtu = 1420,
	};
	world.bench.devices[0] = test_device(change->dev, change->link_kind, "");
	return true;
}

static bool world_write(const struct weft_change *change)
{
	world_replace(&world.texts[world_file(change->path)], change->text);
	return true;
}

static bool world_apply(const struct weft_change *change)
{
	switch (change->kind) {
	case WEFT_CHANGE_LINK_ADD:
		return world_add_link(change);
	case WEFT_CHANGE_LINK_DELETE:
		return world_unlink();
	case WEFT_CHANGE_LINK_MTU:
		world.link.mtu = change->mtu;
		return true;
	case WEFT_CHANGE_LINK_UP:
	case WEFT_CHANGE_LINK_DOWN:
		world.link.up = change->kind == WEFT_CHANGE_LINK_UP;
		return true;
	case WEFT_CHANGE_ADDRESS_ADD:
		world_add_route(&world.addresses, &change->route);
		return true;
	case WEFT_CHANGE_ADDRESS_DELETE:
		return world_delete_route(&world.addresses, &change->route);
	case WEFT_CHANGE_ROUTE_ADD:
		world_add_route(&world.routes, &change->route);
		return true;
	case WEFT_CHANGE_ROUTE_DELETE:
		return world_delete_route(&world.routes, &change->route);
	case WEFT_CHANGE_RULE_ADD:
		*weft_network_rules_add(&world.rules) = change->rule;
		return true;
	case WEFT_CHANGE_RULE_DELETE:
		return world_delete_rule(&change->rule);
	case WEFT_CHANGE_FILE:
		return world_write(change);
	case WEFT_CHANGE_PROGRAM:
		return world_program(&change->program);
	}
	return false;
}

static int world_change(struct weft_network *network,
			const struct weft_change *change)
{
	if (world_fault(network->error, sizeof(network->error)))
		return -EIO;
	if (world_apply(change))
		return 0;
	snprintf(network->error, sizeof(network->error), "it is not there");
	return -EIO;
}

static void world_set_prefix(struct weft_peer *peer,
			     const struct weft_allowedip *change)
{
	struct weft_allowedip masked = *change, *ip;

	weft_model_allowedip_mask(&masked);
	for (ip = peer->allowedips; ip; ip = ip->next)
		ip->drop |= !weft_model_allowedip_compare(ip, &masked);
	weft_model_allowedips_prune(peer);
	if (change->remove)
		return;
	ip = weft_model_allowedip_add(peer);
	ip->family = masked.family;
	ip->cidr = masked.cidr;
	ip->ip6 = masked.ip6;
}

static void world_set_prefixes(struct weft_peer *peer,
			       const struct weft_peer *change)
{
	const struct weft_allowedip *ip;
	struct weft_allowedip *old;

	for (old = peer->allowedips; old; old = old->next)
		old->drop = change->has & WEFT_PEER_REPLACE_ALLOWEDIPS;
	weft_model_allowedips_prune(peer);
	for (ip = change->allowedips; ip; ip = ip->next)
		world_set_prefix(peer, ip);
}

static void world_set_peer(struct weft_device *dev,
			   const struct weft_peer *change)
{
	struct weft_peer *peer;

	for (peer = dev->peers; peer; peer = peer->next)
		if (weft_key_equal(&peer->public_key, &change->public_key))
			break;
	if (!peer && !(change->has & WEFT_PEER_UPDATE_ONLY)) {
		peer = weft_model_peer_add(dev);
		peer->public_key = change->public_key;
		peer->has = WEFT_PEER_HAS_PUBLIC_KEY | WEFT_PEER_HAS_KEEPALIVE;
	}
	if (!peer)
		return;
	peer->drop = change->has & WEFT_PEER_REMOVE;
	if (change->has & WEFT_PEER_HAS_KEEPALIVE)
		peer->keepalive = change->keepalive;
	if (change->endpoint.any.sa_family != AF_UNSPEC)
		peer->endpoint = change->endpoint;
	world_set_prefixes(peer, change);
}

static int world_set(struct weft_backend *backend,
		     const struct weft_device *change)
{
	struct weft_device *dev = world.bench.devices[0];
	const struct weft_peer *peer;

	if (world_fault(backend->error, sizeof(backend->error)))
		return -EIO;
	if (change->has & WEFT_DEVICE_HAS_FWMARK)
		dev->fwmark = change->fwmark;
	if (change->has & WEFT_DEVICE_HAS_PMTU)
		dev->pmtu = change->pmtu;
	if (change->has & WEFT_DEVICE_HAS_DSCP)
		dev->dscp = change->dscp;
	dev->known = WEFT_VALUE_BIT(WEFT_DEVICE_A_PMTU) |
		     WEFT_VALUE_BIT(WEFT_DEVICE_A_DSCP);
	if (change->has & WEFT_DEVICE_HAS_PRIVATE_KEY)
		dev->private_key = change->private_key;
	if (change->has & WEFT_DEVICE_HAS_LISTEN_PORT)
		dev->listen_port = change->listen_port;
	for (peer = change->peers; peer; peer = peer->next)
		world_set_peer(dev, peer);
	weft_model_peers_prune(dev);
	return 0;
}

static void world_begin(void)
{
	memset(&world, 0, sizeof(world));
	test_bench_start(&world.bench, "");
	world.bench.backend.set = world_set;
	world.network = (struct weft_network){
		.link = world_link, .addresses = world_addresses,
		.routes = world_routes, .rules = world_rules,
		.path_mtu = world_path_mtu, .read = world_read,
		.run = world_run, .change = world_change,
	};
	world.bench.ctx.network = &world.network;
	world.nft = strdup("");
	world.dns = strdup("");
}

static void world_end(void)
{
	int i;

	weft_network_routes_free(&world.addresses);
	weft_network_routes_free(&world.routes);
	weft_network_rules_free(&world.rules);
	for (i = 0; i < WORLD_FILES_MAX; i++) {
		free(world.paths[i]);
		free(world.texts[i]);
	}
	free(world.nft);
	free(world.dns);
	test_bench_end(&world.bench);
}

static int world_compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void world_print_routes(FILE *out, const char *what,
			       const struct weft_routes *routes)
{
	char **lines = calloc(routes->count + 1, sizeof(*lines));
	const struct weft_route *route;
	size_t i;

	for (i = 0; i < routes->count; i++) {
		route = &routes->items[i];
		if (asprintf(&lines[i], "%s %s/%u table %u\n", what,
			     weft_text_address(&route->prefix).chars,
			     route->prefix.cidr, route->table) < 0)
			lines[i] = NULL;
	}
	qsort(lines, routes->count, sizeof(*lines), world_compare_lines);
	for (i = 0; i < routes->count; i++) {
		fputs(lines[i], out);
		free(lines[i]);
	}
	free(lines);
}

static void world_print_rules(FILE *out)
{
	const struct weft_rule *rule;
	unsigned int bits = 0;
	size_t i;

	/* Their order here says nothing; by priority there are few. */
	for (bits = 0; bits < 4; bits++) {
		for (i = 0; i < world.rules.count; i++) {
			rule = &world.rules.items[i];
			if ((rule->family == AF_INET6) != (bits >> 1) ||
			    rule->invert != (bits & 1))
				continue;
			fprintf(out, "rule %s %u table %u mark %u%s%s\n",
				rule->family == AF_INET ? "v4" : "v6",
				rule->priority, rule->table, rule->mark,
				rule->invert ? " not" : "",
				rule->no_default ? " no default" : "");
		}
	}
}

static void world_print_peer(FILE *out, const struct weft_peer *peer)
{
	const struct weft_allowedip *ip;
	struct weft_routes prefixes = { };

	fprintf(out, "peer %c keepalive %u\n", peer->public_key.bytes[0],
		peer->keepalive);
	for (ip = peer->allowedips; ip; ip = ip->next)
		weft_network_routes_add(&prefixes)->prefix = *ip;
	world_print_routes(out, "allowed", &prefixes);
	weft_network_routes_free(&prefixes);
}

static char *world_text(void)
{
	const struct weft_device *dev = world.bench.devices[0];
	const struct weft_peer *peer;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int i;

	fprintf(out, "link %u kind %d mtu %u %s\n", world.link.index,
		world.link.kind, world.link.mtu, world.link.up ? "up" : "down");
	if (dev)
		fprintf(out, "port %u mark %u key %c\n", dev->listen_port,
			dev->fwmark, dev->private_key.bytes[0] ?: '0');
	/* What "up" does unless it is told not to. */
	if (dev && (!dev->pmtu || dev->dscp != WEFT_DSCP_OFF))
		fprintf(out, "pmtu %u dscp %u\n", dev->pmtu, dev->dscp);
	for (peer = dev ? dev->peers : NULL; peer; peer = peer->next)
		world_print_peer(out, peer);
	world_print_routes(out, "address", &world.addresses);
	world_print_routes(out, "route", &world.routes);
	world_print_rules(out);
	for (i = 0; i < WORLD_FILES_MAX && world.paths[i]; i++)
		if (strcmp(world.texts[i], "0"))
			fprintf(out, "%s %s\n", world.paths[i], world.texts[i]);
	fprintf(out, "nft:\n%sdns:\n%s", world.nft, world.dns);
	fclose(out);
	return text;
}

static bool world_up(const char *conf)
{
	struct weft_profile *profile;
	char *text = strdup(conf);
	bool good = false;

	profile = weft_profile_parse(&world.bench.ctx, "ut0.conf", text, "ut0");
	if (profile)
		good = weft_up(&world.bench.ctx, profile);
	weft_profile_free(profile);
	free(text);
	test_bench_flush(&world.bench);
	return good;
}

static bool world_down(const char *conf)
{
	struct weft_profile *profile;
	char *text = strdup(conf);
	bool good = false;

	profile = weft_profile_parse(&world.bench.ctx, "ut0.conf", text, "ut0");
	if (profile)
		good = weft_down(&world.bench.ctx, profile);
	weft_profile_free(profile);
	free(text);
	test_bench_flush(&world.bench);
	return good;
}

#define PLAIN	"[Interface]\nPrivateKey = " KEY_P "\nListenPort = 7\nAddress = 10.0.0.1/24, fd00::1/64\n"
#define PEER_A	"[Peer]\nPublicKey = " KEY_A "\nEndpoint = 192.0.2.1:7\n"
#define PEER_B	"[Peer]\nPublicKey = " KEY_B "\n"
#define LINK	"link 5 kind 1 mtu 1400 up\n"

/**
 * struct up_case - one way to come up
 * @name: what it is about
 * @before: the file that was up before, NULL for none
 * @conf: the file
 * @after: the world then
 */
static const struct up_case {
	const char *name;
	const char *before;
	const char *conf;
	const char *after;
} cases[] = {
	{
		.name = "a link, addresses, and a route that they do not bring",
		.conf = PLAIN PEER_A "AllowedIPs = 10.0.0.2/32, 10.1.2.3/16, fd00::2\n",
		.after = LINK "port 7 mark 0 key P\npeer A keepalive 0\n"
			 "allowed 10.0.0.2/32 table 0\nallowed 10.1.0.0/16 table 0\nallowed fd00::2/128 table 0\n"
			 "address 10.0.0.1/24 table 0\naddress fd00::1/64 table 0\nroute 10.1.0.0/16 table 254\nnft:\ndns:\n",
	}, {
		.name = "default routes",
		.conf = PLAIN "DNS = 10.0.0.53, example.org\nForwarding = on\n" PEER_A "AllowedIPs = 0.0.0.0/0, ::/0\n",
		.after = LINK "port 7 mark 51821 key P\npeer A keepalive 0\nallowed 0.0.0.0/0 table 0\nallowed ::/0 table 0\n"
			 "address 10.0.0.1/24 table 0\naddress fd00::1/64 table 0\n"
			 "route 0.0.0.0/0 table 51821\nroute ::/0 table 51821\n"
			 "rule v4 32764 table 254 mark 0 no default\nrule v4 32765 table 51821 mark 51821 not\n"
			 "rule v6 32764 table 254 mark 0 no default\nrule v6 32765 table 51821 mark 51821 not\n"
			 "/proc/sys/net/ipv4/conf/all/src_valid_mark 1\n/proc/sys/net/ipv4/conf/ut0/forwarding 1\n/proc/sys/net/ipv6/conf/ut0/forwarding 1\n"
			 "nft:\ntable inet weft-ut0 {\n\tchain preraw {\n\t\ttype filter hook prerouting priority -300;\n"
			 "\t\tiifname != \"ut0\" ip daddr 10.0.0.1 fib saddr type != local drop\n"
			 "\t\tiifname != \"ut0\" ip6 daddr fd00::1 fib saddr type != local drop\n\t}\n"
			 "\tchain postmangle {\n\t\ttype filter hook postrouting priority -150;\n"
			 "\t\tmeta nfproto ipv4 meta l4proto udp meta mark 51821 ct mark set mark\n"
			 "\t\tmeta nfproto ipv6 meta l4proto udp meta mark 51821 ct mark set mark\n\t}\n"
			 "\tchain premangle {\n\t\ttype filter hook prerouting priority -150;\n"
			 "\t\tmeta nfproto ipv4 meta l4proto udp meta mark set ct mark\n"
			 "\t\tmeta nfproto ipv6 meta l4proto udp meta mark set ct mark\n\t}\n}\n"
			 "dns:\nnameserver 10.0.0.53\nsearch example.org\n",
	}, {
		.name = "a mark and a table of the file's own, an MTU, no routes",
		.conf = PLAIN "FwMark = 9\nMTU = 1500\nTable = off\n" PEER_A "AllowedIPs = 0.0.0.0/0\n",
		.after = "link 5 kind 1 mtu 1500 up\nport 7 mark 9 key P\npeer A keepalive 0\nallowed 0.0.0.0/0 table 0\n"
			 "address 10.0.0.1/24 table 0\naddress fd00::1/64 table 0\nnft:\ndns:\n",
	}, {
		.name = "fragments on the way, and a DSCP",
		.conf = PLAIN "PMTU = off\nDSCP = 10\n" PEER_A,
		.after = LINK "port 7 mark 0 key P\npmtu 0 dscp 10\npeer A keepalive 0\n"
			 "address 10.0.0.1/24 table 0\naddress fd00::1/64 table 0\nnft:\ndns:\n",
	}, {
		.name = "back to no fragments on the way, and no DSCP",
		.before = PLAIN "PMTU = off\nDSCP = inherit\n" PEER_A,
		.conf = PLAIN PEER_A,
		.after = LINK "port 7 mark 0 key P\npeer A keepalive 0\n"
			 "address 10.0.0.1/24 table 0\naddress fd00::1/64 table 0\nnft:\ndns:\n",
	}, {
		.name = "everything into one table, twice the same",
		.conf = PLAIN "Table = 5\n" PEER_A "AllowedIPs = 0.0.0.0/0, 10.0.0.0/24\nAllowedIPs = 10.0.0.9/24\n",
		.after = LINK "port 7 mark 0 key P\npeer A keepalive 0\nallowed 0.0.0.0/0 table 0\nallowed 10.0.0.0/24 table 0\n"
			 "address 10.0.0.1/24 table 0\naddress fd00::1/64 table 0\n"
			 "route 0.0.0.0/0 table 5\nroute 10.0.0.0/24 table 5\nnft:\ndns:\n",
	}, {
		.name = "from one default route to plain routes, other addresses and peers",
		.before = PLAIN PEER_A "AllowedIPs = 0.0.0.0/0, 10.1.0.0/16\n",
		.conf = "[Interface]\nPrivateKey = " KEY_P "\nListenPort = 8\nAddress = 10.0.0.9/24, fd00::1/128\nMTU = 1300\n"
			PEER_A "PersistentKeepalive = 5\nAllowedIPs = 10.2.0.0/16\n" PEER_B "AllowedIPs = 10.3.0.0/16\n",
		.after = "link 5 kind 1 mtu 1300 up\nport 8 mark 0 key P\npeer A keepalive 5\nallowed 10.2.0.0/16 table 0\n"
			 "peer B keepalive 0\nallowed 10.3.0.0/16 table 0\n"
			 "address 10.0.0.9/24 table 0\naddress fd00::1/128 table 0\n"
			 "route 10.2.0.0/16 table 254\nroute 10.3.0.0/16 table 254\n"
			 "/proc/sys/net/ipv4/conf/all/src_valid_mark 1\n/proc/sys/net/ipv4/conf/ut0/promote_secondaries 1\nnft:\ndns:\n",
	}, {
		.name = "a key that the file does not have stays",
		.before = PLAIN PEER_A,
		.conf = "[Interface]\nListenPort = 7\nAddress = 10.0.0.1/24\n" PEER_A,
		.after = LINK "port 7 mark 0 key P\npeer A keepalive 0\naddress 10.0.0.1/24 table 0\n"
			 "/proc/sys/net/ipv4/conf/ut0/promote_secondaries 1\nnft:\ndns:\n",
	}, {
		.name = "to default routes, with another mark, and back to a greater MTU",
		.before = PLAIN "FwMark = 3\nMTU = 1300\n" PEER_A "AllowedIPs = 0.0.0.0/0\n" PEER_B,
		.conf = PLAIN "FwMark = 4\n" PEER_A "AllowedIPs = ::/0\n",
		.after = LINK "port 7 mark 4 key P\npeer A keepalive 0\nallowed ::/0 table 0\n"
			 "address 10.0.0.1/24 table 0\naddress fd00::1/64 table 0\nroute ::/0 table 4\n"
			 "rule v6 32764 table 254 mark 0 no default\nrule v6 32765 table 4 mark 4 not\n"
			 "/proc/sys/net/ipv4/conf/all/src_valid_mark 1\n"
			 "nft:\ntable inet weft-ut0 {\n\tchain preraw {\n\t\ttype filter hook prerouting priority -300;\n"
			 "\t\tiifname != \"ut0\" ip6 daddr fd00::1 fib saddr type != local drop\n\t}\n"
			 "\tchain postmangle {\n\t\ttype filter hook postrouting priority -150;\n"
			 "\t\tmeta nfproto ipv6 meta l4proto udp meta mark 4 ct mark set mark\n\t}\n"
			 "\tchain premangle {\n\t\ttype filter hook prerouting priority -150;\n"
			 "\t\tmeta nfproto ipv6 meta l4proto udp meta mark set ct mark\n\t}\n}\ndns:\n",
	},
};

static bool test_before(const struct up_case *test)
{
	world_begin();
	return !test->before || world_up(test->before);
}

/* With step number @fail_at failing; false once there is no such step. */
static bool test_failure(const struct up_case *test, unsigned int fail_at)
{
	char *before, *after, name[256];
	bool failed = false;

	test_before(test);
	before = world_text();
	world.steps = 0;
	world.fail_at = fail_at;
	if (!world_up(test->conf)) {
		failed = true;
		after = world_text();
		snprintf(name, sizeof(name), "%s: step %u fails, and all is undone",
			 test->name, fail_at);
		test_text(name, after, before);
		snprintf(name, sizeof(name), "%s: step %u is named once", test->name, fail_at);
		test_ok(strstr(world.bench.err, "weft: ut0: cannot ") &&
			strstr(world.bench.err, ": it is broken\nweft: ut0: everything done before that is undone\n") &&
			!strstr(world.bench.err, "undo: "), name);
		free(after);
	}
	free(before);
	world_end();
	return failed;
}

static void test_case(const struct up_case *test)
{
	unsigned int fail_at = 0, steps;
	char *after, name[256];

	snprintf(name, sizeof(name), "%s: comes up", test->name);
	test_ok(test_before(test), name);
	world.steps = 0;
	test_ok(world_up(test->conf), name);
	after = world_text();
	test_text(name, after, test->after);
	free(after);
	steps = world.steps;
	world.steps = 0;
	/* But resolvconf is told again, which cannot be asked what it knows. */
	snprintf(name, sizeof(name), "%s: a second time nothing is done", test->name);
	test_ok(world_up(test->conf) && world.steps == !!*world.dns, name);
	after = world_text();
	test_text(name, after, test->after);
	free(after);
	snprintf(name, sizeof(name), "%s: goes down", test->name);
	test_ok(world_down(test->conf), name);
	test_ok(!world.link.index && !world.rules.count && !*world.nft &&
		!*world.dns, name);
	test_ok(!world_down(test->conf), "and only once");
	world_end();
	while (test_failure(test, ++fail_at))
		;
	snprintf(name, sizeof(name), "%s: each of %u steps failed once", test->name, steps);
	test_ok(fail_at == steps + 1 && steps, name);
}

#define HOOKS	"PreUp = a %i\nPreUp = b\nPostUp = c %i%i\nPreDown = d 100%\nPostDown = e\n"

/* Which step fails, and what hooks have run then. */
static const struct {
	const char *name;
	unsigned int fail_at;
	const char *hooks;
	const char *err;
} hooks[] = {
	{ "none", 0, "a ut0\nb\nc ut0ut0\n", "" },
	{ "the second PreUp", 2, "a ut0\ne\n",
	  "weft: ut0.conf:6: PreUp: ut0: it is broken\nweft: ut0: everything done before that is undone\n" },
	{ "the link", 3, "a ut0\nb\ne\n",
	  "weft: ut0: cannot create the link of kind weft: it is broken\nweft: ut0: everything done before that is undone\n" },
	{ "PostUp", 9, "a ut0\nb\nd 100%\ne\n",
	  "weft: ut0.conf:7: PostUp: ut0: it is broken\nweft: ut0: everything done before that is undone\n" },
};

static void test_hooks(void)
{
	char name[128], *nothing, *after;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hooks); i++) {
		world_begin();
		nothing = world_text();
		world.fail_at = hooks[i].fail_at;
		snprintf(name, sizeof(name), "hooks: %s fails", hooks[i].name);
		test_ok(world_up(PLAIN HOOKS PEER_A) == !hooks[i].fail_at,
			name);
		test_text(name, world.hooks, hooks[i].hooks);
		test_text(name, world.bench.err, hooks[i].err);
		after = world_text();
		test_ok(!strcmp(after, nothing) == !!hooks[i].fail_at, name);
		free(after);
		free(nothing);
		world_end();
	}
}

/* One that runs has hooks behind it; and a PreDown can keep it. */
static void test_hooks_later(void)
{
	world_begin();
	test_ok(world_up(PLAIN HOOKS PEER_A) && world_up(PLAIN HOOKS PEER_A),
		"hooks: up twice");
	test_text("hooks: once", world.hooks, hooks[0].hooks);
	world.steps = 0;
	world.fail_at = 1;
	test_ok(!world_down(PLAIN HOOKS PEER_A), "hooks: PreDown fails");
	test_ok(world.link.up, "hooks: and the interface stays");
	world.hooks[0] = '\0';
	test_ok(world_down(PLAIN HOOKS PEER_A), "hooks: down");
	test_text("hooks: of going down", world.hooks, "d 100%\ne\n");
	world_end();
}

int main(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		test_case(&cases[i]);
	test_hooks();
	test_hooks_later();
	return test_end();
}
