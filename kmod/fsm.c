// SPDX-License-Identifier: GPL-2.0
/*
 * A peer's timers. Reporting is in two halves: what traffic means for keepalives, and what
 * handshakes mean for retries and the life of keys.
 */
#include <linux/compiler.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/time64.h>
#include "fsm.h"

#define FSM_SECONDS(s)		((u64)(s) * NSEC_PER_SEC)
#define FSM_REKEY_TIMEOUT	FSM_SECONDS(WEFT_REKEY_TIMEOUT_S)
#define FSM_ANSWER_TIMEOUT	FSM_SECONDS(WEFT_KEEPALIVE_S + WEFT_REKEY_TIMEOUT_S)
#define FSM_ENDING_AGE		(FSM_SECONDS(WEFT_REJECT_AFTER_S) - FSM_ANSWER_TIMEOUT)

static void fsm_arm(struct weft_fsm *fsm, enum weft_fsm_timer timer, u64 deadline)
{
	/* Pairs with weft_fsm_is_quiet(), which may look without the caller's lock. */
	WRITE_ONCE(fsm->deadline[timer], deadline);
}

static void fsm_disarm(struct weft_fsm *fsm, enum weft_fsm_timer timer)
{
	fsm_arm(fsm, timer, WEFT_FSM_NEVER);
}

static bool fsm_armed(const struct weft_fsm *fsm, enum weft_fsm_timer timer)
{
	return READ_ONCE(fsm->deadline[timer]) != WEFT_FSM_NEVER;
}

static void fsm_arm_if_idle(struct weft_fsm *fsm, enum weft_fsm_timer timer, u64 deadline)
{
	if (!fsm_armed(fsm, timer))
		fsm_arm(fsm, timer, deadline);
}

/* Clocks of two CPUs may disagree by a little: then no time has passed. */
static u64 fsm_elapsed(u64 since, u64 now)
{
	return now > since ? now - since : 0;
}

/*
 * 0 .. WEFT_REKEY_JITTER_MS, in nanoseconds: a linear congruential generator, of which the high
 * bits count.
 */
static u64 fsm_jitter(struct weft_fsm *fsm)
{
	fsm->jitter = fsm->jitter * 1664525 + 1013904223;
	return (u64)fsm->jitter * (WEFT_REKEY_JITTER_MS * NSEC_PER_MSEC) >> 32;
}

static void fsm_handshake_now(struct weft_fsm *fsm, u64 now)
{
	fsm->handshake_at = now;
	fsm->handshaked = true;
}

/*
 * Starts a new series of tries, but never two initiations within WEFT_REKEY_TIMEOUT_S. A try that
 * waits for its time is not made early: its jitter keeps two ends that began in the same instant,
 * each of which overtook the other, from doing so again and again. But the first that is not barred
 * does not wait.
 */
static u32 fsm_want_session(struct weft_fsm *fsm, u64 now)
{
	fsm->tries = 0;
	if (fsm->handshaked && (fsm_armed(fsm, WEFT_FSM_RETRANSMIT) ||
				fsm_elapsed(fsm->handshake_at, now) < FSM_REKEY_TIMEOUT))
		return 0;
	fsm_handshake_now(fsm, now);
	return WEFT_FSM_DO_INITIATE;
}

/* What came in goes first: a packet that leaves in the same breath answers it. */
static void fsm_report_traffic(struct weft_fsm *fsm, u32 events, u64 now)
{
	if (events & WEFT_FSM_ANY_RECEIVED)
		fsm_disarm(fsm, WEFT_FSM_NEW_HANDSHAKE);
	if (events & WEFT_FSM_DATA_RECEIVED)
		fsm_arm_if_idle(fsm, WEFT_FSM_KEEPALIVE, now + FSM_SECONDS(WEFT_KEEPALIVE_S));
	if (events & WEFT_FSM_ANY_SENT)
		fsm_disarm(fsm, WEFT_FSM_KEEPALIVE);
	if (events & WEFT_FSM_DATA_SENT && !fsm_armed(fsm, WEFT_FSM_NEW_HANDSHAKE))
		fsm_arm(fsm, WEFT_FSM_NEW_HANDSHAKE, now + FSM_ANSWER_TIMEOUT + fsm_jitter(fsm));
	if (events & (WEFT_FSM_ANY_SENT | WEFT_FSM_ANY_RECEIVED) && fsm->persistent_s)
		fsm_arm(fsm, WEFT_FSM_PERSISTENT, now + FSM_SECONDS(fsm->persistent_s));
}

static void fsm_initiation_sent(struct weft_fsm *fsm, u64 now)
{
	if (fsm->tries < U8_MAX)
		fsm->tries++;
	fsm_handshake_now(fsm, now);
	fsm_arm(fsm, WEFT_FSM_RETRANSMIT, now + FSM_REKEY_TIMEOUT + fsm_jitter(fsm));
}

/* Asked for when 5 s had passed since the last one that left: the next may leave any time. */
static void fsm_initiation_barred(struct weft_fsm *fsm, u64 now)
{
	fsm_initiation_sent(fsm, now);
	fsm->handshaked = false;
}

static void fsm_session_confirmed(struct weft_fsm *fsm)
{
	fsm_disarm(fsm, WEFT_FSM_RETRANSMIT);
	fsm->tries = 0;
	WRITE_ONCE(fsm->ending, false);
}

/* In the order of a session's life, so that one call may report several steps of it. */
static u32 fsm_report_session(struct weft_fsm *fsm, u32 events, u64 now)
{
	u32 actions = 0;

	if (events & WEFT_FSM_INITIATION_SENT)
		fsm_initiation_sent(fsm, now);
	if (events & WEFT_FSM_INITIATION_BARRED)
		fsm_initiation_barred(fsm, now);
	if (events & WEFT_FSM_RESPONSE_SENT)
		fsm_handshake_now(fsm, now);
	if (events & WEFT_FSM_SESSION_DERIVED)
		fsm_arm(fsm, WEFT_FSM_ERASE, now + FSM_SECONDS(WEFT_ERASE_AFTER_S));
	if (events & WEFT_FSM_SESSION_CONFIRMED)
		fsm_session_confirmed(fsm);
	if (events & WEFT_FSM_SESSION_WANTED)
		actions |= fsm_want_session(fsm, now);
	if (events & WEFT_FSM_SESSION_ENDING && !fsm->ending) {
		WRITE_ONCE(fsm->ending, true);
		actions |= fsm_want_session(fsm, now);
	}
	return actions;
}

/**
 * weft_fsm_init - make a peer's timers ready: none armed, no persistent keepalive
 * @fsm: the peer's
 * @seed: any random number; peers and hosts with the same one retry in step
 */
void weft_fsm_init(struct weft_fsm *fsm, u32 seed)
{
	memset(fsm, 0, sizeof(*fsm));
	fsm->jitter = seed;
	weft_fsm_stop(fsm);
}

/**
 * weft_fsm_report - say what happened
 * @fsm: the peer's
 * @events: bits of enum weft_fsm_event
 * @now: nanoseconds
 *
 * Return: bits of enum weft_fsm_action, to be carried out now. weft_fsm_next() may have changed.
 */
u32 weft_fsm_report(struct weft_fsm *fsm, u32 events, u64 now)
{
	fsm_report_traffic(fsm, events, now);
	return fsm_report_session(fsm, events, now);
}

static u32 fsm_expire_retransmit(struct weft_fsm *fsm, u64 now)
{
	if (fsm->tries < WEFT_REKEY_ATTEMPTS) {
		fsm_handshake_now(fsm, now);
		return WEFT_FSM_DO_FORGET_SOURCE | WEFT_FSM_DO_MOVE_ON | WEFT_FSM_DO_INITIATE;
	}
	/* Nobody there. A keepalive would only ask for the next series of tries. */
	fsm_disarm(fsm, WEFT_FSM_KEEPALIVE);
	fsm_arm_if_idle(fsm, WEFT_FSM_ERASE, now + FSM_SECONDS(WEFT_ERASE_AFTER_S));
	return WEFT_FSM_DO_GIVE_UP;
}

static u32 fsm_expire_one(struct weft_fsm *fsm, enum weft_fsm_timer timer, u64 now)
{
	switch (timer) {
	case WEFT_FSM_RETRANSMIT:
		return fsm_expire_retransmit(fsm, now);
	case WEFT_FSM_KEEPALIVE:
		return WEFT_FSM_DO_KEEPALIVE;
	case WEFT_FSM_NEW_HANDSHAKE:
		return WEFT_FSM_DO_FORGET_SOURCE | fsm_want_session(fsm, now);
	case WEFT_FSM_PERSISTENT:
		/* Armed again here: it must go on even if this keepalive cannot leave. */
		fsm_arm(fsm, WEFT_FSM_PERSISTENT, now + FSM_SECONDS(fsm->persistent_s));
		return WEFT_FSM_DO_KEEPALIVE;
	default:
		return WEFT_FSM_DO_ERASE;
	}
}

/**
 * weft_fsm_expire - let the deadlines take effect that have passed
 * @fsm: the peer's
 * @now: nanoseconds
 *
 * Harmless when called too early or too often.
 *
 * Return: bits of enum weft_fsm_action, to be carried out now, DO_ERASE and DO_GIVE_UP before the
 * others. weft_fsm_next() may have changed.
 */
u32 weft_fsm_expire(struct weft_fsm *fsm, u64 now)
{
	enum weft_fsm_timer timer;
	u32 actions = 0;

	for (timer = 0; timer < WEFT_FSM_TIMERS; timer++) {
		if (!fsm_armed(fsm, timer) || fsm->deadline[timer] > now)
			continue;
		fsm_disarm(fsm, timer);
		actions |= fsm_expire_one(fsm, timer, now);
	}
	return actions;
}

/**
 * weft_fsm_set_persistent - set how long a peer may be silent before it gets a keepalive
 * @fsm: the peer's
 * @seconds: 1 .. 65535; 0 switches it off
 * @now: nanoseconds
 *
 * Also sets it going again after weft_fsm_stop(): pass the value it has.
 *
 * Return: WEFT_FSM_DO_KEEPALIVE if it was not running before, else 0.
 */
u32 weft_fsm_set_persistent(struct weft_fsm *fsm, u16 seconds, u64 now)
{
	bool running = fsm_armed(fsm, WEFT_FSM_PERSISTENT);
	bool same = fsm->persistent_s == seconds;

	WRITE_ONCE(fsm->persistent_s, seconds);
	if (!seconds)
		fsm_disarm(fsm, WEFT_FSM_PERSISTENT);
	else if (!running || !same)
		fsm_arm(fsm, WEFT_FSM_PERSISTENT, now + FSM_SECONDS(seconds));
	return seconds && !running ? WEFT_FSM_DO_KEEPALIVE : 0;
}

/**
 * weft_fsm_stop - disarm everything, as when the device goes down or the keys are dropped
 * @fsm: the peer's; keeps its persistent keepalive setting
 *
 * The next session may be asked for at once.
 */
void weft_fsm_stop(struct weft_fsm *fsm)
{
	enum weft_fsm_timer timer;

	for (timer = 0; timer < WEFT_FSM_TIMERS; timer++)
		fsm_disarm(fsm, timer);
	fsm->tries = 0;
	fsm->handshaked = false;
	WRITE_ONCE(fsm->ending, false);
}

/**
 * weft_fsm_next - when weft_fsm_expire() wants to be called
 * @fsm: the peer's
 *
 * Return: nanoseconds; WEFT_FSM_NEVER if nothing is armed.
 */
u64 weft_fsm_next(const struct weft_fsm *fsm)
{
	u64 next = WEFT_FSM_NEVER;
	enum weft_fsm_timer timer;

	for (timer = 0; timer < WEFT_FSM_TIMERS; timer++)
		next = min(next, fsm->deadline[timer]);
	return next;
}

/**
 * weft_fsm_is_quiet - would reporting these events change nothing?
 * @fsm: the peer's; looked at without need of the caller's lock: an answer that a report on
 *	another CPU has just made stale is as good as one given before it
 * @events: bits of enum weft_fsm_event
 *
 * With a persistent keepalive every packet moves a deadline, so none is quiet.
 *
 * Return: true if weft_fsm_report() need not be called.
 */
bool weft_fsm_is_quiet(const struct weft_fsm *fsm, u32 events)
{
	const u32 any = WEFT_FSM_ANY_SENT | WEFT_FSM_ANY_RECEIVED;
	const u32 traffic = any | WEFT_FSM_DATA_SENT | WEFT_FSM_DATA_RECEIVED;
	u32 stirring;

	if (events & ~(traffic | WEFT_FSM_SESSION_ENDING))
		return false;
	if (events & WEFT_FSM_SESSION_ENDING && !READ_ONCE(fsm->ending))
		return false;
	if (events & any && READ_ONCE(fsm->persistent_s))
		return false;
	/* Disarmed by what is received, armed by data sent. */
	stirring = fsm_armed(fsm, WEFT_FSM_NEW_HANDSHAKE) ? WEFT_FSM_ANY_RECEIVED :
							    WEFT_FSM_DATA_SENT;
	if (events & stirring)
		return false;
	/* Armed by data received, unless something sent disarms it in the same report. */
	if (fsm_armed(fsm, WEFT_FSM_KEEPALIVE))
		return !(events & WEFT_FSM_ANY_SENT);
	return !(events & WEFT_FSM_DATA_RECEIVED) || events & WEFT_FSM_ANY_SENT;
}

/**
 * weft_fsm_session_usable - may a session carry packets still?
 * @born: when its keys were derived, nanoseconds
 * @counter: the next one to be used, or the one received
 * @now: nanoseconds
 */
bool weft_fsm_session_usable(u64 born, u64 counter, u64 now)
{
	return fsm_elapsed(born, now) < FSM_SECONDS(WEFT_REJECT_AFTER_S) &&
	       counter < WEFT_REJECT_AFTER_MESSAGES;
}

/**
 * weft_fsm_session_due - should sending on a session ask for the next one?
 * @initiator: whether we initiated it: by age, only that side renews it, or both would
 * @born: when its keys were derived, nanoseconds
 * @counter: the next one to be used
 * @now: nanoseconds
 */
bool weft_fsm_session_due(bool initiator, u64 born, u64 counter, u64 now)
{
	if (counter >= WEFT_REKEY_AFTER_MESSAGES)
		return true;
	return initiator && fsm_elapsed(born, now) >= FSM_SECONDS(WEFT_REKEY_AFTER_S);
}

/**
 * weft_fsm_session_ending - should receiving on a session ask for the next one?
 * @initiator: whether we initiated it
 * @born: when its keys were derived, nanoseconds
 * @now: nanoseconds
 *
 * So that a side that only receives does not fall silent at the end of a session.
 */
bool weft_fsm_session_ending(bool initiator, u64 born, u64 now)
{
	return initiator && fsm_elapsed(born, now) >= FSM_ENDING_AGE;
}
