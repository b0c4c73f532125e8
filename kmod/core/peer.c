// SPDX-License-Identifier: GPL-2.0

#include "core/peer.h"
#include "core/device.h"
#include "core/handshake_state.h"
#include "core/home.h"
#include "core/lookup.h"
#include "core/peer_keys.h"
#include "core/peer_name.h"
#include "core/peer_ref.h"
#include "core/session.h"
#include "core/timers.h"

#include <linux/slab.h>
#include <linux/string.h>

static struct kmem_cache *peer_allowedip_cache;

/**
 * weft_peer_init() - make what all peers share
 *
 * Context: process, once at load.
 * Return: 0 or -ENOMEM.
 */
int weft_peer_init(void)
{
	int err = weft_peer_ref_init();

	if (err)
		return err;
	err = -ENOMEM;
	peer_allowedip_cache = KMEM_CACHE(weft_allowedips_node, SLAB_ACCOUNT);
	if (!peer_allowedip_cache)
		goto exit_ref;
	err = weft_timers_init();
	if (err)
		goto destroy_allowedips;
	return 0;

destroy_allowedips:
	kmem_cache_destroy(peer_allowedip_cache);
exit_ref:
	weft_peer_ref_exit();
	return err;
}

/**
 * weft_peer_exit() - free what all peers share
 *
 * Context: process, once at unload, when no device is left. Waits for the peers and allowed IPs
 * that RCU still holds.
 */
void weft_peer_exit(void)
{
	weft_timers_exit();
	rcu_barrier();
	kmem_cache_destroy(peer_allowedip_cache);
	weft_peer_ref_exit();
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
	struct weft_peer *peer = weft_peer_ref_alloc();

	if (!peer)
		return NULL;
	peer->device = device;
	weft_peer_keys_init(peer, public_key);
	weft_sessions_init(&peer->sessions);
	weft_staged_init(&peer->staged);
	weft_reorder_init(&peer->reorder);
	seqlock_init(&peer->endpoint_lock);
	weft_pmtu_path_init(&peer->path);
	weft_timers_peer_init(peer);
	mutex_init(&peer->handshake_lock);
	INIT_LIST_HEAD(&peer->list);
	INIT_LIST_HEAD(&peer->allowedips);
	return peer;
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
	found = weft_lookup_publish(peer);
	if (found != peer)
		return found;
	device->peer_serial = peer->serial;
	list_add_tail(&peer->list, &device->peers);
	device->peer_count++;
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
static void peer_mark_dead(struct weft_peer *peer, struct weft_home *home)
{
	mutex_lock(&peer->handshake_lock);
	peer->home = weft_home_hold(home);
	peer->dead = true;
	mutex_unlock(&peer->handshake_lock);
}

/**
 * weft_removal_init() - make an empty list of peers
 * @removal: filled in
 */
void weft_removal_init(struct weft_removal *removal)
{
	memset(removal, 0, sizeof(*removal));
	INIT_LIST_HEAD(&removal->peers);
}

/* The home's exit waits for these peers: their routes are released when the last one is freed. */
static void removal_leave_home(struct weft_removal *removal, struct weft_device *device)
{
	struct net *home = rcu_dereference_protected(device->home,
						     lockdep_is_held(&device->config_lock));

	if (home && !removal->home)
		removal->home = weft_home_enter(home);
}

/**
 * weft_peer_unpublish() - begin to remove a peer: from here on it cannot be found
 * @peer: a published peer
 * @removal: to which it goes over, for weft_peer_remove()
 *
 * Context: process, device->config_lock.
 */
void weft_peer_unpublish(struct weft_peer *peer, struct weft_removal *removal)
{
	struct weft_device *device = peer->device;

	lockdep_assert_held(&device->config_lock);
	weft_lookup_withdraw(peer);
	device->peer_count--;
	weft_peer_name_hide(peer);
	peer_remove_allowedips(peer, &device->allowedips);
	removal_leave_home(removal, device);
	list_move_tail(&peer->list, &removal->peers);
}

/**
 * weft_peer_unpublish_all() - begin to remove all peers of a device, in no more time than one takes
 * @device: the device
 * @removal: to which they go over; weft_peer_unpublish_all() has not been called with it before
 *
 * Context: process, device->config_lock.
 */
void weft_peer_unpublish_all(struct weft_device *device, struct weft_removal *removal)
{
	lockdep_assert_held(&device->config_lock);
	if (list_empty(&device->peers))
		return;
	removal_leave_home(removal, device);
	weft_lookup_withdraw_all(device);
	device->peer_count = 0;
	device->names = RB_ROOT;
	weft_allowedips_detach(&device->allowedips, &removal->allowedips);
	list_splice_tail_init(&device->peers, &removal->peers);
}

static void peer_stop_removed(struct weft_removal *removal)
{
	struct weft_peer *peer;

	list_for_each_entry(peer, &removal->peers, list) {
		peer_remove_allowedips(peer, &removal->allowedips);
		weft_timers_stop(peer);
		peer_mark_dead(peer, removal->home);
		cond_resched();
	}
}

static void peer_free_removed(struct weft_removal *removal)
{
	struct weft_peer *peer, *next;

	list_for_each_entry_safe(peer, next, &removal->peers, list) {
		weft_peer_erase(peer);
		weft_staged_purge(&peer->staged);
		list_del_init(&peer->list);
		weft_peer_put(peer);
		cond_resched();
	}
	weft_home_leave(removal->home);
	removal->home = NULL;
}

/**
 * weft_peer_remove() - finish removing peers
 * @removal: what weft_peer_unpublish() and weft_peer_unpublish_all() have collected; empty
 * afterwards
 *
 * Who may still use a peer while this runs, and why that ends:
 *
 * 1. Configuration: cannot, they are on no device's list. 2. A handshake worker that finds it by
 * key: not since it was unpublished. One that has found it already holds a reference; it looks at
 * peer->dead under handshake_lock before it makes a session, so none is made after
 * peer_mark_dead(). 3. Senders that find it through the allowed IPs: not since it was unpublished,
 * or since the table they look into was detached; those that have are in an RCU section, and
 * synchronize_net() waits for them. 4. Receivers that find it through a session's index: sessions
 * are revoked by weft_peer_erase(); a receiver that found one before is in an RCU section, and a
 * session holds a reference to its peer. 5. The timer and the work item: weft_timers_stop() has
 * waited for both, and nothing starts either for a peer that does not run.
 *
 * So the last reference goes with the last session or handshake worker, whichever ends last. Both
 * may stage packets until then; peer_ref_free() purges them.
 *
 * The device has to stay, though it may be closed and lose all it has meanwhile.
 *
 * Context: process, no lock, for it takes its time with many peers. Sleeps for one grace period,
 * however many there are.
 */
void weft_peer_remove(struct weft_removal *removal)
{
	if (list_empty(&removal->peers))
		return;
	peer_stop_removed(removal);
	synchronize_net();
	peer_free_removed(removal);
}

/**
 * weft_peer_remove_unseen() - finish removing peers without a grace period
 * @removal: as weft_peer_remove() takes it; one has passed since peers were added to it, and
 * since anything came in to their device
 *
 * Context: process, no lock.
 */
void weft_peer_remove_unseen(struct weft_removal *removal)
{
	peer_stop_removed(removal);
	peer_free_removed(removal);
}

/* Whether a peer that has been stopped has nothing that could go on. */
static bool peer_is_idle(struct weft_peer *peer, bool armed)
{
	/* Sessions, a handshake in flight and a work item have a reference each. */
	return !armed && !atomic_read(&peer->actions) && refcount_read(&peer->refs) == 1 &&
	       weft_staged_is_empty(&peer->staged);
}

/**
 * weft_peer_quiesce() - stop a peer's timers and drop all that it negotiated and all that waits,
 * because the device goes down
 * @peer: the peer, whose device's up is false
 *
 * Of many peers most are idle, and take next to no time.
 *
 * Context: process, device->config_lock; may sleep.
 */
void weft_peer_quiesce(struct weft_peer *peer)
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
	weft_timers_stop(peer);
	weft_peer_erase(peer);
	weft_staged_purge(&peer->staged);
}

