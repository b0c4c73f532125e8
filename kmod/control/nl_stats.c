// SPDX-License-Identifier: GPL-2.0

#include "control/nl_stats.h"
#include "core/device.h"
#include "core/drop.h"
#include "core/peer_ref.h"

#include <net/netlink.h>

#include <uapi/linux/weft.h>

static int nl_stats_put_u64(struct sk_buff *skb, int type, u64 value)
{
	return nla_put_u64_64bit(skb, type, value, WEFT_PEER_A_UNSPEC);
}

/* Puts the drops of a peer, or of the device if @peer is NULL. */
static int nl_stats_put_drops(struct sk_buff *skb, int type, const struct weft_device *device,
			      const struct weft_peer *peer)
{
	struct nlattr *nest = nla_nest_start(skb, type);
	enum weft_drop reason;

	if (!nest)
		return -EMSGSIZE;
	for (reason = 1; reason < WEFT_DROP_REASONS; reason++) {
		u64 count = peer ? (u64)atomic64_read(&peer->drops[reason]) :
				   weft_drop_count(device, reason);

		if (count && nl_stats_put_u64(skb, reason, count))
			return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

/**
 * weft_nl_stats_device() - put weft's own statistics of a device
 * @skb: the message; if it is full the caller cancels the partial attributes
 * @device: the device
 *
 * Context: process; config_lock.
 * Return: 0 or -EMSGSIZE.
 */
int weft_nl_stats_device(struct sk_buff *skb, struct weft_device *device)
{
	return nl_stats_put_u64(skb, WEFT_DEVICE_A_EVENT_SEQUENCE,
				atomic64_read(&device->event_sequence)) ?:
	       nl_stats_put_drops(skb, WEFT_DEVICE_A_DROPS, device, NULL);
}

/**
 * weft_nl_stats_peer() - put weft's own statistics of a peer
 * @skb: the message; if it is full the caller cancels the partial attributes
 * @peer: the peer
 *
 * Context: process; config_lock.
 * Return: 0 or -EMSGSIZE.
 */
int weft_nl_stats_peer(struct sk_buff *skb, struct weft_peer *peer)
{
	const struct {
		int type;
		const atomic64_t *count;
	} counts[] = {
		{ WEFT_PEER_A_RX_PACKETS, &peer->rx_packets },
		{ WEFT_PEER_A_TX_PACKETS, &peer->tx_packets },
		{ WEFT_PEER_A_HANDSHAKES_SENT, &peer->handshakes_sent },
		{ WEFT_PEER_A_HANDSHAKES_RECEIVED, &peer->handshakes_received },
		{ WEFT_PEER_A_HANDSHAKES_COMPLETED, &peer->handshakes_completed },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		if (nl_stats_put_u64(skb, counts[i].type, atomic64_read(counts[i].count)))
			return -EMSGSIZE;
	}
	return nl_stats_put_drops(skb, WEFT_PEER_A_DROPS, peer->device, peer);
}
