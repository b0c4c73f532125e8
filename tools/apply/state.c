// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "apply/state.h"
#include "base/complain.h"
#include "genl/backend.h"

static bool state_read_link(const struct weft_context *ctx, const char *name,
			    struct weft_state *state)
{
	struct weft_host *host = ctx->host;

	if (host->link(host, name, &state->link))
		return weft_complain(ctx, "%s: cannot read the link: %s", name, host->error);
	if (!state->link.index || state->link.kind != WEFT_KIND_NONE)
		return true;
	return weft_complain(ctx,
			     "%s: a link of this name exists, and is neither weft nor wireguard",
			     name);
}

static bool state_read_around(const struct weft_context *ctx, const char *name,
			      struct weft_state *state)
{
	struct weft_host *host = ctx->host;
	unsigned int index = state->link.index;

	if (!host->rules(host, &state->rules) &&
	    (!index ||
	     (!host->addresses(host, index, &state->addresses) &&
	      !host->routes(host, index, 0, &state->routes))))
		return true;
	return weft_complain(ctx, "%s: cannot read addresses, routes and rules: %s", name,
			     host->error);
}

bool weft_state_read_rules(const struct weft_context *ctx, const char *name,
			   struct weft_rules *rules)
{
	return !ctx->host->rules(ctx->host, rules) ||
	       weft_complain(ctx, "%s: cannot read the routing rules: %s", name, ctx->host->error);
}

static bool state_read_device(const struct weft_context *ctx, const char *name,
			      struct weft_state *state)
{
	if (!state->link.index ||
	    !ctx->backend->get(ctx->backend, name, &state->dev))
		return true;
	return weft_complain(ctx, "%s: cannot read the interface: %s", name, ctx->backend->error);
}

static int state_compare(const void *a, const void *b)
{
	const struct weft_route *x = a, *y = b;

	if (x->table != y->table)
		return x->table < y->table ? -1 : 1;
	return weft_model_allowedip_compare(&x->prefix, &y->prefix);
}

void weft_state_sort(struct weft_routes *routes)
{
	if (routes->count)
		qsort(routes->items, routes->count, sizeof(*routes->items),
		      state_compare);
}

bool weft_state_read(const struct weft_context *ctx, const char *name,
		     struct weft_state *state)
{
	memset(state, 0, sizeof(*state));
	if (!state_read_link(ctx, name, state) ||
	    !state_read_device(ctx, name, state) ||
	    !state_read_around(ctx, name, state)) {
		weft_state_free(state);
		return false;
	}
	weft_state_sort(&state->addresses);
	weft_state_sort(&state->routes);
	return true;
}

void weft_state_free(struct weft_state *state)
{
	weft_model_device_free(state->dev);
	weft_host_routes_free(&state->addresses);
	weft_host_routes_free(&state->routes);
	weft_host_rules_free(&state->rules);
	memset(state, 0, sizeof(*state));
}

const struct weft_route *weft_state_find(const struct weft_routes *in,
					 const struct weft_allowedip *prefix,
					 __u32 table)
{
	const struct weft_route wanted = { .prefix = *prefix, .table = table };

	if (!in->count)
		return NULL;
	return bsearch(&wanted, in->items, in->count, sizeof(wanted),
		       state_compare);
}
