/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The memory of a node as a text: a line of its own, then the best records that were
 * accepted. One text, so that records and revocations are written together.
 */
#ifndef _WEFT_TOOLS_FLEET_MEMORY_H
#define _WEFT_TOOLS_FLEET_MEMORY_H

#include <stdio.h>

#include "fleet/members.h"

/* A fleet without records, whose records are signed by the keys @trust. NULL: no memory. */
struct weft_fleet *weft_memory_new(const char *name, const struct weft_keys *trust);
/* The fleet of a text that weft_memory_write() has written; NULL with @why filled in. */
struct weft_fleet *weft_memory_read(const char *name, const char *text, size_t len,
				    struct weft_refusal *why);
/* False: no memory. */
bool weft_memory_write(FILE *out, const struct weft_fleet *fleet);
/* Whether two texts differ at most in the keys of peers, which follow the interface. */
bool weft_memory_has_same_records(const char *a, const char *b);
/* The records alone, as a bundle: those of nodes that are in. */
void weft_memory_write_bundle(FILE *out, const struct weft_fleet *fleet);

#endif /* _WEFT_TOOLS_FLEET_MEMORY_H */
