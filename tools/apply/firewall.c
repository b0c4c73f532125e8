// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "apply/firewall.h"
#include "apply/policy_route.h"
#include "conf/profile.h"
#include "host/host.h"
#include "model/format.h"

struct weft_firewall_table weft_firewall_table(const char *interface)
{
	struct weft_firewall_table table = { "weft-" };
	char *to = table.chars + strlen(table.chars);
	const char *end = table.chars + sizeof(table.chars) - 2;

	for (; *interface && to < end; interface++) {
		if (*interface == '+')
			to = stpcpy(to, "/p");
		else if (*interface == '=')
			to = stpcpy(to, "/e");
		else
			*to++ = *interface;
	}
	return table;
}

/* The table as nft prints it, NULL if it does not exist; to be freed. */
static char *firewall_list(struct weft_host *host, const char *name)
{
	struct weft_change holder = { };
	char *listing = NULL;

	if (weft_program_set(&holder.program, NULL, "nft", "list", "table",
			     "inet", weft_firewall_table(name).chars, NULL) &&
	    host->run(host, &holder.program, &listing))
		listing = NULL;
	weft_change_clear(&holder);
	return listing;
}

static bool firewall_has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	while (text && (strncmp(text, line, len) || (text[len] && text[len] != '\n'))) {
		text = strchr(text, '\n');
		text += !!text;
	}
	return text;
}

/* "list table" does not distinguish a missing table from other failures. */
int weft_firewall_look(struct weft_host *host, const char *name, bool *there)
{
	struct weft_change holder = { };
	char line[sizeof("table inet ") + sizeof(struct weft_firewall_table)];
	char *listing = NULL;
	int err = -ENOMEM;

	*there = false;
	snprintf(line, sizeof(line), "table inet %s", weft_firewall_table(name).chars);
	if (weft_program_set(&holder.program, NULL, "nft", "list", "tables", "inet", NULL))
		err = host->run(host, &holder.program, &listing);
	else
		snprintf(host->error, sizeof(host->error), "out of memory");
	if (!err)
		*there = firewall_has_line(listing, line);
	free(listing);
	weft_change_clear(&holder);
	return err;
}

/* "add" before "delete", so that a missing table is no error; one transaction. */
static void firewall_write_empty(FILE *out, const char *name)
{
	struct weft_firewall_table table = weft_firewall_table(name);

	fprintf(out, "table inet %s\ndelete table inet %s\n", table.chars,
		table.chars);
}

static bool firewall_wants(const struct weft_policy_route *policy, __u16 family)
{
	return family == AF_INET ? policy->ip4 : policy->ip6;
}

/* nft's keywords for the two families. */
struct firewall_family {
	const char *name;	/* the family in "meta nfproto" */
	const char *header;	/* the keyword of its header */
	const char *set;	/* the table's set for it */
	const char *type;	/* the type of its addresses */
};

static const struct firewall_family firewall_ip4 = {
	"ipv4", "ip", "peers4", "ipv4_addr"
};

static const struct firewall_family firewall_ip6 = {
	"ipv6", "ip6", "peers6", "ipv6_addr"
};

/*
 * Drops packets from other interfaces for an address of the tunnel. An address
 * that the receiving interface has, too, is accepted.
 */
static void firewall_write_raw(FILE *out, const struct weft_profile *profile,
			       const struct weft_policy_route *policy)
{
	const struct weft_allowedip *ip;
	size_t i;

	fputs("\tchain preraw {\n\t\ttype filter hook prerouting priority -300;\n",
	      out);
	for (i = 0; i < profile->addresses.count; i++) {
		ip = &profile->addresses.items[i].prefix;
		if (!firewall_wants(policy, ip->family))
			continue;
		fprintf(out,
			"\t\tiifname != \"%s\" %s daddr %s fib daddr . iif type != local fib saddr type != local drop\n",
			profile->name, ip->family == AF_INET ? "ip" : "ip6",
			weft_format_address(ip).chars);
	}
	fputs("\t}\n", out);
}

static void firewall_write_set(FILE *out, const struct firewall_family *family)
{
	fprintf(out,
		"\tset %s {\n\t\ttype %s . inet_service . inet_service\n\t\tflags dynamic,timeout\n\t\ttimeout 1h\n\t}\n",
		family->set, family->type);
}

/* Packets with the mark are the tunnel's own: their flows are added to the sets. */
static void firewall_write_out(FILE *out, const struct firewall_family *family,
			       __u32 mark)
{
	fprintf(out,
		"\t\tmeta mark %u meta nfproto %s meta l4proto udp update @%s { %s daddr . udp dport . udp sport }\n",
		mark, family->name, family->set, family->header);
}

/*
 * Answers to them get the mark, so that the reverse path filter looks up the route
 * of the tunnel's packets. Forwarded packets may have the same addresses and ports.
 */
static void firewall_write_in(FILE *out, const struct firewall_family *family,
			      __u32 mark)
{
	fprintf(out,
		"\t\tmeta nfproto %s meta l4proto udp %s saddr . udp sport . udp dport @%s fib daddr type local meta mark set %u\n",
		family->name, family->header, family->set, mark);
}

/*
 * The table uses sets of its own instead of connection tracking, whose marks
 * belong to other rules: a rule that uses it would make the kernel track all
 * packets of this machine. Sets are filled before source NAT, and looked up after
 * it has been undone.
 */
static void firewall_write(FILE *out, const struct weft_profile *profile,
			   const struct weft_policy_route *policy)
{
	firewall_write_empty(out, profile->name);
	fprintf(out, "table inet %s {\n",
		weft_firewall_table(profile->name).chars);
	if (policy->ip4)
		firewall_write_set(out, &firewall_ip4);
	if (policy->ip6)
		firewall_write_set(out, &firewall_ip6);
	firewall_write_raw(out, profile, policy);
	fputs("\tchain postmangle {\n\t\ttype filter hook postrouting priority -150;\n", out);
	if (policy->ip4)
		firewall_write_out(out, &firewall_ip4, policy->table);
	if (policy->ip6)
		firewall_write_out(out, &firewall_ip6, policy->table);
	fputs("\t}\n\tchain premangle {\n\t\ttype filter hook prerouting priority -90;\n", out);
	if (policy->ip4)
		firewall_write_in(out, &firewall_ip4, policy->table);
	if (policy->ip6)
		firewall_write_in(out, &firewall_ip6, policy->table);
	fputs("\t}\n}\n", out);
}

/* A script that replaces the table by the former one, if any; to be freed. */
static char *firewall_restoration(struct weft_host *host,
				  const char *name)
{
	char *listing = firewall_list(host, name), *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (out) {
		firewall_write_empty(out, name);
		fputs(listing ? listing : "", out);
		fclose(out);
	}
	free(listing);
	return text;
}

static bool firewall_finish(struct weft_host *host, const char *name,
			    const char *title, const char *text,
			    struct weft_change *change)
{
	char *old = firewall_restoration(host, name);
	bool good;

	memset(change, 0, sizeof(*change));
	change->kind = WEFT_CHANGE_PROGRAM;
	change->title = strdup(title);
	good = old && text && change->title &&
	       weft_program_set(&change->program, text, "nft", "-f", "-",
				NULL) &&
	       weft_program_set(&change->undo, old, "nft", "-f", "-", NULL);
	if (!good)
		weft_change_clear(change);
	free(old);
	return good;
}

/* Without a policy the table is only deleted. */
static bool firewall_change(struct weft_host *host, const char *name,
			    const struct weft_profile *profile,
			    const struct weft_policy_route *policy,
			    struct weft_change *change)
{
	const char *title = policy ? "add the nft table that drops spoofed packets" :
				     "delete the nft table";
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	bool good;

	if (!out)
		return false;
	if (policy)
		firewall_write(out, profile, policy);
	else
		firewall_write_empty(out, name);
	fclose(out);
	good = firewall_finish(host, name, title, text, change);
	free(text);
	return good;
}

bool weft_firewall_build(struct weft_host *host,
			 const struct weft_profile *profile,
			 const struct weft_policy_route *policy,
			 struct weft_change *change)
{
	return firewall_change(host, profile->name, profile, policy, change);
}

bool weft_firewall_build_removal(struct weft_host *host,
				 const char *name, struct weft_change *change)
{
	return firewall_change(host, name, NULL, NULL, change);
}
