// SPDX-License-Identifier: GPL-2.0
/*
 * What counts is how things would stand when all of the change is done: it may swap names, or take
 * a prefix from one peer further down than it gives it to another. An entry is compared with all
 * others; a message has room for no more than some two thousand.
 */

#include "claim.h"
#include "allowedips.h"
#include "config.h"
#include "device.h"
#include "label.h"
#include "peer.h"

#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/string.h>

#include <uapi/linux/weft.h>

static bool claim_same_key(const u8 a[WEFT_KEY_LEN], const u8 b[WEFT_KEY_LEN])
{
	return !memcmp(a, b, WEFT_KEY_LEN);
}

/* Whether an entry settles what its peer is called, gone being one way. */
static bool claim_settles_name(const struct weft_config_peer *entry)
{
	return entry->has_name || entry->flags & WEFT_PEER_F_REMOVE_ME;
}

/* The entry that has the last word on what the peer of @key is called, or NULL. */
static const struct weft_config_peer *claim_last_word(const struct weft_config *config,
						      const u8 key[WEFT_KEY_LEN])
{
	const struct weft_config_peer *entry;

	list_for_each_entry_reverse(entry, &config->peers, list)
		if (claim_settles_name(entry) && claim_same_key(entry->public_key, key))
			return entry;
	return NULL;
}

static const char *claim_name(const struct weft_config_peer *entry)
{
	return entry->label && !(entry->flags & WEFT_PEER_F_REMOVE_ME) ? entry->label->name : NULL;
}

/* Whether a peer that has @name now, and is not @entry's, keeps it. */
static bool claim_name_is_kept(const struct weft_config *config, struct weft_device *device,
			       const struct weft_config_peer *entry, const char *name)
{
	struct weft_peer *holder = weft_label_peer(device, name);

	if (!holder || config->flags & WEFT_DEVICE_F_REPLACE_PEERS)
		return false;
	return !claim_same_key(weft_keyring_now(&holder->keyring), entry->public_key) &&
	       !claim_last_word(config, weft_keyring_now(&holder->keyring));
}

/* Whether another peer of the change gets @name as well. */
static bool claim_name_is_given_twice(const struct weft_config *config,
				      const struct weft_config_peer *entry, const char *name)
{
	const struct weft_config_peer *other;

	list_for_each_entry(other, &config->peers, list)
		if (claim_name(other) && !strcmp(claim_name(other), name) &&
		    !claim_same_key(other->public_key, entry->public_key) &&
		    claim_last_word(config, other->public_key) == other)
			return true;
	return false;
}

static bool claim_name_is_taken(const struct weft_config *config, struct weft_device *device,
				const struct weft_config_peer *entry)
{
	const char *name = claim_name(entry);

	if (!name || claim_last_word(config, entry->public_key) != entry)
		return false;
	return claim_name_is_kept(config, device, entry, name) ||
	       claim_name_is_given_twice(config, entry, name);
}

static bool claim_same_prefix(const struct weft_config_allowedip *a,
			      const struct weft_config_allowedip *b)
{
	unsigned int whole = a->cidr / 8, left = a->cidr % 8;

	if (a->bits != b->bits || a->cidr != b->cidr || memcmp(a->address, b->address, whole))
		return false;
	return !left || !((a->address[whole] ^ b->address[whole]) >> (8 - left));
}

/* What one entry does to a prefix: whose it is then, given whose it was. */
static const u8 *claim_pass_on(const struct weft_config_peer *entry,
			       const struct weft_config_allowedip *prefix, const u8 *holder)
{
	const struct weft_config_allowedip *ip;
	bool mine = holder && claim_same_key(holder, entry->public_key);

	if (mine && entry->flags & (WEFT_PEER_F_REMOVE_ME | WEFT_PEER_F_REPLACE_ALLOWEDIPS)) {
		mine = false;
		holder = NULL;
	}
	if (entry->flags & WEFT_PEER_F_REMOVE_ME)
		return holder;
	list_for_each_entry(ip, &entry->allowedips, list) {
		if (!claim_same_prefix(ip, prefix) || (ip->remove && !mine))
			continue;
		mine = !ip->remove;
		holder = mine ? entry->public_key : NULL;
	}
	return holder;
}

/* Whether another peer would have a prefix if @entry did not ask for it. */
static bool claim_prefix_is_taken(const struct weft_config *config, struct weft_device *device,
				  const struct weft_config_peer *entry,
				  const struct weft_config_allowedip *prefix)
{
	const struct weft_config_peer *other;
	const u8 *holder = NULL;
	struct weft_peer *now;

	now = weft_allowedips_owner(&device->allowedips, prefix->bits, prefix->address,
				    prefix->cidr);
	if (now && !(config->flags & WEFT_DEVICE_F_REPLACE_PEERS))
		holder = weft_keyring_now(&now->keyring);
	if (holder && claim_same_key(holder, entry->public_key))
		holder = NULL;
	list_for_each_entry(other, &config->peers, list)
		if (!claim_same_key(other->public_key, entry->public_key))
			holder = claim_pass_on(other, prefix, holder);
	return holder;
}

static bool claim_any_prefix_is_taken(const struct weft_config *config, struct weft_device *device,
				      const struct weft_config_peer *entry)
{
	const struct weft_config_allowedip *ip;

	if (!entry->exclusive || entry->flags & WEFT_PEER_F_REMOVE_ME)
		return false;
	list_for_each_entry(ip, &entry->allowedips, list) {
		if (!ip->remove && claim_prefix_is_taken(config, device, entry, ip))
			return true;
		cond_resched();
	}
	return false;
}

/**
 * weft_claim_check() - may the peers of a change have what it claims for them?
 * @config: the change, as parsed
 * @device: what it is for
 * @extack: says why, if not
 *
 * Context: process, device->config_lock. May sleep.
 * Return: 0, or -EEXIST: another peer would have the same name, or an allowed IP that is to be
 * exclusive.
 */
int weft_claim_check(const struct weft_config *config, struct weft_device *device,
		     struct netlink_ext_ack *extack)
{
	const struct weft_config_peer *entry;

	lockdep_assert_held(&device->config_lock);
	list_for_each_entry(entry, &config->peers, list) {
		if (claim_name_is_taken(config, device, entry)) {
			NL_SET_ERR_MSG(extack, "name: another peer of the device has it");
			return -EEXIST;
		}
		if (claim_any_prefix_is_taken(config, device, entry)) {
			NL_SET_ERR_MSG(extack, "allowed IPs: another peer has one of them");
			return -EEXIST;
		}
		cond_resched();
	}
	return 0;
}
