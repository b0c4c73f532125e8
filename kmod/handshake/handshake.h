/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Handshakes: the queue of messages that come in, who is let through under load, and what is sent
 * when. What the messages mean is noise.c's and cookie.c's affair; clocks, random numbers and
 * tables are this file's.
 */
#ifndef WEFT_HANDSHAKE_H
#define WEFT_HANDSHAKE_H

#include <linux/types.h>

struct sk_buff;
struct weft_device;
struct weft_peer;

int weft_handshake_init(void);
void weft_handshake_exit(void);
void weft_handshake_hold(void);
void weft_handshake_resume(void);
int weft_handshake_device_init(struct weft_device *device);
void weft_handshake_device_exit(struct weft_device *device);

void weft_handshake_queue(struct weft_device *device, struct sk_buff *skb);
void weft_handshake_listen(struct weft_device *device, bool listen);
void weft_handshake_purge(struct weft_device *device);
void weft_handshake_act(struct weft_peer *peer, u32 actions);

#endif /* WEFT_HANDSHAKE_H */
