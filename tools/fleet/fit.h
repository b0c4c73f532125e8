/* SPDX-License-Identifier: GPL-2.0 */
/* Fits the model of a node to its machine: leaves out what the machine cannot take now. */
#ifndef _WEFT_TOOLS_FLEET_FIT_H
#define _WEFT_TOOLS_FLEET_FIT_H

#include <stdbool.h>

struct weft_context;
struct weft_fleet_model;

/*
 * Leave out all of IPv6 where this machine disables it, and prefixes to which the route of
 * another link counts, or that are a network of this machine. Where the interface's own
 * route counts it stays, and a network around a prefix is no obstacle: a DHCP server must
 * not lead packets past the tunnel. Link @index is the interface's own, 0 for none. Each is
 * a problem in @model, and *@left_out is set. False after a complaint.
 */
bool weft_fit(const struct weft_context *ctx, struct weft_fleet_model *model, unsigned int index,
	      bool *left_out);

#endif /* _WEFT_TOOLS_FLEET_FIT_H */
