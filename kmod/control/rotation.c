// SPDX-License-Identifier: GPL-2.0

#include "control/rotation.h"
#include "control/refuse.h"
#include "core/device.h"
#include "core/handshake_state.h"
#include "core/identity.h"
#include "core/lookup.h"
#include "core/peer.h"
#include "core/peer_keys.h"
#include "core/peer_ref.h"
#include "core/session.h"
#include "core/timers.h"

#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

/*
 * Forgets an identity that can no longer be found as the current one: ends all sessions made under
 * it, and wipes it with all state derived from it.
 */
static void rotation_forget(struct weft_device *device, struct weft_identity *identity,
			    enum weft_event_type type, enum weft_event_cause cause)
{
	struct weft_peer *peer;

	lockdep_assert_held(&device->config_lock);
	rcu_assign_pointer(device->previous_identity, NULL);
	list_for_each_entry(peer, &device->peers, list) {
		mutex_lock(&peer->handshake_lock);
		weft_handshake_state_forget_identity(peer, identity->serial);
		if (weft_peer_phase_out(peer, WEFT_KEY_IDENTITY, identity->serial))
			weft_timers_event(peer, WEFT_FSM_RENEWAL);
		mutex_unlock(&peer->handshake_lock);
		cond_resched();
	}
	weft_device_changed(device);
	weft_device_event(device, type, cause, identity->key.public);
	weft_identity_put(identity);
}

/* Ends the previous identity, if there is one. Returns false if there is none. */
static bool rotation_end(struct weft_device *device, enum weft_event_cause cause)
{
	struct weft_identity *previous = weft_rotation_previous(device);

	if (previous)
		rotation_forget(device, previous, WEFT_EVENT_GRACE_ENDED, cause);
	return previous;
}

static void rotation_end_peer(struct weft_peer *peer, u64 now_ns)
{
	u8 old[WEFT_KEY_LEN];
	bool has_old = weft_peer_keys_expire(peer, WEFT_KEY_PUBLIC, now_ns, old);

	if (weft_peer_keys_expire(peer, WEFT_KEY_PRESHARED, now_ns, NULL) || has_old)
		weft_peer_event(peer, WEFT_EVENT_GRACE_ENDED, WEFT_CAUSE_TIME,
				has_old ? old : NULL);
}

static void rotation_look(struct weft_device *device, u64 when_ns)
{
	spin_lock_bh(&device->peers_lock);
	weft_peer_keys_look_at(device, when_ns);
	spin_unlock_bh(&device->peers_lock);
}

/* Ends the grace of the device's own previous key if it is over, else schedules its end. */
static void rotation_end_own(struct weft_device *device, u64 now)
{
	u64 until = weft_rotation_until(device);

	if (until && until <= now)
		rotation_end(device, WEFT_CAUSE_TIME);
	else if (until)
		rotation_look(device, until);
}

/* Ends the graces that are over, and schedules the next end. */
static void rotation_work(struct work_struct *work)
{
	struct weft_device *device =
		container_of(to_delayed_work(work), struct weft_device, grace_work);
	u64 now = ktime_get_coarse_boottime_ns();
	struct weft_peer *peer;

	mutex_lock(&device->config_lock);
	spin_lock_bh(&device->peers_lock);
	device->grace_look_ns = U64_MAX;
	spin_unlock_bh(&device->peers_lock);
	if (device->gone)
		goto unlock;
	rotation_end_own(device, now);
	while ((peer = weft_peer_keys_next_to_end(device, now))) {
		rotation_end_peer(peer, now);
		weft_peer_put(peer);
		cond_resched();
	}
unlock:
	mutex_unlock(&device->config_lock);
}

/* Initialises the work that ends a device's graces. */
void weft_rotation_init(struct weft_device *device)
{
	INIT_LIST_HEAD(&device->graces);
	device->grace_look_ns = U64_MAX;
	INIT_DELAYED_WORK(&device->grace_work, rotation_work);
}

/* Waits for that work. The device has no peers any more. Not under device->config_lock. */
void weft_rotation_exit(struct weft_device *device)
{
	cancel_delayed_work_sync(&device->grace_work);
}

/**
 * weft_rotation_renew() - renew a peer's session after new keys have been configured
 * @peer: the peer
 *
 * The session stays in use meanwhile, as the peer need not have the keys yet. Handshakes in flight
 * began without these keys.
 *
 * Context: process; may sleep.
 */
void weft_rotation_renew(struct weft_peer *peer)
{
	mutex_lock(&peer->handshake_lock);
	WRITE_ONCE(peer->handshake.untried, true);
	mutex_unlock(&peer->handshake_lock);
	if (weft_sessions_carry(&peer->sessions))
		weft_timers_event(peer, WEFT_FSM_RENEWAL);
}

static void rotation_renew_all(struct weft_device *device)
{
	struct weft_peer *peer;

	lockdep_assert_held(&device->config_lock);
	list_for_each_entry(peer, &device->peers, list) {
		weft_rotation_renew(peer);
		cond_resched();
	}
}

/* Whether a device may start to use @next besides its present key. */
static int rotation_may_begin(struct weft_device *device, const struct weft_identity *next,
			      struct netlink_ext_ack *extack)
{
	struct weft_identity *now = weft_rotation_identity(device);
	struct weft_peer *peer;

	if (!now)
		return weft_refuse(extack, -ENOKEY, "rotation: there is no private key to replace");
	if (weft_rotation_previous(device))
		return weft_refuse(extack, -EBUSY,
				   "rotation: another one is in progress; finish or undo it first");
	if (weft_identity_equal(now, next))
		return weft_refuse(extack, -EEXIST, "private key: the device has it already");
	peer = weft_lookup_peer(device, next->key.public);
	weft_peer_put(peer);
	if (peer)
		return weft_refuse(extack, -EEXIST, "private key: its public key is a peer's");
	return 0;
}

/* A request is repeated by a caller that does not know whether the rotation has begun. */
static bool rotation_has_begun(struct weft_device *device, const struct weft_identity *next)
{
	return weft_rotation_previous(device) &&
	       weft_identity_equal(weft_rotation_identity(device), next);
}

/* The grace counts from the beginning of the rotation, however often the request is repeated. */
static void rotation_set_grace(struct weft_device *device, u32 grace_s)
{
	device->grace_s = grace_s;
	if (grace_s)
		rotation_look(device, weft_rotation_until(device));
}

/* Takes over @next, or refuses it. */
static int rotation_take(struct weft_device *device, struct weft_identity *next, u32 grace_s,
			 struct netlink_ext_ack *extack)
{
	struct weft_identity *now = weft_rotation_identity(device);
	int err;

	if (rotation_has_begun(device, next)) {
		rotation_set_grace(device, grace_s);
		weft_identity_put(next);
		return 0;
	}
	err = rotation_may_begin(device, next, extack);
	if (err)
		return err;
	/* In this order: a reader finds the old identity in at least one of the two slots. */
	rcu_assign_pointer(device->previous_identity, now);
	rcu_assign_pointer(device->identity, next);
	device->rotated_ns = ktime_get_coarse_boottime_ns();
	rotation_set_grace(device, grace_s);
	weft_device_changed(device);
	weft_device_event(device, WEFT_EVENT_IDENTITY_ROTATED, WEFT_CAUSE_ADMINISTRATION,
			  now->key.public);
	rotation_renew_all(device);
	return 0;
}

static int rotation_refuse_gone(const struct weft_device *device, struct netlink_ext_ack *extack)
{
	return device->gone ? weft_refuse(extack, -ENODEV, "interface: it is being removed") : 0;
}

/**
 * weft_rotation_begin() - give a device another key, and keep its present one for a while
 * @device: the device
 * @private: the key, 32 bytes
 * @grace_s: how long the present key is kept; 0: until the rotation is finished
 * @extack: names the reason of a failure
 *
 * Sessions stay. A repeated request only sets the grace, which counts from the beginning of the
 * rotation: so a script that repeats the request does not keep the old key for ever.
 *
 * Context: process; may sleep.
 * Return: 0; -EINVAL: the key is zero, -ENOKEY: the device had none, -EBUSY: another rotation is in
 * progress, -EEXIST: the device or a peer has that key, -ENOMEM, -ENODEV.
 */
int weft_rotation_begin(struct weft_device *device, const u8 private[WEFT_KEY_LEN], u32 grace_s,
			struct netlink_ext_ack *extack)
{
	struct weft_identity *next = weft_identity_create(private);
	int err;

	if (next == ERR_PTR(-EINVAL))
		return weft_refuse(extack, -EINVAL, "private key: all zeros are none");
	if (IS_ERR(next))
		return PTR_ERR(next);
	mutex_lock(&device->config_lock);
	err = rotation_refuse_gone(device, extack) ?:
	      rotation_take(device, next, grace_s, extack);
	mutex_unlock(&device->config_lock);
	if (err)
		weft_identity_put(next);
	return err;
}

static int rotation_refuse_none(struct netlink_ext_ack *extack)
{
	return weft_refuse(extack, -ENOENT,
			   "rotation: none is in progress, there is no previous key");
}

/**
 * weft_rotation_finish() - forget the key that a device had before its rotation, and end the
 * sessions made under it
 * @device: the device
 * @extack: names the reason of a failure
 *
 * A session that is in use is renewed, and ends after WEFT_PHASE_OUT_NS.
 *
 * Context: process; may sleep.
 * Return: 0; -ENOENT: there is no previous key, -ENODEV.
 */
int weft_rotation_finish(struct weft_device *device, struct netlink_ext_ack *extack)
{
	int err;

	mutex_lock(&device->config_lock);
	err = rotation_refuse_gone(device, extack);
	if (!err && !rotation_end(device, WEFT_CAUSE_FINISH))
		err = rotation_refuse_none(extack);
	mutex_unlock(&device->config_lock);
	return err;
}

static int rotation_go_back(struct weft_device *device, struct netlink_ext_ack *extack)
{
	struct weft_identity *undone = weft_rotation_identity(device);
	struct weft_identity *previous = weft_rotation_previous(device);

	if (!previous)
		return rotation_refuse_none(extack);
	rcu_assign_pointer(device->identity, previous);
	rotation_forget(device, undone, WEFT_EVENT_IDENTITY_ROTATED, WEFT_CAUSE_UNDO);
	rotation_renew_all(device);
	return 0;
}

/**
 * weft_rotation_undo() - restore the key that a device had before its rotation, and forget the new
 * one
 * @device: the device
 * @extack: names the reason of a failure
 *
 * Sessions that were made under the new key are renewed, and end after WEFT_PHASE_OUT_NS.
 *
 * Context: process; may sleep.
 * Return: 0; -ENOENT: there is no previous key, -ENODEV.
 */
int weft_rotation_undo(struct weft_device *device, struct netlink_ext_ack *extack)
{
	int err;

	mutex_lock(&device->config_lock);
	err = rotation_refuse_gone(device, extack) ?: rotation_go_back(device, extack);
	mutex_unlock(&device->config_lock);
	return err;
}

/**
 * weft_rotation_is_own() - whether a public key is one of a device's own
 * @device: the device
 * @key: 32 bytes
 *
 * Context: process, device->config_lock.
 */
bool weft_rotation_is_own(struct weft_device *device, const u8 key[WEFT_KEY_LEN])
{
	return weft_identity_has_key(weft_rotation_identity(device), key) ||
	       weft_identity_has_key(weft_rotation_previous(device), key);
}

/*
 * After a change of our own key, a peer's sessions under the old one are retired, and staged
 * packets start a new one.
 */
static void rotation_restart_peer(struct weft_device *device, struct weft_peer *peer)
{
	weft_peer_retire(peer);
	if (device->up &&
	    (READ_ONCE(peer->fsm.persistent_s) || !weft_staged_is_empty(&peer->staged)))
		weft_timers_queue_actions(peer, WEFT_FSM_DO_KEEPALIVE);
}

/**
 * weft_rotation_set_identity() - change the device's key
 * @device: the device
 * @identity: the new one, whose reference the device takes over, or NULL for none
 * @removal: gets a peer with the device's new key: it could only be this device itself
 *
 * Context: process, device->config_lock. Cannot fail.
 */
void weft_rotation_set_identity(struct weft_device *device, struct weft_identity *identity,
				struct weft_removal *removal)
{
	struct weft_identity *old = weft_rotation_identity(device);
	struct weft_peer *peer;

	/* The previous key is removed too, with all sessions under it. */
	rotation_end(device, WEFT_CAUSE_ADMINISTRATION);
	rcu_assign_pointer(device->identity, identity);
	weft_identity_put(old);
	if (identity) {
		peer = weft_lookup_peer(device, identity->key.public);
		if (peer) {
			weft_peer_event(peer, WEFT_EVENT_PEER_REMOVED, WEFT_CAUSE_OWN_KEY, NULL);
			weft_peer_unpublish(peer, removal);
			weft_peer_put(peer);
		}
	}
	list_for_each_entry(peer, &device->peers, list)
		rotation_restart_peer(device, peer);
}
