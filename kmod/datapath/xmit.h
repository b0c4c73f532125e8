/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The transmit path: from an inner packet and its peer to messages on a socket.
 */
#ifndef WEFT_XMIT_H
#define WEFT_XMIT_H

#include <linux/types.h>

struct sk_buff;
struct weft_peer;

void weft_xmit_packet(struct weft_peer *peer, struct sk_buff *skb, unsigned int mtu);
void weft_xmit_staged(struct weft_peer *peer);
void weft_xmit_keepalive(struct weft_peer *peer);
void weft_xmit_give_up(struct weft_peer *peer);

#endif /* WEFT_XMIT_H */
