/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device's own key, replaced with or without an end to its sessions; and the graces of keys,
 * the device's and its peers'.
 */
#ifndef WEFT_ROTATION_H
#define WEFT_ROTATION_H

#include "lib/wire.h"

struct netlink_ext_ack;
struct weft_device;
struct weft_removal;
struct weft_identity;
struct weft_peer;

void weft_rotation_init(struct weft_device *device);
void weft_rotation_exit(struct weft_device *device);

int weft_rotation_begin(struct weft_device *device, const u8 private[WEFT_KEY_LEN], u32 grace_s,
			struct netlink_ext_ack *extack);
int weft_rotation_finish(struct weft_device *device, struct netlink_ext_ack *extack);
int weft_rotation_undo(struct weft_device *device, struct netlink_ext_ack *extack);
void weft_rotation_set_identity(struct weft_device *device, struct weft_identity *identity,
				struct weft_removal *removal);
void weft_rotation_renew(struct weft_peer *peer);

bool weft_rotation_is_own(struct weft_device *device, const u8 key[WEFT_KEY_LEN]);

#endif /* WEFT_ROTATION_H */
