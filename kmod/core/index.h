/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table of sessions by their index, which this end chooses and incoming messages carry. It
 * refers to an entry, which is embedded in the session.
 */
#ifndef WEFT_INDEX_H
#define WEFT_INDEX_H

#include <linux/rhashtable.h>

struct weft_index_entry {
	struct rhash_head node;
	__le32 id;			/* set before it is published, then constant */
};

struct weft_index {
	struct rhashtable table;
};

int weft_index_init(struct weft_index *index);
void weft_index_exit(struct weft_index *index);
int weft_index_add(struct weft_index *index, struct weft_index_entry *entry);
void weft_index_remove(struct weft_index *index, struct weft_index_entry *entry);
struct weft_index_entry *weft_index_find(struct weft_index *index, __le32 id);

#endif /* WEFT_INDEX_H */
