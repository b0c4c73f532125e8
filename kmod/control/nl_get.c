// SPDX-License-Identifier: GPL-2.0
/*
 * GET: a device, its peers and their allowed IPs, as a dump of several messages.
 */

#include "control/netdev.h"
#include "control/netlink-gen.h"
#include "control/netlink.h"
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

#include <linux/string.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include <uapi/linux/weft.h>

/*
 * The position of a dump. The pointers are valid as long as the generation is the device's: then no
 * peer or allowed IP has been removed. Otherwise the serial and the count give the position.
 */
struct nl_get_cursor {
	u64 generation;
	/* of the peer to continue with; 0: none has been sent yet */
	u64 serial;
	struct weft_peer *peer;			/* the same */
	/* its allowed IP to continue with; NULL: begin with the peer */
	struct weft_allowedips_node *node;
	u32 node_count;				/* its allowed IPs that have been sent */
	bool finished;
	bool own;				/* for weft's own family, not WireGuard's */
};

static struct nl_get_cursor *nl_get_cursor(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct nl_get_cursor) > sizeof(cb->ctx));
	return (struct nl_get_cursor *)cb->ctx;
}

static int nl_get_put_allowedip(struct sk_buff *skb, const struct weft_allowedips_node *node)
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
 * Puts the allowed IPs of @peer from the cursor's on. The cursor is set to the first that did not
 * fit, or to NULL.
 */
static int nl_get_put_allowedips(struct sk_buff *skb, struct weft_peer *peer,
				 struct nl_get_cursor *cursor)
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
		err = nl_get_put_allowedip(skb, node);
		if (err) {
			cursor->node = node;
			break;
		}
		cursor->node_count++;
	}
	nla_nest_end(skb, nest);
	return err;
}

static int nl_get_put_preshared(struct sk_buff *skb, struct weft_peer *peer, int type,
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

static int nl_get_put_public(struct sk_buff *skb, struct weft_peer *peer, int type,
			     enum weft_key_slot slot)
{
	u8 public[WEFT_KEY_LEN];

	if (!weft_lookup_read(peer, slot, public))
		return 0;
	return nla_put(skb, type, sizeof(public), public);
}

/* Puts the seconds until @until_ns, at least one; 0: there is no such time. */
static int nl_get_put_grace_left(struct sk_buff *skb, int type, u64 until_ns)
{
	u64 now = ktime_get_coarse_boottime_ns();

	if (!until_ns)
		return 0;
	return nla_put_u32(skb, type, until_ns > now ?
					      DIV_ROUND_UP_ULL(until_ns - now, NSEC_PER_SEC) : 1);
}

static enum weft_identity_used nl_get_identity_used(const struct weft_peer *peer)
{
	u64 serial = atomic64_read(&peer->session_identity);

	if (!serial)
		return WEFT_IDENTITY_NONE;
	return weft_identity_is(&peer->device->identity, serial) ? WEFT_IDENTITY_CURRENT :
								   WEFT_IDENTITY_PREVIOUS;
}

/* The keys of a peer that WireGuard does not have. */
static int nl_get_put_keys(struct sk_buff *skb, struct weft_peer *peer)
{
	if (nl_get_put_public(skb, peer, WEFT_PEER_A_NEXT_PUBLIC_KEY, WEFT_KEY_SLOT_NEXT) ||
	    nl_get_put_public(skb, peer, WEFT_PEER_A_PREVIOUS_PUBLIC_KEY,
			      WEFT_KEY_SLOT_PREVIOUS) ||
	    nl_get_put_preshared(skb, peer, WEFT_PEER_A_NEXT_PRESHARED_KEY, WEFT_KEY_SLOT_NEXT) ||
	    nl_get_put_preshared(skb, peer, WEFT_PEER_A_PREVIOUS_PRESHARED_KEY,
				 WEFT_KEY_SLOT_PREVIOUS) ||
	    nla_put_u32(skb, WEFT_PEER_A_GRACE, READ_ONCE(peer->keys.grace_s)) ||
	    nla_put_u32(skb, WEFT_PEER_A_IDENTITY, nl_get_identity_used(peer)))
		return -EMSGSIZE;
	return nl_get_put_grace_left(skb, WEFT_PEER_A_GRACE_LEFT,
				     weft_peer_keys_until(peer, WEFT_KEY_PUBLIC)) ?:
	       nl_get_put_grace_left(skb, WEFT_PEER_A_PRESHARED_GRACE_LEFT,
				     weft_peer_keys_until(peer, WEFT_KEY_PRESHARED));
}

static int nl_get_put_endpoint(struct sk_buff *skb, struct weft_peer *peer)
{
	struct weft_endpoint endpoint;

	weft_endpoint_read(&peer->endpoint, &endpoint);
	return weft_nl_addr_put(skb, WEFT_PEER_A_ENDPOINT, &endpoint);
}

static int nl_get_put_name(struct sk_buff *skb, struct weft_peer *peer)
{
	const struct weft_peer_name *name =
		rcu_dereference_protected(peer->name,
					  lockdep_is_held(&peer->device->config_lock));

	return name ? nla_put_string(skb, WEFT_PEER_A_NAME, name->text) : 0;
}

/* Milliseconds from @then, of the coarse boot-time clock, to @now. */
static u64 nl_get_age(u64 then, u64 now)
{
	return div_u64(now > then ? now - then : 0, NSEC_PER_MSEC);
}

/* 0: it has never happened. */
static int nl_get_put_age(struct sk_buff *skb, int attr, u64 then, u64 now)
{
	return then ? nla_put_u64_64bit(skb, attr, nl_get_age(then, now), WEFT_PEER_A_UNSPEC) : 0;
}

static int nl_get_put_liveness(struct sk_buff *skb, struct weft_peer *peer)
{
	u64 now = ktime_get_coarse_boottime_ns(), since;
	u32 state = weft_timers_state(peer, now, &since);
	u32 rtt_us = READ_ONCE(peer->handshake_rtt_us);

	if (nla_put_u32(skb, WEFT_PEER_A_STATE, state) ||
	    nla_put_u64_64bit(skb, WEFT_PEER_A_STATE_AGE, nl_get_age(since, now),
			      WEFT_PEER_A_UNSPEC) ||
	    nl_get_put_age(skb, WEFT_PEER_A_RX_AGE, atomic64_read(&peer->rx_at_ns), now) ||
	    nl_get_put_age(skb, WEFT_PEER_A_TX_AGE, atomic64_read(&peer->tx_at_ns), now))
		return -EMSGSIZE;
	return rtt_us ? nla_put_u32(skb, WEFT_PEER_A_HANDSHAKE_RTT, rtt_us) : 0;
}

static int nl_get_put_peer_values(struct sk_buff *skb, struct weft_peer *peer)
{
	struct timespec64 at = ns_to_timespec64(atomic64_read(&peer->handshake_real_ns));
	struct __kernel_timespec last = { .tv_sec = at.tv_sec, .tv_nsec = at.tv_nsec };

	if (nl_get_put_preshared(skb, peer, WEFT_PEER_A_PRESHARED_KEY, WEFT_KEY_SLOT_CURRENT) ||
	    nla_put(skb, WEFT_PEER_A_LAST_HANDSHAKE_TIME, sizeof(last), &last) ||
	    nla_put_u16(skb, WEFT_PEER_A_PERSISTENT_KEEPALIVE_INTERVAL,
			READ_ONCE(peer->fsm.persistent_s)) ||
	    nla_put_u64_64bit(skb, WEFT_PEER_A_TX_BYTES, atomic64_read(&peer->tx_bytes),
			      WEFT_PEER_A_UNSPEC) ||
	    nla_put_u64_64bit(skb, WEFT_PEER_A_RX_BYTES, atomic64_read(&peer->rx_bytes),
			      WEFT_PEER_A_UNSPEC) ||
	    nla_put_u32(skb, WEFT_PEER_A_PROTOCOL_VERSION, 1))
		return -EMSGSIZE;
	return nl_get_put_endpoint(skb, peer);
}

static int nl_get_put_path_mtu(struct sk_buff *skb, const struct weft_peer *peer)
{
	u32 limit = weft_pmtu_path_limit(&peer->path);

	if (!peer->device->pmtu || limit == U32_MAX)
		return 0;
	return nla_put_u32(skb, WEFT_PEER_A_PATH_MTU, limit);
}

/* Attributes of weft's own family. */
static int nl_get_put_own_peer_values(struct sk_buff *skb, struct weft_peer *peer)
{
	/* The configuration's lock is enough to read both. */
	return nla_put_u8(skb, WEFT_PEER_A_ROAM, !peer->endpoint.pinned) ?:
	       weft_nl_addr_put_candidates(skb, peer->endpoint.candidates) ?:
	       nl_get_put_path_mtu(skb, peer) ?:
	       nl_get_put_name(skb, peer) ?:
	       nl_get_put_keys(skb, peer) ?:
	       nl_get_put_liveness(skb, peer) ?:
	       weft_nl_stats_peer(skb, peer);
}

/*
 * Puts one peer, or the rest of it. A peer that is cut short at an allowed IP is kept; otherwise
 * nothing of it is.
 */
static int nl_get_put_peer(struct sk_buff *skb, struct weft_peer *peer,
			   struct nl_get_cursor *cursor)
{
	struct nlattr *nest = nla_nest_start(skb, 0);
	u32 before = cursor->node_count;
	bool begins = !cursor->node;
	int err = 0;

	if (!nest)
		return -EMSGSIZE;
	if (nla_put(skb, WEFT_PEER_A_PUBLIC_KEY, WEFT_KEY_LEN, weft_peer_keys_now(&peer->keys)) ||
	    (begins && nl_get_put_peer_values(skb, peer)) ||
	    (begins && cursor->own && nl_get_put_own_peer_values(skb, peer)))
		goto cancel;
	if (!list_empty(&peer->allowedips))
		err = nl_get_put_allowedips(skb, peer, cursor);
	if (err && cursor->node_count == before)
		goto cancel;
	nla_nest_end(skb, nest);
	return err;

cancel:
	if (begins)
		cursor->node = NULL;
	nla_nest_cancel(skb, nest);
	return -EMSGSIZE;
}

/*
 * Finds the cursor's position again after the device has changed. Returns the peer, or NULL when
 * there are no more.
 */
static struct weft_peer *nl_get_find_again(struct weft_device *device,
					   struct nl_get_cursor *cursor)
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
	/* The rest of its allowed IPs has been removed: continue with the next peer. */
	if (cursor->node_count) {
		cursor->node_count = 0;
		return list_is_last(&peer->list, &device->peers) ? NULL :
								   list_next_entry(peer, list);
	}
	return peer;
}

/* The peer to continue with, or NULL when there are no more. */
static struct weft_peer *nl_get_resume(struct weft_device *device, struct nl_get_cursor *cursor)
{
	if (!cursor->serial)
		return list_first_entry_or_null(&device->peers, struct weft_peer, list);
	if (cursor->generation == device->generation)
		return cursor->peer;
	return nl_get_find_again(device, cursor);
}

static int nl_get_put_peers(struct sk_buff *skb, struct weft_device *device,
			    struct nl_get_cursor *cursor)
{
	struct weft_peer *peer = nl_get_resume(device, cursor);
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
		err = nl_get_put_peer(skb, peer, cursor);
		if (err)
			break;
		cursor->node_count = 0;
	}
	nla_nest_end(skb, nest);
	cursor->generation = device->generation;
	cursor->finished = !err;
	return 0;
}

static int nl_get_put_identity(struct sk_buff *skb, struct weft_device *device)
{
	const struct weft_identity *identity = weft_rotation_identity(device);

	if (!identity)
		return 0;
	return nla_put(skb, WEFT_DEVICE_A_PRIVATE_KEY, WEFT_KEY_LEN, identity->key.private) ?:
	       nla_put(skb, WEFT_DEVICE_A_PUBLIC_KEY, WEFT_KEY_LEN, identity->key.public);
}

static int nl_get_put_rotation(struct sk_buff *skb, struct weft_device *device)
{
	const struct weft_identity *previous = weft_rotation_previous(device);

	if (!previous)
		return 0;
	return nla_put(skb, WEFT_DEVICE_A_PREVIOUS_PUBLIC_KEY, WEFT_KEY_LEN,
		       previous->key.public) ?:
	       nla_put_u32(skb, WEFT_DEVICE_A_GRACE, device->grace_s) ?:
	       nl_get_put_grace_left(skb, WEFT_DEVICE_A_GRACE_LEFT, weft_rotation_until(device));
}

static int nl_get_put_device(struct sk_buff *skb, struct weft_device *device)
{
	if (nla_put_u16(skb, WEFT_DEVICE_A_LISTEN_PORT, device->binding.port) ||
	    nla_put_u32(skb, WEFT_DEVICE_A_FWMARK, device->fwmark) ||
	    nla_put_u32(skb, WEFT_DEVICE_A_IFINDEX, device->dev->ifindex) ||
	    nla_put_string(skb, WEFT_DEVICE_A_IFNAME, device->dev->name))
		return -EMSGSIZE;
	return nl_get_put_identity(skb, device);
}

/* Attributes of weft's own family. */
static int nl_get_put_own_device(struct sk_buff *skb, struct weft_device *device)
{
	return nla_put_u8(skb, WEFT_DEVICE_A_PMTU, device->pmtu) ?:
	       nla_put_u8(skb, WEFT_DEVICE_A_DSCP, device->dscp) ?:
	       nl_get_put_rotation(skb, device) ?:
	       weft_nl_addr_put_binding(skb, device) ?:
	       weft_nl_stats_device(skb, device);
}

/* Fills one message of a dump. */
static int nl_get_dump_device(struct sk_buff *skb, struct netlink_callback *cb,
			      struct weft_device *device)
{
	struct nl_get_cursor *cursor = nl_get_cursor(cb);
	void *header;
	int err = 0;

	lockdep_assert_held(&device->config_lock);
	cursor->own = weft_netlink_family_of(cb->nlh) == weft_netlink_family();
	header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			     weft_netlink_family_of(cb->nlh), NLM_F_MULTI, WEFT_CMD_GET_DEVICE);
	if (!header)
		return -EMSGSIZE;
	/* Never 0, which would disable the consistency check. */
	cb->seq = (u32)device->generation + (u32)atomic_read(&device->promotions) + 1 ?: 1;
	genl_dump_check_consistent(cb, header);
	if (!cursor->serial)
		err = nl_get_put_device(skb, device) ?:
		      (cursor->own ? nl_get_put_own_device(skb, device) : 0);
	err = err ?: nl_get_put_peers(skb, device, cursor);
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

	if (nl_get_cursor(cb)->finished)
		return 0;
	dev = weft_netlink_interface(sock_net(cb->skb->sk), weft_compat_dump_attrs(cb), cb->extack);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	device = weft_netdev_device(dev);
	mutex_lock(&device->config_lock);
	ret = device->gone ? -ENODEV : nl_get_dump_device(skb, cb, device);
	mutex_unlock(&device->config_lock);
	dev_put(dev);
	return ret;
}
