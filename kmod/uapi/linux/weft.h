/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/weft.yaml */
/* YNL-GEN uapi header */

#ifndef _UAPI_LINUX_WEFT_H
#define _UAPI_LINUX_WEFT_H

#define WEFT_GENL_NAME		"weft"
#define WEFT_GENL_VERSION	1

/**
 * enum weft_device_flag
 * @WEFT_DEVICE_F_REPLACE_PEERS: The device's present peers are removed first.
 */
enum weft_device_flag {
	WEFT_DEVICE_F_REPLACE_PEERS = 1,
};

/**
 * enum weft_peer_flag
 * @WEFT_PEER_F_REMOVE_ME: The peer is removed.
 * @WEFT_PEER_F_REPLACE_ALLOWEDIPS: The peer's present allowed IPs are removed
 *   first.
 * @WEFT_PEER_F_UPDATE_ONLY: The peer is changed if it exists, and not created
 *   otherwise.
 */
enum weft_peer_flag {
	WEFT_PEER_F_REMOVE_ME = 1,
	WEFT_PEER_F_REPLACE_ALLOWEDIPS = 2,
	WEFT_PEER_F_UPDATE_ONLY = 4,
};

/**
 * enum weft_allowedip_flag
 * @WEFT_ALLOWEDIP_F_REMOVE_ME: The allowed IP is removed from the peer, if the
 *   peer has it.
 */
enum weft_allowedip_flag {
	WEFT_ALLOWEDIP_F_REMOVE_ME = 1,
};

/**
 * enum weft_rotate_action
 * @WEFT_ROTATE_ACTION_BEGIN: The private key of the message becomes the
 *   current one, and the current one the previous one.
 * @WEFT_ROTATE_ACTION_FINISH: The previous key is wiped.
 * @WEFT_ROTATE_ACTION_UNDO: The previous key becomes the current one again,
 *   and the other is wiped.
 */
enum weft_rotate_action {
	WEFT_ROTATE_ACTION_BEGIN,
	WEFT_ROTATE_ACTION_FINISH,
	WEFT_ROTATE_ACTION_UNDO,
};

/**
 * enum weft_identity_used
 * @WEFT_IDENTITY_NONE: No session has existed yet.
 * @WEFT_IDENTITY_CURRENT: The device's current key.
 * @WEFT_IDENTITY_PREVIOUS: The key that it had before the last rotation.
 */
enum weft_identity_used {
	WEFT_IDENTITY_NONE,
	WEFT_IDENTITY_CURRENT,
	WEFT_IDENTITY_PREVIOUS,
};

/**
 * enum weft_peer_state
 * @WEFT_PEER_STATE_IDLE: No session exists, and no handshake is under way.
 * @WEFT_PEER_STATE_HANDSHAKING: No session exists, and initiations are being
 *   sent.
 * @WEFT_PEER_STATE_UP: A session exists.
 * @WEFT_PEER_STATE_SILENT: A session exists, but packets sent under it have
 *   not been answered, and initiations are being sent.
 * @WEFT_PEER_STATE_GIVEN_UP: Initiations went unanswered until the last try.
 */
enum weft_peer_state {
	WEFT_PEER_STATE_IDLE,
	WEFT_PEER_STATE_HANDSHAKING,
	WEFT_PEER_STATE_UP,
	WEFT_PEER_STATE_SILENT,
	WEFT_PEER_STATE_GIVEN_UP,
};

/**
 * enum weft_dscp
 * @WEFT_DSCP_INHERIT: Data takes over the DSCP of the inner packet.
 * @WEFT_DSCP_OFF: Data has DSCP 0, handshakes have AF41.
 */
enum weft_dscp {
	WEFT_DSCP_INHERIT = 64,
	WEFT_DSCP_OFF,
};

/**
 * enum weft_event_type
 * @WEFT_EVENT_DEVICE_ADDED: The interface has been created.
 * @WEFT_EVENT_DEVICE_CHANGED: A setting of the device has been set.
 * @WEFT_EVENT_DEVICE_REMOVED: The interface has been removed, and its peers
 *   with it. The last event of a device.
 * @WEFT_EVENT_PEER_ADDED: A peer has been added.
 * @WEFT_EVENT_PEER_CHANGED: A setting or the allowed IPs of a peer have been
 *   set.
 * @WEFT_EVENT_PEER_REMOVED: A peer has been removed; the cause says why.
 * @WEFT_EVENT_SESSION_UP: A peer without a session has one now.
 * @WEFT_EVENT_SESSION_RENEWED: A session has replaced a peer's former one.
 * @WEFT_EVENT_SESSION_GIVEN_UP: A series of handshakes with a peer has failed;
 *   the cause says why.
 * @WEFT_EVENT_ENDPOINT_CHANGED: A peer's endpoint has changed.
 * @WEFT_EVENT_IDENTITY_ROTATED: The device's key was replaced, or the previous
 *   one was restored; the cause says which.
 * @WEFT_EVENT_GRACE_ENDED: A previous key was wiped; the device's, or that of
 *   the named peer.
 * @WEFT_EVENT_PEER_KEY_CHANGED: A peer's next key has become its key with its
 *   first handshake; the former one is the previous key.
 */
enum weft_event_type {
	WEFT_EVENT_DEVICE_ADDED = 1,
	WEFT_EVENT_DEVICE_CHANGED,
	WEFT_EVENT_DEVICE_REMOVED,
	WEFT_EVENT_PEER_ADDED,
	WEFT_EVENT_PEER_CHANGED,
	WEFT_EVENT_PEER_REMOVED,
	WEFT_EVENT_SESSION_UP,
	WEFT_EVENT_SESSION_RENEWED,
	WEFT_EVENT_SESSION_GIVEN_UP,
	WEFT_EVENT_ENDPOINT_CHANGED,
	WEFT_EVENT_IDENTITY_ROTATED,
	WEFT_EVENT_GRACE_ENDED,
	WEFT_EVENT_PEER_KEY_CHANGED,
};

/**
 * enum weft_event_cause
 * @WEFT_CAUSE_NONE: The event has no cause.
 * @WEFT_CAUSE_ADMINISTRATION: A netlink message, or a change of the link.
 * @WEFT_CAUSE_PACKET: An authenticated packet.
 * @WEFT_CAUSE_UNANSWERED: No answer arrived.
 * @WEFT_CAUSE_REFUSED: Answers arrived, and none was valid.
 * @WEFT_CAUSE_NO_ENDPOINT: The peer's endpoint is unknown.
 * @WEFT_CAUSE_NO_KEY: The device has no private key.
 * @WEFT_CAUSE_OWN_KEY: The peer's key is the device's own.
 * @WEFT_CAUSE_DEVICE_REMOVED: The interface was removed.
 * @WEFT_CAUSE_TIME: A grace period has ended.
 * @WEFT_CAUSE_FINISH: A rotation was finished.
 * @WEFT_CAUSE_UNDO: A rotation was undone.
 */
enum weft_event_cause {
	WEFT_CAUSE_NONE,
	WEFT_CAUSE_ADMINISTRATION,
	WEFT_CAUSE_PACKET,
	WEFT_CAUSE_UNANSWERED,
	WEFT_CAUSE_REFUSED,
	WEFT_CAUSE_NO_ENDPOINT,
	WEFT_CAUSE_NO_KEY,
	WEFT_CAUSE_OWN_KEY,
	WEFT_CAUSE_DEVICE_REMOVED,
	WEFT_CAUSE_TIME,
	WEFT_CAUSE_FINISH,
	WEFT_CAUSE_UNDO,
};

enum {
	WEFT_DEVICE_A_UNSPEC,
	WEFT_DEVICE_A_IFINDEX,
	WEFT_DEVICE_A_IFNAME,
	WEFT_DEVICE_A_PRIVATE_KEY,
	WEFT_DEVICE_A_PUBLIC_KEY,
	WEFT_DEVICE_A_FLAGS,
	WEFT_DEVICE_A_LISTEN_PORT,
	WEFT_DEVICE_A_FWMARK,
	WEFT_DEVICE_A_PEERS,
	WEFT_DEVICE_A_PREVIOUS_PUBLIC_KEY = 64,
	WEFT_DEVICE_A_GRACE,
	WEFT_DEVICE_A_GRACE_LEFT,
	WEFT_DEVICE_A_ROTATE_ACTION,
	WEFT_DEVICE_A_LISTEN_ADDRESS4,
	WEFT_DEVICE_A_LISTEN_ADDRESS6,
	WEFT_DEVICE_A_BIND_IFINDEX,
	WEFT_DEVICE_A_PMTU,
	WEFT_DEVICE_A_DSCP,
	WEFT_DEVICE_A_DROPS,
	WEFT_DEVICE_A_EVENT_SEQUENCE,
	WEFT_DEVICE_A_BIND_IFNAME,

	__WEFT_DEVICE_A_MAX
};
#define WEFT_DEVICE_A_MAX (__WEFT_DEVICE_A_MAX - 1)

enum {
	WEFT_PEER_A_UNSPEC,
	WEFT_PEER_A_PUBLIC_KEY,
	WEFT_PEER_A_PRESHARED_KEY,
	WEFT_PEER_A_FLAGS,
	WEFT_PEER_A_ENDPOINT,
	WEFT_PEER_A_PERSISTENT_KEEPALIVE_INTERVAL,
	WEFT_PEER_A_LAST_HANDSHAKE_TIME,
	WEFT_PEER_A_RX_BYTES,
	WEFT_PEER_A_TX_BYTES,
	WEFT_PEER_A_ALLOWEDIPS,
	WEFT_PEER_A_PROTOCOL_VERSION,
	WEFT_PEER_A_NAME = 64,
	WEFT_PEER_A_NEXT_PUBLIC_KEY,
	WEFT_PEER_A_PREVIOUS_PUBLIC_KEY,
	WEFT_PEER_A_NEXT_PRESHARED_KEY,
	WEFT_PEER_A_PREVIOUS_PRESHARED_KEY,
	WEFT_PEER_A_GRACE,
	WEFT_PEER_A_GRACE_LEFT,
	WEFT_PEER_A_IDENTITY,
	WEFT_PEER_A_STATE,
	WEFT_PEER_A_STATE_AGE,
	WEFT_PEER_A_RX_AGE,
	WEFT_PEER_A_TX_AGE,
	WEFT_PEER_A_HANDSHAKE_RTT,
	WEFT_PEER_A_CANDIDATES,
	WEFT_PEER_A_ROAM,
	WEFT_PEER_A_PATH_MTU,
	WEFT_PEER_A_DROPS,
	WEFT_PEER_A_RX_PACKETS,
	WEFT_PEER_A_TX_PACKETS,
	WEFT_PEER_A_HANDSHAKES_SENT,
	WEFT_PEER_A_HANDSHAKES_RECEIVED,
	WEFT_PEER_A_HANDSHAKES_COMPLETED,
	WEFT_PEER_A_CONNECT,
	WEFT_PEER_A_FORGET_TIMESTAMP,
	WEFT_PEER_A_EXCLUSIVE,
	WEFT_PEER_A_PRESHARED_GRACE_LEFT,

	__WEFT_PEER_A_MAX
};
#define WEFT_PEER_A_MAX (__WEFT_PEER_A_MAX - 1)

enum {
	WEFT_ALLOWEDIP_A_UNSPEC,
	WEFT_ALLOWEDIP_A_FAMILY,
	WEFT_ALLOWEDIP_A_IPADDR,
	WEFT_ALLOWEDIP_A_CIDR_MASK,
	WEFT_ALLOWEDIP_A_FLAGS,

	__WEFT_ALLOWEDIP_A_MAX
};
#define WEFT_ALLOWEDIP_A_MAX (__WEFT_ALLOWEDIP_A_MAX - 1)

enum {
	WEFT_CANDIDATE_A_UNSPEC,
	WEFT_CANDIDATE_A_ENDPOINT,

	__WEFT_CANDIDATE_A_MAX
};
#define WEFT_CANDIDATE_A_MAX (__WEFT_CANDIDATE_A_MAX - 1)

enum {
	WEFT_DROPS_A_UNSPEC,
	WEFT_DROPS_A_MALFORMED,
	WEFT_DROPS_A_MAC,
	WEFT_DROPS_A_RATE_LIMIT,
	WEFT_DROPS_A_HANDSHAKE,
	WEFT_DROPS_A_UNKNOWN_PEER,
	WEFT_DROPS_A_TIMESTAMP,
	WEFT_DROPS_A_FLOOD,
	WEFT_DROPS_A_NO_SESSION,
	WEFT_DROPS_A_AUTH,
	WEFT_DROPS_A_REPLAY,
	WEFT_DROPS_A_SOURCE,
	WEFT_DROPS_A_ECN,
	WEFT_DROPS_A_NOT_IP_IN,
	WEFT_DROPS_A_NO_KEY,
	WEFT_DROPS_A_QUEUE_IN,
	WEFT_DROPS_A_NO_MEMORY_IN,
	WEFT_DROPS_A_STACK,
	WEFT_DROPS_A_PRESHARED,
	WEFT_DROPS_A_NOT_IP,
	WEFT_DROPS_A_DESTINATION,
	WEFT_DROPS_A_NO_ENDPOINT,
	WEFT_DROPS_A_QUEUE,
	WEFT_DROPS_A_GIVEN_UP,
	WEFT_DROPS_A_LOOP,
	WEFT_DROPS_A_NO_MEMORY,
	WEFT_DROPS_A_SEND,
	WEFT_DROPS_A_TOO_BIG,

	__WEFT_DROPS_A_MAX
};
#define WEFT_DROPS_A_MAX (__WEFT_DROPS_A_MAX - 1)

enum {
	WEFT_EVENT_A_UNSPEC,
	WEFT_EVENT_A_TYPE,
	WEFT_EVENT_A_SEQUENCE,
	WEFT_EVENT_A_TIME,
	WEFT_EVENT_A_IFINDEX,
	WEFT_EVENT_A_IFNAME,
	WEFT_EVENT_A_CAUSE,
	WEFT_EVENT_A_PUBLIC_KEY,
	WEFT_EVENT_A_OLD_PUBLIC_KEY,
	WEFT_EVENT_A_PEER_NAME,
	WEFT_EVENT_A_ENDPOINT,
	WEFT_EVENT_A_HANDSHAKE_RTT,

	__WEFT_EVENT_A_MAX
};
#define WEFT_EVENT_A_MAX (__WEFT_EVENT_A_MAX - 1)

enum {
	WEFT_CMD_GET_DEVICE,
	WEFT_CMD_SET_DEVICE,
	WEFT_CMD_ROTATE = 16,
	WEFT_CMD_EVENT,

	__WEFT_CMD_MAX
};
#define WEFT_CMD_MAX (__WEFT_CMD_MAX - 1)

#define WEFT_MCGRP_EVENTS	"events"

#endif /* _UAPI_LINUX_WEFT_H */
