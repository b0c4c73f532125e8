/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A batch: packets of one peer under one session that go through the data path as one, and their
 * order.
 *
 * A batch is a list of packets (skb->next); its own state stands in the control block of the first.
 */
#ifndef WEFT_BATCH_H
#define WEFT_BATCH_H

#include "keypair.h"
#include "peer.h"

#include <linux/skbuff.h>

/* Packets in a batch, at most. */
#define WEFT_BATCH_MAX_PACKETS	64

struct weft_batch {
	struct list_head link;		/* ring->lock */
	struct weft_keypair *keypair;	/* referenced */
	u64 counter;			/* of the first packet; the others follow it */
	unsigned int mtu;		/* outbound: padding does not go past it */
	u8 ds;				/* outbound: the outer header's DS field */
	bool done;			/* ring->lock: the work is over */
	bool failed;			/* inbound: it does not authenticate, or memory was short */
};

/* The two steps every batch goes through. */
struct weft_batch_ops {
	/* Seal or open. Runs on several CPUs at once, in any order. */
	void (*work)(struct sk_buff *batch);
	/*
	 * Hand on, whether it failed or not. One at a time for each ring, in the order the batches
	 * came. Takes @batch over.
	 */
	void (*deliver)(struct sk_buff *batch);
};

static_assert(sizeof(struct weft_batch) <= sizeof_field(struct sk_buff, cb));

/**
 * weft_batch() - a batch's state
 * @batch: its first packet
 */
static inline struct weft_batch *weft_batch(const struct sk_buff *batch)
{
	return (struct weft_batch *)batch->cb;
}

void weft_batch_run(struct weft_ring *ring, struct sk_buff *batch,
		    const struct weft_batch_ops *ops);
bool weft_batch_nested(const struct weft_ring *ring);

#endif /* WEFT_BATCH_H */
