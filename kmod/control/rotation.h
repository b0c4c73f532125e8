/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device's own key, replaced with or without an end to its sessions; and the graces of keys,
 * the device's and its peers'.
 */
#ifndef WEFT_ROTATION_H
#define WEFT_ROTATION_H

#include "core/device.h"
#include "lib/wire.h"

#include <linux/lockdep.h>
#include <linux/rcupdate.h>
#include <linux/time64.h>

struct netlink_ext_ack;
struct weft_identity;
struct weft_peer;

/* The current identity of a device, or NULL. Context: device->config_lock. */
static inline struct weft_identity *weft_rotation_identity(const struct weft_device *device)
{
	return rcu_dereference_protected(device->identity, lockdep_is_held(&device->config_lock));
}

/* The identity that a rotation has replaced, until its grace ends; or NULL. Context: the same. */
static inline struct weft_identity *weft_rotation_previous(const struct weft_device *device)
{
	return rcu_dereference_protected(device->previous_identity,
					 lockdep_is_held(&device->config_lock));
}

/* When the previous identity is forgotten; 0: never, or there is none. Context: the same. */
static inline u64 weft_rotation_until(const struct weft_device *device)
{
	if (!weft_rotation_previous(device) || !device->grace_s)
		return 0;
	return device->rotated_ns + weft_seconds_ns(device->grace_s);
}

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
