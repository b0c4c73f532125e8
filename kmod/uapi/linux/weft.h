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
 * @WEFT_DEVICE_F_REPLACE_PEERS: Remove every peer first that is there already.
 */
enum weft_device_flag {
	WEFT_DEVICE_F_REPLACE_PEERS = 1,
};

/**
 * enum weft_peer_flag
 * @WEFT_PEER_F_REMOVE_ME: Remove this peer.
 * @WEFT_PEER_F_REPLACE_ALLOWEDIPS: Remove every allowed IP of this peer first.
 * @WEFT_PEER_F_UPDATE_ONLY: Change the peer if it is there, and do not create
 *   it otherwise.
 */
enum weft_peer_flag {
	WEFT_PEER_F_REMOVE_ME = 1,
	WEFT_PEER_F_REPLACE_ALLOWEDIPS = 2,
	WEFT_PEER_F_UPDATE_ONLY = 4,
};

/**
 * enum weft_allowedip_flag
 * @WEFT_ALLOWEDIP_F_REMOVE_ME: Take this allowed IP away from the peer, if the
 *   peer has it.
 */
enum weft_allowedip_flag {
	WEFT_ALLOWEDIP_F_REMOVE_ME = 1,
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
	WEFT_CMD_GET_DEVICE,
	WEFT_CMD_SET_DEVICE,

	__WEFT_CMD_MAX
};
#define WEFT_CMD_MAX (__WEFT_CMD_MAX - 1)

#endif /* _UAPI_LINUX_WEFT_H */
