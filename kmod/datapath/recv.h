/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The receive path: from a UDP packet to an inner packet in the stack.
 */
#ifndef WEFT_RECV_H
#define WEFT_RECV_H

struct sk_buff;
struct weft_device;

int weft_recv_init(void);
void weft_recv_exit(void);

void weft_recv_packet(struct weft_device *device, struct sk_buff *skb);

#endif /* WEFT_RECV_H */
