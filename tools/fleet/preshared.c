// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/complain.h"
#include "fleet/preshared.h"
#include "genl/backend.h"
#include "host/host.h"

/* More nodes than a fleet has: a program may print names without end. */
#define PRESHARED_MAX	16384
/* At once. */
#define PRESHARED_BYTES	65536

static struct weft_preshared_key *preshared_find(const struct weft_preshared *preshared,
						 const char *node)
{
	size_t i;

	for (i = 0; i < preshared->count; i++)
		if (!strcmp(preshared->items[i].node, node))
			return &preshared->items[i];
	return NULL;
}

/* realloc() would leave a copy of the keys behind. */
static bool preshared_grow(struct weft_preshared *preshared)
{
	struct weft_preshared_key *items;
	size_t size = preshared->count * sizeof(*items);

	/* Capacities are powers of two. */
	if (preshared->count & (preshared->count - 1))
		return true;
	items = calloc(preshared->count ? 2 * preshared->count : 1, sizeof(*items));
	if (!items)
		return false;
	if (size) {
		memcpy(items, preshared->items, size);
		sodium_memzero(preshared->items, size);
	}
	free(preshared->items);
	preshared->items = items;
	return true;
}

static bool preshared_keep(struct weft_preshared *preshared, const char *node,
			   const struct weft_key *key)
{
	struct weft_preshared_key *item = preshared_find(preshared, node);

	if (item && weft_key_equal(&item->key, key))
		return true;
	if (!item) {
		if (preshared->count == PRESHARED_MAX)
			return true;
		if (!preshared_grow(preshared))
			return false;
		item = &preshared->items[preshared->count++];
		/* It is the name of a node, which fits. */
		memcpy(item->node, node, strlen(node) + 1);
	}
	item->key = *key;
	preshared->changed = true;
	return true;
}

/* A line that is no key of a node is ignored. */
static bool preshared_take_line(struct weft_preshared *preshared)
{
	char *blank = memchr(preshared->line, ' ', preshared->len);
	struct weft_key key;
	bool good = true;

	preshared->line[preshared->len] = '\0';
	if (blank) {
		*blank = '\0';
		if (weft_fields_is_node_name(preshared->line) &&
		    weft_key_decode(&key, blank + 1) && !weft_key_is_zero(&key))
			good = preshared_keep(preshared, preshared->line, &key);
		weft_key_wipe(&key);
	}
	return good;
}

static bool preshared_take(struct weft_preshared *preshared, char byte)
{
	bool good = true;

	if (byte != '\n') {
		if (preshared->len + 1 < sizeof(preshared->line))
			preshared->line[preshared->len++] = byte;
		else
			preshared->skips = true;
		return true;
	}
	if (!preshared->skips)
		good = preshared_take_line(preshared);
	sodium_memzero(preshared->line, sizeof(preshared->line));
	preshared->len = 0;
	preshared->skips = false;
	return good;
}

bool weft_preshared_read(struct weft_preshared *preshared, int fd, bool *open)
{
	char buffer[512];
	size_t total = 0;
	bool good = true;
	ssize_t got, i;

	*open = true;
	while (good && total < PRESHARED_BYTES && (got = read(fd, buffer, sizeof(buffer))) > 0) {
		for (i = 0; i < got && good; i++)
			good = preshared_take(preshared, buffer[i]);
		total += got;
	}
	if (good && total < PRESHARED_BYTES)
		*open = got < 0 && (errno == EAGAIN || errno == EINTR);
	sodium_memzero(buffer, sizeof(buffer));
	return good;
}

/* The kernel. */

static bool preshared_is_set(const struct weft_peer *peer, const struct weft_key *key)
{
	return weft_key_equal(&peer->preshared_key, key) ||
	       (peer->has & WEFT_PEER_HAS_NEXT_PRESHARED_KEY &&
		weft_key_equal(&peer->next_preshared_key, key));
}

/* The change of one interface, without peers if none has another key. NULL: no memory. */
static struct weft_device *preshared_change(const struct weft_preshared *preshared,
					    const struct weft_device *have)
{
	struct weft_device *dev = weft_model_device_new(have->name);
	const struct weft_preshared_key *item;
	const struct weft_peer *peer;
	struct weft_peer *change;

	for (peer = dev ? have->peers : NULL; peer; peer = peer->next) {
		item = peer->name ? preshared_find(preshared, peer->name) : NULL;
		if (!item || preshared_is_set(peer, &item->key))
			continue;
		change = weft_model_peer_add(dev);
		if (!change) {
			weft_model_device_free(dev);
			return NULL;
		}
		change->public_key = peer->public_key;
		change->next_preshared_key = item->key;
		change->has = WEFT_PEER_HAS_PUBLIC_KEY | WEFT_PEER_UPDATE_ONLY |
			      WEFT_PEER_HAS_NEXT_PRESHARED_KEY;
	}
	return dev;
}

static bool preshared_set(const struct weft_context *ctx, const struct weft_device *have,
			  const struct weft_preshared *preshared)
{
	struct weft_device *dev = preshared_change(preshared, have);
	bool good;

	if (!dev)
		return weft_complain(ctx, "out of memory");
	good = !dev->peers || !ctx->backend->set(ctx->backend, dev) ||
	       weft_complain(ctx, "%s: cannot set preshared keys: %s", have->name,
			     ctx->backend->error);
	weft_model_device_free(dev);
	return good;
}

bool weft_preshared_apply(const struct weft_context *ctx, const char *name,
			  struct weft_preshared *preshared)
{
	struct weft_host_link link = { };
	struct weft_device *have;
	bool good;

	preshared->changed = false;
	/* Only weft's links take a next key: others would lose packets between two changes. */
	if (!preshared->count || ctx->host->link(ctx->host, name, &link) || !link.index ||
	    link.kind != WEFT_KIND_WEFT)
		return true;
	if (!weft_backend_get(ctx, name, &have))
		return false;
	good = preshared_set(ctx, have, preshared);
	weft_model_device_free(have);
	return good;
}

void weft_preshared_free(struct weft_preshared *preshared)
{
	if (preshared->items)
		sodium_memzero(preshared->items, preshared->count * sizeof(*preshared->items));
	free(preshared->items);
	sodium_memzero(preshared, sizeof(*preshared));
}
