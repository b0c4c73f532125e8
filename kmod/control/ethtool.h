/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The drop counters by reason, for ethtool and for the interface's own statistics.
 */
#ifndef WEFT_ETHTOOL_H
#define WEFT_ETHTOOL_H

#include <linux/ethtool.h>

struct rtnl_link_stats64;
struct weft_device;

extern const struct ethtool_ops weft_ethtool_ops;

void weft_ethtool_add_drops(const struct weft_device *device, struct rtnl_link_stats64 *stats);

#endif /* WEFT_ETHTOOL_H */
