/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_COMPAT_LINUX_NETDEVICE_H
#define WEFT_COMPAT_LINUX_NETDEVICE_H

#include_next <linux/netdevice.h>

/* Since Linux 6.12 "no transmit lock" is a bit of the device and no longer a feature. */
static inline void weft_compat_set_lltx(struct net_device *dev)
{
#ifdef NETIF_F_LLTX
	dev->features |= NETIF_F_LLTX;
#else
	dev->lltx = true;
#endif
}

#endif /* WEFT_COMPAT_LINUX_NETDEVICE_H */
