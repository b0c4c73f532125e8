// SPDX-License-Identifier: GPL-2.0

#include "core/staged.h"
#include "lib/wire.h"

#include <linux/atomic.h>
#include <linux/bottom_half.h>
#include <linux/minmax.h>
#include <linux/mm.h>

/* Memory of the packets in all queues. */
static atomic_long_t staged_total = ATOMIC_LONG_INIT(0);

static unsigned long staged_total_max(void)
{
	return min_t(unsigned long, WEFT_STAGED_MAX_TOTAL, totalram_pages() * (PAGE_SIZE / 128));
}

/* Counts a packet that has been added (@sign 1) or taken (-1). */
static void staged_account(struct weft_staged *staged, const struct sk_buff *skb, int sign)
{
	lockdep_assert_held(&staged->queue.lock);
	staged->truesize += sign * (int)skb->truesize;
	atomic_long_add(sign * (long)skb->truesize, &staged_total);
}

static bool staged_is_over(const struct weft_staged *staged)
{
	unsigned int packets = skb_queue_len(&staged->queue);

	if (packets > WEFT_STAGED_MAX_PACKETS || staged->truesize > WEFT_STAGED_MAX_TRUESIZE)
		return true;
	return (unsigned long)atomic_long_read(&staged_total) > staged_total_max() &&
	       (packets > 1 || staged->truesize > WEFT_STAGED_SMALL);
}

static struct sk_buff *staged_dequeue(struct weft_staged *staged)
{
	struct sk_buff *skb = __skb_dequeue(&staged->queue);

	if (skb)
		staged_account(staged, skb, -1);
	return skb;
}

/* An empty queue. */
void weft_staged_init(struct weft_staged *staged)
{
	skb_queue_head_init(&staged->queue);
	staged->truesize = 0;
}

/**
 * weft_staged_add() - append a packet
 * @staged: the queue
 * @skb: the packet, without a socket; consumed
 * @dropped: gets the packets dropped for it, which may include @skb itself
 *
 * Context: any but hard interrupt.
 */
void weft_staged_add(struct weft_staged *staged, struct sk_buff *skb, struct sk_buff_head *dropped)
{
	spin_lock_bh(&staged->queue.lock);
	__skb_queue_tail(&staged->queue, skb);
	staged_account(staged, skb, 1);
	while (unlikely(!skb_queue_empty(&staged->queue) && staged_is_over(staged)))
		__skb_queue_tail(dropped, staged_dequeue(staged));
	spin_unlock_bh(&staged->queue.lock);
}

/**
 * weft_staged_put_back() - return packets of weft_staged_take() to the head
 * @staged: the queue
 * @list: linked by skb->next, oldest first; may have been segmented meanwhile. None is dropped
 *
 * Context: bottom halves off.
 */
void weft_staged_put_back(struct weft_staged *staged, struct sk_buff *list)
{
	struct sk_buff_head back;
	struct sk_buff *skb, *next;

	__skb_queue_head_init(&back);
	spin_lock(&staged->queue.lock);
	skb_list_walk_safe(list, skb, next) {
		skb_mark_not_on_list(skb);
		__skb_queue_tail(&back, skb);
		staged_account(staged, skb, 1);
	}
	skb_queue_splice(&back, &staged->queue);
	spin_unlock(&staged->queue.lock);
}

/**
 * weft_staged_take_all() - take all packets
 * @staged: the queue
 *
 * Context: bottom halves off.
 * Return: a list linked by skb->next, or NULL when there is none.
 */
struct sk_buff *weft_staged_take_all(struct weft_staged *staged)
{
	struct sk_buff *list = NULL, **end = &list, *skb;

	spin_lock(&staged->queue.lock);
	while ((skb = staged_dequeue(staged))) {
		*end = skb;
		end = &skb->next;
	}
	spin_unlock(&staged->queue.lock);
	return list;
}

/**
 * weft_staged_take() - take the oldest packets
 * @staged: the queue
 * @most: maximum number. A packet for segmentation, which is many, is taken alone
 *
 * Context: bottom halves off.
 * Return: a list linked by skb->next, or NULL when there is none.
 */
struct sk_buff *weft_staged_take(struct weft_staged *staged, unsigned int most)
{
	struct sk_buff *list = NULL, **end = &list, *skb;

	spin_lock(&staged->queue.lock);
	while (most-- && (skb = skb_peek(&staged->queue))) {
		if (list && skb_is_gso(skb))
			break;
		*end = staged_dequeue(staged);
		end = &skb->next;
		if (skb_is_gso(skb))
			break;
	}
	spin_unlock(&staged->queue.lock);
	return list;
}

/**
 * weft_staged_purge() - drop all packets, uncounted
 * @staged: the queue
 *
 * Context: any but hard interrupt.
 */
void weft_staged_purge(struct weft_staged *staged)
{
	local_bh_disable();
	kfree_skb_list(weft_staged_take_all(staged));
	local_bh_enable();
}
