// SPDX-License-Identifier: GPL-2.0

#include "device.h"

#include <linux/atomic.h>

/* No two states of any devices have the same one. */
static atomic64_t device_generation = ATOMIC64_INIT(0);

/**
 * weft_device_changed() - note that a device is not as it was
 * @device: the device
 *
 * Context: process, device->config_lock.
 */
void weft_device_changed(struct weft_device *device)
{
	lockdep_assert_held(&device->config_lock);
	device->generation = atomic64_inc_return(&device_generation);
}
