/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tunnel as a network device, and the setters of what belongs to the device as a whole.
 */
#ifndef WEFT_NETDEV_H
#define WEFT_NETDEV_H

#include <linux/types.h>

struct net_device;
struct weft_device;
struct weft_doomed;
struct weft_identity;

int weft_netdev_init(bool compat);
void weft_netdev_exit(bool compat);

struct weft_device *weft_netdev_device(struct net_device *dev);
void weft_netdev_erase_all(void);
unsigned int weft_netdev_count(void);

void weft_netdev_set_fwmark(struct weft_device *device, u32 fwmark);
void weft_netdev_set_identity(struct weft_device *device, struct weft_identity *identity,
			      struct weft_doomed *doomed);

#endif /* WEFT_NETDEV_H */
