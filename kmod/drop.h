/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why packets go no further.
 */
#ifndef WEFT_DROP_H
#define WEFT_DROP_H

#include <linux/skbuff.h>
#include <net/dropreason.h>

#include <uapi/linux/weft.h>

struct weft_device;
struct weft_peer;

/*
 * Why a packet went no further: WEFT_DROPS_A_* of the uapi header, which says what each means,
 * less one. First those that came in.
 */
enum weft_drop {
	WEFT_DROP_MALFORMED = WEFT_DROPS_A_MALFORMED - 1,
	WEFT_DROP_MAC = WEFT_DROPS_A_MAC - 1,
	WEFT_DROP_RATE_LIMIT = WEFT_DROPS_A_RATE_LIMIT - 1,
	WEFT_DROP_HANDSHAKE = WEFT_DROPS_A_HANDSHAKE - 1,
	WEFT_DROP_UNKNOWN_PEER = WEFT_DROPS_A_UNKNOWN_PEER - 1,
	WEFT_DROP_TIMESTAMP = WEFT_DROPS_A_TIMESTAMP - 1,
	WEFT_DROP_FLOOD = WEFT_DROPS_A_FLOOD - 1,
	WEFT_DROP_NO_SESSION = WEFT_DROPS_A_NO_SESSION - 1,
	WEFT_DROP_AUTH = WEFT_DROPS_A_AUTH - 1,
	WEFT_DROP_REPLAY = WEFT_DROPS_A_REPLAY - 1,
	WEFT_DROP_SOURCE = WEFT_DROPS_A_SOURCE - 1,
	WEFT_DROP_ECN = WEFT_DROPS_A_ECN - 1,
	WEFT_DROP_NOT_IP_IN = WEFT_DROPS_A_NOT_IP_IN - 1,
	WEFT_DROP_NO_KEY = WEFT_DROPS_A_NO_KEY - 1,
	WEFT_DROP_QUEUE_IN = WEFT_DROPS_A_QUEUE_IN - 1,
	WEFT_DROP_NO_MEMORY_IN = WEFT_DROPS_A_NO_MEMORY_IN - 1,
	WEFT_DROP_STACK = WEFT_DROPS_A_STACK - 1,
	WEFT_DROP_PRESHARED = WEFT_DROPS_A_PRESHARED - 1,

	/* And those that were to go out. */
	WEFT_DROP_NOT_IP = WEFT_DROPS_A_NOT_IP - 1,
	WEFT_DROP_DESTINATION = WEFT_DROPS_A_DESTINATION - 1,
	WEFT_DROP_NO_ENDPOINT = WEFT_DROPS_A_NO_ENDPOINT - 1,
	WEFT_DROP_QUEUE = WEFT_DROPS_A_QUEUE - 1,
	WEFT_DROP_GIVEN_UP = WEFT_DROPS_A_GIVEN_UP - 1,
	WEFT_DROP_LOOP = WEFT_DROPS_A_LOOP - 1,
	WEFT_DROP_NO_MEMORY = WEFT_DROPS_A_NO_MEMORY - 1,
	WEFT_DROP_SEND = WEFT_DROPS_A_SEND - 1,
	WEFT_DROP_TOO_BIG = WEFT_DROPS_A_TOO_BIG - 1,

	WEFT_DROP_REASONS = WEFT_DROPS_A_MAX
};

struct weft_drops {
	unsigned long count[WEFT_DROP_REASONS];
};

void weft_drop(struct weft_device *device, enum weft_drop reason, unsigned int count);
void weft_peer_drop(struct weft_peer *peer, enum weft_drop reason, unsigned int count);
u64 weft_drop_count(const struct weft_device *device, enum weft_drop reason);
enum skb_drop_reason weft_drop_core_reason(enum weft_drop reason);

/**
 * weft_drop_free() - free a packet that goes no further and has been counted
 * @skb: the packet, or NULL
 * @reason: why
 *
 * The kernel's tracepoint skb:kfree_skb has the caller for its location.
 *
 * Context: any but hard interrupt.
 */
static inline void weft_drop_free(struct sk_buff *skb, enum weft_drop reason)
{
	kfree_skb_reason(skb, weft_drop_core_reason(reason));
}

#endif /* WEFT_DROP_H */
