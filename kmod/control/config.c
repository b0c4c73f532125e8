// SPDX-License-Identifier: GPL-2.0
/*
 * One change of settings, as a SET message brings it:
 *
 *   weft_nl_set_device_doit()
 *     nl_set_parse(): the message into struct weft_config; no lock, nothing of the device is read
 *     under config_lock:
 *     weft_config_prepare(): may fail, and changes nothing
 *       config_prepare_identity()      public keys and shared secrets
 *       weft_config_check_resolve()    names to peers
 *       weft_config_check()            keys, names and prefixes that only one peer can have
 *       config_prepare_peers()         peers and nodes of allowed IPs, allocated
 *       config_prepare_binding()       sockets, opened
 *     weft_config_apply(): cannot fail
 *       config_remove_all(), bindings, mark, identity
 *       config_apply_peer(), for each peer
 *     weft_config_free(): the rest of the change, and what it replaced
 */

#include "control/config.h"
#include "control/change.h"
#include "control/config_check.h"
#include "control/refuse.h"
#include "control/rotation.h"
#include "core/device.h"
#include "core/identity.h"
#include "core/lookup.h"
#include "core/peer.h"
#include "core/peer_endpoint.h"
#include "core/peer_keys.h"
#include "core/peer_name.h"
#include "core/peer_ref.h"
#include "core/timers.h"
#include "datapath/xmit.h"
#include "udp/binding.h"

#include <linux/slab.h>
#include <linux/string.h>

#include <uapi/linux/weft.h>

/* Initialises an empty change. */
void weft_config_init(struct weft_config *config)
{
	memset(config, 0, sizeof(*config));
	INIT_LIST_HEAD(&config->peers);
	weft_removal_init(&config->removal);
}

static void config_free_allowedip(struct weft_config_allowedip *ip)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ip->spare); i++)
		weft_peer_free_allowedip(ip->spare[i]);
	kfree(ip);
}

static void config_free_peer(struct weft_config_peer *peer)
{
	struct weft_config_allowedip *ip, *next;

	list_for_each_entry_safe(ip, next, &peer->allowedips, list)
		config_free_allowedip(ip);
	weft_peer_put(peer->fresh);
	weft_peer_name_free(peer->name);
	kfree(peer->candidates);
	kfree_sensitive(peer);
}

/**
 * weft_config_free() - finish the removals of a change, and free it
 * @config: the change, applied or not
 *
 * Context: process, not under device->config_lock; the device must still exist. May sleep.
 */
void weft_config_free(struct weft_config *config)
{
	struct weft_config_peer *peer, *next;

	weft_peer_remove(&config->removal);
	list_for_each_entry_safe(peer, next, &config->peers, list) {
		config_free_peer(peer);
		cond_resched();
	}
	weft_identity_put(config->identity);
	memzero_explicit(config, sizeof(*config));
}

static int config_prepare_identity(struct weft_config *config, struct weft_device *device)
{
	const struct weft_identity *now = weft_rotation_identity(device);
	struct weft_identity *next;

	if (!weft_change_has(config, WEFT_DEVICE_A_PRIVATE_KEY))
		return 0;
	next = weft_identity_create(config->private);
	if (next == ERR_PTR(-ENOMEM))
		return -ENOMEM;
	/* All zeros: the device gets no key. */
	config->identity = IS_ERR(next) ? NULL : next;
	config->changes_identity = !weft_identity_equal(now, config->identity);
	return 0;
}

static int config_prepare_allowedip(struct weft_config_allowedip *ip)
{
	size_t i;

	for (i = 0; !ip->remove && i < ARRAY_SIZE(ip->spare); i++) {
		ip->spare[i] = weft_peer_alloc_allowedip();
		if (!ip->spare[i])
			return -ENOMEM;
	}
	return 0;
}

/*
 * Whether an entry may have to create its peer. If the message removes peers the answer is a
 * cautious yes: a later entry creates a peer again that an earlier one removed.
 */
static bool config_may_create(const struct weft_config_peer *peer, bool removes)
{
	if (peer->flags & (WEFT_PEER_F_REMOVE_ME | WEFT_PEER_F_UPDATE_ONLY))
		return false;
	return removes || !peer->known;
}

static int config_prepare_peer(struct weft_config_peer *peer, struct weft_device *device,
			       bool removes)
{
	struct weft_config_allowedip *ip;
	int err;

	list_for_each_entry(ip, &peer->allowedips, list) {
		err = config_prepare_allowedip(ip);
		if (err)
			return err;
	}
	if (!config_may_create(peer, removes))
		return 0;
	peer->fresh = weft_peer_create(device, peer->public_key);
	return peer->fresh ? 0 : -ENOMEM;
}

static int config_prepare_peers(struct weft_config *config, struct weft_device *device,
				struct netlink_ext_ack *extack)
{
	bool removes = config->flags & WEFT_DEVICE_F_REPLACE_PEERS || config->strips;
	unsigned int count =
		config->flags & WEFT_DEVICE_F_REPLACE_PEERS ? 0 : device->peer_count;
	struct weft_config_peer *peer;
	int err;

	list_for_each_entry(peer, &config->peers, list) {
		removes |= peer->flags & WEFT_PEER_F_REMOVE_ME;
		err = config_prepare_peer(peer, device, removes);
		if (err)
			return err;
		if (peer->fresh && ++count > WEFT_PEERS_MAX)
			return weft_refuse(extack, -ENOSPC,
					   "too many peers: a device has at most 1048576");
		cond_resched();
	}
	return 0;
}

/* Whether the binding is to change. */
static bool config_binds(const struct weft_config *config)
{
	return weft_change_has(config, WEFT_DEVICE_A_LISTEN_PORT, WEFT_DEVICE_A_LISTEN_ADDRESS4,
			       WEFT_DEVICE_A_LISTEN_ADDRESS6, WEFT_DEVICE_A_BIND_IFINDEX,
			       WEFT_DEVICE_A_BIND_IFNAME);
}

static int config_prepare_binding(struct weft_config *config, struct weft_device *device,
				  struct netlink_ext_ack *extack)
{
	struct weft_binding *binding = &config->binding;
	const struct weft_binding *now = &device->binding;

	if (!config_binds(config))
		return 0;
	if (!weft_change_has(config, WEFT_DEVICE_A_LISTEN_PORT))
		binding->port = now->port;
	if (!weft_change_has(config, WEFT_DEVICE_A_LISTEN_ADDRESS4))
		binding->address4 = now->address4;
	if (!weft_change_has(config, WEFT_DEVICE_A_LISTEN_ADDRESS6))
		binding->address6 = now->address6;
	if (!weft_change_has(config, WEFT_DEVICE_A_BIND_IFINDEX, WEFT_DEVICE_A_BIND_IFNAME)) {
		binding->ifindex = now->ifindex;
		strscpy(binding->ifname, now->ifname, sizeof(binding->ifname));
	}
	return weft_binding_prepare(device, binding, &config->sockets, extack);
}

static bool config_connects(const struct weft_config *config)
{
	const struct weft_config_peer *peer;

	list_for_each_entry(peer, &config->peers, list) {
		if (weft_change_has(peer, WEFT_PEER_A_CONNECT))
			return true;
	}
	return false;
}

/**
 * weft_config_prepare() - do the part of a change that can fail
 * @config: the change, as parsed
 * @device: the device
 * @extack: names the reason of a failure
 *
 * Context: process, device->config_lock, to be held until weft_config_apply().
 * Return: 0 or a negative errno; then the device has not changed.
 */
int weft_config_prepare(struct weft_config *config, struct weft_device *device,
			struct netlink_ext_ack *extack)
{
	int err;

	lockdep_assert_held(&device->config_lock);
	if (device->gone)
		return weft_refuse(extack, -ENODEV, "interface: it is being removed");
	if (!device->up && config_connects(config))
		return weft_refuse(extack, -ENETDOWN, "connect: the interface is down");
	if ((config_binds(config) || weft_change_has(config, WEFT_DEVICE_A_FWMARK)) &&
	    !weft_binding_may(device))
		return weft_refuse(extack, -EPERM,
				   "listen port, address, device and fwmark need CAP_NET_ADMIN in the sockets' namespace");
	err = config_prepare_identity(config, device);
	if (err)
		return err;
	weft_config_check_resolve(config, device);
	return weft_config_check(config, device, extack) ?:
	       config_prepare_peers(config, device, extack) ?:
	       config_prepare_binding(config, device, extack);
}

static void config_apply_allowedips(struct weft_config_peer *config, struct weft_peer *peer)
{
	struct weft_allowedips *table = &peer->device->allowedips;
	struct weft_config_allowedip *ip;
	LIST_HEAD(before);
	LIST_HEAD(freed);

	/*
	 * Prefixes in both the old and the new set never leave the table: the rest of the old set
	 * is removed after the new one has been inserted.
	 */
	if (config->flags & WEFT_PEER_F_REPLACE_ALLOWEDIPS)
		list_splice_init(&peer->allowedips, &before);
	list_for_each_entry(ip, &config->allowedips, list) {
		if (ip->remove)
			weft_allowedips_remove(table, ip->bits, &ip->address, ip->cidr, peer,
					       &freed);
		else
			weft_allowedips_insert(table, ip->bits, &ip->address, ip->cidr, peer,
					       &peer->allowedips, ip->spare);
		cond_resched();
	}
	weft_allowedips_remove_owned(table, &before, &freed);
	weft_peer_free_allowedips(&freed);
}

/* Zeros are older than any timestamp: the next initiation is newer, and sets it again. */
static void config_forget_timestamp(struct weft_peer *peer)
{
	struct weft_peer_keys *keys = &peer->keys;
	enum weft_key_slot i;

	mutex_lock(&peer->handshake_lock);
	for (i = 0; i < WEFT_KEY_SLOTS; i++)
		memset(keys->storage[i].timestamp, 0, WEFT_TIMESTAMP_LEN);
	mutex_unlock(&peer->handshake_lock);
}

/* Whether an entry changes its peer's configuration, beyond requesting an action. */
static bool config_changes_peer(const struct weft_config_peer *config)
{
	return weft_change_has(config, WEFT_PEER_A_PRESHARED_KEY, WEFT_PEER_A_ENDPOINT,
			       WEFT_PEER_A_CANDIDATES, WEFT_PEER_A_ROAM,
			       WEFT_PEER_A_PERSISTENT_KEEPALIVE_INTERVAL, WEFT_PEER_A_NAME,
			       WEFT_PEER_A_GRACE, WEFT_PEER_A_NEXT_PUBLIC_KEY,
			       WEFT_PEER_A_NEXT_PRESHARED_KEY) ||
	       config->flags & WEFT_PEER_F_REPLACE_ALLOWEDIPS || !list_empty(&config->allowedips);
}

/*
 * Applies the preshared key that a peer is admitted with, and its endpoints. A fresh peer has them
 * before it is published: handshakes do not take the device's lock.
 */
static void config_apply_terms(struct weft_config_peer *config, struct weft_peer *peer,
			       enum weft_event_cause cause)
{
	if (weft_change_has(config, WEFT_PEER_A_PRESHARED_KEY))
		weft_peer_keys_set_preshared(peer, config->preshared);
	if (weft_change_has(config, WEFT_PEER_A_ROAM))
		weft_peer_pin(peer, !config->roams);
	if (weft_change_has(config, WEFT_PEER_A_CANDIDATES))
		weft_peer_set_candidates(peer, &config->candidates);
	if (weft_change_has(config, WEFT_PEER_A_ENDPOINT))
		weft_peer_set_endpoint(peer, &config->endpoint, cause);
}

/* Applies changes of a peer's keys other than its current ones. */
static void config_apply_keys(const struct weft_config_peer *config, struct weft_peer *peer)
{
	u8 old[WEFT_KEY_LEN];

	if (weft_change_has(config, WEFT_PEER_A_GRACE))
		weft_peer_keys_set_grace(peer, config->grace_s);
	if (weft_change_has(config, WEFT_PEER_A_PREVIOUS_PUBLIC_KEY) &&
	    weft_peer_keys_end(peer, WEFT_KEY_PUBLIC, old))
		weft_peer_event(peer, WEFT_EVENT_GRACE_ENDED, WEFT_CAUSE_ADMINISTRATION, old);
	if (weft_change_has(config, WEFT_PEER_A_PREVIOUS_PRESHARED_KEY) &&
	    weft_peer_keys_end(peer, WEFT_KEY_PRESHARED, NULL))
		weft_peer_event(peer, WEFT_EVENT_GRACE_ENDED, WEFT_CAUSE_ADMINISTRATION, NULL);
	if (weft_change_has(config, WEFT_PEER_A_NEXT_PUBLIC_KEY))
		weft_peer_keys_set_next(peer, config->next_public);
	if (weft_change_has(config, WEFT_PEER_A_NEXT_PRESHARED_KEY))
		weft_peer_keys_set_next_preshared(peer, config->next_preshared);
	if (memchr_inv(config->next_public, 0, WEFT_KEY_LEN) ||
	    memchr_inv(config->next_preshared, 0, WEFT_KEY_LEN))
		weft_rotation_renew(peer);
}

static void config_apply_to_peer(struct weft_config_peer *config, struct weft_peer *peer,
				 bool fresh)
{
	u32 events = 0;

	if (!fresh)
		config_apply_terms(config, peer, WEFT_CAUSE_ADMINISTRATION);
	config_apply_keys(config, peer);
	if (weft_change_has(config, WEFT_PEER_A_NAME)) {
		weft_peer_name_set(peer, config->name);
		config->name = NULL;
	}
	if (weft_change_has(config, WEFT_PEER_A_FORGET_TIMESTAMP) && !fresh)
		config_forget_timestamp(peer);
	config_apply_allowedips(config, peer);
	/* Before a keepalive may be sent, which requests a session itself. */
	if (peer->device->up)
		weft_xmit_staged(peer);
	if (weft_change_has(config, WEFT_PEER_A_PERSISTENT_KEEPALIVE_INTERVAL))
		weft_timers_set_persistent(peer, config->persistent_s);
	if (fresh)
		weft_peer_event(peer, WEFT_EVENT_PEER_ADDED, WEFT_CAUSE_ADMINISTRATION, NULL);
	else if (config_changes_peer(config))
		weft_peer_event(peer, WEFT_EVENT_PEER_CHANGED, WEFT_CAUSE_ADMINISTRATION, NULL);
	if (!peer->device->up)
		return;
	if (weft_change_has(config, WEFT_PEER_A_ENDPOINT, WEFT_PEER_A_CANDIDATES,
			    WEFT_PEER_A_PRESHARED_KEY))
		events |= WEFT_FSM_MENDED;
	if (weft_change_has(config, WEFT_PEER_A_CONNECT))
		events |= WEFT_FSM_CONNECT;
	if (events)
		weft_timers_event(peer, events);
}

/* Publishes the peer made for an entry. Returns it, or one that an earlier entry has published. */
static struct weft_peer *config_publish(struct weft_config_peer *config, struct weft_device *device)
{
	struct weft_peer *peer;

	/* The event is sent later, when the peer is completely configured. */
	config_apply_terms(config, config->fresh, WEFT_CAUSE_NONE);
	/* Before it can be found, so that its timers see every session. */
	if (device->up)
		weft_timers_start(config->fresh);
	peer = weft_peer_publish(config->fresh);
	if (peer == config->fresh)
		return peer;
	weft_timers_stop(config->fresh);
	if (weft_change_has(config, WEFT_PEER_A_CANDIDATES))
		weft_peer_set_candidates(config->fresh, &config->candidates);
	return peer;
}

/* The peer of an entry, created if need be, with a reference; or NULL. */
static struct weft_peer *config_peer(struct weft_config_peer *config, struct weft_device *device,
				     bool *fresh)
{
	struct weft_peer *peer;

	*fresh = false;
	if (!config->fresh)
		return weft_lookup_peer(device, config->public_key);
	/* A peer with our own key could only be this device itself. */
	if (weft_rotation_is_own(device, config->public_key))
		return NULL;
	peer = config_publish(config, device);
	*fresh = peer == config->fresh;
	if (*fresh)
		config->fresh = NULL;
	weft_peer_get(peer);
	return peer;
}

static void config_apply_peer(struct weft_config_peer *config, struct weft_device *device,
			      struct weft_removal *removal)
{
	bool fresh;
	struct weft_peer *peer = config_peer(config, device, &fresh);

	if (!peer)
		return;
	if (config->flags & WEFT_PEER_F_REMOVE_ME) {
		weft_peer_event(peer, WEFT_EVENT_PEER_REMOVED, WEFT_CAUSE_ADMINISTRATION, NULL);
		weft_peer_unpublish(peer, removal);
	} else {
		/* Its timers run before its keepalive is set, so that the first is sent at once. */
		if (device->up)
			weft_timers_start(peer);
		config_apply_to_peer(config, peer, fresh);
	}
	weft_peer_put(peer);
}

/* Whether a message changes the device's own settings. */
static bool config_changes_device(const struct weft_config *config)
{
	return config->changes_identity || config_binds(config) ||
	       weft_change_has(config, WEFT_DEVICE_A_FWMARK, WEFT_DEVICE_A_PMTU,
			       WEFT_DEVICE_A_DSCP);
}

static void config_remove_all(struct weft_config *config, struct weft_device *device)
{
	struct weft_peer *peer;

	weft_peer_unpublish_all(device, &config->removal);
	list_for_each_entry(peer, &config->removal.peers, list) {
		weft_peer_event(peer, WEFT_EVENT_PEER_REMOVED, WEFT_CAUSE_ADMINISTRATION, NULL);
		cond_resched();
	}
}

/**
 * weft_config_apply() - apply a change
 * @config: the change, prepared
 * @device: the device
 *
 * Removed peers are only unpublished on return; weft_config_free() waits for their users.
 *
 * Context: process, device->config_lock, held since weft_config_prepare(). Cannot fail.
 */
void weft_config_apply(struct weft_config *config, struct weft_device *device)
{
	bool changes = config_changes_device(config);
	struct weft_config_peer *peer;

	lockdep_assert_held(&device->config_lock);
	/* First, so that no later step visits peers that are removed. */
	if (config->flags & WEFT_DEVICE_F_REPLACE_PEERS)
		config_remove_all(config, device);
	if (config_binds(config))
		weft_binding_apply(device, &config->binding, &config->sockets);
	if (weft_change_has(config, WEFT_DEVICE_A_FWMARK))
		weft_binding_set_mark(device, config->fwmark);
	if (weft_change_has(config, WEFT_DEVICE_A_PMTU))
		WRITE_ONCE(device->pmtu, config->pmtu);
	if (weft_change_has(config, WEFT_DEVICE_A_DSCP))
		WRITE_ONCE(device->dscp, config->dscp);
	if (config->changes_identity) {
		weft_rotation_set_identity(device, config->identity, &config->removal);
		config->identity = NULL;
	}
	if (changes)
		weft_device_event(device, WEFT_EVENT_DEVICE_CHANGED, WEFT_CAUSE_ADMINISTRATION,
				  NULL);
	list_for_each_entry(peer, &config->peers, list) {
		config_apply_peer(peer, device, &config->removal);
		cond_resched();
	}
	weft_device_changed(device);
	/* Under the lock, as a device that is being removed only waits for its present sockets. */
	weft_socket_close(&config->sockets);
}
