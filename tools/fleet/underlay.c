// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/complain.h"
#include "conf/setting.h"
#include "fleet/endpoint.h"
#include "fleet/underlay.h"

enum underlay_class {
	UNDERLAY_PUBLIC,
	UNDERLAY_PRIVATE,
	UNDERLAY_PREFIX,
	UNDERLAY_LINK,
};

/* One word of a policy. */
struct underlay_word {
	enum underlay_class class;
	struct weft_allowedip prefix;
	const char *link;
};

/**
 * struct underlay_choice - an address by the policy
 * @ip: the address
 * @word: the number of the first word that takes it
 * @link: the number of its link
 * @secondary: another address of the same network comes first
 */
struct underlay_choice {
	struct weft_allowedip ip;
	size_t word;
	unsigned int link;
	bool secondary;
};

/**
 * struct underlay_job - one choice
 * @in: all that it depends on, and its report
 * @words: the words of the policy
 * @word_count: their number
 * @tunnels: the networks of tunnels
 * @tunnel_count: their number
 * @choices: addresses by the policy
 * @choice_count: their number
 */
struct underlay_job {
	struct weft_underlay *in;
	struct underlay_word words[WEFT_SELF_POLICY_MAX];
	size_t word_count;
	struct weft_allowedip *tunnels;
	size_t tunnel_count;
	struct underlay_choice *choices;
	size_t choice_count;
};

/* Addresses. */

struct underlay_net {
	__u32 address;
	unsigned int len;
};

/* RFC 1918 and RFC 6598. */
static const struct underlay_net underlay_private[] = {
	{ 0x0a000000, 8 }, { 0xac100000, 12 }, { 0xc0a80000, 16 }, { 0x64400000, 10 },
};

/* RFC 6890 and RFC 2544: protocol assignments and benchmarks. */
static const struct underlay_net underlay_reserved[] = {
	{ 0xc0000000, 24 }, { 0xc6120000, 15 },
};

static bool underlay_is_in(const struct underlay_net *nets, size_t count,
			   const struct weft_allowedip *ip)
{
	__u32 address = ntohl(ip->ip4.s_addr);
	size_t i;

	for (i = 0; i < count; i++)
		if ((address ^ nets[i].address) >> (32 - nets[i].len) == 0)
			return true;
	return false;
}

static bool underlay_is_private(const struct weft_allowedip *ip)
{
	if (ip->family == AF_INET6)
		return (ip->ip6.s6_addr[0] & 0xfe) == 0xfc;
	return underlay_is_in(underlay_private, ARRAY_SIZE(underlay_private), ip);
}

/* 2000::/3 of RFC 4291 is all that is allocated of IPv6's global unicast. */
static bool underlay_is_public(const struct weft_allowedip *ip)
{
	if (ip->family == AF_INET6)
		return ip->ip6.s6_addr[0] >> 5 == 1;
	return !underlay_is_private(ip) &&
	       !underlay_is_in(underlay_reserved, ARRAY_SIZE(underlay_reserved), ip);
}

static bool underlay_contains(const struct weft_allowedip *prefix, const struct weft_allowedip *ip)
{
	struct weft_allowedip network = *prefix, masked = *ip;

	masked.cidr = prefix->cidr;
	weft_model_allowedip_mask(&network);
	weft_model_allowedip_mask(&masked);
	return network.family == masked.family &&
	       !weft_model_allowedip_compare(&network, &masked);
}

/* An address that others can send to, and that stays. */
static bool underlay_is_usable(const struct weft_host_address *address)
{
	__u32 bad = IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED;

	/* IPv4's secondary addresses have the same bit. */
	if (address->prefix.family == AF_INET6)
		bad |= IFA_F_TEMPORARY;
	return !(address->flags & bad) && address->scope <= RT_SCOPE_SITE &&
	       !weft_fleet_endpoint_is_special(&address->prefix);
}

/* Policies. */

static bool underlay_parse_prefix(const char *text, struct weft_allowedip *prefix)
{
	struct weft_allowedip masked;
	char *copy = strdup(text);
	bool good = copy && weft_setting_prefix(copy, prefix);

	free(copy);
	if (!good)
		return false;
	/* A prefix with host bits is a typing mistake. */
	masked = *prefix;
	weft_model_allowedip_mask(&masked);
	return !weft_model_allowedip_compare(&masked, prefix);
}

static bool underlay_parse(const char *text, struct underlay_word *word)
{
	*word = (struct underlay_word){ .link = text };
	if (!strcmp(text, "public"))
		word->class = UNDERLAY_PUBLIC;
	else if (!strcmp(text, "private"))
		word->class = UNDERLAY_PRIVATE;
	else if (underlay_parse_prefix(text, &word->prefix))
		word->class = UNDERLAY_PREFIX;
	else
		word->class = UNDERLAY_LINK;
	return word->class != UNDERLAY_LINK || weft_model_name_is_valid(text);
}

bool weft_underlay_word_is_good(const char *word, const char *fleet)
{
	struct underlay_word parsed;
	const char *at;

	/* The state of the node is text. */
	for (at = word; *at; at++)
		if (*at < 0x21 || *at > 0x7e)
			return false;
	return strcmp(word, fleet) && strcmp(word, "off") && underlay_parse(word, &parsed);
}

/* Links. */

static int underlay_compare_links(const void *a, const void *b)
{
	const struct weft_host_link_name *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

/* NULL: the link has come or gone between the two lists. */
static const struct weft_host_link_name *underlay_link(const struct underlay_job *job,
						       unsigned int index)
{
	const struct weft_host_link_name wanted = { .index = index };
	const struct weft_host_links *links = job->in->links;

	return links->count ? bsearch(&wanted, links->items, links->count, sizeof(wanted),
				      underlay_compare_links) : NULL;
}

/* Networks of other programs on top of this machine's; "tun" is tap, too. */
static const char * const underlay_overlays[] = { "tun", "vxlan", "geneve", "ipip", NULL };
/* The routing table of its own that a link and its ports have. */
#define UNDERLAY_VRF	"vrf"
/* Ports of a bridge that lead to containers, or nowhere. */
static const char * const underlay_inner_ports[] = { "veth", "dummy", NULL };

static bool underlay_is_one_of(const char * const *kinds, const char *kind)
{
	while (*kinds && strcmp(*kinds, kind))
		kinds++;
	return *kinds;
}

/* Addresses in a VRF are of another network than the tunnel's socket. */
static bool underlay_is_in_vrf(const struct underlay_job *job,
			       const struct weft_host_link_name *link)
{
	const struct weft_host_link_name *master = underlay_link(job, link->master);

	return !strcmp(link->kind, UNDERLAY_VRF) ||
	       (master && !strcmp(master->kind, UNDERLAY_VRF));
}

/* Whether others reach this machine by addresses of @link. Its name takes those of any link. */
static bool underlay_is_outer(const struct underlay_job *job,
			      const struct weft_host_link_name *link)
{
	const struct weft_host_links *links = job->in->links;
	size_t i;

	if (underlay_is_in_vrf(job, link))
		return false;
	if (strcmp(link->kind, "bridge"))
		return !underlay_is_one_of(underlay_overlays, link->kind);
	for (i = 0; i < links->count; i++)
		if (links->items[i].master == link->index &&
		    !underlay_is_one_of(underlay_overlays, links->items[i].kind) &&
		    !underlay_is_one_of(underlay_inner_ports, links->items[i].kind))
			return true;
	return false;
}

static bool underlay_is_tunnel(const struct underlay_job *job,
			       const struct weft_host_link_name *link)
{
	return weft_model_kind_of(link->kind) != WEFT_KIND_NONE ||
	       !strcmp(link->name, job->in->fleet);
}

/* An address with length 0 is no network: it would contain each address of the family. */
static void underlay_list_tunnels(struct underlay_job *job)
{
	const struct weft_host_addresses *addresses = job->in->addresses;
	const struct weft_host_link_name *link;
	size_t i;

	for (i = 0; i < addresses->count; i++) {
		link = underlay_link(job, addresses->items[i].index);
		if (link && underlay_is_tunnel(job, link) && addresses->items[i].prefix.cidr)
			job->tunnels[job->tunnel_count++] = addresses->items[i].prefix;
	}
}

static bool underlay_is_inside(const struct underlay_job *job, const struct weft_allowedip *ip)
{
	size_t i;

	for (i = 0; i < job->tunnel_count; i++)
		if (underlay_contains(&job->tunnels[i], ip))
			return true;
	return weft_prefix_table_contains(job->in->prefixes, job->in->node, ip);
}

/* The choice. */

static bool underlay_matches(const struct underlay_word *word,
			     const struct weft_host_link_name *link, bool outer,
			     const struct weft_allowedip *ip)
{
	switch (word->class) {
	case UNDERLAY_PUBLIC:
		return outer && underlay_is_public(ip);
	case UNDERLAY_PRIVATE:
		return outer && underlay_is_private(ip);
	case UNDERLAY_PREFIX:
		return outer && underlay_contains(&word->prefix, ip);
	default:
		return !strcmp(word->link, link->name);
	}
}

/* The number of the first word that takes the address; the number of words: none does. */
static size_t underlay_word_of(struct underlay_job *job, const struct weft_host_link_name *link,
			       const struct weft_allowedip *ip)
{
	bool outer = underlay_is_outer(job, link);
	size_t i, first = job->word_count;

	for (i = job->word_count; i-- > 0;)
		if (underlay_matches(&job->words[i], link, outer, ip)) {
			job->in->report.takes[i] = true;
			first = i;
		}
	return first;
}

static void underlay_take(struct underlay_job *job, const struct weft_host_address *address)
{
	const struct weft_host_link_name *link = underlay_link(job, address->index);
	struct underlay_choice choice = {
		.ip = address->prefix, .link = address->index,
		.secondary = address->flags & IFA_F_SECONDARY,
	};

	if (!link || !link->up || underlay_is_tunnel(job, link) || !underlay_is_usable(address))
		return;
	/* The length of the network decides nothing. */
	choice.ip.cidr = choice.ip.family == AF_INET ? 32 : 128;
	if (underlay_is_inside(job, &choice.ip))
		return;
	choice.word = underlay_word_of(job, link, &choice.ip);
	if (choice.word < job->word_count)
		job->choices[job->choice_count++] = choice;
}

static int underlay_compare(const void *a, const void *b)
{
	const struct underlay_choice *x = a, *y = b;

	if (x->word != y->word)
		return x->word > y->word ? 1 : -1;
	if (x->link != y->link)
		return x->link > y->link ? 1 : -1;
	if (x->secondary != y->secondary)
		return x->secondary ? 1 : -1;
	return weft_model_allowedip_compare(&x->ip, &y->ip);
}

static int underlay_compare_ip(const void *a, const void *b)
{
	const struct underlay_choice *x = a, *y = b;
	int diff = weft_model_allowedip_compare(&x->ip, &y->ip);

	return diff ? diff : underlay_compare(a, b);
}

/* An address that several links have is there once, as the first of them has it. */
static void underlay_sort(struct underlay_job *job)
{
	struct underlay_choice *choices = job->choices;
	size_t i, kept = 0;

	qsort(choices, job->choice_count, sizeof(*choices), underlay_compare_ip);
	for (i = 0; i < job->choice_count; i++)
		if (!kept || weft_model_allowedip_compare(&choices[kept - 1].ip, &choices[i].ip))
			choices[kept++] = choices[i];
	job->choice_count = kept;
	qsort(choices, job->choice_count, sizeof(*choices), underlay_compare);
}

static bool underlay_give(struct underlay_job *job, struct weft_words *found)
{
	const struct weft_words *fixed = job->in->fixed;
	struct weft_endpoint_text text;
	size_t i;

	for (i = 0; i < job->choice_count; i++) {
		text = weft_fleet_endpoint_format(&job->choices[i].ip, job->in->port);
		if (weft_fleet_endpoint_is_in(fixed, text.chars))
			continue;
		if (fixed->count + found->count >= WEFT_FLEET_ENDPOINTS_MAX)
			job->in->report.cut++;
		else if (!weft_profile_words_add(found, text.chars, 0))
			return false;
	}
	return true;
}

/* The tunnel has left a former port, and addresses inside are left out by all nodes. */
static bool underlay_may_stay(const struct underlay_job *job, const char *endpoint)
{
	struct weft_allowedip ip;

	if (weft_fleet_endpoint_is_in(job->in->fixed, endpoint) ||
	    !weft_fleet_endpoint_parse(endpoint, &ip))
		return false;
	ip.cidr = ip.family == AF_INET ? 32 : 128;
	return !strcmp(endpoint, weft_fleet_endpoint_format(&ip, job->in->port).chars) &&
	       !underlay_is_inside(job, &ip);
}

static bool underlay_has_news(const struct weft_words *before, const struct weft_words *found)
{
	size_t i;

	for (i = 0; i < found->count; i++)
		if (!weft_fleet_endpoint_is_in(before, found->items[i].text))
			return true;
	return false;
}

/* Of @before those that are gone, and the others, too, if it @takes them. False: no memory. */
static bool underlay_keep(struct underlay_job *job, const struct weft_words *found, bool takes,
			  struct weft_words *to)
{
	const struct weft_words *before = job->in->before;
	size_t i, room = WEFT_FLEET_ENDPOINTS_MAX - job->in->fixed->count;
	const char *text;
	bool there;

	if (!takes)
		room -= found->count;
	for (i = 0; i < before->count && to->count < room; i++) {
		text = before->items[i].text;
		there = weft_fleet_endpoint_is_in(found, text);
		if (there ? !takes : !underlay_may_stay(job, text))
			continue;
		job->in->report.gone += !there;
		if (!weft_profile_words_add(to, text, 0))
			return false;
	}
	return true;
}

static bool underlay_append(struct weft_words *to, const struct weft_words *from)
{
	size_t i;

	for (i = 0; i < from->count; i++)
		if (!weft_profile_words_add(to, from->items[i].text, 0))
			return false;
	return true;
}

/* What stays has its place: a hello that differs by its order alone goes to all nodes in vain. */
static bool underlay_join(struct underlay_job *job, struct weft_words *found)
{
	bool news = underlay_has_news(job->in->before, found), good;
	struct weft_words kept = { }, none = { };

	good = underlay_keep(job, found, !news, &kept);
	if (good && news)
		good = underlay_append(found, &kept);
	if (good && !news && job->in->report.gone) {
		weft_profile_words_free(found);
		*found = kept;
		kept = none;
	}
	weft_profile_words_free(&kept);
	return good;
}

static void underlay_begin(struct underlay_job *job)
{
	const struct weft_words *policy = job->in->policy;
	struct weft_host_links *links = job->in->links;
	size_t i;

	/* A word that is none takes nothing: no link has such a name. */
	for (i = 0; i < policy->count && i < ARRAY_SIZE(job->words); i++)
		underlay_parse(policy->items[i].text, &job->words[i]);
	job->word_count = i;
	if (links->count)
		qsort(links->items, links->count, sizeof(*links->items), underlay_compare_links);
	underlay_list_tunnels(job);
}

bool weft_underlay_pick(struct weft_underlay *underlay, struct weft_words *found)
{
	const struct weft_host_addresses *addresses = underlay->addresses;
	struct underlay_job job = { .in = underlay };
	bool good;
	size_t i;

	job.tunnels = calloc(addresses->count + 1, sizeof(*job.tunnels));
	job.choices = calloc(addresses->count + 1, sizeof(*job.choices));
	good = job.tunnels && job.choices;
	if (good) {
		underlay_begin(&job);
		for (i = 0; i < addresses->count; i++)
			underlay_take(&job, &addresses->items[i]);
		underlay_sort(&job);
		good = underlay_give(&job, found) &&
		       (!underlay->before || underlay_join(&job, found));
	}
	free(job.tunnels);
	free(job.choices);
	if (!good)
		weft_profile_words_free(found);
	return good;
}

/* This machine. */

static unsigned int underlay_port(const struct weft_folder *folder)
{
	if (folder->self->port)
		return folder->self->port;
	/* The first hello is made before the fleet's record is known. */
	return folder->fleet->terms ? folder->fleet->terms->port : WEFT_FLEET_PORT;
}

static bool underlay_read_machine(const struct weft_folder *folder, struct weft_host_links *links,
				  struct weft_host_addresses *addresses)
{
	struct weft_host *host = folder->ctx->host;

	return (!host->links(host, links) && !host->all_addresses(host, addresses)) ||
	       weft_complain(folder->ctx, "%s: cannot read the addresses of this machine: %s",
			     folder->name, host->error);
}

static bool underlay_choose(const struct weft_folder *folder, bool keeps,
			    struct weft_host_links *links,
			    const struct weft_host_addresses *addresses, struct weft_words *found,
			    struct weft_underlay_report *report)
{
	const struct weft_self *self = folder->self;
	const struct weft_member *member = weft_fleet_find(folder->fleet, self->node);
	struct weft_prefix_table prefixes;
	struct weft_underlay underlay = {
		.fleet = self->fleet, .policy = &self->endpoints_from,
		.fixed = &self->endpoints, .before = keeps ? &self->found : NULL,
		.links = links, .addresses = addresses,
		.prefixes = &prefixes, .node = member ? member->node : NULL,
		.port = underlay_port(folder),
	};
	bool good = weft_prefix_table_fill(&prefixes, folder->fleet) &&
		    weft_underlay_pick(&underlay, found);

	weft_prefix_table_free(&prefixes);
	*report = underlay.report;
	return good || weft_complain(folder->ctx, "out of memory");
}

/* Without a policy nothing is read. */
static bool underlay_look(const struct weft_folder *folder, bool keeps, struct weft_words *found,
			  struct weft_underlay_report *report)
{
	struct weft_host_addresses addresses = { };
	struct weft_host_links links = { };
	bool good = true;

	if (folder->self->endpoints_from.count)
		good = underlay_read_machine(folder, &links, &addresses) &&
		       underlay_choose(folder, keeps, &links, &addresses, found, report);
	free(links.items);
	free(addresses.items);
	return good;
}

bool weft_underlay_read(struct weft_folder *folder, bool keeps,
			struct weft_underlay_report *report)
{
	struct weft_self *self = folder->self;
	struct weft_words found = { };

	*report = (struct weft_underlay_report){ };
	if (!underlay_look(folder, keeps, &found, report))
		return false;
	report->changed = !weft_profile_words_equal(&found, &self->found);
	weft_profile_words_free(&self->found);
	self->found = found;
	return true;
}

void weft_underlay_warn(const struct weft_folder *folder,
			const struct weft_underlay_report *report)
{
	const struct weft_words *policy = &folder->self->endpoints_from;
	size_t i;

	for (i = 0; i < policy->count; i++)
		if (!report->takes[i])
			weft_warn(folder->ctx,
				  "endpoints-from: '%s' takes no address of this machine",
				  policy->items[i].text);
	if (report->cut)
		weft_warn(folder->ctx,
			  "endpoints-from: %zu addresses are left out: a hello has %d endpoints at most",
			  report->cut, WEFT_FLEET_ENDPOINTS_MAX);
}
