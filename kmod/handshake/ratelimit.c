// SPDX-License-Identifier: GPL-2.0

#include "handshake/ratelimit.h"

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/log2.h>
#include <linux/siphash.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>
#include <linux/vmalloc.h>

#define RATELIMIT_PER_S		20
#define RATELIMIT_BURST		5
#define RATELIMIT_COST_NS	(NSEC_PER_SEC / RATELIMIT_PER_S)
#define RATELIMIT_FULL_NS	(RATELIMIT_COST_NS * RATELIMIT_BURST)

#define RATELIMIT_BUCKETS	4096
#define RATELIMIT_WAYS		4

/* A source, known by a keyed hash of its address. Its credit grows with time, up to the burst. */
struct ratelimit_source {
	u64 id;			/* 0: unused */
	u64 seen_ns;
	u64 credit_ns;
};

/*
 * A table of fixed size. In a full bucket, the source that has been silent for longest is replaced.
 * An unknown source has a full burst, and so has one that was silent for a quarter of a second: a
 * replaced entry is seldom missed.
 */
struct ratelimit_bucket {
	spinlock_t lock;	/* the sources below */
	struct ratelimit_source source[RATELIMIT_WAYS];
};

static struct ratelimit_bucket *ratelimit_table;
static siphash_key_t ratelimit_key;

/* Once at load, for all devices. Returns 0 or -ENOMEM. */
int weft_ratelimit_init(void)
{
	size_t i;

	ratelimit_table = kvcalloc(RATELIMIT_BUCKETS, sizeof(*ratelimit_table), GFP_KERNEL);
	if (!ratelimit_table)
		return -ENOMEM;
	for (i = 0; i < RATELIMIT_BUCKETS; i++)
		spin_lock_init(&ratelimit_table[i].lock);
	get_random_bytes(&ratelimit_key, sizeof(ratelimit_key));
	return 0;
}

/* Once at unload. */
void weft_ratelimit_exit(void)
{
	kvfree(ratelimit_table);
}

/* Identifies a source by its IPv4 address or IPv6 /64 network, and @scope. Never 0. */
static u64 ratelimit_source_id(const struct sk_buff *skb, const void *scope)
{
	u64 address = 0;

	if (skb->protocol == htons(ETH_P_IP))
		address = (__force u32)ip_hdr(skb)->saddr;
	else
		memcpy(&address, &ipv6_hdr(skb)->saddr, sizeof(address));
	return siphash_3u64(address, (unsigned long)scope, (__force u16)skb->protocol,
			    &ratelimit_key) |
	       1;
}

static struct ratelimit_source *ratelimit_find(struct ratelimit_bucket *bucket, u64 id)
{
	struct ratelimit_source *oldest = &bucket->source[0];
	size_t i;

	for (i = 0; i < RATELIMIT_WAYS; i++) {
		struct ratelimit_source *source = &bucket->source[i];

		if (source->id == id)
			return source;
		if (source->seen_ns < oldest->seen_ns)
			oldest = source;
	}
	*oldest = (struct ratelimit_source){ .id = id, .credit_ns = RATELIMIT_FULL_NS };
	return oldest;
}

/**
 * weft_ratelimit_allow() - whether the source of a message may do another handshake now
 * @skb: the UDP packet, IP header set and linear
 * @scope: the namespace of the credit: a source has its own in each
 *
 * 20 per second, in bursts of 5. Takes one from the source's credit if it may.
 *
 * Context: any but hard interrupt.
 */
bool weft_ratelimit_allow(const struct sk_buff *skb, const void *scope)
{
	u64 id = ratelimit_source_id(skb, scope), now = ktime_get_boottime_ns();
	struct ratelimit_bucket *bucket = &ratelimit_table[(id >> 1) % RATELIMIT_BUCKETS];
	struct ratelimit_source *source;
	bool allowed;

	spin_lock_bh(&bucket->lock);
	source = ratelimit_find(bucket, id);
	source->credit_ns =
		min_t(u64, RATELIMIT_FULL_NS,
		      source->credit_ns + (source->seen_ns ? now - source->seen_ns : 0));
	source->seen_ns = now;
	allowed = source->credit_ns >= RATELIMIT_COST_NS;
	if (allowed)
		source->credit_ns -= RATELIMIT_COST_NS;
	spin_unlock_bh(&bucket->lock);
	return allowed;
}
