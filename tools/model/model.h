/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The model: the state of a device, or a change to one. Netlink, configuration
 * files and the command line are parsed into a model; printers and netlink
 * requests are produced from one.
 */
#ifndef _WEFT_TOOLS_MODEL_H
#define _WEFT_TOOLS_MODEL_H

#include <linux/types.h>
#include <linux/weft.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "model/key.h"

/* The link kinds, and generic netlink families, that the model covers. */
enum weft_kind {
	WEFT_KIND_NONE,
	WEFT_KIND_WEFT,
	WEFT_KIND_WIREGUARD,
};

/* The kernel's limit for one peer. */
#define WEFT_CANDIDATES_MAX	16

/* The longest name of a peer, without the terminating zero. */
#define WEFT_NAME_BYTES	63

struct weft_allowedip {
	struct weft_allowedip *next;
	__u16 family;
	__u8 cidr;
	bool remove;
	bool drop;	/* weft_model_allowedips_prune() removes it */
	unsigned int line;	/* its line in a configuration file */
	union {
		struct in_addr ip4;
		struct in6_addr ip6;
	};
};

enum weft_peer_has {
	WEFT_PEER_HAS_PUBLIC_KEY = 1 << 0,
	WEFT_PEER_HAS_PRESHARED_KEY = 1 << 1,
	WEFT_PEER_HAS_KEEPALIVE = 1 << 2,
	WEFT_PEER_REPLACE_ALLOWEDIPS = 1 << 3,
	WEFT_PEER_REMOVE = 1 << 4,
	WEFT_PEER_UPDATE_ONLY = 1 << 5,
	/* Prefixes with "+" or "-": the list is a change, not the complete list. */
	WEFT_PEER_CHANGE_ALLOWEDIPS = 1 << 6,
	WEFT_PEER_HAS_NAME = 1 << 7,
	/* A prefix that another peer has is refused instead of moved. */
	WEFT_PEER_EXCLUSIVE = 1 << 8,
	WEFT_PEER_FORGET_TIMESTAMP = 1 << 9,
	/* Begin a handshake if there is no session. */
	WEFT_PEER_CONNECT = 1 << 16,
	WEFT_PEER_HAS_CANDIDATES = 1 << 20,
	WEFT_PEER_HAS_ROAM = 1 << 21,
	/* A change can only end previous keys: they are all zero. */
	WEFT_PEER_HAS_NEXT_PUBLIC_KEY = 1 << 24,
	WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY = 1 << 25,
	WEFT_PEER_HAS_NEXT_PRESHARED_KEY = 1 << 26,
	WEFT_PEER_HAS_PREVIOUS_PRESHARED_KEY = 1 << 27,
	WEFT_PEER_HAS_GRACE = 1 << 28,
};

union weft_endpoint {
	struct sockaddr any;
	struct sockaddr_in ip4;
	struct sockaddr_in6 ip6;
};

/**
 * struct weft_peer - one peer of a device
 * @next: the next peer of the device
 * @drop: weft_model_peers_prune() removes it
 * @named: in a change, the peer was given by its name, not by a key
 * @has: weft_peer_has bits
 * @alias: the same peer under the interface's other key for it, or NULL
 * @public_key: the peer's identity
 * @preshared_key: all zero to remove it
 * @next_public_key: replaces @public_key on its first use; all zero: none
 * @previous_public_key: accepted until its grace ends
 * @next_preshared_key: replaces @preshared_key on its first use
 * @previous_preshared_key: accepted until its grace ends
 * @grace: seconds for which previous keys are accepted, 0: until they are ended
 * @grace_left: seconds that are left of it for @previous_public_key
 * @preshared_grace_left: the same for @previous_preshared_key
 * @identity: which of our keys the newest session was made under
 * @endpoint: family AF_UNSPEC where there is none
 * @endpoint_text: an endpoint, or several, not resolved yet, or NULL
 * @candidates: all configured endpoints of the peer; a single one is the
 *              configured endpoint of a peer that has roamed
 * @candidate_count: their number; 0 for none besides the endpoint
 * @unresolved: one of its endpoints is a name that had no address
 * @roam: the endpoint follows the peer to any address
 * @keeps_endpoint: in a complete configuration: while the peer has a session, its endpoint
 *                  stays, also beside other candidates than before
 * @name: the peer's name; NULL for none, which removes a name in a change
 * @line: the line of the peer, then of its endpoint, in a configuration file
 * @section_line: the line where its section begins
 * @key_line: the line of its public key
 * @again_line: the line of the key in the last repeated section, or 0
 * @name_line: the line of its name
 * @keepalive: seconds, 0 for off
 * @handshake_s: seconds since the epoch of the last handshake, 0 for never
 * @handshake_ns: the nanoseconds of that time
 * @rx_bytes: bytes received
 * @tx_bytes: bytes sent
 * @known: WEFT_ATTR_BIT() of the other attributes that the kernel reported
 * @rx_packets: authenticated messages received
 * @tx_packets: messages sent
 * @handshakes_sent: initiations sent
 * @handshakes_received: valid initiations received
 * @handshakes_completed: sessions made
 * @state: the peer's state, WEFT_PEER_STATE_*
 * @state_age_ms: milliseconds since the state changed
 * @rx_age_ms: milliseconds since the last message from the peer
 * @tx_age_ms: milliseconds since the last message to the peer
 * @handshake_rtt_us: from our newest answered initiation to its answer
 * @path_mtu: bytes of the largest packet that reaches the endpoint unfragmented
 * @drops: dropped packets, by WEFT_DROPS_A_*
 * @allowedips: first of the list, @last_allowedip its end
 * @last_allowedip: where the next one is appended
 */
struct weft_peer {
	struct weft_peer *next;
	bool drop;
	bool named;
	unsigned int has;
	const struct weft_peer *alias;
	struct weft_key public_key;
	struct weft_key preshared_key;
	struct weft_key next_public_key;
	struct weft_key previous_public_key;
	struct weft_key next_preshared_key;
	struct weft_key previous_preshared_key;
	__u32 grace;
	__u32 grace_left;
	__u32 preshared_grace_left;
	__u32 identity;
	union weft_endpoint endpoint;
	char *endpoint_text;
	union weft_endpoint *candidates;
	size_t candidate_count;
	bool unresolved;
	bool roam;
	bool keeps_endpoint;
	char *name;
	unsigned int line;
	unsigned int section_line;
	unsigned int key_line;
	unsigned int again_line;
	unsigned int name_line;
	__u16 keepalive;
	__s64 handshake_s;
	__s64 handshake_ns;
	__u64 rx_bytes;
	__u64 tx_bytes;
	__u64 known;
	__u64 rx_packets;
	__u64 tx_packets;
	__u64 handshakes_sent;
	__u64 handshakes_received;
	__u64 handshakes_completed;
	__u32 state;
	__u64 state_age_ms;
	__u64 rx_age_ms;
	__u64 tx_age_ms;
	__u32 handshake_rtt_us;
	__u32 path_mtu;
	__u64 drops[WEFT_DROPS_A_MAX + 1];
	struct weft_allowedip *allowedips;
	struct weft_allowedip *last_allowedip;
};

enum weft_device_has {
	WEFT_DEVICE_HAS_PRIVATE_KEY = 1 << 0,
	WEFT_DEVICE_HAS_PUBLIC_KEY = 1 << 1,
	WEFT_DEVICE_HAS_LISTEN_PORT = 1 << 2,
	WEFT_DEVICE_HAS_FWMARK = 1 << 3,
	WEFT_DEVICE_REPLACE_PEERS = 1 << 4,
	WEFT_DEVICE_HAS_LISTEN_ADDRESS = 1 << 20,
	WEFT_DEVICE_HAS_BIND_DEVICE = 1 << 21,
	WEFT_DEVICE_HAS_PMTU = 1 << 5,
	WEFT_DEVICE_HAS_DSCP = 1 << 6,
	WEFT_DEVICE_HAS_PREVIOUS_PUBLIC_KEY = 1 << 28,
};

/**
 * struct weft_device - a tunnel interface
 * @name: its name
 * @kind: its link kind
 * @has: weft_device_has bits
 * @private_key: all zero to remove it
 * @public_key: the public half of @private_key, as the kernel reports it
 * @previous_public_key: the public key before a rotation that is not finished
 * @grace: seconds that the rotation gives it, 0: until the rotation is finished
 * @grace_left: seconds that are left of it
 * @listen_port: UDP port, 0 to have the kernel choose one
 * @fwmark: mark on outgoing packets, 0 for off
 * @fwmark_line: its line in a configuration file
 * @listen4: the sockets' addresses; all zeros for any, or for no socket of
 * @listen6: a family where only the other has an address
 * @bind_device: the interface that the sockets are bound to; empty for none
 * @pmtu: 1 to keep outer packets from being fragmented
 * @dscp: of outer packets, 0 to 63, or one of enum weft_dscp
 * @known: WEFT_ATTR_BIT() of the other attributes that the kernel reported
 * @event_sequence: of the newest event
 * @drops: dropped packets, by WEFT_DROPS_A_*
 * @own_word: the first word of a command line that only weft's links know, or
 *            NULL: for a link of another kind the word is an error, not ignored
 * @line: the line where its section begins, 0 for none
 * @keeps_others: in a complete configuration: peers that are missing from it stay,
 *                and those to be removed are in it, last, with WEFT_PEER_REMOVE
 * @peers: first of the list
 * @last_peer: where the next one is appended
 */
struct weft_device {
	char name[IFNAMSIZ];
	enum weft_kind kind;
	unsigned int has;
	struct weft_key private_key;
	struct weft_key public_key;
	struct weft_key previous_public_key;
	__u32 grace;
	__u32 grace_left;
	__u16 listen_port;
	__u32 fwmark;
	unsigned int fwmark_line;
	struct in_addr listen4;
	struct in6_addr listen6;
	char bind_device[IFNAMSIZ];
	__u8 pmtu;
	__u8 dscp;
	__u64 known;
	__u64 event_sequence;
	__u64 drops[WEFT_DROPS_A_MAX + 1];
	const char *own_word;
	unsigned int line;
	bool keeps_others;
	struct weft_peer *peers;
	struct weft_peer *last_peer;
};

/* The default time for which a replaced key stays valid: a day. */
#define WEFT_GRACE_SECONDS	86400

/**
 * struct weft_rotation - one step in the rotation of a device's own key
 * @action: WEFT_ROTATE_ACTION_*
 * @private_key: the new key, for the beginning of a rotation
 * @grace: seconds for which the old key is valid, 0: until the rotation is finished
 */
struct weft_rotation {
	__u32 action;
	struct weft_key private_key;
	__u32 grace;
};

/* One interface in a list of them. */
struct weft_link {
	struct weft_link *next;
	char name[IFNAMSIZ];
	enum weft_kind kind;
};

const char *weft_model_kind_name(enum weft_kind kind);
enum weft_kind weft_model_kind_of(const char *name);

/* Whether the kernel takes this name for an interface. */
bool weft_model_name_is_valid(const char *name);

/* These return NULL: no memory. The owner frees what they add. */
struct weft_device *weft_model_device_new(const char *name);
struct weft_peer *weft_model_peer_add(struct weft_device *dev);
struct weft_allowedip *weft_model_allowedip_add(struct weft_peer *peer);
struct weft_link *weft_model_link_add(struct weft_link **list,
				      const char *name, enum weft_kind kind);

/* Secrets are wiped first. NULL is ignored. */
void weft_model_device_free(struct weft_device *dev);
void weft_model_peers_prune(struct weft_device *dev);
void weft_model_allowedips_prune(struct weft_peer *peer);
/* Appends the prefixes of @from to those of @to. */
void weft_model_allowedips_move(struct weft_peer *to, struct weft_peer *from);
/* Leaves only settings that WireGuard has, too: a device as wg(8) would show it. */
void weft_model_device_plain(struct weft_device *dev);
void weft_model_links_free(struct weft_link *list);

/* NULL: no such peer. */
struct weft_peer *weft_model_peer_find(const struct weft_device *dev,
				       const struct weft_key *public_key);
/* The same by a user's word: a public key, or a peer's name. */
struct weft_peer *weft_model_peer_find_word(const struct weft_device *dev,
					    const char *word);

size_t weft_model_peer_count(const struct weft_device *dev);

/* The peers of a device sorted by their keys, for many lookups. */
struct weft_peer_index {
	const struct weft_peer **peers;
	size_t count;
};

/* False: no memory. The device must not change while the index is in use. */
bool weft_model_index(const struct weft_device *dev,
		      struct weft_peer_index *index);
const struct weft_peer *
weft_model_index_find(const struct weft_peer_index *index,
		      const struct weft_key *public_key);
void weft_model_index_free(struct weft_peer_index *index);

/* Clears the host bits, as the kernel does. */
void weft_model_allowedip_mask(struct weft_allowedip *ip);
/* Total order by family, address, length. */
int weft_model_allowedip_compare(const struct weft_allowedip *a,
				 const struct weft_allowedip *b);
/* Skips duplicates, and more than WEFT_CANDIDATES_MAX. False: no memory. */
bool weft_model_candidate_add(struct weft_peer *peer,
			      const union weft_endpoint *endpoint);
/*
 * While a name of @want has no address, the candidates of @have are kept: they
 * include the addresses of that name. False: no memory.
 */
bool weft_model_candidates_keep(struct weft_peer *want,
				const struct weft_peer *have);
void weft_model_candidates_clear(struct weft_peer *peer);
bool weft_model_candidate_find(const struct weft_peer *peer,
			       const union weft_endpoint *endpoint);
/* In any order. */
bool weft_model_candidates_equal(const struct weft_peer *a,
				 const struct weft_peer *b);
bool weft_model_has_listen_address(const struct weft_device *dev);
bool weft_model_endpoint_equal(const union weft_endpoint *a,
			       const union weft_endpoint *b);

#endif /* _WEFT_TOOLS_MODEL_H */
