// SPDX-License-Identifier: GPL-2.0

#include "core/drop.h"
#include "core/device.h"
#include "core/peer_ref.h"
#include "core/trace.h"

#include <linux/kernel.h>
#include <linux/percpu.h>

#define DROP_INFO(reason, name, counter, core, ...) \
	[WEFT_DROP_##reason] = { name, WEFT_DROPS_##counter, SKB_DROP_REASON_##core },

const struct weft_drop_info weft_drop_info[WEFT_DROP_REASONS] = {
	WEFT_DROP_TABLE(DROP_INFO)
};

/* The table has a row for each reason: the last has the highest number, and none is missing. */
static_assert(ARRAY_SIZE(weft_drop_info) == WEFT_DROPS_A_MAX + 1);
static_assert(0 WEFT_DROP_TABLE(WEFT_DROP_ONE) == WEFT_DROPS_A_MAX);

/* 64 bits also on machines of 32. */
static void drop_count(struct weft_device *device, enum weft_drop reason, unsigned int count)
{
	struct weft_drops *drops = get_cpu_ptr(device->drops);

	local64_add(count, &drops->count[reason]);
	put_cpu_ptr(device->drops);
}

/**
 * weft_drop() - count dropped packets of no peer, or of an unknown one
 * @device: the device
 * @reason: the reason
 * @count: the number of packets
 *
 * Context: any but hard interrupt.
 */
void weft_drop(struct weft_device *device, enum weft_drop reason, unsigned int count)
{
	drop_count(device, reason, count);
	trace_weft_drop(device, NULL, reason, count);
}

/**
 * weft_peer_drop() - count dropped packets from or to a peer
 * @peer: the peer
 * @reason: the reason
 * @count: the number of packets
 *
 * They are counted for the peer's device as well.
 *
 * Context: any but hard interrupt.
 */
void weft_peer_drop(struct weft_peer *peer, enum weft_drop reason, unsigned int count)
{
	drop_count(peer->device, reason, count);
	atomic64_add(count, &peer->drops[reason]);
	trace_weft_drop(peer->device, peer, reason, count);
}

/**
 * weft_drop_count() - the number of packets that a device has dropped
 * @device: the device
 * @reason: the reason
 */
u64 weft_drop_count(const struct weft_device *device, enum weft_drop reason)
{
	u64 count = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		count += local64_read(&per_cpu_ptr(device->drops, cpu)->count[reason]);
	return count;
}
