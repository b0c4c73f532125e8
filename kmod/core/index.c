// SPDX-License-Identifier: GPL-2.0

#include "core/index.h"

#include <linux/random.h>
#include <linux/sched.h>

/* A free index is found at the first try unless billions are in use. */
#define INDEX_TRIES	16

static const struct rhashtable_params index_params = {
	.head_offset = offsetof(struct weft_index_entry, node),
	.key_offset = offsetof(struct weft_index_entry, id),
	.key_len = sizeof_field(struct weft_index_entry, id),
	.automatic_shrinking = true,
};

/* Process context. Returns 0 or a negative errno. */
int weft_index_init(struct weft_index *index)
{
	return rhashtable_init(&index->table, &index_params);
}

/* Process context; may sleep. Every session has been removed from the table. */
void weft_index_exit(struct weft_index *index)
{
	rhashtable_destroy(&index->table);
}

/**
 * weft_index_add() - give a session an unused, unpredictable index and publish it
 * @index: the table
 * @entry: of a session that is complete except for its keys; its id is set
 *
 * Context: any but hard interrupt.
 * Return: 0 or a negative errno; then the table is unchanged.
 */
int weft_index_add(struct weft_index *index, struct weft_index_entry *entry)
{
	int tries, err = -EEXIST;

	for (tries = 0; tries < INDEX_TRIES && err == -EEXIST; tries++) {
		entry->id = (__force __le32)get_random_u32();
		err = rhashtable_lookup_insert_fast(&index->table, &entry->node, index_params);
	}
	return err;
}

/**
 * weft_index_remove() - unpublish a session
 * @index: the table
 * @entry: of a session that weft_index_add() has published; readers may see it for another grace
 * period
 *
 * Context: any but hard interrupt.
 */
void weft_index_remove(struct weft_index *index, struct weft_index_entry *entry)
{
	rhashtable_remove_fast(&index->table, &entry->node, index_params);
}

/**
 * weft_index_find() - find a session
 * @index: the table
 * @id: the index, as on the wire
 *
 * Context: rcu_read_lock().
 * Return: the session's entry, valid as long as the caller's RCU section unless a reference is
 * taken, or NULL.
 */
struct weft_index_entry *weft_index_find(struct weft_index *index, __le32 id)
{
	return rhashtable_lookup(&index->table, &id, index_params);
}
