/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A batch: packets to one peer under one session that go out as one.
 *
 * The messages of a batch lie one behind the other in pages of their own, and leave as one packet
 * for UDP segmentation: one route, one way through the IP stack. All are equally long but for the
 * last, which may be shorter.
 *
 * Packets that wait to be sent are a list (skb->next); what is known of each stands in its control
 * block.
 */
#ifndef WEFT_BATCH_H
#define WEFT_BATCH_H

#include "udp/output.h"

#include <linux/skbuff.h>

/* Packets in a batch, and their bytes, at most: it leaves as one. */
#define WEFT_BATCH_MAX_PACKETS	WEFT_OUTPUT_MAX_MESSAGES
#define WEFT_BATCH_MAX_LEN	WEFT_OUTPUT_MAX_LEN

struct weft_session;

struct weft_packet {
	unsigned int mtu;		/* padding does not go past it */
	u8 ds;				/* the outer header's DS field */
};

static_assert(sizeof(struct weft_packet) <= sizeof_field(struct sk_buff, cb));

/**
 * weft_packet() - what is known of a packet that waits to be sent
 * @skb: the packet
 */
static inline struct weft_packet *weft_packet(const struct sk_buff *skb)
{
	return (struct weft_packet *)skb->cb;
}

struct sk_buff *weft_batch_cut_up(struct sk_buff *skb);
unsigned int weft_batch_next(const struct sk_buff *list);
struct sk_buff *weft_batch_seal(struct sk_buff **list, const struct weft_session *session,
				u64 counter, unsigned int *count);

void weft_batch_exit(void);

#endif /* WEFT_BATCH_H */
