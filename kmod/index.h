/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sessions by the index that this end chose for them: what an incoming message names its session
 * with.
 */
#ifndef WEFT_INDEX_H
#define WEFT_INDEX_H

#include <linux/rhashtable.h>

struct weft_keypair;

struct weft_index {
	struct rhashtable table;
};

int weft_index_init(struct weft_index *index);
void weft_index_exit(struct weft_index *index);
int weft_index_add(struct weft_index *index, struct weft_keypair *keypair);
void weft_index_remove(struct weft_index *index, struct weft_keypair *keypair);
struct weft_keypair *weft_index_find(struct weft_index *index, __le32 id);

#endif /* WEFT_INDEX_H */
