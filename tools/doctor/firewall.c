// SPDX-License-Identifier: GPL-2.0
/*
 * Whether the firewall of this machine bars the tunnel's own packets: those of
 * any peer, and those of each peer that is not up.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "apply/firewall.h"
#include "base/array.h"
#include "base/context.h"
#include "doctor/doctor.h"
#include "host/host.h"

/* Each peer costs two walks through the ruleset. */
#define FIREWALL_PEERS_MAX	20

/* Reserved for benchmarks (RFC 2544, RFC 5180): only a default route leads there. */
#define FIREWALL_ANYWHERE_IP4	"198.18.0.1"
#define FIREWALL_ANYWHERE_IP6	"2001:2::1"

/* Exists in each network namespace of a kernel with netfilter. */
#define FIREWALL_NETFILTER	"/proc/net/netfilter/nf_log"

static const __u16 firewall_families[] = { AF_INET, AF_INET6 };

/* A kernel without netfilter has no rules. */
static bool firewall_has_netfilter(const struct weft_context *ctx)
{
	char *text = NULL;
	int err = ctx->host->read(ctx->host, FIREWALL_NETFILTER, &text);

	free(text);
	return err != -ENOENT;
}

/* One of the programs is enough, unless nft is there and fails. */
void weft_doctor_rules_read(const struct weft_context *ctx,
			    struct weft_doctor_rules *rules)
{
	int err = weft_doctor_try(ctx, &rules->nft, "nft", "-j", "list",
				  "ruleset", NULL);

	if (err && err != -ENOENT)
		rules->unread = strdup(ctx->host->error);
	rules->ip4 = weft_doctor_run(ctx, "iptables-save", NULL);
	rules->ip6 = weft_doctor_run(ctx, "ip6tables-save", NULL);
	if (err == -ENOENT && !rules->ip4 && !rules->ip6)
		rules->unread = strdup("neither nft nor iptables-save works");
	if (rules->unread && !firewall_has_netfilter(ctx)) {
		free(rules->unread);
		rules->unread = NULL;
	}
}

void weft_doctor_rules_free(struct weft_doctor_rules *rules)
{
	free(rules->nft);
	free(rules->ip4);
	free(rules->ip6);
	free(rules->unread);
	memset(rules, 0, sizeof(*rules));
}

/* The rules as @packet traverses them; @walk is to be cleared. */
static void firewall_read(const struct weft_doctor_rules *rules,
			  const struct weft_packet *packet,
			  struct weft_walk *walk)
{
	bool is_ip4 = packet->family == AF_INET;
	const char *text = is_ip4 ? rules->ip4 : rules->ip6;
	bool elsewhere = text && strstr(text, "\n*");

	/* Comments mostly precede the first table. */
	elsewhere |= text && *text == '*';
	weft_walk_init(walk);
	if (rules->nft)
		weft_walk_read_nft(walk, rules->nft, elsewhere, packet);
	if (text)
		weft_walk_read_iptables(walk, text,
					is_ip4 ? "iptables" : "ip6tables", packet);
}

/* The flow's state depends on earlier rules (notrack), so these are evaluated first. */
void weft_doctor_rules_ask(const struct weft_doctor_rules *rules,
			   const struct weft_packet *packet,
			   struct weft_bar *bar)
{
	struct weft_packet traced = *packet;
	struct weft_walk walk;

	firewall_read(rules, &traced, &walk);
	traced.untracked = weft_walk_untracks(&walk);
	if (traced.untracked != packet->untracked) {
		weft_walk_clear(&walk);
		firewall_read(rules, &traced, &walk);
	}
	weft_walk_run(&walk, bar);
	weft_walk_clear(&walk);
}

/* The table by which "up", or wg-quick, marks incoming packets. */
static bool firewall_has_table(const struct weft_doctor_rules *rules,
			       const char *name, bool *late)
{
	char word[sizeof("\"wg-quick-\"") + sizeof(struct weft_firewall_table)];

	if (!rules->nft)
		return false;
	snprintf(word, sizeof(word), "\"%s\"", weft_firewall_table(name).chars);
	*late = strstr(rules->nft, word);
	if (*late)
		return true;
	snprintf(word, sizeof(word), "\"wg-quick-%s\"", name);
	return strstr(rules->nft, word);
}

/**
 * struct firewall_job - the evaluation of a firewall for a tunnel
 * @ctx: the host
 * @rules: the ruleset
 * @facts: the facts being filled in
 * @remarked: incoming packets get their flow's mark
 */
struct firewall_job {
	const struct weft_context *ctx;
	struct weft_doctor_rules rules;
	struct weft_doctor_facts *facts;
	bool remarked;
	bool late;
};

static void firewall_ask(const struct firewall_job *job,
			 struct weft_packet packet, bool out, bool fresh,
			 struct weft_bar *bar)
{
	packet.out = out;
	packet.fresh = fresh;
	packet.mark = out ? job->facts->first->fwmark : 0;
	packet.port = job->facts->first->listen_port;
	packet.remarked = job->remarked;
	packet.late = job->late;
	weft_doctor_rules_ask(&job->rules, &packet, bar);
}

/* The link to all peers of that family, or "" if there are several. */
static bool firewall_peers_dev(const struct weft_doctor_facts *facts,
			       struct weft_packet *packet)
{
	const struct weft_doctor_peer *peer;
	bool used = false;
	size_t i;

	for (i = 0; i < facts->peer_count; i++) {
		peer = &facts->peers[i];
		if (peer->last->endpoint.any.sa_family != packet->family)
			continue;
		if (!used)
			snprintf(packet->dev, sizeof(packet->dev), "%s",
				 peer->way.dev);
		else if (strcmp(packet->dev, peer->way.dev))
			packet->dev[0] = '\0';
		used = true;
	}
	return used;
}

static bool firewall_default_dev(const struct firewall_job *job,
				 struct weft_packet *packet)
{
	struct weft_host *host = job->ctx->host;
	union weft_endpoint to = { .any.sa_family = packet->family };
	struct weft_host_way way = { };

	if (packet->family == AF_INET)
		inet_pton(AF_INET, FIREWALL_ANYWHERE_IP4, &to.ip4.sin_addr);
	else
		inet_pton(AF_INET6, FIREWALL_ANYWHERE_IP6, &to.ip6.sin6_addr);
	if (host->way(host, &to, job->facts->first->fwmark, &way) ||
	    !way.found)
		return false;
	snprintf(packet->dev, sizeof(packet->dev), "%s", way.dev);
	return true;
}

static bool firewall_has_endpoints(const struct weft_doctor_facts *facts)
{
	size_t i;

	for (i = 0; i < facts->peer_count; i++)
		if (facts->peers[i].last->endpoint.any.sa_family != AF_UNSPEC)
			return true;
	return false;
}

/* A tunnel without any endpoint is taken to use IPv4, and IPv6 if that has a default route. */
static void firewall_gather_walls(struct firewall_job *job)
{
	bool known = firewall_has_endpoints(job->facts);
	struct weft_doctor_wall *wall;
	struct weft_packet packet;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(firewall_families); i++) {
		wall = &job->facts->walls[i];
		packet = (struct weft_packet){
			.family = firewall_families[i],
			.astray = job->facts->first->fwmark ?
				  WEFT_MATCH_MAYBE : WEFT_MATCH_NO,
		};
		wall->used = known ? firewall_peers_dev(job->facts, &packet) :
				     firewall_default_dev(job, &packet) ||
				     packet.family == AF_INET;
		if (!wall->used)
			continue;
		firewall_ask(job, packet, false, false, &wall->in);
		firewall_ask(job, packet, false, true, &wall->fresh);
		firewall_ask(job, packet, true, true, &wall->out);
	}
}

static enum weft_match firewall_astray(const struct firewall_job *job,
				       const struct weft_doctor_peer *peer)
{
	if (!job->facts->first->fwmark)
		return WEFT_MATCH_NO;
	if (!peer->unmarked.asked)
		return WEFT_MATCH_MAYBE;
	return weft_match_of(!peer->unmarked.found ||
			     strcmp(peer->unmarked.dev, peer->way.dev));
}

static void firewall_gather_peer(struct firewall_job *job,
				 struct weft_doctor_peer *peer)
{
	struct weft_packet packet = {
		.family = peer->last->endpoint.any.sa_family,
		.there = peer->last->endpoint,
		.astray = firewall_astray(job, peer),
	};

	snprintf(packet.dev, sizeof(packet.dev), "%s", peer->way.dev);
	firewall_ask(job, packet, false, false, &peer->in);
	firewall_ask(job, packet, true, true, &peer->out);
}

/* rp_filter sees a restored mark where src_valid_mark is set. */
static void firewall_gather_strict(struct firewall_job *job)
{
	bool seen = job->remarked &&
		    weft_host_setting(job->ctx->host, "ipv4", "all", "src_valid_mark") > 0;
	struct weft_doctor_peer *peer;
	size_t i;

	for (i = 0; i < job->facts->peer_count && !seen; i++) {
		peer = &job->facts->peers[i];
		peer->outer_strict =
			peer->last->endpoint.any.sa_family == AF_INET &&
			peer->unmarked.asked &&
			weft_host_is_strict(job->ctx->host, peer->way.dev);
	}
}

void weft_doctor_gather_firewall(const struct weft_context *ctx,
				 struct weft_doctor_facts *facts)
{
	struct firewall_job job = { .ctx = ctx, .facts = facts };
	size_t i, asked = 0;

	weft_doctor_rules_read(ctx, &job.rules);
	facts->unread = job.rules.unread;
	job.rules.unread = NULL;
	job.remarked = firewall_has_table(&job.rules, facts->first->name,
					  &job.late);
	facts->unmarked_table = facts->first->fwmark && !job.remarked;
	firewall_gather_strict(&job);
	if (facts->first->listen_port)
		firewall_gather_walls(&job);
	for (i = 0; facts->first->listen_port && i < facts->peer_count &&
	     asked < FIREWALL_PEERS_MAX; i++) {
		if (weft_doctor_is_up(facts, &facts->peers[i]) ||
		    !facts->peers[i].way.found)
			continue;
		firewall_gather_peer(&job, &facts->peers[i]);
		asked++;
	}
	weft_doctor_rules_free(&job.rules);
}
