// SPDX-License-Identifier: GPL-2.0

#include "core/reorder.h"

/* An empty queue. */
void weft_reorder_init(struct weft_reorder *reorder)
{
	spin_lock_init(&reorder->lock);
	INIT_LIST_HEAD(&reorder->jobs);
	reorder->count = 0;
	reorder->delivering = false;
}

/**
 * weft_reorder_add() - append a job
 * @reorder: the queue
 * @job: the job, its two functions set
 *
 * Context: bottom halves off.
 * Return: false if the queue is full; then the job has not been added.
 */
bool weft_reorder_add(struct weft_reorder *reorder, struct weft_job *job)
{
	bool room;

	job->reorder = reorder;
	job->finished = false;
	spin_lock(&reorder->lock);
	room = reorder->count < WEFT_REORDER_MAX_JOBS;
	if (room) {
		list_add_tail(&job->in_order, &reorder->jobs);
		WRITE_ONCE(reorder->count, reorder->count + 1);
	}
	spin_unlock(&reorder->lock);
	return room;
}

/* The first job of a queue, if its parallel part has finished. */
static struct weft_job *reorder_first_finished(struct weft_reorder *reorder)
{
	struct weft_job *job = list_first_entry_or_null(&reorder->jobs, struct weft_job, in_order);

	return job && job->finished ? job : NULL;
}

/*
 * Delivers finished jobs, WEFT_REORDER_DELIVERIES at most. Called with the queue's lock held and
 * its delivering set; drops the lock meanwhile. Returns the next finished job, and then leaves
 * delivering set.
 */
static struct weft_job *reorder_deliver(struct weft_reorder *reorder) __must_hold(&reorder->lock)
{
	unsigned int left = WEFT_REORDER_DELIVERIES;
	struct weft_job *job;

	while ((job = reorder_first_finished(reorder)) && left--) {
		list_del(&job->in_order);
		spin_unlock(&reorder->lock);
		job->serial(job);
		spin_lock(&reorder->lock);
		WRITE_ONCE(reorder->count, reorder->count - 1);
	}
	reorder->delivering = job;
	return job;
}

/**
 * weft_reorder_finish() - mark a job as finished, and deliver it and finished ones behind it
 * @job: the job, which may be freed on return
 *
 * A job behind an unfinished one is left to the CPU that finishes that. Only one CPU delivers at a
 * time; it also delivers jobs that are finished meanwhile, until its turn ends. So no CPU has to be
 * woken, and no wake-up can be lost.
 *
 * Context: bottom halves off, RCU: the last job may drop the reference to the queue's owner.
 * Return: NULL, or the first of the jobs that are left at the end of the turn. The caller has to
 * see that weft_reorder_continue() is called once, by any CPU; the job and the queue stay until
 * then.
 */
struct weft_job *weft_reorder_finish(struct weft_job *job)
{
	struct weft_reorder *reorder = job->reorder;

	spin_lock(&reorder->lock);
	job->finished = true;
	if (reorder->delivering) {
		job = NULL;
	} else {
		reorder->delivering = true;
		job = reorder_deliver(reorder);
	}
	spin_unlock(&reorder->lock);
	return job;
}

/**
 * weft_reorder_continue() - deliver jobs that were left at the end of a turn
 * @job: the job that weft_reorder_finish() or weft_reorder_continue() returned, which may be freed
 * on return
 *
 * Context: as weft_reorder_finish().
 * Return: the same.
 */
struct weft_job *weft_reorder_continue(struct weft_job *job)
{
	struct weft_reorder *reorder = job->reorder;

	spin_lock(&reorder->lock);
	job = reorder_deliver(reorder);
	spin_unlock(&reorder->lock);
	return job;
}
