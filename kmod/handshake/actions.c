// SPDX-License-Identifier: GPL-2.0

#include "handshake/actions.h"
#include "core/device.h"
#include "core/handshake_state.h"
#include "core/peer_endpoint.h"
#include "core/peer_keys.h"
#include "core/peer_ref.h"
#include "core/timers.h"
#include "datapath/xmit.h"
#include "handshake/handshake.h"
#include "lib/fsm.h"

#include <linux/timekeeping.h>

/* A peer answers within this time, by a keepalive if it has no data. */
#define ACTIONS_HEARS_NS	weft_seconds_ns(WEFT_KEEPALIVE_S + WEFT_REKEY_TIMEOUT_S)

/* Whether the path to a peer is alive: a packet from it has come recently. */
static bool actions_hears(const struct weft_peer *peer)
{
	u64 at = atomic64_read(&peer->rx_at_ns);

	return at && ktime_get_coarse_boottime_ns() - at < ACTIONS_HEARS_NS;
}

/*
 * Whether an unanswered initiation may be due to its keys rather than the path: it may have used a
 * key that the peer does not know yet.
 */
static bool actions_was_for_keys(struct weft_peer *peer)
{
	bool one;

	mutex_lock(&peer->handshake_lock);
	one = weft_peer_keys_slots(peer, WEFT_KEY_PUBLIC) == BIT(WEFT_KEY_SLOT_CURRENT) &&
	      !rcu_access_pointer(peer->device->previous_identity);
	mutex_unlock(&peer->handshake_lock);
	return !one && actions_hears(peer);
}

/**
 * weft_actions_do() - carry out the actions of a peer's timers
 * @peer: the peer
 * @actions: enum weft_fsm_action
 *
 * Context: process; struct weft_device_ops' act.
 */
void weft_actions_do(struct weft_peer *peer, u32 actions)
{
	if (actions & WEFT_FSM_DO_GIVE_UP)
		weft_xmit_give_up(peer);
	if (actions & WEFT_FSM_DO_ERASE)
		weft_peer_erase(peer);
	if (actions & WEFT_FSM_DO_FORGET_SOURCE)
		weft_peer_forget_source(peer);
	if (actions & WEFT_FSM_DO_MOVE_ON && !actions_was_for_keys(peer))
		weft_peer_next_candidate(peer);
	if (actions & WEFT_FSM_DO_KEEPALIVE)
		weft_xmit_keepalive(peer);
	if (actions & WEFT_PEER_DO_SEND)
		weft_xmit_staged(peer);
	if (actions & WEFT_PEER_DO_PROMOTE)
		weft_handshake_keys_proved(peer);
	/* If the path may be dead, there is no time to try another key first. */
	if (actions & WEFT_FSM_DO_INITIATE)
		weft_handshake_initiate(peer,
					!(actions & WEFT_FSM_DO_FORGET_SOURCE) ||
					actions_hears(peer));
}
