// SPDX-License-Identifier: GPL-2.0

#include "datapath/pmtu_check.h"
#include "core/device.h"
#include "core/drop.h"
#include "core/peer_ref.h"
#include "core/pmtu_path.h"
#include "datapath/pmtu_probe.h"
#include "udp/output.h"

#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/gso.h>
#include <net/icmp.h>
#include <net/ipv6.h>

/* Whether a packet, or each segment of one for segmentation, is no longer than @limit. */
static bool pmtu_check_is_within(const struct sk_buff *skb, u32 limit)
{
	return skb->len <= limit || (skb_is_gso(skb) && skb_gso_validate_network_len(skb, limit));
}

/*
 * Whether a packet that is too long may be sent because it can be fragmented outside: IPv4 without
 * DF, and IPv6 up to the minimum link MTU (RFC 2473, section 7.1). During a search all packets may
 * be that the route accepts: an ICMP error based on an outdated limit would bind senders to it for
 * minutes.
 */
static bool pmtu_check_may_be_cut(const struct weft_peer *peer, const struct sk_buff *skb)
{
	if (weft_pmtu_path_is_asked(&peer->path) && pmtu_check_is_within(skb,
									 READ_ONCE(peer->path.mtu)))
		return true;
	if (skb->protocol == htons(ETH_P_IP))
		return !(ip_hdr(skb)->frag_off & htons(IP_DF));
	return pmtu_check_is_within(skb, IPV6_MIN_MTU);
}

static void pmtu_check_tell(struct sk_buff *skb, u32 limit)
{
	if (skb->protocol == htons(ETH_P_IP))
		icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, htonl(limit));
	else
		icmpv6_ndo_send(skb, ICMPV6_PKT_TOOBIG, 0, max_t(u32, limit, IPV6_MIN_MTU));
}

/**
 * weft_pmtu_check() - whether a packet fits the path to its peer
 * @peer: the peer
 * @skb: the inner packet, with its dst
 * @mtu: of the packet's inner route; lowered to the limit of the outer path
 *
 * The limit is the one recorded when the last packet was sent. Before a packet is refused the route
 * is queried again: its entry may have expired.
 *
 * Context: bottom halves off.
 * Return: false when it is too long and must not be fragmented. Then its sender has got an ICMP
 * error, and it is counted as WEFT_DROP_TOO_BIG and freed.
 */
bool weft_pmtu_check(struct weft_peer *peer, struct sk_buff *skb, unsigned int *mtu)
{
	bool within;
	u32 limit;

	weft_pmtu_probe_look(peer, skb);
	limit = weft_pmtu_path_limit(&peer->path);
	within = pmtu_check_is_within(skb, limit);
	if (unlikely(!within)) {
		weft_output_path(peer, NULL);
		limit = weft_pmtu_path_limit(&peer->path);
		within = pmtu_check_is_within(skb, limit);
	}
	*mtu = min(*mtu, limit);
	if (likely(within) || pmtu_check_may_be_cut(peer, skb))
		return true;
	pmtu_check_tell(skb, limit);
	weft_peer_drop_packet(peer, skb, WEFT_DROP_TOO_BIG);
	return false;
}
