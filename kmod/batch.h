/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A batch: packets of one peer under one session that go through the data path as one.
 *
 * A batch is a list of packets (skb->next); its own state stands in the control block of the first.
 *
 * A batch is worked on and handed on by the CPU that it arrives on. CPUs that have batches of the
 * same peer do so side by side: what belongs to one flow comes on one CPU, and leaves it in the
 * order in which it came.
 */
#ifndef WEFT_BATCH_H
#define WEFT_BATCH_H

#include <linux/skbuff.h>

/* Packets in a batch, at most. */
#define WEFT_BATCH_MAX_PACKETS	64

struct weft_keypair;

struct weft_batch {
	struct weft_keypair *keypair;	/* referenced */
	u64 counter;			/* of the first packet; the others follow it */
	unsigned int mtu;		/* outbound: padding does not go past it */
	u8 ds;				/* the outer header's DS field */
	bool failed;			/* inbound: it does not authenticate, or memory was short */
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

unsigned int weft_batch_count(const struct sk_buff *list);
struct sk_buff *weft_batch_cut(struct sk_buff *list, unsigned int count);

#endif /* WEFT_BATCH_H */
