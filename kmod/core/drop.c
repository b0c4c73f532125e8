// SPDX-License-Identifier: GPL-2.0

#include "core/drop.h"
#include "core/device.h"
#include "core/peer_ref.h"
#include "core/trace.h"

#include <linux/percpu.h>

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
	this_cpu_add(device->drops->count[reason], count);
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
	this_cpu_add(peer->device->drops->count[reason], count);
	atomic_long_add(count, &peer->drops[reason]);
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
		count += READ_ONCE(per_cpu_ptr(device->drops, cpu)->count[reason]);
	return count;
}

/* The nearest of the core's reasons, where there is one that does not mislead. */
static const enum skb_drop_reason drop_core_reasons[WEFT_DROP_REASONS] = {
	[WEFT_DROP_MALFORMED]		= SKB_DROP_REASON_HDR_TRUNC,
	[WEFT_DROP_NO_SESSION]		= SKB_DROP_REASON_NO_SOCKET,
	[WEFT_DROP_UNKNOWN_PEER]	= SKB_DROP_REASON_NO_SOCKET,
	[WEFT_DROP_SOURCE]		= SKB_DROP_REASON_IP_RPFILTER,
	[WEFT_DROP_ECN]			= SKB_DROP_REASON_IP_TUNNEL_ECN,
	[WEFT_DROP_NOT_IP_IN]		= SKB_DROP_REASON_UNHANDLED_PROTO,
	[WEFT_DROP_NO_KEY]		= SKB_DROP_REASON_DEV_READY,
	[WEFT_DROP_QUEUE_IN]		= SKB_DROP_REASON_FULL_RING,
	[WEFT_DROP_NO_MEMORY_IN]	= SKB_DROP_REASON_NOMEM,
	[WEFT_DROP_STACK]		= SKB_DROP_REASON_CPU_BACKLOG,
	[WEFT_DROP_NOT_IP]		= SKB_DROP_REASON_UNHANDLED_PROTO,
	[WEFT_DROP_DESTINATION]		= SKB_DROP_REASON_IP_OUTNOROUTES,
	[WEFT_DROP_NO_ENDPOINT]		= SKB_DROP_REASON_IP_OUTNOROUTES,
	/* A packet staged for a session is treated as one that waits for a neighbour. */
	[WEFT_DROP_QUEUE]		= SKB_DROP_REASON_NEIGH_QUEUEFULL,
	[WEFT_DROP_GIVEN_UP]		= SKB_DROP_REASON_NEIGH_FAILED,
	[WEFT_DROP_NO_MEMORY]		= SKB_DROP_REASON_NOMEM,
	[WEFT_DROP_SEND]		= SKB_DROP_REASON_IP_OUTNOROUTES,
	[WEFT_DROP_TOO_BIG]		= SKB_DROP_REASON_PKT_TOO_BIG,
};

/**
 * weft_drop_core_reason() - the core's equivalent of a drop reason
 * @reason: weft's reason
 *
 * Return: the core's reason, or SKB_DROP_REASON_NOT_SPECIFIED.
 */
enum skb_drop_reason weft_drop_core_reason(enum weft_drop reason)
{
	return drop_core_reasons[reason] ?: SKB_DROP_REASON_NOT_SPECIFIED;
}
