// SPDX-License-Identifier: GPL-2.0
/* weft metrics */
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "command.h"
#include "metrics.h"
#include "report.h"

/**
 * struct metrics_devices - what has been read so far
 * @devs: the devices
 * @count: how many
 */
struct metrics_devices {
	struct weft_device **devs;
	size_t count;
};

static bool metrics_no_memory(const struct weft_context *ctx)
{
	weft_report(ctx, "out of memory");
	return false;
}

static bool metrics_add(const struct weft_context *ctx,
			struct metrics_devices *all, const char *name)
{
	struct weft_device **devs, *dev;
	size_t i;

	/* No sample may be there twice. */
	for (i = 0; i < all->count; i++)
		if (!strcmp(all->devs[i]->name, name))
			return true;
	if (ctx->backend->get(ctx->backend, name, &dev)) {
		weft_report(ctx, "cannot read interface '%s': %s", name,
			    ctx->backend->error);
		return false;
	}
	devs = realloc(all->devs, (all->count + 1) * sizeof(*devs));
	if (!devs) {
		weft_model_device_free(dev);
		return metrics_no_memory(ctx);
	}
	all->devs = devs;
	devs[all->count++] = dev;
	return true;
}

/* One interface that cannot be read must not hide the others. */
static bool metrics_add_all(const struct weft_context *ctx,
			    struct metrics_devices *all)
{
	struct weft_link *links, *link;
	bool good = true;

	if (ctx->backend->list(ctx->backend, &links)) {
		weft_report(ctx, "cannot list interfaces: %s",
			    ctx->backend->error);
		return false;
	}
	for (link = links; link; link = link->next)
		good &= metrics_add(ctx, all, link->name);
	weft_model_links_free(links);
	return good;
}

int weft_command_metrics(struct weft_context *ctx, int argc, char **argv)
{
	struct metrics_devices all = { };
	bool good = true;
	int i;

	if (!argc)
		good = metrics_add_all(ctx, &all);
	for (i = 0; i < argc; i++)
		good &= metrics_add(ctx, &all, argv[i]);
	weft_metrics_print(ctx->out, all.devs, all.count);
	while (all.count)
		weft_model_device_free(all.devs[--all.count]);
	free(all.devs);
	return good ? 0 : 1;
}
