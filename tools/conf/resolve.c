// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/complain.h"
#include "base/signals.h"
#include "base/text.h"
#include "conf/lookup.h"
#include "conf/resolve.h"
#include "model/model.h"

#define WEFT_RESOLVE_FIRST_PAUSE_US	1000000
#define WEFT_RESOLVE_LAST_PAUSE_US	20000000

int weft_resolve_retries(const struct weft_context *ctx, const char *wish)
{
	unsigned long retries;
	char *end;

	if (!wish)
		return WEFT_RESOLVE_RETRIES;
	if (!strcmp(wish, "infinity"))
		return -1;
	errno = 0;
	retries = strtoul(wish, &end, 10);
	if (wish[0] >= '0' && wish[0] <= '9' && !*end && !errno &&
	    retries <= INT_MAX)
		return retries;
	weft_warn(ctx,
		  "WG_ENDPOINT_RESOLUTION_RETRIES: '%s' is neither a number nor 'infinity': %d is used",
		  wish, WEFT_RESOLVE_RETRIES);
	return WEFT_RESOLVE_RETRIES;
}

struct resolve_item {
	char *host;
	char *port;
	bool bare;
};

/* The parts of an endpoint's text; @text holds the words. */
struct resolve_list {
	char *text;
	struct resolve_item items[WEFT_CANDIDATES_MAX];
	size_t count;
};

enum resolve_verdict {
	RESOLVE_GOOD,
	RESOLVE_NO_MEMORY,
	RESOLVE_NOT_ONE,
	RESOLVE_PORT,
	RESOLVE_MANY,
};

/* Also with a zone, which is a link's name. */
static bool resolve_is_ip6(const char *host)
{
	char address[INET6_ADDRSTRLEN] = "";
	size_t len = strcspn(host, "%");
	struct in6_addr ip6;

	if (len >= sizeof(address))
		return false;
	memcpy(address, host, len);
	return inet_pton(AF_INET6, address, &ip6) == 1;
}

/* Cut "host:port" or "[host]:port" in two, in place; the port may be missing. */
static bool resolve_split(char *text, struct resolve_item *item)
{
	char *end;

	if (*text == '[') {
		item->host = text + 1;
		end = strchr(text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
		item->port = end[1] ? end + 2 : NULL;
	} else {
		item->host = text;
		end = strrchr(text, ':');
		item->port = end ? end + 1 : NULL;
	}
	if (end)
		*end = '\0';
	/* wg(8) accepts an IPv6 address without brackets if a port follows. */
	item->bare = *text != '[' && strchr(text, ':');
	if (item->bare && !resolve_is_ip6(text))
		return false;
	return *item->host && (!item->port || *item->port);
}

/* getaddrinfo() would truncate a number above 65535. */
static bool resolve_port_fits(const char *port)
{
	return port[strspn(port, "0123456789")] || strtoul(port, NULL, 10) <= UINT16_MAX;
}

/* An endpoint without a port gets that of the last endpoint. */
static enum resolve_verdict resolve_share_port(struct resolve_list *list)
{
	char *last = list->items[list->count - 1].port;
	size_t i;

	if (!last)
		return RESOLVE_NOT_ONE;
	for (i = 0; i < list->count; i++) {
		if (!list->items[i].port)
			list->items[i].port = last;
		if (!resolve_port_fits(list->items[i].port))
			return RESOLVE_PORT;
	}
	return RESOLVE_GOOD;
}

/* @list->text is to be freed in any case. */
static enum resolve_verdict resolve_parse(struct resolve_list *list,
					  const char *value)
{
	char *rest, *word;

	list->count = 0;
	list->text = strdup(value);
	rest = list->text;
	if (!rest)
		return RESOLVE_NO_MEMORY;
	while ((word = strsep(&rest, ","))) {
		if (list->count == WEFT_CANDIDATES_MAX)
			return RESOLVE_MANY;
		if (!resolve_split(weft_text_trim(word),
				   &list->items[list->count++]))
			return RESOLVE_NOT_ONE;
	}
	return resolve_share_port(list);
}

static bool resolve_host_is_name(const char *host)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST };
	struct addrinfo *found;

	if (getaddrinfo(host, NULL, &hints, &found))
		return true;
	freeaddrinfo(found);
	return false;
}

bool weft_resolve_is_bare(const char *endpoint)
{
	struct resolve_list list;
	bool is_bare = false;
	size_t i;

	if (resolve_parse(&list, endpoint) == RESOLVE_GOOD)
		for (i = 0; i < list.count; i++)
			is_bare |= list.items[i].bare;
	free(list.text);
	return is_bare;
}

bool weft_resolve_is_name(const char *endpoint)
{
	struct resolve_list list;
	enum resolve_verdict verdict = resolve_parse(&list, endpoint);
	bool is_name = false;
	size_t i;

	if (verdict == RESOLVE_GOOD)
		for (i = 0; i < list.count; i++)
			is_name |= resolve_host_is_name(list.items[i].host);
	free(list.text);
	errno = verdict == RESOLVE_NO_MEMORY ? ENOMEM : 0;
	return is_name;
}

static void resolve_complain(const struct weft_context *ctx,
			     const struct weft_place *place, const char *value,
			     enum resolve_verdict verdict)
{
	switch (verdict) {
	case RESOLVE_GOOD:
		break;
	case RESOLVE_NO_MEMORY:
		weft_complain_at(ctx, place, "out of memory");
		break;
	case RESOLVE_NOT_ONE:
		weft_complain_at(ctx, place,
				 "'%s' is not an endpoint: use ADDRESS:PORT, NAME:PORT or [IPV6-ADDRESS]:PORT",
				 value);
		break;
	case RESOLVE_PORT:
		weft_complain_at(ctx, place,
				 "'%s' has a port above 65535, the largest one",
				 value);
		break;
	case RESOLVE_MANY:
		weft_complain_at(ctx, place,
				 "'%s' has too many endpoints: a peer has at most %d",
				 value, WEFT_CANDIDATES_MAX);
		break;
	}
}

bool weft_resolve_prepare(const struct weft_context *ctx,
			  const struct weft_place *place, const char *value,
			  struct weft_peer *peer)
{
	enum resolve_verdict verdict;
	struct resolve_list list;
	char *text = strdup(value);

	verdict = resolve_parse(&list, value);
	free(list.text);
	if (!text)
		verdict = RESOLVE_NO_MEMORY;
	if (verdict != RESOLVE_GOOD) {
		resolve_complain(ctx, place, value, verdict);
		free(text);
		return false;
	}
	free(peer->endpoint_text);
	peer->endpoint_text = text;
	peer->line = place->line;
	return true;
}

static bool resolve_is_final(int err)
{
	return err == EAI_NONAME || err == EAI_FAIL || err == EAI_SERVICE ||
#ifdef EAI_NODATA
	       err == EAI_NODATA ||
#endif
	       err == EAI_BADFLAGS || err == EAI_FAMILY ||
	       err == EAI_SOCKTYPE || err == EAI_MEMORY;
}

/* One peer's endpoints, and the first of the lookups for them. */
struct resolve_job {
	struct weft_peer *peer;
	struct resolve_list list;
	size_t first;
};

/**
 * struct resolve_batch - names that are looked up together
 * @ctx: the context
 * @file: their file, or NULL for the command line
 * @lenient: a name without an address causes a warning, not a failure
 * @jobs: the peers
 * @job_count: their number
 * @lookups: all their endpoints
 * @count: their number
 * @limited: @left_ms is valid
 * @left_ms: the time left for all lookups
 */
struct resolve_batch {
	const struct weft_context *ctx;
	const char *file;
	bool lenient;
	struct resolve_job *jobs;
	size_t job_count;
	struct weft_lookup *lookups;
	size_t count;
	bool limited;
	__s64 left_ms;
};

static struct weft_place resolve_place(const struct resolve_batch *batch,
				       const struct resolve_job *job)
{
	return (struct weft_place){
		.file = batch->file, .line = job->peer->line,
		.name = batch->file ? "Endpoint" : "endpoint",
	};
}

static bool resolve_is_temporary(int err)
{
	return err == WEFT_LOOKUP_LATE || (err && !resolve_is_final(err));
}

static __s64 resolve_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__s64)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Look up the endpoints without a final answer. False: no memory. */
static bool resolve_ask(struct resolve_batch *batch, bool all)
{
	struct weft_lookup *pending = calloc(batch->count + 1, sizeof(*pending));
	int limit_ms = WEFT_LOOKUP_LIMIT_MS;
	__s64 before = resolve_now_ms();
	size_t i, n = 0;

	if (!pending)
		return false;
	if (batch->limited && batch->left_ms < limit_ms)
		limit_ms = batch->left_ms;
	for (i = 0; i < batch->count; i++)
		if (all || resolve_is_temporary(batch->lookups[i].error))
			pending[n++] = batch->lookups[i];
	weft_lookup_run(batch->ctx, pending, n, limit_ms);
	for (i = 0, n = 0; i < batch->count; i++)
		if (all || resolve_is_temporary(batch->lookups[i].error))
			batch->lookups[i] = pending[n++];
	free(pending);
	batch->left_ms -= resolve_now_ms() - before;
	return true;
}

/* Reports names that may have an answer later; returns their number. */
static size_t resolve_tell_pending(const struct resolve_batch *batch,
				   unsigned int pause)
{
	const struct weft_lookup *lookup;
	const struct resolve_job *job;
	struct weft_place place;
	size_t i, count = 0;

	for (job = batch->jobs; job < batch->jobs + batch->job_count; job++) {
		place = resolve_place(batch, job);
		for (i = 0; i < job->list.count; i++) {
			lookup = &batch->lookups[job->first + i];
			if (!resolve_is_temporary(lookup->error))
				continue;
			count++;
			if (pause)
				weft_complain_at(batch->ctx, &place,
						 "cannot resolve '%s:%s': %s; trying again in %.2f seconds",
						 lookup->host, lookup->port,
						 weft_lookup_error(lookup->error), pause / 1e6);
		}
	}
	return count;
}

/* Retries with pauses that grow by a fifth each time. False: no memory. */
static bool resolve_retry(struct resolve_batch *batch)
{
	const struct weft_context *ctx = batch->ctx;
	unsigned int pause = WEFT_RESOLVE_FIRST_PAUSE_US;
	int tries;

	for (tries = 0; ; tries++) {
		if (!resolve_ask(batch, !tries))
			return false;
		if (weft_signals_caught() ||
		    (ctx->retries >= 0 && tries >= ctx->retries) ||
		    (batch->limited && batch->left_ms <= pause / 1000) ||
		    !resolve_tell_pending(batch, 0))
			return true;
		resolve_tell_pending(batch, pause);
		ctx->pause(pause);
		batch->left_ms -= pause / 1000;
		pause += pause / 5;
		if (pause > WEFT_RESOLVE_LAST_PAUSE_US)
			pause = WEFT_RESOLVE_LAST_PAUSE_US;
	}
}

/* Adds all IPv4 and IPv6 addresses as candidates. Returns their number, or -1. */
static int resolve_take(const struct addrinfo *found, struct weft_peer *peer)
{
	union weft_endpoint endpoint;
	int count = 0;

	for (; found; found = found->ai_next) {
		memset(&endpoint, 0, sizeof(endpoint));
		if ((found->ai_family != AF_INET ||
		     found->ai_addrlen != sizeof(endpoint.ip4)) &&
		    (found->ai_family != AF_INET6 ||
		     found->ai_addrlen != sizeof(endpoint.ip6)))
			continue;
		memcpy(&endpoint, found->ai_addr, found->ai_addrlen);
		if (!weft_model_candidate_add(peer, &endpoint))
			return -1;
		count++;
	}
	return count;
}

/* One unknown name of several endpoints is no failure. */
static void resolve_miss(const struct resolve_batch *batch,
			 const struct resolve_job *job,
			 const struct weft_lookup *lookup)
{
	struct weft_place place = resolve_place(batch, job);
	const char *why = weft_lookup_error(lookup->error);

	job->peer->unresolved = true;
	if (!lookup->error)
		why = "the name has neither an IPv4 nor an IPv6 address";
	if (batch->lenient || job->list.count > 1)
		weft_warn_at(batch->ctx, &place, "cannot resolve '%s:%s': %s",
			     lookup->host, lookup->port, why);
	else
		weft_complain_at(batch->ctx, &place, "cannot resolve '%s:%s': %s",
				 lookup->host, lookup->port, why);
}

static bool resolve_without(const struct resolve_batch *batch,
			    const struct resolve_job *job)
{
	struct weft_place place = resolve_place(batch, job);

	job->peer->has &= ~WEFT_PEER_HAS_CANDIDATES;
	if (!batch->lenient && job->list.count > 1)
		weft_complain_at(batch->ctx, &place, "none of the endpoints can be resolved");
	return batch->lenient;
}

/*
 * All addresses found are candidates, a single one, too: the kernel keeps the
 * candidates, and thereby the configured endpoint of a peer that roams.
 */
static bool resolve_settle(const struct resolve_batch *batch,
			   const struct resolve_job *job)
{
	struct weft_peer *peer = job->peer;
	const struct weft_lookup *lookup;
	int count;
	size_t i;

	for (i = 0; i < job->list.count; i++) {
		lookup = &batch->lookups[job->first + i];
		count = resolve_take(lookup->found, peer);
		if (count < 0)
			return weft_complain(batch->ctx, "out of memory");
		if (!count)
			resolve_miss(batch, job, lookup);
	}
	if (!peer->candidate_count)
		return resolve_without(batch, job);
	peer->endpoint = peer->candidates[0];
	peer->has |= WEFT_PEER_HAS_CANDIDATES;
	return true;
}

/* The text is consumed. False: no memory. */
static bool resolve_add(struct resolve_batch *batch, struct weft_peer *peer)
{
	struct resolve_job *job = &batch->jobs[batch->job_count];
	struct weft_lookup *lookup;
	size_t i;

	if (resolve_parse(&job->list, peer->endpoint_text) != RESOLVE_GOOD) {
		free(job->list.text);
		return false;
	}
	job->peer = peer;
	job->first = batch->count;
	batch->job_count++;
	for (i = 0; i < job->list.count; i++) {
		lookup = &batch->lookups[batch->count++];
		lookup->host = job->list.items[i].host;
		lookup->port = job->list.items[i].port;
	}
	weft_model_candidates_clear(peer);
	peer->unresolved = false;
	free(peer->endpoint_text);
	peer->endpoint_text = NULL;
	return true;
}

static bool resolve_finish(struct resolve_batch *batch)
{
	bool good = true;
	size_t i;

	for (i = 0; i < batch->job_count; i++)
		good &= resolve_settle(batch, &batch->jobs[i]);
	return good;
}

static void resolve_free(struct resolve_batch *batch)
{
	size_t i;

	if (batch->lookups)
		weft_lookup_release(batch->ctx, batch->lookups, batch->count);
	for (i = 0; i < batch->job_count; i++)
		free(batch->jobs[i].list.text);
	free(batch->lookups);
	free(batch->jobs);
}

static bool resolve_run(struct resolve_batch *batch, struct weft_device *dev)
{
	struct weft_peer *peer;
	bool good = true;
	size_t count = 0;

	for (peer = dev->peers; peer; peer = peer->next)
		count += !!peer->endpoint_text;
	if (!count)
		return true;
	batch->jobs = calloc(count, sizeof(*batch->jobs));
	batch->lookups = calloc(count * WEFT_CANDIDATES_MAX,
				sizeof(*batch->lookups));
	good = batch->jobs && batch->lookups;
	for (peer = dev->peers; good && peer; peer = peer->next)
		if (peer->endpoint_text)
			good = resolve_add(batch, peer);
	good = good && resolve_retry(batch);
	if (good)
		good = resolve_finish(batch);
	else
		weft_complain(batch->ctx, "out of memory");
	resolve_free(batch);
	return good;
}

bool weft_resolve_device(const struct weft_context *ctx, const char *file,
			 struct weft_device *dev)
{
	struct resolve_batch batch = { .ctx = ctx, .file = file };

	return resolve_run(&batch, dev);
}

bool weft_resolve_leniently(const struct weft_context *ctx, const char *file,
			    struct weft_device *dev)
{
	struct resolve_batch batch = {
		.ctx = ctx, .file = file, .lenient = true,
		.limited = ctx->patience_ms, .left_ms = ctx->patience_ms,
	};

	return resolve_run(&batch, dev);
}
