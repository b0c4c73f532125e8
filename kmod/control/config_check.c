// SPDX-License-Identifier: GPL-2.0
/*
 * A change is judged by the state that it leads to: it may swap names, or take a prefix from one
 * peer further down than it gives it to another. An entry is compared with all others; a message
 * has room for no more than some two thousand.
 */

#include "control/config_check.h"
#include "control/change.h"
#include "control/rotation.h"
#include "core/device.h"
#include "core/identity.h"
#include "core/lookup.h"
#include "core/peer_keys.h"
#include "core/peer_name.h"
#include "core/peer_ref.h"
#include "lib/allowedips.h"

#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/string.h>

#include <uapi/linux/weft.h>

static bool config_check_same_key(const u8 a[WEFT_KEY_LEN], const u8 b[WEFT_KEY_LEN])
{
	return !memcmp(a, b, WEFT_KEY_LEN);
}

/* Whether an entry settles what its peer is called, gone being one way. */
static bool config_check_settles_name(const struct weft_config_peer *entry)
{
	return entry->has_name || entry->flags & WEFT_PEER_F_REMOVE_ME;
}

/* The entry that has the last word on what the peer of @key is called, or NULL. */
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

/* Whether a peer that has @name now, and is not @entry's, keeps it. */
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
	unsigned int whole = a->cidr / 8, left = a->cidr % 8;

	if (a->bits != b->bits || a->cidr != b->cidr || memcmp(a->address, b->address, whole))
		return false;
	return !left || !((a->address[whole] ^ b->address[whole]) >> (8 - left));
}

/* What one entry does to a prefix: whose it is then, given whose it was. */
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

/* Whether another peer would have a prefix if @entry did not ask for it. */
static bool config_check_prefix_is_taken(const struct weft_config *config,
					 struct weft_device *device,
					 const struct weft_config_peer *entry,
				  const struct weft_config_allowedip *prefix)
{
	const struct weft_config_peer *other;
	const u8 *holder = NULL;
	struct weft_peer *now;

	now = weft_allowedips_owner(&device->allowedips, prefix->bits, prefix->address,
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

	if (!entry->exclusive || entry->flags & WEFT_PEER_F_REMOVE_ME)
		return false;
	list_for_each_entry(ip, &entry->allowedips, list) {
		if (!ip->remove && config_check_prefix_is_taken(config, device, entry, ip))
			return true;
		cond_resched();
	}
	return false;
}

/* Whether the next key of @entry is another peer's, or is going to be. */
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
		    (other->has_next_public &&
		     config_check_same_key(other->next_public, entry->next_public)))
			return true;
	}
	return false;
}

/* Whether @key is going to be the device's own, or was before its rotation. */
static bool config_check_is_own(const struct weft_config *config, struct weft_device *device,
				const u8 key[WEFT_KEY_LEN])
{
	const struct weft_identity *previous;

	if (!config->changes_identity)
		return weft_rotation_is_own(device, key);
	previous = rcu_dereference_protected(device->previous_identity,
					     lockdep_is_held(&device->config_lock));
	return weft_identity_has_key(config->identity, key) ||
	       weft_identity_has_key(previous, key);
}

/*
 * A next key that another peer has is refused even if the same change takes it away from there:
 * that can be done with two.
 */
static int config_check_keys(const struct weft_config *config, struct weft_device *device,
			     struct netlink_ext_ack *extack)
{
	const struct weft_config_peer *entry;

	list_for_each_entry(entry, &config->peers, list) {
		if (!weft_change_has_next(entry))
			continue;
		if (config_check_is_own(config, device, entry->next_public)) {
			NL_SET_ERR_MSG(extack, "next public key: it is the device's own");
			return -EEXIST;
		}
		if (config_check_is_others(config, device, entry)) {
			NL_SET_ERR_MSG(extack, "next public key: it is another peer's");
			return -EEXIST;
		}
		cond_resched();
	}
	return 0;
}

/* A name, and an allowed IP that is to be exclusive, is one peer's. */
static int config_check_claims(const struct weft_config *config, struct weft_device *device,
			       struct netlink_ext_ack *extack)
{
	const struct weft_config_peer *entry;

	list_for_each_entry(entry, &config->peers, list) {
		if (config_check_name_is_taken(config, device, entry)) {
			NL_SET_ERR_MSG(extack, "name: another peer of the device has it");
			return -EEXIST;
		}
		if (config_check_any_prefix_is_taken(config, device, entry)) {
			NL_SET_ERR_MSG(extack, "allowed IPs: another peer has one of them");
			return -EEXIST;
		}
		cond_resched();
	}
	return 0;
}

/**
 * weft_config_check() - may the peers of a change have the keys, names and allowed IPs it gives?
 * @config: the change, resolved, with the identity that it brings prepared
 * @device: what it is for
 * @extack: says why, if not
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

/*
 * Whether an entry above @entry takes keys away from the peer of @key, so that another of its keys
 * may be nobody's by the time that @entry is come to.
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
		    (other->flags & WEFT_PEER_F_REMOVE_ME || other->has_next_public ||
		     other->ends_previous_public))
			return true;
	}
	return false;
}

/**
 * weft_config_check_resolve() - find out which peers of a change are there, and have those that it
 * calls by their next or previous key called by their current one
 * @config: the change, as parsed
 * @device: what it is for
 *
 * A configuration that says the new key already, or the old one still, means the same peer.
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
		config->strips |= entry->has_next_public || entry->ends_previous_public;
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
