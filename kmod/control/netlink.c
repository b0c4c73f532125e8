// SPDX-License-Identifier: GPL-2.0

#include "control/netlink.h"
#include "control/change.h"
#include "control/config.h"
#include "control/netdev.h"
#include "control/netlink-gen.h"
#include "control/nl_addr.h"
#include "control/nl_stats.h"
#include "control/rotation.h"
#include "core/device.h"
#include "core/identity.h"
#include "core/lookup.h"
#include "core/peer_endpoint.h"
#include "core/peer_keys.h"
#include "core/peer_name.h"
#include "core/peer_ref.h"
#include "core/timers.h"
#include "lib/peer_name_check.h"

#include <linux/inet.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include <uapi/linux/weft.h>

static struct genl_family netlink_family;
static struct genl_family netlink_wireguard_family;

/* Refuses the value in @attr. */
#define netlink_refuse(extack, attr, err, text)				\
({									\
	NL_SET_ERR_MSG_ATTR(extack, attr, text);			\
	(err);								\
})

/* The interface that a message is about, held, or ERR_PTR(). */
static struct net_device *netlink_interface(struct net *net, struct nlattr **attrs,
					    struct netlink_ext_ack *extack)
{
	struct nlattr *index = attrs[WEFT_DEVICE_A_IFINDEX], *name = attrs[WEFT_DEVICE_A_IFNAME];
	struct net_device *dev;

	if (!index == !name) {
		NL_SET_ERR_MSG(extack, "interface: give its index or its name, and not both");
		return ERR_PTR(-EBADR);
	}
	if (index)
		dev = dev_get_by_index(net, nla_get_u32(index));
	else
		dev = dev_get_by_name(net, nla_data(name));
	if (!dev)
		return ERR_PTR(netlink_refuse(extack, index ?: name, -ENODEV,
					      "interface: there is none of that index or name"));
	if (!weft_netdev_device(dev)) {
		dev_put(dev);
		return ERR_PTR(netlink_refuse(extack, index ?: name, -EOPNOTSUPP,
					      "interface: it is not one of weft's"));
	}
	return dev;
}

/* Reading */

/*
 * Where a dump goes on. The pointers are good as long as the generation is the device's: then
 * nothing has been removed. Otherwise the serial and the count tell the place.
 */
struct netlink_cursor {
	u64 generation;
	/* of the peer to go on with; 0: nothing has been sent yet */
	u64 serial;
	struct weft_peer *peer;			/* the same */
	/* its allowed IP to go on with; NULL: begin with the peer */
	struct weft_allowedips_node *node;
	u32 node_count;				/* its allowed IPs that have been sent */
	bool finished;
	bool own;				/* weft asks, not a program for WireGuard */
};

static struct netlink_cursor *netlink_cursor(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct netlink_cursor) > sizeof(cb->ctx));
	return (struct netlink_cursor *)cb->ctx;
}

static int netlink_put_allowedip(struct sk_buff *skb, const struct weft_allowedips_node *node)
{
	struct nlattr *nest = nla_nest_start(skb, 0);

	if (!nest)
		return -EMSGSIZE;
	if (nla_put_u8(skb, WEFT_ALLOWEDIP_A_CIDR_MASK, node->cidr) ||
	    nla_put_u16(skb, WEFT_ALLOWEDIP_A_FAMILY,
			node->family_bits == 32 ? AF_INET : AF_INET6) ||
	    nla_put(skb, WEFT_ALLOWEDIP_A_IPADDR, node->family_bits / 8, node->prefix)) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

/*
 * Puts the allowed IPs of @peer from the cursor's on. The cursor stands at the first that did not
 * fit, or at NULL.
 */
static int netlink_put_allowedips(struct sk_buff *skb, struct weft_peer *peer,
				  struct netlink_cursor *cursor)
{
	struct weft_allowedips_node *node = cursor->node;
	struct nlattr *nest = nla_nest_start(skb, WEFT_PEER_A_ALLOWEDIPS);
	int err = 0;

	if (!nest)
		return -EMSGSIZE;
	if (!node)
		node = list_first_entry(&peer->allowedips, struct weft_allowedips_node, owned);
	cursor->node = NULL;
	list_for_each_entry_from(node, &peer->allowedips, owned) {
		err = netlink_put_allowedip(skb, node);
		if (err) {
			cursor->node = node;
			break;
		}
		cursor->node_count++;
	}
	nla_nest_end(skb, nest);
	return err;
}

static int netlink_put_preshared(struct sk_buff *skb, struct weft_peer *peer, int type,
				 enum weft_key_slot slot)
{
	struct weft_preshared preshared;
	int err = 0;

	mutex_lock(&peer->handshake_lock);
	preshared = peer->keys.preshared[slot];
	mutex_unlock(&peer->handshake_lock);
	if (preshared.serial)
		err = nla_put(skb, type, WEFT_KEY_LEN, preshared.bytes);
	memzero_explicit(&preshared, sizeof(preshared));
	return err;
}

static int netlink_put_public(struct sk_buff *skb, struct weft_peer *peer, int type,
			      enum weft_key_slot slot)
{
	u8 public[WEFT_KEY_LEN];

	if (!weft_lookup_read(peer, slot, public))
		return 0;
	return nla_put(skb, type, sizeof(public), public);
}

/* Seconds until @until_ns, at least one. */
static u32 netlink_seconds_left(u64 until_ns)
{
	u64 now = ktime_get_coarse_boottime_ns();

	return until_ns > now ? DIV_ROUND_UP_ULL(until_ns - now, NSEC_PER_SEC) : 1;
}

static enum weft_identity_used netlink_identity_used(const struct weft_peer *peer)
{
	u64 serial = READ_ONCE(peer->session_identity);

	if (!serial)
		return WEFT_IDENTITY_NONE;
	return weft_identity_is(&peer->device->identity, serial) ? WEFT_IDENTITY_CURRENT :
								   WEFT_IDENTITY_PREVIOUS;
}

static int netlink_put_grace_left(struct sk_buff *skb, struct weft_peer *peer, int type,
				  enum weft_grace_of which)
{
	u64 until_ns = weft_peer_keys_until(peer, which);

	return until_ns ? nla_put_u32(skb, type, netlink_seconds_left(until_ns)) : 0;
}

/* The keys that a peer has beside those that WireGuard knows. */
static int netlink_put_keys(struct sk_buff *skb, struct weft_peer *peer)
{
	if (netlink_put_public(skb, peer, WEFT_PEER_A_NEXT_PUBLIC_KEY, WEFT_KEY_SLOT_NEXT) ||
	    netlink_put_public(skb, peer, WEFT_PEER_A_PREVIOUS_PUBLIC_KEY,
			       WEFT_KEY_SLOT_PREVIOUS) ||
	    netlink_put_preshared(skb, peer, WEFT_PEER_A_NEXT_PRESHARED_KEY, WEFT_KEY_SLOT_NEXT) ||
	    netlink_put_preshared(skb, peer, WEFT_PEER_A_PREVIOUS_PRESHARED_KEY,
				  WEFT_KEY_SLOT_PREVIOUS) ||
	    nla_put_u32(skb, WEFT_PEER_A_GRACE, READ_ONCE(peer->keys.grace_s)) ||
	    nla_put_u32(skb, WEFT_PEER_A_IDENTITY, netlink_identity_used(peer)))
		return -EMSGSIZE;
	return netlink_put_grace_left(skb, peer, WEFT_PEER_A_GRACE_LEFT, WEFT_GRACE_PUBLIC) ?:
	       netlink_put_grace_left(skb, peer, WEFT_PEER_A_PRESHARED_GRACE_LEFT,
				      WEFT_GRACE_PRESHARED);
}

static int netlink_put_endpoint(struct sk_buff *skb, struct weft_peer *peer)
{
	struct weft_endpoint endpoint;

	weft_peer_endpoint(peer, &endpoint);
	return weft_nl_addr_put(skb, WEFT_PEER_A_ENDPOINT, &endpoint);
}

static int netlink_put_name(struct sk_buff *skb, struct weft_peer *peer)
{
	const struct weft_peer_name *name =
		rcu_dereference_protected(peer->name,
					  lockdep_is_held(&peer->device->config_lock));

	return name ? nla_put_string(skb, WEFT_PEER_A_NAME, name->text) : 0;
}

/* Milliseconds from @then, of the coarse boot-time clock, to @now. */
static u64 netlink_age(u64 then, u64 now)
{
	return div_u64(now > then ? now - then : 0, NSEC_PER_MSEC);
}

/* 0 says that it has never happened. */
static int netlink_put_age(struct sk_buff *skb, int attr, u64 then, u64 now)
{
	return then ? nla_put_u64_64bit(skb, attr, netlink_age(then, now), WEFT_PEER_A_UNSPEC) : 0;
}

static int netlink_put_liveness(struct sk_buff *skb, struct weft_peer *peer)
{
	u64 now = ktime_get_coarse_boottime_ns(), since;
	u32 state = weft_timers_state(peer, now, &since);
	u32 rtt_us = READ_ONCE(peer->handshake_rtt_us);

	if (nla_put_u32(skb, WEFT_PEER_A_STATE, state) ||
	    nla_put_u64_64bit(skb, WEFT_PEER_A_STATE_AGE, netlink_age(since, now),
			      WEFT_PEER_A_UNSPEC) ||
	    netlink_put_age(skb, WEFT_PEER_A_RX_AGE, READ_ONCE(peer->rx_at_ns), now) ||
	    netlink_put_age(skb, WEFT_PEER_A_TX_AGE, READ_ONCE(peer->tx_at_ns), now))
		return -EMSGSIZE;
	return rtt_us ? nla_put_u32(skb, WEFT_PEER_A_HANDSHAKE_RTT, rtt_us) : 0;
}

static int netlink_put_peer_values(struct sk_buff *skb, struct weft_peer *peer)
{
	struct timespec64 at = ns_to_timespec64(READ_ONCE(peer->handshake_real_ns));
	struct __kernel_timespec last = { .tv_sec = at.tv_sec, .tv_nsec = at.tv_nsec };

	if (netlink_put_preshared(skb, peer, WEFT_PEER_A_PRESHARED_KEY, WEFT_KEY_SLOT_CURRENT) ||
	    nla_put(skb, WEFT_PEER_A_LAST_HANDSHAKE_TIME, sizeof(last), &last) ||
	    nla_put_u16(skb, WEFT_PEER_A_PERSISTENT_KEEPALIVE_INTERVAL,
			READ_ONCE(peer->fsm.persistent_s)) ||
	    nla_put_u64_64bit(skb, WEFT_PEER_A_TX_BYTES, atomic64_read(&peer->tx_bytes),
			      WEFT_PEER_A_UNSPEC) ||
	    nla_put_u64_64bit(skb, WEFT_PEER_A_RX_BYTES, atomic64_read(&peer->rx_bytes),
			      WEFT_PEER_A_UNSPEC) ||
	    nla_put_u32(skb, WEFT_PEER_A_PROTOCOL_VERSION, 1))
		return -EMSGSIZE;
	return netlink_put_endpoint(skb, peer);
}

static int netlink_put_path_mtu(struct sk_buff *skb, const struct weft_peer *peer)
{
	u32 limit = weft_pmtu_path_limit(&peer->path);

	if (!peer->device->pmtu || limit == U32_MAX)
		return 0;
	return nla_put_u32(skb, WEFT_PEER_A_PATH_MTU, limit);
}

/* What only weft has. */
static int netlink_put_own_peer_values(struct sk_buff *skb, struct weft_peer *peer)
{
	/* The configuration's lock is enough to read both. */
	return nla_put_u8(skb, WEFT_PEER_A_ROAM, !peer->pinned) ?:
	       weft_nl_addr_put_candidates(skb, peer->candidates) ?:
	       netlink_put_path_mtu(skb, peer) ?:
	       netlink_put_name(skb, peer) ?:
	       netlink_put_keys(skb, peer) ?:
	       netlink_put_liveness(skb, peer) ?:
	       weft_nl_stats_peer(skb, peer);
}

/*
 * Puts one peer, or the rest of it. If it is cut short at an allowed IP, what is there stays; else
 * nothing does.
 */
static int netlink_put_peer(struct sk_buff *skb, struct weft_peer *peer,
			    struct netlink_cursor *cursor)
{
	struct nlattr *nest = nla_nest_start(skb, 0);
	u32 before = cursor->node_count;
	bool begins = !cursor->node;
	int err = -EMSGSIZE;

	if (!nest)
		return -EMSGSIZE;
	if (nla_put(skb, WEFT_PEER_A_PUBLIC_KEY, WEFT_KEY_LEN, weft_peer_keys_now(&peer->keys)))
		goto cancel;
	if (begins && netlink_put_peer_values(skb, peer))
		goto cancel;
	if (begins && cursor->own && netlink_put_own_peer_values(skb, peer))
		goto cancel;
	if (!list_empty(&peer->allowedips)) {
		err = netlink_put_allowedips(skb, peer, cursor);
		if (err && cursor->node_count == before)
			goto cancel;
	} else {
		err = 0;
	}
	nla_nest_end(skb, nest);
	return err;

cancel:
	if (begins)
		cursor->node = NULL;
	nla_nest_cancel(skb, nest);
	return -EMSGSIZE;
}

/*
 * Finds the cursor's place again after the device has changed. Returns the peer, or NULL when there
 * are no more.
 */
static struct weft_peer *netlink_find_again(struct weft_device *device,
					    struct netlink_cursor *cursor)
{
	struct weft_allowedips_node *node;
	struct weft_peer *peer;
	u32 skip;

	cursor->node = NULL;
	list_for_each_entry(peer, &device->peers, list) {
		if (peer->serial >= cursor->serial)
			break;
	}
	if (list_entry_is_head(peer, &device->peers, list))
		return NULL;
	if (peer->serial != cursor->serial)
		cursor->node_count = 0;
	skip = cursor->node_count;
	list_for_each_entry(node, &peer->allowedips, owned) {
		if (!skip--) {
			cursor->node = cursor->node_count ? node : NULL;
			return peer;
		}
	}
	/* All that was left of it has gone: on to the next. */
	if (cursor->node_count) {
		cursor->node_count = 0;
		return list_is_last(&peer->list, &device->peers) ? NULL :
								   list_next_entry(peer, list);
	}
	return peer;
}

/* The peer to go on with, or NULL when there are no more. */
static struct weft_peer *netlink_resume(struct weft_device *device, struct netlink_cursor *cursor)
{
	if (!cursor->serial)
		return list_first_entry_or_null(&device->peers, struct weft_peer, list);
	if (cursor->generation == device->generation)
		return cursor->peer;
	return netlink_find_again(device, cursor);
}

static int netlink_put_peers(struct sk_buff *skb, struct weft_device *device,
			     struct netlink_cursor *cursor)
{
	struct weft_peer *peer = netlink_resume(device, cursor);
	struct nlattr *nest;
	int err = 0;

	if (!peer) {
		cursor->finished = true;
		return 0;
	}
	nest = nla_nest_start(skb, WEFT_DEVICE_A_PEERS);
	if (!nest)
		return -EMSGSIZE;
	list_for_each_entry_from(peer, &device->peers, list) {
		cursor->serial = peer->serial;
		cursor->peer = peer;
		err = netlink_put_peer(skb, peer, cursor);
		if (err)
			break;
		cursor->node_count = 0;
	}
	nla_nest_end(skb, nest);
	cursor->generation = device->generation;
	cursor->finished = !err;
	return 0;
}

static int netlink_put_identity(struct sk_buff *skb, struct weft_device *device)
{
	struct weft_identity *identity =
		rcu_dereference_protected(device->identity, lockdep_is_held(&device->config_lock));

	if (!identity)
		return 0;
	return nla_put(skb, WEFT_DEVICE_A_PRIVATE_KEY, WEFT_KEY_LEN, identity->key.private) ?:
	       nla_put(skb, WEFT_DEVICE_A_PUBLIC_KEY, WEFT_KEY_LEN, identity->key.public);
}

static int netlink_put_rotation(struct sk_buff *skb, struct weft_device *device)
{
	struct weft_identity *previous =
		rcu_dereference_protected(device->previous_identity,
					  lockdep_is_held(&device->config_lock));

	if (!previous)
		return 0;
	if (nla_put(skb, WEFT_DEVICE_A_PREVIOUS_PUBLIC_KEY, WEFT_KEY_LEN, previous->key.public) ||
	    nla_put_u32(skb, WEFT_DEVICE_A_GRACE, device->grace_s))
		return -EMSGSIZE;
	return device->until_ns ? nla_put_u32(skb, WEFT_DEVICE_A_GRACE_LEFT,
					      netlink_seconds_left(device->until_ns)) : 0;
}

static int netlink_put_device(struct sk_buff *skb, struct weft_device *device)
{
	if (nla_put_u16(skb, WEFT_DEVICE_A_LISTEN_PORT, device->binding.port) ||
	    nla_put_u32(skb, WEFT_DEVICE_A_FWMARK, device->fwmark) ||
	    nla_put_u32(skb, WEFT_DEVICE_A_IFINDEX, device->dev->ifindex) ||
	    nla_put_string(skb, WEFT_DEVICE_A_IFNAME, device->dev->name))
		return -EMSGSIZE;
	return netlink_put_identity(skb, device);
}

/* What only weft has. */
static int netlink_put_own_device(struct sk_buff *skb, struct weft_device *device)
{
	return nla_put_u8(skb, WEFT_DEVICE_A_PMTU, device->pmtu) ?:
	       nla_put_u8(skb, WEFT_DEVICE_A_DSCP, device->dscp) ?:
	       netlink_put_rotation(skb, device) ?:
	       weft_nl_addr_put_binding(skb, device) ?:
	       weft_nl_stats_device(skb, device);
}

/*
 * The family that a request came to, for the answer to come from. Programs for WireGuard have never
 * seen an attribute that is not WireGuard's: none may be put into an answer of that family.
 */
static const struct genl_family *netlink_family_of(const struct netlink_callback *cb)
{
	return cb->nlh->nlmsg_type == netlink_wireguard_family.id ? &netlink_wireguard_family :
								    &netlink_family;
}

/* Fills one message of a dump. */
static int netlink_dump_device(struct sk_buff *skb, struct netlink_callback *cb,
			       struct weft_device *device)
{
	struct netlink_cursor *cursor = netlink_cursor(cb);
	void *header;
	int err = 0;

	lockdep_assert_held(&device->config_lock);
	cursor->own = netlink_family_of(cb) == &netlink_family;
	header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			     netlink_family_of(cb), NLM_F_MULTI, WEFT_CMD_GET_DEVICE);
	if (!header)
		return -EMSGSIZE;
	/* Never 0: that would say that consistency is not looked at. */
	cb->seq = (u32)device->generation + (u32)atomic_read(&device->promotions) + 1 ?: 1;
	genl_dump_check_consistent(cb, header);
	if (!cursor->serial)
		err = netlink_put_device(skb, device);
	if (!err && !cursor->serial && cursor->own)
		err = netlink_put_own_device(skb, device);
	if (!err)
		err = netlink_put_peers(skb, device, cursor);
	if (err) {
		genlmsg_cancel(skb, header);
		return err;
	}
	genlmsg_end(skb, header);
	return skb->len;
}

int weft_nl_get_device_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct weft_device *device;
	struct net_device *dev;
	int ret;

	if (netlink_cursor(cb)->finished)
		return 0;
	dev = netlink_interface(sock_net(cb->skb->sk), weft_compat_dump_attrs(cb), cb->extack);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	device = weft_netdev_device(dev);
	mutex_lock(&device->config_lock);
	ret = device->gone ? -ENODEV : netlink_dump_device(skb, cb, device);
	mutex_unlock(&device->config_lock);
	dev_put(dev);
	return ret;
}

/* Writing: from a message to one struct weft_config */

static int netlink_parse_address(struct weft_config_allowedip *ip, struct nlattr **attrs,
				 struct netlink_ext_ack *extack)
{
	struct nlattr *address = attrs[WEFT_ALLOWEDIP_A_IPADDR],
		      *cidr = attrs[WEFT_ALLOWEDIP_A_CIDR_MASK];
	u16 family = nla_get_u16(attrs[WEFT_ALLOWEDIP_A_FAMILY]);

	if (family == AF_INET)
		ip->bits = 32;
	else if (family == AF_INET6)
		ip->bits = 128;
	else
		return netlink_refuse(extack, attrs[WEFT_ALLOWEDIP_A_FAMILY], -EINVAL,
				      "allowed IP: the family is neither AF_INET nor AF_INET6");
	if (nla_len(address) != ip->bits / 8)
		return netlink_refuse(extack, address, -EINVAL,
				      "allowed IP: the address is not 4 or 16 bytes");
	ip->cidr = nla_get_u8(cidr);
	if (ip->cidr > ip->bits)
		return netlink_refuse(extack, cidr, -EINVAL,
				      "allowed IP: the prefix length is over 32 or 128");
	nla_memcpy(ip->address, address, sizeof(ip->address));
	return 0;
}

/*
 * The core has held every message to the policies, nested ones included, before it came here. So
 * what is nested needs only to be taken apart.
 */
static int netlink_open_nest(struct nlattr **attrs, int max, const struct nlattr *nest,
			     struct netlink_ext_ack *extack)
{
	return nla_parse_nested(attrs, max, nest, NULL, extack);
}

static noinline_for_stack int netlink_parse_allowedip(struct list_head *list, struct nlattr *nest,
						      struct netlink_ext_ack *extack)
{
	struct nlattr *attrs[WEFT_ALLOWEDIP_A_MAX + 1];
	struct weft_config_allowedip *ip;
	int err;

	err = netlink_open_nest(attrs, WEFT_ALLOWEDIP_A_MAX, nest, extack);
	if (err)
		return err;
	if (!attrs[WEFT_ALLOWEDIP_A_FAMILY] || !attrs[WEFT_ALLOWEDIP_A_IPADDR] ||
	    !attrs[WEFT_ALLOWEDIP_A_CIDR_MASK])
		return netlink_refuse(extack, nest, -EINVAL,
				      "allowed IP: it needs family, address, prefix length");
	ip = kzalloc(sizeof(*ip), GFP_KERNEL_ACCOUNT);
	if (!ip)
		return -ENOMEM;
	list_add_tail(&ip->list, list);
	if (attrs[WEFT_ALLOWEDIP_A_FLAGS])
		ip->remove = nla_get_u32(attrs[WEFT_ALLOWEDIP_A_FLAGS]) &
			     WEFT_ALLOWEDIP_F_REMOVE_ME;
	return netlink_parse_address(ip, attrs, extack);
}

static int netlink_parse_allowedips(struct list_head *list, struct nlattr *nest,
				    struct netlink_ext_ack *extack)
{
	struct nlattr *attr;
	int rest, err;

	nla_for_each_nested(attr, nest, rest) {
		err = netlink_parse_allowedip(list, attr, extack);
		if (err)
			return err;
	}
	/* The core does not look behind the last one of an array. */
	if (rest > 0)
		return netlink_refuse(extack, nest, -EINVAL,
				      "allowed IPs: what is behind the last one is no attribute");
	return 0;
}

static int netlink_parse_places(struct weft_config_peer *peer, struct nlattr **attrs,
				struct netlink_ext_ack *extack)
{
	struct nlattr *attr = attrs[WEFT_PEER_A_ENDPOINT];
	int err;

	if (attr) {
		err = weft_nl_addr_get(&peer->endpoint, attr, extack);
		if (err)
			return err;
		peer->has_endpoint = true;
	}
	attr = attrs[WEFT_PEER_A_ROAM];
	if (attr) {
		peer->roams = nla_get_u8(attr);
		peer->has_roam = true;
	}
	attr = attrs[WEFT_PEER_A_CANDIDATES];
	if (!attr)
		return 0;
	peer->has_candidates = true;
	return weft_nl_addr_get_candidates(&peer->candidates, attr, extack);
}

static int netlink_refuse_name(enum weft_peer_name_verdict verdict, const struct nlattr *attr,
			       struct netlink_ext_ack *extack)
{
	switch (verdict) {
	case WEFT_PEER_NAME_GOOD:
		return 0;
	case WEFT_PEER_NAME_LENGTH:
		return netlink_refuse(extack, attr, -EINVAL, "name: it is longer than 63 bytes");
	case WEFT_PEER_NAME_ENCODING:
		return netlink_refuse(extack, attr, -EINVAL, "name: it is not UTF-8");
	case WEFT_PEER_NAME_CONTROL:
		return netlink_refuse(extack, attr, -EINVAL,
				      "name: there is a control character in it");
	case WEFT_PEER_NAME_KEY:
		break;
	}
	return netlink_refuse(extack, attr, -EINVAL, "name: it looks like a key");
}

static int netlink_parse_name(struct weft_config_peer *peer, const struct nlattr *attr,
			      struct netlink_ext_ack *extack)
{
	const char *name = nla_data(attr);
	size_t len = strnlen(name, nla_len(attr));
	int err;

	peer->has_name = true;
	if (!len)
		return 0;
	err = netlink_refuse_name(weft_peer_name_check(name, len), attr, extack);
	if (err)
		return err;
	peer->name = weft_peer_name_create(name, len);
	return peer->name ? 0 : -ENOMEM;
}

/* Only to be taken away: what it is follows from what it was. */
static int netlink_parse_end(bool *ends, const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	if (attr && memchr_inv(nla_data(attr), 0, nla_len(attr)))
		return netlink_refuse(extack, attr, -EINVAL,
				      "previous key: it can be set to zeros only, which ends it");
	*ends = attr;
	return 0;
}

static int netlink_parse_keys(struct weft_config_peer *peer, struct nlattr **attrs,
			      struct netlink_ext_ack *extack)
{
	struct nlattr *next = attrs[WEFT_PEER_A_NEXT_PUBLIC_KEY];
	struct nlattr *next_preshared = attrs[WEFT_PEER_A_NEXT_PRESHARED_KEY];

	if (next)
		nla_memcpy(peer->next_public, next, sizeof(peer->next_public));
	if (next_preshared)
		nla_memcpy(peer->next_preshared, next_preshared, sizeof(peer->next_preshared));
	peer->has_next_public = next;
	peer->has_next_preshared = next_preshared;
	peer->has_grace = attrs[WEFT_PEER_A_GRACE];
	if (peer->has_grace)
		peer->grace_s = nla_get_u32(attrs[WEFT_PEER_A_GRACE]);
	return netlink_parse_end(&peer->ends_previous_public,
				 attrs[WEFT_PEER_A_PREVIOUS_PUBLIC_KEY], extack) ?:
	       netlink_parse_end(&peer->ends_previous_preshared,
				 attrs[WEFT_PEER_A_PREVIOUS_PRESHARED_KEY], extack);
}

static int netlink_parse_peer_values(struct weft_config_peer *peer, struct nlattr **attrs,
				     struct netlink_ext_ack *extack)
{
	struct nlattr *attr = attrs[WEFT_PEER_A_PROTOCOL_VERSION];
	int err;

	if (attr && nla_get_u32(attr) > 1)
		return netlink_refuse(extack, attr, -EPFNOSUPPORT,
				      "protocol version: only 1 exists");
	if (attrs[WEFT_PEER_A_FLAGS])
		peer->flags = nla_get_u32(attrs[WEFT_PEER_A_FLAGS]);
	attr = attrs[WEFT_PEER_A_PRESHARED_KEY];
	if (attr) {
		nla_memcpy(peer->preshared, attr, sizeof(peer->preshared));
		peer->has_preshared = true;
	}
	attr = attrs[WEFT_PEER_A_PERSISTENT_KEEPALIVE_INTERVAL];
	if (attr) {
		peer->persistent_s = nla_get_u16(attr);
		peer->has_persistent = true;
	}
	peer->exclusive = attrs[WEFT_PEER_A_EXCLUSIVE];
	peer->forget_timestamp = attrs[WEFT_PEER_A_FORGET_TIMESTAMP];
	attr = attrs[WEFT_PEER_A_NAME];
	err = attr ? netlink_parse_name(peer, attr, extack) : 0;
	err = err ?: netlink_parse_keys(peer, attrs, extack);
	if (err)
		return err;
	peer->connect = attrs[WEFT_PEER_A_CONNECT];
	return netlink_parse_places(peer, attrs, extack);
}

static int netlink_parse_peer(struct weft_config *config, struct nlattr *nest,
			      struct netlink_ext_ack *extack)
{
	struct nlattr *attrs[WEFT_PEER_A_MAX + 1];
	struct weft_config_peer *peer;
	int err;

	err = netlink_open_nest(attrs, WEFT_PEER_A_MAX, nest, extack);
	if (err)
		return err;
	if (!attrs[WEFT_PEER_A_PUBLIC_KEY])
		return netlink_refuse(extack, nest, -EINVAL, "peer: it needs a public key");
	peer = kzalloc(sizeof(*peer), GFP_KERNEL_ACCOUNT);
	if (!peer)
		return -ENOMEM;
	INIT_LIST_HEAD(&peer->allowedips);
	list_add_tail(&peer->list, &config->peers);
	nla_memcpy(peer->public_key, attrs[WEFT_PEER_A_PUBLIC_KEY], sizeof(peer->public_key));
	err = netlink_parse_peer_values(peer, attrs, extack);
	if (err || !attrs[WEFT_PEER_A_ALLOWEDIPS])
		return err;
	return netlink_parse_allowedips(&peer->allowedips, attrs[WEFT_PEER_A_ALLOWEDIPS], extack);
}

static int netlink_parse_peers(struct weft_config *config, struct nlattr *nest,
			       struct netlink_ext_ack *extack)
{
	struct nlattr *attr;
	int rest, err;

	nla_for_each_nested(attr, nest, rest) {
		err = netlink_parse_peer(config, attr, extack);
		if (err)
			return err;
		cond_resched();
	}
	if (rest > 0)
		return netlink_refuse(extack, nest, -EINVAL,
				      "peers: what is behind the last one is no attribute");
	return 0;
}

/* @own: there is room for what only weft has among the attributes. */
static int netlink_parse(struct weft_config *config, struct nlattr **attrs, bool own,
			 struct netlink_ext_ack *extack)
{
	int err = own ? weft_nl_addr_get_binding(config, attrs, extack) : 0;

	if (err)
		return err;
	if (attrs[WEFT_DEVICE_A_FLAGS])
		config->flags = nla_get_u32(attrs[WEFT_DEVICE_A_FLAGS]);
	if (attrs[WEFT_DEVICE_A_PRIVATE_KEY]) {
		nla_memcpy(config->private, attrs[WEFT_DEVICE_A_PRIVATE_KEY],
			   sizeof(config->private));
		config->has_private = true;
	}
	if (attrs[WEFT_DEVICE_A_LISTEN_PORT]) {
		config->binding.port = nla_get_u16(attrs[WEFT_DEVICE_A_LISTEN_PORT]);
		config->has_port = true;
	}
	if (attrs[WEFT_DEVICE_A_FWMARK]) {
		config->fwmark = nla_get_u32(attrs[WEFT_DEVICE_A_FWMARK]);
		config->has_fwmark = true;
	}
	if (attrs[WEFT_DEVICE_A_PMTU]) {
		config->pmtu = nla_get_u8(attrs[WEFT_DEVICE_A_PMTU]);
		config->has_pmtu = true;
	}
	if (attrs[WEFT_DEVICE_A_DSCP]) {
		config->dscp = nla_get_u8(attrs[WEFT_DEVICE_A_DSCP]);
		config->has_dscp = true;
	}
	return attrs[WEFT_DEVICE_A_PEERS] ?
		       netlink_parse_peers(config, attrs[WEFT_DEVICE_A_PEERS], extack) :
		       0;
}

/* The message carries keys, and its buffer goes back to the allocator. */
static void netlink_wipe(const struct nlattr *attr)
{
	if (attr)
		memzero_explicit(nla_data(attr), nla_len(attr));
}

int weft_nl_set_device_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct weft_device *device;
	struct weft_config config;
	struct net_device *dev;
	int err;

	dev = netlink_interface(genl_info_net(info), info->attrs, info->extack);
	if (IS_ERR(dev)) {
		err = PTR_ERR(dev);
		goto wipe;
	}
	device = weft_netdev_device(dev);
	weft_config_init(&config);
	err = netlink_parse(&config, info->attrs, info->nlhdr->nlmsg_type == netlink_family.id,
			    info->extack);
	if (!err) {
		mutex_lock(&device->config_lock);
		err = weft_config_prepare(&config, device, info->extack);
		if (!err)
			weft_config_apply(&config, device);
		mutex_unlock(&device->config_lock);
	}
	weft_config_free(&config);
	dev_put(dev);
wipe:
	netlink_wipe(info->attrs[WEFT_DEVICE_A_PRIVATE_KEY]);
	netlink_wipe(info->attrs[WEFT_DEVICE_A_PEERS]);
	return err;
}

static int netlink_rotate(struct weft_device *device, const struct genl_info *info)
{
	struct nlattr *action = info->attrs[WEFT_DEVICE_A_ROTATE_ACTION],
		      *private = info->attrs[WEFT_DEVICE_A_PRIVATE_KEY],
		      *grace = info->attrs[WEFT_DEVICE_A_GRACE];

	if (!action) {
		NL_SET_ERR_MSG(info->extack, "rotation: begin one, finish it, or undo it?");
		return -EINVAL;
	}
	switch (nla_get_u32(action)) {
	case WEFT_ROTATE_ACTION_BEGIN:
		if (private)
			return weft_rotation_begin(device, nla_data(private),
						   grace ? nla_get_u32(grace) : WEFT_GRACE_S,
						   info->extack);
		NL_SET_ERR_MSG(info->extack, "private key: a rotation begins with a new one");
		return -EINVAL;
	case WEFT_ROTATE_ACTION_FINISH:
		return weft_rotation_finish(device, info->extack);
	case WEFT_ROTATE_ACTION_UNDO:
		return weft_rotation_undo(device, info->extack);
	}
	return netlink_refuse(info->extack, action, -EINVAL,
			      "rotation: one can be begun, finished or undone");
}

int weft_nl_rotate_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct net_device *dev;
	int err;

	dev = netlink_interface(genl_info_net(info), info->attrs, info->extack);
	err = PTR_ERR_OR_ZERO(dev);
	if (!err) {
		err = netlink_rotate(weft_netdev_device(dev), info);
		dev_put(dev);
	}
	netlink_wipe(info->attrs[WEFT_DEVICE_A_PRIVATE_KEY]);
	return err;
}

static struct genl_family netlink_family __ro_after_init = {
	.name = WEFT_GENL_NAME,
	.version = WEFT_GENL_VERSION,
	.maxattr = WEFT_DEVICE_A_MAX,
	.policy = weft_device_nl_policy,
	.small_ops = weft_nl_ops,
	.n_small_ops = ARRAY_SIZE(weft_nl_ops),
	.mcgrps = weft_nl_mcgrps,
	.n_mcgrps = ARRAY_SIZE(weft_nl_mcgrps),
	.module = THIS_MODULE,
	.netnsok = true,
	.parallel_ops = true,
};

/*
 * As weft_device_nl_policy, without what WireGuard does not have. As long as that, for so many
 * attributes are looked for: the others are refused.
 */
static const struct nla_policy netlink_wireguard_policy[WEFT_DEVICE_A_MAX + 1] = {
	[WEFT_DEVICE_A_IFINDEX] = { .type = NLA_U32, },
	[WEFT_DEVICE_A_IFNAME] = { .type = NLA_NUL_STRING, .len = IFNAMSIZ - 1, },
	[WEFT_DEVICE_A_PRIVATE_KEY] = NLA_POLICY_EXACT_LEN(WEFT_KEY_LEN),
	[WEFT_DEVICE_A_PUBLIC_KEY] = NLA_POLICY_EXACT_LEN(WEFT_KEY_LEN),
	[WEFT_DEVICE_A_FLAGS] = NLA_POLICY_MASK(NLA_U32, WEFT_DEVICE_F_REPLACE_PEERS),
	[WEFT_DEVICE_A_LISTEN_PORT] = { .type = NLA_U16, },
	[WEFT_DEVICE_A_FWMARK] = { .type = NLA_U32, },
	[WEFT_DEVICE_A_PEERS] = { .type = NLA_NESTED_ARRAY, .nested_policy = weft_peer_nl_policy,
				  .len = WEFT_PEER_A_PROTOCOL_VERSION, },
};

/*
 * linux/wireguard.h: the same commands and attributes, up to and with the peers, and as lenient as
 * always about what a header's unused bits say.
 */
static struct genl_family netlink_wireguard_family __ro_after_init = {
	.name = "wireguard",
	.version = 1,
	.maxattr = WEFT_DEVICE_A_MAX,
	.policy = netlink_wireguard_policy,
	.small_ops = weft_nl_ops,
	.n_small_ops = WEFT_CMD_SET_DEVICE + 1,
	.resv_start_op = WEFT_CMD_SET_DEVICE + 1,
	.module = THIS_MODULE,
	.netnsok = true,
	.parallel_ops = true,
};

/**
 * weft_netlink_family() - the family, for events
 */
struct genl_family *weft_netlink_family(void)
{
	return &netlink_family;
}

/**
 * weft_netlink_init() - register the family
 * @compat: the family wireguard, too
 *
 * Context: process, once at load.
 * Return: 0 or a negative errno; -EEXIST if a name is taken.
 */
int __init weft_netlink_init(bool compat)
{
	int err = compat ? genl_register_family(&netlink_wireguard_family) : 0;

	if (err)
		return err;
	err = genl_register_family(&netlink_family);
	if (err && compat)
		genl_unregister_family(&netlink_wireguard_family);
	return err;
}

/**
 * weft_netlink_exit() - unregister the family
 * @compat: as weft_netlink_init() had it
 *
 * Context: process, once at unload.
 */
void weft_netlink_exit(bool compat)
{
	genl_unregister_family(&netlink_family);
	if (compat)
		genl_unregister_family(&netlink_wireguard_family);
}
