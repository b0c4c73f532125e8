// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "base/array.h"
#include "model/attr.h"
#include "model/model.h"

static const char * const attr_switch[] = { "off", "on" };

static const char * const attr_dscp[] = {
	[WEFT_DSCP_INHERIT] = "inherit", [WEFT_DSCP_OFF] = "off",
};

/* Indexed by WEFT_IDENTITY_*. */
static const char * const attr_identities[] = { "none", "current", "previous" };

const struct weft_attr weft_device_attrs[] = {
	{
		"pmtu", WEFT_DEVICE_A_PMTU,
		offsetof(struct weft_device, pmtu),
		sizeof(((struct weft_device *)0)->pmtu),
		attr_switch, ARRAY_SIZE(attr_switch),
	}, {
		"dscp", WEFT_DEVICE_A_DSCP,
		offsetof(struct weft_device, dscp),
		sizeof(((struct weft_device *)0)->dscp),
		attr_dscp, ARRAY_SIZE(attr_dscp),
	}, {
		"grace", WEFT_DEVICE_A_GRACE,
		offsetof(struct weft_device, grace),
		sizeof(((struct weft_device *)0)->grace),
	}, {
		"grace-left", WEFT_DEVICE_A_GRACE_LEFT,
		offsetof(struct weft_device, grace_left),
		sizeof(((struct weft_device *)0)->grace_left),
	}, {
		"event-sequence", WEFT_DEVICE_A_EVENT_SEQUENCE,
		offsetof(struct weft_device, event_sequence),
		sizeof(((struct weft_device *)0)->event_sequence),
	},
	{ }
};

static const char * const peer_states[] = {
	[WEFT_PEER_STATE_IDLE] = "idle",
	[WEFT_PEER_STATE_HANDSHAKING] = "handshaking",
	[WEFT_PEER_STATE_UP] = "up",
	[WEFT_PEER_STATE_SILENT] = "silent",
	[WEFT_PEER_STATE_GIVEN_UP] = "given-up",
};

const char *weft_peer_state_name(__u32 state)
{
	return state < ARRAY_SIZE(peer_states) ? peer_states[state] : NULL;
}

const struct weft_attr weft_peer_attrs[] = {
	{
		"grace", WEFT_PEER_A_GRACE,
		offsetof(struct weft_peer, grace),
		sizeof(((struct weft_peer *)0)->grace),
	}, {
		"grace-left", WEFT_PEER_A_GRACE_LEFT,
		offsetof(struct weft_peer, grace_left),
		sizeof(((struct weft_peer *)0)->grace_left),
	}, {
		"preshared-grace-left", WEFT_PEER_A_PRESHARED_GRACE_LEFT,
		offsetof(struct weft_peer, preshared_grace_left),
		sizeof(((struct weft_peer *)0)->preshared_grace_left),
	}, {
		"identity", WEFT_PEER_A_IDENTITY,
		offsetof(struct weft_peer, identity),
		sizeof(((struct weft_peer *)0)->identity),
		attr_identities, ARRAY_SIZE(attr_identities),
	}, {
		"state", WEFT_PEER_A_STATE,
		offsetof(struct weft_peer, state),
		sizeof(((struct weft_peer *)0)->state),
		peer_states, ARRAY_SIZE(peer_states),
	}, {
		"state-age-ms", WEFT_PEER_A_STATE_AGE,
		offsetof(struct weft_peer, state_age_ms),
		sizeof(((struct weft_peer *)0)->state_age_ms),
	}, {
		"rx-age-ms", WEFT_PEER_A_RX_AGE,
		offsetof(struct weft_peer, rx_age_ms),
		sizeof(((struct weft_peer *)0)->rx_age_ms),
	}, {
		"tx-age-ms", WEFT_PEER_A_TX_AGE,
		offsetof(struct weft_peer, tx_age_ms),
		sizeof(((struct weft_peer *)0)->tx_age_ms),
	}, {
		"handshake-rtt-us", WEFT_PEER_A_HANDSHAKE_RTT,
		offsetof(struct weft_peer, handshake_rtt_us),
		sizeof(((struct weft_peer *)0)->handshake_rtt_us),
	}, {
		"rx-packets", WEFT_PEER_A_RX_PACKETS,
		offsetof(struct weft_peer, rx_packets),
		sizeof(((struct weft_peer *)0)->rx_packets),
	}, {
		"tx-packets", WEFT_PEER_A_TX_PACKETS,
		offsetof(struct weft_peer, tx_packets),
		sizeof(((struct weft_peer *)0)->tx_packets),
	}, {
		"handshakes-sent", WEFT_PEER_A_HANDSHAKES_SENT,
		offsetof(struct weft_peer, handshakes_sent),
		sizeof(((struct weft_peer *)0)->handshakes_sent),
	}, {
		"handshakes-received", WEFT_PEER_A_HANDSHAKES_RECEIVED,
		offsetof(struct weft_peer, handshakes_received),
		sizeof(((struct weft_peer *)0)->handshakes_received),
	}, {
		"handshakes-completed", WEFT_PEER_A_HANDSHAKES_COMPLETED,
		offsetof(struct weft_peer, handshakes_completed),
		sizeof(((struct weft_peer *)0)->handshakes_completed),
	}, {
		"path-mtu", WEFT_PEER_A_PATH_MTU,
		offsetof(struct weft_peer, path_mtu),
		sizeof(((struct weft_peer *)0)->path_mtu),
	},
	{ }
};

__u64 weft_attr_get(const struct weft_attr *attr, const void *owner)
{
	const char *field = (const char *)owner + attr->offset;

	switch (attr->size) {
	case sizeof(__u8):
		return *(const __u8 *)field;
	case sizeof(__u16):
		return *(const __u16 *)field;
	case sizeof(__u32):
		return *(const __u32 *)field;
	default:
		return *(const __u64 *)field;
	}
}

const char *weft_attr_word(const struct weft_attr *attr, const void *owner)
{
	__u64 number = weft_attr_get(attr, owner);

	return number < attr->word_count ? attr->words[number] : NULL;
}

bool weft_attr_is_switch(const struct weft_attr *attr)
{
	return attr->words == attr_switch;
}

void weft_attr_take(const struct weft_attr *attr, void *owner,
		    const void *data)
{
	memcpy((char *)owner + attr->offset, data, attr->size);
}

const struct weft_drop_name weft_drop_names[WEFT_DROPS_A_MAX + 1] = {
	[WEFT_DROPS_A_MALFORMED] = { "malformed", false },
	[WEFT_DROPS_A_MAC] = { "mac", false },
	[WEFT_DROPS_A_RATE_LIMIT] = { "rate-limit", false },
	[WEFT_DROPS_A_HANDSHAKE] = { "handshake", false },
	[WEFT_DROPS_A_UNKNOWN_PEER] = { "unknown-peer", false },
	[WEFT_DROPS_A_TIMESTAMP] = { "timestamp", false },
	[WEFT_DROPS_A_FLOOD] = { "flood", false },
	[WEFT_DROPS_A_NO_SESSION] = { "no-session", false },
	[WEFT_DROPS_A_AUTH] = { "auth", false },
	[WEFT_DROPS_A_REPLAY] = { "replay", false },
	[WEFT_DROPS_A_SOURCE] = { "source", false },
	[WEFT_DROPS_A_ECN] = { "ecn", false },
	[WEFT_DROPS_A_NOT_IP_IN] = { "not-ip-in", false },
	[WEFT_DROPS_A_NO_KEY] = { "no-key", false },
	[WEFT_DROPS_A_QUEUE_IN] = { "queue-in", false },
	[WEFT_DROPS_A_NO_MEMORY_IN] = { "no-memory-in", false },
	[WEFT_DROPS_A_STACK] = { "stack", false },
	[WEFT_DROPS_A_PRESHARED] = { "preshared", false },
	[WEFT_DROPS_A_NOT_IP] = { "not-ip", true },
	[WEFT_DROPS_A_DESTINATION] = { "destination", true },
	[WEFT_DROPS_A_NO_ENDPOINT] = { "no-endpoint", true },
	[WEFT_DROPS_A_QUEUE] = { "queue", true },
	[WEFT_DROPS_A_GIVEN_UP] = { "given-up", true },
	[WEFT_DROPS_A_LOOP] = { "loop", true },
	[WEFT_DROPS_A_NO_MEMORY] = { "no-memory", true },
	[WEFT_DROPS_A_SEND] = { "send", true },
	[WEFT_DROPS_A_TOO_BIG] = { "too-big", true },
};
