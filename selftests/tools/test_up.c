// SPDX-License-Identifier: GPL-2.0
/*
 * up and down on a fake host: the resulting state, and the former state after a failure of any
 * step.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apply/leftover.h"
#include "apply/lock.h"
#include "apply/state.h"
#include "apply/up.h"
#include "cli/command.h"
#include "conf/profile.h"
#include "conf/record.h"
#include "host/host.h"
#include "memory.h"
#include "model/attr.h"
#include "model/format.h"
#include "support.h"

#define WORLD_FILES_MAX	16

/**
 * struct world - a fake host
 * @bench: the context; devices[0] is the interface
 * @host: its backend
 * @link: the interface
 * @addresses: its addresses
 * @routes: its routes
 * @rules: the host's rules
 * @paths: settings that were written
 * @texts: their values
 * @nft: the table of nft, "" without one
 * @dns: the name servers of resolvconf, "" without any
 * @hooks: the hooks that ran, a line each
 * @mark: the mark of the tunnel's packets
 * @steps: the number of changes
 * @fail_at: the change that fails, 0 for none
 * @partial: the next failing configuration applies its first peer
 * @broken: every configuration fails
 * @half: each resolvconf that sets name servers fails after its work; with 2 the others fail, too
 * @deaf: resolvectl fails without an effect
 * @open_at: after this change other users may write to the folder, until the change that fails
 * @kill_at: up is killed after this change, 0 for never
 * @last: the kind of the last change
 * @watch: check the lock on rules
 * @unlocked: a rule was changed without the lock
 * @locked: a hook ran under the lock
 * @steal: another process creates the link first
 * @taken: a table with another interface's route, 0 for none
 * @unread: the routes of a table can no longer be read
 * @unlisted: nft lists nothing
 * @special: that route is an unreachable one, of no interface
 * @programs: the installed programs, NULL for all but resolvectl
 * @path: the file
 * @conf: its text
 */
static struct world {
	struct test_bench bench;
	struct weft_host host;
	struct weft_host_link link;
	struct weft_routes addresses;
	struct weft_routes routes;
	struct weft_rules rules;
	char *paths[WORLD_FILES_MAX];
	char *texts[WORLD_FILES_MAX];
	char *nft;
	char *dns;
	char hooks[256];
	__u32 mark;
	unsigned int steps;
	unsigned int fail_at;
	bool partial;
	bool broken;
	int half;
	bool deaf;
	unsigned int open_at;
	unsigned int kill_at;
	enum weft_change_kind last;
	bool watch;
	bool unlocked;
	bool locked;
	bool steal;
	__u32 taken;
	bool unread;
	bool unlisted;
	bool special;
	const char *programs;
	const char *path;
	const char *conf;
} world;

static char folder[] = "/dev/shm/weft-up-XXXXXX";
static jmp_buf world_killed;

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

static int world_link(struct weft_host *host, const char *name,
		      struct weft_host_link *link)
{
	(void)host;
	(void)name;
	*link = world.link;
	return 0;
}

static void world_copy_routes(struct weft_routes *to,
			      const struct weft_routes *from)
{
	size_t i;

	memset(to, 0, sizeof(*to));
	test_memory_spare();
	for (i = 0; i < from->count; i++)
		*weft_host_routes_add(to) = from->items[i];
	test_memory_spare_end();
}

static int world_addresses(struct weft_host *host, unsigned int index,
			   struct weft_routes *addresses)
{
	(void)host;
	(void)index;
	world_copy_routes(addresses, &world.addresses);
	return 0;
}

static void world_add_own_routes(struct weft_routes *routes, __u32 table)
{
	struct weft_route *route;
	size_t i;

	test_memory_spare();
	for (i = 0; i < world.routes.count; i++) {
		if (world.routes.items[i].table != table)
			continue;
		route = weft_host_routes_add(routes);
		*route = world.routes.items[i];
		route->index = world.link.index;
	}
	test_memory_spare_end();
}

static int world_routes(struct weft_host *host, unsigned int index,
			__u32 table, struct weft_routes *routes)
{
	memset(routes, 0, sizeof(*routes));
	if (!index && world.unread) {
		snprintf(host->error, sizeof(host->error), "it is broken");
		return -EIO;
	}
	if (index)
		world_copy_routes(routes, &world.routes);
	else
		world_add_own_routes(routes, table);
	/*
	 * Other interfaces use the first table that up tries, and have a default route in table 99.
	 */
	test_memory_spare();
	if (!index && (table == 51820 || table == 99 || (table && table == world.taken)))
		*weft_host_routes_add(routes) = (struct weft_route){
			.prefix.family = AF_INET, .special = table == world.taken && world.special,
		};
	test_memory_spare_end();
	return 0;
}

static int world_rules(struct weft_host *host, struct weft_rules *rules)
{
	size_t i;

	(void)host;
	memset(rules, 0, sizeof(*rules));
	test_memory_spare();
	for (i = 0; i < world.rules.count; i++)
		*weft_host_rules_add(rules) = world.rules.items[i];
	test_memory_spare_end();
	return 0;
}

static int world_path_mtu(struct weft_host *host,
			  const union weft_endpoint *to, __u32 mark,
			  unsigned int *mtu)
{
	(void)host;
	/* Without the mark, and to other hosts, the path has another MTU. */
	*mtu = !to || to->ip4.sin_addr.s_addr != htonl(0xc0000201) ? 1500 :
	       mark == world.mark ? 1480 : 1400;
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

static int world_read(struct weft_host *host, const char *path,
		      char **text)
{
	(void)host;
	if (strstr(path, "force_forwarding"))
		return -ENOENT;
	*text = strdup(world.texts[world_file(path)]);
	return 0;
}

static bool world_has(struct weft_host *host, const char *program)
{
	(void)host;
	if (!world.programs)
		return strcmp(program, "resolvectl");
	return strstr(world.programs, program);
}

static int world_run(struct weft_host *host,
		     const struct weft_program *program, char **output)
{
	if (!world_has(host, program->words[0]))
		return -ENOENT;
	if (!strcmp(program->words[0], "resolvectl"))
		return 0;
	if (!strcmp(program->words[1], "-j")) {
		*output = strdup("{}");
		return 0;
	}
	if (world.unlisted || (strcmp(program->words[2], "tables") && !*world.nft)) {
		snprintf(host->error, sizeof(host->error), "it is broken");
		return -EIO;
	}
	*output = strdup(strcmp(program->words[2], "tables") ? world.nft :
			 *world.nft ? "table inet weft-ut0\n" : "");
	return 0;
}

static bool world_home(struct weft_host *host)
{
	(void)host;
	return true;
}

static bool world_add_route(struct weft_routes *routes,
			    const struct weft_route *route)
{
	if (route->prefix.family == AF_INET6 && world.link.mtu < 1280)
		return false;
	*weft_host_routes_add(routes) = *route;
	return true;
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

/* Whether the folder holds a file of the namespace, whose number precedes the name. */
static bool folder_has(const char *name)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	bool found = false;
	size_t digits;

	while (dir && !found && (entry = readdir(dir))) {
		digits = strspn(entry->d_name, "0123456789");
		found = entry->d_name[digits] == '-' && !strcmp(entry->d_name + digits + 1, name);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Whether the lock on the namespace's rules is held. */
static bool world_has_lock(void)
{
	return world.bench.ctx.runtime && world.watch && folder_has("routing rules.lock");
}

static bool world_delete_rule(const struct weft_rule *rule)
{
	size_t i;

	world.unlocked |= !world_has_lock();
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

/* Keeps the arguments, a line for each call; "revert" deletes them. */
static void world_resolvectl(const struct weft_program *program)
{
	char *text = strdup(world.dns), *more;
	size_t i;

	for (i = 1; i < program->count; i++) {
		if (asprintf(&more, "%s%s%s", text, program->words[i],
			     i + 1 < program->count ? " " : "\n") < 0)
			test_bail("no memory");
		free(text);
		text = more;
	}
	world_replace(&world.dns, strcmp(program->words[1], "revert") ? text : "");
	free(text);
}

static bool world_unlink(void)
{
	weft_host_routes_free(&world.addresses);
	weft_host_routes_free(&world.routes);
	memset(&world.link, 0, sizeof(world.link));
	weft_model_device_free(world.bench.devices[0]);
	world.bench.devices[0] = NULL;
	return true;
}

static bool world_down(const char *conf);

static void world_add_lead(__u16 family, __u32 priority, __u32 table)
{
	*weft_host_rules_add(&world.rules) = (struct weft_rule){
		.family = family, .priority = priority, .table = table, .mark = table,
		.invert = true, .protocol = WEFT_PROTOCOL,
	};
}

/* The kernel refuses a second rule with the same priority. */
static bool world_add_rule(const struct weft_rule *rule)
{
	size_t i;

	world.unlocked |= !world_has_lock();
	for (i = 0; i < world.rules.count; i++)
		if (world.rules.items[i].priority == rule->priority && world.rules.items[i].family == rule->family)
			return false;
	*weft_host_rules_add(&world.rules) = *rule;
	return true;
}

/* Hooks with an effect on the host. */
static void world_hook(const char *text)
{
	size_t len = strlen(world.hooks);

	world.locked |= world_has_lock();
	if (strstr(text, "ip rule add"))
		world_add_lead(AF_INET, 32765, 77);
	if (strstr(text, "ip rule del"))
		world.rules.count = 0;
	snprintf(world.hooks + len, sizeof(world.hooks) - len, "%s\n", text);
	if (strstr(text, "ip link del"))
		world_unlink();
	if (!strstr(text, "weft down"))
		return;
	world.bench.ctx.nested = true;
	world_down(world.conf);
	world.bench.ctx.nested = false;
}

/* The list of name servers is updated before a subscriber fails. */
static bool world_resolvconf(const struct weft_program *program)
{
	if (world.half > 1 && !program->input)
		return false;
	world_replace(&world.dns, program->input ? program->input : "");
	return !world.half || !program->input;
}

static bool world_program(const struct weft_program *program)
{
	if (!program->script && !world_has(&world.host, program->words[0]))
		return false;
	if (!strcmp(program->words[0], "nft"))
		world_nft(program->input);
	else if (!strcmp(program->words[0], "resolvconf"))
		return world_resolvconf(program);
	else if (!strcmp(program->words[0], "resolvectl") && world.deaf)
		return false;
	else if (!strcmp(program->words[0], "resolvectl"))
		world_resolvectl(program);
	else if (!strcmp(program->words[0], "bash"))
		world_hook(program->script);
	return !program->script || !strstr(program->script, "; false");
}

static bool world_add_link(const struct weft_change *change)
{
	world.link = (struct weft_host_link){
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

static void world_drop_ip6(struct weft_routes *routes)
{
	size_t i, left = 0;

	for (i = 0; i < routes->count; i++)
		if (routes->items[i].prefix.family != AF_INET6)
			routes->items[left++] = routes->items[i];
	routes->count = left;
}

/* The kernel removes IPv6 from a link whose MTU is below IPv6's minimum. */
static bool world_set_mtu(unsigned int mtu)
{
	world.link.mtu = mtu;
	if (mtu >= 1280)
		return true;
	world_drop_ip6(&world.addresses);
	world_drop_ip6(&world.routes);
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
		return world_set_mtu(change->mtu);
	case WEFT_CHANGE_LINK_UP:
	case WEFT_CHANGE_LINK_DOWN:
		world.link.up = change->kind == WEFT_CHANGE_LINK_UP;
		return true;
	case WEFT_CHANGE_ADDRESS_ADD:
		return world_add_route(&world.addresses, &change->route);
	case WEFT_CHANGE_ADDRESS_DELETE:
		return world_delete_route(&world.addresses, &change->route);
	case WEFT_CHANGE_ROUTE_ADD:
		return world_add_route(&world.routes, &change->route);
	case WEFT_CHANGE_ROUTE_DELETE:
		return world_delete_route(&world.routes, &change->route);
	case WEFT_CHANGE_RULE_ADD:
		return world_add_rule(&change->rule);
	case WEFT_CHANGE_RULE_DELETE:
		return world_delete_rule(&change->rule);
	case WEFT_CHANGE_FILE:
		return world_write(change);
	case WEFT_CHANGE_PROGRAM:
		return world_program(&change->program);
	}
	return false;
}

static int world_change(struct weft_host *host,
			const struct weft_change *change)
{
	bool good;

	if (world_fault(host->error, sizeof(host->error))) {
		if (world.open_at)
			chmod(folder, 0700);
		return -EIO;
	}
	if (world.steps == world.open_at)
		chmod(folder, 0770);
	test_memory_spare();
	good = world_apply(change);
	test_memory_spare_end();
	world.last = change->kind;
	if (world.steps == world.kill_at)
		longjmp(world_killed, 1);
	if (change->kind == WEFT_CHANGE_LINK_ADD && world.steal)
		good = false;
	if (good)
		return 0;
	snprintf(host->error, sizeof(host->error), "it is not there");
	/* The kernel's error for a deleted link. */
	return world.link.index ? -EIO : -ENODEV;
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
	size_t i;

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
	if (change->has & WEFT_PEER_HAS_CANDIDATES) {
		weft_model_candidates_clear(peer);
		peer->has |= WEFT_PEER_HAS_CANDIDATES;
		for (i = 0; i < change->candidate_count; i++)
			weft_model_candidate_add(peer, &change->candidates[i]);
	}
	world_set_prefixes(peer, change);
}

static int world_set(struct weft_backend *backend,
		     const struct weft_device *change)
{
	struct weft_device *dev = world.bench.devices[0];
	const struct weft_peer *peer;

	if (world_fault(backend->error, sizeof(backend->error)) || world.broken) {
		snprintf(backend->error, sizeof(backend->error), "it is broken");
		test_memory_spare();
		if (world.partial && change->peers)
			world_set_peer(dev, change->peers);
		world.partial = false;
		test_memory_spare_end();
		weft_model_peers_prune(dev);
		return -EIO;
	}
	if (change->has & WEFT_DEVICE_HAS_FWMARK)
		dev->fwmark = change->fwmark;
	if (change->has & WEFT_DEVICE_HAS_PMTU)
		dev->pmtu = change->pmtu;
	if (change->has & WEFT_DEVICE_HAS_DSCP)
		dev->dscp = change->dscp;
	dev->known = WEFT_ATTR_BIT(WEFT_DEVICE_A_PMTU) |
		     WEFT_ATTR_BIT(WEFT_DEVICE_A_DSCP);
	if (change->has & WEFT_DEVICE_HAS_PRIVATE_KEY)
		dev->private_key = change->private_key;
	if (!weft_key_is_zero(&dev->private_key))
		dev->has |= WEFT_DEVICE_HAS_PRIVATE_KEY;
	if (change->has & WEFT_DEVICE_HAS_LISTEN_PORT)
		dev->listen_port = change->listen_port;
	test_memory_spare();
	for (peer = change->peers; peer; peer = peer->next)
		world_set_peer(dev, peer);
	test_memory_spare_end();
	weft_model_peers_prune(dev);
	if (world.steps == world.kill_at)
		longjmp(world_killed, 1);
	return 0;
}

static void world_begin(void)
{
	memset(&world, 0, sizeof(world));
	test_bench_start(&world.bench, "");
	world.bench.backend.set = world_set;
	world.host = (struct weft_host){
		.link = world_link, .addresses = world_addresses,
		.routes = world_routes, .rules = world_rules,
		.path_mtu = world_path_mtu, .read = world_read,
		.has = world_has, .home = world_home, .run = world_run, .change = world_change,
	};
	world.path = "ut0.conf";
	world.bench.ctx.host = &world.host;
	world.nft = strdup("");
	world.dns = strdup("");
}

static void world_end(void)
{
	int i;

	weft_host_routes_free(&world.addresses);
	weft_host_routes_free(&world.routes);
	weft_host_rules_free(&world.rules);
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
			     weft_format_address(&route->prefix).chars,
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

	/* The order of rules has no meaning here; their priorities are printed. */
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
	test_memory_spare();
	for (ip = peer->allowedips; ip; ip = ip->next)
		weft_host_routes_add(&prefixes)->prefix = *ip;
	test_memory_spare_end();
	world_print_routes(out, "allowed", &prefixes);
	weft_host_routes_free(&prefixes);
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
	/* Values that "up" does not set by default. */
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

#define MARKS	"/proc/sys/net/ipv4/conf/all/src_valid_mark"

/* The state without a setting that down does not reset. */
static char *world_text_undone(void)
{
	char *text = world_text(), *line = strstr(text, MARKS " 1\n");

	if (line)
		memmove(line, line + strlen(MARKS " 1\n"), strlen(line + strlen(MARKS " 1\n")) + 1);
	return text;
}

/* The file's mark, or with default routes the first free table. */
static __u32 world_mark(const char *conf)
{
	const char *field = strstr(conf, "FwMark = ");

	if (field)
		return atoi(field + strlen("FwMark = "));
	return strstr(conf, "::/0") || (strstr(conf, "0.0.0.0/0") && !strstr(conf, "Table")) ? 51821 : 0;
}

static bool world_do(const char *conf, bool (*run)(struct weft_profile *profile))
{
	struct weft_profile *profile;
	char *text = strdup(conf);
	bool good = false;

	profile = weft_profile_parse(&world.bench.ctx, world.path, text, "ut0");
	/* Most of these files exist in memory only. */
	if (profile && stat(world.path, &profile->seen))
		memset(&profile->seen, 0, sizeof(profile->seen));
	if (profile)
		good = run(profile);
	weft_profile_free(profile);
	free(text);
	test_bench_flush(&world.bench);
	return good;
}

static bool world_run_up(struct weft_profile *profile)
{
	return weft_up(&world.bench.ctx, profile);
}

static bool world_run_down(struct weft_profile *profile)
{
	return weft_down(&world.bench.ctx, profile);
}

static bool world_up(const char *conf)
{
	world.mark = world_mark(conf);
	world.conf = conf;
	return world_do(conf, world_run_up);
}

static bool world_down(const char *conf)
{
	return world_do(conf, world_run_down);
}

#define PLAIN	"[Interface]\nPrivateKey = " KEY_P "\nListenPort = 7\nAddress = 10.0.0.1/24, fd00::1/64\n"
#define PEER_A	"[Peer]\nPublicKey = " KEY_A "\nEndpoint = 192.0.2.1:7\n"
#define PEER_B	"[Peer]\nPublicKey = " KEY_B "\n"
#define SET(v)	"\tset peers" v " {\n\t\ttype ipv" v "_addr . inet_service . inet_service\n\t\tflags dynamic,timeout\n\t\ttimeout 1h\n\t}\n"
#define LINK	"link 5 kind 1 mtu 1400 up\n"

/**
 * struct up_case - a file, and the host after up
 * @name: the case
 * @before: the file that is up before, NULL for none
 * @conf: the file
 * @after: the host's state
 */
static const struct up_case {
	const char *name;
	const char *before;
	const char *conf;
	const char *after;
} cases[] = {
	{
		.name = "a link, addresses, and a route beyond their networks",
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
			 "nft:\ntable inet weft-ut0 {\n" SET("4") SET("6") "\tchain preraw {\n\t\ttype filter hook prerouting priority -300;\n"
			 "\t\tiifname != \"ut0\" ip daddr 10.0.0.1 fib daddr . iif type != local fib saddr type != local drop\n"
			 "\t\tiifname != \"ut0\" ip6 daddr fd00::1 fib daddr . iif type != local fib saddr type != local drop\n\t}\n"
			 "\tchain postmangle {\n\t\ttype filter hook postrouting priority -150;\n"
			 "\t\tmeta mark 51821 meta nfproto ipv4 meta l4proto udp update @peers4 { ip daddr . udp dport . udp sport }\n"
			 "\t\tmeta mark 51821 meta nfproto ipv6 meta l4proto udp update @peers6 { ip6 daddr . udp dport . udp sport }\n\t}\n"
			 "\tchain premangle {\n\t\ttype filter hook prerouting priority -90;\n"
			 "\t\tmeta nfproto ipv4 meta l4proto udp ip saddr . udp sport . udp dport @peers4 fib daddr type local meta mark set 51821\n"
			 "\t\tmeta nfproto ipv6 meta l4proto udp ip6 saddr . udp sport . udp dport @peers6 fib daddr type local meta mark set 51821\n\t}\n}\n"
			 "dns:\nnameserver 10.0.0.53\nsearch example.org\n",
	}, {
		.name = "a mark, a table and an MTU in the file, no routes",
		.conf = PLAIN "FwMark = 9\nMTU = 1500\nTable = off\n" PEER_A "AllowedIPs = 0.0.0.0/0\n",
		.after = "link 5 kind 1 mtu 1500 up\nport 7 mark 9 key P\npeer A keepalive 0\nallowed 0.0.0.0/0 table 0\n"
			 "address 10.0.0.1/24 table 0\naddress fd00::1/64 table 0\nnft:\ndns:\n",
	}, {
		.name = "fragmentation allowed, and a DSCP",
		.conf = PLAIN "PMTU = off\nDSCP = 10\n" PEER_A,
		.after = LINK "port 7 mark 0 key P\npmtu 0 dscp 10\npeer A keepalive 0\n"
			 "address 10.0.0.1/24 table 0\naddress fd00::1/64 table 0\nnft:\ndns:\n",
	}, {
		.name = "back to no fragmentation, and no DSCP",
		.before = PLAIN "PMTU = off\nDSCP = inherit\n" PEER_A,
		.conf = PLAIN PEER_A,
		.after = LINK "port 7 mark 0 key P\npeer A keepalive 0\n"
			 "address 10.0.0.1/24 table 0\naddress fd00::1/64 table 0\nnft:\ndns:\n",
	}, {
		.name = "all routes in one table, twice the same",
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
		.name = "a key missing in the file stays",
		.before = PLAIN PEER_A,
		.conf = "[Interface]\nListenPort = 7\nAddress = 10.0.0.1/24\n" PEER_A,
		.after = LINK "port 7 mark 0 key P\npeer A keepalive 0\naddress 10.0.0.1/24 table 0\n"
			 "/proc/sys/net/ipv4/conf/ut0/promote_secondaries 1\nnft:\ndns:\n",
	}, {
		.name = "from IPv6 to an MTU that is too small for it",
		.before = PLAIN PEER_A "AllowedIPs = 10.1.0.0/16, fd01::/64\n",
		.conf = "[Interface]\nPrivateKey = " KEY_P "\nListenPort = 7\nAddress = 10.0.0.1/24\nMTU = 1000\n"
			PEER_A "AllowedIPs = 10.1.0.0/16\n",
		.after = "link 5 kind 1 mtu 1000 up\nport 7 mark 0 key P\npeer A keepalive 0\nallowed 10.1.0.0/16 table 0\n"
			 "address 10.0.0.1/24 table 0\nroute 10.1.0.0/16 table 254\n"
			 "/proc/sys/net/ipv4/conf/ut0/promote_secondaries 1\nnft:\ndns:\n",
	}, {
		.name = "from an MTU that is too small for IPv6 to IPv6",
		.before = "[Interface]\nPrivateKey = " KEY_P "\nListenPort = 7\nAddress = 10.0.0.1/24\nMTU = 1000\n" PEER_A,
		.conf = PLAIN PEER_A "AllowedIPs = fd01::/64\n",
		.after = LINK "port 7 mark 0 key P\npeer A keepalive 0\nallowed fd01::/64 table 0\n"
			 "address 10.0.0.1/24 table 0\naddress fd00::1/64 table 0\nroute fd01::/64 table 254\nnft:\ndns:\n",
	}, {
		.name = "to default routes, with another mark, and back to a greater MTU",
		.before = PLAIN "FwMark = 3\nMTU = 1300\n" PEER_A "AllowedIPs = 0.0.0.0/0\n" PEER_B,
		.conf = PLAIN "FwMark = 4\n" PEER_A "AllowedIPs = ::/0\n",
		.after = LINK "port 7 mark 4 key P\npeer A keepalive 0\nallowed ::/0 table 0\n"
			 "address 10.0.0.1/24 table 0\naddress fd00::1/64 table 0\nroute ::/0 table 4\n"
			 "rule v6 32764 table 254 mark 0 no default\nrule v6 32765 table 4 mark 4 not\n"
			 "/proc/sys/net/ipv4/conf/all/src_valid_mark 1\n"
			 "nft:\ntable inet weft-ut0 {\n" SET("6") "\tchain preraw {\n\t\ttype filter hook prerouting priority -300;\n"
			 "\t\tiifname != \"ut0\" ip6 daddr fd00::1 fib daddr . iif type != local fib saddr type != local drop\n\t}\n"
			 "\tchain postmangle {\n\t\ttype filter hook postrouting priority -150;\n"
			 "\t\tmeta mark 4 meta nfproto ipv6 meta l4proto udp update @peers6 { ip6 daddr . udp dport . udp sport }\n\t}\n"
			 "\tchain premangle {\n\t\ttype filter hook prerouting priority -90;\n"
			 "\t\tmeta nfproto ipv6 meta l4proto udp ip6 saddr . udp sport . udp dport @peers6 fib daddr type local meta mark set 4\n\t}\n}\ndns:\n",
	},
};

static bool test_before(const struct up_case *test)
{
	world_begin();
	return !test->before || world_up(test->before);
}

/* Runs up with change @fail_at failing; returns false if up has no such change. */
static bool test_failure(const struct up_case *test, unsigned int fail_at)
{
	char *before, *after, name[256];
	bool failed = false;

	test_before(test);
	before = world_text_undone();
	world.steps = 0;
	world.fail_at = fail_at;
	if (!world_up(test->conf)) {
		failed = true;
		after = world_text_undone();
		snprintf(name, sizeof(name), "%s: step %u fails, and all is undone",
			 test->name, fail_at);
		test_text(name, after, before);
		snprintf(name, sizeof(name), "%s: step %u is named once", test->name, fail_at);
		test_ok(strstr(world.bench.err, "weft: ut0: cannot ") &&
			strstr(world.bench.err, ": it is broken\nweft: ut0: all changes are undone\n") &&
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
	/* resolvconf is called again, since it cannot be queried. */
	snprintf(name, sizeof(name), "%s: a second up changes nothing", test->name);
	test_ok(world_up(test->conf) && world.steps == !!*world.dns, name);
	after = world_text();
	test_text(name, after, test->after);
	free(after);
	snprintf(name, sizeof(name), "%s: goes down", test->name);
	test_ok(world_down(test->conf), name);
	test_ok(!world.link.index && !world.rules.count && !*world.nft &&
		!*world.dns, name);
	test_ok(!world_down(test->conf), "a second down fails");
	world_end();
	while (test_failure(test, ++fail_at))
		;
	snprintf(name, sizeof(name), "%s: each of %u steps failed once", test->name, steps);
	test_ok(fail_at == steps + 1 && steps, name);
}

/* With a failing allocation: all is done, or nothing and the error is printed. */
static bool up_once(const void *data)
{
	const struct up_case *test = data;
	char *before, *after;
	bool up, good;

	test_memory_spare();
	test_before(test);
	before = world_text_undone();
	test_memory_spare_end();
	up = world_up(test->conf);
	after = up ? world_text() : world_text_undone();
	good = !strcmp(after, up ? test->after : before) &&
	       (up || (test_memory_failed() && strcasestr(world.bench.err, "memory")));
	if (!good)
		printf("# up %d: %s# error: %s\n", up, after, world.bench.err);
	free(after);
	free(before);
	world_end();
	return good;
}

/* With a failing allocation: the interface is gone, or stays and the error is printed. */
static bool down_once(const void *data)
{
	const struct up_case *test = data;
	bool down, good;

	test_memory_spare();
	test_before(test);
	world_up(test->conf);
	test_memory_spare_end();
	down = world_down(test->conf);
	good = down ? !world.link.index && !world.rules.count && !*world.nft && !*world.dns :
		      test_memory_failed() && strcasestr(world.bench.err, "memory");
	if (!good)
		printf("# down %d: link %u, %zu rules, nft %s dns %s, error: %s\n", down, world.link.index,
		       world.rules.count, world.nft, world.dns, world.bench.err);
	world_end();
	return good;
}

static void test_short_memory(void)
{
	char name[256];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(name, sizeof(name), "%s: up while memory is short", cases[i].name);
		test_memory_each(name, up_once, &cases[i]);
		snprintf(name, sizeof(name), "%s: down while memory is short", cases[i].name);
		test_memory_each(name, down_once, &cases[i]);
	}
}

#define HOOKS	"PreUp = a %i\nPreUp = b\nPostUp = c %i%i\nPreDown = d 100%\nPostDown = e\n"

/* The failing step, and the hooks that ran by then. */
static const struct {
	const char *name;
	unsigned int fail_at;
	const char *hooks;
	const char *err;
} hooks[] = {
	{ "none", 0, "a ut0\nb\nc ut0ut0\n", "" },
	{ "the second PreUp", 2, "a ut0\ne\n",
	  "weft: ut0.conf:6: PreUp: ut0: it is broken\nweft: ut0: all changes are undone\n" },
	{ "the link", 3, "a ut0\nb\ne\n",
	  "weft: ut0: cannot create the link of kind weft: it is broken\nweft: ut0: all changes are undone\n" },
	{ "PostUp", 9, "a ut0\nb\nd 100%\ne\n",
	  "weft: ut0.conf:7: PostUp: ut0: it is broken\nweft: ut0: all changes are undone\n" },
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

#define MANY	PLAIN PEER_A "PersistentKeepalive = 5\nAllowedIPs = 10.9.0.0/16\n" PEER_B "PersistentKeepalive = 6\n"

/* A configuration takes several messages, and the kernel refuses the second. */
static void test_partial(void)
{
	char *before, *after;

	world_begin();
	test_ok(world_up(PLAIN PEER_A PEER_B), "half a change: up");
	before = world_text();
	world.steps = 0;
	world.partial = true;
	world.fail_at = 1;
	test_ok(!world_up(MANY), "half a change: a reload fails");
	after = world_text();
	test_text("half a change: the first part is undone", after, before);
	test_text("half a change: the report", world.bench.err,
		  "weft: ut0: cannot configure the interface: it is broken\n"
		  "weft: ut0: all changes are undone\n");
	free(after);
	world.fail_at = 0;
	world.partial = true;
	world.broken = true;
	test_ok(!world_up(MANY), "half a change: the undo fails, too");
	after = world_text();
	test_ok(strcmp(after, before), "half a change: a part stays");
	test_ok(strstr(world.bench.err,
		       "weft: ut0: cannot restore the configuration: it is broken\n"
		       "weft: ut0: some changes could not be undone, and stay\n"),
		"half a change: the report names the remaining part");
	free(after);
	free(before);
	world_end();
}

static bool world_is_empty(void)
{
	return !world.link.index && !world.rules.count && !*world.nft && !*world.dns;
}

static bool world_is_recorded(void)
{
	return folder_has("ut0.record");
}

#define FULL	PLAIN HOOKS "DNS = 10.0.0.53, example.org\n" PEER_A "AllowedIPs = 0.0.0.0/0, ::/0\n"
#define NO_DNS	PLAIN HOOKS PEER_A "AllowedIPs = 0.0.0.0/0, ::/0\n"

static void world_begin_recorded(void)
{
	world_begin();
	world.bench.ctx.runtime = folder;
}

/* Standard error has no reader: all is undone all the same. */
static int run_unread(void)
{
	int pipes[2];
	FILE *err;
	bool good;

	world_begin_recorded();
	if (pipe(pipes) || !(err = fdopen(pipes[1], "w")))
		return 2;
	setvbuf(err, NULL, _IONBF, 0);
	close(pipes[0]);
	world.bench.ctx.err = err;
	world.fail_at = 9;
	good = !world_up(PLAIN HOOKS PEER_A) && strstr(world.hooks, "d 100%\ne\n") && !world.link.index &&
	       !world_is_recorded();
	world.fail_at = 0;
	if (!good || !world_up(FULL))
		return 1;
	signal(SIGPIPE, SIG_DFL);
	world.hooks[0] = '\0';
	world.steps = 0;
	world.fail_at = 2;
	good = !world_down(FULL) && !strcmp(world.hooks, "d 100%\ne\n") && !world.link.index && world_is_recorded() &&
	       world_down(FULL) && !world_is_recorded();
	return good ? 0 : 1;
}

static void test_unread(void)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		signal(SIGPIPE, SIG_DFL);
		_exit(run_unread());
	}
	test_ok(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status),
		"no reader of errors: a failing up undoes all, and down completes");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		printf("# status 0x%x\n", status);
}

/* A reload runs no hooks; a failing PreDown keeps the interface. */
static void test_hooks_later(void)
{
	world_begin();
	test_ok(world_up(PLAIN HOOKS PEER_A) && world_up(PLAIN HOOKS PEER_A),
		"hooks: up twice");
	test_text("hooks: once", world.hooks, hooks[0].hooks);
	world.steps = 0;
	world.fail_at = 1;
	test_ok(!world_down(PLAIN HOOKS PEER_A), "hooks: PreDown fails");
	test_ok(world.link.up, "hooks: the interface stays");
	world.hooks[0] = '\0';
	test_ok(world_down(PLAIN HOOKS PEER_A), "hooks: down");
	test_text("hooks: of going down", world.hooks, "d 100%\ne\n");
	world_end();
}

/* Step @fail_at of a down fails: the next command undoes it, and runs no hook a second time. */
static void test_unfinished(const char *what, unsigned int fail_at, bool up)
{
	char name[96];

	world_begin_recorded();
	test_ok(world_up(FULL), "unfinished: up");
	world.hooks[0] = '\0';
	world.steps = 0;
	world.fail_at = fail_at;
	snprintf(name, sizeof(name), "unfinished, %s: down fails", what);
	test_ok(!world_down(FULL) && !world_is_empty(), name);
	snprintf(name, sizeof(name), "unfinished, %s: the interface stays recorded", what);
	test_ok(world_is_recorded(), name);
	world.steps = 0;
	world.fail_at = 1;
	snprintf(name, sizeof(name), "unfinished, %s: a second time", what);
	if (up) {
		test_ok(world_up(NO_DNS), name);
		test_ok(strstr(world.bench.err, "ut0: the interface comes up, and the rest that could not be removed stays\n"), name);
		test_ok(!strstr(world.bench.err, "'weft down' was interrupted"), "  no command was killed");
		test_ok(world_down(NO_DNS) && world_is_empty() && !world_is_recorded(), "  down removes both tunnels");
		world_end();
		return;
	}
	test_ok(!world_down(FULL), name);
	test_ok(world_is_recorded(), name);
	world.fail_at = 0;
	snprintf(name, sizeof(name), "unfinished, %s: removed at last", what);
	test_ok(world_down(FULL) && world_is_empty() && !world_is_recorded(), name);
	snprintf(name, sizeof(name), "unfinished, %s: hooks once", what);
	test_text(name, world.hooks, "d 100%\ne\n");
	world_end();
}

/* An up beside the remains of a down fails: the remains are still there. */
static void test_beside(void)
{
	static const char conf[] = PLAIN "PostUp = x; false\nPostDown = y\n" PEER_A "AllowedIPs = 0.0.0.0/0, ::/0\n";

	world_begin_recorded();
	test_ok(world_up(FULL), "beside a leftover: up");
	world.steps = 0;
	world.fail_at = 2;
	test_ok(!world_down(FULL) && *world.dns && world_is_recorded(), "  a down leaves name servers");
	world.steps = 0;
	world.fail_at = 1;
	test_ok(!world_up(conf), "  an up beside it fails");
	test_ok(strstr(world.bench.err, "the rest that could not be removed stays") && *world.dns && world_is_recorded(), "  the name servers stay recorded");
	world.fail_at = 0;
	world.hooks[0] = '\0';
	test_ok(world_down(FULL) && world_is_empty() && !world_is_recorded(), "  the next down removes the name servers");
	test_text("  the next down runs no hooks again", world.hooks, "");
	test_ok(strstr(world.bench.err, "an earlier command could not undo all of its steps"), "  the warning names the reason");
	world_end();
}

/* Another program deletes the link: all else is left, and the file may have changed. */
static void test_deleted(void)
{
	world_begin_recorded();
	test_ok(world_up(FULL) && world_is_recorded(), "deleted link: up, and recorded");
	world_unlink();
	world.hooks[0] = '\0';
	test_ok(world.rules.count && *world.nft && *world.dns, "deleted link: much is left");
	test_ok(world_down(NO_DNS), "deleted link: down");
	test_ok(world_is_empty(), "deleted link: nothing is left");
	test_text("deleted link: hooks", world.hooks, "d 100%\ne\n");
	test_ok(!world_is_recorded(), "deleted link: nothing is recorded");
	test_ok(!world_down(NO_DNS), "deleted link: a second down fails");
	test_text("deleted link: hooks only once", world.hooks, "d 100%\ne\n");
	test_ok(world_up(FULL), "deleted link: up again");
	world_unlink();
	world.hooks[0] = '\0';
	test_ok(world_up(FULL) && world.rules.count == 4, "deleted link: up without a down");
	test_text("deleted link: hooks of both", world.hooks, "d 100%\ne\na ut0\nb\nc ut0ut0\n");
	test_ok(world_down(FULL) && world_is_empty(), "deleted link: down at last");
	world_end();
}

/* The routes of a link that is set down disappear, and other interfaces may use its table. */
static void test_set_down(__u32 taken, bool special)
{
	char name[80];

	snprintf(name, sizeof(name), "a link that was set down, table %s",
		 special ? "with an unreachable route" : taken ? "taken" : "free");
	world_begin_recorded();
	test_ok(world_up(FULL) && world.rules.count == 4, name);
	weft_host_routes_free(&world.routes);
	world.link.up = false;
	world.taken = taken;
	world.special = special;
	test_ok(world_down(FULL) && !world.link.index && !*world.nft && !*world.dns, "  goes down");
	test_ok(world.rules.count == (taken && !special ? 4 : 0), "  rules of a table are its user's");
	world_end();
}

#define ROUTELESS	PLAIN "Table = off\n" PEER_A "AllowedIPs = 0.0.0.0/0\n"
#define TABLE_5		PLAIN "Table = 5\n" PEER_A "AllowedIPs = 0.0.0.0/0\n"
#define ONE_ROUTE	PLAIN HOOKS "FwMark = 7\n" PEER_A "AllowedIPs = 0.0.0.0/0\n"

/*
 * A reload of a link that was set down: its routes have gone, and another interface may use its
 * table.
 */
static void test_set_down_reload(const char *name, const char *conf, __u32 taken, size_t rules)
{
	world_begin_recorded();
	test_ok(world_up(NO_DNS) && world.rules.count == 4, name);
	weft_host_routes_free(&world.routes);
	world.link.up = false;
	world.taken = taken;
	test_ok(world_up(conf) && world.rules.count == rules, "  the former rules are gone, those of a user stay");
	test_ok(world_down(conf) && world.rules.count == (taken ? 4 : 0), "  goes down");
	world_end();
}

/* Another tunnel comes up between the read of the state and the choice of priorities. */
static void test_rules_at_once(void)
{
	static const char conf[] = PLAIN "PreUp = ip rule add x\nPostUp = y\n" PEER_A "AllowedIPs = 0.0.0.0/0\n";

	world_begin_recorded();
	world.watch = true;
	test_ok(world_up(conf) && world.rules.count == 3, "two tunnels that come up at once have rules of their own");
	test_ok(!world.unlocked && !world.locked, "  the rules change under the lock, without hooks");
	test_ok(!world_has_lock(), "  the lock is free again");
	test_ok(world_down(conf) && world.rules.count == 1, "  down");
	world.steps = 0;
	world.fail_at = 5;
	test_ok(!world_up(PLAIN "PreUp = a\nPostDown = z\n" PEER_A "AllowedIPs = 0.0.0.0/0\n"), "  a step under the lock fails");
	test_ok(strstr(world.hooks, "z\n") && !world.locked && !world_has_lock(), "  its hooks run without the lock");
	world_end();
}

/* An up that has chosen the table meanwhile would take the deleted rules for its own. */
static void test_rules_deleted(const char *name, bool (*run)(const char *conf), const char *conf,
			       bool gone)
{
	world_begin_recorded();
	test_ok(world_up(FULL) && world.rules.count == 4, name);
	if (gone)
		world_unlink();
	weft_host_routes_free(&world.routes);
	world.link.up = false;
	world.unlocked = false;
	world.watch = true;
	test_ok(run(conf) && !world.rules.count && !world.unlocked, "  the former rules are deleted under the lock");
	test_ok(!world.locked && !world_has_lock(), "  no hook runs under the lock, and the lock is free again");
	world.watch = false;
	test_ok((run == world_down || world_down(conf)) && world_is_empty() && !world_is_recorded(),
		"  the tunnel is down");
	world_end();
}

/* PreDown runs between the read of the state and the deletion of rules. */
static void test_rules_deleted_before(void)
{
	static const char conf[] = PLAIN "PreDown = ip rule del x\n"
		PEER_A "AllowedIPs = 0.0.0.0/0, ::/0\n";

	world_begin_recorded();
	test_ok(world_up(conf) && world.rules.count == 4, "rules that a PreDown deletes");
	world_unlink();
	test_ok(world_down(conf) && world_is_empty() && !world_is_recorded(),
		"  the rules are not deleted once more");
	world_end();
}

/* After a failed listing the remains are unknown. */
static void test_unlisted(const char *name, bool *broken, const char *err)
{
	world_begin_recorded();
	test_ok(world_up(FULL), name);
	world_unlink();
	*broken = true;
	test_ok(!world_down(FULL) && strstr(world.bench.err, err), "  the error is printed, and down fails");
	test_ok(!world_is_empty() && world_is_recorded(), "  the possible remains stay recorded");
	*broken = false;
	test_ok(world_down(FULL) && world_is_empty() && !world_is_recorded(), "  the next down removes them");
	world_end();
}

/* The kernel deletes the routes of IPv6, and keeps the rules. */
static void test_without_ip6(void)
{
	world_begin_recorded();
	test_ok(world_up(FULL) && world.rules.count == 4, "a link that lost IPv6's routes");
	world_drop_ip6(&world.routes);
	test_ok(world_down(FULL) && world_is_empty(), "  goes down with all rules");
	test_text("  no error is printed", world.bench.err, "");
	world_end();
}

/* An interface that cannot be read may be another's: it is not changed. */
static void test_unreadable(const char *name, bool (*run)(const char *conf))
{
	world_begin();
	test_ok(world_up(PLAIN PEER_A), name);
	world.steps = 0;
	world.bench.fail_name = "ut0";
	test_ok(!run(PLAIN PEER_B) && !world.steps && world.link.up,
		"  the command fails without a change");
	test_text("  error", world.bench.err,
		  "weft: ut0: cannot read the interface: the link is gone\n");
	world_end();
}

static bool write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	return file && fputs(text, file) >= 0 && !fchmod(fileno(file), 0600) && !fclose(file);
}

static void test_dns(void)
{
	world_begin_recorded();
	test_ok(world_up(FULL) && world_down(NO_DNS) && world_is_empty(), "DNS removed from the file: down removes it");
	test_ok(world_up(FULL) && world_up(NO_DNS) && !*world.dns, "DNS removed from the file: up removes it");
	test_ok(world_down(NO_DNS), "DNS removed from the file: down");
	world.steps = 0;
	world.programs = "nft";
	world.hooks[0] = '\0';
	test_ok(!world_up(FULL) && !world.steps && !*world.hooks, "no resolver: up does nothing");
	test_ok(strstr(world.bench.err, "install the package systemd-resolved, openresolv or resolvconf"),
		"no resolver: the packages are named");
	world.programs = "nft resolvconf resolvectl";
	test_ok(world_up(FULL), "systemd-resolved: up");
	test_text("systemd-resolved: told", world.dns, "dns ut0 10.0.0.53\ndomain ut0 example.org ~.\n");
	test_ok(world_up(NO_DNS) && !*world.dns, "systemd-resolved: reverted");
	test_ok(world_down(NO_DNS), "systemd-resolved: down");
	world.programs = NULL;
	test_ok(world_up(PLAIN "DNS = 10.0.0.53\n" PEER_A), "no search domain: up");
	test_text("no search domain: resolvconf gets the name servers", world.dns, "nameserver 10.0.0.53\n");
	test_ok(world_down(PLAIN PEER_A), "no search domain: down");
	world_end();
}

#define OTHER_DNS	PLAIN HOOKS "DNS = 10.0.0.54, a..b\n" PEER_A "AllowedIPs = 0.0.0.0/0, ::/0\n"
#define MTU_DNS		PLAIN HOOKS "MTU = 1300\nDNS = 10.0.0.54\n" PEER_A "AllowedIPs = 0.0.0.0/0, ::/0\n"
#define UNDONE		"weft: ut0: all changes are undone\n"
#define LOST_ONE \
	"weft: ut0: cannot undo: set the name servers with systemd-resolved: the former state is not recorded\n"
#define LOST_DNS LOST_ONE \
	"weft: ut0: some changes could not be undone, and stay\n"

/* A running tunnel has @former name servers; step @fail_at of a reload fails. */
static const struct {
	const char *name;
	const char *before;
	const char *conf;
	const char *programs;
	unsigned int fail_at;
	bool old_record;
	const char *dns;
	const char *err;
} dns_reloads[] = {
	{ "the domains of systemd-resolved", FULL, OTHER_DNS, "nft resolvectl", 2, false,
	  "dns ut0 10.0.0.53\ndomain ut0 example.org ~.\ndns ut0 10.0.0.54\ndns ut0 10.0.0.53\n", UNDONE },
	{ "the first name servers", NO_DNS, OTHER_DNS, "nft resolvectl", 2, false, "", UNDONE },
	{ "a tunnel of an earlier version", FULL, OTHER_DNS, "nft resolvectl", 2, true,
	  "dns ut0 10.0.0.53\ndomain ut0 example.org ~.\ndns ut0 10.0.0.54\n", LOST_DNS },
	{ "reverting", FULL, NO_DNS, "nft resolvectl", 2, false,
	  "dns ut0 10.0.0.53\ndomain ut0 example.org ~.\ndomain ut0 \ndomain ut0 example.org ~.\n", UNDONE },
	{ "from systemd-resolved to resolvconf", FULL, OTHER_DNS, "nft resolvconf", 1, false, "", UNDONE },
};

static void forget_servers(void)
{
	struct weft_record record;

	weft_record_read(&world.bench.ctx, "ut0", &record);
	weft_profile_words_free(&record.servers);
	weft_profile_words_free(&record.search);
	test_ok(weft_record_write(&world.bench.ctx, "ut0", &record), "  recorded as by an earlier version");
	weft_record_free(&record);
}

static void test_dns_reload(void)
{
	char name[96];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dns_reloads); i++) {
		world_begin_recorded();
		world.programs = "nft resolvectl";
		snprintf(name, sizeof(name), "a reload fails at %s", dns_reloads[i].name);
		test_ok(world_up(dns_reloads[i].before), name);
		if (dns_reloads[i].old_record)
			forget_servers();
		world.programs = dns_reloads[i].programs;
		world.steps = 0;
		world.fail_at = dns_reloads[i].fail_at;
		test_ok(!world_up(dns_reloads[i].conf), name);
		test_text("  name servers", world.dns, dns_reloads[i].dns);
		test_ok(strstr(world.bench.err, ": it is broken\n") &&
			!strcmp(strstr(world.bench.err, ": it is broken\n") + 15, dns_reloads[i].err), "  error");
		world.programs = "nft resolvectl resolvconf";
		test_ok(world_down(dns_reloads[i].conf) && world_is_empty() && !world_is_recorded(), "  goes down");
		world_end();
	}
}

static bool world_marks(void)
{
	return !strcmp(world.texts[world_file(MARKS)], "1");
}

/* Adds a line to the record, in the format of an earlier version. */
static bool record_line(const char *line)
{
	char command[128];

	snprintf(command, sizeof(command), "for f in %s/[0-9]*-ut0.record; do echo %s >> $f; done", folder, line);
	return !system(command);
}

#define NO_RESOLVED	"weft: warning: ut0: systemd-resolved is no longer running"

/* systemd-resolved is removed during the tunnel's life. */
static void test_dns_removed(const char *name, bool (*run)(const char *conf), const char *conf, const char *programs)
{
	world_begin_recorded();
	world.programs = "nft resolvectl";
	test_ok(world_up(FULL), name);
	world.programs = programs;
	world_replace(&world.dns, "");
	test_ok(run(conf), "  systemd-resolved is gone, and the command succeeds");
	test_ok(strstr(world.bench.err, NO_RESOLVED), "  a warning is printed");
	test_text("  name servers", world.dns, strstr(programs, "resolvconf") ? "nameserver 10.0.0.54\nsearch a..b\n" : "");
	test_ok((run == world_down || world_down(conf)) && world_is_empty() && !world_is_recorded(), "  the tunnel is down");
	world_end();
}

static char *record_text(void)
{
	char command[64], *text = calloc(1, 4096);
	FILE *pipe;

	snprintf(command, sizeof(command), "cat %s/*-ut0.record", folder);
	pipe = popen(command, "r");
	if (!text || !pipe)
		test_bail("no record");
	if (!fread(text, 1, 4095, pipe))
		text[0] = '\0';
	pclose(pipe);
	return text;
}

/* After the failure the tunnel's record is that of its former file. */
static void test_reload_recorded(const char *name, const char *before, const char *conf, unsigned int fail_at)
{
	char *was, *is;

	world_begin_recorded();
	world.path = "/x/ut0.conf";
	test_ok(world_up(before), name);
	was = record_text();
	world.path = "/y/ut0.conf";
	world.steps = 0;
	world.fail_at = fail_at;
	test_ok(!world_up(conf) && strstr(world.bench.err, UNDONE), "  a reload from another file fails");
	is = record_text();
	test_text("  file, hooks, tables and name servers are recorded as before", is, was);
	free(is);
	free(was);
	world.fail_at = 0;
	test_ok(world_down(before) && world_is_empty() && !world_is_recorded(), "  goes down");
	world_end();
}

/* The record cannot be written for a while; in the end it is that of the former file. */
static void test_reload_unrecorded(void)
{
	char *was, *is;

	world_begin_recorded();
	world.path = "/x/ut0.conf";
	test_ok(world_up(FULL), "a reload that fails, and its record before");
	was = record_text();
	world.path = "/y/ut0.conf";
	world.steps = 0;
	world.open_at = 1;
	world.fail_at = 2;
	test_ok(!world_up(MTU_DNS) && strstr(world.bench.err, UNDONE), "  all is undone");
	test_ok(strstr(world.bench.err, "the changes are not recorded"), "  a warning tells of the record");
	is = record_text();
	test_text("  the former file is recorded", is, was);
	free(is);
	free(was);
	world.open_at = 0;
	world.fail_at = 0;
	test_ok(world_down(FULL) && world_is_empty() && !world_is_recorded(), "  goes down");
	world_end();
}

/* A failing resolvectl has changed nothing, and the deletion of the link removes all else. */
static void test_dns_deaf(void)
{
	world_begin_recorded();
	world.programs = "nft resolvectl";
	world.deaf = true;
	test_ok(!world_up(FULL), "resolvectl fails: up fails");
	test_ok(strstr(world.bench.err, UNDONE) && world_is_empty() && !world_is_recorded(),
		"  all is undone");
	world_end();
}

/* A failing resolvconf has already set the name servers. */
static void test_dns_half(void)
{
	world_begin_recorded();
	world.half = 1;
	test_ok(!world_up(FULL), "resolvconf fails after its work: up fails");
	test_text("  name servers", world.dns, "");
	test_ok(strstr(world.bench.err, UNDONE) && world_is_empty() && !world_is_recorded(), "  all is undone");
	world.half = 2;
	test_ok(!world_up(FULL) && *world.dns, "resolvconf fails, and its undo: up fails");
	test_ok(strstr(world.bench.err, "could not be undone, and stay") && world_is_recorded(), "  the interface stays recorded");
	world.half = 0;
	test_ok(world_down(FULL) && world_is_empty() && !world_is_recorded(), "  the next down removes the name servers");
	test_ok(!strstr(world.bench.err, "was interrupted"), "  no message of a killed command");
	world_end();
}

/* The name servers of a new link with the same name stay. */
static void test_dns_of_another(void)
{
	world_begin_recorded();
	world.programs = "nft resolvectl";
	test_ok(world_up(FULL), "another link of the name: up");
	world.link.index++;
	world_replace(&world.dns, "dns of another\n");
	test_ok(world_down(NO_DNS), "another link of the name: down");
	test_ok(strstr(world.bench.err, "the link was deleted without 'weft down'"), "another link of the name: a warning");
	test_text("another link of the name: its name servers stay", world.dns, "dns of another\n");
	world_end();
}

/* Entries of a record are lines, and a path may contain a line break. */
static void test_record_path(void)
{
	struct weft_record record = { .there = true, .index = 7, .reached = WEFT_HOOK_COUNT };

	world_begin_recorded();
	record.path = strdup("/x\nPreDown 1 touch /x\nlink 9\n/ut0.conf");
	test_ok(weft_record_write(&world.bench.ctx, "ut0", &record), "a path of lines: recorded");
	weft_record_free(&record);
	weft_record_read(&world.bench.ctx, "ut0", &record);
	test_ok(record.there && record.index == 7, "a path of lines: read");
	test_ok(!record.hooks[WEFT_HOOK_PRE_DOWN].count, "a path of lines: no hook of the record");
	weft_record_free(&record);
	weft_record_remove(&world.bench.ctx, "ut0");
	world_end();
}

/* A folder that other users can write to holds no record, and "up" warns. */
static void test_open_folder(void)
{
	char want[256];

	world_begin_recorded();
	if (chmod(folder, 0770))
		test_bail("no mode");
	test_ok(world_up(PLAIN PEER_A) && !world_is_recorded(), "a folder open to other users: up, without a record");
	snprintf(want, sizeof(want),
		 "weft: ut0: cannot write a record in '%s': other users can write to the folder (chmod go-w)\n"
		 "weft: warning: ut0: the changes are not recorded: 'weft down' needs the file and the link\n", folder);
	test_text("a folder open to other users: one warning", world.bench.err, want);
	test_ok(world_down(PLAIN PEER_A) && world_is_empty(), "a folder open to other users: down");
	test_ok(!world_up(PLAIN "PostUp = ip link del x\nPostDown = e\n" PEER_A "AllowedIPs = 0.0.0.0/0\n") && world_is_empty(),
		"a folder open to other users: an up whose hook deletes the link is undone");
	test_text("a folder open to other users: its hooks", world.hooks, "ip link del x\ne\n");
	chmod(folder, 0700);
	world_end();
}

/*
 * Forks a process that holds the lock @name: that of ut0, as "up" does during its hooks, or of
 * rules.
 */
static pid_t hold_lock(const char *name)
{
	struct weft_lock lock;
	int pipes[2];
	char byte;
	pid_t pid;

	if (pipe(pipes))
		test_bail("no pipe");
	fflush(NULL);
	pid = fork();
	if (!pid) {
		if (weft_lock_take(&world.bench.ctx, name, &lock) && write(pipes[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(pipes[1]);
	if (read(pipes[0], &byte, 1) != 1)
		test_bail("the lock is not held");
	close(pipes[0]);
	return pid;
}

static void begin_rising(const char *path)
{
	struct weft_record record;

	world_begin_recorded();
	world.path = path;
	test_ok(world_up(FULL), "in a hook: up");
	weft_record_read(&world.bench.ctx, "ut0", &record);
	record.rising = true;
	weft_record_write(&world.bench.ctx, "ut0", &record);
	weft_record_free(&record);
	world.hooks[0] = '\0';
}

/* A tunnel without default routes has no rules, and does not wait for the lock on rules. */
static void test_rules_of_none(void)
{
	pid_t pid;

	world_begin_recorded();
	pid = hold_lock(WEFT_LOCK_RULES);
	test_ok(world_up(PLAIN PEER_A) && world_up(PLAIN PEER_A "AllowedIPs = 10.9.0.0/16\n"),
		"no default route: up and a reload do not wait for the lock of routing rules");
	test_ok(world_down(PLAIN PEER_A) && world_is_empty(), "  down does not wait either");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	test_ok(world_up(FULL) && world_down(FULL), "  the lock is free again");
	world_end();
}

/* A command in a PostUp finds the record of its own "up", which is still running. */
static void test_in_hook(void)
{
	char path[sizeof(folder) + 16], list[32];
	char *words[] = { path, NULL };
	pid_t pid;

	snprintf(path, sizeof(path), "%s/ut0.conf", folder);
	begin_rising(path);
	test_ok(write_file(path, FULL), "in a hook: a file");
	pid = hold_lock("ut0");
	snprintf(list, sizeof(list), "%d ", pid);
	setenv("WEFT_LOCK_HOLDERS", list, 1);
	test_ok(!weft_command_up(&world.bench.ctx, 1, words), "in a hook: weft up");
	test_text("in a hook: weft up runs no hooks", world.hooks, "");
	weft_record_remove(&world.bench.ctx, "ut0");
	world_end();
	begin_rising(path);
	test_ok(!weft_command_down(&world.bench.ctx, 1, words) && world_is_empty(), "in a hook: weft down");
	test_text("in a hook: weft down runs its hooks once", world.hooks, "d 100%\ne\n");
	test_bench_flush(&world.bench);
	test_text("in a hook: no error", world.bench.err, "");
	unsetenv("WEFT_LOCK_HOLDERS");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	snprintf(path, sizeof(path), "rm -f %s/*ut0*", folder);
	test_ok(!system(path), "in a hook: no file is left");
	world_end();
}

/* Creates files until the folder is full. */
static void fill_folder(void)
{
	char path[sizeof(folder) + 16];
	int fd, i = 0;

	do {
		snprintf(path, sizeof(path), "%s/%d", folder, i++);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	} while (fd >= 0 && !close(fd));
	if (errno != ENOSPC)
		test_bail("the folder does not fill");
}

/* As test_in_hook(), with the namespace's lock. */
static void in_hook_of_full_folder(void)
{
	char path[] = "/dev/shm/weft-up-full-XXXXXX/ut0.conf", list[32];
	char *words[] = { path, NULL };
	pid_t pid;

	path[strlen(path) - strlen("/ut0.conf")] = '\0';
	if (!mkdtemp(path))
		test_bail("no folder");
	strcat(path, "/ut0.conf");
	begin_rising(path);
	test_ok(write_file(path, FULL), "in a hook, no room for a lock: a file");
	fill_folder();
	pid = hold_lock("ut0");
	snprintf(list, sizeof(list), "%d ", pid);
	setenv("WEFT_LOCK_HOLDERS", list, 1);
	test_ok(!weft_command_down(&world.bench.ctx, 1, words) && world_is_empty(), "in a hook, no room for a lock: weft down");
	test_bench_flush(&world.bench);
	test_ok(strstr(world.bench.err, "are locked instead\n"), "in a hook, no room for a lock: the namespace's lock is shared");
	test_ok(!strstr(world.bench.err, "was interrupted"), "in a hook, no room for a lock: its own up is still running");
	unsetenv("WEFT_LOCK_HOLDERS");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(path);
	path[strlen(path) - strlen("/ut0.conf")] = '\0';
	rmdir(path);
	world_end();
}

/* A file under a bind mount cannot be replaced. */
static void saving_to_a_mount(void)
{
	static const char conf[] = PLAIN "SaveConfig = true\n" PEER_A;
	char path[sizeof(folder) + 16];

	world_begin_recorded();
	snprintf(path, sizeof(path), "%s/ut0.conf", folder);
	world.path = path;
	test_ok(write_file(path, conf) && !mount(path, path, NULL, MS_BIND, NULL), "SaveConfig, and a mount: a file");
	test_ok(world_up(conf) && !world_down(conf), "SaveConfig, and a mount: the status is not 0");
	test_ok(world_is_empty(), "SaveConfig, and a mount: the interface is down");
	test_ok(strstr(world.bench.err, "weft: cannot write '"), "SaveConfig, and a mount: error");
	umount2(path, MNT_DETACH);
	unlink(path);
	world_end();
}

static void test_mounts(void)
{
	int status;

	fflush(stdout);
	if (!fork()) {
		if ((unshare(CLONE_NEWNS | CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET)) ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("none", folder, "tmpfs", 0, "nr_inodes=16,mode=700"))
			_exit(4);
		saving_to_a_mount();
		in_hook_of_full_folder();
		_exit(test_end());
	}
	wait(&status);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 4)
		printf("# nothing can be mounted here\n");
	else
		test_ok(!status, "the file under the mount");
}

static bool links_stay(const char *name, unsigned int recorded, enum weft_kind kind, const char *about)
{
	struct weft_record record = {
		.there = true, .rising = true, .index = recorded, .reached = WEFT_HOOK_PRE_UP,
		.dns = WEFT_DNS_RESOLVED,
	};
	struct weft_state state = { };
	char text[96];
	bool stays;

	world_begin_recorded();
	world.programs = "nft resolvectl";
	world.bench.devices[0] = test_device("ut0", kind, about);
	world.link = (struct weft_host_link){ .index = 5, .kind = kind, .mtu = 1420 };
	world_replace(&world.dns, "dns of it\n");
	snprintf(text, sizeof(text), "%s: recorded", name);
	test_ok(weft_record_write(&world.bench.ctx, "ut0", &record), text);
	snprintf(text, sizeof(text), "%s: left behind", name);
	test_ok(weft_state_read(&world.bench.ctx, "ut0", &state) && weft_leftover_is_there(&record, &state), text);
	snprintf(text, sizeof(text), "%s: cleared", name);
	test_ok(weft_leftover_clear(&world.bench.ctx, "ut0", &record, &state) && !world_is_recorded(), text);
	weft_state_free(&state);
	stays = world.link.index == 5 && *world.dns;
	test_bench_flush(&world.bench);
	snprintf(text, sizeof(text), "%s: warning", name);
	test_ok(!strstr(world.bench.err, "the link of this name stays") == !stays, text);
	world_end();
	return stays;
}

/* Only a link with the recorded index is the killed up's own. */
static void test_link_of_another(void)
{
	static const char with_key[] = "[Interface]\nPrivateKey = " KEY_P "\n";

	test_ok(links_stay("killed before its link", 0, WEFT_KIND_WEFT, with_key),
		"killed before its link: another link, with a key, stays");
	test_ok(!links_stay("killed before its record", 0, WEFT_KIND_WEFT, ""),
		"killed before its link is recorded: the link is deleted");
	test_ok(links_stay("killed, another link", 4, WEFT_KIND_WEFT, ""), "killed, another link: the link stays");
	test_ok(links_stay("killed, another kind", 5, WEFT_KIND_WIREGUARD, ""), "killed, another kind: the link stays");
	test_ok(!links_stay("killed, its link", 5, WEFT_KIND_WEFT, ""), "killed, its link: the link is deleted");
}

/* The new link is recorded before the next change. */
static bool killed_has_link(void)
{
	struct weft_record record;
	bool good;

	weft_record_read(&world.bench.ctx, "ut0", &record);
	good = !record.rising || !world.link.index || world.last == WEFT_CHANGE_LINK_ADD ||
	       record.index == world.link.index;
	weft_record_free(&record);
	return good;
}

/* up is killed after step @kill_at; then another up or a down runs. */
static int kill_and_go_on(const struct up_case *test, unsigned int kill_at, bool up)
{
	char *text;

	test_before(test);
	world.bench.ctx.runtime = folder;
	if (test->before)
		world_up(test->before);
	world.steps = 0;
	world.kill_at = kill_at;
	if (!setjmp(world_killed))
		return world_up(test->conf) ? 2 : 3;
	world.kill_at = 0;
	if (!killed_has_link())
		return 4;
	if (up) {
		if (!world_up(test->conf))
			return 1;
		text = world_text();
		if (strcmp(text, test->after)) {
			test_text("killed", text, test->after);
			return 1;
		}
	}
	return world_down(test->conf) && world_is_empty() && !world_is_recorded() ? 0 : 1;
}

/*
 * up is killed right after it creates the link: the next one runs all hooks, and the link may be
 * another's.
 */
static int kill_before_record(bool up, bool fail)
{
	static const char conf[] = PLAIN HOOKS PEER_A;
	bool good;

	world_begin_recorded();
	world.kill_at = 3;
	if (!setjmp(world_killed))
		return world_up(conf) ? 2 : 3;
	world.kill_at = 0;
	world.hooks[0] = '\0';
	if (!up)
		return world_down(conf) && world_is_empty() && !world_is_recorded() && !strcmp(world.hooks, "e\n") ? 0 : 1;
	world.steps = 0;
	world.fail_at = fail ? 6 : 0;
	good = world_up(conf) == !fail;
	if (fail) {
		good &= !world.link.index && !world_is_recorded() && !strcmp(world.hooks, "e\na ut0\nb\ne\n");
		world.fail_at = 0;
		world.hooks[0] = '\0';
		return good && world_up(conf) && !strcmp(world.hooks, "a ut0\nb\nc ut0ut0\n") ? 0 : 1;
	}
	return good && world.link.up && !strcmp(world.hooks, "e\na ut0\nb\nc ut0ut0\n") && world_down(conf) &&
	       world_is_empty() && !world_is_recorded() ? 0 : 1;
}

/* down is killed at step @kill_at, after PreDown; then another down or an up runs. */
static int kill_down(unsigned int kill_at, bool up)
{
	bool good;

	world_begin_recorded();
	if (!world_up(FULL))
		return 3;
	world.hooks[0] = '\0';
	world.steps = 0;
	world.kill_at = kill_at;
	if (!setjmp(world_killed))
		return world_down(FULL) ? 2 : 3;
	world.kill_at = 0;
	good = up ? world_up(FULL) && world.link.up && world_down(FULL) : world_down(FULL);
	return good && strstr(world.bench.err, "an earlier 'weft down' was interrupted") && world_is_empty() &&
	       !world_is_recorded() && !strncmp(world.hooks, "d 100%\ne\n", 9) && !strstr(world.hooks + 1, "d 100%\ne\nd") &&
	       (up || !strstr(world.hooks + 1, "d")) ? 0 : 1;
}

static bool world_has_leads(__u32 table)
{
	size_t i, count = 0;

	for (i = 0; i < world.rules.count; i++)
		count += world.rules.items[i].table == table;
	return count == 2;
}

/* up is killed after step @kill_at; another interface takes the table, which is still empty. */
static int kill_and_take(unsigned int kill_at, bool up)
{
	world_begin_recorded();
	world.kill_at = kill_at;
	if (!setjmp(world_killed))
		return world_up(FULL) ? 2 : 3;
	world.kill_at = 0;
	if (world.routes.count || world.rules.count)
		return world_down(FULL) ? 2 : 3;
	world.taken = 51821;
	world_add_lead(AF_INET, 50, 51821);
	world_add_lead(AF_INET6, 50, 51821);
	if (up && !(world_up(FULL) && world_has_leads(51821) && world_has_leads(51822)))
		return 1;
	return world_down(FULL) && world.rules.count == 2 && world_has_leads(51821) ? 0 : 1;
}

static int status_of(int (*run)(unsigned int at, bool up), unsigned int at, bool up)
{
	int status;

	fflush(NULL);
	if (!fork()) {
		status = run(at, up);
		fflush(stdout);
		_exit(status);
	}
	wait(&status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* src_valid_mark is a setting of the namespace, and other tunnels rely on it. */
static int killed_with_marks(unsigned int kill_at, bool old_record)
{
	world_begin_recorded();
	world.kill_at = kill_at;
	if (!setjmp(world_killed))
		return world_up(NO_DNS) ? 2 : 3;
	world.kill_at = 0;
	if (!world_marks() || (old_record && !record_line("marks")))
		return 4;
	return world_down(NO_DNS) && world_is_empty() && !world_is_recorded() && world_marks() ? 0 : 1;
}

static void test_marks(void)
{
	static const char conf[] = PLAIN "PostUp = x; false\n" PEER_A "AllowedIPs = 0.0.0.0/0\n";

	world_begin_recorded();
	test_ok(!world_up(conf) && world_is_empty(), "src_valid_mark: an up fails behind it");
	test_ok(world_marks(), "src_valid_mark: it stays");
	world_end();
	test_ok(!status_of(killed_with_marks, 15, false), "src_valid_mark: an up is killed behind it, and it stays");
	test_ok(!status_of(killed_with_marks, 15, true), "src_valid_mark: it stays after an up of an earlier version");
}

static int kill_unrecorded(unsigned int fail, bool up)
{
	return kill_before_record(up, fail);
}

static void test_killed_between(void)
{
	unsigned int at;
	char name[96];
	int status;

	test_ok(!status_of(kill_unrecorded, 0, true), "killed before its link is recorded: up runs all hooks");
	test_ok(!status_of(kill_unrecorded, 1, true), "killed before its link is recorded: after a failing up the next up runs all hooks");
	test_ok(!status_of(kill_unrecorded, 0, false), "killed before its link is recorded: down deletes the link");
	for (at = 2; (status = status_of(kill_down, at, false)) != 2; at++) {
		snprintf(name, sizeof(name), "down killed at step %u: down continues, without PreDown", at);
		test_ok(!status, name);
		snprintf(name, sizeof(name), "down killed at step %u: up continues, without PreDown", at);
		test_ok(!status_of(kill_down, at, true), name);
	}
	test_ok(at > 6, "down was killed at each step");
}

static void test_killed_taken(void)
{
	unsigned int at;
	char name[96];
	int status;

	/* The steps before the first route: PreUp twice, the link, the configuration, and more. */
	for (at = 1; at < 100 && (status = status_of(kill_and_take, at, false)) != 2; at++) {
		snprintf(name, sizeof(name), "killed at step %u, its table is taken: down keeps the user's rules", at);
		test_ok(!status, name);
		snprintf(name, sizeof(name), "killed at step %u, its table is taken: up keeps the user's rules", at);
		test_ok(!status_of(kill_and_take, at, true), name);
	}
	test_ok(at > 4 && at < 100, "a table is taken after each step before the first route");
}

static void test_killed(const struct up_case *test)
{
	unsigned int kill_at = 0, bad = 0;
	int status = 0, up;
	char name[256];

	while (status != 2 << 8 && kill_at < 100) {
		kill_at++;
		for (up = 0; up < 2; up++) {
			fflush(NULL);
			if (!fork()) {
				status = kill_and_go_on(test, kill_at, up);
				fflush(stdout);
				_exit(status);
			}
			wait(&status);
			bad += status && status != 2 << 8;
		}
	}
	snprintf(name, sizeof(name), "%s: killed after each of %u steps, the next command continues", test->name, kill_at - 1);
	test_ok(!bad && kill_at < 100, name);
}

/* The hooks of the loser would affect the winner, too. */
static void test_stolen(void)
{
	world_begin_recorded();
	world.steal = true;
	test_ok(!world_up(PLAIN HOOKS PEER_A), "another process makes the link: refused");
	test_text("another process makes the link: no PostDown", world.hooks, "a ut0\nb\n");
	test_ok(world.link.index, "another process makes the link: the link stays");
	world_end();
}

/*
 * An interface that its PostUp removes does not count as up, and its hooks of going down run once.
 */
static void test_hook_removes(const char *name, const char *hook)
{
	char conf[512], text[96], hooks[128];

	snprintf(conf, sizeof(conf), PLAIN "PostUp = %s\nPreDown = d\nPostDown = e\n" PEER_A "AllowedIPs = 0.0.0.0/0\n",
		 hook);
	snprintf(hooks, sizeof(hooks), "%s\nd\ne\n", hook);
	world_begin_recorded();
	snprintf(text, sizeof(text), "%s: up fails", name);
	test_ok(!world_up(conf), text);
	snprintf(text, sizeof(text), "%s: hooks", name);
	test_text(text, world.hooks, hooks);
	snprintf(text, sizeof(text), "%s: nothing is left", name);
	test_ok(world_is_empty() && !world_is_recorded(), text);
	snprintf(text, sizeof(text), "%s: error", name);
	test_ok(strstr(world.bench.err, "weft: ut0: a hook has deleted the interface: it is not up\n"), text);
	world_end();
}

static void test_saving(void)
{
	static const char conf[] = PLAIN "SaveConfig = true\nPostUp = x %i\n" PEER_A;
	char path[sizeof(folder) + 16], text[1024] = "";
	FILE *file;

	world_begin_recorded();
	world.path = "/nonexistent/ut0.conf";
	test_ok(world_up(PLAIN "SaveConfig = true\n" PEER_A), "SaveConfig: up");
	test_ok(!world_down(PLAIN "SaveConfig = true\n" PEER_A), "SaveConfig fails: the status is not 0");
	test_ok(world_is_empty(), "SaveConfig fails: the interface is down");
	test_ok(strstr(world.bench.err, "weft: cannot open '/nonexistent/ut0.conf': No such file"),
		"SaveConfig fails: error");
	snprintf(path, sizeof(path), "%s/ut0.conf", folder);
	world.path = path;
	test_ok(write_file(path, conf), "SaveConfig: a file");
	test_ok(world_up(conf) && world_down(conf), "SaveConfig: up and down");
	file = fopen(path, "r");
	if (!file || !fread(text, 1, sizeof(text) - 1, file) || fclose(file))
		text[0] = '\0';
	test_text("SaveConfig: the file", text,
		  "[Interface]\nAddress = 10.0.0.1/24\nAddress = fd00::1/64\nSaveConfig = true\nPostUp = x %i\n"
		  "ListenPort = 7\nPrivateKey = " KEY_P "\n\n[Peer]\nPublicKey = " KEY_A "\nEndpoint = 192.0.2.1:7\n");
	unlink(path);
	world_end();
}

/* Settings that the kernel would refuse or drop are refused before any change. */
static const struct {
	const char *name;
	const char *conf;
	const char *err;
} refusals[] = {
	{ "a table with a default route", PLAIN "FwMark = 99\n" PEER_A "AllowedIPs = 0.0.0.0/0\n",
	  "routing table 99 already has a default route" },
	{ "IPv6 that is off", PLAIN PEER_A, "this machine disables IPv6 by /proc/sys/net/ipv6/conf/ut0/disable_ipv6" },
};

static void test_refusals(void)
{
	char *before, *after, name[128];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(refusals); i++) {
		world_begin();
		if (strstr(refusals[i].err, "disable_ipv6"))
			world_replace(&world.texts[world_file("/proc/sys/net/ipv6/conf/ut0/disable_ipv6")], "1");
		before = world_text();
		snprintf(name, sizeof(name), "refused: %s", refusals[i].name);
		test_ok(!world_up(refusals[i].conf) && !world.steps, name);
		test_ok(strstr(world.bench.err, refusals[i].err), "the error is printed");
		after = world_text();
		test_text("nothing is changed", after, before);
		free(before);
		free(after);
		world_end();
	}
}

/* Faults in the file alone are refused before PreUp. */
static const char * const unusable[] = {
	PLAIN HOOKS "MTU = 1200\n" PEER_A,
	PLAIN HOOKS "Table = local\n" PEER_A,
	PLAIN HOOKS "FwMark = 254\n" PEER_A "AllowedIPs = 0.0.0.0/0\n",
};

static void test_unusable(void)
{
	char path[sizeof(folder) + 16], name[128];
	char *words[] = { path, NULL };
	size_t i;

	snprintf(path, sizeof(path), "%s/ut0.conf", folder);
	for (i = 0; i < ARRAY_SIZE(unusable); i++) {
		world_begin_recorded();
		snprintf(name, sizeof(name), "unusable file %zu: up", i);
		test_ok(write_file(path, unusable[i]) && weft_command_up(&world.bench.ctx, 1, words) == 1 && !world.steps,
			name);
		test_text("  no hook runs", world.hooks, "");
		test_bench_flush(&world.bench);
		snprintf(name, sizeof(name), "weft: %s:10: ", path);
		test_ok(!strncmp(world.bench.err, name, strlen(name)) && !world_is_recorded(), "  the line is named");
		world_end();
	}
	unlink(path);
}

#define OWN(key)	"[Interface]\nPrivateKey = " key "\nListenPort = 7\n"
#define BEFORE(key)	"PreviousPrivateKey = " key "\n"

/**
 * struct key_case - a file with a previous key
 * @name: the case
 * @before: the file that is up before, NULL for none
 * @conf: the file
 * @wireguard: the link is of kind wireguard
 * @sent: the rotation that is requested
 * @key: the interface's key before
 */
static const struct key_case {
	const char *name;
	const char *before;
	const char *conf;
	bool wireguard;
	const char *sent;
	char key;
} keys[] = {
	{ "a new link, and a key that is valid for a minute", NULL, OWN(KEY_P) BEFORE(KEY_C) "GraceUntil = 1000000060\n",
	  .sent = "ut0: begin key=P grace=60\n", .key = 'C' },
	{ "a new link, and a key that is valid without an end", NULL, OWN(KEY_P) BEFORE(KEY_C),
	  .sent = "ut0: begin key=P grace=0\n", .key = 'C' },
	{ "a new link, and a key that is valid until 2106", NULL, OWN(KEY_P) BEFORE(KEY_C) "GraceUntil = 4294967297\n",
	  .sent = "ut0: begin key=P grace=3294967297\n", .key = 'C' },
	{ "a new link, and an expired key", NULL, OWN(KEY_P) BEFORE(KEY_C) "GraceUntil = 1000000000\n",
	  .sent = "", .key = 'P' },
	{ "a link with the previous key", OWN(KEY_C), OWN(KEY_P) BEFORE(KEY_C) "GraceUntil = 1000000001\n",
	  .sent = "ut0: begin key=P grace=1\n", .key = 'C' },
	{ "a link with the new key", OWN(KEY_P), OWN(KEY_P) BEFORE(KEY_C), .sent = "", .key = 'P' },
	{ "a link with a third key", OWN(KEY_A), OWN(KEY_P) BEFORE(KEY_C), .sent = "", .key = 'P' },
	{ "a link of wireguard", OWN(KEY_C), OWN(KEY_P) BEFORE(KEY_C), .wireguard = true, .sent = "", .key = 'P' },
	{ "the same key twice", NULL, OWN(KEY_P) BEFORE(KEY_P), .sent = "", .key = 'P' },
};

static void test_keys(void)
{
	char name[128];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		world_begin();
		if (keys[i].before && !world_up(keys[i].before))
			test_bail("no link");
		if (keys[i].wireguard) {
			world.link.kind = WEFT_KIND_WIREGUARD;
			world.bench.devices[0]->kind = WEFT_KIND_WIREGUARD;
		}
		snprintf(name, sizeof(name), "%s: comes up", keys[i].name);
		test_ok(world_up(keys[i].conf), name);
		test_text("  the rotation", world.bench.sent, keys[i].sent);
		test_ok(world.bench.devices[0]->private_key.bytes[0] == keys[i].key, "  the key");
		world_end();
	}
}

static void test_key_refused(void)
{
	char *nothing, *after;

	world_begin();
	nothing = world_text();
	world.bench.fail_set = "busy";
	test_ok(!world_up(OWN(KEY_P) BEFORE(KEY_C)), "a rotation that is refused");
	test_text("  the error is printed", world.bench.err,
		  "weft: ut0: cannot rotate from the previous key to the key of the file: busy\n"
		  "weft: ut0: all changes are undone\n");
	after = world_text();
	test_text("  all is undone", after, nothing);
	free(after);
	free(nothing);
	world_end();
}

/* A reload fails after setting name servers, while resolvconf already has others. */
static void test_dns_behind(const char *name, const char *dns)
{
	char conf[512], *former;

	world_begin_recorded();
	test_ok(world_up(OWN(KEY_C) "DNS = 10.0.0.53, example.org\n"), name);
	former = strdup(world.dns);
	snprintf(conf, sizeof(conf), OWN(KEY_P) BEFORE(KEY_C) "%s", dns);
	world.bench.fail_set = "busy";
	test_ok(!world_up(conf), "  a reload fails");
	test_text("  former name servers", world.dns, former);
	test_ok(strstr(world.bench.err, UNDONE), "  error");
	world.bench.fail_set = NULL;
	test_ok(world_down(conf) && world_is_empty(), "  goes down");
	free(former);
	world_end();
}

/* A tunnel goes down by its record when its file is gone, or is no file of a tunnel any more. */
static void down_without(const char *name, const char *text)
{
	char path[sizeof(folder) + 16], title[128];
	char *words[] = { text ? path : "ut0", NULL };

	world_begin_recorded();
	snprintf(path, sizeof(path), "%s/ut0.conf", folder);
	world.path = path;
	snprintf(title, sizeof(title), "%s: up", name);
	test_ok(write_file(path, FULL) && world_up(FULL), title);
	world.hooks[0] = '\0';
	snprintf(title, sizeof(title), "%s: down", name);
	test_ok((text ? write_file(path, text) : !unlink(path)) && !weft_command_down(&world.bench.ctx, 1, words), title);
	snprintf(title, sizeof(title), "%s: nothing is left", name);
	test_ok(world_is_empty() && !world_is_recorded(), title);
	snprintf(title, sizeof(title), "%s: the recorded hooks", name);
	test_text(title, world.hooks, "d 100%\ne\n");
	test_bench_flush(&world.bench);
	snprintf(title, sizeof(title), "%s: warning", name);
	test_ok(strstr(world.bench.err, "weft: warning: ut0: the file cannot be used: the record of 'weft up' is used instead\n"),
		title);
	snprintf(title, sizeof(title), "%s: a second down fails", name);
	test_ok(weft_command_down(&world.bench.ctx, 1, words), title);
	unlink(path);
	world_end();
}

static bool file_is(const char *path, const char *want)
{
	char text[1024] = "";
	FILE *file = fopen(path, "r");
	bool same = file && fread(text, 1, sizeof(text) - 1, file) && !strcmp(text, want);

	if (file)
		fclose(file);
	return same;
}

#define ELSEWHERE	"[Interface]\nPrivateKey = " KEY_A "\nPostDown = x\n"
#define SAVED		"[Interface]\nAddress = 10.0.0.1/24\nAddress = fd00::1/64\nSaveConfig = true\nPostDown = e\n" \
	"ListenPort = 7\nPrivateKey = " KEY_P "\n\n[Peer]\nPublicKey = " KEY_A "\nEndpoint = 192.0.2.1:7\n"

/* A name stands for the file that the interface came up from, even if /etc/weft has another one. */
static void down_from_elsewhere(void)
{
	static const char conf[] = PLAIN "SaveConfig = true\nPostDown = e\n" PEER_A;
	static const char bare[] = PLAIN "SaveConfig = true\n" PEER_A;
	char path[sizeof(folder) + 16];
	char *words[] = { "ut0", NULL };

	world_begin_recorded();
	snprintf(path, sizeof(path), "%s/ut0.conf", folder);
	world.path = path;
	test_ok(write_file(path, conf) && write_file("/etc/weft/ut0.conf", ELSEWHERE) && world_up(conf),
		"two files of the name: up from the one outside /etc/weft");
	test_ok(!weft_command_save(&world.bench.ctx, 1, words) && file_is(path, SAVED), "  save NAME writes that file");
	test_ok(file_is("/etc/weft/ut0.conf", ELSEWHERE), "  save NAME leaves the other file");
	test_ok(write_file(path, conf) && !weft_command_down(&world.bench.ctx, 1, words) && file_is(path, SAVED),
		"  down NAME saves into that file");
	test_ok(file_is("/etc/weft/ut0.conf", ELSEWHERE), "  down NAME leaves the other file");
	test_text("  hooks", world.hooks, "e\n");
	test_ok(world_up(conf) && !unlink(path) && weft_command_save(&world.bench.ctx, 1, words),
		"  save NAME is refused without the file");
	world.hooks[0] = '\0';
	test_ok(!weft_command_down(&world.bench.ctx, 1, words), "  down NAME is accepted without the file");
	test_ok(file_is("/etc/weft/ut0.conf", ELSEWHERE), "  the other file stays");
	test_text("  hooks", world.hooks, "e\n");
	test_ok(!weft_command_up(&world.bench.ctx, 1, words) && !weft_command_save(&world.bench.ctx, 1, words) &&
		!file_is("/etc/weft/ut0.conf", ELSEWHERE), "  up NAME and save NAME take /etc/weft's");
	test_ok(!weft_command_down(&world.bench.ctx, 1, words) && world_is_empty() && !world_is_recorded(), "  down NAME takes /etc/weft's");
	test_ok(write_file("/etc/weft/ut0.conf", bare) && !weft_command_up(&world.bench.ctx, 1, words) &&
		!chmod("/etc/weft/ut0.conf", 0666) && !weft_command_down(&world.bench.ctx, 1, words) &&
		!file_is("/etc/weft/ut0.conf", bare), "  a file that other users may write to counts, too");
	world_end();
}

static void test_elsewhere(void)
{
	int status;

	fflush(NULL);
	if (!fork()) {
		if (!test_enter_etc())
			_exit(4);
		down_from_elsewhere();
		_exit(test_end());
	}
	wait(&status);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 4)
		printf("# no namespace for an /etc of its own\n");
	else
		test_ok(!status, "two files of the name");
}

/* A link that is no tunnel stays, and no warning says that it is deleted. */
static void down_foreign(void)
{
	char name[] = "ut0";
	char *words[] = { name, NULL };

	world_begin_recorded();
	world.link = (struct weft_host_link){ .index = 5, .kind = WEFT_KIND_NONE, .mtu = 1500 };
	test_ok(weft_command_down(&world.bench.ctx, 1, words) && world.link.index,
		"a link that is no tunnel: down fails");
	test_bench_flush(&world.bench);
	test_text("a link that is no tunnel: message", world.bench.err,
		  "weft: ut0: a link of this name exists, and is neither weft nor wireguard\n");
	world_end();
}

/* A link from another program, such as "ip link add ut0 type wireguard". */
static void down_unknown(void)
{
	char name[] = "ut0";
	char *words[] = { name, NULL };

	world_begin_recorded();
	world.bench.devices[0] = test_device(name, WEFT_KIND_WIREGUARD, "");
	world.link = (struct weft_host_link){ .index = 5, .kind = WEFT_KIND_WIREGUARD, .mtu = 1420 };
	test_ok(!weft_command_down(&world.bench.ctx, 1, words), "neither file nor record: down");
	test_ok(!world.link.index && world.steps == 1, "neither file nor record: the link alone is deleted");
	test_bench_flush(&world.bench);
	test_text("neither file nor record: warning", world.bench.err,
		  "weft: warning: ut0: neither a file nor a record of 'weft up' exists: the link and its routing rules are deleted, and no hook runs\n");
	test_ok(weft_command_down(&world.bench.ctx, 1, words), "neither file nor record: a second down fails");
	world_end();
}

static bool remove_folder(void)
{
	char command[48];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	return !system(command);
}

int main(void)
{
	size_t i;

	if (!mkdtemp(folder))
		test_bail("no folder");
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		test_case(&cases[i]);
	test_refusals();
	test_unusable();
	test_short_memory();
	test_keys();
	test_key_refused();
	test_dns_behind("resolvconf, other name servers", "DNS = 10.0.0.54\n");
	test_dns_behind("resolvconf, no name servers left", "");
	test_partial();
	test_unread();
	test_hooks();
	test_hooks_later();
	test_unfinished("name servers", 2, false);
	test_unfinished("name servers, then up", 2, true);
	test_unfinished("the table of nft", 3, false);
	test_beside();
	test_deleted();
	test_set_down(0, false);
	test_set_down(51821, false);
	test_set_down(51821, true);
	test_rules_at_once();
	test_rules_deleted("a link that was set down goes down", world_down, NO_DNS, false);
	test_rules_deleted("a link that was deleted goes down", world_down, NO_DNS, true);
	test_rules_deleted("a link that was deleted comes up", world_up, PLAIN PEER_A, true);
	test_rules_deleted("a link that was set down is reloaded without routes", world_up, ROUTELESS, false);
	test_rules_deleted("a link that was set down is reloaded with a table", world_up, TABLE_5, false);
	test_rules_deleted_before();
	test_set_down_reload("a link that was set down loses its default route", PLAIN HOOKS PEER_A, 0, 0);
	test_set_down_reload("a link that was set down gets another mark", ONE_ROUTE, 0, 2);
	test_set_down_reload("a link that was set down, and its table is taken", PLAIN HOOKS PEER_A, 51821, 4);
	test_unlisted("nft cannot list tables", &world.unlisted, "ut0: cannot list nft tables: it is broken");
	test_unlisted("a routing table cannot be read", &world.unread, "ut0: cannot read routing table 51821: it is broken");
	test_without_ip6();
	test_unreadable("down cannot read the interface", world_down);
	test_unreadable("up cannot read the interface", world_up);
	test_dns();
	test_dns_reload();
	test_dns_half();
	test_dns_deaf();
	test_reload_unrecorded();
	test_reload_recorded("a reload that fails", PLAIN "PostDown = y\n" PEER_A, FULL, 7);
	test_reload_recorded("a reload of default routes that fails", FULL, PLAIN "PostDown = y\n" PEER_A, 5);
	test_reload_recorded("a reload that fails at its name servers", FULL, OTHER_DNS, 1);
	test_dns_removed("a reload with other name servers", world_up, OTHER_DNS, "nft resolvconf");
	test_dns_removed("a reload without name servers", world_up, NO_DNS, "nft");
	test_dns_removed("a down", world_down, FULL, "nft");
	test_dns_of_another();
	test_hook_removes("PostUp takes the tunnel down", "weft down x");
	test_hook_removes("PostUp takes the tunnel down, and fails", "weft down x; false");
	test_hook_removes("PostUp deletes the link", "ip link del x");
	test_record_path();
	test_open_folder();
	test_link_of_another();
	test_in_hook();
	test_rules_of_none();
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		test_killed(&cases[i]);
	test_marks();
	test_killed_between();
	test_killed_taken();
	test_stolen();
	test_saving();
	test_mounts();
	down_without("its file is gone", NULL);
	down_without("its file is broken", "[Interface]\nAddress = nonsense\nPostDown = x\n");
	down_without("its file is no longer a tunnel's", "nonsense\n");
	test_elsewhere();
	down_foreign();
	down_unknown();
	test_ok(remove_folder(), "the folder is removed");
	return test_end();
}
