// SPDX-License-Identifier: GPL-2.0
/*
 *   weft_pmtu_probe_begin() -> timer -> pmtu_probe_timer() -> pmtu_probe_send(): each size -> xmit
 *                           ^            |
 *                           +-- a try ---+--> end of the search: the route gets the result
 *
 *   recv -> weft_pmtu_probe_take(): an answer
 */

#include "datapath/pmtu_probe.h"
#include "core/device.h"
#include "core/drop.h"
#include "datapath/crypt.h"
#include "datapath/xmit.h"
#include "udp/output.h"

#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/jiffies.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>

/* An echo request or reply, in either family; the sequence number is the outer size. */
struct pmtu_probe_echo {
	u8 type;
	u8 code;
	__sum16 checksum;
	__be16 id;
	__be16 sequence;
	__be64 token;
} __packed;

/* The route's path MTU, limited to the interface's. */
static void pmtu_probe_path(struct weft_peer *peer, struct weft_output_path *now)
{
	weft_output_path(peer, now);
	now->mtu = min(now->mtu, READ_ONCE(peer->device->dev->mtu) + now->overhead);
}

static void pmtu_probe_put_header(struct sk_buff *skb, const struct weft_pmtu_probe_question *ask)
{
	if (ask->protocol == htons(ETH_P_IP)) {
		struct iphdr *ip4 = skb_put_zero(skb, sizeof(*ip4));

		ip4->version = 4;
		ip4->ihl = sizeof(*ip4) / 4;
		ip4->tot_len = htons(sizeof(*ip4) + sizeof(struct pmtu_probe_echo));
		ip4->frag_off = htons(IP_DF);
		ip4->ttl = IPDEFTTL;
		ip4->protocol = IPPROTO_ICMP;
		memcpy(&ip4->saddr, &ask->source, sizeof(ip4->saddr));
		memcpy(&ip4->daddr, &ask->destination, sizeof(ip4->daddr));
		ip_send_check(ip4);
	} else {
		struct ipv6hdr *ip6 = skb_put_zero(skb, sizeof(*ip6));

		ip6->version = 6;
		ip6->payload_len = htons(sizeof(struct pmtu_probe_echo));
		ip6->hop_limit = IPDEFTTL;
		ip6->nexthdr = IPPROTO_ICMPV6;
		ip6->saddr = ask->source;
		ip6->daddr = ask->destination;
	}
}

static __sum16 pmtu_probe_checksum(const struct weft_pmtu_probe_question *ask,
				   const struct pmtu_probe_echo *echo)
{
	__wsum sum = csum_partial(echo, sizeof(*echo), 0);

	if (ask->protocol == htons(ETH_P_IP))
		return csum_fold(sum);
	return csum_ipv6_magic(&ask->source, &ask->destination, sizeof(*echo), IPPROTO_ICMPV6,
			       sum);
}

static void pmtu_probe_put_echo(struct sk_buff *skb, const struct weft_pmtu_probe_question *ask,
				u32 size)
{
	struct pmtu_probe_echo *echo = skb_put_zero(skb, sizeof(*echo));

	echo->type = ask->protocol == htons(ETH_P_IP) ? ICMP_ECHO : ICMPV6_ECHO_REQUEST;
	echo->id = ask->id;
	echo->sequence = htons(size);
	echo->token = ask->token;
	echo->checksum = pmtu_probe_checksum(ask, echo);
}

/* Sends one echo request in a message of @size bytes outside. */
static void pmtu_probe_send(struct weft_peer *peer, const struct weft_pmtu_probe_question *ask,
			    u32 size)
{
	const unsigned int front = LL_MAX_HEADER + WEFT_OUTPUT_HEADROOM;
	unsigned int len = size - ask->overhead;
	struct sk_buff *skb = alloc_skb(front + len + WEFT_TAG_LEN + WEFT_CRYPT_BEHIND,
					GFP_ATOMIC | __GFP_NOWARN);

	if (unlikely(!skb)) {
		weft_peer_drop(peer, WEFT_DROP_NO_MEMORY, 1);
		return;
	}
	skb_reserve(skb, front);
	skb->dev = peer->device->dev;
	skb->protocol = ask->protocol;
	skb_reset_network_header(skb);
	pmtu_probe_put_header(skb, ask);
	skb_set_transport_header(skb, skb->len);
	pmtu_probe_put_echo(skb, ask, size);
	skb_put_zero(skb, len - skb->len);
	/* The MTU argument prevents further padding. */
	weft_xmit_packet(peer, skb, len);
}

/* Records the result of a search: larger packets are fragmented or refused from here on. */
static void pmtu_probe_settle(struct weft_peer *peer, const struct weft_pmtu_probe *probe)
{
	u32 limit = probe->pmtu.limit;

	lockdep_assert_held(&peer->path.lock);
	WRITE_ONCE(peer->path.found, limit ? limit - probe->question.overhead : U32_MAX);
	atomic64_set(&peer->path.ask_at_ns, probe->pmtu.again_ns);
}

/* Sets the timer. A pending timer holds a reference to the peer. */
static void pmtu_probe_arm(struct weft_pmtu_probe *probe, u64 now)
{
	u64 next = weft_plpmtud_next(&probe->pmtu), wait = next > now ? next - now : 0;

	lockdep_assert_held(&probe->peer->path.lock);
	if (!mod_timer(&probe->timer, jiffies + nsecs_to_jiffies(wait) + 1))
		weft_peer_get(probe->peer);
}

/*
 * Continues a search. Returns the number of sizes to probe now; sets @limit to the result if the
 * search has ended with one.
 */
static unsigned int pmtu_probe_go_on(struct weft_pmtu_probe *probe,
				     const struct weft_output_path *now_path,
				     u32 sizes[WEFT_PLPMTUD_SIZES], u32 *limit)
{
	struct weft_pmtu_path *path = &probe->peer->path;
	u64 now = ktime_get_coarse_boottime_ns();
	unsigned int count;

	lockdep_assert_held(&path->lock);
	if (!path->running || weft_plpmtud_next(&probe->pmtu) == WEFT_PLPMTUD_NEVER)
		return 0;
	count = weft_plpmtud_try(&probe->pmtu, now_path->mtu, now, now_path->period_ns, sizes);
	if (weft_plpmtud_next(&probe->pmtu) != WEFT_PLPMTUD_NEVER) {
		/* Larger packets may not arrive unfragmented. */
		if (probe->pmtu.best)
			WRITE_ONCE(path->found, probe->pmtu.best - probe->question.overhead);
		pmtu_probe_arm(probe, now);
		return count;
	}
	pmtu_probe_settle(probe->peer, probe);
	*limit = probe->pmtu.limit;
	return 0;
}

static void pmtu_probe_timer(struct timer_list *timer)
{
	struct weft_pmtu_probe *probe = timer_container_of(probe, timer, timer);
	struct weft_peer *peer = probe->peer;
	struct weft_pmtu_probe_question question;
	u32 sizes[WEFT_PLPMTUD_SIZES], limit = 0;
	struct weft_output_path path;
	unsigned int count, i;

	rcu_read_lock_bh();
	pmtu_probe_path(peer, &path);
	spin_lock(&peer->path.lock);
	count = pmtu_probe_go_on(probe, &path, sizes, &limit);
	question = probe->question;
	spin_unlock(&peer->path.lock);
	if (limit)
		weft_output_limit_path(peer, limit);
	for (i = 0; i < count; i++)
		pmtu_probe_send(peer, &question, sizes[i]);
	rcu_read_unlock_bh();
	weft_peer_put(peer);
}

/* Records the addresses of a packet. Returns false for addresses that cannot reply. */
static bool pmtu_probe_note_flow(struct weft_pmtu_probe_question *ask, const struct sk_buff *skb)
{
	ask->protocol = skb->protocol;
	if (skb->protocol == htons(ETH_P_IP)) {
		const struct iphdr *ip4 = ip_hdr(skb);

		memcpy(&ask->source, &ip4->saddr, sizeof(ip4->saddr));
		memcpy(&ask->destination, &ip4->daddr, sizeof(ip4->daddr));
		return !ipv4_is_multicast(ip4->daddr) && !ipv4_is_zeronet(ip4->saddr);
	}
	ask->source = ipv6_hdr(skb)->saddr;
	ask->destination = ipv6_hdr(skb)->daddr;
	return !ipv6_addr_is_multicast(&ask->destination) && !ipv6_addr_any(&ask->source);
}

/* Returns a path's search, allocated at first use; NULL when memory is short. */
static struct weft_pmtu_probe *pmtu_probe_of(struct weft_peer *peer)
{
	struct weft_pmtu_probe *probe = peer->path.probe;

	lockdep_assert_held(&peer->path.lock);
	if (probe)
		return probe;
	probe = kzalloc(sizeof(*probe), GFP_ATOMIC | __GFP_NOWARN);
	if (unlikely(!probe))
		return NULL;
	probe->peer = peer;
	weft_plpmtud_init(&probe->pmtu);
	timer_setup(&probe->timer, pmtu_probe_timer, 0);
	peer->path.probe = probe;
	return probe;
}

static void pmtu_probe_begin(struct weft_peer *peer, const struct sk_buff *skb,
			     const struct weft_output_path *path)
{
	u64 now = ktime_get_coarse_boottime_ns();
	struct weft_pmtu_probe *probe = pmtu_probe_of(peer);

	if (!probe || !pmtu_probe_note_flow(&probe->question, skb))
		return;
	probe->question.overhead = path->overhead;
	get_random_bytes(&probe->question.id, sizeof(probe->question.id));
	get_random_bytes(&probe->question.token, sizeof(probe->question.token));
	probe->period_ns = path->period_ns;
	if (!weft_plpmtud_begin(&probe->pmtu, path->mtu, now, path->period_ns)) {
		atomic64_set(&peer->path.ask_at_ns, probe->pmtu.again_ns);
		return;
	}
	atomic64_set(&peer->path.ask_at_ns, S64_MAX);
	pmtu_probe_arm(probe, now);
}

/**
 * weft_pmtu_probe_begin() - begin a search for the path MTU to a peer
 * @peer: the peer
 * @skb: a large inner packet
 *
 * Context: bottom halves off, RCU.
 */
void weft_pmtu_probe_begin(struct weft_peer *peer, const struct sk_buff *skb)
{
	struct weft_output_path path;

	pmtu_probe_path(peer, &path);
	if (!path.mtu)
		return;
	spin_lock(&peer->path.lock);
	if (peer->path.running)
		pmtu_probe_begin(peer, skb, &path);
	spin_unlock(&peer->path.lock);
}

/* The echo reply in a packet, or NULL if there is none. */
static const struct pmtu_probe_echo *pmtu_probe_reply(const struct sk_buff *skb,
						      struct pmtu_probe_echo *copy)
{
	unsigned int offset = sizeof(struct ipv6hdr);
	u8 type = ICMPV6_ECHO_REPLY;
	const struct pmtu_probe_echo *echo;

	if (skb->protocol == htons(ETH_P_IP)) {
		if (ip_hdr(skb)->protocol != IPPROTO_ICMP || ip_is_fragment(ip_hdr(skb)))
			return NULL;
		offset = ip_hdrlen(skb);
		type = ICMP_ECHOREPLY;
	} else if (ipv6_hdr(skb)->nexthdr != IPPROTO_ICMPV6) {
		return NULL;
	}
	if (skb->len != offset + sizeof(*copy))
		return NULL;
	echo = skb_header_pointer(skb, offset, sizeof(*copy), copy);
	return echo && echo->type == type ? echo : NULL;
}

static bool pmtu_probe_is_answer(const struct weft_pmtu_probe_question *ask,
				 const struct sk_buff *skb,
				 const struct pmtu_probe_echo *echo)
{
	return ask->protocol == skb->protocol && ask->id == echo->id && ask->token == echo->token;
}

/**
 * weft_pmtu_probe_take() - process a packet that is a reply to a probe
 * @peer: the authenticated sender; weft_pmtu_path_is_asked()
 * @skb: the inner packet, trimmed to its length
 *
 * Context: bottom halves off, RCU.
 * Return: whether it was a reply, which is not for the stack.
 */
bool weft_pmtu_probe_take(struct weft_peer *peer, const struct sk_buff *skb)
{
	u64 now = ktime_get_coarse_boottime_ns();
	const struct pmtu_probe_echo *echo;
	struct pmtu_probe_echo copy;
	struct weft_pmtu_probe *probe;
	bool taken = false;

	echo = pmtu_probe_reply(skb, &copy);
	if (likely(!echo))
		return false;
	spin_lock(&peer->path.lock);
	probe = peer->path.probe;
	if (probe && pmtu_probe_is_answer(&probe->question, skb, echo)) {
		taken = true;
		if (weft_plpmtud_answer(&probe->pmtu, ntohs(echo->sequence), now, probe->period_ns))
			pmtu_probe_settle(peer, probe);
	}
	spin_unlock(&peer->path.lock);
	return taken;
}
