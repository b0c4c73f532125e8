/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checks of a change against the device and against itself: keys, names and exclusive allowed IPs
 * belong to one peer only.
 */
#ifndef WEFT_CONFIG_CHECK_H
#define WEFT_CONFIG_CHECK_H

struct netlink_ext_ack;
struct weft_config;
struct weft_device;

void weft_config_check_resolve(struct weft_config *config, struct weft_device *device);
int weft_config_check(const struct weft_config *config, struct weft_device *device,
		      struct netlink_ext_ack *extack);

#endif /* WEFT_CONFIG_CHECK_H */
