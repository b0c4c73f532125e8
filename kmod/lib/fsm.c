// SPDX-License-Identifier: GPL-2.0
/*
 * A peer's timers. Events are handled in two halves: traffic for keepalives, and handshakes for
 * retries and the life of keys.
 */
#include <linux/compiler.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/time64.h>
#include "lib/fsm.h"

#define FSM_REKEY_TIMEOUT	weft_seconds_ns(WEFT_REKEY_TIMEOUT_S)
#define FSM_ANSWER_TIMEOUT	weft_seconds_ns(WEFT_KEEPALIVE_S + WEFT_REKEY_TIMEOUT_S)
#define FSM_ENDING_AGE		(weft_seconds_ns(WEFT_REJECT_AFTER_S) - FSM_ANSWER_TIMEOUT)

/*
 * A peer whose last answers each came within FSM_SOON is doubted once there has been none for
 * FSM_DOUBT: most often it has been restarted. Data that is sent then has FSM_SOON for an answer
 * before a handshake is tried. An exchange that is over, of which the last packet needs no answer,
 * causes none; a flow that goes one way from then on causes one, as keepalives answer it late.
 */
#define FSM_SOON		weft_seconds_ns(1)
#define FSM_SOON_ANSWERS	3
#define FSM_DOUBT		weft_seconds_ns(4)

/* What NEW_HANDSHAKE is armed for; in the bits of @armed above those of the timers. */
enum fsm_stage {
	FSM_AWAITS,		/* an answer within FSM_ANSWER_TIMEOUT, or it is not armed */
	FSM_AWAITS_SOON,	/* an answer within FSM_DOUBT */
	FSM_DOUBTS,		/* as FSM_AWAITS, but the next data has FSM_SOON for an answer */
	FSM_AWAITS_AGAIN,	/* that answer */
};

static_assert(WEFT_FSM_TIMERS <= 6);

/* The interval between RETRYs doubles each time up to the maximum, less up to a quarter. */
#define FSM_RETRY_FIRST		weft_seconds_ns(10)
#define FSM_RETRY_MOST		weft_seconds_ns(60)

/*
 * A router on the path may have an entry for our flow that leads nowhere: made before its
 * masquerading rule, or for an address that it no longer has. Tries every 5 s keep such an entry
 * alive for ever, and so do RETRY's. After two series without an answer, no initiation is sent
 * until the router has dropped the entry. Linux' conntrack does so after 30 s if there was never an
 * answer, else after 120 s. The port is not changed instead: it may be a fixed one, and other peers
 * use it.
 */
#define FSM_PAUSE_AFTER		(2 * WEFT_REKEY_ATTEMPTS)
#define FSM_PAUSE_FIRST		weft_seconds_ns(35)
#define FSM_PAUSE		weft_seconds_ns(125)
#define FSM_PAUSE_JITTER	weft_seconds_ns(5)
#define FSM_RETRY_PAUSE_EACH	6

static void fsm_arm(struct weft_fsm *fsm, enum weft_fsm_timer timer, u64 deadline)
{
	const u8 bit = BIT(timer);

	fsm->deadline[timer] = deadline;
	/* Pairs with weft_fsm_is_quiet(), which may look without the caller's lock. */
	WRITE_ONCE(fsm->armed, deadline != WEFT_FSM_NEVER ? fsm->armed | bit : fsm->armed & ~bit);
}

static void fsm_disarm(struct weft_fsm *fsm, enum weft_fsm_timer timer)
{
	fsm_arm(fsm, timer, WEFT_FSM_NEVER);
}

static bool fsm_armed(const struct weft_fsm *fsm, enum weft_fsm_timer timer)
{
	return fsm->deadline[timer] != WEFT_FSM_NEVER;
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

/* 0 .. @span - 1: a linear congruential generator, of which the high bits count. */
static u64 fsm_random(struct weft_fsm *fsm, u64 span)
{
	fsm->jitter = fsm->jitter * 1664525 + 1013904223;
	return (u64)fsm->jitter * (span >> 10) >> 22;
}

static u64 fsm_jitter(struct weft_fsm *fsm)
{
	return fsm_random(fsm, WEFT_REKEY_JITTER_MS * NSEC_PER_MSEC);
}

static void fsm_handshake_now(struct weft_fsm *fsm, u64 now)
{
	fsm->handshake_at = now;
	fsm->handshaked = true;
}

static bool fsm_has_session(const struct weft_fsm *fsm, u64 now)
{
	return fsm->up_until > now;
}

/* An initiation was requested less than WEFT_REKEY_TIMEOUT_S ago, or a response sent. */
static bool fsm_too_soon(const struct weft_fsm *fsm, u64 now)
{
	return fsm->handshaked && fsm_elapsed(fsm->handshake_at, now) < FSM_REKEY_TIMEOUT;
}

/* Pairs with weft_fsm_is_quiet(), as fsm_arm() does. */
static void fsm_missed(struct weft_fsm *fsm, u64 now)
{
	if (fsm->missed)
		return;
	fsm->missed_at = now;
	WRITE_ONCE(fsm->missed, true);
}

/* Unanswered tries up to now no longer count towards a pause. */
static void fsm_count_anew(struct weft_fsm *fsm)
{
	fsm->in_vain = 0;
	fsm->asked = false;
}

/* The peer is alive: a packet of its own authenticated. */
static void fsm_heard(struct weft_fsm *fsm, u64 now)
{
	if (!fsm->missed)
		return;
	WRITE_ONCE(fsm->missed, false);
	fsm->unanswered = 0;
	fsm_count_anew(fsm);
	fsm->pauses = 0;
	fsm->refused = false;
	if (fsm->pausing) {
		fsm->pausing = false;
		fsm->waiting = true;
		fsm_arm(fsm, WEFT_FSM_RETRANSMIT, now + fsm_jitter(fsm));
	}
	if (!fsm->given_up)
		return;
	fsm->given_up = false;
	fsm->idle_at = now;
	fsm_disarm(fsm, WEFT_FSM_RETRY);
}

static void fsm_series_begins(struct weft_fsm *fsm, u64 now)
{
	fsm->tries = 0;
	fsm->single = false;
	if (fsm->trying)
		return;
	fsm->trying = true;
	fsm->trying_at = now;
	fsm->unanswered = 0;
	fsm->refused = false;
	fsm->given_up = false;
	fsm_disarm(fsm, WEFT_FSM_RETRY);
}

/* The time from the last try until a router has dropped the flow's entry. */
static u64 fsm_pause(const struct weft_fsm *fsm)
{
	return fsm->pauses ? FSM_PAUSE : FSM_PAUSE_FIRST;
}

static void fsm_pause_ends(struct weft_fsm *fsm)
{
	fsm->pausing = false;
	fsm_count_anew(fsm);
	if (fsm->pauses < U8_MAX)
		fsm->pauses++;
}

/* Whether the next try has to wait for a pause; begins the pause. */
static bool fsm_pause_begins(struct weft_fsm *fsm, u64 now)
{
	if (fsm->in_vain < FSM_PAUSE_AFTER)
		return false;
	if (fsm_elapsed(fsm->handshake_at, now) >= fsm_pause(fsm)) {
		fsm_pause_ends(fsm);
		return false;
	}
	fsm->pausing = true;
	fsm_arm(fsm, WEFT_FSM_RETRANSMIT, fsm->handshake_at + fsm_pause(fsm) +
					  fsm_random(fsm, FSM_PAUSE_JITTER));
	return true;
}

/*
 * Starts a new series of tries, but never two initiations within WEFT_REKEY_TIMEOUT_S. A try that
 * is already scheduled is not made early: its jitter keeps two ends that initiated at the same
 * instant, so that the initiations crossed, from doing so again and again. Only the first try that
 * is not barred is made at once.
 */
static u32 fsm_want_session(struct weft_fsm *fsm, u64 now)
{
	bool armed = fsm_armed(fsm, WEFT_FSM_RETRANSMIT);

	fsm->tries = 0;
	if (!armed && fsm_too_soon(fsm, now))
		return 0;
	fsm_series_begins(fsm, now);
	if (armed && fsm->handshaked)
		return 0;
	if (!armed && fsm_pause_begins(fsm, now))
		return 0;
	fsm_handshake_now(fsm, now);
	return WEFT_FSM_DO_INITIATE;
}

/* As fsm_want_session(), but the event is reported only once: too early a try is deferred. */
static u32 fsm_renew(struct weft_fsm *fsm, u64 now)
{
	if (!fsm_armed(fsm, WEFT_FSM_RETRANSMIT) && fsm_too_soon(fsm, now)) {
		fsm_series_begins(fsm, now);
		fsm->waiting = true;
		fsm_arm(fsm, WEFT_FSM_RETRANSMIT,
			fsm->handshake_at + FSM_REKEY_TIMEOUT + fsm_jitter(fsm));
		return 0;
	}
	return fsm_want_session(fsm, now);
}

/* The path or the peer's keys have changed: there is no reason to pause. */
static u32 fsm_mended(struct weft_fsm *fsm, u64 now)
{
	/* The unanswered tries were made on another path. */
	fsm_count_anew(fsm);
	if (!fsm->pausing && !fsm_armed(fsm, WEFT_FSM_RETRY))
		return 0;
	if (fsm->pausing)
		fsm_disarm(fsm, WEFT_FSM_RETRANSMIT);
	fsm->pausing = false;
	return fsm_renew(fsm, now);
}

/* One try, at most once in a pause: a user waits for the outcome. The pause restarts after it. */
static u32 fsm_try_in_pause(struct weft_fsm *fsm, u64 now)
{
	if (fsm->asked || fsm_too_soon(fsm, now))
		return 0;
	fsm->asked = true;
	fsm_handshake_now(fsm, now);
	return WEFT_FSM_DO_INITIATE;
}

static u32 fsm_connect(struct weft_fsm *fsm, u64 now)
{
	u32 actions = 0;

	if (fsm_has_session(fsm, now) && !fsm->missed)
		return 0;
	if (!fsm->pausing)
		actions = fsm_renew(fsm, now);
	return fsm->pausing ? fsm_try_in_pause(fsm, now) : actions;
}

/* A stray is not authenticated: it causes a single initiation and changes no other state. */
static u32 fsm_stray(struct weft_fsm *fsm, u64 now)
{
	if (fsm_has_session(fsm, now) || fsm_armed(fsm, WEFT_FSM_RETRANSMIT) ||
	    fsm_too_soon(fsm, now))
		return 0;
	fsm->single = true;
	fsm_handshake_now(fsm, now);
	return WEFT_FSM_DO_INITIATE;
}

static enum fsm_stage fsm_stage_of(u8 armed)
{
	return armed >> WEFT_FSM_TIMERS;
}

static void fsm_set_stage(struct weft_fsm *fsm, enum fsm_stage stage)
{
	const u8 timers = fsm->armed & (BIT(WEFT_FSM_TIMERS) - 1);

	WRITE_ONCE(fsm->armed, timers | stage << WEFT_FSM_TIMERS);
}

static void fsm_await(struct weft_fsm *fsm, enum fsm_stage stage, u64 deadline)
{
	fsm_set_stage(fsm, stage);
	fsm_arm(fsm, WEFT_FSM_NEW_HANDSHAKE, deadline);
}

static void fsm_await_again(struct weft_fsm *fsm, u64 now)
{
	u64 again = now + FSM_SOON + fsm_jitter(fsm);

	if (again < fsm->deadline[WEFT_FSM_NEW_HANDSHAKE])
		fsm_await(fsm, FSM_AWAITS_AGAIN, again);
}

/* Data needs an answer, unless one is awaited already. */
static void fsm_data_sent(struct weft_fsm *fsm, u64 now)
{
	if (fsm_stage_of(fsm->armed) == FSM_DOUBTS)
		fsm_await_again(fsm, now);
	else if (fsm_armed(fsm, WEFT_FSM_NEW_HANDSHAKE))
		return;
	else if (fsm->soon == FSM_SOON_ANSWERS)
		fsm_await(fsm, FSM_AWAITS_SOON, now + FSM_DOUBT);
	else
		fsm_await(fsm, FSM_AWAITS, now + FSM_ANSWER_TIMEOUT + fsm_jitter(fsm));
}

/* Whether the answer that is awaited has come within FSM_SOON, or a little more, for the jitter. */
static bool fsm_comes_soon(const struct weft_fsm *fsm, u64 now)
{
	const u64 deadline = fsm->deadline[WEFT_FSM_NEW_HANDSHAKE];

	switch (fsm_stage_of(fsm->armed)) {
	case FSM_AWAITS:
		return fsm_elapsed(deadline - FSM_ANSWER_TIMEOUT, now) <= FSM_SOON;
	case FSM_AWAITS_SOON:
		return fsm_elapsed(deadline - FSM_DOUBT, now) <= FSM_SOON;
	default:
		return false;
	}
}

/* A packet was received, which answers the data sent before. */
static void fsm_answered(struct weft_fsm *fsm, u32 events, u64 now)
{
	if (!fsm_armed(fsm, WEFT_FSM_NEW_HANDSHAKE))
		return;
	if (!fsm_comes_soon(fsm, now))
		fsm->soon = 0;
	else if (events & WEFT_FSM_DATA_RECEIVED && fsm->soon < FSM_SOON_ANSWERS)
		fsm->soon++;
	fsm_await(fsm, FSM_AWAITS, WEFT_FSM_NEVER);
}

/* Received packets first: a packet sent in the same report answers them. */
static void fsm_report_traffic(struct weft_fsm *fsm, u32 events, u64 now)
{
	if (events & WEFT_FSM_ANY_RECEIVED) {
		fsm_answered(fsm, events, now);
		fsm_heard(fsm, now);
	}
	if (events & WEFT_FSM_DATA_RECEIVED)
		fsm_arm_if_idle(fsm, WEFT_FSM_KEEPALIVE, now + weft_seconds_ns(WEFT_KEEPALIVE_S));
	if (events & WEFT_FSM_ANY_SENT)
		fsm_disarm(fsm, WEFT_FSM_KEEPALIVE);
	if (events & WEFT_FSM_DATA_SENT)
		fsm_data_sent(fsm, now);
	if (events & (WEFT_FSM_ANY_SENT | WEFT_FSM_ANY_RECEIVED) && fsm->persistent_s)
		fsm_arm(fsm, WEFT_FSM_PERSISTENT, now + weft_seconds_ns(fsm->persistent_s));
}

static void fsm_initiation_sent(struct weft_fsm *fsm, u64 now)
{
	if (fsm->tries < U8_MAX)
		fsm->tries++;
	fsm->waiting = false;
	fsm->pausing = false;
	fsm->lost = false;
	fsm_handshake_now(fsm, now);
	fsm_arm(fsm, WEFT_FSM_RETRANSMIT, now + FSM_REKEY_TIMEOUT + fsm_jitter(fsm));
}

/* Requested when 5 s had passed since the last one sent: the next may be sent at any time. */
static void fsm_initiation_barred(struct weft_fsm *fsm, u64 now)
{
	fsm_initiation_sent(fsm, now);
	fsm->handshaked = false;
}

static void fsm_session_derived(struct weft_fsm *fsm, u64 now)
{
	fsm->derived_at = now;
	fsm_arm(fsm, WEFT_FSM_ERASE, now + weft_seconds_ns(WEFT_ERASE_AFTER_S));
}

static u32 fsm_session_confirmed(struct weft_fsm *fsm, u64 now)
{
	bool renewed = fsm_has_session(fsm, now);

	fsm_heard(fsm, now);
	fsm_disarm(fsm, WEFT_FSM_RETRANSMIT);
	fsm->tries = 0;
	fsm->trying = false;
	fsm->waiting = false;
	fsm->pausing = false;
	fsm->single = false;
	WRITE_ONCE(fsm->ending, false);
	fsm->up_until = fsm->derived_at + weft_seconds_ns(WEFT_REJECT_AFTER_S);
	if (renewed)
		return WEFT_FSM_TELL_RENEWED;
	fsm->up_at = now;
	return WEFT_FSM_TELL_UP;
}

/* Events that request a session, each under its own conditions. */
static u32 fsm_report_wishes(struct weft_fsm *fsm, u32 events, u64 now)
{
	u32 actions = 0;

	if (events & WEFT_FSM_SESSION_WANTED)
		actions |= fsm_want_session(fsm, now);
	if (events & WEFT_FSM_SESSION_ENDING && !fsm->ending) {
		WRITE_ONCE(fsm->ending, true);
		actions |= fsm_want_session(fsm, now);
	}
	if (events & WEFT_FSM_RENEWAL)
		actions |= fsm_renew(fsm, now);
	if (events & WEFT_FSM_CONNECT)
		actions |= fsm_connect(fsm, now);
	if (events & WEFT_FSM_MENDED)
		actions |= fsm_mended(fsm, now);
	if (events & WEFT_FSM_STRAY)
		actions |= fsm_stray(fsm, now);
	return actions;
}

/* In the order of a session's life, so that one call may report several steps of it. */
static u32 fsm_report_session(struct weft_fsm *fsm, u32 events, u64 now)
{
	u32 actions = 0;

	if (events & WEFT_FSM_INITIATION_SENT)
		fsm_initiation_sent(fsm, now);
	if (events & WEFT_FSM_INITIATION_BARRED)
		fsm_initiation_barred(fsm, now);
	if (events & WEFT_FSM_INITIATION_LOST)
		fsm->lost = true;
	if (events & WEFT_FSM_REFUSED)
		fsm->refused = true;
	if (events & WEFT_FSM_RESPONSE_SENT)
		fsm_handshake_now(fsm, now);
	if (events & WEFT_FSM_SESSION_DERIVED)
		fsm_session_derived(fsm, now);
	if (events & WEFT_FSM_SESSION_CONFIRMED)
		actions |= fsm_session_confirmed(fsm, now);
	return actions | fsm_report_wishes(fsm, events, now);
}

/* Initialises a peer's timers, none armed. Peers and hosts with the same @seed retry in step. */
void weft_fsm_init(struct weft_fsm *fsm, u32 seed, u64 now)
{
	memset(fsm, 0, sizeof(*fsm));
	fsm->jitter = seed;
	weft_fsm_stop(fsm, now);
}

/**
 * weft_fsm_report - report events
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

/* The interval to the next RETRY; every sixth is long enough for a router to drop the flow. */
static u64 fsm_retry_after(struct weft_fsm *fsm)
{
	u64 after = min(FSM_RETRY_FIRST << min_t(u8, fsm->retries, 3), FSM_RETRY_MOST);

	fsm->retries += fsm->retries < U8_MAX ? 1 : 1 - FSM_RETRY_PAUSE_EACH;
	if (fsm->retries % FSM_RETRY_PAUSE_EACH == 0)
		return FSM_PAUSE + fsm_random(fsm, FSM_PAUSE_JITTER);
	return after - fsm_random(fsm, after / 4);
}

/* From here on only the RETRY timer and packets for the peer start another try. */
static u32 fsm_end_series(struct weft_fsm *fsm, u64 now)
{
	if (!fsm->given_up) {
		fsm->given_up = true;
		fsm->given_up_at = now;
		fsm->retries = 0;
	}
	fsm->trying = false;
	if (fsm->persistent_s)
		fsm_arm(fsm, WEFT_FSM_RETRY, fsm->handshake_at + fsm_retry_after(fsm));
	/* A keepalive would only start the next series of tries. */
	fsm_disarm(fsm, WEFT_FSM_KEEPALIVE);
	fsm_arm_if_idle(fsm, WEFT_FSM_ERASE, now + weft_seconds_ns(WEFT_ERASE_AFTER_S));
	return WEFT_FSM_DO_GIVE_UP;
}

/* Makes the next try of a series, at the next candidate if there is one. */
static u32 fsm_try_next(struct weft_fsm *fsm, u64 now)
{
	fsm_handshake_now(fsm, now);
	return WEFT_FSM_DO_FORGET_SOURCE | WEFT_FSM_DO_MOVE_ON | WEFT_FSM_DO_INITIATE;
}

static u32 fsm_expire_retransmit(struct weft_fsm *fsm, u64 now)
{
	u32 actions = 0;

	if (fsm->single) {
		fsm->single = false;
		fsm_arm_if_idle(fsm, WEFT_FSM_ERASE, now + weft_seconds_ns(WEFT_ERASE_AFTER_S));
		return 0;
	}
	/* No initiation has been sent that could have been answered. */
	if (fsm->waiting) {
		fsm->waiting = false;
		fsm_handshake_now(fsm, now);
		return WEFT_FSM_DO_INITIATE;
	}
	if (fsm->pausing) {
		fsm_pause_ends(fsm);
		return fsm_try_next(fsm, now);
	}
	fsm_missed(fsm, now);
	/* An initiation that was barred, or could not be sent, has kept no entry alive. */
	if (fsm->handshaked && !fsm->lost && fsm->in_vain < U8_MAX)
		fsm->in_vain++;
	if (fsm->unanswered < U8_MAX && ++fsm->unanswered == WEFT_REKEY_ATTEMPTS)
		actions = WEFT_FSM_TELL_GIVEN_UP;
	if (fsm->tries >= WEFT_REKEY_ATTEMPTS)
		return actions | fsm_end_series(fsm, now);
	if (fsm_pause_begins(fsm, now))
		return actions;
	return actions | fsm_try_next(fsm, now);
}

/*
 * The peer may not know the session any more. It is silent if the initiation is not answered; tries
 * go on without this timer.
 */
static u32 fsm_expire_again(struct weft_fsm *fsm, u64 now)
{
	fsm->soon = 0;
	return fsm_renew(fsm, now);
}

static u32 fsm_expire_new_handshake(struct weft_fsm *fsm, u64 now)
{
	enum fsm_stage stage = fsm_stage_of(fsm->armed);

	if (stage == FSM_AWAITS_SOON) {
		fsm_await(fsm, FSM_DOUBTS,
			  now + FSM_ANSWER_TIMEOUT - FSM_DOUBT + fsm_jitter(fsm));
		return 0;
	}
	fsm_set_stage(fsm, FSM_AWAITS);
	if (stage == FSM_AWAITS_AGAIN)
		return fsm_expire_again(fsm, now);
	fsm_missed(fsm, now);
	return WEFT_FSM_DO_FORGET_SOURCE | fsm_want_session(fsm, now);
}

/* One try, as tries is left at its maximum. */
static u32 fsm_expire_retry(struct weft_fsm *fsm, u64 now)
{
	if (fsm_armed(fsm, WEFT_FSM_RETRANSMIT) || fsm_too_soon(fsm, now)) {
		fsm_arm(fsm, WEFT_FSM_RETRY, now + FSM_REKEY_TIMEOUT + fsm_jitter(fsm));
		return 0;
	}
	fsm->tries = WEFT_REKEY_ATTEMPTS;
	if (fsm_elapsed(fsm->handshake_at, now) >= FSM_PAUSE)
		fsm_count_anew(fsm);
	return fsm_try_next(fsm, now);
}

static u32 fsm_expire_one(struct weft_fsm *fsm, enum weft_fsm_timer timer, u64 now)
{
	switch (timer) {
	case WEFT_FSM_RETRANSMIT:
		return fsm_expire_retransmit(fsm, now);
	case WEFT_FSM_KEEPALIVE:
		return WEFT_FSM_DO_KEEPALIVE;
	case WEFT_FSM_NEW_HANDSHAKE:
		return fsm_expire_new_handshake(fsm, now);
	case WEFT_FSM_PERSISTENT:
		/* Armed again here: the timer continues even if this keepalive cannot be sent. */
		fsm_arm(fsm, WEFT_FSM_PERSISTENT, now + weft_seconds_ns(fsm->persistent_s));
		return fsm->given_up ? 0 : WEFT_FSM_DO_KEEPALIVE;
	case WEFT_FSM_RETRY:
		return fsm_expire_retry(fsm, now);
	default:
		return WEFT_FSM_DO_ERASE;
	}
}

/**
 * weft_fsm_expire - handle expired deadlines
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
 * weft_fsm_set_persistent - set the interval without traffic after which a keepalive is sent
 * @fsm: the peer's
 * @seconds: 1 .. 65535; 0 switches it off
 * @now: nanoseconds
 *
 * Also restarts it after weft_fsm_stop(): pass the present value.
 *
 * Return: WEFT_FSM_DO_KEEPALIVE if it was not running before, else 0.
 */
u32 weft_fsm_set_persistent(struct weft_fsm *fsm, u16 seconds, u64 now)
{
	bool running = fsm_armed(fsm, WEFT_FSM_PERSISTENT);
	bool same = fsm->persistent_s == seconds;

	WRITE_ONCE(fsm->persistent_s, seconds);
	if (!seconds) {
		fsm_disarm(fsm, WEFT_FSM_PERSISTENT);
		fsm_disarm(fsm, WEFT_FSM_RETRY);
	} else if (!running || !same) {
		fsm_arm(fsm, WEFT_FSM_PERSISTENT, now + weft_seconds_ns(seconds));
	}
	return seconds && !running ? WEFT_FSM_DO_KEEPALIVE : 0;
}

/**
 * weft_fsm_stop - disarm all timers, when the device goes down or the keys are dropped
 * @fsm: the peer's; keeps its persistent keepalive setting
 * @now: nanoseconds
 *
 * The next session may be requested at once.
 */
void weft_fsm_stop(struct weft_fsm *fsm, u64 now)
{
	enum weft_fsm_timer timer;

	for (timer = 0; timer < WEFT_FSM_TIMERS; timer++)
		fsm_disarm(fsm, timer);
	fsm_set_stage(fsm, FSM_AWAITS);
	fsm->tries = 0;
	fsm->unanswered = 0;
	fsm->handshaked = false;
	fsm_count_anew(fsm);
	fsm->pauses = 0;
	fsm->soon = 0;
	fsm->trying = false;
	fsm->waiting = false;
	fsm->pausing = false;
	fsm->single = false;
	fsm->refused = false;
	fsm->given_up = false;
	WRITE_ONCE(fsm->missed, false);
	WRITE_ONCE(fsm->ending, false);
	fsm->up_until = 0;
	fsm->idle_at = now;
}

/**
 * weft_fsm_forget_session - note that the session has ended before its time
 * @fsm: the peer's
 * @now: nanoseconds
 */
void weft_fsm_forget_session(struct weft_fsm *fsm, u64 now)
{
	fsm->up_until = min(fsm->up_until, now);
}

/**
 * weft_fsm_state - the state of a peer
 * @fsm: the peer's
 * @now: nanoseconds
 * @since: set to the time when that state began, nanoseconds
 *
 * An expired session counts as none, so the state changes without an event.
 */
enum weft_fsm_state weft_fsm_state(const struct weft_fsm *fsm, u64 now, u64 *since)
{
	if (fsm->given_up) {
		*since = fsm->given_up_at;
		return WEFT_FSM_GIVEN_UP;
	}
	if (fsm_has_session(fsm, now)) {
		*since = fsm->missed ? max(fsm->missed_at, fsm->up_at) : fsm->up_at;
		return fsm->missed ? WEFT_FSM_SILENT : WEFT_FSM_UP;
	}
	*since = max(fsm->trying ? fsm->trying_at : fsm->idle_at, fsm->up_until);
	return fsm->trying ? WEFT_FSM_HANDSHAKING : WEFT_FSM_IDLE;
}

/**
 * weft_fsm_next - the time at which weft_fsm_expire() is to be called
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
 * @fsm: the peer's; read without the caller's lock: an answer that a report on another CPU has
 *	just made stale is as good as an earlier one
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
	u8 armed;

	if (events & ~(traffic | WEFT_FSM_SESSION_ENDING))
		return false;
	if (events & WEFT_FSM_SESSION_ENDING && !READ_ONCE(fsm->ending))
		return false;
	if (events & any && READ_ONCE(fsm->persistent_s))
		return false;
	if (events & WEFT_FSM_ANY_RECEIVED && READ_ONCE(fsm->missed))
		return false;
	/* Disarmed by what is received, armed by data sent. */
	armed = READ_ONCE(fsm->armed);
	stirring = armed & BIT(WEFT_FSM_NEW_HANDSHAKE) ? WEFT_FSM_ANY_RECEIVED : WEFT_FSM_DATA_SENT;
	if (fsm_stage_of(armed) == FSM_DOUBTS)
		stirring |= WEFT_FSM_DATA_SENT;
	if (events & stirring)
		return false;
	/* Armed by data received, unless something sent disarms it in the same report. */
	if (armed & BIT(WEFT_FSM_KEEPALIVE))
		return !(events & WEFT_FSM_ANY_SENT);
	return !(events & WEFT_FSM_DATA_RECEIVED) || events & WEFT_FSM_ANY_SENT;
}

/**
 * weft_fsm_session_usable - may a session still carry packets?
 * @born: when its keys were derived, nanoseconds
 * @counter: the next one to be sent, or the one received
 * @now: nanoseconds
 */
bool weft_fsm_session_usable(u64 born, u64 counter, u64 now)
{
	return fsm_elapsed(born, now) < weft_seconds_ns(WEFT_REJECT_AFTER_S) &&
	       counter < WEFT_REJECT_AFTER_MESSAGES;
}

/**
 * weft_fsm_session_due - does sending on a session request the next one?
 * @initiator: whether we initiated it: by age, only that side renews it, or both would
 * @born: when its keys were derived, nanoseconds
 * @counter: the next one to be sent
 * @now: nanoseconds
 */
bool weft_fsm_session_due(bool initiator, u64 born, u64 counter, u64 now)
{
	if (counter >= WEFT_REKEY_AFTER_MESSAGES)
		return true;
	return initiator && fsm_elapsed(born, now) >= weft_seconds_ns(WEFT_REKEY_AFTER_S);
}

/**
 * weft_fsm_session_ending - does receiving on a session request the next one?
 * @initiator: whether we initiated it
 * @born: when its keys were derived, nanoseconds
 * @now: nanoseconds
 *
 * So a side that only receives still has a session when this one ends.
 */
bool weft_fsm_session_ending(bool initiator, u64 born, u64 now)
{
	return initiator && fsm_elapsed(born, now) >= FSM_ENDING_AGE;
}
