/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sessions and the handshake of a peer, and their end: with a key of ours or of the peer's, or
 * all at once.
 */
#ifndef WEFT_HANDSHAKE_STATE_H
#define WEFT_HANDSHAKE_STATE_H

#include "core/peer_ref.h"

/* Time to replace a session whose keys have been replaced: two tries, 5 s apart. */
#define WEFT_PHASE_OUT_NS	weft_seconds_ns(2 * WEFT_REKEY_TIMEOUT_S)

void weft_handshake_state_forget_identity(struct weft_peer *peer, u64 serial);
bool weft_peer_phase_out(struct weft_peer *peer, enum weft_key_kind kind, u64 serial);
void weft_peer_key_ended(struct weft_peer *peer, enum weft_key_kind kind, u64 serial);
void weft_peer_retire(struct weft_peer *peer);
void weft_peer_erase(struct weft_peer *peer);
void weft_handshake_state_forget(struct weft_peer *peer);

#endif /* WEFT_HANDSHAKE_STATE_H */
