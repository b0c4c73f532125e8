/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A peer's timers as one state machine: events and the time go in, actions and the next deadline
 * come out (WireGuard paper, section 6). Times are nanoseconds of one monotonic clock that also
 * counts suspension. The caller serialises, runs one real timer for weft_fsm_next(), and carries
 * the actions out.
 */
#ifndef WEFT_FSM_H
#define WEFT_FSM_H

#include <linux/bits.h>
#include "lib/wire.h"

/**
 * enum weft_fsm_event - what happened; several may be reported at once
 * @WEFT_FSM_DATA_SENT: a data packet that is no keepalive left
 * @WEFT_FSM_DATA_RECEIVED: a data packet that is no keepalive authenticated
 * @WEFT_FSM_ANY_SENT: a packet left that will authenticate: data, keepalive or handshake
 * @WEFT_FSM_ANY_RECEIVED: a packet authenticated: data, keepalive or handshake
 * @WEFT_FSM_SESSION_WANTED: data waits and no session will carry it, or the one that does is due
 *	for renewal
 * @WEFT_FSM_SESSION_ENDING: data was received on our own session when it was older than 165 s
 * @WEFT_FSM_INITIATION_SENT: an initiation left
 * @WEFT_FSM_RESPONSE_SENT: a response left
 * @WEFT_FSM_SESSION_DERIVED: keys of a new session exist, in either role
 * @WEFT_FSM_SESSION_CONFIRMED: both ends are known to have them: for the initiator at the
 *	response, for the responder at the first data
 * @WEFT_FSM_INITIATION_BARRED: there is no key, or no endpoint, and so no initiation: it counts as
 *	a try, but the next one need not wait once there is what was missing
 * @WEFT_FSM_CONNECT: a session is asked for if there is none that works; a pause is interrupted for
 *	one try
 * @WEFT_FSM_MENDED: what may have kept a peer from answering that was given up, or is not tried for
 *	a while, is different now
 * @WEFT_FSM_STRAY: from where the peer is comes data of a session that is not known here; nothing
 *	that authenticates, so it is good for one try
 * @WEFT_FSM_RENEWAL: the session is good, but there are other keys to make one with. Asked once, so
 *	that too soon means later
 * @WEFT_FSM_INITIATION_LOST: the initiation that was reported did not leave this machine
 * @WEFT_FSM_REFUSED: an answer to our initiation came, and was not good
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
 * enum weft_fsm_action - what to do about it
 * @WEFT_FSM_DO_INITIATE: send an initiation; report WEFT_FSM_INITIATION_SENT if it left,
 *	WEFT_FSM_INITIATION_BARRED if there is nothing to make it of
 * @WEFT_FSM_DO_KEEPALIVE: send an empty data packet
 * @WEFT_FSM_DO_FORGET_SOURCE: the path may have died: let routing choose the source address again
 * @WEFT_FSM_DO_MOVE_ON: the peer may be somewhere else: try it there, if another place is known
 * @WEFT_FSM_DO_GIVE_UP: drop the packets that wait for a session
 * @WEFT_FSM_DO_ERASE: wipe every key of this peer, its handshake included
 * @WEFT_FSM_TELL_UP: there is a session, and there was none before
 * @WEFT_FSM_TELL_RENEWED: a session has taken the place of another one
 * @WEFT_FSM_TELL_GIVEN_UP: WEFT_REKEY_ATTEMPTS tries in a row have come to nothing. More are made
 *	if data asks for them all the time.
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

/* Actions that somebody else is to carry out, and those that only have to be said. */
#define WEFT_FSM_TELL	(WEFT_FSM_TELL_UP | WEFT_FSM_TELL_RENEWED | WEFT_FSM_TELL_GIVEN_UP)

enum weft_fsm_timer {
	WEFT_FSM_RETRANSMIT,	/* the initiation was not answered */
	WEFT_FSM_KEEPALIVE,	/* data came and nothing went back */
	WEFT_FSM_NEW_HANDSHAKE,	/* data went and nothing came back */
	WEFT_FSM_PERSISTENT,	/* nothing at all for the configured time */
	WEFT_FSM_ERASE,		/* keys have outlived their use */
	WEFT_FSM_RETRY,		/* nobody was there, but a keepalive is to be sent */
	WEFT_FSM_TIMERS
};

/* How things stand with a peer; the numbers are those of enum weft_peer_state. */
enum weft_fsm_state {
	WEFT_FSM_IDLE,		/* no session, and none asked for */
	WEFT_FSM_HANDSHAKING,	/* no session, and tries under way */
	WEFT_FSM_UP,
	WEFT_FSM_SILENT,	/* a session, but what we sent was not answered */
	WEFT_FSM_GIVEN_UP,
};

#define WEFT_FSM_NEVER	U64_MAX

struct weft_fsm {
	u64 deadline[WEFT_FSM_TIMERS];	/* WEFT_FSM_NEVER: not armed */
	u64 handshake_at;		/* newest initiation asked for or response sent */
	u64 derived_at;			/* newest session's keys */
	u64 up_at;			/* since when one session has followed another */
	u64 up_until;			/* when the newest confirmed one is over; 0: none */
	u64 idle_at;			/* when there was last nothing else to say */
	u64 trying_at;			/* first try of the series; @trying */
	u64 missed_at;			/* first lack of an answer; @missed */
	u64 given_up_at;		/* @given_up */
	u32 jitter;			/* state of a small generator; not secret */
	u16 persistent_s;		/* 0: off */
	u8 tries;			/* initiations sent since data last asked for one */
	u8 unanswered;			/* tries of the series that came to nothing */
	u8 retries;			/* RETRY's, since the peer was given up */
	u8 in_vain;			/* tries since the peer was heard, or since a pause */
	u8 pauses;			/* since it was heard */
	bool asked;			/* CONNECT has had its try in this pause */
	bool ending;			/* SESSION_ENDING has been acted upon */
	bool handshaked;		/* handshake_at means something */
	bool trying;			/* a series of tries is under way */
	bool waiting;			/* RETRANSMIT is for the first try, which came too soon */
	bool lost;			/* the last try did not leave this machine */
	bool pausing;			/* RETRANSMIT is for the end of a pause */
	bool single;			/* the try under way is no series: STRAY */
	bool missed;			/* what we sent was not answered, and nothing came since */
	bool refused;			/* REFUSED was reported in this series */
	bool given_up;			/* the series is over; nothing came since */
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

/* Ages of sessions. @born and @now in nanoseconds, @counter the next one to be used. */
bool weft_fsm_session_usable(u64 born, u64 counter, u64 now);
bool weft_fsm_session_due(bool initiator, u64 born, u64 counter, u64 now);
bool weft_fsm_session_ending(bool initiator, u64 born, u64 now);

#endif /* WEFT_FSM_H */
