/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What weft says of devices and peers beyond what WireGuard does.
 */
#ifndef WEFT_REPORT_H
#define WEFT_REPORT_H

struct sk_buff;
struct weft_device;
struct weft_peer;

int weft_report_device(struct sk_buff *skb, struct weft_device *device);
int weft_report_peer(struct sk_buff *skb, struct weft_peer *peer);

#endif /* WEFT_REPORT_H */
