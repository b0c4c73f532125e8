// SPDX-License-Identifier: GPL-2.0
#include "base/complain.h"
#include "genl/backend.h"

bool weft_backend_list(const struct weft_context *ctx, struct weft_link **links)
{
	if (!ctx->backend->list(ctx->backend, links))
		return true;
	return weft_complain(ctx, "cannot list interfaces: %s", ctx->backend->error);
}

bool weft_backend_get(const struct weft_context *ctx, const char *name,
		      struct weft_device **dev)
{
	if (!ctx->backend->get(ctx->backend, name, dev))
		return true;
	return weft_complain(ctx, "cannot read interface '%s': %s", name, ctx->backend->error);
}
