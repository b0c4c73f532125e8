// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/weft.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include "genl/message.h"
#include "model/attr.h"

void weft_message_start(struct weft_message_cursor *cursor,
			const struct weft_device *dev, unsigned int ifindex)
{
	memset(cursor, 0, sizeof(*cursor));
	cursor->dev = dev;
	cursor->ifindex = ifindex;
	cursor->peer = dev->peers;
	cursor->own = true;
	if (dev->peers)
		cursor->allowedip = dev->peers->allowedips;
}

bool weft_message_done(const struct weft_message_cursor *cursor)
{
	return cursor->started && !cursor->peer;
}

static int message_put_device(struct nl_msg *msg,
			      const struct weft_device *dev)
{
	int err = 0;

	if (dev->has & WEFT_DEVICE_HAS_PRIVATE_KEY)
		err |= nla_put(msg, WEFT_DEVICE_A_PRIVATE_KEY, WEFT_KEY_BYTES,
			       dev->private_key.bytes);
	if (dev->has & WEFT_DEVICE_HAS_LISTEN_PORT)
		err |= nla_put_u16(msg, WEFT_DEVICE_A_LISTEN_PORT,
				   dev->listen_port);
	if (dev->has & WEFT_DEVICE_HAS_FWMARK)
		err |= nla_put_u32(msg, WEFT_DEVICE_A_FWMARK, dev->fwmark);
	if (dev->has & WEFT_DEVICE_REPLACE_PEERS)
		err |= nla_put_u32(msg, WEFT_DEVICE_A_FLAGS,
				   WEFT_DEVICE_F_REPLACE_PEERS);
	return err;
}

/* Attributes of the device that wireguard does not have. */
static int message_put_own_device(struct nl_msg *msg,
				  const struct weft_device *dev)
{
	int err = 0;

	if (dev->has & WEFT_DEVICE_HAS_LISTEN_ADDRESS)
		err |= nla_put(msg, WEFT_DEVICE_A_LISTEN_ADDRESS4,
			       sizeof(dev->listen4), &dev->listen4) |
		       nla_put(msg, WEFT_DEVICE_A_LISTEN_ADDRESS6,
			       sizeof(dev->listen6), &dev->listen6);
	if (dev->has & WEFT_DEVICE_HAS_BIND_DEVICE)
		err |= nla_put_string(msg, WEFT_DEVICE_A_BIND_IFNAME,
				      dev->bind_device);
	if (dev->has & WEFT_DEVICE_HAS_PMTU)
		err |= nla_put_u8(msg, WEFT_DEVICE_A_PMTU, dev->pmtu);
	if (dev->has & WEFT_DEVICE_HAS_DSCP)
		err |= nla_put_u8(msg, WEFT_DEVICE_A_DSCP, dev->dscp);
	return err;
}

static int message_put_address(struct nl_msg *msg, int attribute,
			       const union weft_endpoint *endpoint)
{
	if (endpoint->any.sa_family == AF_INET)
		return nla_put(msg, attribute, sizeof(endpoint->ip4),
			       &endpoint->ip4);
	if (endpoint->any.sa_family == AF_INET6)
		return nla_put(msg, attribute, sizeof(endpoint->ip6),
			       &endpoint->ip6);
	return 0;
}

static __u32 message_peer_flags(const struct weft_peer *peer)
{
	__u32 flags = 0;

	if (peer->has & WEFT_PEER_REMOVE)
		flags |= WEFT_PEER_F_REMOVE_ME;
	if (peer->has & WEFT_PEER_REPLACE_ALLOWEDIPS)
		flags |= WEFT_PEER_F_REPLACE_ALLOWEDIPS;
	if (peer->has & WEFT_PEER_UPDATE_ONLY)
		flags |= WEFT_PEER_F_UPDATE_ONLY;
	return flags;
}

static int message_put_peer(struct nl_msg *msg, const struct weft_peer *peer)
{
	__u32 flags = message_peer_flags(peer);
	int err;

	err = nla_put(msg, WEFT_PEER_A_PUBLIC_KEY, WEFT_KEY_BYTES,
		      peer->public_key.bytes);
	if (flags)
		err |= nla_put_u32(msg, WEFT_PEER_A_FLAGS, flags);
	if (peer->has & WEFT_PEER_REMOVE)
		return err;
	if (peer->has & WEFT_PEER_CONNECT)
		err |= nla_put_flag(msg, WEFT_PEER_A_CONNECT);
	if (peer->has & WEFT_PEER_HAS_PRESHARED_KEY)
		err |= nla_put(msg, WEFT_PEER_A_PRESHARED_KEY, WEFT_KEY_BYTES,
			       peer->preshared_key.bytes);
	if (peer->has & WEFT_PEER_HAS_KEEPALIVE)
		err |= nla_put_u16(msg,
				   WEFT_PEER_A_PERSISTENT_KEEPALIVE_INTERVAL,
				   peer->keepalive);
	return err | message_put_address(msg, WEFT_PEER_A_ENDPOINT,
					 &peer->endpoint);
}

static int message_put_candidate(struct nl_msg *msg,
				 const union weft_endpoint *endpoint)
{
	struct nlattr *nest = nla_nest_start(msg, NLA_F_NESTED);

	if (!nest || message_put_address(msg, WEFT_CANDIDATE_A_ENDPOINT,
					 endpoint))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

/* An empty nest removes all candidates; libnl's nesting functions would drop it. */
static int message_put_candidates(struct nl_msg *msg,
				  const struct weft_peer *peer)
{
	struct nlattr *nest;
	size_t i;

	if (!peer->candidate_count)
		return nla_put(msg, WEFT_PEER_A_CANDIDATES | NLA_F_NESTED, 0,
			       NULL);
	nest = nla_nest_start(msg, WEFT_PEER_A_CANDIDATES | NLA_F_NESTED);
	if (!nest)
		return -EMSGSIZE;
	for (i = 0; i < peer->candidate_count; i++)
		if (message_put_candidate(msg, &peer->candidates[i]))
			return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int message_put_key(struct nl_msg *msg, int type, bool there,
			   const struct weft_key *key)
{
	return there ? nla_put(msg, type, WEFT_KEY_BYTES, key->bytes) : 0;
}

static int message_put_keys(struct nl_msg *msg, const struct weft_peer *peer)
{
	int err;

	err = message_put_key(msg, WEFT_PEER_A_NEXT_PUBLIC_KEY,
			      peer->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY,
			      &peer->next_public_key);
	err |= message_put_key(msg, WEFT_PEER_A_PREVIOUS_PUBLIC_KEY,
			       peer->has & WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY,
			       &peer->previous_public_key);
	err |= message_put_key(msg, WEFT_PEER_A_NEXT_PRESHARED_KEY,
			       peer->has & WEFT_PEER_HAS_NEXT_PRESHARED_KEY,
			       &peer->next_preshared_key);
	err |= message_put_key(msg, WEFT_PEER_A_PREVIOUS_PRESHARED_KEY,
			       peer->has & WEFT_PEER_HAS_PREVIOUS_PRESHARED_KEY,
			       &peer->previous_preshared_key);
	if (peer->has & WEFT_PEER_HAS_GRACE)
		err |= nla_put_u32(msg, WEFT_PEER_A_GRACE, peer->grace);
	return err;
}

/*
 * Attributes of the peer that only weft has; they are not sent to other links.
 * @fresh: the peer is created, so defaults need not be sent.
 */
static int message_put_own_peer(struct nl_msg *msg,
				const struct weft_peer *peer, bool fresh)
{
	int err = 0;

	if (peer->has & WEFT_PEER_REMOVE)
		return 0;
	if (peer->has & WEFT_PEER_HAS_CANDIDATES &&
	    (peer->candidate_count || !fresh))
		err |= message_put_candidates(msg, peer);
	if (peer->has & WEFT_PEER_HAS_ROAM && (!peer->roam || !fresh))
		err |= nla_put_u8(msg, WEFT_PEER_A_ROAM, peer->roam);
	if (peer->has & WEFT_PEER_HAS_NAME)
		err |= nla_put_string(msg, WEFT_PEER_A_NAME,
				      peer->name ? peer->name : "");
	err |= message_put_keys(msg, peer);
	if (peer->has & WEFT_PEER_EXCLUSIVE)
		err |= nla_put_flag(msg, WEFT_PEER_A_EXCLUSIVE);
	if (peer->has & WEFT_PEER_FORGET_TIMESTAMP)
		err |= nla_put_flag(msg, WEFT_PEER_A_FORGET_TIMESTAMP);
	return err;
}

/*
 * The rest of a peer that an earlier message began. The peer may have been removed
 * meanwhile, and must not be recreated in part.
 */
static int message_put_rest(struct nl_msg *msg, const struct weft_peer *peer)
{
	int err;

	err = nla_put(msg, WEFT_PEER_A_PUBLIC_KEY, WEFT_KEY_BYTES,
		      peer->public_key.bytes) |
	      nla_put_u32(msg, WEFT_PEER_A_FLAGS, WEFT_PEER_F_UPDATE_ONLY);
	if (peer->has & WEFT_PEER_EXCLUSIVE)
		err |= nla_put_flag(msg, WEFT_PEER_A_EXCLUSIVE);
	return err;
}

static int message_put_head(struct nl_msg *msg,
			    const struct weft_message_cursor *cursor)
{
	if (cursor->continued)
		return message_put_rest(msg, cursor->peer);
	if (message_put_peer(msg, cursor->peer))
		return -EMSGSIZE;
	return cursor->own ?
	       message_put_own_peer(msg, cursor->peer,
				    cursor->dev->has & WEFT_DEVICE_REPLACE_PEERS) :
	       0;
}

static int message_put_allowedip(struct nl_msg *msg,
				 const struct weft_allowedip *ip)
{
	struct nlattr *nest = nla_nest_start(msg, NLA_F_NESTED);
	size_t len = ip->family == AF_INET ? sizeof(ip->ip4) : sizeof(ip->ip6);
	int err;

	if (!nest)
		return -EMSGSIZE;
	err = nla_put_u16(msg, WEFT_ALLOWEDIP_A_FAMILY, ip->family) |
	      nla_put(msg, WEFT_ALLOWEDIP_A_IPADDR, len, &ip->ip4) |
	      nla_put_u8(msg, WEFT_ALLOWEDIP_A_CIDR_MASK, ip->cidr);
	if (ip->remove)
		err |= nla_put_u32(msg, WEFT_ALLOWEDIP_A_FLAGS,
				   WEFT_ALLOWEDIP_F_REMOVE_ME);
	if (err) {
		nla_nest_cancel(msg, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(msg, nest);
	return 0;
}

/* 0 when all fit; -EMSGSIZE, with the cursor after the last prefix that did. */
static int message_put_allowedips(struct nl_msg *msg,
				  struct weft_message_cursor *cursor)
{
	struct nlattr *nest;
	int err = 0;

	if (!cursor->allowedip)
		return 0;
	nest = nla_nest_start(msg, WEFT_PEER_A_ALLOWEDIPS | NLA_F_NESTED);
	if (!nest)
		return -EMSGSIZE;
	while (cursor->allowedip && !err) {
		err = message_put_allowedip(msg, cursor->allowedip);
		if (!err)
			cursor->allowedip = cursor->allowedip->next;
	}
	nla_nest_end(msg, nest);
	return err;
}

/* 0 when the peer is complete; -EMSGSIZE when only a part of it fits, or nothing. */
static int message_put_next_peer(struct nl_msg *msg,
				 struct weft_message_cursor *cursor)
{
	const struct weft_peer *peer = cursor->peer;
	struct nlattr *nest = nla_nest_start(msg, NLA_F_NESTED);
	int err = -EMSGSIZE;

	if (!nest)
		return err;
	if (message_put_head(msg, cursor)) {
		nla_nest_cancel(msg, nest);
		return err;
	}
	err = peer->has & WEFT_PEER_REMOVE ? 0 :
	      message_put_allowedips(msg, cursor);
	nla_nest_end(msg, nest);
	if (err) {
		cursor->continued = true;
		return err;
	}
	cursor->continued = false;
	cursor->peer = peer->next;
	cursor->allowedip = peer->next ? peer->next->allowedips : NULL;
	return 0;
}

int weft_message_put(struct nl_msg *msg, struct weft_message_cursor *cursor)
{
	struct nlattr *nest;

	if (nla_put_u32(msg, WEFT_DEVICE_A_IFINDEX, cursor->ifindex))
		return -EMSGSIZE;
	if (!cursor->started && message_put_device(msg, cursor->dev))
		return -EMSGSIZE;
	if (!cursor->started && cursor->own &&
	    message_put_own_device(msg, cursor->dev))
		return -EMSGSIZE;
	cursor->started = true;
	if (!cursor->peer)
		return 0;
	nest = nla_nest_start(msg, WEFT_DEVICE_A_PEERS | NLA_F_NESTED);
	if (!nest)
		return -EMSGSIZE;
	while (cursor->peer && !message_put_next_peer(msg, cursor))
		;
	nla_nest_end(msg, nest);
	return 0;
}

/*
 * The kernel is trusted, but a shorter number must not be read past its end.
 * libnl does not take the table as const.
 */
static struct nla_policy device_policy[WEFT_DEVICE_A_MAX + 1] = {
	[WEFT_DEVICE_A_LISTEN_PORT] = { .type = NLA_U16 },
	[WEFT_DEVICE_A_FWMARK] = { .type = NLA_U32 },
};

static struct nla_policy peer_policy[WEFT_PEER_A_MAX + 1] = {
	[WEFT_PEER_A_PERSISTENT_KEEPALIVE_INTERVAL] = { .type = NLA_U16 },
	[WEFT_PEER_A_RX_BYTES] = { .type = NLA_U64 },
	[WEFT_PEER_A_TX_BYTES] = { .type = NLA_U64 },
};

static struct nla_policy allowedip_policy[WEFT_ALLOWEDIP_A_MAX + 1] = {
	[WEFT_ALLOWEDIP_A_FAMILY] = { .type = NLA_U16 },
	[WEFT_ALLOWEDIP_A_CIDR_MASK] = { .type = NLA_U8 },
};

static bool message_get_key(struct nlattr *attr, struct weft_key *key)
{
	if (!attr || nla_len(attr) != WEFT_KEY_BYTES)
		return false;
	memcpy(key->bytes, nla_data(attr), WEFT_KEY_BYTES);
	return true;
}

/* Numbers that only weft reports. Returns the bits of those present. */
static __u64 message_get_attrs(struct nlattr **tb,
			       const struct weft_attr *attrs, void *owner)
{
	const struct weft_attr *attr;
	struct nlattr *nla;
	__u64 known = 0;

	for (attr = attrs; attr->name; attr++) {
		nla = tb[attr->attribute];
		if (!nla || nla_len(nla) != (int)attr->size)
			continue;
		weft_attr_take(attr, owner, nla_data(nla));
		known |= WEFT_ATTR_BIT(attr->attribute);
	}
	return known;
}

/* The nest omits zeros; unknown reasons of a newer kernel are skipped. */
static bool message_get_drops(struct nlattr *nest, __u64 *drops)
{
	struct nlattr *attr;
	int left, type;

	if (!nest)
		return false;
	nla_for_each_nested(attr, nest, left) {
		type = nla_type(attr);
		if (type > 0 && type <= WEFT_DROPS_A_MAX &&
		    nla_len(attr) == sizeof(*drops))
			drops[type] = nla_get_u64(attr);
	}
	return true;
}

static __u64 message_get_u64(struct nlattr *attr)
{
	return attr ? nla_get_u64(attr) : 0;
}

static int message_parse_allowedip(struct nlattr *nest, struct weft_peer *peer)
{
	struct nlattr *tb[WEFT_ALLOWEDIP_A_MAX + 1];
	struct weft_allowedip *ip;
	size_t len;
	__u16 family;

	if (nla_parse_nested(tb, WEFT_ALLOWEDIP_A_MAX, nest,
			     allowedip_policy) ||
	    !tb[WEFT_ALLOWEDIP_A_FAMILY] || !tb[WEFT_ALLOWEDIP_A_IPADDR] ||
	    !tb[WEFT_ALLOWEDIP_A_CIDR_MASK])
		return -EBADMSG;
	family = nla_get_u16(tb[WEFT_ALLOWEDIP_A_FAMILY]);
	len = family == AF_INET ? sizeof(ip->ip4) : sizeof(ip->ip6);
	if ((family != AF_INET && family != AF_INET6) ||
	    nla_len(tb[WEFT_ALLOWEDIP_A_IPADDR]) != (int)len)
		return -EBADMSG;
	ip = weft_model_allowedip_add(peer);
	if (!ip)
		return -ENOMEM;
	ip->family = family;
	ip->cidr = nla_get_u8(tb[WEFT_ALLOWEDIP_A_CIDR_MASK]);
	memcpy(&ip->ip4, nla_data(tb[WEFT_ALLOWEDIP_A_IPADDR]), len);
	return 0;
}

static int message_parse_allowedips(struct nlattr *nest,
				    struct weft_peer *peer)
{
	struct nlattr *attr;
	int left, err;

	if (!nest)
		return 0;
	nla_for_each_nested(attr, nest, left) {
		err = message_parse_allowedip(attr, peer);
		if (err)
			return err;
	}
	return 0;
}

void weft_message_parse_endpoint(struct nlattr *attr,
				 union weft_endpoint *endpoint)
{
	sa_family_t family;

	if (!attr || nla_len(attr) < (int)sizeof(endpoint->any))
		return;
	memcpy(&family, nla_data(attr), sizeof(family));
	if (family == AF_INET && nla_len(attr) == sizeof(endpoint->ip4))
		memcpy(&endpoint->ip4, nla_data(attr), sizeof(endpoint->ip4));
	if (family == AF_INET6 && nla_len(attr) == sizeof(endpoint->ip6))
		memcpy(&endpoint->ip6, nla_data(attr), sizeof(endpoint->ip6));
}

static void message_parse_handshake(struct nlattr *attr,
				    struct weft_peer *peer)
{
	__s64 time[2];

	if (!attr || nla_len(attr) != sizeof(time))
		return;
	memcpy(time, nla_data(attr), sizeof(time));
	/* Ages are computed from it, and must not overflow. */
	if (time[0] < 0)
		return;
	peer->handshake_s = time[0];
	peer->handshake_ns = time[1];
}

static void message_parse_keys(struct nlattr **tb, struct weft_peer *peer)
{
	if (message_get_key(tb[WEFT_PEER_A_NEXT_PUBLIC_KEY],
			    &peer->next_public_key))
		peer->has |= WEFT_PEER_HAS_NEXT_PUBLIC_KEY;
	if (message_get_key(tb[WEFT_PEER_A_PREVIOUS_PUBLIC_KEY],
			    &peer->previous_public_key))
		peer->has |= WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY;
	if (message_get_key(tb[WEFT_PEER_A_NEXT_PRESHARED_KEY],
			    &peer->next_preshared_key))
		peer->has |= WEFT_PEER_HAS_NEXT_PRESHARED_KEY;
	if (message_get_key(tb[WEFT_PEER_A_PREVIOUS_PRESHARED_KEY],
			    &peer->previous_preshared_key))
		peer->has |= WEFT_PEER_HAS_PREVIOUS_PRESHARED_KEY;
}

static void message_parse_peer_attrs(struct nlattr **tb, struct weft_peer *peer)
{
	struct nlattr *keepalive =
		tb[WEFT_PEER_A_PERSISTENT_KEEPALIVE_INTERVAL];

	if (message_get_key(tb[WEFT_PEER_A_PRESHARED_KEY],
			    &peer->preshared_key) &&
	    !weft_key_is_zero(&peer->preshared_key))
		peer->has |= WEFT_PEER_HAS_PRESHARED_KEY;
	if (keepalive) {
		peer->keepalive = nla_get_u16(keepalive);
		peer->has |= WEFT_PEER_HAS_KEEPALIVE;
	}
	message_parse_keys(tb, peer);
	weft_message_parse_endpoint(tb[WEFT_PEER_A_ENDPOINT], &peer->endpoint);
	message_parse_handshake(tb[WEFT_PEER_A_LAST_HANDSHAKE_TIME], peer);
	peer->rx_bytes = message_get_u64(tb[WEFT_PEER_A_RX_BYTES]);
	peer->tx_bytes = message_get_u64(tb[WEFT_PEER_A_TX_BYTES]);
	peer->known = message_get_attrs(tb, weft_peer_attrs, peer);
	if (message_get_drops(tb[WEFT_PEER_A_DROPS], peer->drops))
		peer->known |= WEFT_ATTR_BIT(WEFT_PEER_A_DROPS);
}

static int message_parse_candidate(struct nlattr *nest, struct weft_peer *peer)
{
	struct nlattr *tb[WEFT_CANDIDATE_A_MAX + 1];
	union weft_endpoint endpoint = { };

	if (nla_parse_nested(tb, WEFT_CANDIDATE_A_MAX, nest, NULL))
		return -EBADMSG;
	weft_message_parse_endpoint(tb[WEFT_CANDIDATE_A_ENDPOINT], &endpoint);
	if (endpoint.any.sa_family == AF_UNSPEC)
		return 0;
	return weft_model_candidate_add(peer, &endpoint) ? 0 : -ENOMEM;
}

/* The candidates, and whether the peer may roam. */
static int message_parse_candidates(struct nlattr **tb, struct weft_peer *peer)
{
	struct nlattr *roam = tb[WEFT_PEER_A_ROAM], *attr;
	int left, err;

	if (roam && nla_len(roam) == sizeof(__u8)) {
		peer->roam = nla_get_u8(roam);
		peer->has |= WEFT_PEER_HAS_ROAM;
	}
	if (!tb[WEFT_PEER_A_CANDIDATES])
		return 0;
	nla_for_each_nested(attr, tb[WEFT_PEER_A_CANDIDATES], left) {
		err = message_parse_candidate(attr, peer);
		if (err)
			return err;
	}
	peer->has |= WEFT_PEER_HAS_CANDIDATES;
	return 0;
}

static int message_parse_name(struct nlattr *attr, struct weft_peer *peer)
{
	if (!attr)
		return 0;
	peer->name = strndup(nla_data(attr), nla_len(attr));
	peer->has |= WEFT_PEER_HAS_NAME;
	return peer->name ? 0 : -ENOMEM;
}

/* A peer whose prefixes did not fit continues as the first peer of the next part. */
static struct weft_peer *message_find_peer(struct weft_device *dev,
					   const struct weft_key *key,
					   bool first)
{
	if (first && dev->last_peer &&
	    weft_key_equal(&dev->last_peer->public_key, key))
		return dev->last_peer;
	return NULL;
}

static int message_parse_own_peer(struct nlattr **tb, struct weft_peer *peer)
{
	int err = message_parse_name(tb[WEFT_PEER_A_NAME], peer);

	return err ? err : message_parse_candidates(tb, peer);
}

static int message_parse_peer(struct nlattr *nest, struct weft_device *dev,
			      bool first)
{
	struct nlattr *tb[WEFT_PEER_A_MAX + 1];
	struct weft_peer *peer;
	struct weft_key key;
	int err;

	if (nla_parse_nested(tb, WEFT_PEER_A_MAX, nest, peer_policy) ||
	    !message_get_key(tb[WEFT_PEER_A_PUBLIC_KEY], &key))
		return -EBADMSG;
	peer = message_find_peer(dev, &key, first);
	if (!peer) {
		peer = weft_model_peer_add(dev);
		if (!peer)
			return -ENOMEM;
		peer->public_key = key;
		peer->has |= WEFT_PEER_HAS_PUBLIC_KEY;
		message_parse_peer_attrs(tb, peer);
		err = message_parse_own_peer(tb, peer);
		if (err)
			return err;
	}
	return message_parse_allowedips(tb[WEFT_PEER_A_ALLOWEDIPS], peer);
}

static void message_parse_binding(struct nlattr **tb, struct weft_device *dev)
{
	struct nlattr *four = tb[WEFT_DEVICE_A_LISTEN_ADDRESS4];
	struct nlattr *six = tb[WEFT_DEVICE_A_LISTEN_ADDRESS6];

	if (four && nla_len(four) == sizeof(dev->listen4) &&
	    six && nla_len(six) == sizeof(dev->listen6)) {
		memcpy(&dev->listen4, nla_data(four), sizeof(dev->listen4));
		memcpy(&dev->listen6, nla_data(six), sizeof(dev->listen6));
		dev->has |= WEFT_DEVICE_HAS_LISTEN_ADDRESS |
			    WEFT_DEVICE_HAS_BIND_DEVICE;
	}
	if (tb[WEFT_DEVICE_A_BIND_IFNAME])
		nla_strlcpy(dev->bind_device, tb[WEFT_DEVICE_A_BIND_IFNAME],
			    sizeof(dev->bind_device));
}

static void message_parse_device(struct nlattr **tb, struct weft_device *dev)
{
	if (message_get_key(tb[WEFT_DEVICE_A_PRIVATE_KEY], &dev->private_key) &&
	    !weft_key_is_zero(&dev->private_key))
		dev->has |= WEFT_DEVICE_HAS_PRIVATE_KEY;
	if (message_get_key(tb[WEFT_DEVICE_A_PUBLIC_KEY], &dev->public_key) &&
	    !weft_key_is_zero(&dev->public_key))
		dev->has |= WEFT_DEVICE_HAS_PUBLIC_KEY;
	if (message_get_key(tb[WEFT_DEVICE_A_PREVIOUS_PUBLIC_KEY],
			    &dev->previous_public_key))
		dev->has |= WEFT_DEVICE_HAS_PREVIOUS_PUBLIC_KEY;
	if (tb[WEFT_DEVICE_A_LISTEN_PORT]) {
		dev->listen_port = nla_get_u16(tb[WEFT_DEVICE_A_LISTEN_PORT]);
		dev->has |= WEFT_DEVICE_HAS_LISTEN_PORT;
	}
	if (tb[WEFT_DEVICE_A_FWMARK]) {
		dev->fwmark = nla_get_u32(tb[WEFT_DEVICE_A_FWMARK]);
		dev->has |= WEFT_DEVICE_HAS_FWMARK;
	}
	message_parse_binding(tb, dev);
	/* Later parts of a dump do not repeat the device's attributes. */
	dev->known |= message_get_attrs(tb, weft_device_attrs, dev);
	if (message_get_drops(tb[WEFT_DEVICE_A_DROPS], dev->drops))
		dev->known |= WEFT_ATTR_BIT(WEFT_DEVICE_A_DROPS);
}

int weft_message_parse(const struct nlattr *head, int len,
		       struct weft_device *dev)
{
	struct nlattr *tb[WEFT_DEVICE_A_MAX + 1], *attr;
	bool first = true;
	int left, err;

	if (nla_parse(tb, WEFT_DEVICE_A_MAX, (struct nlattr *)head, len,
		      device_policy))
		return -EBADMSG;
	message_parse_device(tb, dev);
	if (!tb[WEFT_DEVICE_A_PEERS])
		return 0;
	nla_for_each_nested(attr, tb[WEFT_DEVICE_A_PEERS], left) {
		err = message_parse_peer(attr, dev, first);
		if (err)
			return err;
		first = false;
	}
	return 0;
}

int weft_message_put_rotation(struct nl_msg *msg, unsigned int ifindex,
			      const struct weft_rotation *rotation)
{
	int err = nla_put_u32(msg, WEFT_DEVICE_A_IFINDEX, ifindex) |
		  nla_put_u32(msg, WEFT_DEVICE_A_ROTATE_ACTION,
			      rotation->action);

	if (rotation->action != WEFT_ROTATE_ACTION_BEGIN)
		return err;
	return err | nla_put(msg, WEFT_DEVICE_A_PRIVATE_KEY, WEFT_KEY_BYTES,
			     rotation->private_key.bytes) |
	       nla_put_u32(msg, WEFT_DEVICE_A_GRACE, rotation->grace);
}
