// SPDX-License-Identifier: GPL-2.0

#include "core/handshake_state.h"
#include "core/peer_ref.h"
#include "core/session.h"
#include "core/timers.h"

#include <linux/string.h>
#include <linux/timekeeping.h>

/**
 * weft_handshake_state_forget() - abandon a handshake that is in flight
 * @peer: the peer
 *
 * Context: process, peer->handshake_lock.
 */
void weft_handshake_state_forget(struct weft_peer *peer)
{
	lockdep_assert_held(&peer->handshake_lock);
	weft_session_revoke(peer->handshake.pending);
	peer->handshake.pending = NULL;
	memzero_explicit(&peer->handshake.noise, sizeof(peer->handshake.noise));
}

/**
 * weft_handshake_state_forget_identity() - wipe a peer's state of an identity that is being removed
 * @peer: the peer
 * @serial: the identity's
 *
 * Context: process, peer->handshake_lock.
 */
void weft_handshake_state_forget_identity(struct weft_peer *peer, u64 serial)
{
	struct weft_peer_handshake *state = &peer->handshake;

	lockdep_assert_held(&peer->handshake_lock);
	if (state->pending && state->pending_identity == serial)
		weft_handshake_state_forget(peer);
	if (state->static_static_identity == serial) {
		state->static_static_identity = 0;
		memzero_explicit(state->static_static, sizeof(state->static_static));
	}
}

/**
 * weft_peer_phase_out() - end the sessions made with a key that has been replaced
 * @peer: the peer
 * @kind: the kind of key
 * @serial: the key's; from here on no session is made with it
 *
 * A session in use ends after WEFT_PHASE_OUT_NS, in which another can be made.
 *
 * Context: process, peer->handshake_lock, so that no session is being made with the key.
 * Return: true if there is a session in use.
 */
bool weft_peer_phase_out(struct weft_peer *peer, enum weft_key_kind kind, u64 serial)
{
	u64 until = ktime_get_coarse_boottime_ns() + WEFT_PHASE_OUT_NS;

	lockdep_assert_held(&peer->handshake_lock);
	if (!weft_sessions_phase_out(&peer->sessions, kind, serial, until))
		return false;
	if (weft_sessions_current_key(&peer->sessions, kind) == serial)
		weft_timers_forget_session_at(peer, until);
	return true;
}

/**
 * weft_peer_key_ended() - end the sessions made with a key that is no longer valid, and request
 * another
 * @peer: the peer
 * @kind: the kind of key
 * @serial: the key's; from here on no session is made with it
 *
 * Context: process, peer->handshake_lock, so that no session is being made with the key.
 */
void weft_peer_key_ended(struct weft_peer *peer, enum weft_key_kind kind, u64 serial)
{
	bool missed;

	lockdep_assert_held(&peer->handshake_lock);
	if (weft_sessions_end(&peer->sessions, kind, serial, &missed))
		weft_timers_forget_session(peer);
	if (missed)
		weft_timers_event(peer, WEFT_FSM_RENEWAL);
}

/**
 * weft_peer_retire() - stop sending under a peer's sessions, and abandon its handshake, when our
 * key has changed
 * @peer: the peer
 *
 * Context: process, device->config_lock; may sleep.
 */
void weft_peer_retire(struct weft_peer *peer)
{
	bool negotiated;

	mutex_lock(&peer->handshake_lock);
	/* Sessions and a handshake in flight are made under this lock, each with a reference. */
	negotiated = refcount_read(&peer->refs) > 1;
	weft_handshake_state_forget_identity(peer, peer->handshake.static_static_identity);
	atomic64_set(&peer->session_identity, 0);
	if (negotiated)
		weft_handshake_state_forget(peer);
	mutex_unlock(&peer->handshake_lock);
	if (negotiated) {
		weft_sessions_retire(&peer->sessions);
		weft_timers_forget_session(peer);
	}
}

/**
 * weft_peer_erase() - wipe a peer's sessions and its handshake
 * @peer: the peer
 *
 * Context: process; may sleep.
 */
void weft_peer_erase(struct weft_peer *peer)
{
	mutex_lock(&peer->handshake_lock);
	weft_handshake_state_forget(peer);
	mutex_unlock(&peer->handshake_lock);
	weft_sessions_clear(&peer->sessions);
	weft_timers_forget_session(peer);
}
