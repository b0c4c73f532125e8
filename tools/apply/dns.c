// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/dns.h"
#include "apply/journal.h"
#include "base/complain.h"
#include "conf/profile.h"
#include "host/host.h"

/* Debian's resolvconf orders its sources by patterns of their names. */
#define DNS_INTERFACE_ORDER	"/etc/resolvconf/interface-order"
#define DNS_ORDER_LINE_BYTES	256
#define DNS_LETTERS	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"

/* A pattern "tun*" in the list gives a source "tun.weft0" its place in the order. */
static bool dns_take_prefix(char *line, char *prefix, size_t size)
{
	size_t len = strspn(line, DNS_LETTERS);

	if (!len || strcmp(line + len, "*\n"))
		return false;
	snprintf(prefix, size, "%.*s.", (int)len, line);
	return true;
}

static char *dns_name(const char *name)
{
	char line[DNS_ORDER_LINE_BYTES], prefix[DNS_ORDER_LINE_BYTES] = "";
	FILE *file = fopen(DNS_INTERFACE_ORDER, "re");
	char *full;

	while (file && fgets(line, sizeof(line), file))
		if (dns_take_prefix(line, prefix, sizeof(prefix)))
			break;
	if (file)
		fclose(file);
	return asprintf(&full, "%s%s", prefix, name) < 0 ? NULL : full;
}

static char *dns_text(const struct weft_dns_state *state)
{
	char *text = NULL;
	size_t len = 0, i;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	for (i = 0; i < state->servers.count; i++)
		fprintf(out, "nameserver %s\n", state->servers.items[i].text);
	for (i = 0; i < state->search.count; i++)
		fprintf(out, "%s%s", i ? " " : "search ",
			state->search.items[i].text);
	if (state->search.count)
		fputc('\n', out);
	fclose(out);
	return text;
}

/* systemd-resolved would configure a link of its own network namespace. */
static bool dns_resolved_runs(struct weft_host *host)
{
	struct weft_change holder = { };
	char *output = NULL;
	bool runs;

	if (!host->has || !host->has(host, "resolvectl") ||
	    !host->home(host))
		return false;
	runs = weft_program_set(&holder.program, NULL, "resolvectl", "dns",
				NULL) &&
	       !host->run(host, &holder.program, &output);
	weft_change_clear(&holder);
	free(output);
	return runs;
}

enum weft_dns weft_dns_choose(const struct weft_context *ctx, const char *name)
{
	static const char cause[] =
		"systemd-resolved is not running, and resolvconf is not installed";
	static const char mend[] =
		"install the package systemd-resolved, openresolv or resolvconf";
	struct weft_host *host = ctx->host;

	if (dns_resolved_runs(host))
		return WEFT_DNS_RESOLVED;
	if (!host->has || host->has(host, "resolvconf"))
		return WEFT_DNS_RESOLVCONF;
	weft_complain(ctx, "%s: the file sets DNS, but %s: %s, or remove DNS from the file",
		      name, cause, mend);
	return WEFT_DNS_NONE;
}

static bool dns_do(struct weft_journal *journal, struct weft_change *change,
		   bool good)
{
	if (good)
		return weft_journal_do(journal, change);
	weft_complain(journal->ctx, "%s: out of memory", journal->name);
	weft_change_clear(change);
	return false;
}

static bool dns_program_add(struct weft_program *program, const char *name,
			    const struct weft_dns_state *state)
{
	char *text = dns_text(state);
	bool good;

	good = text && weft_program_set(program, text, "resolvconf", "-a", name, "-m", "0",
					"-x", NULL);
	free(text);
	return good;
}

static bool dns_program_delete(struct weft_program *program, const char *name)
{
	return weft_program_set(program, NULL, "resolvconf", "-d", name, "-f", NULL);
}

static bool dns_undo_resolvconf(struct weft_program *undo, const char *name,
				const struct weft_dns_state *former)
{
	if (!former->known)
		return true;
	if (former->dns == WEFT_DNS_RESOLVCONF)
		return dns_program_add(undo, name, former);
	return dns_program_delete(undo, name);
}

/*
 * Servers of the interface, or with @wanted NULL none. resolvconf records them before it
 * runs its subscribers, one of which may fail.
 */
static bool dns_do_resolvconf(struct weft_journal *journal, const char *title,
			      const struct weft_dns_state *wanted,
			      const struct weft_dns_state *former)
{
	struct weft_change change = {
		.kind = WEFT_CHANGE_PROGRAM, .title = strdup(title), .partial = true,
	};
	char *name = dns_name(journal->name);
	bool good;

	good = name && change.title &&
	       (wanted ? dns_program_add(&change.program, name, wanted) :
			 dns_program_delete(&change.program, name)) &&
	       dns_undo_resolvconf(&change.undo, name, former);
	free(name);
	return dns_do(journal, &change, good);
}

/*
 * resolvectl WHAT NAME WORDS..., where "" stands for no server and "~." routes all
 * names to the link.
 */
static bool dns_program_resolved(struct weft_program *program, const char *what,
				 const char *name, const struct weft_dns_state *state)
{
	bool domain = !strcmp(what, "domain");
	const struct weft_words *words = domain ? &state->search : &state->servers;
	bool good = weft_program_set(program, NULL, "resolvectl", what, name, NULL);
	size_t i;

	for (i = 0; good && i < words->count; i++)
		good = weft_program_add(program, words->items[i].text);
	if (good && domain && state->servers.count)
		return weft_program_add(program, "~.");
	return good && (words->count || weft_program_add(program, ""));
}

static bool dns_program_revert(struct weft_program *program, const char *name)
{
	return weft_program_set(program, NULL, "resolvectl", "revert", name, NULL);
}

static bool dns_undo_resolved(struct weft_program *undo, const char *what, const char *name,
			      const struct weft_dns_state *former)
{
	if (!former->known)
		return true;
	if (former->dns == WEFT_DNS_RESOLVED)
		return dns_program_resolved(undo, what, name, former);
	return dns_program_revert(undo, name);
}

static bool dns_set_resolved_one(struct weft_journal *journal, const char *what,
				 const struct weft_dns_state *wanted,
				 const struct weft_dns_state *former)
{
	struct weft_change change = {
		.kind = WEFT_CHANGE_PROGRAM,
		.title = strdup("set the name servers with systemd-resolved"),
	};

	return dns_do(journal, &change, change.title &&
		      dns_program_resolved(&change.program, what, journal->name, wanted) &&
		      dns_undo_resolved(&change.undo, what, journal->name, former));
}

bool weft_dns_set(struct weft_journal *journal, const struct weft_dns_state *wanted,
		  const struct weft_dns_state *former)
{
	switch (wanted->dns) {
	case WEFT_DNS_RESOLVED:
		return dns_set_resolved_one(journal, "dns", wanted, former) &&
		       dns_set_resolved_one(journal, "domain", wanted, former);
	case WEFT_DNS_RESOLVCONF:
		return dns_do_resolvconf(journal, "set the name servers with resolvconf", wanted,
					 former);
	default:
		return true;
	}
}

/* Without resolvconf the record cannot be undone, and must not make each later command fail. */
static bool dns_lacks_resolvconf(struct weft_journal *journal)
{
	struct weft_host *host = journal->ctx->host;

	if (!host->has || host->has(host, "resolvconf"))
		return false;
	weft_warn(journal->ctx, "%s: resolvconf is no longer installed: the interface's name servers are not removed, see /etc/resolv.conf",
		  journal->name);
	return true;
}

/* As above: a removed service has no name servers of the link. */
static bool dns_lacks_resolved(struct weft_journal *journal)
{
	struct weft_host *host = journal->ctx->host;

	if (!host->has || dns_resolved_runs(host))
		return false;
	weft_warn(journal->ctx, "%s: systemd-resolved is no longer running: the interface's name servers are not removed, see /etc/resolv.conf",
		  journal->name);
	return true;
}

static bool dns_unset_resolvconf(struct weft_journal *journal,
				 const struct weft_dns_state *former)
{
	return dns_lacks_resolvconf(journal) ||
	       dns_do_resolvconf(journal, "remove the name servers from resolvconf", NULL, former);
}

/* systemd-resolved forgets a deleted link; a link that stays is reverted. */
static bool dns_unset_resolved(struct weft_journal *journal,
			       const struct weft_dns_state *former)
{
	struct weft_host *host = journal->ctx->host;
	struct weft_change change = {
		.kind = WEFT_CHANGE_PROGRAM,
		.title = strdup("remove the name servers from systemd-resolved"),
	};
	struct weft_host_link link = { };

	if ((!host->link(host, journal->name, &link) && !link.index) ||
	    dns_lacks_resolved(journal)) {
		weft_change_clear(&change);
		return true;
	}
	return dns_do(journal, &change, change.title &&
		      dns_program_revert(&change.program, journal->name) &&
		      dns_undo_resolved(&change.undo, "dns", journal->name, former));
}

/* "revert" drops servers and domains together, and one program has to undo a change. */
static bool dns_replace_resolved(struct weft_journal *journal,
				 const struct weft_dns_state *former)
{
	struct weft_change change = {
		.kind = WEFT_CHANGE_PROGRAM,
		.title = strdup("remove the search domains from systemd-resolved"),
	};

	return dns_do(journal, &change, change.title &&
		      weft_program_set(&change.program, NULL, "resolvectl", "domain",
				       journal->name, "", NULL) &&
		      dns_undo_resolved(&change.undo, "domain", journal->name, former)) &&
	       dns_unset_resolved(journal, former);
}

bool weft_dns_replace(struct weft_journal *journal, const struct weft_dns_state *former)
{
	switch (former->dns) {
	case WEFT_DNS_RESOLVED:
		return dns_lacks_resolved(journal) || dns_replace_resolved(journal, former);
	case WEFT_DNS_RESOLVCONF:
		return dns_unset_resolvconf(journal, former);
	default:
		return true;
	}
}

bool weft_dns_unset(struct weft_journal *journal, enum weft_dns dns)
{
	const struct weft_dns_state unknown = { .dns = dns };

	switch (dns) {
	case WEFT_DNS_RESOLVED:
		return dns_unset_resolved(journal, &unknown);
	case WEFT_DNS_RESOLVCONF:
		return dns_unset_resolvconf(journal, &unknown);
	default:
		return true;
	}
}
