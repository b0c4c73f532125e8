// SPDX-License-Identifier: GPL-2.0

#include "control/rotation.h"
#include "core/device.h"
#include "core/handshake_state.h"
#include "core/identity.h"
#include "core/lookup.h"
#include "core/peer.h"
#include "core/peer_keys.h"
#include "core/peer_ref.h"
#include "core/session.h"
#include "core/timers.h"

#include <crypto/algapi.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

static struct weft_identity *rotation_identity(struct weft_device *device)
{
	return rcu_dereference_protected(device->identity,
					 lockdep_is_held(&device->config_lock));
}

static struct weft_identity *rotation_previous(struct weft_device *device)
{
	return rcu_dereference_protected(device->previous_identity,
					 lockdep_is_held(&device->config_lock));
}

/* Ends all sessions that were made under an identity which can no longer be found. */
static void rotation_phase_out(struct weft_device *device, u64 serial)
{
	struct weft_peer *peer;

	lockdep_assert_held(&device->config_lock);
	list_for_each_entry(peer, &device->peers, list) {
		mutex_lock(&peer->handshake_lock);
		if (weft_peer_phase_out(peer, WEFT_KEY_IDENTITY, serial))
			weft_timers_event(peer, WEFT_FSM_RENEWAL);
		mutex_unlock(&peer->handshake_lock);
		cond_resched();
	}
}

/* Wipes an identity that can no longer be found, and all state derived from it except sessions. */
static void rotation_erase(struct weft_device *device, struct weft_identity *identity)
{
	struct weft_peer *peer;

	lockdep_assert_held(&device->config_lock);
	list_for_each_entry(peer, &device->peers, list) {
		mutex_lock(&peer->handshake_lock);
		weft_handshake_state_forget_identity(peer, identity->serial);
		mutex_unlock(&peer->handshake_lock);
		cond_resched();
	}
	weft_identity_put(identity);
}

/* Ends the previous identity, if there is one. Returns false if there is none. */
static bool rotation_end(struct weft_device *device, enum weft_event_cause cause)
{
	struct weft_identity *previous = rotation_previous(device);
	u8 old[WEFT_KEY_LEN];
	u64 serial;

	if (!previous)
		return false;
	memcpy(old, previous->key.public, sizeof(old));
	serial = previous->serial;
	rcu_assign_pointer(device->previous_identity, NULL);
	device->until_ns = 0;
	rotation_erase(device, previous);
	rotation_phase_out(device, serial);
	weft_device_changed(device);
	weft_device_event(device, WEFT_EVENT_GRACE_ENDED, cause, old);
	return true;
}

static void rotation_end_peer(struct weft_peer *peer, u64 now_ns)
{
	u8 old[WEFT_KEY_LEN];
	bool has_old = weft_peer_keys_expire(peer, now_ns, old);

	if (weft_peer_keys_expire_preshared(peer, now_ns) || has_old)
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
	if (device->until_ns && device->until_ns <= now)
		rotation_end(device, WEFT_CAUSE_TIME);
	else if (device->until_ns)
		rotation_look(device, device->until_ns);
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

/**
 * weft_rotation_init() - initialise the work that ends a device's graces
 * @device: the device
 */
void weft_rotation_init(struct weft_device *device)
{
	INIT_LIST_HEAD(&device->graces);
	device->grace_look_ns = U64_MAX;
	INIT_DELAYED_WORK(&device->grace_work, rotation_work);
}

/**
 * weft_rotation_exit() - stop the work that ends a device's graces
 * @device: the device; it is being removed, and has no peers any more
 *
 * Context: process, not under device->config_lock; may sleep.
 */
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
	struct weft_identity *now = rotation_identity(device);
	struct weft_peer *peer;

	if (!now) {
		NL_SET_ERR_MSG(extack, "rotation: there is no private key to replace");
		return -ENOKEY;
	}
	if (rotation_previous(device)) {
		NL_SET_ERR_MSG(extack, "rotation: the one before goes on; finish or undo it first");
		return -EBUSY;
	}
	if (!crypto_memneq(now->key.private, next->key.private, WEFT_KEY_LEN)) {
		NL_SET_ERR_MSG(extack, "private key: the device has it already");
		return -EEXIST;
	}
	peer = weft_lookup_peer(device, next->key.public);
	weft_peer_put(peer);
	if (peer) {
		NL_SET_ERR_MSG(extack, "private key: its public key is a peer's");
		return -EEXIST;
	}
	return 0;
}

/* A request is repeated by a caller that does not know whether the rotation has begun. */
static bool rotation_has_begun(struct weft_device *device, const struct weft_identity *next)
{
	return rotation_previous(device) &&
	       !crypto_memneq(rotation_identity(device)->key.private, next->key.private,
			      WEFT_KEY_LEN);
}

/* The grace counts from the beginning of the rotation, however often the request is repeated. */
static void rotation_set_grace(struct weft_device *device, u32 grace_s)
{
	device->grace_s = grace_s;
	device->until_ns = 0;
	if (!grace_s)
		return;
	device->until_ns = device->rotated_ns + (u64)grace_s * NSEC_PER_SEC;
	rotation_look(device, device->until_ns);
}

/* Takes over @next, or refuses it. */
static int rotation_take(struct weft_device *device, struct weft_identity *next, u32 grace_s,
			 struct netlink_ext_ack *extack)
{
	struct weft_identity *now = rotation_identity(device);
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
	if (!device->gone)
		return 0;
	NL_SET_ERR_MSG(extack, "interface: it is being removed");
	return -ENODEV;
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

	if (IS_ERR(next)) {
		if (PTR_ERR(next) == -EINVAL)
			NL_SET_ERR_MSG(extack, "private key: all zeros are none");
		return PTR_ERR(next);
	}
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
	NL_SET_ERR_MSG(extack, "rotation: none goes on, there is no previous key");
	return -ENOENT;
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
	struct weft_identity *undone = rotation_identity(device);
	struct weft_identity *previous = rotation_previous(device);
	u8 old[WEFT_KEY_LEN];
	u64 serial;

	if (!previous)
		return rotation_refuse_none(extack);
	memcpy(old, undone->key.public, sizeof(old));
	rcu_assign_pointer(device->identity, previous);
	rcu_assign_pointer(device->previous_identity, NULL);
	device->until_ns = 0;
	serial = undone->serial;
	rotation_erase(device, undone);
	rotation_phase_out(device, serial);
	weft_device_changed(device);
	weft_device_event(device, WEFT_EVENT_IDENTITY_ROTATED, WEFT_CAUSE_UNDO, old);
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
	return weft_identity_has_key(rotation_identity(device), key) ||
	       weft_identity_has_key(rotation_previous(device), key);
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
	struct weft_identity *old;
	struct weft_peer *peer;

	lockdep_assert_held(&device->config_lock);
	/* The previous key is removed too, with all sessions under it. */
	rotation_end(device, WEFT_CAUSE_ADMINISTRATION);
	old = rcu_replace_pointer(device->identity, identity,
				  lockdep_is_held(&device->config_lock));
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
