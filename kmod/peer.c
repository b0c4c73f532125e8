// SPDX-License-Identifier: GPL-2.0

#include "peer.h"
#include "device.h"
#include "home.h"
#include "label.h"

#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

/* Above the 5 s and jitter between two tries; and what the wheel does not round, in jiffies. */
#define PEER_EXACT_NS	(6 * NSEC_PER_SEC)
#define PEER_EXACT_STEP	60

static struct kmem_cache *peer_cache;
static struct kmem_cache *peer_allowedip_cache;
static struct workqueue_struct *peer_workqueue;

static void peer_timer(struct timer_list *timer);
static void peer_work(struct work_struct *work);

/**
 * weft_peer_init() - make what all peers share
 *
 * Context: process, once at load.
 * Return: 0 or -ENOMEM.
 */
int weft_peer_init(void)
{
	peer_cache = KMEM_CACHE(weft_peer, 0);
	if (!peer_cache)
		return -ENOMEM;
	peer_allowedip_cache = KMEM_CACHE(weft_allowedips_node, SLAB_ACCOUNT);
	if (!peer_allowedip_cache)
		goto destroy_peers;
	/* Swapping out may wait for a handshake. */
	peer_workqueue = alloc_workqueue("weft-peer",
					 WQ_UNBOUND | WQ_FREEZABLE | WQ_MEM_RECLAIM, 0);
	if (!peer_workqueue)
		goto destroy_allowedips;
	return 0;

destroy_allowedips:
	kmem_cache_destroy(peer_allowedip_cache);
destroy_peers:
	kmem_cache_destroy(peer_cache);
	return -ENOMEM;
}

/**
 * weft_peer_exit() - free what all peers share
 *
 * Context: process, once at unload, when no device is left. Waits for the peers and allowed IPs
 * that RCU still holds.
 */
void weft_peer_exit(void)
{
	destroy_workqueue(peer_workqueue);
	rcu_barrier();
	kmem_cache_destroy(peer_allowedip_cache);
	kmem_cache_destroy(peer_cache);
}

/**
 * weft_peer_create() - make a peer that nobody can find yet
 * @device: its device
 * @public_key: 32 bytes
 *
 * Context: process; may sleep.
 * Return: a peer with one reference, or NULL when memory is short. weft_peer_publish() or
 * weft_peer_put() comes next.
 */
struct weft_peer *weft_peer_create(struct weft_device *device, const u8 public_key[WEFT_KEY_LEN])
{
	struct weft_peer *peer = kmem_cache_zalloc(peer_cache, GFP_KERNEL);

	if (!peer)
		return NULL;
	peer->device = device;
	weft_keyring_init(peer, public_key);
	weft_keypairs_init(&peer->keypairs);
	weft_staged_init(&peer->staged);
	weft_line_init(&peer->line);
	seqlock_init(&peer->endpoint_lock);
	weft_path_init(&peer->path);
	spin_lock_init(&peer->fsm_lock);
	weft_fsm_init(&peer->fsm, get_random_u32(), ktime_get_coarse_boottime_ns());
	peer->timer_at_ns = WEFT_FSM_NEVER;
	timer_setup(&peer->timer, peer_timer, 0);
	INIT_WORK(&peer->work, peer_work);
	mutex_init(&peer->handshake_lock);
	INIT_LIST_HEAD(&peer->list);
	INIT_LIST_HEAD(&peer->allowedips);
	refcount_set(&peer->refs, 1);
	return peer;
}

/**
 * weft_peer_equip() - give a peer what only those need that are spoken to: its cache of routes
 * @peer: the peer
 *
 * The cache is memory of every processor, which takes longer to get than all the rest of a peer.
 * To be called before the first message to the peer is made. Lookups of the path's MTU that come
 * earlier go without a cache.
 *
 * Context: process, peer->handshake_lock; may sleep.
 * Return: false when memory is short.
 */
bool weft_peer_equip(struct weft_peer *peer)
{
	lockdep_assert_held(&peer->handshake_lock);
	if (!peer->equipped && !dst_cache_init(&peer->dst_cache, GFP_KERNEL))
		/* pairs with weft_peer_routes() */
		smp_store_release(&peer->equipped, true);
	return peer->equipped;
}

/**
 * weft_peer_routes() - the cache of a peer's routes
 * @peer: the peer
 *
 * Context: any.
 * Return: the cache, or NULL: there is none yet.
 */
struct dst_cache *weft_peer_routes(struct weft_peer *peer)
{
	/* pairs with weft_peer_equip() */
	return likely(smp_load_acquire(&peer->equipped)) ? &peer->dst_cache : NULL;
}

/**
 * weft_peer_publish() - let a peer be found
 * @peer: a peer as weft_peer_create() made it; the caller's reference goes over to the device
 *
 * Context: process, device->config_lock. Cannot fail.
 * Return: the peer, or the one of the device that has this key already; then @peer is still the
 * caller's.
 */
struct weft_peer *weft_peer_publish(struct weft_peer *peer)
{
	struct weft_device *device = peer->device;
	struct weft_peer *found;

	lockdep_assert_held(&device->config_lock);
	peer->serial = device->peer_serial + 1;
	found = weft_keyring_publish(peer);
	if (found != peer)
		return found;
	device->peer_serial = peer->serial;
	list_add_tail(&peer->list, &device->peers);
	device->peer_count++;
	return peer;
}

/**
 * weft_peer_find() - find a device's peer by one of its public keys
 * @device: the device
 * @public_key: 32 bytes
 *
 * Context: any but hard interrupt.
 * Return: the peer, with a reference for the caller, or NULL.
 */
struct weft_peer *weft_peer_find(struct weft_device *device, const u8 public_key[WEFT_KEY_LEN])
{
	struct weft_peer *peer = NULL;
	struct weft_public *found;

	spin_lock_bh(&device->peers_lock);
	found = weft_keyring_find(device, public_key);
	if (found) {
		peer = found->peer;
		weft_peer_get(peer);
	}
	spin_unlock_bh(&device->peers_lock);
	return peer;
}

/**
 * weft_peer_alloc_allowedip() - get memory for an allowed IP
 *
 * Context: process; may sleep.
 * Return: a zeroed node or NULL.
 */
struct weft_allowedips_node *weft_peer_alloc_allowedip(void)
{
	return kmem_cache_zalloc(peer_allowedip_cache, GFP_KERNEL_ACCOUNT);
}

/**
 * weft_peer_free_allowedip() - free a node that was never among the allowed IPs
 * @node: the node, or NULL
 */
void weft_peer_free_allowedip(struct weft_allowedips_node *node)
{
	if (node)
		kmem_cache_free(peer_allowedip_cache, node);
}

static void peer_free_allowedip(struct rcu_head *rcu)
{
	weft_peer_free_allowedip(container_of(rcu, struct weft_allowedips_node, rcu));
}

/**
 * weft_peer_free_allowedips() - free what was taken out of the allowed IPs, once no reader sees it
 * any more
 * @freed: list of struct weft_allowedips_node, by their owned member; void afterwards
 */
void weft_peer_free_allowedips(struct list_head *freed)
{
	struct weft_allowedips_node *node, *next;

	/* Not kfree_rcu(), for which no cache waits on the older kernels when it is destroyed. */
	list_for_each_entry_safe(node, next, freed, owned)
		call_rcu(&node->rcu, peer_free_allowedip);
}

static void peer_remove_allowedips(struct weft_peer *peer, struct weft_allowedips *table)
{
	LIST_HEAD(freed);

	weft_allowedips_remove_owned(table, &peer->allowedips, &freed);
	weft_peer_free_allowedips(&freed);
}

/* The allowed IPs have been removed: the home takes their place. */
static void peer_bury(struct weft_peer *peer, struct weft_home *home)
{
	mutex_lock(&peer->handshake_lock);
	peer->home = weft_home_hold(home);
	peer->dead = true;
	mutex_unlock(&peer->handshake_lock);
}

/**
 * weft_doomed_init() - nobody is doomed yet
 * @doomed: filled in
 */
void weft_doomed_init(struct weft_doomed *doomed)
{
	memset(doomed, 0, sizeof(*doomed));
	INIT_LIST_HEAD(&doomed->peers);
}

/* The home's exit waits for these peers: their routes are released when the last one is freed. */
static void doomed_leave_home(struct weft_doomed *doomed, struct weft_device *device)
{
	struct net *home = rcu_dereference_protected(device->home,
						     lockdep_is_held(&device->config_lock));

	if (home && !doomed->home)
		doomed->home = weft_home_enter(home);
}

/**
 * weft_peer_doom() - begin to remove a peer: from here on it cannot be found
 * @peer: a published peer
 * @doomed: to which it goes over, for weft_peer_remove_doomed()
 *
 * Context: process, device->config_lock.
 */
void weft_peer_doom(struct weft_peer *peer, struct weft_doomed *doomed)
{
	struct weft_device *device = peer->device;

	lockdep_assert_held(&device->config_lock);
	weft_keyring_withdraw(peer);
	device->peer_count--;
	weft_label_hide(peer);
	peer_remove_allowedips(peer, &device->allowedips);
	doomed_leave_home(doomed, device);
	list_move_tail(&peer->list, &doomed->peers);
}

/**
 * weft_peer_doom_all() - begin to remove all peers of a device, in no more time than one takes
 * @device: the device
 * @doomed: to which they go over; weft_peer_doom_all() has not been called with it before
 *
 * Context: process, device->config_lock.
 */
void weft_peer_doom_all(struct weft_device *device, struct weft_doomed *doomed)
{
	lockdep_assert_held(&device->config_lock);
	if (list_empty(&device->peers))
		return;
	doomed_leave_home(doomed, device);
	weft_keyring_withdraw_all(device);
	device->peer_count = 0;
	device->labels = RB_ROOT;
	weft_allowedips_detach(&device->allowedips, &doomed->allowedips);
	list_splice_tail_init(&device->peers, &doomed->peers);
}

static void peer_stop_doomed(struct weft_doomed *doomed)
{
	struct weft_peer *peer;

	list_for_each_entry(peer, &doomed->peers, list) {
		peer_remove_allowedips(peer, &doomed->allowedips);
		weft_peer_stop(peer);
		peer_bury(peer, doomed->home);
		cond_resched();
	}
}

static void peer_free_doomed(struct weft_doomed *doomed)
{
	struct weft_peer *peer, *next;

	list_for_each_entry_safe(peer, next, &doomed->peers, list) {
		weft_peer_erase(peer);
		weft_staged_purge(&peer->staged);
		list_del_init(&peer->list);
		weft_peer_put(peer);
		cond_resched();
	}
	weft_home_leave(doomed->home);
	doomed->home = NULL;
}

/**
 * weft_peer_remove_doomed() - finish removing peers
 * @doomed: what weft_peer_doom() and weft_peer_doom_all() have collected; empty afterwards
 *
 * Who may still use a peer while this runs, and why that ends:
 *
 * 1. Configuration: cannot, they are on no device's list.
 * 2. A handshake worker that finds it by key: not since it was doomed. One that has found it
 *    already holds a reference; it looks at peer->dead under handshake_lock before it makes a
 *    session, so none is made after peer_bury().
 * 3. Senders that find it through the allowed IPs: not since it was doomed, or since the table they
 *    look into was detached; those that have are in an RCU section, and synchronize_net() waits for
 *    them.
 * 4. Receivers that find it through a session's index: sessions are revoked by weft_peer_erase(); a
 *    receiver that found one before is in an RCU section, and a session holds a reference to its
 *    peer.
 * 5. The timer and the work item: weft_peer_stop() has waited for both, and nothing starts either
 *    for a peer that does not run.
 *
 * So the last reference goes with the last session or handshake worker, whichever ends last. Both
 * may stage packets until then; peer_free() purges them.
 *
 * The device has to stay, though it may be closed and lose all it has meanwhile.
 *
 * Context: process, no lock, for it takes its time with many peers. Sleeps for one grace period,
 * however many there are.
 */
void weft_peer_remove_doomed(struct weft_doomed *doomed)
{
	if (list_empty(&doomed->peers))
		return;
	peer_stop_doomed(doomed);
	synchronize_net();
	peer_free_doomed(doomed);
}

/**
 * weft_peer_remove_unseen() - finish removing peers without a grace period
 * @doomed: as weft_peer_remove_doomed() takes it; one has passed since peers were added to it, and
 * since anything came in to their device
 *
 * Context: process, no lock.
 */
void weft_peer_remove_unseen(struct weft_doomed *doomed)
{
	peer_stop_doomed(doomed);
	peer_free_doomed(doomed);
}

/**
 * weft_peer_get() - take another reference
 * @peer: a peer that the caller has a reference to, or sees under a lock or in a session that has
 * one
 */
void weft_peer_get(struct weft_peer *peer)
{
	refcount_inc(&peer->refs);
}

static void peer_free(struct rcu_head *rcu)
{
	struct weft_peer *peer = container_of(rcu, struct weft_peer, rcu);
	struct weft_home *home = peer->dead ? peer->home : NULL;

	weft_staged_purge(&peer->staged);
	dst_cache_destroy(&peer->dst_cache);
	weft_label_free(rcu_access_pointer(peer->label));
	kfree(peer->candidates);
	weft_path_free(&peer->path);
	memzero_explicit(peer, sizeof(*peer));
	kmem_cache_free(peer_cache, peer);
	weft_home_leave(home);
}

/**
 * weft_peer_put() - drop a reference; with the last one the peer is wiped and freed, after a grace
 * period
 * @peer: the peer, or NULL
 */
void weft_peer_put(struct weft_peer *peer)
{
	if (peer && refcount_dec_and_test(&peer->refs))
		call_rcu(&peer->rcu, peer_free);
}

/*
 * How far ahead the timer is set. The kernel's wheel rounds up, by less than a sixth: so far that
 * the tries of two ends that began in the same instant would fall together again and again, jitter
 * or not. Where tries are made it is set short by as much, and what is left is waited for in finer
 * steps. One more jiffy, for the coarse clock is up to one behind: the deadline has to have passed
 * when the timer looks.
 */
static unsigned long peer_delay(u64 wait)
{
	unsigned long delay = nsecs_to_jiffies(wait) + 1;

	if (wait < PEER_EXACT_NS && delay > PEER_EXACT_STEP)
		delay -= delay / 6;
	return delay;
}

/*
 * Makes sure that the timer goes off when the state machine needs it. It may go off earlier, which
 * does no harm.
 */
static void peer_arm(struct weft_peer *peer, u64 now)
{
	u64 next = weft_fsm_next(&peer->fsm);

	lockdep_assert_held(&peer->fsm_lock);
	if (next >= peer->timer_at_ns)
		return;
	peer->timer_at_ns = next;
	mod_timer(&peer->timer, jiffies + peer_delay(next > now ? next - now : 0));
}

/* Why no session could be made. */
static enum weft_event_cause peer_why_given_up(struct weft_peer *peer)
{
	struct weft_endpoint endpoint;

	if (!rcu_access_pointer(peer->device->identity))
		return WEFT_CAUSE_NO_KEY;
	weft_peer_endpoint(peer, &endpoint);
	if (!endpoint.addr.sa_family)
		return WEFT_CAUSE_NO_ENDPOINT;
	return READ_ONCE(peer->fsm.refused) ? WEFT_CAUSE_REFUSED : WEFT_CAUSE_UNANSWERED;
}

static void peer_tell_session(struct weft_peer *peer, enum weft_event_type type, u32 events)
{
	const struct weft_event event = {
		.type = type, .cause = WEFT_CAUSE_PACKET, .peer = peer,
		/* The one who began it has the keys and knows that the other has them, at once. */
		.rtt_us = events & WEFT_FSM_SESSION_DERIVED ? READ_ONCE(peer->handshake_rtt_us) : 0,
	};

	peer->device->ops->event(peer->device, &event);
}

/* Tells listeners what the state machine, asked with @events, has to say. */
static void peer_tell(struct weft_peer *peer, u32 actions, u32 events)
{
	if (likely(!(actions & WEFT_FSM_TELL)))
		return;
	if (actions & WEFT_FSM_TELL_UP)
		peer_tell_session(peer, WEFT_EVENT_SESSION_UP, events);
	if (actions & WEFT_FSM_TELL_RENEWED)
		peer_tell_session(peer, WEFT_EVENT_SESSION_RENEWED, events);
	if (actions & WEFT_FSM_TELL_GIVEN_UP)
		weft_peer_event(peer, WEFT_EVENT_SESSION_GIVEN_UP, peer_why_given_up(peer), NULL);
}

static void peer_timer(struct timer_list *timer)
{
	struct weft_peer *peer = timer_container_of(peer, timer, timer);
	u64 now = ktime_get_coarse_boottime_ns();
	u32 actions = 0;

	spin_lock_bh(&peer->fsm_lock);
	if (peer->running) {
		peer->timer_at_ns = WEFT_FSM_NEVER;
		actions = weft_fsm_expire(&peer->fsm, now);
		peer_arm(peer, now);
	}
	spin_unlock_bh(&peer->fsm_lock);
	peer_tell(peer, actions, 0);
	weft_peer_ask(peer, actions & ~WEFT_FSM_TELL);
}

static void peer_work(struct work_struct *work)
{
	struct weft_peer *peer = container_of(work, struct weft_peer, work);
	/* Nor does memory for a handshake wait for what may wait for that handshake. */
	unsigned int flags = memalloc_noio_save();

	peer->device->ops->act(peer, atomic_xchg(&peer->actions, 0));
	weft_peer_put(peer);
	memalloc_noio_restore(flags);
}

/**
 * weft_peer_ask() - have something done for a peer, soon, in process context
 * @peer: the peer
 * @actions: enum weft_fsm_action; 0 asks for nothing
 *
 * Context: any but hard interrupt.
 */
void weft_peer_ask(struct weft_peer *peer, u32 actions)
{
	if (!actions)
		return;
	atomic_or(actions, &peer->actions);
	spin_lock_bh(&peer->fsm_lock);
	if (peer->running) {
		weft_peer_get(peer);	/* the work item's */
		if (!queue_work(peer_workqueue, &peer->work))
			weft_peer_put(peer);
	}
	spin_unlock_bh(&peer->fsm_lock);
}

/* @keypair: the session that is confirmed, if one is; not if it has been ended. */
static void peer_report(struct weft_peer *peer, u32 events, const struct weft_keypair *keypair)
{
	u64 now = ktime_get_coarse_boottime_ns();
	u32 actions = 0;

	spin_lock_bh(&peer->fsm_lock);
	if (unlikely(keypair && READ_ONCE(keypair->revoked)))
		events &= ~WEFT_FSM_SESSION_CONFIRMED;
	if (peer->running) {
		actions = weft_fsm_report(&peer->fsm, events, now);
		peer_arm(peer, now);
	}
	spin_unlock_bh(&peer->fsm_lock);
	peer_tell(peer, actions, events);
	weft_peer_ask(peer, actions & ~WEFT_FSM_TELL);
}

/**
 * weft_peer_report() - tell a peer's timers what happened
 * @peer: the peer
 * @events: enum weft_fsm_event
 *
 * Context: any but hard interrupt.
 */
void weft_peer_report(struct weft_peer *peer, u32 events)
{
	/*
	 * A stale answer is the answer to events in another order, which is as good: they are
	 * concurrent.
	 */
	if (data_race(weft_fsm_is_quiet(&peer->fsm, events)))
		return;
	peer_report(peer, events, NULL);
}

/**
 * weft_peer_report_confirmed() - tell a peer's timers that a message has confirmed a session
 * @keypair: the session; one that has been ended since confirms nothing
 * @events: enum weft_fsm_event, what else the message means
 *
 * Context: any but hard interrupt.
 */
void weft_peer_report_confirmed(const struct weft_keypair *keypair, u32 events)
{
	peer_report(keypair->peer, events | WEFT_FSM_SESSION_CONFIRMED, keypair);
}

/**
 * weft_peer_state() - how things stand with a peer
 * @peer: the peer
 * @now: coarse boot-time clock
 * @since: gets when that began, on the same clock
 *
 * Context: any but hard interrupt.
 */
enum weft_peer_state weft_peer_state(struct weft_peer *peer, u64 now, u64 *since)
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
 * weft_peer_set_persistent() - set the persistent keepalive interval
 * @peer: the peer
 * @seconds: 1 to 65535, or 0 for none
 *
 * Context: process.
 */
void weft_peer_set_persistent(struct weft_peer *peer, u16 seconds)
{
	u64 now = ktime_get_coarse_boottime_ns();
	u32 actions;

	spin_lock_bh(&peer->fsm_lock);
	actions = weft_fsm_set_persistent(&peer->fsm, seconds, now);
	if (peer->running) {
		peer_arm(peer, now);
	} else {
		/* It is only remembered until the peer starts. */
		weft_fsm_stop(&peer->fsm, now);
		actions = 0;
	}
	spin_unlock_bh(&peer->fsm_lock);
	weft_peer_ask(peer, actions);
}

/**
 * weft_peer_start() - let a peer's timers run, because the device has come up
 * @peer: the peer
 *
 * A keepalive goes out at once where one is configured, and whatever waits for a session asks for
 * one.
 *
 * Context: process, device->config_lock.
 */
void weft_peer_start(struct weft_peer *peer)
{
	u32 actions = weft_staged_is_empty(&peer->staged) ? 0 : WEFT_FSM_DO_KEEPALIVE;
	u64 now;

	spin_lock_bh(&peer->fsm_lock);
	WRITE_ONCE(peer->running, true);
	if (peer->fsm.persistent_s) {
		now = ktime_get_coarse_boottime_ns();
		actions |= weft_fsm_set_persistent(&peer->fsm, peer->fsm.persistent_s, now);
		peer_arm(peer, now);
	}
	spin_unlock_bh(&peer->fsm_lock);
	weft_path_start(&peer->path);
	weft_peer_ask(peer, actions);
}

/**
 * weft_peer_stop() - stop a peer's timers, because the device goes down or the peer is removed
 * @peer: the peer
 *
 * Context: process, device->config_lock unless the peer is doomed; may sleep. Afterwards neither
 * its timers nor the work item run.
 */
void weft_peer_stop(struct weft_peer *peer)
{
	spin_lock_bh(&peer->fsm_lock);
	WRITE_ONCE(peer->running, false);
	weft_fsm_stop(&peer->fsm, ktime_get_coarse_boottime_ns());
	peer->timer_at_ns = WEFT_FSM_NEVER;
	spin_unlock_bh(&peer->fsm_lock);

	timer_delete_sync(&peer->timer);
	if (cancel_work_sync(&peer->work))
		weft_peer_put(peer);
	if (weft_path_stop(&peer->path))
		weft_peer_put(peer);
	atomic_set(&peer->actions, 0);
}

/* Whether a peer that has been stopped has nothing that could go on. */
static bool peer_is_idle(struct weft_peer *peer, bool armed)
{
	/* Sessions, a handshake in flight and a work item have a reference each. */
	return !armed && !atomic_read(&peer->actions) && refcount_read(&peer->refs) == 1 &&
	       weft_staged_is_empty(&peer->staged);
}

/**
 * weft_peer_rest() - stop a peer's timers and drop all that it negotiated and all that waits,
 * because the device goes down
 * @peer: the peer, whose device's up is false
 *
 * Of many peers most are idle, and take next to no time.
 *
 * Context: process, device->config_lock; may sleep.
 */
void weft_peer_rest(struct weft_peer *peer)
{
	bool armed, idle;

	spin_lock_bh(&peer->fsm_lock);
	WRITE_ONCE(peer->running, false);
	armed = peer->timer_at_ns != WEFT_FSM_NEVER;
	spin_unlock_bh(&peer->fsm_lock);
	/* A worker with the lock may still make a session. One that takes it later makes none. */
	mutex_lock(&peer->handshake_lock);
	idle = peer_is_idle(peer, armed);
	mutex_unlock(&peer->handshake_lock);
	if (idle)
		return;
	weft_peer_stop(peer);
	weft_peer_erase(peer);
	weft_staged_purge(&peer->staged);
}

/**
 * weft_peer_forget_handshake() - give up a handshake that is in flight
 * @peer: the peer
 *
 * Context: process, peer->handshake_lock.
 */
void weft_peer_forget_handshake(struct weft_peer *peer)
{
	lockdep_assert_held(&peer->handshake_lock);
	weft_keypair_revoke(peer->handshake.pending);
	peer->handshake.pending = NULL;
	memzero_explicit(&peer->handshake.noise, sizeof(peer->handshake.noise));
}

/* The timers count on no session that will not be used any more from @when_ns on. */
static void peer_forget_session_at(struct weft_peer *peer, u64 when_ns)
{
	spin_lock_bh(&peer->fsm_lock);
	weft_fsm_forget_session(&peer->fsm, when_ns);
	spin_unlock_bh(&peer->fsm_lock);
}

static void peer_forget_session(struct weft_peer *peer)
{
	peer_forget_session_at(peer, ktime_get_coarse_boottime_ns());
}

/**
 * weft_peer_forget_identity() - wipe what follows from an identity of ours that is going
 * @peer: the peer
 * @serial: the identity's
 *
 * Context: process, peer->handshake_lock.
 */
void weft_peer_forget_identity(struct weft_peer *peer, u64 serial)
{
	struct weft_peer_handshake *state = &peer->handshake;

	lockdep_assert_held(&peer->handshake_lock);
	if (state->pending && state->pending_identity == serial)
		weft_peer_forget_handshake(peer);
	if (state->static_static_identity == serial) {
		state->static_static_identity = 0;
		memzero_explicit(state->static_static, sizeof(state->static_static));
	}
}

/**
 * weft_peer_phase_out() - end the sessions that a key is part of, for another has taken its place
 * @peer: the peer
 * @kind: the kind of key
 * @serial: the key's; from here on no session is made with it
 *
 * A session that is in use lasts for WEFT_PHASE_OUT_NS yet, in which another can be made.
 *
 * Context: process, peer->handshake_lock, so that no session is being made with the key.
 * Return: true if there is such a one.
 */
bool weft_peer_phase_out(struct weft_peer *peer, enum weft_key_kind kind, u64 serial)
{
	u64 until = ktime_get_coarse_boottime_ns() + WEFT_PHASE_OUT_NS;

	lockdep_assert_held(&peer->handshake_lock);
	if (!weft_keypairs_phase_out(&peer->keypairs, kind, serial, until))
		return false;
	if (weft_keypairs_current_key(&peer->keypairs, kind) == serial)
		peer_forget_session_at(peer, until);
	return true;
}

/**
 * weft_peer_key_ended() - end the sessions that a key is part of, for it is no good any more, and
 * ask for one in their place
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
	if (weft_keypairs_end(&peer->keypairs, kind, serial, &missed))
		peer_forget_session(peer);
	if (missed)
		weft_peer_report(peer, WEFT_FSM_RENEWAL);
}

/**
 * weft_peer_retire() - let nothing more begin under what a peer has negotiated, for our key changed
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
	weft_peer_forget_identity(peer, peer->handshake.static_static_identity);
	WRITE_ONCE(peer->session_identity, 0);
	if (negotiated)
		weft_peer_forget_handshake(peer);
	mutex_unlock(&peer->handshake_lock);
	if (negotiated) {
		weft_keypairs_retire(&peer->keypairs);
		peer_forget_session(peer);
	}
}

/**
 * weft_peer_erase() - wipe every key of a peer that was negotiated: its sessions and its handshake
 * @peer: the peer
 *
 * Context: process; may sleep.
 */
void weft_peer_erase(struct weft_peer *peer)
{
	mutex_lock(&peer->handshake_lock);
	weft_peer_forget_handshake(peer);
	mutex_unlock(&peer->handshake_lock);
	weft_keypairs_clear(&peer->keypairs);
	peer_forget_session(peer);
}

/* Notes where a peer is. Returns whether it was somewhere else when that was known last. */
static bool peer_goes_to(struct weft_peer *peer, const struct weft_endpoint *endpoint)
{
	bool moves = !weft_endpoint_same_place(weft_candidates_last(peer->candidates,
								    &peer->endpoint), endpoint);

	lockdep_assert_held(&peer->endpoint_lock.lock);
	peer->endpoint = *endpoint;
	weft_candidates_found(peer->candidates);
	return moves;
}

/*
 * Drops the cached routes, after a change of what they follow from and a new number of the
 * endpoint. The barrier pairs with that in weft_peer_has_moved(): if that sees the old number, the
 * reset comes after what was cached, and else the other side resets.
 */
static void peer_reset_routes(struct weft_peer *peer)
{
	smp_mb();	/* pairs with weft_peer_has_moved() */
	dst_cache_reset(&peer->dst_cache);
}

/* What was known of the way to the peer is of no use any more. */
static void peer_moved(struct weft_peer *peer)
{
	peer_reset_routes(peer);
	weft_path_forget(&peer->path);
}

/**
 * weft_peer_set_endpoint() - say where a peer is to be spoken to
 * @peer: the peer
 * @endpoint: where
 * @cause: who says so, for listeners; WEFT_CAUSE_NONE tells nobody
 *
 * Context: any but hard interrupt.
 */
void weft_peer_set_endpoint(struct weft_peer *peer, const struct weft_endpoint *endpoint,
			    enum weft_event_cause cause)
{
	bool moves;

	write_seqlock_bh(&peer->endpoint_lock);
	moves = peer_goes_to(peer, endpoint);
	write_sequnlock_bh(&peer->endpoint_lock);
	peer_moved(peer);
	if (moves && cause != WEFT_CAUSE_NONE)
		weft_peer_event(peer, WEFT_EVENT_ENDPOINT_CHANGED, cause, NULL);
}

/* Whether what a peer sends from @endpoint moves it there. */
static bool peer_may_go(const struct weft_peer *peer, const struct weft_endpoint *endpoint)
{
	return !peer->pinned || !peer->endpoint.addr.sa_family ||
	       weft_endpoint_same_place(&peer->endpoint, endpoint) ||
	       weft_candidates_hold(peer->candidates, endpoint);
}

/**
 * weft_peer_heard_at() - say where something has come from that only a peer can have sent
 * @peer: the peer
 * @endpoint: where; nothing is written if it is known already, or is not where a pinned peer may be
 *
 * Context: any but hard interrupt.
 */
void weft_peer_heard_at(struct weft_peer *peer, const struct weft_endpoint *endpoint)
{
	struct weft_endpoint known;
	bool goes, moves = false;

	weft_peer_endpoint(peer, &known);
	if (likely(weft_endpoint_equal(&known, endpoint)))
		return;
	write_seqlock_bh(&peer->endpoint_lock);
	goes = peer_may_go(peer, endpoint);
	if (goes)
		moves = peer_goes_to(peer, endpoint);
	write_sequnlock_bh(&peer->endpoint_lock);
	if (goes)
		peer_moved(peer);
	if (moves)
		weft_peer_event(peer, WEFT_EVENT_ENDPOINT_CHANGED, WEFT_CAUSE_PACKET, NULL);
}

/**
 * weft_peer_places() - at how many places a peer may be
 * @peer: the peer
 *
 * Context: any but hard interrupt.
 * Return: at least 1.
 */
unsigned int weft_peer_places(struct weft_peer *peer)
{
	unsigned int places;

	read_seqlock_excl_bh(&peer->endpoint_lock);
	places = 1 + (peer->candidates ? peer->candidates->count : 0);
	read_sequnlock_excl_bh(&peer->endpoint_lock);
	return places;
}

/**
 * weft_peer_move_on() - try a peer at the next of its candidates
 * @peer: the peer, which does not answer where it is thought to be or cannot be reached there
 *
 * Context: any but hard interrupt.
 * Return: whether there is another.
 */
bool weft_peer_move_on(struct weft_peer *peer)
{
	bool moved;

	write_seqlock_bh(&peer->endpoint_lock);
	moved = weft_candidates_next(peer->candidates, &peer->endpoint);
	write_sequnlock_bh(&peer->endpoint_lock);
	if (moved)
		peer_moved(peer);
	return moved;
}

/**
 * weft_peer_set_candidates() - say where a peer may be
 * @peer: the peer; its endpoint is the first, if it is not known
 * @candidates: the new ones, or NULL for none; gets those that it had, to be freed
 *
 * Context: process, device->config_lock.
 */
void weft_peer_set_candidates(struct weft_peer *peer, struct weft_candidates **candidates)
{
	lockdep_assert_held(&peer->device->config_lock);
	write_seqlock_bh(&peer->endpoint_lock);
	if (peer->candidates && *candidates)
		weft_candidates_inherit(*candidates, peer->candidates);
	swap(peer->candidates, *candidates);
	if (peer->candidates && !peer->endpoint.addr.sa_family)
		peer->endpoint = peer->candidates->list[0];
	write_sequnlock_bh(&peer->endpoint_lock);
}

/**
 * weft_peer_pin() - say whether a peer's endpoint follows it anywhere
 * @peer: the peer
 * @pinned: it does not, only to a candidate
 *
 * Context: process, device->config_lock.
 */
void weft_peer_pin(struct weft_peer *peer, bool pinned)
{
	lockdep_assert_held(&peer->device->config_lock);
	write_seqlock_bh(&peer->endpoint_lock);
	peer->pinned = pinned;
	write_sequnlock_bh(&peer->endpoint_lock);
}

/**
 * weft_peer_forget_source() - let routing choose again from where a peer is spoken to
 * @peer: the peer
 *
 * Context: any but hard interrupt.
 */
void weft_peer_forget_source(struct weft_peer *peer)
{
	write_seqlock_bh(&peer->endpoint_lock);
	weft_endpoint_forget_source(&peer->endpoint);
	write_sequnlock_bh(&peer->endpoint_lock);
	peer_reset_routes(peer);
}

/**
 * weft_peer_leave_home() - release a peer's cached routes before their namespace exits
 * @peer: the peer
 *
 * Context: process, device->config_lock. The device has had no sockets for a grace period and gets
 * no new ones, so the cache has no users.
 */
void weft_peer_leave_home(struct weft_peer *peer)
{
	lockdep_assert_held(&peer->device->config_lock);
	weft_peer_forget_source(peer);
	if (weft_peer_routes(peer))
		dst_cache_reset_now(&peer->dst_cache);
}

/**
 * weft_peer_endpoint() - read where a peer is
 * @peer: the peer
 * @endpoint: gets a copy
 *
 * Context: any but hard interrupt.
 * Return: the number of this endpoint, for weft_peer_has_moved().
 */
unsigned int weft_peer_endpoint(struct weft_peer *peer, struct weft_endpoint *endpoint)
{
	unsigned int seq;

	do {
		seq = read_seqbegin(&peer->endpoint_lock);
		*endpoint = peer->endpoint;
	} while (read_seqretry(&peer->endpoint_lock, seq));
	return seq;
}

/**
 * weft_peer_has_moved() - whether a route that has just been cached may be out of date
 * @peer: the peer
 * @number: of the endpoint that the route was looked up for
 *
 * Then the caller resets the cache, for the reset that came with the change may have been before
 * the route was put there.
 *
 * Context: any but hard interrupt.
 */
bool weft_peer_has_moved(struct weft_peer *peer, unsigned int number)
{
	smp_mb();	/* pairs with peer_reset_routes() */
	return read_seqretry(&peer->endpoint_lock, number);
}
