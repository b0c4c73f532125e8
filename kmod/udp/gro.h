/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Merges consecutive data messages of one session into one packet for the IP stack.
 */
#ifndef WEFT_GRO_H
#define WEFT_GRO_H

#include <linux/list.h>
#include <linux/skbuff.h>

struct sock;

struct sk_buff *weft_gro_receive(struct sock *sk, struct list_head *head, struct sk_buff *skb);
int weft_gro_complete(struct sock *sk, struct sk_buff *skb, int offset);

#endif /* WEFT_GRO_H */
