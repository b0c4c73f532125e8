// SPDX-License-Identifier: GPL-2.0

#include "core/reorder.h"

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

/* The first job of a line, if it has been worked on. */
static struct weft_job *line_first_finished(struct weft_line *line)
{
	struct weft_job *job = list_first_entry_or_null(&line->jobs, struct weft_job, in_line);

	return job && job->finished ? job : NULL;
}

/*
 * Delivers what is ready, WEFT_LINE_DELIVERIES jobs at most. Called with the line's lock held and
 * its delivering set; drops the lock meanwhile. Returns the job that is ready behind them, and then
 * leaves delivering set.
 */
static struct weft_job *line_deliver(struct weft_line *line) __must_hold(&line->lock)
{
	unsigned int left = WEFT_LINE_DELIVERIES;
	struct weft_job *job;

	while ((job = line_first_finished(line)) && left--) {
		list_del(&job->in_line);
		spin_unlock(&line->lock);
		job->deliver(job);
		spin_lock(&line->lock);
		WRITE_ONCE(line->count, line->count - 1);
	}
	line->delivering = job;
	return job;
}

/**
 * weft_line_finish() - a job's work is done: deliver it, and what is ready behind it
 * @job: the job, which may be gone when this returns
 *
 * A job behind an unfinished one stays for the CPU that finishes that. Only one CPU delivers at a
 * time; what is finished meanwhile it delivers, too, as far as its turn goes. So no CPU has to be
 * woken, and no wake-up can be lost.
 *
 * Context: bottom halves off, RCU: what the line is part of may be let go of by the last job.
 * Return: NULL, or the first of the jobs that are left when the turn is over. They wait for the
 * caller, which sees to it that weft_line_go_on() is called once, by any CPU; the job and the line
 * stay until then.
 */
struct weft_job *weft_line_finish(struct weft_job *job)
{
	struct weft_line *line = job->line;

	spin_lock(&line->lock);
	job->finished = true;
	if (line->delivering) {
		job = NULL;
	} else {
		line->delivering = true;
		job = line_deliver(line);
	}
	spin_unlock(&line->lock);
	return job;
}

/**
 * weft_line_go_on() - deliver what was left when a turn was over
 * @job: the job that weft_line_finish() or weft_line_go_on() returned, which may be gone when this
 * returns
 *
 * Context: as weft_line_finish().
 * Return: the same.
 */
struct weft_job *weft_line_go_on(struct weft_job *job)
{
	struct weft_line *line = job->line;

	spin_lock(&line->lock);
	job = line_deliver(line);
	spin_unlock(&line->lock);
	return job;
}
