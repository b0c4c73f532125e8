// SPDX-License-Identifier: GPL-2.0

#include "core/endpoint.h"

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <linux/udp.h>
#include <net/ipv6.h>

/**
 * weft_endpoint_from_skb() - read the source and the local destination of a message
 * @endpoint: filled in
 * @skb: a UDP packet as a tunnel's socket gets it: IP and UDP headers set and linear
 *
 * Return: false when it is neither IPv4 nor IPv6.
 */
bool weft_endpoint_from_skb(struct weft_endpoint *endpoint, const struct sk_buff *skb)
{
	memset(endpoint, 0, sizeof(*endpoint));
	if (skb->protocol == htons(ETH_P_IP)) {
		endpoint->addr4.sin_family = AF_INET;
		endpoint->addr4.sin_port = udp_hdr(skb)->source;
		endpoint->addr4.sin_addr.s_addr = ip_hdr(skb)->saddr;
		endpoint->src4.s_addr = ip_hdr(skb)->daddr;
		endpoint->src_if4 = skb->skb_iif;
		return true;
	}
	if (IS_ENABLED(CONFIG_IPV6) && skb->protocol == htons(ETH_P_IPV6)) {
		endpoint->addr6.sin6_family = AF_INET6;
		endpoint->addr6.sin6_port = udp_hdr(skb)->source;
		endpoint->addr6.sin6_addr = ipv6_hdr(skb)->saddr;
		endpoint->addr6.sin6_scope_id =
			ipv6_iface_scope_id(&ipv6_hdr(skb)->saddr, skb->skb_iif);
		endpoint->src6 = ipv6_hdr(skb)->daddr;
		return true;
	}
	return false;
}

/**
 * weft_endpoint_equal() - whether two endpoints are the same, including the local side
 * @a: one endpoint
 * @b: the other; unused bytes of both are zero
 */
bool weft_endpoint_equal(const struct weft_endpoint *a, const struct weft_endpoint *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/**
 * weft_endpoint_same_remote() - whether two endpoints have the same address and port, whatever
 * their local side
 * @a: one endpoint
 * @b: the other; unused bytes of both are zero
 */
bool weft_endpoint_same_remote(const struct weft_endpoint *a, const struct weft_endpoint *b)
{
	BUILD_BUG_ON(sizeof(a->addr6) < sizeof(a->addr4));
	return !memcmp(&a->addr6, &b->addr6, sizeof(a->addr6));
}

/**
 * weft_endpoint_forget_source() - let routing choose our address and interface again
 * @endpoint: the endpoint; its remote side is not changed
 */
void weft_endpoint_forget_source(struct weft_endpoint *endpoint)
{
	memset(&endpoint->src6, 0, sizeof(endpoint->src6));
}
