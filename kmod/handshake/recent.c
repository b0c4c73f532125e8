// SPDX-License-Identifier: GPL-2.0

#include "handshake/recent.h"
#include "core/endpoint.h"

#include <linux/net.h>
#include <linux/siphash.h>
#include <linux/skbuff.h>

#define RECENT_SLOTS	16384

/*
 * Each source has one slot, which others may take: who is forgotten has to wait with those who are
 * not known. Half of a source's hash says which slot, the other half who is in it; 0 is nobody.
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

/* Sets @slot to the one of @hash. Returns who is in it when it is @hash's. */
static u32 recent_slot(u64 hash, u32 **slot)
{
	*slot = &recent_table[(u32)hash % RECENT_SLOTS];
	return (hash >> 32) | 1;
}

/**
 * weft_recent_note() - say that the source of a message has had a handshake
 * @skb: the message, as a tunnel's socket gets it
 * @scope: by whom it is known
 *
 * Context: process.
 */
void weft_recent_note(const struct sk_buff *skb, const void *scope)
{
	u32 *slot, who = recent_slot(recent_hash(skb, scope), &slot);

	WRITE_ONCE(*slot, who);
}

/**
 * weft_recent_source() - whether the source of a message has had a handshake, as far as is known
 * @skb: the message, as a tunnel's socket gets it
 * @scope: by whom it would be known
 *
 * Addresses can be forged: who knows where a peer is can pass for it here.
 *
 * Context: any but hard interrupt.
 */
bool weft_recent_source(const struct sk_buff *skb, const void *scope)
{
	u32 *slot, who = recent_slot(recent_hash(skb, scope), &slot);

	return READ_ONCE(*slot) == who;
}
