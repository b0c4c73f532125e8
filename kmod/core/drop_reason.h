/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The reasons why packets are dropped.
 */
#ifndef WEFT_DROP_REASON_H
#define WEFT_DROP_REASON_H

#include <uapi/linux/weft.h>

/*
 * One row a reason: WEFT_DROPS_A_* of the uapi header, which describes it; its counter's name for
 * ethtool; the counter of the interface's own statistics that it adds to; the nearest of the core's
 * reasons, where there is one that does not mislead; its name in traces. First those for received
 * packets.
 *
 * For the core, a packet staged for a session is one that waits for a neighbour.
 */
#define WEFT_DROP_TABLE(X)								\
	X(MALFORMED, "rx_drop_malformed", RX_ERRORS, HDR_TRUNC, "malformed")		\
	X(MAC, "rx_drop_mac", RX_ERRORS, NOT_SPECIFIED, "mac")				\
	X(RATE_LIMIT, "rx_drop_rate_limit", RX_DROPPED, NOT_SPECIFIED, "rate-limit")	\
	X(HANDSHAKE, "rx_drop_handshake", RX_ERRORS, NOT_SPECIFIED, "handshake")	\
	X(UNKNOWN_PEER, "rx_drop_unknown_peer", RX_ERRORS, NO_SOCKET, "unknown-peer")	\
	X(TIMESTAMP, "rx_drop_timestamp", RX_ERRORS, NOT_SPECIFIED, "timestamp")	\
	X(FLOOD, "rx_drop_flood", RX_DROPPED, NOT_SPECIFIED, "flood")			\
	X(NO_SESSION, "rx_drop_no_session", RX_ERRORS, NO_SOCKET, "no-session")		\
	X(AUTH, "rx_drop_auth", RX_ERRORS, NOT_SPECIFIED, "auth")			\
	X(REPLAY, "rx_drop_replay", RX_ERRORS, NOT_SPECIFIED, "replay")			\
	X(SOURCE, "rx_drop_source", RX_ERRORS, IP_RPFILTER, "source")			\
	X(ECN, "rx_drop_ecn", RX_ERRORS, IP_TUNNEL_ECN, "ecn")				\
	X(NOT_IP_IN, "rx_drop_not_ip", RX_ERRORS, UNHANDLED_PROTO, "not-ip-in")		\
	X(NO_KEY, "rx_drop_no_key", RX_ERRORS, DEV_READY, "no-key")			\
	X(QUEUE_IN, "rx_drop_queue", RX_DROPPED, FULL_RING, "queue-in")			\
	X(NO_MEMORY_IN, "rx_drop_no_memory", RX_DROPPED, NOMEM, "no-memory-in")		\
	X(STACK, "rx_drop_stack", RX_DROPPED, CPU_BACKLOG, "stack")			\
	X(PRESHARED, "rx_drop_preshared", RX_ERRORS, NOT_SPECIFIED, "preshared")	\
	X(NOT_IP, "tx_drop_not_ip", TX_ERRORS, UNHANDLED_PROTO, "not-ip")		\
	X(DESTINATION, "tx_drop_destination", TX_ERRORS, IP_OUTNOROUTES, "destination")	\
	X(NO_ENDPOINT, "tx_drop_no_endpoint", TX_ERRORS, IP_OUTNOROUTES, "no-endpoint")	\
	X(QUEUE, "tx_drop_queue", TX_DROPPED, NEIGH_QUEUEFULL, "queue")			\
	X(GIVEN_UP, "tx_drop_given_up", TX_DROPPED, NEIGH_FAILED, "given-up")		\
	X(LOOP, "tx_drop_loop", TX_ERRORS, NOT_SPECIFIED, "loop")			\
	X(NO_MEMORY, "tx_drop_no_memory", TX_DROPPED, NOMEM, "no-memory")		\
	X(SEND, "tx_drop_send", TX_ERRORS, IP_OUTNOROUTES, "send")			\
	X(TOO_BIG, "tx_drop_too_big", TX_ERRORS, PKT_TOO_BIG, "too-big")

#define WEFT_DROP_ONE(...)		+ 1
#define WEFT_DROP_ENUM(reason, ...)	WEFT_DROP_##reason = WEFT_DROPS_A_##reason,

enum weft_drop {
	WEFT_DROP_NONE,			/* not dropped */
	WEFT_DROP_TABLE(WEFT_DROP_ENUM)
	WEFT_DROP_REASONS
};

#endif /* WEFT_DROP_REASON_H */
