/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Carries out the actions of a peer's timers: initiations, keepalives, the end of sessions.
 */
#ifndef WEFT_ACTIONS_H
#define WEFT_ACTIONS_H

#include <linux/types.h>

struct weft_peer;

void weft_actions_do(struct weft_peer *peer, u32 actions);

#endif /* WEFT_ACTIONS_H */
