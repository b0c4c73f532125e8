/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Statistics of devices and peers that WireGuard does not have.
 */
#ifndef WEFT_NL_STATS_H
#define WEFT_NL_STATS_H

struct sk_buff;
struct weft_device;
struct weft_peer;

int weft_nl_stats_device(struct sk_buff *skb, struct weft_device *device);
int weft_nl_stats_peer(struct sk_buff *skb, struct weft_peer *peer);

#endif /* WEFT_NL_STATS_H */
