/* SPDX-License-Identifier: GPL-2.0 */
/* Devices as metrics, in Prometheus's text format (version 0.0.4). */
#ifndef _WEFT_TOOLS_METRICS_H
#define _WEFT_TOOLS_METRICS_H

#include <stddef.h>
#include <stdio.h>

struct weft_device;

/**
 * enum weft_metrics_peers - the series for each peer
 * @WEFT_METRICS_PEERS_ON: labelled with key and name
 * @WEFT_METRICS_PEERS_KEYS: labelled with the key; weft_peer_info has the name
 * @WEFT_METRICS_PEERS_OFF: none; sums and counts remain
 */
enum weft_metrics_peers {
	WEFT_METRICS_PEERS_ON,
	WEFT_METRICS_PEERS_KEYS,
	WEFT_METRICS_PEERS_OFF,
};

/*
 * The samples of a metric have to be contiguous, so all devices are printed at
 * once. No secret is printed.
 */
void weft_metrics_print(FILE *out, struct weft_device *const *devs,
			size_t count, enum weft_metrics_peers peers);

#endif /* _WEFT_TOOLS_METRICS_H */
