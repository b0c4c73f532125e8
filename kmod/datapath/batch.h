/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A batch: packets to one peer under one session that are sent as one.
 *
 * The messages of a batch are contiguous in pages of their own, and are sent as one packet for UDP
 * segmentation, with one route lookup and one pass through the IP stack. All have the same length
 * except the last, which may be shorter.
 *
 * Packets to be sent form a list (skb->next); the parameters of each are in its control block.
 */
#ifndef WEFT_BATCH_H
#define WEFT_BATCH_H

#include "udp/output.h"

#include <linux/skbuff.h>

/* Maximum packets and bytes of a batch: those of a packet for UDP segmentation. */
#define WEFT_BATCH_MAX_PACKETS	WEFT_OUTPUT_MAX_MESSAGES
#define WEFT_BATCH_MAX_LEN	WEFT_OUTPUT_MAX_LEN

struct weft_session;

struct weft_packet {
	unsigned int mtu;		/* padding does not exceed it */
	u8 ds;				/* the outer header's DS field */
};

static_assert(sizeof(struct weft_packet) <= sizeof_field(struct sk_buff, cb));

/**
 * weft_packet() - the parameters of a packet to be sent
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
