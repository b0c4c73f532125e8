// SPDX-License-Identifier: GPL-2.0
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

/* Cut "host:port" or "[host]:port" in two, in place. */
static bool resolve_split(char *text, char **host, char **port)
{
	char *end;

	if (*text == '[') {
		*host = text + 1;
		end = strchr(text, ']');
		if (!end || end[1] != ':')
			return false;
		*port = end + 2;
	} else {
		*host = text;
		end = strrchr(text, ':');
		/* A bare IPv6 address would lose its last group as the port. */
		if (!end || strchr(text, ':') != end)
			return false;
		*port = end + 1;
	}
	*end = '\0';
	return **host && **port;
}

bool weft_resolve_is_name(const char *endpoint)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST };
	char *copy = strdup(endpoint), *host, *port;
	struct addrinfo *found;
	bool is_name = false;

	if (copy && resolve_split(copy, &host, &port)) {
		is_name = getaddrinfo(host, NULL, &hints, &found);
		if (!is_name)
			freeaddrinfo(found);
	}
	free(copy);
	return is_name;
}

/* Of a number that is too great getaddrinfo() takes what fits into a port. */
static bool resolve_port_fits(const char *port)
{
	return port[strspn(port, "0123456789")] || strtoul(port, NULL, 10) <= UINT16_MAX;
}

bool weft_resolve_prepare(const struct weft_context *ctx,
			  const struct weft_place *place, const char *value,
			  struct weft_peer *peer)
{
	char *copy = strdup(value), *text = strdup(value), *host, *port;
	bool good = false;

	if (!copy || !text) {
		weft_report_at(ctx, place, "out of memory");
	} else if (!resolve_split(copy, &host, &port)) {
		weft_report_at(ctx, place,
			       "'%s' is not an endpoint: use ADDRESS:PORT, NAME:PORT or [IPV6-ADDRESS]:PORT",
			       value);
	} else if (!resolve_port_fits(port)) {
		weft_report_at(ctx, place,
			       "'%s' has a port that is too great: the greatest is 65535",
			       value);
	} else {
		free(peer->endpoint_text);
		peer->endpoint_text = text;
		peer->line = place->line;
		text = NULL;
		good = true;
	}
	free(copy);
	free(text);
	return good;
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

/* The first address that a tunnel can be spoken to at. */
static bool resolve_take(const struct addrinfo *found,
			 union weft_endpoint *endpoint)
{
	for (; found; found = found->ai_next) {
		if ((found->ai_family == AF_INET &&
		     found->ai_addrlen == sizeof(endpoint->ip4)) ||
		    (found->ai_family == AF_INET6 &&
		     found->ai_addrlen == sizeof(endpoint->ip6))) {
			memcpy(endpoint, found->ai_addr, found->ai_addrlen);
			return true;
		}
	}
	return false;
}

bool weft_resolve_peer(const struct weft_context *ctx,
		       const struct weft_place *place, struct weft_peer *peer)
{
	struct addrinfo *found = NULL;
	char *host, *port;
	bool good = false;
	int err;

	resolve_split(peer->endpoint_text, &host, &port);
	err = resolve_retry(ctx, place, host, port, &found);
	if (err) {
		weft_report_at(ctx, place, "cannot resolve '%s:%s': %s", host,
			       port, gai_strerror(err));
	} else {
		good = resolve_take(found, &peer->endpoint);
		if (!good)
			weft_report_at(ctx, place, "'%s' has neither an IPv4 nor an IPv6 address",
				       host);
		ctx->release(found);
	}
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
