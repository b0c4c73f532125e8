/* SPDX-License-Identifier: GPL-2.0 */
/* The state of a node in a fleet as values for metrics. */
#ifndef _WEFT_TOOLS_FLEET_FACTS_H
#define _WEFT_TOOLS_FLEET_FACTS_H

#include <stdbool.h>

struct weft_context;
struct weft_fleet_facts;

/*
 * Read the state of fleet @name. *@configured: the interface has a file. False after a
 * complaint. No key is in the facts.
 */
bool weft_fleet_facts_read(const struct weft_context *ctx, const char *name,
			   struct weft_fleet_facts *facts, bool *configured);

#endif /* _WEFT_TOOLS_FLEET_FACTS_H */
