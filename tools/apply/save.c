// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "apply/alias.h"
#include "apply/save.h"
#include "apply/state.h"
#include "base/complain.h"
#include "base/text.h"
#include "conf/profile.h"
#include "conf/resolve.h"
#include "conf/writer.h"
#include "model/attr.h"
#include "model/format.h"
#include "print/conf.h"

static void save_write_addresses(FILE *out, const struct weft_routes *addresses)
{
	const struct weft_allowedip *ip;
	size_t i;

	for (i = 0; i < addresses->count; i++) {
		ip = &addresses->items[i].prefix;
		if (ip->family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&ip->ip6) &&
		    addresses->items[i].protocol != WEFT_PROTOCOL)
			continue;
		fprintf(out, "Address = %s/%u\n", weft_format_address(ip).chars,
			ip->cidr);
	}
}

static void save_write_words(FILE *out, const char *field,
			     const struct weft_words *words)
{
	size_t i;

	for (i = 0; i < words->count; i++)
		fprintf(out, "%s = %s\n", field, words->items[i].text);
}

/* The kernel does not report the previous private key; the file keeps it during its grace. */
static void save_write_previous(FILE *out, const struct weft_profile *profile,
				const struct weft_device *dev)
{
	struct weft_key_text text;
	struct weft_key derived;

	if (!(dev->has & WEFT_DEVICE_HAS_PREVIOUS_PUBLIC_KEY) ||
	    !weft_key_derive_public(&derived, &profile->previous_key) ||
	    !weft_key_equal(&derived, &dev->previous_public_key))
		return;
	text = weft_key_encode(&profile->previous_key);
	fprintf(out, "PreviousPrivateKey = %s\n", text.chars);
	weft_key_text_wipe(&text);
	if (profile->grace_until)
		fprintf(out, "GraceUntil = %lld\n",
			(long long)profile->grace_until);
}

static void save_write_profile(FILE *out, const struct weft_profile *profile,
			       const struct weft_state *state)
{
	int hook;

	fputs("[Interface]\n", out);
	save_write_addresses(out, &state->addresses);
	save_write_words(out, "DNS", &profile->dns);
	save_write_words(out, "DNS", &profile->search);
	if (profile->mtu)
		fprintf(out, "MTU = %u\n", state->link.mtu);
	/* Only a setting that differs from the default of "up"; "on" is written elsewhere. */
	if (state->dev->known & WEFT_ATTR_BIT(WEFT_DEVICE_A_PMTU) &&
	    !state->dev->pmtu)
		fputs("PMTU = off\n", out);
	if (profile->table_text)
		fprintf(out, "Table = %s\n", profile->table_text);
	if (profile->forwarding != WEFT_SWITCH_NONE)
		fprintf(out, "Forwarding = %s\n",
			profile->forwarding == WEFT_SWITCH_ON ? "on" : "off");
	save_write_previous(out, profile, state->dev);
	if (profile->save)
		fputs("SaveConfig = true\n", out);
	for (hook = 0; hook < WEFT_HOOK_COUNT; hook++)
		save_write_words(out, weft_profile_hook_name(hook),
				 &profile->hooks[hook]);
}

/*
 * Endpoint names of the file replace their present addresses. The names of peers
 * are taken from the file only for other links: weft's report them.
 */
static bool save_take_names(const struct weft_peer *known, enum weft_kind kind,
			    struct weft_peer *peer)
{
	if (known && known->name && kind != WEFT_KIND_WEFT) {
		peer->name = strdup(known->name);
		if (!peer->name)
			return false;
	}
	if (!known || !known->endpoint_text)
		return true;
	if (!weft_resolve_is_name(known->endpoint_text))
		return errno != ENOMEM;
	peer->endpoint_text = strdup(known->endpoint_text);
	return peer->endpoint_text;
}

static bool save_prepare(const struct weft_profile *profile,
			 struct weft_device *dev)
{
	struct weft_peer_index index;
	struct weft_peer *peer;
	bool good;

	/* The file may have a key that its peer has replaced since. */
	if (dev->kind == WEFT_KIND_WEFT &&
	    !weft_alias_settle(dev, profile->dev))
		return false;
	/* A mark that "up" has chosen is not written to the file. */
	if (!profile->dev->fwmark && profile->table == WEFT_TABLE_AUTO)
		dev->fwmark = 0;
	/* Nor is a default of "up". */
	if (!(profile->dev->has & WEFT_DEVICE_HAS_PMTU) && dev->pmtu)
		dev->known &= ~WEFT_ATTR_BIT(WEFT_DEVICE_A_PMTU);
	good = weft_model_index(profile->dev, &index);
	for (peer = dev->peers; good && peer; peer = peer->next)
		good = save_take_names(weft_model_index_find(&index, &peer->public_key),
				       dev->kind, peer);
	weft_model_index_free(&index);
	return good;
}

static bool save_replace(const struct weft_context *ctx,
			 const struct weft_profile *profile,
			 const struct weft_state *state)
{
	struct stat seen = profile->seen;
	struct weft_writer writer;

	if (!weft_writer_begin(&writer, ctx, profile->path, 0600, &seen))
		return false;
	save_write_profile(writer.out, profile, state);
	weft_conf_print_device(writer.out, state->dev);
	return weft_writer_end(&writer, true);
}

bool weft_save(const struct weft_context *ctx,
	       const struct weft_profile *profile)
{
	struct weft_state state;
	bool good = false;

	if (!weft_state_read(ctx, profile->name, &state))
		return false;
	if (!state.link.index)
		weft_complain(ctx, "%s: the interface is not up", profile->name);
	else if (!save_prepare(profile, state.dev))
		weft_complain(ctx, "%s: out of memory", profile->name);
	else
		good = save_replace(ctx, profile, &state);
	weft_state_free(&state);
	return good;
}

/* The field of a line without its comment; to be freed. */
static char *save_field(const char *line)
{
	size_t len = strcspn(line, "=#");
	char *field = strndup(line, len), *trimmed;

	if (!field)
		return NULL;
	trimmed = weft_text_trim(field);
	memmove(field, trimmed, strlen(trimmed) + 1);
	return field;
}

/* As wg-quick(8) prints it: trimmed, with comments, and with an empty line at the end. */
bool weft_save_strip(FILE *out, char *text)
{
	bool in_interface = false, in_peer = false;
	size_t len = strlen(text);
	char *line, *field;

	if (len && text[len - 1] == '\n')
		text[len - 1] = '\0';
	while (len && (line = strsep(&text, "\n"))) {
		line = weft_text_trim(line);
		field = save_field(line);
		if (!field)
			return false;
		if (field[0] == '[') {
			weft_text_squeeze(field);
			in_interface = !strcasecmp(field, "[Interface]");
			in_peer = !strcasecmp(field, "[Peer]");
		}
		if (!((in_interface && weft_profile_is_own_field(field, false)) ||
		      (in_peer && weft_profile_is_own_field(field, true))))
			fprintf(out, "%s\n", line);
		free(field);
	}
	fputc('\n', out);
	return true;
}
