/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A peer's timers as one state machine: its inputs are events and the time, its outputs actions and
 * the next deadline (WireGuard paper, section 6). Times are nanoseconds of one monotonic clock that
 * also counts suspension. The caller serialises, runs one real timer for weft_fsm_next(), and
 * carries out the actions.
 */
#ifndef WEFT_FSM_H
#define WEFT_FSM_H

#include <linux/bits.h>
#include "lib/wire.h"

/**
 * enum weft_fsm_event - events; several may be reported at once
 * @WEFT_FSM_DATA_SENT: a data packet that is no keepalive left
 * @WEFT_FSM_DATA_RECEIVED: a data packet that is no keepalive authenticated
 * @WEFT_FSM_ANY_SENT: a packet left that will authenticate: data, keepalive or handshake
 * @WEFT_FSM_ANY_RECEIVED: a packet authenticated: data, keepalive or handshake
 * @WEFT_FSM_SESSION_WANTED: data is staged and no session can carry it, or the session that does is
 *	due for renewal
 * @WEFT_FSM_SESSION_ENDING: data was received on our own session when it was older than 165 s
 * @WEFT_FSM_INITIATION_SENT: an initiation left
 * @WEFT_FSM_RESPONSE_SENT: a response left
 * @WEFT_FSM_SESSION_DERIVED: keys of a new session exist, in either role
 * @WEFT_FSM_SESSION_CONFIRMED: both ends are known to have them: for the initiator at the
 *	response, for the responder at the first data
 * @WEFT_FSM_INITIATION_BARRED: there is no key, or no endpoint, and so no initiation: it counts as
 *	a try, but the next one need not wait once the missing part is configured
 * @WEFT_FSM_CONNECT: a session is requested if there is none that works; a pause is interrupted for
 *	one try
 * @WEFT_FSM_MENDED: the path or the keys, which may have kept a peer from answering, have changed
 * @WEFT_FSM_STRAY: data of a session that is not known here came from the peer's endpoint; it is
 *	not authenticated, so it causes one try only
 * @WEFT_FSM_RENEWAL: the session works, but newer keys are configured. Reported once:
 *	a try that is too early is deferred
 * @WEFT_FSM_INITIATION_LOST: the initiation that was reported could not be sent
 * @WEFT_FSM_REFUSED: a response to our initiation came, and was invalid
 */
enum weft_fsm_event {
	WEFT_FSM_DATA_SENT		= BIT(0),
	WEFT_FSM_DATA_RECEIVED		= BIT(1),
	WEFT_FSM_ANY_SENT		= BIT(2),
	WEFT_FSM_ANY_RECEIVED		= BIT(3),
	WEFT_FSM_SESSION_WANTED		= BIT(4),
	WEFT_FSM_SESSION_ENDING		= BIT(5),
	WEFT_FSM_INITIATION_SENT	= BIT(6),
	WEFT_FSM_RESPONSE_SENT		= BIT(7),
	WEFT_FSM_SESSION_DERIVED	= BIT(8),
	WEFT_FSM_SESSION_CONFIRMED	= BIT(9),
	WEFT_FSM_INITIATION_BARRED	= BIT(10),
	WEFT_FSM_CONNECT		= BIT(11),
	WEFT_FSM_MENDED			= BIT(12),
	WEFT_FSM_STRAY			= BIT(13),
	WEFT_FSM_REFUSED		= BIT(14),
	WEFT_FSM_RENEWAL		= BIT(20),
	WEFT_FSM_INITIATION_LOST	= BIT(21),
};

/**
 * enum weft_fsm_action - actions for the caller
 * @WEFT_FSM_DO_INITIATE: send an initiation; report WEFT_FSM_INITIATION_SENT if it left,
 *	WEFT_FSM_INITIATION_BARRED if it cannot be made
 * @WEFT_FSM_DO_KEEPALIVE: send an empty data packet
 * @WEFT_FSM_DO_FORGET_SOURCE: the path may be dead: let routing choose the source address again
 * @WEFT_FSM_DO_MOVE_ON: the endpoint may be dead: try the peer's next candidate, if it has one
 * @WEFT_FSM_DO_GIVE_UP: drop the packets staged for a session
 * @WEFT_FSM_DO_ERASE: wipe every key of this peer, its handshake included
 * @WEFT_FSM_TELL_UP: there is a session, and there was none before
 * @WEFT_FSM_TELL_RENEWED: a session has replaced another one
 * @WEFT_FSM_TELL_GIVEN_UP: WEFT_REKEY_ATTEMPTS tries in a row were not answered. More follow while
 *	there is data to send.
 */
enum weft_fsm_action {
	WEFT_FSM_DO_INITIATE		= BIT(0),
	WEFT_FSM_DO_KEEPALIVE		= BIT(1),
	WEFT_FSM_DO_FORGET_SOURCE	= BIT(2),
	WEFT_FSM_DO_GIVE_UP		= BIT(3),
	WEFT_FSM_DO_ERASE		= BIT(4),
	WEFT_FSM_DO_MOVE_ON		= BIT(5),
	WEFT_FSM_TELL_UP		= BIT(6),
	WEFT_FSM_TELL_RENEWED		= BIT(7),
	WEFT_FSM_TELL_GIVEN_UP		= BIT(8),
};

/* Actions that only have to be announced; the others have to be carried out. */
#define WEFT_FSM_TELL	(WEFT_FSM_TELL_UP | WEFT_FSM_TELL_RENEWED | WEFT_FSM_TELL_GIVEN_UP)

enum weft_fsm_timer {
	WEFT_FSM_RETRANSMIT,	/* the initiation was not answered */
	WEFT_FSM_KEEPALIVE,	/* data came and nothing went back */
	WEFT_FSM_NEW_HANDSHAKE,	/* data went and nothing came back */
	WEFT_FSM_PERSISTENT,	/* nothing at all for the configured time */
	WEFT_FSM_ERASE,		/* keys have outlived their use */
	WEFT_FSM_RETRY,		/* the peer was given up, but has a persistent keepalive */
	WEFT_FSM_TIMERS
};

/* The state of a peer; the numbers are those of enum weft_peer_state. */
enum weft_fsm_state {
	WEFT_FSM_IDLE,		/* no session, and none requested */
	WEFT_FSM_HANDSHAKING,	/* no session, and a series of tries */
	WEFT_FSM_UP,
	WEFT_FSM_SILENT,	/* a session, but sent packets were not answered */
	WEFT_FSM_GIVEN_UP,
};

#define WEFT_FSM_NEVER	U64_MAX

struct weft_fsm {
	u64 deadline[WEFT_FSM_TIMERS];	/* WEFT_FSM_NEVER: not armed */
	u64 handshake_at;		/* newest initiation requested or response sent */
	u64 derived_at;			/* newest session's keys */
	u64 up_at;			/* start of the unbroken sequence of sessions */
	u64 up_until;			/* end of the newest confirmed session; 0: none */
	u64 idle_at;			/* start of IDLE, unless a session ended later */
	u64 trying_at;			/* first try of the series; @trying */
	u64 missed_at;			/* first missing answer; @missed */
	u64 given_up_at;		/* @given_up */
	u32 jitter;			/* state of a small generator; not secret */
	u16 persistent_s;		/* 0: off */
	u8 armed;			/* armed deadlines and enum fsm_stage, for is_quiet() */
	u8 tries;			/* initiations sent since data last requested one */
	u8 unanswered;			/* unanswered tries of the series */
	u8 retries;			/* RETRY's, since the peer was given up */
	u8 in_vain;			/* unanswered tries since the peer answered, or a pause */
	u8 pauses;			/* pauses since the peer answered */
	u8 soon;			/* answers in a row that came soon after data */
	bool asked;			/* CONNECT has used its try in this pause */
	bool ending;			/* SESSION_ENDING has been handled */
	bool handshaked;		/* handshake_at is valid */
	bool trying;			/* a series of tries has begun */
	bool waiting;			/* RETRANSMIT is for the first try, which was too early */
	bool lost;			/* the last try could not be sent */
	bool pausing;			/* RETRANSMIT is for the end of a pause */
	bool single;			/* the present try is no series: STRAY */
	bool missed;			/* a packet was not answered, and none received since */
	bool refused;			/* REFUSED was reported in this series */
	bool given_up;			/* the series has ended; no packet received since */
};

void weft_fsm_init(struct weft_fsm *fsm, u32 seed, u64 now);
u32 weft_fsm_report(struct weft_fsm *fsm, u32 events, u64 now);
u32 weft_fsm_expire(struct weft_fsm *fsm, u64 now);
u32 weft_fsm_set_persistent(struct weft_fsm *fsm, u16 seconds, u64 now);
void weft_fsm_stop(struct weft_fsm *fsm, u64 now);
void weft_fsm_forget_session(struct weft_fsm *fsm, u64 now);
enum weft_fsm_state weft_fsm_state(const struct weft_fsm *fsm, u64 now, u64 *since);
u64 weft_fsm_next(const struct weft_fsm *fsm);
bool weft_fsm_is_quiet(const struct weft_fsm *fsm, u32 events);

/* Ages of sessions. @born and @now in nanoseconds, @counter the next one to be sent. */
bool weft_fsm_session_usable(u64 born, u64 counter, u64 now);
bool weft_fsm_session_due(bool initiator, u64 born, u64 counter, u64 now);
bool weft_fsm_session_ending(bool initiator, u64 born, u64 now);

#endif /* WEFT_FSM_H */
