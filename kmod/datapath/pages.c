// SPDX-License-Identifier: GPL-2.0

#include "datapath/pages.h"

#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <net/sock.h>

/* What the kernel allocates unless memory is short: one page where pages have 64 kB. */
#define PAGES_SIZE	((unsigned int)PAGE_SIZE << SKB_FRAG_PAGE_ORDER)

static unsigned int pages_left(const struct page_frag *pages)
{
	return pages->page ? pages->size - pages->offset : 0;
}

/**
 * weft_pages_refill() - find free memory in a CPU's pages
 * @pages: this CPU's
 * @size: bytes, contiguous
 *
 * A caller that uses some of it takes a reference to the page, and advances its offset.
 *
 * Context: bottom halves off.
 * Return: the page and the offset of the free memory; NULL when memory is short.
 */
struct page_frag *weft_pages_refill(struct weft_pages *pages, unsigned int size)
{
	struct page_frag *now = &pages->kept[pages->now];

	if (likely(pages_left(now) >= size))
		return now;
	pages->now = (pages->now + 1) % ARRAY_SIZE(pages->kept);
	now = &pages->kept[pages->now];
	/* Less was a fallback under memory pressure: it is not kept. */
	if (unlikely(now->page && now->size < PAGES_SIZE)) {
		put_page(now->page);
		now->page = NULL;
	}
	/* The present page is reused if all references to it have been dropped. */
	if (unlikely(!skb_page_frag_refill(size, now, GFP_ATOMIC | __GFP_NOWARN)))
		return NULL;
	return pages_left(now) >= size ? now : NULL;
}

/**
 * weft_pages_free() - free the pages that the CPUs have kept
 * @pages: all CPUs'
 *
 * Context: process, once at unload.
 */
void weft_pages_free(struct weft_pages __percpu *pages)
{
	unsigned int i;
	int cpu;

	for_each_possible_cpu(cpu) {
		struct weft_pages *here = per_cpu_ptr(pages, cpu);

		for (i = 0; i < ARRAY_SIZE(here->kept); i++) {
			if (here->kept[i].page)
				put_page(here->kept[i].page);
		}
	}
}
