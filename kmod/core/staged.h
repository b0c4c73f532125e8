/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets staged for a peer's session, oldest first.
 *
 * The oldest are dropped: above WEFT_STAGED_MAX_PACKETS, as in WireGuard; above
 * WEFT_STAGED_MAX_TRUESIZE, since a packet for segmentation has 64 kB or more; and down to the
 * newest packet while all queues together use more than a share of the machine's memory.
 */
#ifndef WEFT_STAGED_H
#define WEFT_STAGED_H

#include <linux/skbuff.h>

/* Maximum memory of a queue: that of 128 packets of 8 kB each, drivers' page included. */
#define WEFT_STAGED_MAX_TRUESIZE	(1024 << 10)

/* Maximum memory of all queues together: this, and no more than 1/128 of the machine's. */
#define WEFT_STAGED_MAX_TOTAL		(64 << 20)

/* When all queues use too much, the newest packet of a queue is kept up to this size. */
#define WEFT_STAGED_SMALL		(8 << 10)

struct weft_staged {
	struct sk_buff_head queue;
	unsigned int truesize;		/* queue.lock: of all packets in the queue */
};

static inline bool weft_staged_is_empty(const struct weft_staged *staged)
{
	return skb_queue_empty_lockless(&staged->queue);
}

void weft_staged_init(struct weft_staged *staged);
void weft_staged_add(struct weft_staged *staged, struct sk_buff *skb, struct sk_buff_head *dropped);
void weft_staged_put_back(struct weft_staged *staged, struct sk_buff *list);
struct sk_buff *weft_staged_take(struct weft_staged *staged, unsigned int most);
struct sk_buff *weft_staged_take_all(struct weft_staged *staged);
void weft_staged_purge(struct weft_staged *staged);

#endif /* WEFT_STAGED_H */
