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

/* Once at load. Returns 0 or -ENOMEM. */
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

/* Once at unload, without devices. Waits for RCU callbacks of peers and allowed IPs. */
void weft_peer_exit(void)
{
	weft_timers_exit();
	rcu_barrier();
	kmem_cache_destroy(peer_allowedip_cache);
	weft_peer_ref_exit();
}

/**
 * weft_peer_create() - create a peer that is not yet published
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
	seqlock_init(&peer->endpoint.lock);
	weft_pmtu_path_init(&peer->path);
	weft_timers_peer_init(peer);
	mutex_init(&peer->handshake_lock);
	INIT_LIST_HEAD(&peer->list);
	INIT_LIST_HEAD(&peer->allowedips);
	return peer;
}

/**
 * weft_peer_publish() - make a peer findable
 * @peer: a peer of weft_peer_create(); the device takes over the caller's reference
 *
 * Context: process, device->config_lock. Cannot fail.
 * Return: the peer, or the device's peer that already has this key; then @peer is still the
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
 * weft_peer_alloc_allowedip() - allocate a node for an allowed IP
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
 * weft_peer_free_allowedips() - free removed allowed IPs after a grace period
 * @freed: list of struct weft_allowedips_node, by their owned member; invalid afterwards
 */
void weft_peer_free_allowedips(struct list_head *freed)
{
	struct weft_allowedips_node *node, *next;

	/* Not kfree_rcu(): on older kernels destroying a cache does not wait for it. */
	list_for_each_entry_safe(node, next, freed, owned)
		call_rcu(&node->rcu, peer_free_allowedip);
}

static void peer_remove_allowedips(struct weft_peer *peer, struct weft_allowedips *table)
{
	LIST_HEAD(freed);

	weft_allowedips_remove_owned(table, &peer->allowedips, &freed);
	weft_peer_free_allowedips(&freed);
}

/* The allowed IPs have been removed: the union holds the home from here on. */
static void peer_mark_dead(struct weft_peer *peer, struct weft_home *home)
{
	mutex_lock(&peer->handshake_lock);
	peer->home = weft_home_hold(home);
	peer->dead = true;
	mutex_unlock(&peer->handshake_lock);
}

/* Initialises an empty list of peers. */
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
 * weft_peer_unpublish() - begin to remove a peer: it can no longer be found
 * @peer: a published peer
 * @removal: the list it is moved to, for weft_peer_remove()
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
 * weft_peer_unpublish_all() - begin to remove all peers of a device, in constant time
 * @device: the device
 * @removal: the list they are moved to; not used with weft_peer_unpublish_all() before
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
 * @removal: the peers of weft_peer_unpublish() and weft_peer_unpublish_all(); empty afterwards
 *
 * Users of a peer that may run concurrently, and the event that ends each use:
 *
 * 1. Configuration: none, the peers are on no device's list.
 * 2. A handshake worker that looks the peer up by key: not after it was unpublished. A worker that
 *    found it before holds a reference; it checks peer->dead under handshake_lock before it makes a
 *    session, so none is made after peer_mark_dead().
 * 3. Senders that look it up in the allowed IPs: not after it was unpublished, or their table was
 *    detached; senders that found it before are in an RCU section, and synchronize_net() waits for
 *    them.
 * 4. Receivers that find it through a session's index: sessions are revoked by weft_peer_erase(); a
 *    receiver that found one before is in an RCU section, and a session holds a reference to its
 *    peer.
 * 5. The timer and the work item: weft_timers_stop() has waited for both, and neither is started
 *    for a peer that does not run.
 *
 * So the last reference is dropped with the last session or by the last handshake worker. Both may
 * stage packets until then; peer_ref_free() purges them.
 *
 * The device has to stay allocated, though it may be closed and emptied meanwhile.
 *
 * Context: process, no lock, as many peers take long. Sleeps for one grace period, however many
 * there are.
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
 * @removal: as for weft_peer_remove(); a grace period has passed since peers were added to it, and
 * since their device last received a packet
 *
 * Context: process, no lock.
 */
void weft_peer_remove_unseen(struct weft_removal *removal)
{
	peer_stop_removed(removal);
	peer_free_removed(removal);
}

/* Whether a stopped peer has no pending work. */
static bool peer_is_idle(struct weft_peer *peer, bool armed)
{
	/* Sessions, a handshake in flight and a work item have a reference each. */
	return !armed && !atomic_read(&peer->actions) && refcount_read(&peer->refs) == 1 &&
	       weft_staged_is_empty(&peer->staged);
}

/**
 * weft_peer_quiesce() - stop a peer's timers, and drop its sessions and staged packets, when the
 * device goes down
 * @peer: the peer, whose device's up is false
 *
 * Most of many peers are idle, and take next to no time.
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
	/* A worker that holds the lock may still make a session, but later ones make none. */
	mutex_lock(&peer->handshake_lock);
	idle = peer_is_idle(peer, armed);
	mutex_unlock(&peer->handshake_lock);
	if (idle)
		return;
	weft_timers_stop(peer);
	weft_peer_erase(peer);
	weft_staged_purge(&peer->staged);
}

