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

#include <linux/bitops.h>
#include <linux/in6.h>
#include <linux/list.h>
#include <linux/types.h>

#include <uapi/linux/weft.h>

struct weft_identity;
struct weft_peer_name;
struct weft_peer;

struct weft_config_allowedip {
	struct list_head list;
	struct weft_allowedips_node *spare[WEFT_ALLOWEDIPS_SPARES];
	struct in6_addr address;	/* of IPv4: the first four bytes */
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
	DECLARE_BITMAP(has, WEFT_PEER_A_MAX + 1);	/* the message's attributes */
	u32 flags;			/* enum weft_peer_flag */
	bool roams;
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
	DECLARE_BITMAP(has, WEFT_DEVICE_A_MAX + 1);	/* the message's attributes */
	u32 flags;			/* enum weft_device_flag */
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

static inline bool weft_change_has_any(const unsigned long *has, const u8 *attrs, size_t count)
{
	while (count--) {
		if (test_bit(attrs[count], has))
			return true;
	}
	return false;
}

/* Whether a change, or an entry for a peer, has any of the attributes. */
#define weft_change_has(change, ...)					\
	weft_change_has_any((change)->has, (const u8 []){ __VA_ARGS__ },	\
			    sizeof((const u8 []){ __VA_ARGS__ }))

#endif /* WEFT_CHANGE_H */
