/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A packet for TCP segmentation, and its segments: laid out one by one where they are wanted,
 * copied and summed in one pass.
 */
#ifndef WEFT_SEGMENT_H
#define WEFT_SEGMENT_H

#include <linux/skbuff.h>

struct weft_segments {
	unsigned int transport;		/* offset of the TCP header */
	unsigned int header_len;	/* IP and TCP */
	unsigned int size;		/* payload of each but the last */
	unsigned int count;
	bool fixed_id;			/* all have the same IPv4 identification */
};

bool weft_segments_find(struct weft_segments *segments, const struct sk_buff *skb);
void weft_segments_lay_out(u8 *to, const struct weft_segments *segments, const struct sk_buff *skb,
			   unsigned int i, unsigned int padded);

#endif /* WEFT_SEGMENT_H */
