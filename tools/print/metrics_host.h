/* SPDX-License-Identifier: GPL-2.0 */
/* Metrics of a host and its tunnels, those without a readable interface included. */
#ifndef _WEFT_TOOLS_METRICS_HOST_H
#define _WEFT_TOOLS_METRICS_HOST_H

#include <linux/types.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

/**
 * struct weft_metrics_tunnel - an interface that is configured or exists
 * @name: the interface
 * @configured: it has a file
 * @there: it exists, or was requested
 * @readable: its state could be read
 * @up: the interface is up
 * @counted: the kernel has reported the counters below
 * @rx_bytes: bytes received, of all peers that the interface has had
 * @tx_bytes: bytes sent to them
 * @rx_packets: messages received
 * @tx_packets: messages sent
 */
struct weft_metrics_tunnel {
	char name[IFNAMSIZ];
	bool configured;
	bool there;
	bool readable;
	bool up;
	bool counted;
	__u64 rx_bytes;
	__u64 tx_bytes;
	__u64 rx_packets;
	__u64 tx_packets;
};

/* @now: the host's clock. A file of metrics that is no longer written has an old one. */
void weft_metrics_print_host(FILE *out, bool loaded, time_t now);
/* Metrics that distinguish a machine without tunnels from one with missing tunnels. */
void weft_metrics_print_tunnels(FILE *out, const struct weft_metrics_tunnel *tunnels, size_t count);

#endif /* _WEFT_TOOLS_METRICS_HOST_H */
