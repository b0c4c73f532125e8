// SPDX-License-Identifier: GPL-2.0
/* Batches: the packets that one batch takes, and each of its messages opened again. */
#include "test.h"
#include "datapath/batch.c"
#include "core/session.h"

#include <net/tcp.h>

#define MTU	1420
#define HEADERS	(sizeof(struct iphdr) + sizeof(struct tcphdr))

/* A session with itself: it opens the messages that it seals. */
static struct weft_session *new_session(struct test *t)
{
	struct weft_session *session = test_zalloc(t, sizeof(*session));

	test_random_bytes(session->keys.send, sizeof(session->keys.send));
	memcpy(session->keys.receive, session->keys.send, sizeof(session->keys.receive));
	session->remote_index = cpu_to_le32(0x12345678);
	session->entry.id = session->remote_index;
	return session;
}

static struct sk_buff *packet(unsigned int len)
{
	struct sk_buff *skb = alloc_skb(LL_MAX_HEADER + len, GFP_KERNEL | __GFP_NOFAIL);

	skb_reserve(skb, LL_MAX_HEADER);
	test_random_bytes(skb_put(skb, len), len);
	skb_reset_network_header(skb);
	*weft_packet(skb) = (struct weft_packet){ .mtu = MTU };
	return skb;
}

/* Adds @skb to the end of @list. */
static void append(struct sk_buff **list, struct sk_buff *skb)
{
	while (*list)
		list = &(*list)->next;
	*list = skb;
}

/* Makes a packet of each length, and copies to compare with. */
static struct sk_buff *packets(const unsigned int *lens, unsigned int count,
			       struct sk_buff **copies)
{
	struct sk_buff *list = NULL, *skb;
	unsigned int i;

	for (i = 0; i < count; i++) {
		skb = packet(lens[i]);
		append(&list, skb);
		copies[i] = skb_copy(skb, GFP_KERNEL | __GFP_NOFAIL);
	}
	return list;
}

static unsigned int padded(unsigned int len)
{
	return min_t(unsigned int, MTU, ALIGN(len, WEFT_PADDING));
}

/* Opens the message of a batch at @offset; the caller frees the result. */
static struct sk_buff *open_message(const struct sk_buff *batch, unsigned int offset,
				    unsigned int len, const struct weft_session *session,
				    u64 counter)
{
	struct weft_crypt_source source;
	struct weft_crypt crypt;
	struct sk_buff *opened;

	weft_crypt_begin_open(&crypt, session);
	weft_crypt_source_init(&source, batch);
	opened = weft_crypt_open_packet(&crypt, &source, offset, len, counter);
	weft_crypt_end(&crypt);
	return opened;
}

static void expect_message(struct test *t, const struct sk_buff *batch, unsigned int offset,
			   const struct weft_session *session, u64 counter,
			   const struct sk_buff *inner)
{
	unsigned int len = padded(inner->len) + WEFT_DATA_OVERHEAD;
	struct weft_msg_data header;
	struct sk_buff *opened;

	EXPECT_EQ(t, skb_copy_bits(batch, offset, &header, sizeof(header)), 0);
	EXPECT_EQ(t, le32_to_cpu(header.header.type), WEFT_MSG_DATA);
	EXPECT_EQ(t, le32_to_cpu(header.receiver), 0x12345678);
	EXPECT_EQ(t, le64_to_cpu(header.counter), counter);
	opened = open_message(batch, offset, len, session, counter);
	EXPECT(t, !IS_ERR(opened));
	if (IS_ERR(opened))
		return;
	EXPECT_EQ(t, opened->len, padded(inner->len));
	EXPECT_BYTES(t, opened->data, inner->data, inner->len);
	EXPECT_PTR(t, memchr_inv(opened->data + inner->len, 0, opened->len - inner->len), NULL);
	kfree_skb(opened);
}

static unsigned int next(const struct sk_buff *list)
{
	struct weft_batch batch;

	weft_batch_measure(&batch, list);
	return batch.count;
}

/* Seals the first batch of @list, with just the counters that it needs. */
static struct sk_buff *seal(struct test *t, struct sk_buff **list,
			    const struct weft_session *session, u64 counter, unsigned int *taken)
{
	struct weft_batch batch;
	struct sk_buff *sealed;

	weft_batch_measure(&batch, *list);
	*taken = batch.count;
	sealed = weft_batch_seal(list, &batch, session, counter);
	EXPECT_EQ(t, batch.count, *taken);
	return sealed;
}

/*
 * Seals the first batch of @list, expects the @count packets of @inner in it, and frees all of
 * these.
 */
static void expect_batch(struct test *t, struct sk_buff **list, struct weft_session *session,
			 u64 counter, struct sk_buff **inner, unsigned int count)
{
	unsigned int taken, i, offset = 0;
	struct sk_buff *sealed;

	local_bh_disable();
	sealed = seal(t, list, session, counter, &taken);
	EXPECT_EQ(t, taken, count);
	EXPECT(t, sealed && !sealed->next && !sealed->prev);
	for (i = 0; i < count; i++) {
		expect_message(t, sealed, offset, session, counter + i, inner[i]);
		offset += padded(inner[i]->len) + WEFT_DATA_OVERHEAD;
	}
	EXPECT_EQ(t, sealed->len, offset);
	EXPECT_EQ(t, skb_shinfo(sealed)->gso_segs, count > 1 ? count : 0);
	if (count > 1) {
		EXPECT_EQ(t, skb_shinfo(sealed)->gso_type, SKB_GSO_UDP_L4);
		EXPECT_EQ(t, skb_shinfo(sealed)->gso_size, padded(inner[0]->len) +
							   WEFT_DATA_OVERHEAD);
		EXPECT_EQ(t, sealed->ip_summed, CHECKSUM_PARTIAL);
	}
	EXPECT(t, skb_headroom(sealed) >= WEFT_OUTPUT_HEADROOM - sizeof(struct weft_msg_data));
	kfree_skb(sealed);
	for (i = 0; i < count; i++)
		kfree_skb(inner[i]);
	local_bh_enable();
}

static void batch_of_one(struct test *t)
{
	static const unsigned int lens[] = { 20, 64, 1, MTU - 1, MTU };
	struct weft_session *session = new_session(t);
	struct sk_buff *list, *copy;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		list = packets(&lens[i], 1, &copy);
		EXPECT_EQ(t, next(list), 1);
		expect_batch(t, &list, session, 99, &copy, 1);
		EXPECT_PTR(t, list, NULL);
	}
	test_free(session);
}

/* A packet of length 0 makes a message, too. */
static void batch_of_a_keepalive(struct test *t)
{
	struct weft_session *session = new_session(t);
	static const unsigned int len;
	struct sk_buff *list, *copy;

	list = packets(&len, 1, &copy);
	expect_batch(t, &list, session, 0, &copy, 1);
	test_free(session);
}

/* Packets of equal length share a batch, and a shorter one ends it. */
static void batch_by_length(struct test *t)
{
	static const unsigned int lens[] = { 1000, 1000, 1001, 1008, 900, 1000, 1420, 1420 };
	struct weft_session *session = new_session(t);
	struct sk_buff *copies[ARRAY_SIZE(lens)], *list;

	list = packets(lens, ARRAY_SIZE(lens), copies);
	EXPECT_EQ(t, next(list), 5);
	/* 1000, 1001 and 1008 have the same padded length. */
	expect_batch(t, &list, session, 7, copies, 5);
	expect_batch(t, &list, session, 12, copies + 5, 1);
	expect_batch(t, &list, session, 13, copies + 6, 2);
	EXPECT_PTR(t, list, NULL);
	test_free(session);
}

/* Packets whose outer headers differ do not share a batch. */
static void batch_by_kind(struct test *t)
{
	static const unsigned int lens[] = { 500, 500, 500, 500 };
	struct weft_session *session = new_session(t);
	struct sk_buff *copies[ARRAY_SIZE(lens)], *list;

	list = packets(lens, ARRAY_SIZE(lens), copies);
	weft_packet(list->next)->ds = 0xb8;
	weft_packet(list->next->next)->ds = 0xb8;
	weft_packet(list->next->next->next)->ds = 0xb8;
	weft_packet(list->next->next->next)->mtu = MTU + 80;
	expect_batch(t, &list, session, 0, copies, 1);
	expect_batch(t, &list, session, 1, copies + 1, 2);
	expect_batch(t, &list, session, 3, copies + 3, 1);
	test_free(session);
}

/* A batch is limited in packets and in bytes. */
static void batch_is_full(struct test *t)
{
	const unsigned int most = WEFT_BATCH_MAX_LEN / (MTU + WEFT_DATA_OVERHEAD);
	struct weft_session *session = new_session(t);
	struct sk_buff *copies[70], *list;
	unsigned int lens[70], i;

	for (i = 0; i < ARRAY_SIZE(lens); i++)
		lens[i] = 100;
	list = packets(lens, ARRAY_SIZE(lens), copies);
	expect_batch(t, &list, session, 0, copies, WEFT_BATCH_MAX_PACKETS);
	expect_batch(t, &list, session, 64, copies + 64, 6);
	for (i = 0; i < ARRAY_SIZE(lens); i++)
		lens[i] = MTU;
	list = packets(lens, most + 3, copies);
	expect_batch(t, &list, session, 0, copies, most);
	expect_batch(t, &list, session, most, copies + most, 3);
	test_free(session);
}

/* The number of packets, of @count, that share a batch with the first. */
static unsigned int together(const unsigned int *lens, unsigned int count)
{
	unsigned int i = 1;

	while (i < count && padded(lens[i - 1]) == padded(lens[0]) &&
	       padded(lens[i]) <= padded(lens[0]))
		i++;
	return i;
}

static void batch_of_any_lengths(struct test *t)
{
	struct weft_session *session = new_session(t);
	struct sk_buff *copies[80], *list;
	unsigned int lens[80], i, from, taken, round;

	for (round = 0; round < 10; round++) {
		for (i = 0; i < ARRAY_SIZE(lens); i++)
			lens[i] = i % 5 ? lens[i - 1] : 1 + test_random_below(MTU);
		list = packets(lens, ARRAY_SIZE(lens), copies);
		for (from = 0; from < ARRAY_SIZE(lens); from += taken) {
			taken = together(lens + from, ARRAY_SIZE(lens) - from);
			expect_batch(t, &list, session, from, copies + from, taken);
		}
		EXPECT_PTR(t, list, NULL);
	}
	test_free(session);
}

/* A packet for TCP segmentation, in two pieces of memory, as TCP makes it. */
static struct sk_buff *tcp_packet(unsigned int payload, unsigned int size)
{
	unsigned int linear = min(payload, 300U), rest = payload - linear;
	struct sk_buff *skb = packet(HEADERS + linear);
	struct iphdr *ip = ip_hdr(skb);
	struct tcphdr *tcp;
	struct page *page;

	memset(ip, 0, HEADERS);
	ip->version = 4;
	ip->ihl = 5;
	ip->ttl = 64;
	ip->id = htons(0xfffe);
	ip->protocol = IPPROTO_TCP;
	ip->saddr = htonl(0x0a090001);
	ip->daddr = htonl(0x0a090002);
	ip->tot_len = htons(HEADERS + payload);
	skb_set_transport_header(skb, sizeof(*ip));
	tcp = tcp_hdr(skb);
	tcp->doff = 5;
	tcp->seq = htonl(0xfffffff0);
	tcp->ack = 1;
	tcp->psh = 1;
	tcp->fin = 1;
	if (rest) {
		page = alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_NOFAIL, get_order(rest));
		test_random_bytes(page_address(page), rest);
		skb_add_rx_frag(skb, 0, page, 0, rest, PAGE_SIZE << get_order(rest));
	}
	skb->protocol = htons(ETH_P_IP);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct tcphdr, check);
	tcp->check = ~tcp_v4_check(sizeof(*tcp) + payload, ip->saddr, ip->daddr, 0);
	skb_shinfo(skb)->gso_type = SKB_GSO_TCPV4;
	skb_shinfo(skb)->gso_size = size;
	skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(payload, size);
	return skb;
}

static void expect_segment(struct test *t, const struct sk_buff *opened,
			   const struct sk_buff *original, unsigned int i, unsigned int size,
			   bool last)
{
	const struct iphdr *ip = (const struct iphdr *)opened->data;
	const struct tcphdr *tcp = (const struct tcphdr *)(ip + 1);
	unsigned int payload = ntohs(ip->tot_len) - HEADERS;
	static u8 wanted[MTU];

	EXPECT_EQ(t, payload, last ? original->len - HEADERS - i * size : size);
	EXPECT_EQ(t, ip_fast_csum(ip, ip->ihl), 0);
	EXPECT_EQ(t, ntohs(ip->id), (u16)(0xfffe + i));
	EXPECT_EQ(t, ntohl(tcp->seq), 0xfffffff0 + i * size);
	EXPECT_EQ(t, tcp->fin, last);
	EXPECT_EQ(t, tcp->psh, last);
	EXPECT_EQ(t, tcp_v4_check(sizeof(*tcp) + payload, ip->saddr, ip->daddr,
				  csum_partial(tcp, sizeof(*tcp) + payload, 0)), 0);
	EXPECT_EQ(t, skb_copy_bits(original, HEADERS + i * size, wanted, payload), 0);
	EXPECT_BYTES(t, tcp + 1, wanted, payload);
}

/* Opens a batch of segments, and expects the segments of @original. */
static void expect_segments(struct test *t, const struct sk_buff *sealed,
			    const struct sk_buff *original, unsigned int size,
			    const struct weft_session *session, u64 counter)
{
	unsigned int count = DIV_ROUND_UP(original->len - HEADERS, size), i, offset = 0, len;

	for (i = 0; i < count; i++) {
		bool last = i + 1 == count;
		struct sk_buff *opened;

		len = last ? original->len - i * size : HEADERS + size;
		len = padded(len) + WEFT_DATA_OVERHEAD;
		opened = open_message(sealed, offset, len, session, counter + i);
		EXPECT(t, !IS_ERR(opened));
		if (!IS_ERR(opened)) {
			expect_segment(t, opened, original, i, size, last);
			kfree_skb(opened);
		}
		offset += len;
	}
	EXPECT_EQ(t, sealed->len, offset);
}

static void batch_of_tcp(struct test *t)
{
	static const struct { unsigned int payload, size; } cases[] = {
		{ 2 * 1380, 1380 }, { 1381, 1380 }, { 44 * 1380 + 17, 1380 }, { 1000, 100 },
		{ 64 * 536, 536 },
	};
	struct weft_session *session = new_session(t);
	struct sk_buff *list, *copy, *sealed;
	unsigned int i, count, taken;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		count = DIV_ROUND_UP(cases[i].payload, cases[i].size);
		list = tcp_packet(cases[i].payload, cases[i].size);
		copy = skb_copy(list, GFP_KERNEL | __GFP_NOFAIL);
		local_bh_disable();
		EXPECT_PTR(t, weft_batch_cut_up(list), list);
		EXPECT_EQ(t, next(list), count);
		sealed = seal(t, &list, session, 1000, &taken);
		EXPECT(t, sealed && !list);
		EXPECT_EQ(t, taken, count);
		EXPECT_EQ(t, skb_shinfo(sealed)->gso_segs, count);
		expect_segments(t, sealed, copy, cases[i].size, session, 1000);
		kfree_skb(sealed);
		kfree_skb(copy);
		local_bh_enable();
	}
	test_free(session);
}

/* Too many segments for one batch: the kernel's segmentation makes a list of packets instead. */
static void batch_of_more_than_one(struct test *t)
{
	const unsigned int payload = 100 * 200 - 7, size = 200;
	struct weft_session *session = new_session(t);
	unsigned int taken, total = 0;
	struct sk_buff *list, *sealed;

	list = tcp_packet(payload, size);
	local_bh_disable();
	list = weft_batch_cut_up(list);
	EXPECT(t, list && list->next);
	EXPECT_EQ(t, next(list), WEFT_BATCH_MAX_PACKETS);
	while (list) {
		sealed = seal(t, &list, session, total, &taken);
		EXPECT(t, sealed);
		if (!total)
			EXPECT_EQ(t, taken, WEFT_BATCH_MAX_PACKETS);
		total += taken;
		kfree_skb(sealed);
	}
	EXPECT_EQ(t, total, 100);
	local_bh_enable();
	test_free(session);
}

/* A GSO packet among others keeps its place, and gets a batch of its own. */
static void batch_of_mixed_kinds(struct test *t)
{
	static const unsigned int lens[] = { 800, 800 };
	struct weft_session *session = new_session(t);
	struct sk_buff *copies[2], *list, *burst, *sealed;
	unsigned int taken;

	list = packets(lens, ARRAY_SIZE(lens), copies);
	burst = tcp_packet(3 * 700, 700);
	local_bh_disable();
	append(&list, weft_batch_cut_up(burst));
	local_bh_enable();
	append(&list, packet(800));
	EXPECT_EQ(t, next(list), 2);
	expect_batch(t, &list, session, 0, copies, 2);
	local_bh_disable();
	sealed = seal(t, &list, session, 2, &taken);
	EXPECT_EQ(t, taken, 3);
	kfree_skb(sealed);
	sealed = seal(t, &list, session, 5, &taken);
	EXPECT_EQ(t, taken, 1);
	kfree_skb(sealed);
	local_bh_enable();
	EXPECT_PTR(t, list, NULL);
	test_free(session);
}

/* A GSO packet that cannot be segmented is dropped. */
static void batch_of_invalid_gso(struct test *t)
{
	struct sk_buff *skb = packet(2000);

	skb->protocol = htons(ETH_P_IP);
	memset(skb->data, 0, sizeof(struct iphdr));
	skb_shinfo(skb)->gso_type = SKB_GSO_TCPV4;
	skb_shinfo(skb)->gso_size = 500;
	local_bh_disable();
	EXPECT_PTR(t, weft_batch_cut_up(skb), NULL);
	local_bh_enable();
}

/* A flipped bit in a message, or another counter, fails authentication. */
static void batch_is_authentic(struct test *t)
{
	static const unsigned int lens[] = { 64, 64, 64 };
	struct weft_session *session = new_session(t);
	struct sk_buff *copies[3], *list, *sealed, *opened;
	const unsigned int len = 64 + WEFT_DATA_OVERHEAD;
	unsigned int taken, bit;

	list = packets(lens, 3, copies);
	local_bh_disable();
	sealed = seal(t, &list, session, 5, &taken);
	EXPECT_EQ(t, skb_linearize(sealed), 0);
	opened = open_message(sealed, len, len, session, 7);
	EXPECT_EQ(t, PTR_ERR(opened), -EBADMSG);
	for (bit = sizeof(struct weft_msg_data) * 8; bit < len * 8; bit += 3) {
		sealed->data[len + bit / 8] ^= 1 << bit % 8;
		EXPECT_EQ(t, PTR_ERR(open_message(sealed, len, len, session, 6)), -EBADMSG);
		sealed->data[len + bit / 8] ^= 1 << bit % 8;
	}
	opened = open_message(sealed, len, len, session, 6);
	EXPECT(t, !IS_ERR(opened));
	EXPECT_BYTES(t, opened->data, copies[1]->data, 64);
	kfree_skb(opened);
	kfree_skb(sealed);
	for (bit = 0; bit < 3; bit++)
		kfree_skb(copies[bit]);
	local_bh_enable();
	test_free(session);
}

/* A fragmented message opens, and so does one right behind the bytes of another. */
static void batch_arrives_in_pieces(struct test *t)
{
	static const unsigned int lens[] = { 1300, 1300 };
	struct weft_session *session = new_session(t);
	struct sk_buff *copies[2], *list, *sealed, *pieces;
	unsigned int taken, split, i;

	list = packets(lens, 2, copies);
	local_bh_disable();
	sealed = seal(t, &list, session, 5, &taken);
	EXPECT_EQ(t, skb_linearize(sealed), 0);
	for (split = 1; split < 1300; split += 100) {
		struct page *page = alloc_page(GFP_ATOMIC | __GFP_NOFAIL);

		pieces = alloc_skb(split, GFP_ATOMIC | __GFP_NOFAIL);
		skb_put_data(pieces, sealed->data, split);
		memcpy(page_address(page), sealed->data + split, sealed->len - split);
		skb_add_rx_frag(pieces, 0, page, 0, sealed->len - split, PAGE_SIZE);
		for (i = 0; i < 2; i++)
			expect_message(t, pieces, i * sealed->len / 2, session, 5 + i, copies[i]);
		kfree_skb(pieces);
	}
	kfree_skb(sealed);
	kfree_skb(copies[0]);
	kfree_skb(copies[1]);
	local_bh_enable();
	test_free(session);
}

static void tear_down(struct kunit_suite *suite)
{
	weft_batch_exit();
	weft_crypt_exit();
}

TEST_SUITE_AROUND("batch", NULL, tear_down,
		  TEST_CASE(batch_of_one),
		  TEST_CASE(batch_of_a_keepalive),
		  TEST_CASE(batch_by_length),
		  TEST_CASE(batch_by_kind),
		  TEST_CASE(batch_is_full),
		  TEST_CASE(batch_of_any_lengths),
		  TEST_CASE(batch_of_tcp),
		  TEST_CASE(batch_of_more_than_one),
		  TEST_CASE(batch_of_mixed_kinds),
		  TEST_CASE(batch_of_invalid_gso),
		  TEST_CASE(batch_is_authentic),
		  TEST_CASE(batch_arrives_in_pieces));
