// SPDX-License-Identifier: GPL-2.0
#include <json-c/json.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "apply/forwarding.h"
#include "apply/journal.h"
#include "base/array.h"
#include "base/complain.h"
#include "conf/profile.h"
#include "host/host.h"
#include "model/format.h"

/* A setting that the kernel lacks (an old kernel, or one without IPv6) is skipped. */
static bool forwarding_set(const struct weft_context *ctx,
			   const struct weft_profile *profile,
			   struct weft_journal *journal, const char *family,
			   const char *setting)
{
	const char *wanted = profile->forwarding == WEFT_SWITCH_ON ? "1" : "0";
	struct weft_change change = {
		.kind = WEFT_CHANGE_FILE, .text = strdup(wanted),
		.path = weft_host_setting_path(family, profile->name, setting),
	};
	bool good = change.text && change.path;

	if (good && !ctx->host->read(ctx->host, change.path,
				     &change.old_text) &&
	    strcmp(change.old_text, wanted))
		return weft_journal_do(journal, &change);
	if (!good)
		weft_complain(ctx, "%s: out of memory", profile->name);
	weft_change_clear(&change);
	return good;
}

bool weft_forwarding_apply(const struct weft_context *ctx,
			   const struct weft_profile *profile,
			   struct weft_journal *journal)
{
	static const struct {
		const char *family;
		const char *setting;
	} switches[] = {
		{ "ipv4", "forwarding" },
		{ "ipv6", "forwarding" },
		{ "ipv6", "force_forwarding" },
	};
	size_t i;

	if (profile->forwarding == WEFT_SWITCH_NONE)
		return true;
	for (i = 0; i < ARRAY_SIZE(switches); i++)
		if (!forwarding_set(ctx, profile, journal, switches[i].family,
				    switches[i].setting))
			return false;
	return true;
}

static bool forwarding_has_ip6(const struct weft_profile *profile)
{
	size_t i;

	for (i = 0; i < profile->addresses.count; i++)
		if (profile->addresses.items[i].prefix.family == AF_INET6)
			return true;
	return false;
}

/*
 * The kernel forwards IPv6 only with conf/all/forwarding, which also makes it
 * ignore default routes from router advertisements: a tunnel does not set that.
 */
static void forwarding_warn_ip6(const struct weft_context *ctx,
				const struct weft_profile *profile)
{
	struct weft_host *host = ctx->host;

	if (!forwarding_has_ip6(profile) ||
	    weft_host_setting(host, "ipv6", "all", "forwarding") != 0 ||
	    weft_host_setting(host, "ipv6", profile->name,
			      "force_forwarding") == 1)
		return;
	weft_warn(ctx, "%s: IPv6 is not forwarded: net.ipv6.conf.all.forwarding is 0, and overrides the interface's own setting",
		  profile->name);
}

/* With a routing table of its own, a strict rp_filter finds no route back in the main table. */
static void forwarding_warn_rp_filter(const struct weft_context *ctx,
				      const struct weft_profile *profile)
{
	if (profile->table == WEFT_TABLE_AUTO ||
	    (profile->table == WEFT_TABLE_NUMBER &&
	     profile->table_number == RT_TABLE_MAIN) ||
	    !weft_host_is_strict(ctx->host, profile->name))
		return;
	weft_warn(ctx, "%s: rp_filter is strict, and with 'Table = %s' it drops packets whose source has no route through the tunnel: sysctl -w %s",
		  profile->name, profile->table_text,
		  weft_format_sysctl(profile->name, "rp_filter", "=2").chars);
}

static const char *forwarding_word(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value))
		return "";
	return json_object_get_string(value);
}

/* A rule of the chain names the interface: the administrator has considered it. */
static bool forwarding_chain_knows(struct weft_host *host,
				   struct json_object *chain, const char *name)
{
	struct weft_change holder = { };
	char *listing = NULL, *quoted = NULL;
	bool knows = false;

	if (asprintf(&quoted, "\"%s\"", name) < 0)
		return false;
	if (weft_program_set(&holder.program, NULL, "nft", "list", "chain",
			     forwarding_word(chain, "family"),
			     forwarding_word(chain, "table"),
			     forwarding_word(chain, "name"), NULL) &&
	    !host->run(host, &holder.program, &listing)) {
		knows = strstr(listing, quoted);
		free(listing);
	}
	weft_change_clear(&holder);
	free(quoted);
	return knows;
}

static void forwarding_warn_chain(const struct weft_context *ctx,
				  const char *name, struct json_object *item)
{
	struct json_object *chain;

	if (!json_object_object_get_ex(item, "chain", &chain) ||
	    strcmp(forwarding_word(chain, "hook"), "forward") ||
	    strcmp(forwarding_word(chain, "policy"), "drop") ||
	    forwarding_chain_knows(ctx->host, chain, name))
		return;
	weft_warn(ctx, "%s: the firewall drops forwarded packets: chain '%s' of nft table '%s %s' has policy drop, and no rule for %s",
		  name, forwarding_word(chain, "name"),
		  forwarding_word(chain, "family"),
		  forwarding_word(chain, "table"), name);
}

static void forwarding_warn_chains(const struct weft_context *ctx,
				   const char *name, const char *listing)
{
	struct json_object *root = json_tokener_parse(listing), *items;
	size_t i;

	if (root && json_object_object_get_ex(root, "nftables", &items) &&
	    json_object_is_type(items, json_type_array))
		for (i = 0; i < json_object_array_length(items); i++)
			forwarding_warn_chain(ctx, name,
					      json_object_array_get_idx(items, i));
	json_object_put(root);
}

static void forwarding_warn_firewall(const struct weft_context *ctx,
				     const char *name)
{
	struct weft_change holder = { };
	char *listing = NULL;

	/* A machine without nft has no such firewall. */
	if (weft_program_set(&holder.program, NULL, "nft", "-j", "list",
			     "chains", NULL) &&
	    !ctx->host->run(ctx->host, &holder.program, &listing)) {
		forwarding_warn_chains(ctx, name, listing);
		free(listing);
	}
	weft_change_clear(&holder);
}

void weft_forwarding_warn(const struct weft_context *ctx,
			  const struct weft_profile *profile)
{
	if (profile->forwarding != WEFT_SWITCH_ON)
		return;
	forwarding_warn_ip6(ctx, profile);
	forwarding_warn_rp_filter(ctx, profile);
	forwarding_warn_firewall(ctx, profile->name);
}
