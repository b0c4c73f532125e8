// SPDX-License-Identifier: GPL-2.0

#include "core/timers.h"
#include "core/device.h"
#include "core/peer_endpoint.h"
#include "core/peer_ref.h"
#include "core/session.h"

#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/timekeeping.h>

/* Above the 5 s and jitter between two tries; and the delay in jiffies that is not rounded. */
#define TIMERS_EXACT_NS		weft_seconds_ns(6)
#define TIMERS_EXACT_STEP	60

static struct workqueue_struct *timers_workqueue;

/* Once at load. Returns 0 or -ENOMEM. */
int weft_timers_init(void)
{
	/* Swapping out over the tunnel may depend on a handshake. */
	timers_workqueue = alloc_workqueue("weft-peer",
					   WQ_UNBOUND | WQ_FREEZABLE | WQ_MEM_RECLAIM, 0);
	return timers_workqueue ? 0 : -ENOMEM;
}

/* Once at unload, when no device is left. */
void weft_timers_exit(void)
{
	destroy_workqueue(timers_workqueue);
}

/*
 * The delay of the timer. The kernel's timer wheel rounds up, by less than a sixth: so far that the
 * tries of two ends that began at the same instant would coincide again and again, despite jitter.
 * For the delays between tries the timer is set short by as much, and the rest is waited for in
 * finer steps. One more jiffy is added, as the coarse clock is up to one behind: the deadline has
 * to have passed when the timer reads the clock.
 */
static unsigned long timers_delay(u64 wait)
{
	unsigned long delay = nsecs_to_jiffies(wait) + 1;

	if (wait < TIMERS_EXACT_NS && delay > TIMERS_EXACT_STEP)
		delay -= delay / 6;
	return delay;
}

/*
 * Makes sure that the timer expires when the state machine needs it. It may expire earlier, which
 * is harmless.
 */
static void timers_arm(struct weft_peer *peer, u64 now)
{
	u64 next = weft_fsm_next(&peer->fsm);

	lockdep_assert_held(&peer->fsm_lock);
	if (next >= peer->timer_at_ns)
		return;
	peer->timer_at_ns = next;
	mod_timer(&peer->timer, jiffies + timers_delay(next > now ? next - now : 0));
}

/* The reason why no session could be made. */
static enum weft_event_cause timers_why_given_up(struct weft_peer *peer)
{
	struct weft_endpoint endpoint;

	if (!rcu_access_pointer(peer->device->identity))
		return WEFT_CAUSE_NO_KEY;
	weft_endpoint_read(&peer->endpoint, &endpoint);
	if (!endpoint.addr.sa_family)
		return WEFT_CAUSE_NO_ENDPOINT;
	return READ_ONCE(peer->fsm.refused) ? WEFT_CAUSE_REFUSED : WEFT_CAUSE_UNANSWERED;
}

static void timers_tell_session(struct weft_peer *peer, enum weft_event_type type, u32 events)
{
	const struct weft_event event = {
		.type = type, .cause = WEFT_CAUSE_PACKET, .peer = peer,
		/* The initiator has the keys and knows at once that the responder has them. */
		.rtt_us = events & WEFT_FSM_SESSION_DERIVED ? READ_ONCE(peer->handshake_rtt_us) : 0,
	};

	peer->device->ops->event(peer->device, &event);
}

/* Sends listeners the events of the state machine's actions; @events were reported to it. */
static void timers_tell(struct weft_peer *peer, u32 actions, u32 events)
{
	if (likely(!(actions & WEFT_FSM_TELL)))
		return;
	if (actions & WEFT_FSM_TELL_UP)
		timers_tell_session(peer, WEFT_EVENT_SESSION_UP, events);
	if (actions & WEFT_FSM_TELL_RENEWED)
		timers_tell_session(peer, WEFT_EVENT_SESSION_RENEWED, events);
	if (actions & WEFT_FSM_TELL_GIVEN_UP)
		weft_peer_event(peer, WEFT_EVENT_SESSION_GIVEN_UP, timers_why_given_up(peer), NULL);
}

static void timers_timer(struct timer_list *timer)
{
	struct weft_peer *peer = timer_container_of(peer, timer, timer);
	u64 now = ktime_get_coarse_boottime_ns();
	u32 actions = 0;

	spin_lock_bh(&peer->fsm_lock);
	if (peer->running) {
		peer->timer_at_ns = WEFT_FSM_NEVER;
		actions = weft_fsm_expire(&peer->fsm, now);
		timers_arm(peer, now);
	}
	spin_unlock_bh(&peer->fsm_lock);
	timers_tell(peer, actions, 0);
	weft_timers_queue_actions(peer, actions & ~WEFT_FSM_TELL);
}

static void timers_work(struct work_struct *work)
{
	struct weft_peer *peer = container_of(work, struct weft_peer, work);
	/* Nor may memory for a handshake wait for reclaim that depends on the handshake. */
	unsigned int flags = memalloc_noio_save();

	peer->device->ops->act(peer, atomic_xchg(&peer->actions, 0));
	weft_peer_put(peer);
	memalloc_noio_restore(flags);
}

/**
 * weft_timers_queue_actions() - have the work item carry out actions for a peer
 * @peer: the peer
 * @actions: enum weft_fsm_action; 0: none
 *
 * Context: any but hard interrupt.
 */
void weft_timers_queue_actions(struct weft_peer *peer, u32 actions)
{
	if (!actions)
		return;
	atomic_or(actions, &peer->actions);
	spin_lock_bh(&peer->fsm_lock);
	if (peer->running) {
		weft_peer_get(peer);	/* the work item's */
		if (!queue_work(timers_workqueue, &peer->work))
			weft_peer_put(peer);
	}
	spin_unlock_bh(&peer->fsm_lock);
}

/* @session: the session that is confirmed, or NULL; a revoked one is not confirmed. */
static void timers_report(struct weft_peer *peer, u32 events, const struct weft_session *session)
{
	u64 now = ktime_get_coarse_boottime_ns();
	u32 actions = 0;

	spin_lock_bh(&peer->fsm_lock);
	if (unlikely(session && READ_ONCE(session->revoked)))
		events &= ~WEFT_FSM_SESSION_CONFIRMED;
	if (peer->running) {
		actions = weft_fsm_report(&peer->fsm, events, now);
		timers_arm(peer, now);
	}
	spin_unlock_bh(&peer->fsm_lock);
	timers_tell(peer, actions, events);
	weft_timers_queue_actions(peer, actions & ~WEFT_FSM_TELL);
}

/**
 * weft_timers_event() - report events to a peer's timers
 * @peer: the peer
 * @events: enum weft_fsm_event
 *
 * Context: any but hard interrupt.
 */
void weft_timers_event(struct weft_peer *peer, u32 events)
{
	/*
	 * A stale answer is right for events in another order, which is valid as they are
	 * concurrent.
	 */
	if (data_race(weft_fsm_is_quiet(&peer->fsm, events)))
		return;
	timers_report(peer, events, NULL);
}

/**
 * weft_timers_confirmed() - report to a peer's timers that a message has confirmed a session
 * @session: the session; confirms nothing if it has been revoked
 * @events: enum weft_fsm_event, further events of the message
 *
 * Context: any but hard interrupt.
 */
void weft_timers_confirmed(const struct weft_session *session, u32 events)
{
	timers_report(session->peer, events | WEFT_FSM_SESSION_CONFIRMED, session);
}

/**
 * weft_timers_state() - the state of a peer
 * @peer: the peer
 * @now: coarse boot-time clock
 * @since: set to the time when that state began, on the same clock
 *
 * Context: any but hard interrupt.
 */
enum weft_peer_state weft_timers_state(struct weft_peer *peer, u64 now, u64 *since)
{
	enum weft_fsm_state state;

	BUILD_BUG_ON((int)WEFT_FSM_IDLE != (int)WEFT_PEER_STATE_IDLE ||
		     (int)WEFT_FSM_HANDSHAKING != (int)WEFT_PEER_STATE_HANDSHAKING ||
		     (int)WEFT_FSM_UP != (int)WEFT_PEER_STATE_UP ||
		     (int)WEFT_FSM_SILENT != (int)WEFT_PEER_STATE_SILENT ||
		     (int)WEFT_FSM_GIVEN_UP != (int)WEFT_PEER_STATE_GIVEN_UP);
	spin_lock_bh(&peer->fsm_lock);
	state = weft_fsm_state(&peer->fsm, now, since);
	spin_unlock_bh(&peer->fsm_lock);
	return (enum weft_peer_state)state;
}

/**
 * weft_timers_set_persistent() - set the persistent keepalive interval
 * @peer: the peer
 * @seconds: 1 to 65535, or 0 for none
 *
 * Context: process.
 */
void weft_timers_set_persistent(struct weft_peer *peer, u16 seconds)
{
	u64 now = ktime_get_coarse_boottime_ns();
	u32 actions;

	spin_lock_bh(&peer->fsm_lock);
	actions = weft_fsm_set_persistent(&peer->fsm, seconds, now);
	if (peer->running) {
		timers_arm(peer, now);
	} else {
		/* The setting is only stored until the peer starts. */
		weft_fsm_stop(&peer->fsm, now);
		actions = 0;
	}
	spin_unlock_bh(&peer->fsm_lock);
	weft_timers_queue_actions(peer, actions);
}

/**
 * weft_timers_start() - start a peer's timers, when the device has come up
 * @peer: the peer
 *
 * A keepalive is sent at once if one is configured, and a session is requested if packets are
 * staged.
 *
 * Context: process, device->config_lock.
 */
void weft_timers_start(struct weft_peer *peer)
{
	u32 actions = weft_staged_is_empty(&peer->staged) ? 0 : WEFT_FSM_DO_KEEPALIVE;
	u64 now;

	spin_lock_bh(&peer->fsm_lock);
	WRITE_ONCE(peer->running, true);
	if (peer->fsm.persistent_s) {
		now = ktime_get_coarse_boottime_ns();
		actions |= weft_fsm_set_persistent(&peer->fsm, peer->fsm.persistent_s, now);
		timers_arm(peer, now);
	}
	spin_unlock_bh(&peer->fsm_lock);
	weft_pmtu_path_start(&peer->path);
	weft_timers_queue_actions(peer, actions);
}

/**
 * weft_timers_stop() - stop a peer's timers, when the device goes down or the peer is removed
 * @peer: the peer
 *
 * Context: process, device->config_lock unless the peer is being removed; may sleep. Afterwards
 * neither its timers nor the work item run.
 */
void weft_timers_stop(struct weft_peer *peer)
{
	spin_lock_bh(&peer->fsm_lock);
	WRITE_ONCE(peer->running, false);
	weft_fsm_stop(&peer->fsm, ktime_get_coarse_boottime_ns());
	peer->timer_at_ns = WEFT_FSM_NEVER;
	spin_unlock_bh(&peer->fsm_lock);

	timer_delete_sync(&peer->timer);
	if (cancel_work_sync(&peer->work))
		weft_peer_put(peer);
	if (weft_pmtu_path_stop(&peer->path))
		weft_peer_put(peer);
	atomic_set(&peer->actions, 0);
}

/**
 * weft_timers_forget_session_at() - note that the present session ends at a given time
 * @peer: the peer
 * @when_ns: the time, coarse boot-time clock
 *
 * Context: any but hard interrupt.
 */
void weft_timers_forget_session_at(struct weft_peer *peer, u64 when_ns)
{
	spin_lock_bh(&peer->fsm_lock);
	weft_fsm_forget_session(&peer->fsm, when_ns);
	spin_unlock_bh(&peer->fsm_lock);
}

/**
 * weft_timers_forget_session() - note that the session has ended
 * @peer: the peer
 *
 * Context: any but hard interrupt.
 */
void weft_timers_forget_session(struct weft_peer *peer)
{
	weft_timers_forget_session_at(peer, ktime_get_coarse_boottime_ns());
}

/* Initialises the timers of a zeroed peer, which do not run yet. */
void weft_timers_peer_init(struct weft_peer *peer)
{
	spin_lock_init(&peer->fsm_lock);
	weft_fsm_init(&peer->fsm, get_random_u32(), ktime_get_coarse_boottime_ns());
	peer->timer_at_ns = WEFT_FSM_NEVER;
	timer_setup(&peer->timer, timers_timer, 0);
	INIT_WORK(&peer->work, timers_work);
}
