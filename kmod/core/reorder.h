/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A reorder queue of jobs: they are worked on in any order, on any processor, and delivered in the
 * order in which they came.
 */
#ifndef WEFT_REORDER_H
#define WEFT_REORDER_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/* Jobs in a queue, at most. */
#define WEFT_REORDER_MAX_JOBS	128

/*
 * Jobs that a CPU delivers before others have a turn, the stack above among them: an eighth of what
 * a cell holds, for a job has 64 packets at most.
 */
#define WEFT_REORDER_DELIVERIES	8

struct weft_reorder {
	spinlock_t lock;		/* bottom halves off; what follows */
	struct list_head jobs;		/* those that have not been delivered */
	unsigned int count;		/* of them, with the one being delivered; READ_ONCE() */
	bool delivering;		/* a CPU is at it, or will go on with it */
};

/* To be embedded in what there is to do. */
struct weft_job {
	void (*parallel)(struct weft_job *job);	/* the part that others may overtake */
	void (*serial)(struct weft_job *job);	/* the part that is done in order; frees the job */
	struct weft_reorder *reorder;
	struct list_head in_order;	/* reorder->lock */
	struct list_head waiting;	/* parallel.c's, as the next */
	u64 waiting_since_ns;
	bool finished;			/* reorder->lock, or by the CPU that has the job */
};

/**
 * weft_reorder_is_idle() - whether nothing is under way that would be overtaken
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
