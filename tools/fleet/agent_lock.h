/* SPDX-License-Identifier: GPL-2.0 */
/* One agent a fleet, in a network namespace. */
#ifndef _WEFT_TOOLS_FLEET_AGENT_LOCK_H
#define _WEFT_TOOLS_FLEET_AGENT_LOCK_H

#include <stdbool.h>

struct weft_context;

/* Take the lock of an agent of fleet @name. False after a complaint, also where one runs. */
bool weft_agent_lock_take(const struct weft_context *ctx, const char *name, int *fd);
/*
 * See to it that no agent of fleet @name runs until *@fd, which may be negative, is released.
 * False after a complaint where one runs.
 */
bool weft_agent_lock_exclude(const struct weft_context *ctx, const char *name, int *fd);
/* A negative @fd is ignored. */
void weft_agent_lock_release(int fd);

#endif /* _WEFT_TOOLS_FLEET_AGENT_LOCK_H */
