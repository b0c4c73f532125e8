// SPDX-License-Identifier: GPL-2.0

#include "control/ethtool.h"
#include "core/device.h"
#include "core/drop.h"
#include "version.h"

#include <linux/netdevice.h>
#include <linux/string.h>
#include <net/rtnetlink.h>

/* The counter of the interface's own statistics for each drop reason. */
enum ethtool_counter { RX_ERRORS, RX_DROPPED, TX_ERRORS, TX_DROPPED };

static const struct {
	const char name[ETH_GSTRING_LEN];
	enum ethtool_counter counter;
} ethtool_drops[WEFT_DROP_REASONS] = {
	[WEFT_DROP_MALFORMED]		= { "rx_drop_malformed", RX_ERRORS },
	[WEFT_DROP_MAC]			= { "rx_drop_mac", RX_ERRORS },
	[WEFT_DROP_RATE_LIMIT]		= { "rx_drop_rate_limit", RX_DROPPED },
	[WEFT_DROP_HANDSHAKE]		= { "rx_drop_handshake", RX_ERRORS },
	[WEFT_DROP_UNKNOWN_PEER]	= { "rx_drop_unknown_peer", RX_ERRORS },
	[WEFT_DROP_TIMESTAMP]		= { "rx_drop_timestamp", RX_ERRORS },
	[WEFT_DROP_FLOOD]		= { "rx_drop_flood", RX_DROPPED },
	[WEFT_DROP_NO_SESSION]		= { "rx_drop_no_session", RX_ERRORS },
	[WEFT_DROP_AUTH]		= { "rx_drop_auth", RX_ERRORS },
	[WEFT_DROP_REPLAY]		= { "rx_drop_replay", RX_ERRORS },
	[WEFT_DROP_SOURCE]		= { "rx_drop_source", RX_ERRORS },
	[WEFT_DROP_ECN]			= { "rx_drop_ecn", RX_ERRORS },
	[WEFT_DROP_NOT_IP_IN]		= { "rx_drop_not_ip", RX_ERRORS },
	[WEFT_DROP_NO_KEY]		= { "rx_drop_no_key", RX_ERRORS },
	[WEFT_DROP_QUEUE_IN]		= { "rx_drop_queue", RX_DROPPED },
	[WEFT_DROP_NO_MEMORY_IN]	= { "rx_drop_no_memory", RX_DROPPED },
	[WEFT_DROP_STACK]		= { "rx_drop_stack", RX_DROPPED },
	[WEFT_DROP_PRESHARED]		= { "rx_drop_preshared", RX_ERRORS },
	[WEFT_DROP_NOT_IP]		= { "tx_drop_not_ip", TX_ERRORS },
	[WEFT_DROP_DESTINATION]		= { "tx_drop_destination", TX_ERRORS },
	[WEFT_DROP_NO_ENDPOINT]		= { "tx_drop_no_endpoint", TX_ERRORS },
	[WEFT_DROP_QUEUE]		= { "tx_drop_queue", TX_DROPPED },
	[WEFT_DROP_GIVEN_UP]		= { "tx_drop_given_up", TX_DROPPED },
	[WEFT_DROP_LOOP]		= { "tx_drop_loop", TX_ERRORS },
	[WEFT_DROP_NO_MEMORY]		= { "tx_drop_no_memory", TX_DROPPED },
	[WEFT_DROP_SEND]		= { "tx_drop_send", TX_ERRORS },
	[WEFT_DROP_TOO_BIG]		= { "tx_drop_too_big", TX_ERRORS },
};

/**
 * weft_ethtool_add_drops() - count a device's drops among the interface's errors and drops
 * @device: the device
 * @stats: the statistics to add them to
 */
void weft_ethtool_add_drops(const struct weft_device *device, struct rtnl_link_stats64 *stats)
{
	u64 sum[TX_DROPPED + 1] = {};
	enum weft_drop reason;

	for (reason = 0; reason < WEFT_DROP_REASONS; reason++)
		sum[ethtool_drops[reason].counter] += weft_drop_count(device, reason);
	stats->rx_errors += sum[RX_ERRORS];
	stats->rx_dropped += sum[RX_DROPPED];
	stats->tx_errors += sum[TX_ERRORS];
	stats->tx_dropped += sum[TX_DROPPED];
}

static void weft_ethtool_get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, dev->rtnl_link_ops->kind, sizeof(info->driver));
	strscpy(info->version, WEFT_VERSION, sizeof(info->version));
}

static int weft_ethtool_get_sset_count(struct net_device *dev, int set)
{
	return set == ETH_SS_STATS ? WEFT_DROP_REASONS : -EOPNOTSUPP;
}

static void weft_ethtool_get_strings(struct net_device *dev, u32 set, u8 *data)
{
	enum weft_drop reason;

	for (reason = 0; set == ETH_SS_STATS && reason < WEFT_DROP_REASONS; reason++)
		memcpy(data + reason * ETH_GSTRING_LEN, ethtool_drops[reason].name,
		       ETH_GSTRING_LEN);
}

static void weft_ethtool_get_ethtool_stats(struct net_device *dev, struct ethtool_stats *stats,
					   u64 *data)
{
	const struct weft_device *device = netdev_priv(dev);
	enum weft_drop reason;

	for (reason = 0; reason < WEFT_DROP_REASONS; reason++)
		data[reason] = weft_drop_count(device, reason);
}

const struct ethtool_ops weft_ethtool_ops = {
	.get_drvinfo = weft_ethtool_get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_sset_count = weft_ethtool_get_sset_count,
	.get_strings = weft_ethtool_get_strings,
	.get_ethtool_stats = weft_ethtool_get_ethtool_stats,
};
