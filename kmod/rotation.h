/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Keys that are replaced without an end to any session: the device's own, and what a change asks
 * for of a peer's.
 */
#ifndef WEFT_ROTATION_H
#define WEFT_ROTATION_H

#include "wire.h"

struct netlink_ext_ack;
struct weft_config;
struct weft_config_peer;
struct weft_device;
struct weft_peer;

void weft_rotation_init(struct weft_device *device);
void weft_rotation_exit(struct weft_device *device);

int weft_rotation_begin(struct weft_device *device, const u8 private[WEFT_KEY_LEN], u32 grace_s,
			struct netlink_ext_ack *extack);
int weft_rotation_finish(struct weft_device *device, struct netlink_ext_ack *extack);
int weft_rotation_undo(struct weft_device *device, struct netlink_ext_ack *extack);
void weft_rotation_drop(struct weft_device *device);

bool weft_rotation_is_own(struct weft_device *device, const u8 key[WEFT_KEY_LEN]);
void weft_rotation_resolve(struct weft_config *config, struct weft_device *device);
int weft_rotation_check(const struct weft_config *config, struct weft_device *device,
			struct netlink_ext_ack *extack);
void weft_rotation_apply(const struct weft_config_peer *config, struct weft_peer *peer);

#endif /* WEFT_ROTATION_H */
