/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Drop counters and reasons.
 */
#ifndef WEFT_DROP_H
#define WEFT_DROP_H

#include "core/drop_reason.h"

#include <asm/local64.h>
#include <linux/skbuff.h>
#include <net/dropreason.h>

struct weft_device;
struct weft_peer;

/* A counter of the interface's own statistics. */
enum weft_drop_counter {
	WEFT_DROPS_RX_ERRORS,
	WEFT_DROPS_RX_DROPPED,
	WEFT_DROPS_TX_ERRORS,
	WEFT_DROPS_TX_DROPPED,
	WEFT_DROPS_COUNTERS
};

/* WEFT_DROP_TABLE(), by reason. */
struct weft_drop_info {
	const char *name;			/* for ethtool */
	enum weft_drop_counter counter;
	enum skb_drop_reason core_reason;
};

extern const struct weft_drop_info weft_drop_info[WEFT_DROP_REASONS];

struct weft_drops {
	local64_t count[WEFT_DROP_REASONS];
};

void weft_drop(struct weft_device *device, enum weft_drop reason, unsigned int count);
void weft_peer_drop(struct weft_peer *peer, enum weft_drop reason, unsigned int count);
u64 weft_drop_count(const struct weft_device *device, enum weft_drop reason);

/**
 * weft_drop_free() - free a dropped packet that has been counted
 * @skb: the packet, or NULL
 * @reason: the reason
 *
 * The tracepoint skb:kfree_skb has the caller as its location.
 *
 * Context: any but hard interrupt.
 */
static inline void weft_drop_free(struct sk_buff *skb, enum weft_drop reason)
{
	kfree_skb_reason(skb, weft_drop_info[reason].core_reason);
}

/* Counts and frees a packet of no peer, or of an unknown one. */
static inline void weft_drop_packet(struct weft_device *device, struct sk_buff *skb,
				    enum weft_drop reason)
{
	weft_drop(device, reason, 1);
	weft_drop_free(skb, reason);
}

/* Counts and frees a packet from or to a peer. */
static inline void weft_peer_drop_packet(struct weft_peer *peer, struct sk_buff *skb,
					 enum weft_drop reason)
{
	weft_peer_drop(peer, reason, 1);
	weft_drop_free(skb, reason);
}

#endif /* WEFT_DROP_H */
