// SPDX-License-Identifier: GPL-2.0

#include "control/ethtool.h"
#include "core/device.h"
#include "core/drop.h"
#include "version.h"

#include <linux/netdevice.h>
#include <linux/string.h>
#include <net/rtnetlink.h>

/**
 * weft_ethtool_add_drops() - count a device's drops among the interface's errors and drops
 * @device: the device
 * @stats: the statistics to add them to
 */
void weft_ethtool_add_drops(const struct weft_device *device, struct rtnl_link_stats64 *stats)
{
	u64 sum[WEFT_DROPS_COUNTERS] = {};
	enum weft_drop reason;

	for (reason = 1; reason < WEFT_DROP_REASONS; reason++)
		sum[weft_drop_info[reason].counter] += weft_drop_count(device, reason);
	stats->rx_errors += sum[WEFT_DROPS_RX_ERRORS];
	stats->rx_dropped += sum[WEFT_DROPS_RX_DROPPED];
	stats->tx_errors += sum[WEFT_DROPS_TX_ERRORS];
	stats->tx_dropped += sum[WEFT_DROPS_TX_DROPPED];
}

static void weft_ethtool_get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, dev->rtnl_link_ops->kind, sizeof(info->driver));
	strscpy(info->version, WEFT_VERSION, sizeof(info->version));
}

static int weft_ethtool_get_sset_count(struct net_device *dev, int set)
{
	return set == ETH_SS_STATS ? WEFT_DROPS_A_MAX : -EOPNOTSUPP;
}

static void weft_ethtool_get_strings(struct net_device *dev, u32 set, u8 *data)
{
	enum weft_drop reason;

	for (reason = 1; set == ETH_SS_STATS && reason < WEFT_DROP_REASONS; reason++) {
		strscpy(data, weft_drop_info[reason].name, ETH_GSTRING_LEN);
		data += ETH_GSTRING_LEN;
	}
}

static void weft_ethtool_get_ethtool_stats(struct net_device *dev, struct ethtool_stats *stats,
					   u64 *data)
{
	const struct weft_device *device = netdev_priv(dev);
	enum weft_drop reason;

	for (reason = 1; reason < WEFT_DROP_REASONS; reason++)
		*data++ = weft_drop_count(device, reason);
}

const struct ethtool_ops weft_ethtool_ops = {
	.get_drvinfo = weft_ethtool_get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_sset_count = weft_ethtool_get_sset_count,
	.get_strings = weft_ethtool_get_strings,
	.get_ethtool_stats = weft_ethtool_get_ethtool_stats,
};
