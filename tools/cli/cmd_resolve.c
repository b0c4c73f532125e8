// SPDX-License-Identifier: GPL-2.0
/* weft resolve */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "apply/alias.h"
#include "apply/lock.h"
#include "base/complain.h"
#include "cli/command.h"
#include "conf/config.h"
#include "conf/file.h"
#include "conf/locate.h"
#include "conf/profile.h"
#include "conf/resolve.h"
#include "genl/backend.h"
#include "model/format.h"

/* A session is renewed after 120 s; after 15 s more the peer is silent. */
#define RESOLVE_SILENT_S	135

/**
 * struct resolve_source - the file whose names are looked up
 * @path: its path
 * @seen: its stat data when it was read
 */
struct resolve_source {
	const char *path;
	struct stat seen;
};

static bool resolve_is_silent(const struct weft_context *ctx,
			      const struct weft_peer *peer)
{
	return ctx->now - peer->handshake_s > RESOLVE_SILENT_S;
}

/* Whether the names have the addresses that the interface knows. */
static bool resolve_is_known(const struct weft_device *dev,
			     const struct weft_peer *wanted,
			     const struct weft_peer *peer)
{
	bool several = dev->kind == WEFT_KIND_WEFT &&
		       wanted->candidate_count > 1;

	if (dev->kind == WEFT_KIND_WEFT &&
	    !weft_model_candidates_equal(wanted, peer))
		return false;
	return several || weft_model_endpoint_equal(&wanted->endpoint,
						    &peer->endpoint);
}

static bool resolve_send(const struct weft_context *ctx,
			 const struct weft_device *dev,
			 struct weft_peer *peer)
{
	struct weft_device *change = weft_model_device_new(dev->name);
	struct weft_peer *sent = change ? weft_model_peer_add(change) : NULL;
	bool good = false;

	if (!sent) {
		weft_complain(ctx, "%s: out of memory", dev->name);
	} else {
		sent->public_key = peer->public_key;
		sent->endpoint = peer->endpoint;
		sent->has = WEFT_PEER_HAS_PUBLIC_KEY | WEFT_PEER_UPDATE_ONLY |
			    WEFT_PEER_HAS_CANDIDATES;
		/* @sent takes ownership. */
		sent->candidates = peer->candidates;
		sent->candidate_count = peer->candidate_count;
		peer->candidates = NULL;
		peer->candidate_count = 0;
		good = !ctx->backend->set(ctx->backend, change);
		if (!good)
			weft_complain(ctx, "cannot configure interface '%s': %s",
				      dev->name, ctx->backend->error);
	}
	weft_model_device_free(change);
	return good;
}

/*
 * Lookups run without the lock, because they take long. If the file was written
 * meanwhile, the next call handles it.
 */
static bool resolve_send_locked(const struct weft_context *ctx,
				const struct resolve_source *source,
				const struct weft_device *dev,
				struct weft_peer *peer, bool *sent)
{
	struct weft_lock lock;
	struct stat now;
	bool good = true;

	if (!weft_lock_take(ctx, dev->name, &lock))
		return false;
	*sent = !stat(source->path, &now) && weft_file_is_same(&now, &source->seen);
	if (*sent)
		good = resolve_send(ctx, dev, peer);
	weft_lock_release(&lock);
	return good;
}

/* @wanted is the file's peer, @peer the interface's. */
static bool resolve_one(const struct weft_context *ctx,
			const struct resolve_source *source,
			const struct weft_device *dev,
			const struct weft_peer *peer, struct weft_peer *wanted)
{
	bool sent;

	if (dev->kind == WEFT_KIND_WEFT &&
	    !weft_model_candidates_keep(wanted, peer))
		return weft_complain(ctx, "%s: out of memory", dev->name);
	if (resolve_is_known(dev, wanted, peer))
		return true;
	if (!resolve_send_locked(ctx, source, dev, wanted, &sent))
		return false;
	if (!sent)
		return true;
	fprintf(ctx->out, "%s: peer %s now has endpoint %s\n", dev->name,
		weft_format_peer(wanted->name ? wanted : peer).chars,
		weft_format_endpoint(&wanted->endpoint).chars);
	return true;
}

/* Only endpoints given as names are looked up, and only for silent peers. */
static bool resolve_asks_for(const struct weft_context *ctx,
			     const struct weft_device *dev,
			     const struct weft_peer *wanted)
{
	const struct weft_peer *peer;

	if (!wanted->endpoint_text ||
	    !weft_resolve_is_name(wanted->endpoint_text))
		return false;
	peer = weft_model_peer_find(dev, &wanted->public_key);
	return peer && resolve_is_silent(ctx, peer);
}

/* An unknown name must not stop the lookup of others. */
static bool resolve_device(const struct weft_context *ctx,
			   const struct weft_profile *profile,
			   const struct resolve_source *source,
			   const struct weft_device *dev)
{
	struct weft_peer *wanted;
	bool good;

	/* The file may have a key that its peer has replaced since. */
	if (dev->kind == WEFT_KIND_WEFT &&
	    !weft_alias_settle(dev, profile->dev))
		return weft_complain(ctx, "out of memory");
	for (wanted = profile->dev->peers; wanted; wanted = wanted->next) {
		if (resolve_asks_for(ctx, dev, wanted))
			continue;
		free(wanted->endpoint_text);
		wanted->endpoint_text = NULL;
	}
	good = weft_resolve_leniently(ctx, profile->path, profile->dev);
	for (wanted = profile->dev->peers; wanted; wanted = wanted->next) {
		if (wanted->endpoint.any.sa_family != AF_UNSPEC)
			good &= resolve_one(ctx, source, dev,
					    weft_model_peer_find(dev, &wanted->public_key),
					    wanted);
		else if (wanted->unresolved)
			good = false;
	}
	return good;
}

static bool resolve_file(const struct weft_context *ctx,
			 const struct weft_location *location)
{
	struct resolve_source source = { .path = location->path };
	struct weft_profile *profile = NULL;
	struct weft_device *dev = NULL;
	struct weft_file content;
	bool good = false;

	/* The complaint about a missing file follows below. */
	stat(source.path, &source.seen);
	if (weft_config_read(ctx, location->path, &content)) {
		profile = weft_profile_parse(ctx, location->path, content.text,
					     location->name);
		weft_file_wipe(&content);
	}
	if (profile && weft_backend_get(ctx, location->name, &dev))
		good = resolve_device(ctx, profile, &source, dev);
	weft_model_device_free(dev);
	weft_profile_free(profile);
	return good;
}

/* Interfaces that were made without a file have no names to look up. */
static bool resolve_all(const struct weft_context *ctx)
{
	struct weft_link *links, *link;
	struct weft_location location;
	bool good = true;

	if (!weft_backend_list(ctx, &links))
		return false;
	for (link = links; link; link = link->next) {
		if (!weft_locate_running(ctx, weft_locate_folders, link->name,
					 &location))
			continue;
		good &= resolve_file(ctx, &location);
		free(location.path);
	}
	weft_model_links_free(links);
	return good;
}

int weft_command_resolve(struct weft_context *ctx, int argc, char **argv)
{
	struct weft_location location;
	bool good;

	(void)argc;
	/* A timer runs this command: the next run is the retry. */
	ctx->retries = 0;
	if (!strcmp(argv[0], "all"))
		return resolve_all(ctx) ? 0 : 1;
	if ((weft_locate_is_file(argv[0]) ||
	     !weft_locate_running(ctx, weft_locate_folders, argv[0], &location)) &&
	    !weft_locate(ctx, weft_locate_folders, argv[0], &location))
		return 1;
	good = resolve_file(ctx, &location);
	free(location.path);
	return good ? 0 : 1;
}
