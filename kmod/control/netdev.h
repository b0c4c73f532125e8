/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tunnel as a network device.
 */
#ifndef WEFT_NETDEV_H
#define WEFT_NETDEV_H

#include <linux/types.h>

struct net_device;
struct weft_device;

int weft_netdev_init(bool compat);
void weft_netdev_exit(bool compat);

struct weft_device *weft_netdev_device(struct net_device *dev);
void weft_netdev_erase_all(void);
unsigned int weft_netdev_count(void);

#endif /* WEFT_NETDEV_H */
