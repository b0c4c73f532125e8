/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fits the model of a node to the present state of its interface: peers keep their
 * keys while they change them, and peers that the fleet did not make stay as they are.
 */
#ifndef _WEFT_TOOLS_FLEET_SETTLE_H
#define _WEFT_TOOLS_FLEET_SETTLE_H

#include "fleet/model.h"

/**
 * struct weft_settle - the outcome
 * @ours: peers of the interface that the fleet has made
 * @gone: those among them whose nodes are peers no more
 * @revoked: the number of those whose nodes are revoked, which come first in @gone
 * @replaced: those whose nodes have a peer of another key
 */
struct weft_settle {
	size_t ours;
	struct weft_keys gone;
	size_t revoked;
	struct weft_keys replaced;
};

/*
 * Fit @model to @have, which may be NULL. A peer whose key on the interface is an older
 * one of its node keeps it, and the node's key becomes its next one. A prefix or name
 * of a peer that the fleet did not make is left to it, with a problem in @model. The
 * keys of peers are remembered in @fleet. False: no memory.
 */
bool weft_settle(struct weft_fleet *fleet, struct weft_fleet_model *model,
		 const struct weft_device *have, struct weft_settle *settle);
/*
 * Append removals to the model, also those of the first @gone nodes that are gone. False: no
 * memory.
 */
bool weft_settle_remove(struct weft_fleet_model *model, const struct weft_settle *settle,
			size_t gone);
/* More than one peer, and more than a tenth of those that the fleet made. */
bool weft_settle_is_much(const struct weft_settle *settle);
void weft_settle_free(struct weft_settle *settle);

#endif /* _WEFT_TOOLS_FLEET_SETTLE_H */
