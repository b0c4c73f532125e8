/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Strays: data of sessions that are not known here. The sender may not know that this end has been
 * restarted, and would learn it after 15 s, or, if it only sends keepalives, after minutes. So if a
 * stray comes from a peer's endpoint, and there is no session with that peer, an initiation is sent
 * to the peer.
 *
 * A stray is not authenticated. All it can cause is an initiation to the endpoint of a peer that
 * has no session, at most once in 5 s.
 */
#ifndef WEFT_STRAY_H
#define WEFT_STRAY_H

struct sk_buff;
struct weft_device;

int weft_stray_device_init(struct weft_device *device);
void weft_stray_device_exit(struct weft_device *device);

void weft_stray_note(struct weft_device *device, const struct sk_buff *skb);

#endif /* WEFT_STRAY_H */
