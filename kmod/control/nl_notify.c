// SPDX-License-Identifier: GPL-2.0

#include "control/nl_notify.h"
#include "control/netlink-gen.h"
#include "control/nl_addr.h"
#include "core/device.h"
#include "core/lookup.h"
#include "core/peer_endpoint.h"
#include "core/peer_name.h"
#include "core/peer_ref.h"

#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/timekeeping.h>
#include <net/genetlink.h>

/* Rate limit per peer on events caused by packets and time: the interval, and the burst. */
#define NL_NOTIFY_INTERVAL_NS	(NSEC_PER_SEC / 10)
#define NL_NOTIFY_BURST		20

/* An event with all attributes fits. */
#define NL_NOTIFY_MESSAGE_LEN	512

/* Set before the first device can be made, then constant. */
static const struct genl_family *nl_notify_family __ro_after_init;

/* Sets the family of events, before weft_netdev_init(). It need not be registered yet. */
void weft_nl_notify_init(const struct genl_family *family)
{
	nl_notify_family = family;
}

static int nl_notify_put_endpoint(struct sk_buff *skb, struct weft_peer *peer)
{
	struct weft_endpoint endpoint;

	weft_endpoint_read(&peer->endpoint, &endpoint);
	return weft_nl_addr_put(skb, WEFT_EVENT_A_ENDPOINT, &endpoint);
}

/* Under RCU. */
static int nl_notify_put_name(struct sk_buff *skb, const struct weft_peer *peer)
{
	const struct weft_peer_name *name = rcu_dereference(peer->name);

	return name ? nla_put_string(skb, WEFT_EVENT_A_PEER_NAME, name->text) : 0;
}

static int nl_notify_put_peer(struct sk_buff *skb, struct weft_peer *peer)
{
	u8 public[WEFT_KEY_LEN];

	weft_lookup_read(peer, WEFT_KEY_SLOT_CURRENT, public);
	return nl_notify_put_name(skb, peer) ?:
	       nla_put(skb, WEFT_EVENT_A_PUBLIC_KEY, WEFT_KEY_LEN, public) ?:
	       nl_notify_put_endpoint(skb, peer);
}

static int nl_notify_put(struct sk_buff *skb, const struct weft_device *device,
			 const struct weft_event *event, u64 sequence)
{
	if (nla_put_u32(skb, WEFT_EVENT_A_TYPE, event->type) ||
	    nla_put_u32(skb, WEFT_EVENT_A_CAUSE, event->cause) ||
	    nla_put_u64_64bit(skb, WEFT_EVENT_A_SEQUENCE, sequence, WEFT_EVENT_A_UNSPEC) ||
	    nla_put_u64_64bit(skb, WEFT_EVENT_A_TIME, ktime_get_real_ns(), WEFT_EVENT_A_UNSPEC) ||
	    nla_put_u32(skb, WEFT_EVENT_A_IFINDEX, device->dev->ifindex) ||
	    nla_put_string(skb, WEFT_EVENT_A_IFNAME, device->dev->name))
		return -EMSGSIZE;
	if (event->old_public_key &&
	    nla_put(skb, WEFT_EVENT_A_OLD_PUBLIC_KEY, WEFT_KEY_LEN, event->old_public_key))
		return -EMSGSIZE;
	if (event->rtt_us && nla_put_u32(skb, WEFT_EVENT_A_HANDSHAKE_RTT, event->rtt_us))
		return -EMSGSIZE;
	return event->peer ? nl_notify_put_peer(skb, event->peer) : 0;
}

static struct sk_buff *nl_notify_message(const struct weft_device *device,
					 const struct weft_event *event, u64 sequence)
{
	struct sk_buff *skb = genlmsg_new(NL_NOTIFY_MESSAGE_LEN, GFP_ATOMIC | __GFP_NOWARN);
	void *header;

	if (!skb)
		return NULL;
	header = genlmsg_put(skb, 0, 0, nl_notify_family, 0, WEFT_CMD_EVENT);
	if (!header || WARN_ON_ONCE(nl_notify_put(skb, device, event, sequence))) {
		nlmsg_free(skb);
		return NULL;
	}
	genlmsg_end(skb, header);
	return skb;
}

/* Events caused by administration are not rate limited. */
static bool nl_notify_is_limited(const struct weft_event *event)
{
	return event->peer && event->type != WEFT_EVENT_PEER_REMOVED &&
	       event->cause != WEFT_CAUSE_ADMINISTRATION;
}

/* Takes one of the peer's tokens, if there is one. */
static bool nl_notify_spend(struct weft_device *device, struct weft_peer *peer)
{
	u64 now = ktime_get_coarse_boottime_ns(), earned;

	lockdep_assert_held(&device->events_lock);
	earned = div_u64(now - peer->event_tokens_at_ns, NL_NOTIFY_INTERVAL_NS);
	if (peer->event_tokens + earned >= NL_NOTIFY_BURST) {
		peer->event_tokens = NL_NOTIFY_BURST;
		peer->event_tokens_at_ns = now;
	} else {
		peer->event_tokens += earned;
		peer->event_tokens_at_ns += earned * NL_NOTIFY_INTERVAL_NS;
	}
	if (!peer->event_tokens)
		return false;
	peer->event_tokens--;
	return true;
}

/* No further events of a removed device or peer, although freeing it may take a while. */
static void nl_notify_end(struct weft_device *device, const struct weft_event *event)
{
	if (event->type == WEFT_EVENT_DEVICE_REMOVED)
		WRITE_ONCE(device->events_over, true);
	if (event->type == WEFT_EVENT_PEER_REMOVED)
		WRITE_ONCE(event->peer->events_over, true);
}

/* Whether the removal of the device or peer has already been announced. */
static bool nl_notify_are_over(struct weft_device *device, const struct weft_event *event)
{
	lockdep_assert_held(&device->events_lock);
	if (READ_ONCE(device->events_over) || (event->peer && READ_ONCE(event->peer->events_over)))
		return true;
	nl_notify_end(device, event);
	return false;
}

/*
 * The number is taken and the message sent under one lock, so that messages arrive in order, and a
 * later message does not show an older state of a peer than the one before.
 */
static void nl_notify_multicast(struct weft_device *device, const struct weft_event *event,
				struct net *net)
{
	struct sk_buff *skb;
	u64 sequence;

	lockdep_assert_held(&device->events_lock);
	if (nl_notify_are_over(device, event))
		return;
	sequence = atomic64_inc_return(&device->event_sequence);
	if (nl_notify_is_limited(event) && !nl_notify_spend(device, event->peer))
		return;
	skb = nl_notify_message(device, event, sequence);
	if (skb)
		genlmsg_multicast_netns(nl_notify_family, net, skb, 0, WEFT_NLGRP_EVENTS,
					GFP_ATOMIC);
}

/**
 * weft_nl_notify_send() - send an event to the listeners in a device's namespace
 * @device: the device
 * @event: the event
 *
 * Without listeners the event is only counted.
 *
 * Context: any but hard interrupt; struct weft_device_ops' event. Not under anything below
 * device->events_lock.
 */
void weft_nl_notify_send(struct weft_device *device, const struct weft_event *event)
{
	struct net *net;

	/* The interface may be moving to another namespace, and this one may be exiting. */
	rcu_read_lock();
	net = dev_net(device->dev);
	if (likely(!genl_has_listeners(nl_notify_family, net, WEFT_NLGRP_EVENTS))) {
		atomic64_inc(&device->event_sequence);
		nl_notify_end(device, event);
	} else {
		spin_lock_bh(&device->events_lock);
		nl_notify_multicast(device, event, net);
		spin_unlock_bh(&device->events_lock);
	}
	rcu_read_unlock();
}
