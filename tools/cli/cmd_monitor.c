// SPDX-License-Identifier: GPL-2.0
/* weft monitor */
#include <errno.h>
#include <string.h>

#include "base/complain.h"
#include "cli/command.h"
#include "genl/backend.h"
#include "genl/event.h"

/**
 * struct monitor_job - one run of the monitor
 * @ctx: the context
 * @iface: the only interface to report, or NULL for all
 * @cursors: the sequence of each interface's latest event
 */
struct monitor_job {
	const struct weft_context *ctx;
	const char *iface;
	struct weft_event_cursor *cursors;
};

static bool monitor_print(struct monitor_job *job,
			  const struct weft_event *event)
{
	__u64 missed;

	if (job->iface && strcmp(job->iface, event->ifname))
		return true;
	missed = weft_event_missed(&job->cursors, event);
	if (missed && !weft_event_print_missed(job->ctx, event, missed))
		return false;
	if (!job->ctx->json)
		weft_event_print(job->ctx, event);
	else if (!weft_event_print_json(job->ctx, event))
		return false;
	/* Each line is flushed at once; without a reader the flush fails and ends the monitor. */
	return !fflush(job->ctx->out);
}

/* The sequence number of the next event shows the number of lost ones. */
static void monitor_overrun(const struct monitor_job *job)
{
	weft_warn(job->ctx, "monitor: the queue of events was full, and events were lost");
}

static int monitor_run(struct monitor_job *job)
{
	struct weft_backend *backend = job->ctx->backend;
	struct weft_event event;
	int got;

	for (;;) {
		got = backend->next(backend, &event, -1);
		if (got == -EINTR)
			return 0;
		if (got == -ENOBUFS)
			monitor_overrun(job);
		else if (got < 0 && got != -EAGAIN)
			break;
		else if (got > 0 && !monitor_print(job, &event))
			return 1;
	}
	weft_complain(job->ctx, "monitor: %s", backend->error);
	return 1;
}

int weft_command_monitor(struct weft_context *ctx, int argc, char **argv)
{
	struct monitor_job job = { .ctx = ctx, .iface = argc ? argv[0] : NULL };
	int status;

	if (ctx->backend->watch(ctx->backend)) {
		weft_complain(ctx, "monitor: %s", ctx->backend->error);
		return 1;
	}
	status = monitor_run(&job);
	weft_event_forget(&job.cursors);
	ctx->backend->unwatch(ctx->backend);
	return status;
}
