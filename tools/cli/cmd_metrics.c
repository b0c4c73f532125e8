// SPDX-License-Identifier: GPL-2.0
/* weft metrics */
#include <stdlib.h>
#include <string.h>

#include "base/complain.h"
#include "cli/command.h"
#include "conf/locate.h"
#include "conf/writer.h"
#include "genl/backend.h"
#include "host/host.h"
#include "print/metrics.h"

/* The reader of the file is another user. */
#define METRICS_MODE	0644

/**
 * struct metrics_job - the state read so far
 * @ctx: the context
 * @named: the requested interfaces, or NULL for all
 * @named_count: their number
 * @devs: the devices that could be read
 * @count: their number
 * @tunnels: all tunnels that are configured or exist
 * @tunnel_count: their number
 * @good: no read has failed
 */
struct metrics_job {
	const struct weft_context *ctx;
	char **named;
	int named_count;
	struct weft_device **devs;
	size_t count;
	struct weft_metrics_tunnel *tunnels;
	size_t tunnel_count;
	bool good;
};

static bool metrics_no_memory(struct metrics_job *job)
{
	weft_complain(job->ctx, "out of memory");
	job->good = false;
	return false;
}

/* NULL after a complaint. */
static struct weft_metrics_tunnel *metrics_tunnel(struct metrics_job *job,
						  const char *name)
{
	struct weft_metrics_tunnel *tunnels;
	size_t i;

	/* Prometheus refuses duplicate samples. */
	for (i = 0; i < job->tunnel_count; i++)
		if (!strcmp(job->tunnels[i].name, name))
			return &job->tunnels[i];
	tunnels = realloc(job->tunnels, (i + 1) * sizeof(*tunnels));
	if (!tunnels) {
		metrics_no_memory(job);
		return NULL;
	}
	job->tunnels = tunnels;
	job->tunnel_count++;
	memset(&tunnels[i], 0, sizeof(tunnels[i]));
	snprintf(tunnels[i].name, sizeof(tunnels[i].name), "%s", name);
	return &tunnels[i];
}

static bool metrics_is_up(const struct weft_context *ctx, const char *name)
{
	struct weft_host_link link = { };

	return !ctx->host->link(ctx->host, name, &link) && link.up;
}

static void metrics_add(struct metrics_job *job, const char *name)
{
	struct weft_metrics_tunnel *tunnel = metrics_tunnel(job, name);
	struct weft_device **devs, *dev;

	if (!tunnel || tunnel->there)
		return;
	tunnel->there = true;
	tunnel->up = metrics_is_up(job->ctx, name);
	if (!weft_backend_get(job->ctx, name, &dev)) {
		job->good = false;
		return;
	}
	devs = realloc(job->devs, (job->count + 1) * sizeof(*devs));
	if (!devs) {
		weft_model_device_free(dev);
		metrics_no_memory(job);
		return;
	}
	job->devs = devs;
	devs[job->count++] = dev;
	tunnel->readable = true;
}

/* One interface that cannot be read must not hide the others. */
static void metrics_add_links(struct metrics_job *job)
{
	struct weft_link *links, *link;

	if (!weft_backend_list(job->ctx, &links)) {
		job->good = false;
		return;
	}
	for (link = links; link; link = link->next)
		metrics_add(job, link->name);
	weft_model_links_free(links);
}

static bool metrics_is_named(const struct metrics_job *job, const char *name)
{
	int i;

	for (i = 0; i < job->named_count; i++)
		if (!strcmp(job->named[i], name))
			return true;
	return !job->named_count;
}

static void metrics_add_files(struct metrics_job *job)
{
	struct weft_metrics_tunnel *tunnel;
	struct weft_location *files;
	size_t count, i;

	if (!weft_locate_all(job->ctx, weft_locate_folders, &files, &count))
		job->good = false;
	for (i = 0; i < count; i++) {
		tunnel = metrics_is_named(job, files[i].name) ?
			 metrics_tunnel(job, files[i].name) : NULL;
		if (tunnel)
			tunnel->configured = true;
		free(files[i].path);
	}
	free(files);
}

/* Reading metrics must not load a module that was unloaded. */
static void metrics_print(const struct metrics_job *job, FILE *out)
{
	struct weft_backend *backend = job->ctx->backend;
	bool loaded = !backend->loaded || !backend->loaded(backend);

	weft_metrics_print_tunnels(out, loaded, job->tunnels,
				   job->tunnel_count);
	weft_metrics_print(out, job->devs, job->count);
}

/* Writes the metrics that could be read, which report unreadable interfaces, too. */
static void metrics_write(struct metrics_job *job, const char *path)
{
	struct weft_writer writer;

	if (!weft_writer_begin(&writer, job->ctx, path, METRICS_MODE,
			       NULL)) {
		job->good = false;
		return;
	}
	metrics_print(job, writer.out);
	job->good &= weft_writer_end(&writer, true);
}

int weft_command_metrics(struct weft_context *ctx, int argc, char **argv)
{
	struct metrics_job job = { .ctx = ctx, .good = true };
	const char *path = NULL;
	int i;

	if (argc && !strcmp(argv[0], "write")) {
		if (argc == 1) {
			weft_complain(ctx, "metrics: write: requires a value: FILE");
			return 1;
		}
		path = argv[1];
		argc -= 2;
		argv += 2;
	}
	for (i = 0; i < argc; i++)
		if (!weft_command_takes_name(ctx, argv[i]))
			return 1;
	job.named = argv;
	job.named_count = argc;
	if (!argc)
		metrics_add_links(&job);
	for (i = 0; i < argc; i++)
		metrics_add(&job, argv[i]);
	metrics_add_files(&job);
	if (path)
		metrics_write(&job, path);
	else
		metrics_print(&job, ctx->out);
	while (job.count)
		weft_model_device_free(job.devs[--job.count]);
	free(job.devs);
	free(job.tunnels);
	return job.good ? 0 : 1;
}
