// SPDX-License-Identifier: GPL-2.0
/*
 * A change is checked against the state that it leads to: it may swap names, or remove a prefix
 * from one peer in a later entry than the one that gives it to another. Each entry is compared with
 * all others; a message holds some two thousand at most.
 */

#include "control/config_check.h"
#include "control/change.h"
#include "control/refuse.h"
#include "control/rotation.h"
#include "core/device.h"
#include "core/identity.h"
#include "core/lookup.h"
#include "core/peer_keys.h"
#include "core/peer_name.h"
#include "core/peer_ref.h"
#include "lib/allowedips.h"

#include <linux/sched.h>
#include <linux/string.h>
#include <net/ipv6.h>

#include <uapi/linux/weft.h>

static bool config_check_same_key(const u8 a[WEFT_KEY_LEN], const u8 b[WEFT_KEY_LEN])
{
	return !memcmp(a, b, WEFT_KEY_LEN);
}

/* Whether an entry determines its peer's name, by setting it or removing the peer. */
static bool config_check_settles_name(const struct weft_config_peer *entry)
{
	return weft_change_has(entry, WEFT_PEER_A_NAME) || entry->flags & WEFT_PEER_F_REMOVE_ME;
}

/* The last entry that determines the name of the peer of @key, or NULL. */
static const struct weft_config_peer *config_check_last_word(const struct weft_config *config,
							     const u8 key[WEFT_KEY_LEN])
{
	const struct weft_config_peer *entry;

	list_for_each_entry_reverse(entry, &config->peers, list)
		if (config_check_settles_name(entry) && config_check_same_key(entry->public_key,
									      key))
			return entry;
	return NULL;
}

static const char *config_check_name(const struct weft_config_peer *entry)
{
	return entry->name && !(entry->flags & WEFT_PEER_F_REMOVE_ME) ? entry->name->text : NULL;
}

/* Whether a peer other than @entry's has @name now, and keeps it. */
static bool config_check_name_is_kept(const struct weft_config *config, struct weft_device *device,
				      const struct weft_config_peer *entry, const char *name)
{
	struct weft_peer *holder = weft_peer_name_find(device, name);

	if (!holder || config->flags & WEFT_DEVICE_F_REPLACE_PEERS)
		return false;
	return !config_check_same_key(weft_peer_keys_now(&holder->keys), entry->public_key) &&
	       !config_check_last_word(config, weft_peer_keys_now(&holder->keys));
}

/* Whether another peer of the change gets @name as well. */
static bool config_check_name_is_given_twice(const struct weft_config *config,
					     const struct weft_config_peer *entry, const char *name)
{
	const struct weft_config_peer *other;

	list_for_each_entry(other, &config->peers, list)
		if (config_check_name(other) && !strcmp(config_check_name(other), name) &&
		    !config_check_same_key(other->public_key, entry->public_key) &&
		    config_check_last_word(config, other->public_key) == other)
			return true;
	return false;
}

static bool config_check_name_is_taken(const struct weft_config *config, struct weft_device *device,
				       const struct weft_config_peer *entry)
{
	const char *name = config_check_name(entry);

	if (!name || config_check_last_word(config, entry->public_key) != entry)
		return false;
	return config_check_name_is_kept(config, device, entry, name) ||
	       config_check_name_is_given_twice(config, entry, name);
}

static bool config_check_same_prefix(const struct weft_config_allowedip *a,
				     const struct weft_config_allowedip *b)
{
	return a->bits == b->bits && a->cidr == b->cidr &&
	       ipv6_prefix_equal(&a->address, &b->address, a->cidr);
}

/* Applies an entry to a prefix. Returns its next owner's key, given the present one's. */
static const u8 *config_check_pass_on(const struct weft_config_peer *entry,
				      const struct weft_config_allowedip *prefix, const u8 *holder)
{
	const struct weft_config_allowedip *ip;
	bool mine = holder && config_check_same_key(holder, entry->public_key);

	if (mine && entry->flags & (WEFT_PEER_F_REMOVE_ME | WEFT_PEER_F_REPLACE_ALLOWEDIPS)) {
		mine = false;
		holder = NULL;
	}
	if (entry->flags & WEFT_PEER_F_REMOVE_ME)
		return holder;
	list_for_each_entry(ip, &entry->allowedips, list) {
		if (!config_check_same_prefix(ip, prefix) || (ip->remove && !mine))
			continue;
		mine = !ip->remove;
		holder = mine ? entry->public_key : NULL;
	}
	return holder;
}

/* Whether another peer would have a prefix if @entry did not request it. */
static bool config_check_prefix_is_taken(const struct weft_config *config,
					 struct weft_device *device,
					 const struct weft_config_peer *entry,
					 const struct weft_config_allowedip *prefix)
{
	const struct weft_config_peer *other;
	const u8 *holder = NULL;
	struct weft_peer *now;

	now = weft_allowedips_owner(&device->allowedips, prefix->bits, &prefix->address,
				    prefix->cidr);
	if (now && !(config->flags & WEFT_DEVICE_F_REPLACE_PEERS))
		holder = weft_peer_keys_now(&now->keys);
	if (holder && config_check_same_key(holder, entry->public_key))
		holder = NULL;
	list_for_each_entry(other, &config->peers, list)
		if (!config_check_same_key(other->public_key, entry->public_key))
			holder = config_check_pass_on(other, prefix, holder);
	return holder;
}

static bool config_check_any_prefix_is_taken(const struct weft_config *config,
					     struct weft_device *device,
					     const struct weft_config_peer *entry)
{
	const struct weft_config_allowedip *ip;

	if (!weft_change_has(entry, WEFT_PEER_A_EXCLUSIVE) || entry->flags & WEFT_PEER_F_REMOVE_ME)
		return false;
	list_for_each_entry(ip, &entry->allowedips, list) {
		if (!ip->remove && config_check_prefix_is_taken(config, device, entry, ip))
			return true;
		cond_resched();
	}
	return false;
}

/* Whether the next key of @entry belongs to another peer, or will after the change. */
static bool config_check_is_others(const struct weft_config *config, struct weft_device *device,
				   const struct weft_config_peer *entry)
{
	const struct weft_config_peer *other;
	struct weft_peer *holder = NULL, *peer;
	bool taken;

	if (!(config->flags & WEFT_DEVICE_F_REPLACE_PEERS))
		holder = weft_lookup_peer(device, entry->next_public);
	peer = holder ? weft_lookup_peer(device, entry->public_key) : NULL;
	taken = holder != peer && holder;
	weft_peer_put(peer);
	weft_peer_put(holder);
	if (taken)
		return true;
	list_for_each_entry(other, &config->peers, list) {
		if (config_check_same_key(other->public_key, entry->public_key) ||
		    other->flags & WEFT_PEER_F_REMOVE_ME)
			continue;
		if (config_check_same_key(other->public_key, entry->next_public) ||
		    (weft_change_has(other, WEFT_PEER_A_NEXT_PUBLIC_KEY) &&
		     config_check_same_key(other->next_public, entry->next_public)))
			return true;
	}
	return false;
}

/* Whether @key will be the device's own, or was before its rotation. */
static bool config_check_is_own(const struct weft_config *config, struct weft_device *device,
				const u8 key[WEFT_KEY_LEN])
{
	if (!config->changes_identity)
		return weft_rotation_is_own(device, key);
	return weft_identity_has_key(config->identity, key) ||
	       weft_identity_has_key(weft_rotation_previous(device), key);
}

/*
 * A next key of another peer is refused even if the same change removes it there: that takes two
 * changes.
 */
static int config_check_keys(const struct weft_config *config, struct weft_device *device,
			     struct netlink_ext_ack *extack)
{
	const struct weft_config_peer *entry;

	list_for_each_entry(entry, &config->peers, list) {
		if (entry->flags & WEFT_PEER_F_REMOVE_ME ||
		    !memchr_inv(entry->next_public, 0, WEFT_KEY_LEN))
			continue;
		if (config_check_is_own(config, device, entry->next_public))
			return weft_refuse(extack, -EEXIST,
					   "next public key: it is the device's own");
		if (config_check_is_others(config, device, entry))
			return weft_refuse(extack, -EEXIST,
					   "next public key: it is another peer's");
		cond_resched();
	}
	return 0;
}

/* A name, and an exclusive allowed IP, belongs to one peer only. */
static int config_check_claims(const struct weft_config *config, struct weft_device *device,
			       struct netlink_ext_ack *extack)
{
	const struct weft_config_peer *entry;

	list_for_each_entry(entry, &config->peers, list) {
		if (config_check_name_is_taken(config, device, entry))
			return weft_refuse(extack, -EEXIST,
					   "name: another peer of the device has it");
		if (config_check_any_prefix_is_taken(config, device, entry))
			return weft_refuse(extack, -EEXIST,
					   "allowed IPs: another peer has one of them");
		cond_resched();
	}
	return 0;
}

/**
 * weft_config_check() - check that the keys, names and allowed IPs of a change are unique
 * @config: the change, resolved, with its identity prepared
 * @device: the device
 * @extack: names the reason of a failure
 *
 * Context: process, device->config_lock. May sleep.
 * Return: 0, or -EEXIST: a next key is the device's own or another peer's, or another peer would
 * have the same name, or an allowed IP that is to be exclusive.
 */
int weft_config_check(const struct weft_config *config, struct weft_device *device,
		      struct netlink_ext_ack *extack)
{
	lockdep_assert_held(&device->config_lock);
	return config_check_keys(config, device, extack) ?:
	       config_check_claims(config, device, extack);
}

static bool config_check_strips(const struct weft_config_peer *entry)
{
	return weft_change_has(entry, WEFT_PEER_A_NEXT_PUBLIC_KEY,
			       WEFT_PEER_A_PREVIOUS_PUBLIC_KEY);
}

/*
 * Whether an entry before @entry removes keys of the peer of @key, so that another of its keys may
 * belong to no peer when @entry is applied.
 */
static bool config_check_is_stripped(const struct weft_config *config,
				     const struct weft_config_peer *entry,
				     const u8 key[WEFT_KEY_LEN])
{
	const struct weft_config_peer *other;

	list_for_each_entry(other, &config->peers, list) {
		if (other == entry)
			break;
		if (config_check_same_key(other->public_key, key) &&
		    (other->flags & WEFT_PEER_F_REMOVE_ME || config_check_strips(other)))
			return true;
	}
	return false;
}

/**
 * weft_config_check_resolve() - look up the existing peers of a change, and replace a next or
 * previous key by the peer's current one
 * @config: the change, as parsed
 * @device: the device
 *
 * A configuration with the new key already, or still with the old one, means the same peer.
 *
 * Context: process, device->config_lock.
 */
void weft_config_check_resolve(struct weft_config *config, struct weft_device *device)
{
	struct weft_config_peer *entry;
	u8 now[WEFT_KEY_LEN];
	struct weft_peer *peer;

	lockdep_assert_held(&device->config_lock);
	if (config->flags & WEFT_DEVICE_F_REPLACE_PEERS)
		return;
	list_for_each_entry(entry, &config->peers, list) {
		config->strips |= config_check_strips(entry);
		peer = weft_lookup_peer(device, entry->public_key);
		entry->known = peer;
		if (!peer)
			continue;
		/* Copied: a packet may promote the peer's next key now. */
		memcpy(now, weft_peer_keys_now(&peer->keys), sizeof(now));
		if (!config_check_same_key(now, entry->public_key)) {
			if (config_check_is_stripped(config, entry, now))
				config->strips = true;
			else
				memcpy(entry->public_key, now, sizeof(now));
		}
		weft_peer_put(peer);
		cond_resched();
	}
}
