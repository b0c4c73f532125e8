/* SPDX-License-Identifier: GPL-2.0 */
/*
 * When the agent looks at the machine's addresses, for the endpoints of a policy, and at the
 * endpoints of peers, for a hub's hello. Times are in ms of the agent's clock.
 */
#ifndef _WEFT_TOOLS_FLEET_LOOKS_H
#define _WEFT_TOOLS_FLEET_LOOKS_H

#include "fleet/pace.h"

struct weft_context;
struct weft_event;
struct weft_step;

/**
 * struct weft_looks - the looks of an agent
 * @ctx: its context
 * @fleet: its fleet
 * @links: the subscription to changes of links and addresses, or -1
 * @deaf: the log has said that there is no such subscription
 * @hub: the node is a hub
 * @underlay: when to look at the machine's addresses
 * @sight: when to look at the endpoints of peers
 */
struct weft_looks {
	const struct weft_context *ctx;
	const char *fleet;
	int links;
	bool deaf;
	bool hub;
	struct weft_pace underlay;
	struct weft_pace sight;
};

/* Both looks are due. */
void weft_looks_begin(struct weft_looks *looks, const struct weft_context *ctx, const char *fleet);
/* When the next look is due, or WEFT_PACE_NEVER. */
__s64 weft_looks_at(const struct weft_looks *looks);
/* Have @step take the looks that are due at @now. */
void weft_looks_fill(struct weft_looks *looks, struct weft_step *step, __s64 now);
/* After @step: looks of a failed one are due again. */
void weft_looks_settle(struct weft_looks *looks, const struct weft_step *step, bool good,
		       __s64 now);
/* Consume notifications of @links. */
void weft_looks_hear(struct weft_looks *looks, __s64 now);
/* An event of the fleet's interface, or NULL: events were lost. */
void weft_looks_event(struct weft_looks *looks, const struct weft_event *event, __s64 now);
void weft_looks_end(struct weft_looks *looks);

#endif /* _WEFT_TOOLS_FLEET_LOOKS_H */
