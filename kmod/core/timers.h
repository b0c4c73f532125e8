/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A peer's timers: the state machine of fsm.h with a clock, a kernel timer and a work item.
 */
#ifndef WEFT_TIMERS_H
#define WEFT_TIMERS_H

#include "lib/fsm.h"

#include <linux/bits.h>
#include <linux/types.h>

#include <uapi/linux/weft.h>

struct weft_session;
struct weft_peer;

/* An action besides enum weft_fsm_action: check whether a next key has been proved. */
#define WEFT_PEER_DO_PROMOTE	BIT(31)

/* An action besides enum weft_fsm_action: continue to send staged packets. */
#define WEFT_PEER_DO_SEND	BIT(30)

int weft_timers_init(void);
void weft_timers_exit(void);
void weft_timers_peer_init(struct weft_peer *peer);

void weft_timers_start(struct weft_peer *peer);
void weft_timers_stop(struct weft_peer *peer);
void weft_timers_event(struct weft_peer *peer, u32 events);
void weft_timers_confirmed(const struct weft_session *session, u32 events);
void weft_timers_queue_actions(struct weft_peer *peer, u32 actions);
enum weft_peer_state weft_timers_state(struct weft_peer *peer, u64 now, u64 *since);
void weft_timers_set_persistent(struct weft_peer *peer, u16 seconds);
void weft_timers_forget_session(struct weft_peer *peer);
void weft_timers_forget_session_at(struct weft_peer *peer, u64 when_ns);

#endif /* WEFT_TIMERS_H */
