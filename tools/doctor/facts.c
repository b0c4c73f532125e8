// SPDX-License-Identifier: GPL-2.0
/* The facts for the checks. Gathering only reads, and starts handshakes. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/array.h"
#include "base/complain.h"
#include "conf/config.h"
#include "conf/file.h"
#include "conf/locate.h"
#include "conf/profile.h"
#include "doctor/doctor.h"
#include "genl/backend.h"
#include "host/program.h"

/* An answer takes one round trip; an unanswered handshake is retried after 5 s. */
#define DOCTOR_SAMPLE_US	150000
#define DOCTOR_SAMPLES		20
#define DOCTOR_SAMPLES_MAX	44

/* Each route costs one request to the kernel. */
#define DOCTOR_WAYS_MAX		2000

/* Reserved for benchmarks (RFC 2544, RFC 5180): only a default route leads there. */
#define DOCTOR_ANYWHERE_IP4	"198.18.0.1"
#define DOCTOR_ANYWHERE_IP6	"2001:2::1"

#define DOCTOR_DISCARD_PORT	9
#define DOCTOR_LINE_BYTES	4096
#define DOCTOR_WORDS_MAX	6

/**
 * struct doctor_watch - the state of gathering
 * @ctx: the context
 * @facts: the facts being filled in
 * @before: the two latest endpoints of each peer, newest first
 * @ways: routes requested so far
 */
struct doctor_watch {
	const struct weft_context *ctx;
	struct weft_doctor_facts *facts;
	union weft_endpoint (*before)[2];
	size_t ways;
};

/* "Ip: A B C", then "Ip: 1 2 3": the number below a name. */
static __u64 doctor_table_counter(const char *file, const char *group,
				  const char *name)
{
	char names[DOCTOR_LINE_BYTES], numbers[DOCTOR_LINE_BYTES];
	char *n, *v, *rest_n = NULL, *rest_v = NULL;
	FILE *in = fopen(file, "re");
	__u64 count = 0;

	while (in && fgets(names, sizeof(names), in) &&
	       fgets(numbers, sizeof(numbers), in)) {
		if (strncmp(names, group, strlen(group)))
			continue;
		n = strtok_r(names, "\n ", &rest_n);
		v = strtok_r(numbers, "\n ", &rest_v);
		while (n && v && strcmp(n, name)) {
			n = strtok_r(NULL, "\n ", &rest_n);
			v = strtok_r(NULL, "\n ", &rest_v);
		}
		if (n && v)
			count = strtoull(v, NULL, 10);
		break;
	}
	if (in)
		fclose(in);
	return count;
}

static __u64 doctor_line_counter(const char *file, const char *name)
{
	char line[DOCTOR_LINE_BYTES];
	FILE *in = fopen(file, "re");
	__u64 count = 0;
	size_t len = strlen(name);

	while (in && fgets(line, sizeof(line), in))
		if (!strncmp(line, name, len))
			count = strtoull(line + len, NULL, 10);
	if (in)
		fclose(in);
	return count;
}

static struct weft_doctor_stack doctor_stack(void)
{
	return (struct weft_doctor_stack){
		.not_forwarded4 = doctor_table_counter("/proc/net/snmp", "Ip:",
						       "InAddrErrors"),
		.not_forwarded6 = doctor_line_counter("/proc/net/snmp6",
						      "Ip6InAddrErrors "),
		.rp_filtered = doctor_table_counter("/proc/net/netstat", "TcpExt:",
						    "IPReversePathFilter"),
	};
}

static int doctor_run(const struct weft_context *ctx, char **output,
		      const char *program, va_list args)
{
	const char *words[DOCTOR_WORDS_MAX + 1] = { };
	struct weft_change holder = { };
	int err = -ENOMEM;
	size_t i;

	for (i = 0; i < DOCTOR_WORDS_MAX; i++) {
		words[i] = va_arg(args, const char *);
		if (!words[i])
			break;
	}
	if (weft_program_set(&holder.program, NULL, program, words[0],
			     words[1], words[2], words[3], words[4], words[5],
			     NULL))
		err = ctx->host->run(ctx->host, &holder.program, output);
	if (err)
		*output = NULL;
	weft_change_clear(&holder);
	return err;
}

char *weft_doctor_run(const struct weft_context *ctx, const char *program, ...)
{
	char *output = NULL;
	va_list args;

	va_start(args, program);
	doctor_run(ctx, &output, program, args);
	va_end(args);
	return output;
}

int weft_doctor_try(const struct weft_context *ctx, char **output,
		    const char *program, ...)
{
	va_list args;
	int err;

	va_start(args, program);
	err = doctor_run(ctx, output, program, args);
	va_end(args);
	return err;
}

static void doctor_gather_file(struct doctor_watch *watch)
{
	struct weft_context quiet = *watch->ctx;
	struct weft_location location;
	struct weft_file content;

	if (!weft_locate_running(watch->ctx, weft_locate_folders,
				 watch->facts->first->name, &location))
		return;
	watch->facts->path = location.path;
	quiet.err = fopen("/dev/null", "we");
	if (!quiet.err)
		return;
	if (weft_config_read(&quiet, location.path, &content)) {
		watch->facts->profile = weft_profile_parse(&quiet, location.path,
							   content.text,
							   location.name);
		weft_file_wipe(&content);
	}
	fclose(quiet.err);
}

static bool doctor_way(struct doctor_watch *watch, const union weft_endpoint *to,
		       __u32 mark, struct weft_host_way *way)
{
	if (++watch->ways > DOCTOR_WAYS_MAX)
		return false;
	return !watch->ctx->host->way(watch->ctx->host, to, mark, way);
}

static void doctor_gather_ways(struct doctor_watch *watch,
			       struct weft_doctor_peer *peer)
{
	__u32 mark = watch->facts->first->fwmark;

	if (peer->last->endpoint.any.sa_family != AF_UNSPEC &&
	    doctor_way(watch, &peer->last->endpoint, mark, &peer->way) && mark)
		doctor_way(watch, &peer->last->endpoint, 0, &peer->unmarked);
}

static bool doctor_is_own(const struct weft_routes *addresses,
			  const struct weft_allowedip *ip)
{
	size_t i, len = ip->family == AF_INET ? sizeof(ip->ip4) :
						sizeof(ip->ip6);

	for (i = 0; i < addresses->count; i++)
		if (addresses->items[i].prefix.family == ip->family &&
		    !memcmp(&addresses->items[i].prefix.ip4, &ip->ip4, len))
			return true;
	return false;
}

static void doctor_next_address(struct weft_allowedip *ip)
{
	unsigned char *last = ip->family == AF_INET ?
		(unsigned char *)&ip->ip4 + 3 : &ip->ip6.s6_addr[15];

	++*last;
}

/* An address within the prefix that is not the host's own. */
static void doctor_example(const struct weft_routes *addresses,
			   const struct weft_allowedip *prefix,
			   union weft_endpoint *to)
{
	struct weft_allowedip ip = *prefix;
	unsigned int bits = ip.family == AF_INET ? 32 : 128;

	if (!ip.cidr)
		inet_pton(ip.family, ip.family == AF_INET ? DOCTOR_ANYWHERE_IP4 :
							    DOCTOR_ANYWHERE_IP6,
			  &ip.ip4);
	else if (ip.cidr < bits)
		doctor_next_address(&ip);
	if (ip.cidr + 1U < bits && doctor_is_own(addresses, &ip))
		doctor_next_address(&ip);
	memset(to, 0, sizeof(*to));
	to->any.sa_family = ip.family;
	if (ip.family == AF_INET)
		to->ip4.sin_addr = ip.ip4;
	else
		to->ip6.sin6_addr = ip.ip6;
}

/* Multicast and link-local prefixes need no route through the tunnel. */
static bool doctor_is_ordinary(const struct weft_allowedip *ip)
{
	if (ip->family == AF_INET)
		return !IN_MULTICAST(ntohl(ip->ip4.s_addr));
	return !IN6_IS_ADDR_MULTICAST(&ip->ip6) &&
	       !IN6_IS_ADDR_LINKLOCAL(&ip->ip6);
}

static void doctor_gather_prefixes(struct doctor_watch *watch,
				   const struct weft_routes *addresses,
				   struct weft_doctor_peer *peer)
{
	const struct weft_profile *profile = watch->facts->profile;
	struct weft_doctor_prefix *prefix;
	const struct weft_allowedip *ip;
	union weft_endpoint to;
	size_t count = 0;

	/* With Table = off weft does not manage routes. */
	if (profile && profile->table == WEFT_TABLE_OFF)
		return;
	for (ip = peer->last->allowedips; ip; ip = ip->next)
		count++;
	peer->prefixes = calloc(count + 1, sizeof(*peer->prefixes));
	for (ip = peer->last->allowedips; ip && peer->prefixes; ip = ip->next) {
		if (!doctor_is_ordinary(ip))
			continue;
		prefix = &peer->prefixes[peer->prefix_count++];
		prefix->ip = ip;
		doctor_example(addresses, ip, &to);
		doctor_way(watch, &to, 0, &prefix->way);
	}
}

static void doctor_gather_peers(struct doctor_watch *watch)
{
	struct weft_doctor_facts *facts = watch->facts;
	struct weft_routes addresses = { };
	size_t i;

	if (watch->ctx->host->addresses(watch->ctx->host, facts->link.index,
					&addresses))
		memset(&addresses, 0, sizeof(addresses));
	for (i = 0; i < facts->peer_count; i++) {
		doctor_gather_ways(watch, &facts->peers[i]);
		doctor_gather_prefixes(watch, &addresses, &facts->peers[i]);
	}
	weft_host_routes_free(&addresses);
}

/*
 * A datagram to the discard port, through the tunnel, starts a handshake: in-tree
 * wireguard has no request for one.
 */
static void doctor_knock(const struct weft_device *dev,
			 const struct weft_peer *peer)
{
	static const struct weft_routes none;
	union weft_endpoint to;
	int fd;

	if (!peer->allowedips)
		return;
	doctor_example(&none, peer->allowedips, &to);
	if (to.any.sa_family == AF_INET)
		to.ip4.sin_port = htons(DOCTOR_DISCARD_PORT);
	else
		to.ip6.sin6_port = htons(DOCTOR_DISCARD_PORT);
	fd = socket(to.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (!setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, dev->name,
			strlen(dev->name)))
		sendto(fd, "", 0, MSG_DONTWAIT, &to.any,
		       to.any.sa_family == AF_INET ? sizeof(to.ip4) : sizeof(to.ip6));
	close(fd);
}

/* Starts handshakes with the peers that have an endpoint and no session. */
static void doctor_connect(struct doctor_watch *watch)
{
	const struct weft_device *dev = watch->facts->first;
	struct weft_device *change = weft_model_device_new(dev->name);
	const struct weft_peer *peer;
	struct weft_peer *called;

	for (peer = dev->peers; change && peer; peer = peer->next) {
		if (peer->endpoint.any.sa_family == AF_UNSPEC)
			continue;
		if (dev->kind != WEFT_KIND_WEFT) {
			doctor_knock(dev, peer);
			continue;
		}
		called = weft_model_peer_add(change);
		if (!called)
			break;
		called->public_key = peer->public_key;
		called->has = WEFT_PEER_HAS_PUBLIC_KEY | WEFT_PEER_UPDATE_ONLY |
			      WEFT_PEER_CONNECT;
	}
	/* A refusal needs no complaint: the checks report the missing session. */
	if (change && change->peers)
		watch->ctx->backend->set(watch->ctx->backend, change);
	weft_model_device_free(change);
}

/* Counts endpoints that return to the one before the last. */
static void doctor_follow(struct doctor_watch *watch,
			  const struct weft_device *dev)
{
	struct weft_doctor_facts *facts = watch->facts;
	const struct weft_peer *peer = dev->peers;
	union weft_endpoint *before;
	size_t i;

	for (i = 0; i < facts->peer_count && peer; i++, peer = peer->next) {
		before = watch->before[i];
		if (weft_model_endpoint_equal(&before[0], &peer->endpoint))
			continue;
		if (before[1].any.sa_family != AF_UNSPEC &&
		    weft_model_endpoint_equal(&before[1], &peer->endpoint))
			facts->peers[i].returns++;
		before[1] = before[0];
		before[0] = peer->endpoint;
		facts->peers[i].endpoints[0] = before[0];
		facts->peers[i].endpoints[1] = before[1];
	}
}

static bool doctor_all_answer(const struct weft_device *first,
			      const struct weft_device *now)
{
	const struct weft_peer *a = first->peers, *b = now->peers;

	/* An in-tree link may delay its initiation. */
	for (; a && b; a = a->next, b = b->next)
		if (b->endpoint.any.sa_family != AF_UNSPEC &&
		    (!b->handshake_s || b->tx_bytes > a->tx_bytes ||
		     now->kind != WEFT_KIND_WEFT) &&
		    b->rx_bytes == a->rx_bytes)
			return false;
	return true;
}

/* A refused sender retries every 5 s: further samples may see the next try. */
static bool doctor_is_odd(const struct weft_device *dev)
{
	return dev->drops[WEFT_DROPS_A_MAC] || dev->drops[WEFT_DROPS_A_UNKNOWN_PEER] ||
	       dev->drops[WEFT_DROPS_A_TIMESTAMP] ||
	       dev->drops[WEFT_DROPS_A_PRESHARED];
}

static bool doctor_same_peers(const struct weft_device *a,
			      const struct weft_device *b)
{
	const struct weft_peer *x = a->peers, *y = b->peers;

	while (x && y && weft_key_equal(&x->public_key, &y->public_key)) {
		x = x->next;
		y = y->next;
	}
	return !x && !y;
}

/* Reads the device repeatedly, until all peers have answered or the samples run out. */
static bool doctor_watch(struct doctor_watch *watch)
{
	struct weft_doctor_facts *facts = watch->facts;
	struct weft_device *now = NULL;
	unsigned int samples;

	for (samples = 1; samples <= DOCTOR_SAMPLES_MAX; samples++) {
		watch->ctx->pause(DOCTOR_SAMPLE_US);
		if (!weft_backend_get(watch->ctx, facts->first->name, &now))
			return false;
		if (!doctor_same_peers(facts->first, now)) {
			weft_model_device_free(now);
			return weft_complain(watch->ctx,
					     "%s: the peers changed during the checks: run the command again",
					     facts->first->name);
		}
		doctor_follow(watch, now);
		weft_model_device_free((struct weft_device *)facts->last);
		facts->last = now;
		if (samples >= DOCTOR_SAMPLES && !doctor_is_odd(now) &&
		    doctor_all_answer(facts->first, now))
			break;
	}
	return true;
}

static bool doctor_observe(struct doctor_watch *watch)
{
	struct weft_doctor_stack before = doctor_stack(), after;
	struct weft_doctor_facts *facts = watch->facts;
	struct weft_doctor_probes *probes;
	const struct weft_peer *first, *last;
	bool good;
	size_t i;

	probes = weft_doctor_probe_start(facts->first);
	doctor_connect(watch);
	good = doctor_watch(watch);
	weft_doctor_probe_hear(probes);
	after = doctor_stack();
	facts->grew.not_forwarded4 =
		after.not_forwarded4 - before.not_forwarded4;
	facts->grew.not_forwarded6 =
		after.not_forwarded6 - before.not_forwarded6;
	facts->grew.rp_filtered = after.rp_filtered - before.rp_filtered;
	first = facts->first->peers;
	last = good ? facts->last->peers : NULL;
	for (i = 0; good && i < facts->peer_count; i++) {
		facts->peers[i].first = first;
		facts->peers[i].last = last;
		facts->peers[i].probe = weft_doctor_probe_result(probes, i);
		first = first->next;
		last = last->next;
	}
	weft_doctor_probe_end(probes);
	return good;
}

static bool doctor_prepare(struct doctor_watch *watch)
{
	struct weft_doctor_facts *facts = watch->facts;
	const struct weft_peer *peer;
	size_t i = 0;

	facts->peer_count = weft_model_peer_count(facts->first);
	facts->peers = calloc(facts->peer_count + 1, sizeof(*facts->peers));
	watch->before = calloc(facts->peer_count + 1, sizeof(*watch->before));
	if (!facts->peers || !watch->before)
		return weft_complain(watch->ctx, "out of memory");
	for (peer = facts->first->peers; peer; peer = peer->next)
		watch->before[i++][0] = peer->endpoint;
	return true;
}

static void doctor_gather_device(struct doctor_watch *watch)
{
	struct weft_doctor_facts *facts = watch->facts;
	const char *name = facts->first->name;

	facts->forwarding4 = weft_host_setting(watch->ctx->host, "ipv4", name, "forwarding") != 0;
	facts->forwarding6 = weft_host_setting(watch->ctx->host, "ipv6", "all", "forwarding") != 0;
	facts->pmtu = facts->last->pmtu;
	facts->strict = weft_host_is_strict(watch->ctx->host, name);
	doctor_gather_file(watch);
}

bool weft_doctor_gather(const struct weft_context *ctx, const char *name,
			struct weft_doctor_facts *facts)
{
	struct doctor_watch watch = { .ctx = ctx, .facts = facts };
	struct weft_device *first;
	bool good = false;

	memset(facts, 0, sizeof(*facts));
	if (!weft_backend_get(ctx, name, &first))
		return false;
	facts->first = first;
	if (ctx->host->link(ctx->host, name, &facts->link))
		weft_complain(ctx, "cannot read link '%s': %s", name,
			      ctx->host->error);
	else if (doctor_prepare(&watch))
		good = doctor_observe(&watch);
	if (good) {
		facts->now = time(NULL);
		doctor_gather_device(&watch);
		doctor_gather_peers(&watch);
		weft_doctor_gather_names(ctx, facts);
		weft_doctor_gather_firewall(ctx, facts);
	}
	free(watch.before);
	return good;
}

void weft_doctor_facts_free(struct weft_doctor_facts *facts)
{
	size_t i;

	for (i = 0; facts->peers && i < facts->peer_count; i++) {
		free(facts->peers[i].prefixes);
		free(facts->peers[i].unresolved);
		weft_bar_clear(&facts->peers[i].in);
		weft_bar_clear(&facts->peers[i].out);
	}
	free(facts->peers);
	free((char *)facts->path);
	free(facts->unread);
	for (i = 0; i < ARRAY_SIZE(facts->walls); i++) {
		weft_bar_clear(&facts->walls[i].in);
		weft_bar_clear(&facts->walls[i].fresh);
		weft_bar_clear(&facts->walls[i].out);
	}
	weft_profile_free((struct weft_profile *)facts->profile);
	weft_model_device_free((struct weft_device *)facts->first);
	weft_model_device_free((struct weft_device *)facts->last);
	memset(facts, 0, sizeof(*facts));
}
