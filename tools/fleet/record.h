/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Records: the signed statements that a fleet consists of. One record is one line:
 *
 *   weft-fleet/1 KIND SIGNER SIGNATURE PAYLOAD
 *
 * The signature covers the payload's bytes as they stand. weft-fleet(5) has the keys.
 */
#ifndef _WEFT_TOOLS_FLEET_RECORD_H
#define _WEFT_TOOLS_FLEET_RECORD_H

#include "fleet/fields.h"
#include "fleet/signature.h"

/* The longest line, without its newline. */
#define WEFT_FLEET_LINE_BYTES	16384
/* The same of a record of the fleet, which has all revocations. */
#define WEFT_FLEET_TERMS_BYTES	131072
/* The most endpoints of a record. */
#define WEFT_FLEET_ENDPOINTS_MAX	16
/* The most members that a hub tells the endpoints of, and the bytes of that list as JSON. */
#define WEFT_FLEET_SEEN_MAX	512
#define WEFT_FLEET_SEEN_BYTES	12288
/* The UDP port of a fleet that is given none. */
#define WEFT_FLEET_PORT		51820

enum weft_fleet_kind {
	WEFT_FLEET_TERMS,	/* "fleet" */
	WEFT_FLEET_NODE,	/* "node" */
	WEFT_FLEET_HELLO,	/* "hello" */
};

/* Hellos of a higher generation are refused; a node may remember one from before this bound. */
#define WEFT_FLEET_GENERATION_MAX	4611686018427387904ULL

/**
 * struct weft_fleet_record - one record
 * @kind: its kind
 * @line: its text, without a newline
 * @len: the length of @line
 * @payload: the payload in @line
 * @signer: the key that has signed it
 * @signature: the signature
 * @fleet: the fleet that it belongs to
 * @node: the node, of a node's record and a hello
 * @number: epoch, serial or generation, by kind: only goes up
 * @serial: of a hello: the node's serial at that time
 * @admins: from this epoch on, the keys that sign records of fleet and nodes
 * @topology: which nodes are connected
 * @port: UDP port
 * @keepalive: seconds, 0 for off
 * @mtu: the MTU, 0 to derive it from the paths
 * @rotate_every: seconds after which a tunnel key is to be replaced, 0 for never
 * @rotate_window: seconds over which the nodes' rotations are spread
 * @rotate_grace: seconds for which a replaced key stays valid
 * @rotate_order: only goes up: each node is to rotate once more
 * @preshared: each pair of peers has a preshared key, by a program of its nodes
 * @revoked: revoked nodes
 * @admitted: serial at which the present identity was admitted
 * @identity: signs the node's hellos; zero: a member without weft
 * @public_key: of a node's record: the tunnel key that the admin has pinned, or zero;
 *              of a hello: the tunnel key
 * @addresses: the node's addresses in the tunnel
 * @prefixes: networks behind the node
 * @groups: groups that the node is in
 * @hub: it forwards packets of others
 * @endpoints: the underlay endpoints
 * @not_after: seconds since 1970 after which the record admits no new node or key; 0: none
 * @proof: that the node has @public_key
 * @next_public_key: the announced tunnel key, or zero
 * @next_proof: that the node has it
 * @seen: of a hub: members whose packets come from another endpoint than they name, and
 *        that endpoint, "NAME=ADDRESS:PORT", sorted by name
 */
struct weft_fleet_record {
	enum weft_fleet_kind kind;
	char *line;
	size_t len;
	const char *payload;
	struct weft_key signer;
	struct weft_signature signature;
	char fleet[WEFT_FLEET_NAME_BYTES];
	char node[WEFT_NODE_NAME_BYTES];
	__u64 number;
	__u64 serial;
	struct weft_keys admins;
	enum weft_topology topology;
	__u64 port;
	__u64 keepalive;
	__u64 mtu;
	__u64 rotate_every;
	__u64 rotate_window;
	__u64 rotate_grace;
	__u64 rotate_order;
	bool preshared;
	struct weft_revocations revoked;
	__u64 admitted;
	struct weft_key identity;
	struct weft_key public_key;
	struct weft_prefixes addresses;
	struct weft_prefixes prefixes;
	struct weft_words groups;
	bool hub;
	struct weft_words endpoints;
	__u64 not_after;
	struct weft_proof proof;
	struct weft_key next_public_key;
	struct weft_proof next_proof;
	struct weft_words seen;
};

/* "fleet", "node" or "hello" */
const char *weft_fleet_kind_name(enum weft_fleet_kind kind);
/* "fleet" or "hello/NAME", for messages. */
struct weft_fleet_record_name {
	char text[WEFT_NODE_NAME_BYTES + sizeof("hello/")];
} weft_fleet_record_name(const struct weft_fleet_record *record);

/*
 * Parse a line of @len bytes without its newline. The signature is not checked. NULL
 * with @why filled in.
 */
struct weft_fleet_record *weft_fleet_record_parse(const char *line, size_t len,
						  struct weft_refusal *why);
/*
 * Whether a line begins as a record does, up to its payload, which is not looked at. False with
 * @why filled in.
 */
bool weft_fleet_record_has_head(const char *line, size_t len, struct weft_refusal *why);
struct json_object;

/*
 * An unsigned record from the keys of a payload, without blank or missing ones: where
 * @wish, of a node that is to be admitted, which has no fleet and no serial yet. NULL
 * with @why filled in.
 */
struct weft_fleet_record *weft_fleet_record_from(enum weft_fleet_kind kind, bool wish,
						 struct json_object *object,
						 struct weft_refusal *why);
/* The payload; NULL: no memory. */
struct json_object *weft_fleet_record_json(const struct weft_fleet_record *record);

/* Whether the signature is @signer's, and of a record of this fleet. */
bool weft_fleet_record_verify(const struct weft_fleet_record *record,
			      const struct weft_key *signer);
/*
 * Sign @record, whose kind and values are filled in: its line is made, and a former
 * one freed. False: no memory, or the line is too long, or a value out of its range.
 */
bool weft_fleet_record_sign(struct weft_fleet_record *record, const struct weft_key *seed);
/*
 * Whether both have the same values, whatever their numbers and signatures. False also:
 * no memory.
 */
bool weft_fleet_record_says_same(const struct weft_fleet_record *a,
				 const struct weft_fleet_record *b);
bool weft_fleet_record_equal(const struct weft_fleet_record *a,
			     const struct weft_fleet_record *b);
/* A copy with the same line; NULL: no memory. */
struct weft_fleet_record *weft_fleet_record_copy(const struct weft_fleet_record *record);
/* NULL is ignored. */
void weft_fleet_record_free(struct weft_fleet_record *record);

#endif /* _WEFT_TOOLS_FLEET_RECORD_H */
