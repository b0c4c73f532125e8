// SPDX-License-Identifier: GPL-2.0
/* Pages for packets' memory: kept for reuse, and freed. */
#include "test.h"
#include "datapath/pages.c"

static unsigned int refill(struct weft_pages *pages, unsigned int size, struct page_frag **room)
{
	local_bh_disable();
	*room = weft_pages_refill(pages, size);
	local_bh_enable();
	return *room ? (*room)->size : 0;
}

static void pages_let_go(struct weft_pages *pages)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pages->kept); i++) {
		if (pages->kept[i].page)
			put_page(pages->kept[i].page);
	}
}

/* The rest of a page is used before the next page. */
static void pages_are_used_up(struct test *t)
{
	struct weft_pages pages = {};
	struct page_frag *first, *second;

	EXPECT(t, refill(&pages, 1000, &first) >= 1000);
	first->offset += 1000;
	refill(&pages, 1000, &second);
	EXPECT_PTR(t, second, first);
	first->offset = first->size - 999;
	EXPECT(t, refill(&pages, 1000, &second) >= 1000);
	EXPECT(t, second != first);
	pages_let_go(&pages);
}

/* Memory that is free again is used again, also where a single page is as much as usual. */
static void pages_are_reused(struct test *t)
{
	struct weft_pages pages = {};
	struct page_frag *room;
	struct page *kept;
	unsigned int i;

	EXPECT_EQ(t, refill(&pages, 1000, &room), PAGES_SIZE);
	kept = room->page;
	for (i = 0; i < ARRAY_SIZE(pages.kept); i++) {
		room->offset = room->size;
		refill(&pages, 1000, &room);
	}
	EXPECT_PTR(t, room->page, kept);
	EXPECT_EQ(t, page_count(kept), 1);
	pages_let_go(&pages);
}

/* Memory shortage leaves less than usual, which is freed when its turn comes. */
static void pages_of_shortage_are_freed(struct test *t)
{
	struct page *single = alloc_page(GFP_KERNEL | __GFP_NOFAIL);
	struct weft_pages pages = {};
	struct page_frag *room;

	get_page(single);
	pages.now = ARRAY_SIZE(pages.kept) - 1;
	pages.kept[0] = (struct page_frag){ .page = single, .size = PAGES_SIZE / 2, .offset = 64 };
	EXPECT_EQ(t, refill(&pages, 1000, &room), PAGES_SIZE);
	EXPECT(t, pages.kept[0].page != single);
	EXPECT_EQ(t, page_count(single), 1);
	pages_let_go(&pages);
	put_page(single);
}

TEST_SUITE("pages",
	   TEST_CASE(pages_are_used_up),
	   TEST_CASE(pages_are_reused),
	   TEST_CASE(pages_of_shortage_are_freed));
