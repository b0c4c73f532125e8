// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <string.h>

#include "base/context.h"
#include "fleet/inside.h"
#include "host/host.h"
#include "model/model.h"

#define INSIDE_HEAD	"weft-store-at "
#define INSIDE_RECORD	"weft-fleet/"
/* So many servers are looked at. */
#define INSIDE_MAX	16

static bool inside_parse(const char *text, union weft_endpoint *to)
{
	memset(to, 0, sizeof(*to));
	to->any.sa_family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (to->any.sa_family == AF_INET6)
		return inet_pton(AF_INET6, text, &to->ip6.sin6_addr) == 1;
	return inet_pton(AF_INET, text, &to->ip4.sin_addr) == 1;
}

static bool inside_is(const struct weft_context *ctx, const char *name, const char *address)
{
	struct weft_host_way way = { };
	union weft_endpoint to;

	return inside_parse(address, &to) && !ctx->host->way(ctx->host, &to, 0, &way) &&
	       way.found && !strcmp(way.dev, name);
}

static bool inside_begins(const char *text, const char *end, const char *with)
{
	size_t len = strlen(with);

	return (size_t)(end - text) >= len && !memcmp(text, with, len);
}

bool weft_inside_find(const struct weft_context *ctx, const char *name, const char *text,
		      size_t len, char *address, size_t size)
{
	const size_t head = strlen(INSIDE_HEAD);
	const char *end = text + len, *newline;
	unsigned int seen = 0;

	for (; text < end && seen < INSIDE_MAX; text = newline + 1) {
		newline = memchr(text, '\n', end - text);
		if (!newline || inside_begins(text, end, INSIDE_RECORD))
			return false;
		if ((size_t)(newline - text) <= head || memcmp(text, INSIDE_HEAD, head) ||
		    newline - text - head >= size)
			continue;
		memcpy(address, text + head, newline - text - head);
		address[newline - text - head] = '\0';
		if (inside_is(ctx, name, address))
			return true;
		seen++;
	}
	return false;
}
