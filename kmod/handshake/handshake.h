/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Handshakes: the admission of messages under load, the replies to them, and initiations. noise.c
 * and cookie.c have the cryptography; clocks, random numbers and tables are here.
 */
#ifndef WEFT_HANDSHAKE_H
#define WEFT_HANDSHAKE_H

#include "core/drop_reason.h"

#include <linux/types.h>

struct sk_buff;
struct weft_device;
struct weft_peer;

void weft_handshake_hold(void);
void weft_handshake_resume(void);

enum weft_drop weft_handshake_receive(struct weft_device *device, struct sk_buff *skb, bool loaded);
void weft_handshake_initiate(struct weft_peer *peer, bool path_alive);
void weft_handshake_keys_proved(struct weft_peer *peer);

#endif /* WEFT_HANDSHAKE_H */
