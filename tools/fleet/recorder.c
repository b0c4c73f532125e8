// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "fleet/recorder.h"
#include "model/format.h"

/* Of a new link: an Ethernet frame without the outer headers over IPv6. */
#define RECORDER_MTU	1420

static struct weft_recorder *recorder_of_host(struct weft_host *host)
{
	return (struct weft_recorder *)((char *)host - offsetof(struct weft_recorder, host));
}

static struct weft_recorder *recorder_of_backend(struct weft_backend *backend)
{
	return (struct weft_recorder *)((char *)backend -
					offsetof(struct weft_recorder, backend));
}

static void recorder_say(struct weft_recorder *recorder, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	recorder->failed |= !weft_profile_words_print(&recorder->changes, fmt, args);
	va_end(args);
}

/* The error in words, where the caller looks for it. */
static int recorder_host_result(struct weft_recorder *recorder, int err)
{
	if (err)
		memcpy(recorder->host.error, recorder->real_host->error,
		       sizeof(recorder->host.error));
	return err;
}

static int recorder_backend_result(struct weft_recorder *recorder, int err)
{
	if (err)
		memcpy(recorder->backend.error, recorder->real_backend->error,
		       sizeof(recorder->backend.error));
	return err;
}

/* The host. */

static int recorder_link(struct weft_host *host, const char *name, struct weft_host_link *link)
{
	struct weft_recorder *recorder = recorder_of_host(host);
	struct weft_host *real = recorder->real_host;

	if (!recorder->added[0] || strcmp(recorder->added, name))
		return recorder_host_result(recorder, real->link(real, name, link));
	/* No link has this index. */
	*link = (struct weft_host_link){
		.index = -1, .mtu = RECORDER_MTU, .kind = WEFT_KIND_WEFT,
	};
	return 0;
}

static int recorder_addresses(struct weft_host *host, unsigned int index,
			      struct weft_routes *addresses)
{
	struct weft_recorder *recorder = recorder_of_host(host);
	struct weft_host *real = recorder->real_host;

	return recorder_host_result(recorder, real->addresses(real, index, addresses));
}

static int recorder_routes(struct weft_host *host, unsigned int index, __u32 table,
			   struct weft_routes *routes)
{
	struct weft_recorder *recorder = recorder_of_host(host);
	struct weft_host *real = recorder->real_host;

	return recorder_host_result(recorder, real->routes(real, index, table, routes));
}

static int recorder_rules(struct weft_host *host, struct weft_rules *rules)
{
	struct weft_recorder *recorder = recorder_of_host(host);
	struct weft_host *real = recorder->real_host;

	return recorder_host_result(recorder, real->rules(real, rules));
}

static int recorder_path_mtu(struct weft_host *host, const union weft_endpoint *to, __u32 mark,
			     unsigned int *mtu)
{
	struct weft_recorder *recorder = recorder_of_host(host);
	struct weft_host *real = recorder->real_host;

	return recorder_host_result(recorder, real->path_mtu(real, to, mark, mtu));
}

static int recorder_way(struct weft_host *host, const union weft_endpoint *to, __u32 mark,
			struct weft_host_way *way)
{
	struct weft_recorder *recorder = recorder_of_host(host);
	struct weft_host *real = recorder->real_host;

	return recorder_host_result(recorder, real->way(real, to, mark, way));
}

static int recorder_read(struct weft_host *host, const char *path, char **text)
{
	struct weft_recorder *recorder = recorder_of_host(host);
	struct weft_host *real = recorder->real_host;

	return recorder_host_result(recorder, real->read(real, path, text));
}

static bool recorder_has(struct weft_host *host, const char *program)
{
	struct weft_host *real = recorder_of_host(host)->real_host;

	return real->has(real, program);
}

static bool recorder_home(struct weft_host *host)
{
	struct weft_host *real = recorder_of_host(host)->real_host;

	return real->home(real);
}

static int recorder_run(struct weft_host *host, const struct weft_program *program, char **output)
{
	struct weft_recorder *recorder = recorder_of_host(host);
	struct weft_host *real = recorder->real_host;

	return recorder_host_result(recorder, real->run(real, program, output));
}

static int recorder_change(struct weft_host *host, const struct weft_change *change)
{
	struct weft_recorder *recorder = recorder_of_host(host);
	struct weft_host *real = recorder->real_host;
	char *what = weft_change_describe(change);
	int err = recorder->dry ? 0 :
				  recorder_host_result(recorder, real->change(real, change));

	if (!err)
		recorder_say(recorder, "%s", what ? what : "a change");
	if (!err && recorder->dry && change->kind == WEFT_CHANGE_LINK_ADD)
		memcpy(recorder->added, change->dev, sizeof(recorder->added));
	free(what);
	return err;
}

/* The backend. */

static int recorder_ready(struct weft_backend *backend)
{
	struct weft_recorder *recorder = recorder_of_backend(backend);
	struct weft_backend *real = recorder->real_backend;

	return real->ready ? recorder_backend_result(recorder, real->ready(real)) : 0;
}

static int recorder_loaded(struct weft_backend *backend)
{
	struct weft_recorder *recorder = recorder_of_backend(backend);
	struct weft_backend *real = recorder->real_backend;

	return real->loaded ? recorder_backend_result(recorder, real->loaded(real)) : 0;
}

static int recorder_list(struct weft_backend *backend, struct weft_link **list)
{
	struct weft_recorder *recorder = recorder_of_backend(backend);
	struct weft_backend *real = recorder->real_backend;

	return recorder_backend_result(recorder, real->list(real, list));
}

static int recorder_get(struct weft_backend *backend, const char *name, struct weft_device **dev)
{
	struct weft_recorder *recorder = recorder_of_backend(backend);
	struct weft_backend *real = recorder->real_backend;

	return recorder_backend_result(recorder, real->get(real, name, dev));
}

static const char *recorder_peer_change(const struct weft_peer *peer)
{
	if (peer->has & WEFT_PEER_REMOVE)
		return "remove";
	return peer->has & WEFT_PEER_UPDATE_ONLY ? "change" : "add";
}

static void recorder_say_device(struct weft_recorder *recorder, const struct weft_device *dev)
{
	const struct weft_peer *peer;

	if (dev->has & WEFT_DEVICE_HAS_PRIVATE_KEY)
		recorder_say(recorder, "set the private key");
	if (dev->has & WEFT_DEVICE_HAS_LISTEN_PORT)
		recorder_say(recorder, "set the listen port %u", dev->listen_port);
	if (dev->has & ~(WEFT_DEVICE_HAS_PRIVATE_KEY | WEFT_DEVICE_HAS_LISTEN_PORT |
			 WEFT_DEVICE_REPLACE_PEERS))
		recorder_say(recorder, "set other settings of the interface");
	for (peer = dev->peers; peer; peer = peer->next)
		recorder_say(recorder, "%s peer %s", recorder_peer_change(peer),
			     weft_format_peer(peer).chars);
}

static int recorder_set(struct weft_backend *backend, const struct weft_device *dev)
{
	struct weft_recorder *recorder = recorder_of_backend(backend);
	struct weft_backend *real = recorder->real_backend;
	int err = recorder->dry ? 0 : recorder_backend_result(recorder, real->set(real, dev));

	if (!err)
		recorder_say_device(recorder, dev);
	return err;
}

static int recorder_rotate(struct weft_backend *backend, const char *name,
			   const struct weft_rotation *rotation)
{
	struct weft_recorder *recorder = recorder_of_backend(backend);
	struct weft_backend *real = recorder->real_backend;
	int err = 0;

	if (!recorder->dry)
		err = recorder_backend_result(recorder, real->rotate(real, name, rotation));
	if (!err)
		recorder_say(recorder, "rotate the private key");
	return err;
}

static const struct weft_host recorder_host = {
	.link = recorder_link,
	.addresses = recorder_addresses,
	.routes = recorder_routes,
	.rules = recorder_rules,
	.path_mtu = recorder_path_mtu,
	.way = recorder_way,
	.read = recorder_read,
	.has = recorder_has,
	.home = recorder_home,
	.run = recorder_run,
	.change = recorder_change,
};

static const struct weft_backend recorder_backend = {
	.ready = recorder_ready,
	.loaded = recorder_loaded,
	.list = recorder_list,
	.get = recorder_get,
	.set = recorder_set,
	.rotate = recorder_rotate,
};

void weft_recorder_begin(struct weft_recorder *recorder, const struct weft_context *ctx,
			 struct weft_context *through)
{
	*recorder = (struct weft_recorder){
		.host = recorder_host, .backend = recorder_backend,
		.real_host = ctx->host, .real_backend = ctx->backend, .dry = ctx->dry_run,
	};
	if (!ctx->host->has)
		recorder->host.has = NULL;
	*through = *ctx;
	through->host = &recorder->host;
	through->backend = &recorder->backend;
	/* The record of "up" is a change, too. */
	if (recorder->dry)
		through->runtime = NULL;
}

void weft_recorder_free(struct weft_recorder *recorder)
{
	weft_profile_words_free(&recorder->changes);
}
