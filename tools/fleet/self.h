/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A node's own keys: its identity and its tunnel key, and the state of a rotation.
 * One text, so that keys and state change together.
 */
#ifndef _WEFT_TOOLS_FLEET_SELF_H
#define _WEFT_TOOLS_FLEET_SELF_H

#include "fleet/members.h"
#include "fleet/model.h"

#define WEFT_SELF_TRUST_MAX	16
/* The most words of a policy for endpoints. */
#define WEFT_SELF_POLICY_MAX	16

enum weft_self_rotation {
	WEFT_SELF_RESTS,
	WEFT_SELF_ANNOUNCED,	/* the next key is in the hello */
	WEFT_SELF_CHANGED,	/* the previous key is still valid */
};

/**
 * struct weft_self - a node's own keys
 * @fleet: the fleet
 * @node: the node
 * @trust: the admin keys that it was told of
 * @identity: the seed of its identity
 * @tunnel: the seed of its tunnel key; zero for a key that was taken over
 * @tunnel_raw: the private key that was taken over
 * @next: the seed of the announced key, or zero
 * @previous: the private key before a rotation, or zero
 * @grace_until: the end of its grace, in seconds since 1970
 * @rotation: the identifier of the present or last rotation, or ""
 * @since: when the tunnel key was made, in seconds since 1970
 * @announced: when @next was announced, in seconds since 1970
 * @order: the admin's order of a rotation that the node has followed last
 * @generation: of the last hello
 * @serial: the serial that the node was told, 0: none
 * @port: the UDP port, 0: that of the fleet
 * @endpoints: the underlay endpoints that the node was given
 * @endpoints_from: the policy for further ones, see fleet/underlay.h
 * @found: those that it gave last
 * @seen: of a hub: endpoints of members that it sees, see struct weft_fleet_record
 * @hello: the line of the last hello, or NULL
 */
struct weft_self {
	char fleet[WEFT_FLEET_NAME_BYTES];
	char node[WEFT_NODE_NAME_BYTES];
	struct weft_keys trust;
	struct weft_key identity;
	struct weft_key tunnel;
	struct weft_key tunnel_raw;
	struct weft_key next;
	struct weft_key previous;
	__u64 grace_until;
	char rotation[WEFT_NODE_NAME_BYTES];
	__u64 since;
	__u64 announced;
	__u64 order;
	__u64 generation;
	__u64 serial;
	__u64 port;
	struct weft_words endpoints;
	struct weft_words endpoints_from;
	struct weft_words found;
	struct weft_words seen;
	char *hello;
};

/* NULL with @why filled in. */
struct weft_self *weft_self_read(const char *name, const char *text, size_t len,
				 struct weft_refusal *why);
/* The text, to be wiped; NULL: no memory. */
char *weft_self_text(const struct weft_self *self);
/* Wipes the keys; NULL is ignored. */
void weft_self_free(struct weft_self *self);

/* The private key of the interface. */
void weft_self_private_key(const struct weft_self *self, struct weft_key *key);
enum weft_self_rotation weft_self_rotation(const struct weft_self *self);
/* "none", "announced" or "changed" */
const char *weft_self_rotation_name(const struct weft_self *self);
/* The part of the model that is in no record; its keys have to be wiped. */
void weft_self_own(const struct weft_self *self, struct weft_fleet_own *own);

/*
 * Renew the hello if one of its values has changed, or if @fleet has another one of
 * this generation. Without a serial there is none. False: no memory.
 */
bool weft_self_greet(struct weft_self *self, const struct weft_fleet *fleet);
/* No generation is left beyond this identity's hello: it keeps its last one. */
bool weft_self_is_spent(const struct weft_self *self, const struct weft_fleet *fleet);

#endif /* _WEFT_TOOLS_FLEET_SELF_H */
