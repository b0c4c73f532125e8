/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory for packets, from a few pages that each CPU keeps and reuses once they have no other
 * users.
 */
#ifndef WEFT_PAGES_H
#define WEFT_PAGES_H

#include <linux/mm_types_task.h>
#include <linux/percpu.h>

struct weft_pages {
	struct page_frag kept[4];
	unsigned int now;	/* index of the page in use */
};

struct page_frag *weft_pages_refill(struct weft_pages *pages, unsigned int size);
void weft_pages_free(struct weft_pages __percpu *pages);

#endif /* WEFT_PAGES_H */
