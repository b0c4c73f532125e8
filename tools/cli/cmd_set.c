// SPDX-License-Identifier: GPL-2.0
/* weft set, weft setconf, weft addconf, weft syncconf */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apply/claim.h"
#include "apply/lock.h"
#include "apply/sync.h"
#include "cli/command.h"
#include "conf/config.h"
#include "conf/parse.h"
#include "conf/resolve.h"
#include "genl/backend.h"
#include "model/format.h"

/* The kernel says what is wrong; the interface, as it is, with whom. */
static bool set_explain(const struct weft_context *ctx,
			const struct weft_device *dev)
{
	struct weft_device *now;
	bool said;

	if (ctx->backend->get(ctx->backend, dev->name, &now))
		return false;
	said = weft_claim_explain(ctx, now, dev);
	weft_model_device_free(now);
	return said;
}

static int set_send(const struct weft_context *ctx,
		    const struct weft_device *dev)
{
	char reason[sizeof(ctx->backend->error)];
	int err = ctx->backend->set(ctx->backend, dev);

	if (!err)
		return 0;
	memcpy(reason, ctx->backend->error, sizeof(reason));
	if (err != -EEXIST || !set_explain(ctx, dev))
		weft_complain(ctx, "cannot configure interface '%s': %s",
			      dev->name, reason);
	return 1;
}

static bool set_refuse_word(const struct weft_parse *parse, const char *word)
{
	char *list = weft_parse_list(parse->peer ? WEFT_SCOPE_PEER :
						   WEFT_SCOPE_DEVICE, false, NULL);

	weft_complain(parse->ctx, "set: '%s' is not a setting of %s: %s%s and peer are",
		      word, parse->peer ? "a peer" : "an interface",
		      list ? list : "",
		      parse->peer ? ", the settings of an interface" : "");
	free(list);
	return false;
}

/* Names are those that the interface has as it is. */
static bool set_take_name(struct weft_parse *parse, const char *word)
{
	struct weft_backend *backend = parse->ctx->backend;
	const struct weft_peer *known;

	if (!parse->have &&
	    backend->get(backend, parse->dev->name, &parse->have)) {
		weft_complain(parse->ctx, "cannot read interface '%s': %s",
			      parse->dev->name, backend->error);
		return false;
	}
	known = weft_model_peer_find_word(parse->have, word);
	if (!known) {
		weft_complain_at(parse->ctx, &parse->place,
				 "'%s' is neither a public key, which is %d characters of base64, nor the name of a peer of %s",
				 word, WEFT_KEY_CHARS, parse->dev->name);
		return false;
	}
	parse->peer->public_key = known->public_key;
	parse->peer->has |= WEFT_PEER_HAS_PUBLIC_KEY;
	parse->peer->named = true;
	return true;
}

static bool set_take_peer(struct weft_parse *parse, const char *word)
{
	if (!weft_key_decode(&parse->peer->public_key, word))
		return set_take_name(parse, word);
	parse->peer->has |= WEFT_PEER_HAS_PUBLIC_KEY;
	return true;
}

static bool set_begin_peer(struct weft_parse *parse, const char *key)
{
	parse->peer = weft_model_peer_add(parse->dev);
	if (!parse->peer) {
		weft_complain(parse->ctx, "out of memory");
		return false;
	}
	return set_take_peer(parse, key);
}

/* One setting, or a peer's beginning. How many words it took, 0: a complaint. */
static int set_take_word(struct weft_parse *parse, int argc, char **argv)
{
	bool is_peer = !strcmp(argv[0], "peer");
	const struct weft_setting *setting = weft_parse_find_word(argv[0]);
	bool good;

	if (!is_peer && (!setting || (setting->scope == WEFT_SCOPE_PEER &&
				      !parse->peer)))
		return set_refuse_word(parse, argv[0]);
	parse->place.name = argv[0];
	if (!is_peer && setting->own && !parse->dev->own_word)
		parse->dev->own_word = setting->word;
	if (!is_peer && !setting->value)
		return setting->from_word(parse, NULL);
	if (argc < 2) {
		weft_complain_at(parse->ctx, &parse->place,
				 "%s has to follow, and nothing does",
				 is_peer ? "KEY|NAME" : setting->value);
		return 0;
	}
	good = is_peer ? set_begin_peer(parse, argv[1]) :
			 setting->from_word(parse, argv[1]);
	return good ? 2 : 0;
}

static bool set_take_words(struct weft_parse *parse, int argc, char **argv)
{
	int taken;

	while (argc) {
		taken = set_take_word(parse, argc, argv);
		if (!taken)
			return false;
		argc -= taken;
		argv += taken;
	}
	return true;
}

/* Longer names would be cut off, and another interface configured. */
static struct weft_device *set_new_device(const struct weft_context *ctx,
					  const char *name)
{
	struct weft_device *dev;

	if (!*name || strlen(name) >= IFNAMSIZ) {
		weft_complain(ctx, "'%s' is not an interface: a name has 1 to %d characters",
			      name, IFNAMSIZ - 1);
		return NULL;
	}
	dev = weft_model_device_new(name);
	if (!dev)
		weft_complain(ctx, "out of memory");
	return dev;
}

/*
 * Peers that were given by their names are there still: looking up endpoints
 * takes its time, and a peer that is removed meanwhile is not to come back.
 */
static bool set_finds_named(struct weft_parse *parse)
{
	struct weft_backend *backend = parse->ctx->backend;
	struct weft_peer *peer;

	if (!parse->have)
		return true;
	weft_model_device_free(parse->have);
	parse->have = NULL;
	if (backend->get(backend, parse->dev->name, &parse->have)) {
		parse->have = NULL;
		weft_complain(parse->ctx, "cannot read interface '%s': %s",
			      parse->dev->name, backend->error);
		return false;
	}
	for (peer = parse->dev->peers; peer; peer = peer->next) {
		if (!peer->named ||
		    weft_model_peer_find(parse->have, &peer->public_key))
			continue;
		weft_complain(parse->ctx, "%s: peer %s has been removed meanwhile",
			      parse->dev->name, weft_format_peer(peer).chars);
		return false;
	}
	return true;
}

/*
 * Prefixes that another peer has move. Whose they were can only be read
 * before; that it could not be is no reason not to set.
 */
static int set_send_words(struct weft_parse *parse)
{
	const struct weft_context *ctx = parse->ctx;
	struct weft_lock lock;
	int status;

	if (!weft_lock_take(ctx, parse->dev->name, &lock))
		return 1;
	if (!set_finds_named(parse)) {
		weft_lock_release(&lock);
		return 1;
	}
	if (!parse->have && weft_claim_adds_prefixes(parse->dev) &&
	    ctx->backend->get(ctx->backend, parse->dev->name, &parse->have))
		parse->have = NULL;
	status = set_send(ctx, parse->dev);
	weft_lock_release(&lock);
	if (!status && parse->have)
		weft_claim_report_moved(ctx, parse->have, parse->dev);
	return status;
}

int weft_command_set(struct weft_context *ctx, int argc, char **argv)
{
	struct weft_device *dev = set_new_device(ctx, argv[0]);
	struct weft_parse parse = { .ctx = ctx, .dev = dev };
	int status = 1;

	if (!dev)
		return 1;
	if (set_take_words(&parse, argc - 1, argv + 1) &&
	    weft_resolve_device(ctx, NULL, dev))
		status = set_send_words(&parse);
	weft_model_device_free(parse.have);
	weft_model_device_free(dev);
	return status;
}

/* The file becomes a model before the interface is so much as looked at. */
static int set_from_file(struct weft_context *ctx, char **argv, bool whole,
			 int (*send)(const struct weft_context *ctx,
				     struct weft_device *dev))
{
	struct weft_device *dev;
	struct weft_lock lock;
	int status = 1;

	dev = weft_config_load(ctx, argv[1], argv[0], whole);
	if (dev && weft_lock_take(ctx, dev->name, &lock)) {
		status = send(ctx, dev);
		weft_lock_release(&lock);
	}
	weft_model_device_free(dev);
	return status;
}

static int set_all(const struct weft_context *ctx, struct weft_device *dev)
{
	return set_send(ctx, dev);
}

int weft_command_setconf(struct weft_context *ctx, int argc, char **argv)
{
	(void)argc;
	return set_from_file(ctx, argv, true, set_all);
}

int weft_command_addconf(struct weft_context *ctx, int argc, char **argv)
{
	(void)argc;
	return set_from_file(ctx, argv, false, set_all);
}

static int set_difference(const struct weft_context *ctx,
			  struct weft_device *want)
{
	struct weft_device *have;
	int status = 1;

	if (ctx->backend->get(ctx->backend, want->name, &have)) {
		weft_complain(ctx, "cannot read interface '%s': %s", want->name,
			      ctx->backend->error);
		return 1;
	}
	if (!weft_sync_reduce(have, want))
		weft_complain(ctx, "out of memory");
	else
		status = weft_sync_is_empty(want) ? 0 : set_send(ctx, want);
	weft_model_device_free(have);
	return status;
}

int weft_command_syncconf(struct weft_context *ctx, int argc, char **argv)
{
	(void)argc;
	return set_from_file(ctx, argv, true, set_difference);
}
