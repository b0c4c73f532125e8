// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "conf/config.h"
#include "conf/duplicates.h"
#include "conf/file.h"
#include "conf/merge.h"
#include "conf/resolve.h"
#include "conf/setting.h"
#include "model/model.h"

/* A million peers with a dozen prefixes each. */
#define WEFT_CONFIG_BYTES	(1024UL * 1024 * 1024)

/* No field's name is longer. A longer word may be a key, and is not quoted. */
#define CONFIG_QUOTE_CHARS	20

enum config_section {
	CONFIG_SECTION_NONE,
	CONFIG_SECTION_UNKNOWN,
	CONFIG_SECTION_INTERFACE,
	CONFIG_SECTION_PEER,
};

/**
 * struct config_state - the state of parsing a file
 * @parser: the model so far, and the line
 * @section: the section the line belongs to
 * @peer_line: where the last Peer section began
 */
struct config_state {
	struct weft_parser parser;
	enum config_section section;
	unsigned int peer_line;
};

static bool config_refuse_line(const struct weft_parser *parser, const char *line)
{
	int len = strcspn(line, " \t");

	if (len > CONFIG_QUOTE_CHARS)
		return weft_complain_at(parser->ctx, &parser->place,
					"missing '=': use FIELD = VALUE (the text may be a secret, and is not shown)");
	return weft_complain_at(parser->ctx, &parser->place,
				"missing '=' after '%.*s': use FIELD = VALUE", len, line);
}

static bool config_finish_peer(struct config_state *state)
{
	struct weft_parser *parser = &state->parser;
	struct weft_place place = { };

	if (!parser->peer || parser->peer->has & WEFT_PEER_HAS_PUBLIC_KEY)
		return true;
	place.file = parser->place.file;
	place.line = state->peer_line;
	return weft_complain_at(parser->ctx, &place, "this [Peer] has no PublicKey");
}

static bool config_begin_peer(struct config_state *state)
{
	struct weft_parser *parser = &state->parser;

	parser->peer = weft_model_peer_add(parser->dev);
	if (!parser->peer) {
		weft_complain_at(parser->ctx, &parser->place, "out of memory");
		/* Without a peer the section's fields are skipped. */
		state->section = CONFIG_SECTION_UNKNOWN;
		return false;
	}
	parser->peer->section_line = parser->place.line;
	/* A complete configuration resets the settings that it leaves out. */
	if (parser->whole)
		parser->peer->has |= WEFT_PEER_REPLACE_ALLOWEDIPS |
				    WEFT_PEER_HAS_PRESHARED_KEY |
				    WEFT_PEER_HAS_KEEPALIVE |
				    WEFT_PEER_HAS_CANDIDATES |
				    WEFT_PEER_HAS_ROAM;
	state->peer_line = parser->place.line;
	state->section = CONFIG_SECTION_PEER;
	return true;
}

/* wg(8) accepts blanks inside the brackets, and several Interface sections. */
static bool config_begin_section(struct config_state *state, char *line)
{
	weft_text_squeeze(line);
	if (strcasecmp(line, "[Interface]") && strcasecmp(line, "[Peer]")) {
		weft_complain_at(state->parser.ctx, &state->parser.place,
				 "unknown section '%s': use [Interface] or [Peer]",
				 line);
		state->section = CONFIG_SECTION_UNKNOWN;
		return false;
	}
	if (!config_finish_peer(state) && !state->parser.ctx->notes)
		return false;
	if (strcasecmp(line, "[Interface]"))
		return config_begin_peer(state);
	state->section = CONFIG_SECTION_INTERFACE;
	if (!state->parser.dev->line)
		state->parser.dev->line = state->parser.place.line;
	return true;
}

static bool config_refuse_field(struct config_state *state, const char *field)
{
	bool in_peer = state->section == CONFIG_SECTION_PEER;
	char *list;

	list = weft_setting_list(in_peer ? WEFT_SCOPE_PEER : WEFT_SCOPE_DEVICE,
				 true, state->parser.more);
	if (strlen(field) > CONFIG_QUOTE_CHARS)
		weft_complain_at(state->parser.ctx, &state->parser.place,
				 "unknown field of %s (the text may be a secret, and is not shown): use %s",
				 in_peer ? "[Peer]" : "[Interface]", list ? list : "");
	else
		weft_complain_at(state->parser.ctx, &state->parser.place,
				 "unknown field '%s' of %s: use %s", field,
				 in_peer ? "[Peer]" : "[Interface]", list ? list : "");
	free(list);
	return false;
}

/*
 * As in wg(8) and wg-quick(8): the fields of the former, which are looked up last,
 * lose all white space; the latter trims its values.
 */
static const struct weft_setting *config_find(struct config_state *state,
					      char *field, char *value)
{
	enum weft_scope scope = state->section == CONFIG_SECTION_PEER ?
				WEFT_SCOPE_PEER : WEFT_SCOPE_DEVICE;
	const struct weft_setting *setting = NULL;

	if (state->parser.more)
		setting = weft_setting_find_field(state->parser.more, field);
	if (!setting) {
		weft_text_squeeze(field);
		setting = weft_setting_find_field(weft_settings, field);
		if (setting && !setting->spaced)
			weft_text_squeeze(value);
	}
	return setting && setting->scope == scope ? setting : NULL;
}

static bool config_set(struct config_state *state, char *field, char *value)
{
	const struct weft_setting *setting = config_find(state, field, value);
	bool good;

	if (!setting)
		return config_refuse_field(state, field);
	state->parser.place.name = setting->field;
	if (!*value && !setting->empty)
		return weft_complain_at(state->parser.ctx, &state->parser.place, "missing value");
	good = weft_setting_take(&state->parser, setting, value);
	state->parser.place.name = NULL;
	return good;
}

static bool config_read_line(struct config_state *state, char *line)
{
	char *equals;

	line[strcspn(line, "#")] = '\0';
	line = weft_text_trim(line);
	if (!*line)
		return true;
	if (*line == '[')
		return config_begin_section(state, line);
	if (state->section == CONFIG_SECTION_UNKNOWN)
		return true;
	if (state->section == CONFIG_SECTION_NONE)
		return weft_complain_at(state->parser.ctx, &state->parser.place,
					"field before the first section: begin with [Interface] or [Peer]");
	equals = strchr(line, '=');
	if (!equals)
		return config_refuse_line(&state->parser, line);
	*equals = '\0';
	return config_set(state, weft_text_trim(line), weft_text_trim(equals + 1));
}

/* If complaints are stored, parsing continues after errors, to report all of them. */
static bool config_read_text(struct config_state *state, char *text)
{
	bool good = true;
	char *line;

	while ((line = strsep(&text, "\n"))) {
		state->parser.place.line++;
		state->parser.place.name = NULL;
		good &= config_read_line(state, line);
		if (!good && !state->parser.ctx->notes)
			return false;
	}
	return good & config_finish_peer(state);
}

/* @state->parser is filled in except for the device. */
static struct weft_device *config_parse(struct config_state *state, char *text,
					const char *name)
{
	struct weft_device *dev = weft_model_device_new(name);

	if (!dev) {
		weft_complain(state->parser.ctx, "out of memory");
		return NULL;
	}
	state->parser.dev = dev;
	if (state->parser.whole)
		dev->has = WEFT_DEVICE_HAS_PRIVATE_KEY |
			   WEFT_DEVICE_HAS_LISTEN_PORT |
			   WEFT_DEVICE_HAS_FWMARK | WEFT_DEVICE_REPLACE_PEERS |
			   WEFT_DEVICE_HAS_LISTEN_ADDRESS |
			   WEFT_DEVICE_HAS_BIND_DEVICE;
	if (config_read_text(state, text) || state->parser.ctx->notes) {
		if (weft_merge_peers(dev))
			return dev;
		weft_complain(state->parser.ctx, "out of memory");
	}
	weft_model_device_free(dev);
	return NULL;
}

struct weft_device *weft_config_parse(const struct weft_context *ctx,
				      const char *file, char *text,
				      const char *name, bool whole)
{
	struct config_state state = {
		.parser = {
			.ctx = ctx, .place.file = file, .whole = whole,
		},
	};

	return config_parse(&state, text, name);
}

struct weft_device *weft_config_parse_more(const struct weft_context *ctx,
					   const char *file, char *text,
					   const char *name,
					   const struct weft_setting *more,
					   struct weft_profile *profile)
{
	struct config_state state = {
		.parser = {
			.ctx = ctx, .place.file = file, .whole = true,
			.more = more, .profile = profile,
		},
	};

	return config_parse(&state, text, name);
}

static bool config_holds_secret(const struct weft_device *dev)
{
	const struct weft_peer *peer;

	if (!weft_key_is_zero(&dev->private_key))
		return true;
	for (peer = dev->peers; peer; peer = peer->next)
		if (!weft_key_is_zero(&peer->preshared_key))
			return true;
	return false;
}

bool weft_config_read(const struct weft_context *ctx, const char *file,
		      struct weft_file *content)
{
	if (!weft_file_read(ctx, file, WEFT_CONFIG_BYTES, content))
		return false;
	if (strlen(content->text) == content->len)
		return true;
	weft_complain(ctx, "'%s' is not a text file: it contains a zero byte",
		      file);
	weft_file_wipe(content);
	return false;
}

struct weft_device *weft_config_load(const struct weft_context *ctx,
				     const char *file, const char *name,
				     bool whole)
{
	struct weft_device *dev;
	struct weft_file content;

	if (!weft_config_read(ctx, file, &content))
		return NULL;
	dev = weft_config_parse(ctx, file, content.text, name, whole);
	weft_file_wipe(&content);
	if (!dev)
		return NULL;
	if (config_holds_secret(dev))
		weft_file_warn_readable(ctx, file);
	weft_duplicates_warn(ctx, file, dev);
	if (weft_resolve_device(ctx, file, dev))
		return dev;
	weft_model_device_free(dev);
	return NULL;
}
