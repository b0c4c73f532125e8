/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_COMPAT_LINUX_NETDEVICE_H
#define WEFT_COMPAT_LINUX_NETDEVICE_H

#include <linux/version.h>
#include_next <linux/netdevice.h>

/* Since Linux 6.12 "no transmit lock" is a bit of the device instead of a feature. */
static inline void weft_compat_set_lltx(struct net_device *dev)
{
#ifdef NETIF_F_LLTX
	dev->features |= NETIF_F_LLTX;
#else
	dev->lltx = true;
#endif
}

/* Since Linux 6.7 the core allocates and frees the statistics, given their kind. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
static inline int weft_compat_init_tstats(struct net_device *dev)
{
	dev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;
	return 0;
}

static inline void weft_compat_free_tstats(struct net_device *dev)
{
}
#else
static inline int weft_compat_init_tstats(struct net_device *dev)
{
	dev->tstats = netdev_alloc_pcpu_stats(struct pcpu_sw_netstats);
	return dev->tstats ? 0 : -ENOMEM;
}

static inline void weft_compat_free_tstats(struct net_device *dev)
{
	free_percpu(dev->tstats);
}
#endif

/* dev_sw_netstats_rx_add() for several packets; the kernel has that for sent packets only. */
static inline void weft_compat_rx_add(struct net_device *dev, unsigned int packets,
				      unsigned int len)
{
	struct pcpu_sw_netstats *tstats = this_cpu_ptr(dev->tstats);

	u64_stats_update_begin(&tstats->syncp);
	u64_stats_add(&tstats->rx_bytes, len);
	u64_stats_add(&tstats->rx_packets, packets);
	u64_stats_update_end(&tstats->syncp);
}

#endif /* WEFT_COMPAT_LINUX_NETDEVICE_H */
