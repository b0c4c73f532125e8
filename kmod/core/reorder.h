/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A line of jobs: they are worked on in any order, on any processor, and delivered in the order in
 * which they came.
 */
#ifndef WEFT_LINE_H
#define WEFT_LINE_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/* Jobs in a line, at most. */
#define WEFT_LINE_MAX_JOBS	128

/*
 * Jobs that a CPU delivers before others have a turn, the stack above among them: an eighth of what
 * a cell holds, for a job has 64 packets at most.
 */
#define WEFT_LINE_DELIVERIES	8

struct weft_line {
	spinlock_t lock;		/* bottom halves off; what follows */
	struct list_head jobs;		/* those that have not been delivered */
	unsigned int count;		/* of them, with the one being delivered; READ_ONCE() */
	bool delivering;		/* a CPU is at it, or will go on with it */
};

/* To be embedded in what there is to do. */
struct weft_job {
	void (*work)(struct weft_job *job);	/* the part that others may overtake */
	void (*deliver)(struct weft_job *job);	/* the part that is done in order; frees the job */
	struct weft_line *line;
	struct list_head in_line;	/* line->lock */
	struct list_head waiting;	/* spread.c's, as the next */
	u64 waiting_since_ns;
	bool finished;			/* line->lock, or by the CPU that has the job */
};

/**
 * weft_line_is_idle() - whether nothing is under way that would be overtaken
 * @line: the line
 */
static inline bool weft_line_is_idle(const struct weft_line *line)
{
	return !READ_ONCE(line->count);
}

void weft_line_init(struct weft_line *line);
bool weft_line_add(struct weft_line *line, struct weft_job *job);
struct weft_job *weft_line_finish(struct weft_job *job);
struct weft_job *weft_line_go_on(struct weft_job *job);

#endif /* WEFT_LINE_H */
