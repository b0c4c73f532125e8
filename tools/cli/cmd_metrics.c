// SPDX-License-Identifier: GPL-2.0
/* weft metrics */
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/complain.h"
#include "cli/command.h"
#include "conf/locate.h"
#include "conf/profile.h"
#include "conf/writer.h"
#include "fleet/facts.h"
#include "fleet/folder.h"
#include "genl/backend.h"
#include "host/host.h"
#include "print/fleet_metrics.h"
#include "print/metrics.h"
#include "print/metrics_host.h"

/* The reader of the file is another user. */
#define METRICS_MODE	0644

/**
 * struct metrics_job - the state read so far
 * @ctx: the context
 * @path: the file to be written, or NULL for the standard output
 * @peers: the series for each peer
 * @named: the requested interfaces, or NULL for all
 * @named_count: their number
 * @devs: the devices that could be read
 * @count: their number
 * @tunnels: all tunnels that are configured or exist
 * @tunnel_count: their number
 * @fleets: the fleets of this host
 * @fleet_count: their number
 * @good: no read has failed
 */
struct metrics_job {
	const struct weft_context *ctx;
	const char *path;
	enum weft_metrics_peers peers;
	char **named;
	int named_count;
	struct weft_device **devs;
	size_t count;
	struct weft_metrics_tunnel *tunnels;
	size_t tunnel_count;
	struct weft_fleet_facts *fleets;
	size_t fleet_count;
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

static void metrics_add_link(const struct weft_context *ctx, struct weft_metrics_tunnel *tunnel)
{
	struct weft_host_link link = { };

	if (ctx->host->link(ctx->host, tunnel->name, &link))
		return;
	tunnel->up = link.up;
	tunnel->counted = link.counted;
	tunnel->rx_bytes = link.rx_bytes;
	tunnel->tx_bytes = link.tx_bytes;
	tunnel->rx_packets = link.rx_packets;
	tunnel->tx_packets = link.tx_packets;
}

static void metrics_add(struct metrics_job *job, const char *name)
{
	struct weft_metrics_tunnel *tunnel = metrics_tunnel(job, name);
	struct weft_device **devs, *dev;

	if (!tunnel || tunnel->there)
		return;
	tunnel->there = true;
	metrics_add_link(job->ctx, tunnel);
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

/* The file of a fleet's interface is beside the fleet's state. */
static void metrics_add_fleet(struct metrics_job *job, const char *name)
{
	struct weft_metrics_tunnel *tunnel;
	struct weft_fleet_facts *fleets;
	bool configured;

	fleets = realloc(job->fleets, (job->fleet_count + 1) * sizeof(*fleets));
	if (!fleets) {
		metrics_no_memory(job);
		return;
	}
	job->fleets = fleets;
	if (weft_fleet_facts_read(job->ctx, name, &fleets[job->fleet_count], &configured))
		job->fleet_count++;
	else
		job->good = false;
	tunnel = configured ? metrics_tunnel(job, name) : NULL;
	if (tunnel)
		tunnel->configured = true;
}

static void metrics_add_fleets(struct metrics_job *job)
{
	struct weft_words names = { };
	size_t i;

	if (!weft_folder_list(job->ctx, &names))
		job->good = false;
	for (i = 0; i < names.count; i++)
		if (metrics_is_named(job, names.items[i].text))
			metrics_add_fleet(job, names.items[i].text);
	weft_profile_words_free(&names);
}

/* Reading metrics must not load a module that was unloaded. */
static void metrics_print(const struct metrics_job *job, FILE *out)
{
	struct weft_backend *backend = job->ctx->backend;
	bool loaded = !backend->loaded || !backend->loaded(backend);

	weft_metrics_print_host(out, loaded, job->ctx->now);
	weft_metrics_print_tunnels(out, job->tunnels, job->tunnel_count);
	weft_metrics_print(out, job->devs, job->count, job->peers);
	weft_fleet_metrics_print(out, job->fleets, job->fleet_count);
}

/* Writes the metrics that could be read, which report unreadable interfaces, too. */
static void metrics_write(struct metrics_job *job)
{
	struct weft_writer writer;

	if (!weft_writer_begin(&writer, job->ctx, job->path, METRICS_MODE,
			       NULL)) {
		job->good = false;
		return;
	}
	metrics_print(job, writer.out);
	job->good &= weft_writer_end(&writer, true);
}

static bool metrics_take_peers(struct metrics_job *job, const char *word)
{
	static const char * const words[] = {
		[WEFT_METRICS_PEERS_ON] = "on", [WEFT_METRICS_PEERS_KEYS] = "keys",
		[WEFT_METRICS_PEERS_OFF] = "off",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcmp(word, words[i])) {
			job->peers = i;
			return true;
		}
	}
	weft_complain(job->ctx, "metrics: peers: '%s': expected on, keys or off", word);
	return false;
}

/* The words before the interfaces, in pairs. False after a complaint. */
static bool metrics_take_words(struct metrics_job *job)
{
	bool writes, good = true;

	for (; good && job->named_count; job->named += 2, job->named_count -= 2) {
		writes = !strcmp(job->named[0], "write");
		if (!writes && strcmp(job->named[0], "peers"))
			break;
		if (job->named_count == 1) {
			weft_complain(job->ctx, "metrics: %s: requires a value: %s",
				      job->named[0], writes ? "FILE" : "on, keys or off");
			return false;
		}
		if (writes)
			job->path = job->named[1];
		else
			good = metrics_take_peers(job, job->named[1]);
	}
	return good;
}

static void metrics_read(struct metrics_job *job)
{
	int i;

	if (!job->named_count)
		metrics_add_links(job);
	for (i = 0; i < job->named_count; i++)
		metrics_add(job, job->named[i]);
	metrics_add_files(job);
	metrics_add_fleets(job);
}

static void metrics_free(struct metrics_job *job)
{
	while (job->count)
		weft_model_device_free(job->devs[--job->count]);
	free(job->devs);
	free(job->tunnels);
	free(job->fleets);
}

int weft_command_metrics(struct weft_context *ctx, int argc, char **argv)
{
	struct metrics_job job = {
		.ctx = ctx, .named = argv, .named_count = argc, .good = true,
	};
	int i;

	if (!metrics_take_words(&job))
		return 1;
	for (i = 0; i < job.named_count; i++)
		if (!weft_command_takes_name(ctx, job.named[i]))
			return 1;
	metrics_read(&job);
	if (job.path)
		metrics_write(&job);
	else
		metrics_print(&job, ctx->out);
	metrics_free(&job);
	return job.good ? 0 : 1;
}
