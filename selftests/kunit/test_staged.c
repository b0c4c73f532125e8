// SPDX-License-Identifier: GPL-2.0
/*
 * Packets staged for a session: the order in which they are dropped, and the accounting of their
 * memory.
 */
#include "test.h"
#include "core/staged.c"

/* A packet with a number and a truesize. */
static struct sk_buff *packet(unsigned int number, unsigned int truesize, bool gso)
{
	struct sk_buff *skb = alloc_skb(64, GFP_KERNEL | __GFP_NOFAIL);

	skb->mark = number;
	skb->truesize = truesize;
	if (gso)
		skb_shinfo(skb)->gso_size = 1000;
	return skb;
}

/* Adds a packet; returns the number of dropped ones, which are the oldest, from @gone on. */
static unsigned int add(struct test *t, struct weft_staged *staged, struct sk_buff *skb,
			unsigned int gone)
{
	struct sk_buff_head dropped;
	unsigned int count = 0;

	__skb_queue_head_init(&dropped);
	weft_staged_add(staged, skb, &dropped);
	while ((skb = __skb_dequeue(&dropped))) {
		EXPECT_EQ(t, skb->mark, gone + count++);
		kfree_skb(skb);
	}
	return count;
}

/* Takes packets and expects the numbers from @first on. */
static void expect_taken(struct test *t, struct weft_staged *staged, unsigned int most,
			 unsigned int first, unsigned int count)
{
	struct sk_buff *list, *skb;
	unsigned int n = 0;

	local_bh_disable();
	list = weft_staged_take(staged, most);
	local_bh_enable();
	for (skb = list; skb; skb = skb->next)
		EXPECT_EQ(t, skb->mark, first + n++);
	EXPECT_EQ(t, n, count);
	kfree_skb_list(list);
}

/* WireGuard's limit, for packets of ordinary size, each with a driver's whole page. */
static void staged_by_number(struct test *t)
{
	const unsigned int truesize = SKB_TRUESIZE(PAGE_SIZE);
	struct weft_staged staged;
	unsigned int i, gone = 0;

	weft_staged_init(&staged);
	EXPECT(t, weft_staged_is_empty(&staged));
	for (i = 0; i < 1000; i++)
		gone += add(t, &staged, packet(i, truesize, false), gone);
	EXPECT_EQ(t, gone, 1000 - WEFT_STAGED_MAX_PACKETS);
	EXPECT_EQ(t, skb_queue_len(&staged.queue), WEFT_STAGED_MAX_PACKETS);
	EXPECT_EQ(t, staged.truesize, WEFT_STAGED_MAX_PACKETS * truesize);
	expect_taken(t, &staged, 100, gone, 100);
	expect_taken(t, &staged, 100, gone + 100, WEFT_STAGED_MAX_PACKETS - 100);
	EXPECT(t, weft_staged_is_empty(&staged));
	EXPECT_EQ(t, staged.truesize, 0);
}

/* Whole TCP bursts: limited by memory. */
static void staged_by_memory(struct test *t)
{
	const unsigned int truesize = 70000, most = WEFT_STAGED_MAX_TRUESIZE / truesize;
	struct weft_staged staged;
	unsigned int i, gone = 0;

	weft_staged_init(&staged);
	for (i = 0; i < 100; i++)
		gone += add(t, &staged, packet(i, truesize, true), gone);
	EXPECT_EQ(t, gone, 100 - most);
	EXPECT(t, staged.truesize <= WEFT_STAGED_MAX_TRUESIZE);
	/* A small packet that fits drops no large one. */
	EXPECT_EQ(t, add(t, &staged, packet(100, 800, false), gone), 0);
	/* A single packet above the limit is dropped. */
	weft_staged_purge(&staged);
	EXPECT_EQ(t, add(t, &staged, packet(7, WEFT_STAGED_MAX_TRUESIZE + 1, true), 7), 1);
	EXPECT(t, weft_staged_is_empty(&staged));
	EXPECT_EQ(t, staged.truesize, 0);
}

/* Many silent peers: their queues share a limit, and each keeps one packet. */
static void staged_together(struct test *t)
{
	const unsigned int truesize = 2304, queues = 2000;
	struct weft_staged *staged = test_zalloc(t, queues * sizeof(*staged));
	unsigned int i, j, gone;
	unsigned long before = atomic_long_read(&staged_total);
	unsigned long small = queues * truesize;

	for (i = 0; i < queues; i++) {
		weft_staged_init(&staged[i]);
		for (j = 0, gone = 0; j < 100; j++)
			gone += add(t, &staged[i], packet(j, truesize, false), gone);
		EXPECT(t, !weft_staged_is_empty(&staged[i]));
		EXPECT_EQ(t, skb_peek_tail(&staged[i].queue)->mark, 99);
	}
	EXPECT(t, (unsigned long)atomic_long_read(&staged_total) <= staged_total_max() + small);
	EXPECT_EQ(t, skb_queue_len(&staged[queues - 1].queue), 1);
	/* Beyond the shared limit a large packet is dropped even from an empty queue. */
	weft_staged_purge(&staged[queues - 1]);
	EXPECT_EQ(t, add(t, &staged[queues - 1], packet(5, 70000, true), 5), 1);
	for (i = 0; i < queues; i++)
		weft_staged_purge(&staged[i]);
	EXPECT_EQ(t, atomic_long_read(&staged_total), before);
	test_free(staged);
}

/* A GSO packet counts as many and is taken alone; packets put back come first. */
static void staged_in_pieces(struct test *t)
{
	struct weft_staged staged;
	struct sk_buff *list;
	unsigned int i;

	weft_staged_init(&staged);
	for (i = 0; i < 10; i++)
		EXPECT_EQ(t, add(t, &staged, packet(i, 800, i == 3 || i == 4), 0), 0);
	local_bh_disable();
	list = weft_staged_take(&staged, 64);
	EXPECT_EQ(t, staged.truesize, 7 * 800);
	weft_staged_put_back(&staged, list);
	EXPECT_EQ(t, staged.truesize, 10 * 800);
	local_bh_enable();
	expect_taken(t, &staged, 64, 0, 3);
	expect_taken(t, &staged, 64, 3, 1);
	expect_taken(t, &staged, 64, 4, 1);
	expect_taken(t, &staged, 4, 5, 4);
	expect_taken(t, &staged, 64, 9, 1);
	expect_taken(t, &staged, 64, 0, 0);
	EXPECT_EQ(t, staged.truesize, 0);
}

TEST_SUITE("staged",
	   TEST_CASE(staged_by_number),
	   TEST_CASE(staged_by_memory),
	   TEST_CASE(staged_together),
	   TEST_CASE(staged_in_pieces));
