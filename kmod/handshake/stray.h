/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Strays: data of sessions that are not known here. Whoever sends it may not know that this end has
 * been restarted, and would learn that after 15 s, or if it only sends keepalives after minutes.
 * So if it comes from where a peer is, and there is no session with that peer, the peer gets an
 * initiation.
 *
 * Nothing about a stray can be believed. What one can bring about is an initiation to the endpoint
 * of a peer that has no session, once in 5 s, and no more.
 */
#ifndef WEFT_STRAY_H
#define WEFT_STRAY_H

struct sk_buff;
struct weft_device;

int weft_stray_device_init(struct weft_device *device);
void weft_stray_device_exit(struct weft_device *device);

void weft_stray_note(struct weft_device *device, const struct sk_buff *skb);

#endif /* WEFT_STRAY_H */
