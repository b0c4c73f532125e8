/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A change of a device's configuration, made completely or not at all.
 *
 *   weft_config_init(), filled in by the parser
 *     -> weft_config_prepare(), which may fail
 *     -> weft_config_apply(), which cannot
 *     -> weft_config_free(), which does the rest without the lock
 */
#ifndef WEFT_CONFIG_H
#define WEFT_CONFIG_H

struct netlink_ext_ack;
struct weft_config;
struct weft_device;

void weft_config_init(struct weft_config *config);
int weft_config_prepare(struct weft_config *config, struct weft_device *device,
			struct netlink_ext_ack *extack);
void weft_config_apply(struct weft_config *config, struct weft_device *device);
void weft_config_free(struct weft_config *config);

#endif /* WEFT_CONFIG_H */
