// SPDX-License-Identifier: GPL-2.0

#include "handshake/recent.h"
#include "core/endpoint.h"

#include <linux/net.h>
#include <linux/siphash.h>
#include <linux/skbuff.h>

#define RECENT_SLOTS	16384

/*
 * Each source hashes to one slot, which another source may overwrite: messages of a source that is
 * overwritten queue with those of unknown sources. Half of a source's hash selects the slot, the
 * other half identifies the source in it; 0 is an empty slot.
 */
static u32 recent_table[RECENT_SLOTS];
static siphash_aligned_key_t recent_key;

/* The hash of an address and port, as @scope sees it. */
static u64 recent_hash(const struct sk_buff *skb, const void *scope)
{
	struct weft_endpoint endpoint;

	if (!weft_endpoint_from_skb(&endpoint, skb))
		return 0;
	net_get_random_once(&recent_key, sizeof(recent_key));
	return siphash_2u64(siphash(&endpoint.addr6, sizeof(endpoint.addr6), &recent_key),
			    (unsigned long)scope, &recent_key);
}

/* Sets @slot to the one of @hash. Returns the value that identifies the source in it. */
static u32 recent_slot(u64 hash, u32 **slot)
{
	*slot = &recent_table[(u32)hash % RECENT_SLOTS];
	return (hash >> 32) | 1;
}

/**
 * weft_recent_note() - record that the source of a message has completed a handshake
 * @skb: the message, as a tunnel's socket gets it
 * @scope: the namespace of the record
 *
 * Context: process.
 */
void weft_recent_note(const struct sk_buff *skb, const void *scope)
{
	u32 *slot, who = recent_slot(recent_hash(skb, scope), &slot);

	WRITE_ONCE(*slot, who);
}

/**
 * weft_recent_source() - whether the source of a message is recorded as having had a handshake
 * @skb: the message, as a tunnel's socket gets it
 * @scope: the namespace of the record
 *
 * Addresses can be forged: a sender that knows a peer's endpoint can pass for the peer here.
 *
 * Context: any but hard interrupt.
 */
bool weft_recent_source(const struct sk_buff *skb, const void *scope)
{
	u32 *slot, who = recent_slot(recent_hash(skb, scope), &slot);

	return READ_ONCE(*slot) == who;
}
