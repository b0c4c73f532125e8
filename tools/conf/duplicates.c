// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "base/complain.h"
#include "conf/duplicates.h"
#include "model/format.h"
#include "model/model.h"

/* An allowed IP, masked as in the kernel, and its peer. */
struct duplicates_prefix {
	struct weft_allowedip ip;
	const struct weft_peer *peer;
};

static int duplicates_compare(const void *a, const void *b)
{
	const struct duplicates_prefix *x = a, *y = b;
	int diff = weft_model_allowedip_compare(&x->ip, &y->ip);

	return diff ? diff : x->ip.line < y->ip.line ? -1 : 1;
}

/* Warns of several sections of one key, which have been merged. */
static void duplicates_warn_keys(const struct weft_context *ctx,
				 const char *file,
				 const struct weft_device *dev)
{
	struct weft_place place = { .file = file, .name = "PublicKey" };
	const struct weft_peer *peer;

	for (peer = dev->peers; peer; peer = peer->next) {
		place.line = peer->again_line;
		if (peer->again_line)
			weft_warn_at(ctx, &place,
				     "duplicate public key, as in line %u: both sections are one peer, with the AllowedIPs of the last section only",
				     peer->key_line);
	}
}

static void duplicates_warn_prefix(const struct weft_context *ctx,
				   const char *file,
				   const struct duplicates_prefix *first,
				   const struct duplicates_prefix *second)
{
	struct weft_place place = {
		.file = file, .line = second->ip.line, .name = "AllowedIPs",
	};

	if (weft_model_allowedip_compare(&first->ip, &second->ip))
		return;
	if (first->peer == second->peer)
		weft_warn_at(ctx, &place, "duplicate allowed IP %s/%u, as in line %u",
			     weft_format_address(&second->ip).chars,
			     second->ip.cidr, first->ip.line);
	else
		weft_warn_at(ctx, &place,
			     "%s/%u is also an allowed IP of peer %s in line %u: only the last peer, here %s, gets it",
			     weft_format_address(&second->ip).chars,
			     second->ip.cidr,
			     weft_format_peer(first->peer).chars,
			     first->ip.line,
			     weft_format_peer(second->peer).chars);
}

static void duplicates_warn_prefixes(const struct weft_context *ctx,
				     const char *file,
				     const struct weft_device *dev)
{
	const struct weft_allowedip *ip;
	const struct weft_peer *peer;
	struct duplicates_prefix *all;
	size_t count = 0, i;

	for (peer = dev->peers; peer; peer = peer->next)
		for (ip = peer->allowedips; ip; ip = ip->next)
			count++;
	all = calloc(count + 1, sizeof(*all));
	if (!all) {
		weft_complain(ctx, "out of memory");
		return;
	}
	count = 0;
	for (peer = dev->peers; peer; peer = peer->next) {
		for (ip = peer->allowedips; ip; ip = ip->next) {
			if (ip->remove || ip->drop)
				continue;
			all[count] = (struct duplicates_prefix){ *ip, peer };
			weft_model_allowedip_mask(&all[count++].ip);
		}
	}
	qsort(all, count, sizeof(*all), duplicates_compare);
	for (i = 1; i < count; i++)
		duplicates_warn_prefix(ctx, file, &all[i - 1], &all[i]);
	free(all);
}

void weft_duplicates_warn(const struct weft_context *ctx, const char *file,
			  const struct weft_device *dev)
{
	duplicates_warn_keys(ctx, file, dev);
	duplicates_warn_prefixes(ctx, file, dev);
}
