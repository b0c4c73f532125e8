// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "apply/check.h"
#include "apply/plan.h"
#include "apply/policy_route.h"
#include "base/complain.h"
#include "conf/duplicates.h"
#include "conf/profile.h"
#include "conf/resolve.h"
#include "conf/trust.h"
#include "model/format.h"
#include "model/model.h"
#include "model/peer_name_check.h"

static int check_compare_names(const void *a, const void *b)
{
	const struct weft_peer *x = *(struct weft_peer * const *)a;
	const struct weft_peer *y = *(struct weft_peer * const *)b;
	int diff = strcmp(x->name, y->name);

	return diff ? diff : x->name_line < y->name_line ? -1 : 1;
}

/* The kernel refuses such a name, too, but cannot report the line. */
static bool check_each_name(const struct weft_context *ctx,
			    const struct weft_profile *profile)
{
	struct weft_place place = { .file = profile->path, .name = "Name" };
	const struct weft_peer *peer;
	const char *fault;
	bool good = true;

	for (peer = profile->dev->peers; peer; peer = peer->next) {
		fault = peer->name ? weft_peer_name_check(peer->name) : NULL;
		if (!fault)
			continue;
		place.line = peer->name_line;
		weft_complain_at(ctx, &place, "%s", fault);
		good = false;
	}
	return good;
}

/* The kernel refuses the second peer of a name, too, but cannot report the line. */
static bool check_names(const struct weft_context *ctx,
			const struct weft_profile *profile)
{
	struct weft_place place = { .file = profile->path, .name = "Name" };
	size_t count = 0, i;
	const struct weft_peer **named, *peer;
	bool good = true;

	named = calloc(weft_model_peer_count(profile->dev) + 1,
		       sizeof(*named));
	if (!named)
		return weft_complain(ctx, "out of memory");
	for (peer = profile->dev->peers; peer; peer = peer->next)
		if (peer->name)
			named[count++] = peer;
	qsort(named, count, sizeof(*named), check_compare_names);
	for (i = 1; i < count; i++) {
		if (strcmp(named[i - 1]->name, named[i]->name))
			continue;
		place.line = named[i]->name_line;
		weft_complain_at(ctx, &place,
				 "'%s' is also the name of the peer in line %u: each peer needs a name of its own",
				 named[i]->name, named[i - 1]->name_line);
		good = false;
	}
	free(named);
	return good;
}

/* The kernel ignores such a peer silently. */
static void check_own_key(const struct weft_context *ctx,
			  const struct weft_profile *profile)
{
	struct weft_place place = { .file = profile->path, .name = "PublicKey" };
	const struct weft_peer *peer;
	struct weft_key own;

	if (weft_key_is_zero(&profile->dev->private_key) ||
	    !weft_key_derive_public(&own, &profile->dev->private_key))
		return;
	for (peer = profile->dev->peers; peer; peer = peer->next) {
		place.line = peer->key_line;
		if (peer->has & WEFT_PEER_HAS_PUBLIC_KEY &&
		    weft_key_equal(&peer->public_key, &own))
			weft_warn_at(ctx, &place,
				     "this is the interface's own public key: the kernel ignores this peer");
	}
}

/* The parser has refused a value of @field. */
static bool check_was_refused(const struct weft_context *ctx, const char *field)
{
	const struct weft_notes *notes = ctx->notes;
	size_t i;

	for (i = 0; notes && i < notes->count; i++)
		if (!notes->items[i].warning && notes->items[i].name &&
		    !strcmp(notes->items[i].name, field))
			return true;
	return false;
}

/* A setting that a hook may provide, or that is an error already, is not missing. */
static void check_missing(const struct weft_context *ctx,
			  const struct weft_profile *profile)
{
	struct weft_place place = {
		.file = profile->path, .line = profile->dev->line ?: 1,
	};

	if (profile->hooks[WEFT_HOOK_PRE_UP].count ||
	    profile->hooks[WEFT_HOOK_POST_UP].count)
		return;
	if (!profile->dev->line) {
		weft_warn_at(ctx, &place,
			     "the file has no [Interface] with PrivateKey and Address: no handshake is possible, and outgoing packets have no source address");
		return;
	}
	if (weft_key_is_zero(&profile->dev->private_key) &&
	    !check_was_refused(ctx, "PrivateKey"))
		weft_warn_at(ctx, &place,
			     "this [Interface] has no PrivateKey: no handshake is possible");
	if (!profile->addresses.count && !check_was_refused(ctx, "Address"))
		weft_warn_at(ctx, &place,
			     "this [Interface] has no Address: outgoing packets have no source address");
}

static void check_addresses(const struct weft_context *ctx,
			    const struct weft_profile *profile)
{
	struct weft_place place = { .file = profile->path, .name = "Address" };
	const struct weft_routes *addresses = &profile->addresses;
	const struct weft_allowedip *a, *b;
	size_t i, j;

	for (i = 1; i < addresses->count; i++) {
		b = &addresses->items[i].prefix;
		for (j = 0; j < i; j++) {
			a = &addresses->items[j].prefix;
			if (weft_model_allowedip_compare(a, b))
				continue;
			place.line = b->line;
			weft_warn_at(ctx, &place, "duplicate address %s/%u, as in line %u",
				     weft_format_address(b).chars,
				     b->cidr, a->line);
			break;
		}
	}
}

static void check_endpoints(const struct weft_context *ctx,
			    const struct weft_profile *profile)
{
	struct weft_place place = { .file = profile->path, .name = "Endpoint" };
	const struct weft_peer *peer;

	for (peer = profile->dev->peers; peer; peer = peer->next) {
		place.line = peer->line;
		if (peer->endpoint_text &&
		    weft_resolve_is_bare(peer->endpoint_text))
			weft_warn_at(ctx, &place,
				     "'%s' has an IPv6 address without brackets, and its last part is taken as the port: use [ADDRESS]:PORT",
				     peer->endpoint_text);
	}
}

bool weft_check_hooks(const struct weft_context *ctx,
		      const struct weft_profile *profile)
{
	size_t hook, count = 0;

	for (hook = 0; hook < WEFT_HOOK_COUNT; hook++)
		count += profile->hooks[hook].count;
	return !count || weft_trust_file(ctx, profile->path, &profile->seen);
}

bool weft_check_profile(const struct weft_context *ctx,
			const struct weft_profile *profile)
{
	bool good;

	check_missing(ctx, profile);
	check_addresses(ctx, profile);
	weft_duplicates_warn(ctx, profile->path, profile->dev);
	check_endpoints(ctx, profile);
	check_own_key(ctx, profile);
	good = check_each_name(ctx, profile);
	good &= check_names(ctx, profile);
	good &= weft_plan_check_file(ctx, profile);
	good &= weft_policy_route_check_file(ctx, profile);
	return good & weft_check_hooks(ctx, profile);
}
