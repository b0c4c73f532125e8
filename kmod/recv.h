/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The data path inwards: from a UDP packet to an inner packet in the stack.
 */
#ifndef WEFT_RECV_H
#define WEFT_RECV_H

struct sk_buff;
struct weft_device;

void weft_recv_packet(struct weft_device *device, struct sk_buff *skb);

#endif /* WEFT_RECV_H */
