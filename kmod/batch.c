// SPDX-License-Identifier: GPL-2.0

#include "batch.h"

/**
 * weft_batch_count() - how many packets a list has
 * @list: the list
 */
unsigned int weft_batch_count(const struct sk_buff *list)
{
	unsigned int count = 0;

	for (; list; list = list->next)
		count++;
	return count;
}

/**
 * weft_batch_cut() - make a batch of the first packets of a list
 * @list: the list; what is left of it has at most @count packets
 * @count: at least 1
 *
 * Return: the rest of the list, or NULL.
 */
struct sk_buff *weft_batch_cut(struct sk_buff *list, unsigned int count)
{
	struct sk_buff *rest;

	while (--count && list->next)
		list = list->next;
	rest = list->next;
	skb_mark_not_on_list(list);
	return rest;
}
