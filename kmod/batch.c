// SPDX-License-Identifier: GPL-2.0

#include "batch.h"

#include <linux/sched.h>

static struct sk_buff *batch_skb(struct weft_batch *state)
{
	return container_of((void *)state, struct sk_buff, cb);
}

/* The oldest batch, taken off the ring, if its work is over. */
static struct sk_buff *batch_take_finished(struct weft_ring *ring)
{
	struct weft_batch *oldest;

	lockdep_assert_held(&ring->lock);
	oldest = list_first_entry_or_null(&ring->batches, struct weft_batch, link);
	if (!oldest || !oldest->done)
		return NULL;
	list_del(&oldest->link);
	return batch_skb(oldest);
}

/*
 * Whoever finishes the oldest batch hands it on, and what is finished behind it. Whoever finishes
 * another one leaves it to the deliverer: that one looks again under the lock before it leaves, so
 * no batch waits for anything but older ones.
 */
static void batch_finish(struct weft_ring *ring, struct sk_buff *batch,
			 const struct weft_batch_ops *ops)
{
	spin_lock(&ring->lock);
	weft_batch(batch)->done = true;
	if (!ring->deliverer) {
		WRITE_ONCE(ring->deliverer, current);
		while ((batch = batch_take_finished(ring))) {
			spin_unlock(&ring->lock);
			ops->deliver(batch);
			spin_lock(&ring->lock);
		}
		WRITE_ONCE(ring->deliverer, NULL);
	}
	spin_unlock(&ring->lock);
}

/**
 * weft_batch_run() - work on a batch and hand it on in its turn
 * @ring: the peer's ring for this direction
 * @batch: the batch, its state filled in; it changes hands
 * @ops: what to do with it; the same for all batches of a ring
 *
 * The batch is worked on here and now, in the context that it arrived in. CPUs that have batches of
 * the same peer work at the same time; the ring puts what they make back into the order in which
 * they called.
 *
 * Context: bottom halves off.
 */
void weft_batch_run(struct weft_ring *ring, struct sk_buff *batch, const struct weft_batch_ops *ops)
{
	struct weft_batch *state = weft_batch(batch);

	state->done = false;
	state->failed = false;
	spin_lock(&ring->lock);
	list_add_tail(&state->link, &ring->batches);
	spin_unlock(&ring->lock);

	ops->work(batch);
	batch_finish(ring, batch, ops);
}

/**
 * weft_batch_nested() - whether the caller is inside the delivery of a batch of this very ring
 * @ring: the ring
 *
 * What a peer's outbound ring delivers must not come back into that ring: it would go round for
 * ever.
 *
 * Context: bottom halves off.
 */
bool weft_batch_nested(const struct weft_ring *ring)
{
	return READ_ONCE(ring->deliverer) == current;
}
