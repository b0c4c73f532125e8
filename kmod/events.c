// SPDX-License-Identifier: GPL-2.0

#include "events.h"
#include "device.h"
#include "label.h"
#include "netlink.h"
#include "netlink-gen.h"
#include "peer.h"

#include <linux/timekeeping.h>
#include <net/genetlink.h>

static int events_put_peer(struct sk_buff *skb, const struct weft_peer *peer)
{
	const struct weft_label *label;
	int err = 0;

	rcu_read_lock();
	label = rcu_dereference(peer->label);
	if (label)
		err = nla_put_string(skb, WEFT_EVENT_A_PEER_NAME, label->name);
	rcu_read_unlock();
	return err ?: nla_put(skb, WEFT_EVENT_A_PUBLIC_KEY, WEFT_KEY_LEN, peer->public_key);
}

static int events_put(struct sk_buff *skb, const struct weft_device *device,
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
	return event->peer ? events_put_peer(skb, event->peer) : 0;
}

/**
 * weft_events_send() - tell the listeners in a device's namespace what happened
 * @device: the device
 * @event: what
 *
 * Context: any but hard interrupt; struct weft_device_ops' event.
 */
void weft_events_send(struct weft_device *device, const struct weft_event *event)
{
	u64 sequence = atomic64_inc_return(&device->event_sequence);
	struct genl_family *family = weft_netlink_family();
	struct net *net = dev_net(device->dev);
	struct sk_buff *skb;
	void *header;

	if (!genl_has_listeners(family, net, WEFT_NLGRP_EVENTS))
		return;
	skb = genlmsg_new(NLMSG_GOODSIZE, GFP_ATOMIC);
	if (!skb)
		return;
	header = genlmsg_put(skb, 0, 0, family, 0, WEFT_CMD_EVENT);
	if (!header || events_put(skb, device, event, sequence)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, header);
	genlmsg_multicast_netns(family, net, skb, 0, WEFT_NLGRP_EVENTS, GFP_ATOMIC);
}
