// SPDX-License-Identifier: GPL-2.0
/*
 * weft set, weft setconf, weft addconf, weft syncconf
 *
 *   weft_command_set()
 *     set_take_words(): words into a device model, by the tables of conf/setting
 *     weft_resolve_device(): names of endpoints into addresses
 *     set_send_words(), under the interface's lock
 *       set_finds_named(): peers' names into keys
 *       set_send(): genl/message makes messages of the model, the kernel applies each as a whole
 *       weft_conflict_warn_moved(): prefixes that another peer has lost
 *
 * The others read a file in place of words (set_from_file()); syncconf sends the difference only.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apply/conflict.h"
#include "apply/lock.h"
#include "apply/sync.h"
#include "cli/command.h"
#include "conf/config.h"
#include "conf/resolve.h"
#include "conf/setting.h"
#include "genl/backend.h"
#include "model/format.h"

/* The kernel reports the reason; the interface's present state shows the other peer. */
static bool set_explain(const struct weft_context *ctx,
			const struct weft_device *dev)
{
	struct weft_device *now;
	bool said;

	if (ctx->backend->get(ctx->backend, dev->name, &now))
		return false;
	said = weft_conflict_explain(ctx, now, dev);
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

static bool set_refuse_word(const struct weft_parser *parser, const char *word)
{
	char *list = weft_setting_list(parser->peer ? WEFT_SCOPE_PEER :
						   WEFT_SCOPE_DEVICE, false, NULL);

	weft_complain(parser->ctx, "set: unknown setting '%s' of %s: use %s%s",
		      word, parser->peer ? "a peer" : "an interface",
		      list ? list : "",
		      parser->peer ? ", peer or a setting of the interface" : " or peer");
	free(list);
	return false;
}

/* Looks a peer's name up among those of the interface. */
static bool set_take_name(struct weft_parser *parser, const char *word)
{
	const struct weft_peer *known;

	if (!parser->have &&
	    !weft_backend_get(parser->ctx, parser->dev->name, &parser->have))
		return false;
	known = weft_model_peer_find_word(parser->have, word);
	if (!known)
		return weft_complain_at(parser->ctx, &parser->place,
					"'%s' is neither a public key (%d characters of base64) nor the name of a peer of %s",
					word, WEFT_KEY_CHARS, parser->dev->name);
	parser->peer->public_key = known->public_key;
	parser->peer->has |= WEFT_PEER_HAS_PUBLIC_KEY;
	parser->peer->named = true;
	return true;
}

static bool set_take_peer(struct weft_parser *parser, const char *word)
{
	if (!weft_key_decode(&parser->peer->public_key, word))
		return set_take_name(parser, word);
	parser->peer->has |= WEFT_PEER_HAS_PUBLIC_KEY;
	return true;
}

static bool set_begin_peer(struct weft_parser *parser, const char *key)
{
	parser->peer = weft_model_peer_add(parser->dev);
	if (!parser->peer)
		return weft_complain(parser->ctx, "out of memory");
	return set_take_peer(parser, key);
}

/* One setting, or the beginning of a peer. Returns the number of words, 0 after a complaint. */
static int set_take_word(struct weft_parser *parser, int argc, char **argv)
{
	bool is_peer = !strcmp(argv[0], "peer");
	const struct weft_setting *setting = weft_setting_find_word(argv[0]);
	bool good;

	if (!is_peer && (!setting || (setting->scope == WEFT_SCOPE_PEER &&
				      !parser->peer)))
		return set_refuse_word(parser, argv[0]);
	parser->place.name = argv[0];
	if (!is_peer && setting->own && !parser->dev->own_word)
		parser->dev->own_word = setting->word;
	if (!is_peer && !setting->value)
		return weft_setting_take(parser, setting, NULL);
	if (argc < 2) {
		weft_complain_at(parser->ctx, &parser->place,
				 "requires a value: %s",
				 is_peer ? "KEY|NAME" : setting->value);
		return 0;
	}
	good = is_peer ? set_begin_peer(parser, argv[1]) :
			 weft_setting_take(parser, setting, argv[1]);
	return good ? 2 : 0;
}

static bool set_take_words(struct weft_parser *parser, int argc, char **argv)
{
	int taken;

	while (argc) {
		taken = set_take_word(parser, argc, argv);
		if (!taken)
			return false;
		argc -= taken;
		argv += taken;
	}
	return true;
}

static struct weft_device *set_new_device(const struct weft_context *ctx,
					  const char *name)
{
	struct weft_device *dev;

	if (!weft_command_takes_name(ctx, name))
		return NULL;
	dev = weft_model_device_new(name);
	if (!dev)
		weft_complain(ctx, "out of memory");
	return dev;
}

/*
 * Peers given by their names still exist: the lookup of endpoints takes time, and a
 * peer that was removed meanwhile must not be recreated.
 */
static bool set_finds_named(struct weft_parser *parser)
{
	struct weft_peer *peer;

	if (!parser->have)
		return true;
	weft_model_device_free(parser->have);
	if (!weft_backend_get(parser->ctx, parser->dev->name, &parser->have))
		return false;
	for (peer = parser->dev->peers; peer; peer = peer->next) {
		if (!peer->named ||
		    weft_model_peer_find(parser->have, &peer->public_key))
			continue;
		return weft_complain(parser->ctx,
				     "%s: peer %s was removed during the lookup of endpoints",
				     parser->dev->name, weft_format_peer(peer).chars);
	}
	return true;
}

/*
 * A prefix of another peer moves. Its owner can only be read beforehand; a failure
 * to read it does not prevent the change.
 */
static int set_send_words(struct weft_parser *parser)
{
	const struct weft_context *ctx = parser->ctx;
	struct weft_lock lock;
	int status;

	if (!weft_lock_take(ctx, parser->dev->name, &lock))
		return 1;
	if (!set_finds_named(parser)) {
		weft_lock_release(&lock);
		return 1;
	}
	if (!parser->have && weft_conflict_adds_prefixes(parser->dev))
		ctx->backend->get(ctx->backend, parser->dev->name, &parser->have);
	status = set_send(ctx, parser->dev);
	weft_lock_release(&lock);
	if (!status && parser->have)
		weft_conflict_warn_moved(ctx, parser->have, parser->dev);
	return status;
}

int weft_command_set(struct weft_context *ctx, int argc, char **argv)
{
	struct weft_device *dev = set_new_device(ctx, argv[0]);
	struct weft_parser parser = { .ctx = ctx, .dev = dev };
	int status = 1;

	if (!dev)
		return 1;
	if (set_take_words(&parser, argc - 1, argv + 1) &&
	    weft_resolve_device(ctx, NULL, dev))
		status = set_send_words(&parser);
	weft_model_device_free(parser.have);
	weft_model_device_free(dev);
	return status;
}

/* The file is parsed completely before the interface is read. */
static int set_from_file(struct weft_context *ctx, char **argv, bool whole,
			 int (*send)(const struct weft_context *ctx,
				     struct weft_device *dev))
{
	struct weft_device *dev;
	struct weft_lock lock;
	int status = 1;

	if (!weft_command_takes_name(ctx, argv[0]))
		return 1;
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

	if (!weft_backend_get(ctx, want->name, &have))
		return 1;
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
