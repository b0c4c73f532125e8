// SPDX-License-Identifier: GPL-2.0
/* weft wait */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/complain.h"
#include "cli/command.h"
#include "conf/setting.h"
#include "genl/backend.h"
#include "genl/event.h"
#include "model/attr.h"

#define WAIT_DEFAULT_S	30
#define WAIT_MOST_S	(24 * 60 * 60)

/* The most missing peers that the final message names. */
#define WAIT_NAMED_MAX	20

/* The verdict of one reading, or of one event. */
enum wait_verdict {
	WAIT_ON,
	WAIT_DONE,
	WAIT_AGAIN,	/* events were lost: read the device again */
	WAIT_FAILED,
};

/**
 * struct wait_job - one run of "wait"
 * @ctx: the context
 * @iface: the interface
 * @peer: key or name of the only peer to wait for, or NULL
 * @dev: the interface, reduced to the peers that are missing
 * @cursors: the sequence of its latest event
 * @seconds: the limit
 * @end_ms: the end of the wait
 */
struct wait_job {
	const struct weft_context *ctx;
	const char *iface;
	const char *peer;
	struct weft_device *dev;
	struct weft_event_cursor *cursors;
	__u64 seconds;
	__s64 end_ms;
};

static __s64 wait_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Any of a peer's public keys identifies it. */
static bool wait_is_meant(const struct wait_job *job,
			  const struct weft_peer *peer)
{
	struct weft_key key;

	if (!job->peer || (peer->name && !strcmp(peer->name, job->peer)))
		return true;
	return weft_key_decode(&key, job->peer) && !weft_key_is_zero(&key) &&
	       (weft_key_equal(&peer->public_key, &key) ||
		weft_key_equal(&peer->next_public_key, &key) ||
		weft_key_equal(&peer->previous_public_key, &key));
}

/* Leaves the peers that are not up yet. */
static bool wait_reduce(struct wait_job *job)
{
	struct weft_peer *peer;
	bool meant, any = !job->peer;

	for (peer = job->dev->peers; peer; peer = peer->next) {
		meant = wait_is_meant(job, peer);
		any |= meant;
		peer->drop = !meant || peer->state == WEFT_PEER_STATE_UP;
	}
	weft_model_peers_prune(job->dev);
	if (!any)
		weft_complain(job->ctx, "wait: interface '%s' has no peer '%s'",
			      job->iface, job->peer);
	return any;
}

static bool wait_look(struct wait_job *job)
{
	weft_model_device_free(job->dev);
	if (!weft_backend_get(job->ctx, job->iface, &job->dev))
		return false;
	if (job->dev->kind == WEFT_KIND_WEFT)
		return wait_reduce(job);
	return weft_complain(job->ctx,
			     "wait: '%s' is a link of kind %s, which has no events: only kind weft has",
			     job->iface, weft_model_kind_name(job->dev->kind));
}

/* Makes the kernel start handshakes with all missing peers. */
static bool wait_connect(const struct wait_job *job)
{
	struct weft_backend *backend = job->ctx->backend;
	struct weft_device *wish = weft_model_device_new(job->iface);
	struct weft_peer *from, *peer;
	int err = -ENOMEM;

	for (from = job->dev->peers; wish && from; from = from->next) {
		peer = weft_model_peer_add(wish);
		if (!peer)
			break;
		peer->public_key = from->public_key;
		peer->has = WEFT_PEER_HAS_PUBLIC_KEY | WEFT_PEER_UPDATE_ONLY |
			    WEFT_PEER_CONNECT;
	}
	if (wish && !from)
		err = backend->set(backend, wish);
	weft_model_device_free(wish);
	if (err)
		weft_complain(job->ctx, "wait: cannot begin handshakes on interface '%s': %s",
			      job->iface,
			      err == -ENOMEM ? strerror(ENOMEM) : backend->error);
	return !err;
}

static struct weft_peer *wait_find(const struct wait_job *job,
				   const struct weft_key *key)
{
	struct weft_peer *peer;

	for (peer = job->dev->peers; peer; peer = peer->next)
		if (weft_key_equal(&peer->public_key, key))
			return peer;
	return NULL;
}

static enum wait_verdict wait_forget(struct wait_job *job,
				     struct weft_peer *peer)
{
	peer->drop = true;
	weft_model_peers_prune(job->dev);
	return job->dev->peers ? WAIT_ON : WAIT_DONE;
}

static enum wait_verdict wait_removed(struct wait_job *job,
				      struct weft_peer *peer)
{
	if (!job->peer)
		return wait_forget(job, peer);
	weft_complain(job->ctx, "wait: peer '%s' has been removed", job->peer);
	return WAIT_FAILED;
}

static enum wait_verdict wait_peer_event(struct wait_job *job,
					 const struct weft_event *event)
{
	struct weft_peer *peer = NULL;

	if (event->has_key)
		peer = wait_find(job, &event->public_key);
	if (!peer && event->has_old_key)
		peer = wait_find(job, &event->old_public_key);
	if (!peer)
		return WAIT_ON;
	switch (event->type) {
	case WEFT_EVENT_SESSION_UP:
	case WEFT_EVENT_SESSION_RENEWED:
		return wait_forget(job, peer);
	case WEFT_EVENT_PEER_REMOVED:
		return wait_removed(job, peer);
	case WEFT_EVENT_PEER_KEY_CHANGED:
		peer->public_key = event->public_key;
		return WAIT_ON;
	case WEFT_EVENT_SESSION_GIVEN_UP:
		return WAIT_AGAIN;
	}
	return WAIT_ON;
}

static enum wait_verdict wait_event(struct wait_job *job,
				    const struct weft_event *event)
{
	if (strcmp(event->ifname, job->iface))
		return WAIT_ON;
	if (event->type == WEFT_EVENT_DEVICE_REMOVED) {
		weft_complain(job->ctx, "wait: interface '%s' has been removed",
			      job->iface);
		return WAIT_FAILED;
	}
	if (weft_event_missed(&job->cursors, event))
		return WAIT_AGAIN;
	return wait_peer_event(job, event);
}

static void wait_name_peer(const struct wait_job *job,
			   const struct weft_peer *peer)
{
	const char *state = weft_peer_state_name(peer->state);
	bool heard = peer->known & WEFT_ATTR_BIT(WEFT_PEER_A_RX_AGE);

	weft_complain(job->ctx, "wait: peer %s is not up after %llu s: %s for %llu s%s%s",
		      peer->name ?: weft_key_encode(&peer->public_key).chars,
		      job->seconds, state ?: "unknown",
		      peer->state_age_ms / 1000,
		      peer->endpoint.any.sa_family == AF_UNSPEC ?
		      ", no endpoint is known" : "",
		      heard ? "" : ", no packet has arrived from it");
}

/* At the limit a last reading decides, and shows the peers' states. */
static enum wait_verdict wait_too_long(struct wait_job *job)
{
	const struct weft_peer *peer;
	size_t count, named = 0;

	if (!wait_look(job))
		return WAIT_FAILED;
	if (!job->dev->peers)
		return WAIT_DONE;
	count = weft_model_peer_count(job->dev);
	for (peer = job->dev->peers; peer && named < WAIT_NAMED_MAX;
	     peer = peer->next, named++)
		wait_name_peer(job, peer);
	if (count > named)
		weft_complain(job->ctx, "wait: and %zu more", count - named);
	return WAIT_FAILED;
}

static enum wait_verdict wait_next(struct wait_job *job)
{
	struct weft_backend *backend = job->ctx->backend;
	__s64 left = job->end_ms - wait_now_ms();
	struct weft_event event;
	int got;

	got = backend->next(backend, &event, left > 0 ? left : 0);
	if (got > 0)
		return wait_event(job, &event);
	if (!got)
		return wait_too_long(job);
	if (got == -EAGAIN)
		return WAIT_ON;
	if (got == -ENOBUFS)
		return WAIT_AGAIN;
	weft_complain(job->ctx, "wait: %s", got == -EINTR ? "interrupted" :
						    backend->error);
	return WAIT_FAILED;
}

static bool wait_run(struct wait_job *job)
{
	enum wait_verdict verdict = WAIT_AGAIN;

	while (verdict == WAIT_AGAIN || verdict == WAIT_ON) {
		if (verdict == WAIT_AGAIN) {
			if (!wait_look(job))
				return false;
			if (!job->dev->peers)
				return true;
			if (job->seconds && !wait_connect(job))
				return false;
		}
		verdict = wait_next(job);
	}
	return verdict == WAIT_DONE;
}

static bool wait_take_words(struct wait_job *job, int argc, char **argv)
{
	for (; argc; argc -= 2, argv += 2) {
		bool is_peer = !strcmp(argv[0], "peer");

		if (!is_peer && strcmp(argv[0], "timeout"))
			return weft_complain(job->ctx,
					     "wait: unexpected argument '%s': use peer KEY|NAME or timeout SECONDS",
					     argv[0]);
		if (argc < 2)
			return weft_complain(job->ctx, "wait: %s: requires a value: %s", argv[0],
					     is_peer ? "KEY|NAME" : "SECONDS");
		if (is_peer) {
			job->peer = argv[1];
		} else if (!weft_setting_number(argv[1], 10, WAIT_MOST_S,
						&job->seconds)) {
			return weft_complain(job->ctx,
					     "wait: timeout: '%s' is not a time: use a number of seconds from 0 (only look) to %d",
					     argv[1], WAIT_MOST_S);
		}
	}
	return true;
}

int weft_command_wait(struct weft_context *ctx, int argc, char **argv)
{
	struct wait_job job = {
		.ctx = ctx, .iface = argv[0], .seconds = WAIT_DEFAULT_S,
	};
	bool good;

	if (!wait_take_words(&job, argc - 1, argv + 1))
		return 1;
	/* The subscription precedes the first reading: no event is lost in between. */
	if (ctx->backend->watch(ctx->backend)) {
		weft_complain(ctx, "wait: %s", ctx->backend->error);
		return 1;
	}
	job.end_ms = wait_now_ms() + job.seconds * 1000;
	good = wait_run(&job);
	ctx->backend->unwatch(ctx->backend);
	weft_event_forget(&job.cursors);
	weft_model_device_free(job.dev);
	return good ? 0 : 1;
}
