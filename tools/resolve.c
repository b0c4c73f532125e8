// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "report.h"
#include "resolve.h"

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
	weft_report_warning(ctx,
			    "WG_ENDPOINT_RESOLUTION_RETRIES is '%s', not a number or 'infinity': %d is used",
			    wish, WEFT_RESOLVE_RETRIES);
	return WEFT_RESOLVE_RETRIES;
}

struct resolve_item {
	char *host;
	char *port;
};

/* What an endpoint's text is made of; @text holds the words. */
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
		end = strchr(text, ':');
		/* A bare IPv6 address would lose its last group as the port. */
		if (end && strchr(end + 1, ':'))
			return false;
		item->port = end ? end + 1 : NULL;
	}
	if (end)
		*end = '\0';
	return *item->host && (!item->port || *item->port);
}

/* Of a number that is too great getaddrinfo() takes what fits into a port. */
static bool resolve_port_fits(const char *port)
{
	return port[strspn(port, "0123456789")] || strtoul(port, NULL, 10) <= UINT16_MAX;
}

static char *resolve_trim(char *text)
{
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return text;
}

/* What has no port of its own has the last one's. */
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
		if (!resolve_split(resolve_trim(word),
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

bool weft_resolve_is_name(const char *endpoint)
{
	struct resolve_list list;
	bool is_name = false;
	size_t i;

	if (resolve_parse(&list, endpoint) == RESOLVE_GOOD)
		for (i = 0; i < list.count; i++)
			is_name |= resolve_host_is_name(list.items[i].host);
	free(list.text);
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
		weft_report_at(ctx, place, "out of memory");
		break;
	case RESOLVE_NOT_ONE:
		weft_report_at(ctx, place,
			       "'%s' is not an endpoint: use ADDRESS:PORT, NAME:PORT or [IPV6-ADDRESS]:PORT",
			       value);
		break;
	case RESOLVE_PORT:
		weft_report_at(ctx, place,
			       "'%s' has a port that is too great: the greatest is 65535",
			       value);
		break;
	case RESOLVE_MANY:
		weft_report_at(ctx, place,
			       "'%s' is too much: a peer has at most %d endpoints",
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

/* getaddrinfo(), again and again, with pauses a fifth longer each time. */
static int resolve_retry(const struct weft_context *ctx,
			 const struct weft_place *place, const char *host,
			 const char *port, struct addrinfo **found)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_DGRAM,
		.ai_protocol = IPPROTO_UDP,
	};
	unsigned int pause = WEFT_RESOLVE_FIRST_PAUSE_US;
	int tries, err;

	for (tries = 0; ; tries++) {
		err = ctx->lookup(host, port, &hints, found);
		if (!err || resolve_is_final(err) ||
		    (ctx->retries >= 0 && tries >= ctx->retries))
			return err;
		weft_report_at(ctx, place,
			       "cannot resolve '%s:%s': %s; trying again in %.2f seconds",
			       host, port, gai_strerror(err), pause / 1e6);
		ctx->pause(pause);
		pause += pause / 5;
		if (pause > WEFT_RESOLVE_LAST_PAUSE_US)
			pause = WEFT_RESOLVE_LAST_PAUSE_US;
	}
}

/* All addresses that a tunnel can be spoken to at. How many, or -1. */
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

/* One of several that cannot be found is none to fail for. */
static void resolve_miss(const struct weft_context *ctx,
			 const struct weft_place *place, bool alone,
			 const struct resolve_item *item, const char *why)
{
	if (alone)
		weft_report_at(ctx, place, "cannot resolve '%s:%s': %s",
			       item->host, item->port, why);
	else
		weft_report_warning_at(ctx, place,
				       "cannot resolve '%s:%s': %s",
				       item->host, item->port, why);
}

/* False when memory is short. */
static bool resolve_item(const struct weft_context *ctx,
			 const struct weft_place *place, bool alone,
			 const struct resolve_item *item,
			 struct weft_peer *peer)
{
	struct addrinfo *found = NULL;
	int err, count;

	err = resolve_retry(ctx, place, item->host, item->port, &found);
	if (err) {
		resolve_miss(ctx, place, alone, item, gai_strerror(err));
		return true;
	}
	count = resolve_take(found, peer);
	if (!count && alone)
		weft_report_at(ctx, place, "'%s' has neither an IPv4 nor an IPv6 address",
			       item->host);
	ctx->release(found);
	if (count < 0)
		weft_report_at(ctx, place, "out of memory");
	return count >= 0;
}

/* One place is the endpoint; more are candidates, and the first the endpoint. */
static bool resolve_settle(const struct weft_context *ctx,
			   const struct weft_place *place, bool alone,
			   struct weft_peer *peer)
{
	if (!peer->candidate_count) {
		if (!alone)
			weft_report_at(ctx, place, "none of the endpoints can be resolved");
		return false;
	}
	peer->endpoint = peer->candidates[0];
	if (peer->candidate_count == 1)
		weft_model_candidates_clear(peer);
	peer->has |= WEFT_PEER_HAS_CANDIDATES;
	return true;
}

bool weft_resolve_peer(const struct weft_context *ctx,
		       const struct weft_place *place, struct weft_peer *peer)
{
	struct resolve_list list;
	bool good, alone;
	size_t i;

	good = resolve_parse(&list, peer->endpoint_text) == RESOLVE_GOOD;
	alone = list.count == 1;
	weft_model_candidates_clear(peer);
	for (i = 0; good && i < list.count; i++)
		good = resolve_item(ctx, place, alone, &list.items[i], peer);
	good = good && resolve_settle(ctx, place, alone, peer);
	free(list.text);
	free(peer->endpoint_text);
	peer->endpoint_text = NULL;
	return good;
}

bool weft_resolve_device(const struct weft_context *ctx, const char *file,
			 struct weft_device *dev)
{
	struct weft_place place = {
		.file = file, .name = file ? "Endpoint" : "endpoint",
	};
	struct weft_peer *peer;

	for (peer = dev->peers; peer; peer = peer->next) {
		place.line = peer->line;
		if (peer->endpoint_text && !weft_resolve_peer(ctx, &place, peer))
			return false;
	}
	return true;
}
