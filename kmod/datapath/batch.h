/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A batch: messages of one session that travel as one UDP packet, sent or received.
 *
 * The messages of a batch to be sent are contiguous in pages of their own, and are sent as one
 * packet for UDP segmentation, with one route lookup and one pass through the IP stack. All have
 * the same length except the last, which may be shorter.
 *
 * Packets to be sent form a list (skb->next); the parameters of each are in its control block.
 */
#ifndef WEFT_BATCH_H
#define WEFT_BATCH_H

#include "datapath/tso.h"
#include "udp/output.h"

#include <linux/skbuff.h>

/* Maximum packets and bytes of a batch: those of a packet for UDP segmentation. */
#define WEFT_BATCH_MAX_PACKETS	WEFT_OUTPUT_MAX_MESSAGES
#define WEFT_BATCH_MAX_LEN	WEFT_OUTPUT_MAX_LEN

struct weft_session;

/* The layout of a batch. */
struct weft_batch {
	unsigned int count;		/* messages */
	unsigned int message_len;	/* of each but the last */
	unsigned int last_len;
};

struct weft_packet {
	unsigned int mtu;		/* padding does not exceed it */
	u8 ds;				/* the outer header's DS field */
	struct weft_tso segments;	/* of a packet for segmentation; none: its count is 0 */
};

/**
 * weft_packet() - the parameters of a packet to be sent
 * @skb: the packet
 */
static inline struct weft_packet *weft_packet(const struct sk_buff *skb)
{
	return (struct weft_packet *)skb->cb;
}

struct sk_buff *weft_batch_cut_up(struct sk_buff *skb);
void weft_batch_measure(struct weft_batch *batch, const struct sk_buff *list);
struct sk_buff *weft_batch_seal(struct sk_buff **list, struct weft_batch *batch,
				const struct weft_session *session, u64 counter);

void weft_batch_exit(void);

#endif /* WEFT_BATCH_H */
