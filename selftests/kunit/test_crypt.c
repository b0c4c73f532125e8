// SPDX-License-Identifier: GPL-2.0
/* Copies of messages from packets whose memory is in many pieces. */
#include "test.h"
#include "datapath/crypt.c"

#define LINEAR		40
#define PAGES		3
#define PAGE_BYTES	50
#define PART		60
#define ALL		(LINEAR + PAGES * PAGE_BYTES + PART)

static u8 byte_at(unsigned int offset)
{
	return offset * 7 + 1;
}

static void fill(u8 *bytes, unsigned int offset, unsigned int len)
{
	while (len--)
		*bytes++ = byte_at(offset++);
}

/* Bytes in the linear part, in page fragments amid other bytes, and in the fragment list. */
static struct sk_buff *packet_in_pieces(void)
{
	struct sk_buff *skb = alloc_skb(LINEAR, GFP_KERNEL | __GFP_NOFAIL);
	struct sk_buff *part = alloc_skb(PART, GFP_KERNEL | __GFP_NOFAIL);
	unsigned int i;

	fill(skb_put(skb, LINEAR), 0, LINEAR);
	for (i = 0; i < PAGES; i++) {
		struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO | __GFP_NOFAIL);

		fill((u8 *)page_address(page) + 100, LINEAR + i * PAGE_BYTES, PAGE_BYTES);
		skb_add_rx_frag(skb, i, page, 100, PAGE_BYTES, PAGE_SIZE);
	}
	fill(skb_put(part, PART), LINEAR + PAGES * PAGE_BYTES, PART);
	skb_shinfo(skb)->frag_list = part;
	skb->len += PART;
	skb->data_len += PART;
	skb->truesize += part->truesize;
	return skb;
}

static void expect_copied(struct test *t, struct weft_crypt_source *source, unsigned int offset,
			  unsigned int len)
{
	u8 bytes[ALL + 1], expected[ALL];

	memset(bytes, 0, sizeof(bytes));
	fill(expected, offset, len);
	EXPECT(t, weft_crypt_copy(source, bytes, offset, len));
	EXPECT_BYTES(t, bytes, expected, len);
	EXPECT_EQ(t, bytes[len], 0);
}

/* At any offset and of any length. */
static void crypt_copies_from_pieces(struct test *t)
{
	struct sk_buff *skb = packet_in_pieces();
	unsigned int offset, len;

	for (len = 1; len <= ALL; len++) {
		struct weft_crypt_source source;

		weft_crypt_source_init(&source, skb);
		for (offset = 0; offset + len <= ALL; offset++)
			expect_copied(t, &source, offset, len);
	}
	kfree_skb(skb);
}

static void crypt_copies_within_bounds(struct test *t)
{
	struct sk_buff *skb = packet_in_pieces();
	struct weft_crypt_source source;
	u8 bytes[ALL + 1];

	weft_crypt_source_init(&source, skb);
	EXPECT(t, !weft_crypt_copy(&source, bytes, 0, ALL + 1));
	EXPECT(t, !weft_crypt_copy(&source, bytes, LINEAR, ALL));
	EXPECT(t, !weft_crypt_copy(&source, bytes, ALL - 1, 2));
	kfree_skb(skb);
}

TEST_SUITE("crypt",
	   TEST_CASE(crypt_copies_from_pieces),
	   TEST_CASE(crypt_copies_within_bounds));
