/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A change of a device's configuration: the request of a SET message, with all objects it needs.
 */
#ifndef WEFT_CHANGE_H
#define WEFT_CHANGE_H

#include "core/candidates.h"
#include "core/device.h"
#include "core/endpoint.h"
#include "lib/allowedips.h"
#include "lib/wire.h"
#include "udp/socket.h"

#include <linux/list.h>
#include <linux/string.h>

struct weft_identity;
struct weft_peer_name;
struct weft_peer;

struct weft_config_allowedip {
	struct list_head list;
	struct weft_allowedips_node *spare[WEFT_ALLOWEDIPS_SPARES];
	u8 address[16];
	u8 bits;			/* 32 or 128 */
	u8 cidr;
	bool remove;
};

struct weft_config_peer {
	struct list_head list;
	struct list_head allowedips;	/* struct weft_config_allowedip */
	struct weft_peer *fresh;	/* in case it has to be created; prepared */
	bool known;			/* the peer exists before the change; prepared */
	u8 public_key[WEFT_KEY_LEN];
	u32 flags;			/* enum weft_peer_flag */
	bool has_preshared;
	bool has_endpoint;
	bool has_candidates;
	bool has_roam;
	bool roams;
	bool has_persistent;
	bool connect;			/* send an initiation if there is no session */
	bool has_name;
	bool exclusive;			/* no other peer has its allowed IPs */
	bool forget_timestamp;
	bool has_next_public;
	bool ends_previous_public;
	bool has_next_preshared;
	bool ends_previous_preshared;
	bool has_grace;
	u32 grace_s;
	u8 next_public[WEFT_KEY_LEN];	/* zeros: none */
	u8 next_preshared[WEFT_KEY_LEN]; /* zeros: none */
	u16 persistent_s;
	u8 preshared[WEFT_KEY_LEN];
	struct weft_endpoint endpoint;
	struct weft_candidates *candidates;	/* NULL: none; once applied, the previous ones */
	struct weft_peer_name *name;	/* the name; NULL: none */
};

struct weft_config {
	struct list_head peers;		/* struct weft_config_peer, in the order of the message */
	u32 flags;			/* enum weft_device_flag */
	bool has_private;
	bool has_port;
	bool has_address4;
	bool has_address6;
	bool has_interface;
	bool has_fwmark;
	bool has_pmtu;
	bool has_dscp;
	bool pmtu;
	u8 dscp;
	struct weft_binding binding;	/* the given parts; prepared: complete */
	u32 fwmark;
	u8 private[WEFT_KEY_LEN];	/* all zeros: none */
	bool changes_identity;		/* prepared */
	bool strips;			/* prepared: keys are removed from peers that stay */
	struct weft_identity *identity;	/* prepared */
	struct weft_socket_pair sockets;	/* prepared */
	struct weft_removal removal;	/* removed peers that are still to be freed */
};

/**
 * weft_change_has_next() - whether a change gives a peer a next public key
 * @entry: the peer's entry
 */
static inline bool weft_change_has_next(const struct weft_config_peer *entry)
{
	return entry->has_next_public && memchr_inv(entry->next_public, 0, WEFT_KEY_LEN) &&
	       !(entry->flags & WEFT_PEER_F_REMOVE_ME);
}

/**
 * weft_change_has_next_preshared() - whether a change gives a peer a next preshared key
 * @entry: the peer's entry
 */
static inline bool weft_change_has_next_preshared(const struct weft_config_peer *entry)
{
	return entry->has_next_preshared && memchr_inv(entry->next_preshared, 0, WEFT_KEY_LEN);
}

#endif /* WEFT_CHANGE_H */
