/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A packet for TCP segmentation, and its segments: each is laid out at its destination, copied and
 * checksummed in one pass.
 */
#ifndef WEFT_TSO_H
#define WEFT_TSO_H

#include <linux/skbuff.h>

struct weft_tso {
	unsigned int transport;		/* offset of the TCP header */
	unsigned int header_len;	/* IP and TCP */
	unsigned int size;		/* payload of each except the last */
	unsigned int count;
	bool fixed_id;			/* all have the same IPv4 identification */
};

bool weft_tso_find(struct weft_tso *segments, const struct sk_buff *skb);
void weft_tso_lay_out(u8 *to, const struct weft_tso *segments, const struct sk_buff *skb,
		      unsigned int i, unsigned int padded);

#endif /* WEFT_TSO_H */
