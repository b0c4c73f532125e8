/* SPDX-License-Identifier: GPL-2.0 */
/* The fleets of a node as metrics, in Prometheus's text format (version 0.0.4). */
#ifndef _WEFT_TOOLS_FLEET_METRICS_H
#define _WEFT_TOOLS_FLEET_METRICS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "model/model.h"
#include "model/refused.h"

/**
 * struct weft_fleet_facts - a fleet, as its node knows it
 * @fleet: its name, which is that of the interface
 * @node: the name of this node
 * @in: this node is admitted and not revoked
 * @epoch: the highest epoch, 0 for none
 * @nodes: nodes that are admitted and not revoked
 * @nodes_without_key: those among them whose tunnel key is unknown: they are no peers yet
 * @applied: there has been a run of "fleet apply"
 * @applied_well: the last one has brought the interface to the records
 * @applied_at: when it ended, in seconds since 1970
 * @waits: removals of peers wait for --really
 * @problems: what the records ask for and the last run could not do
 * @refused: the records that it refused, by reason
 * @rotating: a rotation has begun and is not finished
 * @rotation_stuck: and a phase of it should have ended an hour ago
 * @rotation_overdue: a rotation should have begun an hour ago by the fleet's schedule
 * @expired: the node's admission is over (not_after): peers take no new key of it
 * @key_age: seconds since the tunnel key was made
 * @rotate_every: seconds after which a tunnel key is to be replaced, 0 for never
 * @rotate_window: seconds over which the rotations of the nodes are spread
 */
struct weft_fleet_facts {
	char fleet[IFNAMSIZ];
	char node[WEFT_NAME_BYTES + 1];
	bool in;
	__u64 epoch;
	__u64 nodes;
	__u64 nodes_without_key;
	bool applied;
	bool applied_well;
	__u64 applied_at;
	bool waits;
	__u64 problems;
	__u64 refused[WEFT_REFUSED_COUNT];
	bool rotating;
	bool rotation_stuck;
	bool rotation_overdue;
	bool expired;
	__u64 key_age;
	__u64 rotate_every;
	__u64 rotate_window;
};

/* The samples of a metric have to be contiguous, so all fleets are printed at once. */
void weft_fleet_metrics_print(FILE *out, const struct weft_fleet_facts *fleets, size_t count);

#endif /* _WEFT_TOOLS_FLEET_METRICS_H */
