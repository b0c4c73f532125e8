// SPDX-License-Identifier: GPL-2.0

#include "udp/output.h"
#include "core/device.h"
#include "core/drop.h"
#include "core/peer_endpoint.h"
#include "core/peer_ref.h"
#include "core/pmtu_path.h"
#include "lib/wire.h"

#include <linux/inetdevice.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/udp_tunnel.h>

/* Bytes that encapsulation adds to an inner packet. */
#define OUTPUT_OVERHEAD4	(sizeof(struct iphdr) + sizeof(struct udphdr) + WEFT_DATA_OVERHEAD)
#define OUTPUT_OVERHEAD6 \
	(sizeof(struct ipv6hdr) + sizeof(struct udphdr) + WEFT_DATA_OVERHEAD)

/* The parameters of sending one packet. */
struct output_way {
	struct weft_device *device;
	struct weft_endpoint endpoint;
	struct weft_peer *peer;		/* NULL: a reply to an address, not to a peer */
	unsigned int number;		/* of the peer's endpoint */
	struct dst_cache *cache;	/* NULL: none; else the peer's */
	struct weft_pmtu_path *path;	/* NULL: none, or its MTU is not recorded */
	unsigned int mtu;		/* inner; longer packets may be fragmented */
	bool source_gone;		/* the endpoint's source was not usable */
	u8 ds;
};

/* Forgets the remembered source, both address and interface. */
static void output_forget_source(struct output_way *way)
{
	weft_endpoint_forget_source(&way->endpoint);
	way->source_gone = true;
	if (way->cache)
		dst_cache_reset(way->cache);
}

/*
 * Whether a packet on this route leaves through an interface: the device itself or its VRF, which
 * the upper layers see as the input interface.
 */
static bool output_leaves_by(const struct dst_entry *dst, int ifindex)
{
	return dst->dev->ifindex == ifindex || l3mdev_master_ifindex_rcu(dst->dev) == ifindex;
}

/* Drops a dst that was just cached if the endpoint has changed since the lookup. */
static void output_check_cache(struct output_way *way)
{
	if (unlikely(weft_peer_has_moved(way->peer, way->number)))
		dst_cache_reset(way->cache);
}

static struct rtable *output_route4(struct output_way *way, struct sock *sk, struct flowi4 *flow)
{
	struct weft_endpoint *endpoint = &way->endpoint;
	__be32 bound = inet_sk(sk)->inet_rcv_saddr;
	struct rtable *rt;

	security_sk_classify_flow(sk, flowi4_to_flowi_common(flow));
	if (flow->saddr && !inet_confirm_addr(sock_net(sk), NULL, 0, flow->saddr, RT_SCOPE_HOST)) {
		if (bound)
			return ERR_PTR(-EADDRNOTAVAIL);
		output_forget_source(way);
		flow->saddr = 0;
	}
	rt = ip_route_output_flow(sock_net(sk), flow, sk);
	/*
	 * The route uses another interface than the one on which the peer was last received: let it
	 * choose the address too.
	 */
	if (endpoint->src_if4 && (rt == ERR_PTR(-EINVAL) ||
				  (!IS_ERR(rt) && !output_leaves_by(&rt->dst,
								    endpoint->src_if4)))) {
		if (!IS_ERR(rt))
			ip_rt_put(rt);
		output_forget_source(way);
		flow->saddr = bound;
		rt = ip_route_output_flow(sock_net(sk), flow, sk);
	}
	return rt;
}

/* Looks up the route for @way, first in its dst cache. Completes @flow. */
static struct rtable *output_find4(struct output_way *way, struct sock *sk, struct flowi4 *flow)
{
	struct rtable *rt = NULL;

	*flow = (struct flowi4) {
		.saddr = way->endpoint.src4.s_addr,
		.daddr = way->endpoint.addr4.sin_addr.s_addr,
		.fl4_dport = way->endpoint.addr4.sin_port,
		.fl4_sport = inet_sk(sk)->inet_sport,
		.flowi4_mark = READ_ONCE(way->device->fwmark),
		.flowi4_oif = READ_ONCE(sk->sk_bound_dev_if),
		.flowi4_proto = IPPROTO_UDP,
	};
	if (inet_sk(sk)->inet_rcv_saddr)
		flow->saddr = inet_sk(sk)->inet_rcv_saddr;
	if (way->cache)
		rt = dst_cache_get_ip4(way->cache, &flow->saddr);
	if (!rt) {
		rt = output_route4(way, sk, flow);
		if (!IS_ERR(rt) && way->cache) {
			dst_cache_set_ip4(way->cache, &rt->dst, flow->saddr);
			output_check_cache(way);
		}
	}
	return rt;
}

/*
 * Whether to set DF. A packet that exceeds the known path MTU was accepted because it may be
 * fragmented: here if the route's MTU says so, else by the router that finds it too large (RFC
 * 2473, section 7.1; RFC 4459).
 */
static __be16 output_df(struct output_way *way, const struct sk_buff *skb,
			const struct dst_entry *dst)
{
	unsigned int len = skb_is_gso(skb) ? skb_shinfo(skb)->gso_size : skb->len, mtu;

	if (likely(!way->path))
		return 0;
	mtu = dst_mtu(dst);
	weft_pmtu_path_learn(way->path, mtu, OUTPUT_OVERHEAD4);
	if (len - WEFT_DATA_OVERHEAD > way->mtu)
		return 0;
	return len + sizeof(struct udphdr) + sizeof(struct iphdr) <= mtu ? htons(IP_DF) : 0;
}

static int output_send4(struct output_way *way, struct sk_buff *skb)
{
	struct sock *sk = rcu_dereference_bh(way->device->sock4);
	struct flowi4 flow;
	struct rtable *rt;

	if (unlikely(!sk))
		return -ENONET;
	rt = output_find4(way, sk, &flow);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	skb->ignore_df = 1;
	udp_tunnel_xmit_skb(rt, sk, skb, flow.saddr, flow.daddr, way->ds,
			    ip4_dst_hoplimit(&rt->dst), output_df(way, skb, &rt->dst),
			    flow.fl4_sport,
			    flow.fl4_dport, false, false, 0);
	return 0;
}

#if IS_ENABLED(CONFIG_IPV6)
/* An address of a VRF is only found when the check names a device of that VRF. */
static bool output_has_address6(const struct sock *sk, const struct in6_addr *address)
{
	int ifindex = READ_ONCE(sk->sk_bound_dev_if);
	struct net *net = sock_net(sk);
	struct net_device *dev = ifindex ? dev_get_by_index_rcu(net, ifindex) : NULL;

	return ipv6_chk_addr(net, address, dev, 0);
}

/* A link-local peer is reached over its link, unless the sockets are bound to another one. */
static int output_oif6(const struct sock *sk, int scope)
{
	int ifindex = READ_ONCE(sk->sk_bound_dev_if);

	if (!ifindex || (scope && l3mdev_master_ifindex_by_index(sock_net(sk), scope) == ifindex))
		return scope;
	return ifindex;
}

static struct dst_entry *output_route6(struct output_way *way, struct sock *sk, struct flowi6 *flow)
{
	security_sk_classify_flow(sk, flowi6_to_flowi_common(flow));
	if (!ipv6_addr_any(&flow->saddr) && !output_has_address6(sk, &flow->saddr)) {
		if (!ipv6_addr_any(&sk->sk_v6_rcv_saddr))
			return ERR_PTR(-EADDRNOTAVAIL);
		output_forget_source(way);
		flow->saddr = in6addr_any;
	}
	return ip6_dst_lookup_flow(sock_net(sk), sk, flow, NULL);
}

static struct dst_entry *output_find6(struct output_way *way, struct sock *sk, struct flowi6 *flow)
{
	struct dst_entry *dst = NULL;

	*flow = (struct flowi6) {
		.saddr = way->endpoint.src6,
		.daddr = way->endpoint.addr6.sin6_addr,
		.fl6_dport = way->endpoint.addr6.sin6_port,
		.fl6_sport = inet_sk(sk)->inet_sport,
		.flowi6_oif = output_oif6(sk, way->endpoint.addr6.sin6_scope_id),
		.flowi6_mark = READ_ONCE(way->device->fwmark),
		.flowi6_proto = IPPROTO_UDP,
	};
	if (!ipv6_addr_any(&sk->sk_v6_rcv_saddr))
		flow->saddr = sk->sk_v6_rcv_saddr;
	if (way->cache)
		dst = dst_cache_get_ip6(way->cache, &flow->saddr);
	if (!dst) {
		dst = output_route6(way, sk, flow);
		if (!IS_ERR(dst) && way->cache) {
			dst_cache_set_ip6(way->cache, dst, &flow->saddr);
			output_check_cache(way);
		}
	}
	return dst;
}

static int output_send6(struct output_way *way, struct sk_buff *skb)
{
	struct sock *sk = rcu_dereference_bh(way->device->sock6);
	struct dst_entry *dst;
	struct flowi6 flow;

	if (unlikely(!sk))
		return -ENONET;
	dst = output_find6(way, sk, &flow);
	if (IS_ERR(dst))
		return PTR_ERR(dst);
	if (unlikely(way->path))
		weft_pmtu_path_learn(way->path, dst_mtu(dst), OUTPUT_OVERHEAD6);
	/* Only a sender fragments in IPv6: to the MTU that the route has for the path. */
	skb->ignore_df = 1;
	udp_tunnel6_xmit_skb(dst, sk, skb, skb->dev, &flow.saddr, &flow.daddr, way->ds,
			     ip6_dst_hoplimit(dst), 0, flow.fl6_sport, flow.fl6_dport, false, 0);
	return 0;
}

static struct dst_entry *output_find_dst6(struct output_way *way)
{
	struct sock *sk = rcu_dereference_bh(way->device->sock6);
	struct flowi6 flow;

	return sk ? output_find6(way, sk, &flow) : ERR_PTR(-ENONET);
}

static void output_put_header6(struct sk_buff *skb, const struct weft_endpoint *endpoint)
{
	struct ipv6hdr *ip6 = skb_put_zero(skb, sizeof(*ip6));

	ip6->version = 6;
	ip6->nexthdr = IPPROTO_UDP;
	ip6->saddr = endpoint->src6;
	ip6->daddr = endpoint->addr6.sin6_addr;
}

static int output_mtu_expires6(struct net *net)
{
	return net->ipv6.sysctl.ip6_rt_mtu_expires;
}
#else
static int output_send6(struct output_way *way, struct sk_buff *skb)
{
	return -EAFNOSUPPORT;
}

static struct dst_entry *output_find_dst6(struct output_way *way)
{
	return ERR_PTR(-EAFNOSUPPORT);
}

static void output_put_header6(struct sk_buff *skb, const struct weft_endpoint *endpoint)
{
}

static int output_mtu_expires6(struct net *net)
{
	return 0;
}
#endif

static struct dst_entry *output_find_dst4(struct output_way *way)
{
	struct sock *sk = rcu_dereference_bh(way->device->sock4);
	struct flowi4 flow;
	struct rtable *rt;

	if (!sk)
		return ERR_PTR(-ENONET);
	rt = output_find4(way, sk, &flow);
	return IS_ERR(rt) ? ERR_CAST(rt) : &rt->dst;
}

/* Looks up the route for @way, in either family. */
static struct dst_entry *output_find_dst(struct output_way *way)
{
	if (way->endpoint.addr.sa_family == AF_INET)
		return output_find_dst4(way);
	if (way->endpoint.addr.sa_family == AF_INET6)
		return output_find_dst6(way);
	return ERR_PTR(-EAFNOSUPPORT);
}

/* Looks up the route to a peer's endpoint and fills in @way. Returns a dst or ERR_PTR(). */
static struct dst_entry *output_find_peer(struct output_way *way, struct weft_peer *peer)
{
	struct dst_entry *dst;

	*way = (struct output_way){
		.device = peer->device, .peer = peer, .cache = weft_peer_dst_cache(peer),
	};
	way->number = weft_endpoint_read(&peer->endpoint, &way->endpoint);
	dst = output_find_dst(way);
	if (unlikely(way->source_gone))
		weft_peer_forget_source(peer);
	return dst;
}

/**
 * weft_output_path() - query the path MTU of the route to a peer
 * @peer: the peer, whose record of it is updated
 * @path: filled in, unless NULL; all zeros when there is no route
 *
 * Context: bottom halves off, RCU.
 */
void weft_output_path(struct weft_peer *peer, struct weft_output_path *path)
{
	struct weft_output_path now = {};
	struct dst_entry *dst;
	struct output_way way;
	int expires;

	dst = output_find_peer(&way, peer);
	if (!IS_ERR(dst)) {
		bool is4 = way.endpoint.addr.sa_family == AF_INET;
		struct net *net = dev_net(dst->dev);

		now.mtu = dst_mtu(dst);
		now.overhead = is4 ? OUTPUT_OVERHEAD4 : OUTPUT_OVERHEAD6;
		expires = is4 ? READ_ONCE(net->ipv4.ip_rt_mtu_expires) : output_mtu_expires6(net);
		now.period_ns = jiffies_to_nsecs(max(expires, 0));
		weft_pmtu_path_learn(&peer->path, now.mtu, now.overhead);
		dst_release(dst);
	}
	if (path)
		*path = now;
}

/* The packet that an ICMP error would quote: only the IP header, which the route looks at. */
static struct sk_buff *output_returned(const struct weft_endpoint *endpoint, struct net_device *dev)
{
	struct sk_buff *skb = alloc_skb(sizeof(struct ipv6hdr), GFP_ATOMIC | __GFP_NOWARN);
	struct iphdr *ip4;

	if (!skb)
		return NULL;
	skb->dev = dev;
	skb_reset_network_header(skb);
	if (endpoint->addr.sa_family == AF_INET6) {
		output_put_header6(skb, endpoint);
		return skb;
	}
	ip4 = skb_put_zero(skb, sizeof(*ip4));
	ip4->protocol = IPPROTO_UDP;
	ip4->saddr = endpoint->src4.s_addr;
	ip4->daddr = endpoint->addr4.sin_addr.s_addr;
	return skb;
}

/**
 * weft_output_limit_path() - set the MTU of the route to a peer, without an ICMP error
 * @peer: the peer
 * @mtu: bytes of the largest outer packet that arrives
 *
 * The route's entry expires as one from an ICMP error does.
 *
 * Context: bottom halves off, RCU.
 */
void weft_output_limit_path(struct weft_peer *peer, unsigned int mtu)
{
	struct sk_buff *skb = NULL;
	struct dst_entry *dst;
	struct output_way way;
	struct sock *sk;

	dst = output_find_peer(&way, peer);
	if (IS_ERR(dst))
		return;
	sk = way.endpoint.addr.sa_family == AF_INET ? rcu_dereference_bh(peer->device->sock4) :
						      rcu_dereference_bh(peer->device->sock6);
	skb = output_returned(&way.endpoint, dst->dev);
	if (sk && skb && dst_mtu(dst) > mtu)
		dst->ops->update_pmtu(dst, sk, skb, mtu, false);
	kfree_skb(skb);
	dst_release(dst);
	weft_output_path(peer, NULL);
}

/**
 * weft_output_set_mark() - have ICMP errors looked up under the mark of outer packets
 * @device: the device
 *
 * Context: process, device->config_lock.
 */
void weft_output_set_mark(struct weft_device *device)
{
	struct sock *sk4 = rcu_dereference_protected(device->sock4,
						     lockdep_is_held(&device->config_lock));
	struct sock *sk6 = rcu_dereference_protected(device->sock6,
						     lockdep_is_held(&device->config_lock));

	if (sk4)
		WRITE_ONCE(sk4->sk_mark, device->fwmark);
	if (sk6)
		WRITE_ONCE(sk6->sk_mark, device->fwmark);
}

static void output_drop(const struct output_way *way, struct sk_buff *skb, enum weft_drop reason)
{
	/* One packet may carry many messages. */
	unsigned int count = max(skb_shinfo(skb)->gso_segs, (u16)1);

	if (way->peer)
		weft_peer_drop(way->peer, reason, count);
	else
		weft_drop(way->device, reason, count);
	weft_drop_free(skb, reason);
}

/* Consumes @skb unless it returns an error. */
static int output_try(struct output_way *way, struct sk_buff *skb)
{
	int err = -EAFNOSUPPORT;

	skb->dev = way->device->dev;
	skb->mark = READ_ONCE(way->device->fwmark);
	if (unlikely(skb->len > WEFT_OUTPUT_MAX_LEN))
		err = -EMSGSIZE;
	else if (way->endpoint.addr.sa_family == AF_INET)
		err = output_send4(way, skb);
	else if (way->endpoint.addr.sa_family == AF_INET6)
		err = output_send6(way, skb);
	return err;
}

/*
 * Whether the error is about the destination, so that the next candidate may be tried. It does not
 * say whether the peer is there, but the failure is local: no reply has to be awaited.
 */
static bool output_is_blocked(int err)
{
	return err && err != -EMSGSIZE && err != -ENOMEM && err != -ENOBUFS;
}

/*
 * Sends to a peer's endpoint. If it is unreachable, tries the peer's candidates, each once. Always
 * consumes @skb.
 */
static int output_send_somewhere(struct output_way *way, struct weft_peer *peer,
				 struct sk_buff *skb)
{
	unsigned int turns = 0;
	int err;

	do {
		way->number = weft_endpoint_read(&peer->endpoint, &way->endpoint);
		way->source_gone = false;
		err = output_try(way, skb);
		if (unlikely(way->source_gone))
			weft_peer_forget_source(peer);
	} while (unlikely(output_is_blocked(err)) && weft_peer_next_candidate(peer) &&
		 ++turns < weft_peer_candidate_count(peer));
	if (unlikely(err))
		output_drop(way, skb, WEFT_DROP_SEND);
	return err;
}

/**
 * weft_output_send() - send a message, or a batch of them, to a peer's endpoint
 * @peer: the peer
 * @skb: the message, with WEFT_OUTPUT_HEADROOM less its own header in front; consumed
 * @ds: the outer DS field
 * @mtu: longer inner packets may be fragmented outside
 *
 * The route and source are cached in the peer. A source that no longer exists is forgotten
 * (WireGuard paper, section 6.5). If the endpoint is unreachable, the peer moves to its next
 * candidate.
 *
 * Context: bottom halves off.
 * Return: 0 or a negative errno; then the message is counted as WEFT_DROP_SEND.
 */
int weft_output_send(struct weft_peer *peer, struct sk_buff *skb, u8 ds, unsigned int mtu)
{
	struct output_way way = {
		.device = peer->device, .peer = peer, .cache = &peer->dst_cache, .ds = ds,
		.mtu = mtu,
	};
	unsigned int len = skb->len, messages = skb_shinfo(skb)->gso_segs;
	int err;

	if (unlikely(READ_ONCE(peer->device->pmtu)))
		way.path = &peer->path;
	err = output_send_somewhere(&way, peer, skb);
	if (likely(!err)) {
		atomic64_add(len, &peer->tx_bytes);
		atomic64_add(max(messages, 1U), &peer->tx_packets);
		/* The stack counts one packet with all its bytes. */
		if (messages > 1)
			dev_sw_netstats_tx_add(peer->device->dev, messages - 1, 0);
	}
	return err;
}

static struct sk_buff *output_message(const void *message, size_t len)
{
	struct sk_buff *skb = alloc_skb(WEFT_OUTPUT_HEADROOM + LL_MAX_HEADER + len, GFP_ATOMIC);

	if (unlikely(!skb))
		return NULL;
	skb_reserve(skb, WEFT_OUTPUT_HEADROOM + LL_MAX_HEADER);
	skb_set_inner_network_header(skb, 0);
	skb_put_data(skb, message, len);
	return skb;
}

/**
 * weft_output_send_message() - send a handshake message to a peer's endpoint
 * @peer: the peer
 * @message: the message
 * @len: its length in bytes
 * @ds: the outer DS field
 *
 * Context: process.
 * Return: 0 or a negative errno, counted.
 */
int weft_output_send_message(struct weft_peer *peer, const void *message, size_t len, u8 ds)
{
	struct sk_buff *skb = output_message(message, len);
	int err;

	if (unlikely(!skb)) {
		weft_peer_drop(peer, WEFT_DROP_NO_MEMORY, 1);
		return -ENOMEM;
	}
	rcu_read_lock_bh();
	err = weft_output_send(peer, skb, ds, IP_MAX_MTU);
	rcu_read_unlock_bh();
	return err;
}

/**
 * weft_output_reply() - send a message to the source of a packet
 * @device: the device
 * @to: the packet that is answered
 * @message: the message
 * @len: its length in bytes
 *
 * Context: process.
 * Return: 0 or a negative errno, counted.
 */
int weft_output_reply(struct weft_device *device, const struct sk_buff *to, const void *message,
		      size_t len)
{
	struct output_way way = { .device = device, .ds = weft_device_ds(device, 0) };
	struct sk_buff *skb;
	int err;

	if (unlikely(!weft_endpoint_from_skb(&way.endpoint, to)))
		return -EAFNOSUPPORT;
	skb = output_message(message, len);
	if (unlikely(!skb)) {
		weft_drop(device, WEFT_DROP_NO_MEMORY, 1);
		return -ENOMEM;
	}
	rcu_read_lock_bh();
	err = output_try(&way, skb);
	if (unlikely(err))
		output_drop(&way, skb, WEFT_DROP_SEND);
	rcu_read_unlock_bh();
	return err;
}
