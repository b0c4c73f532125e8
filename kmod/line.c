// SPDX-License-Identifier: GPL-2.0

#include "line.h"

/**
 * weft_line_init() - make an empty line
 * @line: to be made
 */
void weft_line_init(struct weft_line *line)
{
	spin_lock_init(&line->lock);
	INIT_LIST_HEAD(&line->jobs);
	line->count = 0;
	line->delivering = false;
}

/**
 * weft_line_add() - put a job at the end
 * @line: the line
 * @job: the job, its two functions set
 *
 * Context: bottom halves off.
 * Return: false if too many are in it already; then the job is not.
 */
bool weft_line_add(struct weft_line *line, struct weft_job *job)
{
	bool room;

	job->line = line;
	job->finished = false;
	spin_lock(&line->lock);
	room = line->count < WEFT_LINE_MAX_JOBS;
	if (room) {
		list_add_tail(&job->in_line, &line->jobs);
		WRITE_ONCE(line->count, line->count + 1);
	}
	spin_unlock(&line->lock);
	return room;
}

/* Takes the first job off a line, if it has been worked on. */
static struct weft_job *line_take_finished(struct weft_line *line)
{
	struct weft_job *job = list_first_entry_or_null(&line->jobs, struct weft_job, in_line);

	if (!job || !job->finished)
		return NULL;
	list_del(&job->in_line);
	return job;
}

/**
 * weft_line_finish() - a job's work is done: deliver it, and what is ready behind it
 * @job: the job, which may be gone when this returns
 *
 * One that stands behind an unfinished one stays for whoever finishes that. Only one processor
 * delivers at a time; what is finished meanwhile it delivers, too. So nobody has to be woken, and
 * no wake-up can be lost.
 *
 * Context: bottom halves off, RCU: what the line is part of may be let go of by the last job.
 */
void weft_line_finish(struct weft_job *job)
{
	struct weft_line *line = job->line;

	spin_lock(&line->lock);
	job->finished = true;
	if (line->delivering) {
		spin_unlock(&line->lock);
		return;
	}
	line->delivering = true;
	while ((job = line_take_finished(line))) {
		spin_unlock(&line->lock);
		job->deliver(job);
		spin_lock(&line->lock);
		WRITE_ONCE(line->count, line->count - 1);
	}
	line->delivering = false;
	spin_unlock(&line->lock);
}
