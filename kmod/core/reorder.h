/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A reorder queue of jobs: they are processed in any order, on any CPU, and delivered in the order
 * in which they were added.
 */
#ifndef WEFT_REORDER_H
#define WEFT_REORDER_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/* Maximum number of jobs in a queue. */
#define WEFT_REORDER_MAX_JOBS	128

/*
 * Jobs that a CPU delivers in one turn, before others run, among them the stack: an eighth of the
 * capacity of a cell, as a job has 64 packets at most.
 */
#define WEFT_REORDER_DELIVERIES	8

struct weft_reorder {
	spinlock_t lock;		/* bottom halves off; the fields below */
	struct list_head jobs;		/* jobs that have not been delivered */
	unsigned int count;		/* of them, with the one being delivered; READ_ONCE() */
	bool delivering;		/* a CPU delivers, or is about to continue */
};

/* Embedded in the user's job. */
struct weft_job {
	void (*parallel)(struct weft_job *job);	/* may run in any order and concurrently */
	void (*serial)(struct weft_job *job);	/* runs in order; frees the job */
	struct weft_reorder *reorder;
	struct list_head in_order;	/* reorder->lock */
	struct list_head waiting;	/* parallel.c's, as the next */
	u64 waiting_since_ns;
	bool finished;			/* reorder->lock, or by the CPU that has the job */
};

/**
 * weft_reorder_is_idle() - whether the queue has no job that a new one would overtake
 * @reorder: the queue
 */
static inline bool weft_reorder_is_idle(const struct weft_reorder *reorder)
{
	return !READ_ONCE(reorder->count);
}

void weft_reorder_init(struct weft_reorder *reorder);
bool weft_reorder_add(struct weft_reorder *reorder, struct weft_job *job);
struct weft_job *weft_reorder_finish(struct weft_job *job);
struct weft_job *weft_reorder_continue(struct weft_job *job);

#endif /* WEFT_REORDER_H */
