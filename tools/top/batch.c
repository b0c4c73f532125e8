// SPDX-License-Identifier: GPL-2.0
/* Tables in plain lines, one for each reading but the first, which is what the rates begin from. */
#include <limits.h>
#include <stdlib.h>

#include "base/complain.h"
#include "top/live.h"

int weft_top_renew(struct weft_top_job *job)
{
	struct weft_top_reading next;
	int err = weft_top_read(job->ctx, job->iface, &job->reading, &next);

	if (err)
		return err;
	weft_top_forget(&job->reading);
	job->reading = next;
	return 0;
}

static bool batch_print(const struct weft_top_job *job, bool first)
{
	const struct weft_top_row **rows;
	struct weft_top_layout layout;
	FILE *out = job->ctx->out;
	size_t count, i;

	rows = weft_top_choose(&job->view, &job->reading, &count);
	if (!rows)
		return weft_complain(job->ctx, "out of memory");
	weft_top_layout(&layout, rows, count, INT_MAX);
	if (!first)
		fputc('\n', out);
	weft_top_print_sums(out, &job->view, &job->reading, count);
	fputc('\n', out);
	weft_top_print_titles(out, &layout);
	fputc('\n', out);
	for (i = 0; i < count; i++) {
		weft_top_print_row(out, &layout, rows[i]);
		fputc('\n', out);
	}
	free(rows);
	return !fflush(out);
}

bool weft_top_batch(struct weft_top_job *job)
{
	__u64 done;
	int err = 0;

	if (!job->reading.dev)
		err = weft_top_renew(job);
	for (done = 0; !err && (!job->count || done < job->count); done++) {
		job->ctx->pause(job->every_ms * 1000);
		err = weft_top_renew(job);
		if (!err && !batch_print(job, !done))
			return false;
	}
	return !err || weft_top_complain(job->ctx, job->iface, err);
}
