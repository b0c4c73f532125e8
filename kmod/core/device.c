// SPDX-License-Identifier: GPL-2.0

#include "core/device.h"
#include "core/peer_ref.h"

#include <linux/atomic.h>

/* Unique over all states of all devices. */
static atomic64_t device_generation = ATOMIC64_INIT(0);

/**
 * weft_device_event() - send listeners an event of a device
 * @device: the device
 * @type: the kind of event
 * @cause: its cause
 * @old_public_key: the key that was replaced or is forgotten, or NULL
 *
 * Context: any but hard interrupt.
 */
void weft_device_event(struct weft_device *device, enum weft_event_type type,
		       enum weft_event_cause cause, const u8 *old_public_key)
{
	const struct weft_event event = {
		.type = type, .cause = cause, .old_public_key = old_public_key,
	};

	device->ops->event(device, &event);
}

/**
 * weft_peer_event() - send listeners an event of a peer
 * @peer: the peer
 * @type: the kind of event
 * @cause: its cause
 * @old_public_key: the key that was replaced or is forgotten, or NULL
 *
 * Context: any but hard interrupt.
 */
void weft_peer_event(struct weft_peer *peer, enum weft_event_type type,
		     enum weft_event_cause cause, const u8 *old_public_key)
{
	const struct weft_event event = {
		.type = type, .cause = cause, .peer = peer, .old_public_key = old_public_key,
	};

	peer->device->ops->event(peer->device, &event);
}

/**
 * weft_device_wait_for_jobs() - wait until no other CPU has a batch
 * @device: the device, for which no new batches are made
 *
 * Context: process; may sleep.
 */
void weft_device_wait_for_jobs(struct weft_device *device)
{
	wait_var_event(&device->jobs, !atomic_read(&device->jobs));
}

/**
 * weft_device_changed() - give a device's configuration a new generation
 * @device: the device
 *
 * Context: process, device->config_lock.
 */
void weft_device_changed(struct weft_device *device)
{
	lockdep_assert_held(&device->config_lock);
	device->generation = atomic64_inc_return(&device_generation);
}
