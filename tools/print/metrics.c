// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>

#include "base/array.h"
#include "model/attr.h"
#include "model/model.h"
#include "print/metrics.h"
#include "print/metrics_sums.h"
#include "print/sample.h"

/**
 * struct metrics_set - the devices to print
 * @out: the output
 * @devs: the devices
 * @count: their number
 * @peers: the series for each peer
 */
struct metrics_set {
	FILE *out;
	struct weft_device *const *devs;
	size_t count;
	enum weft_metrics_peers peers;
};

static void metrics_begin_device(FILE *out, const char *name,
				 const struct weft_device *dev)
{
	weft_sample_begin(out, name, "interface", dev->name);
}

/* A name in each series would be repeated some twenty times for each peer. */
static void metrics_begin_peer(const struct metrics_set *set, const char *name,
			       const struct weft_device *dev,
			       const struct weft_peer *peer)
{
	metrics_begin_device(set->out, name, dev);
	weft_sample_label(set->out, "public_key", weft_key_encode(&peer->public_key).chars);
	if (set->peers == WEFT_METRICS_PEERS_ON)
		weft_sample_label(set->out, "name", peer->name ?: "");
}

static const struct weft_attr *metrics_find(const struct weft_attr *attrs,
					    int attribute)
{
	for (; attrs->name; attrs++)
		if (attrs->attribute == attribute)
			return attrs;
	return NULL;
}

/**
 * struct metrics_number - a metric from an attribute
 * @name: the metric's name
 * @type: counter or gauge
 * @help: its help text
 * @attribute: its number in the message
 * @per_unit: the number of the attribute's units in one unit of the metric
 */
struct metrics_number {
	const char *name;
	const char *type;
	const char *help;
	int attribute;
	unsigned int per_unit;
};

static const struct metrics_number device_numbers[] = {
	{
		"weft_events_total", "counter",
		"Events of the interface, including those that the rate limit suppressed.",
		WEFT_DEVICE_A_EVENT_SEQUENCE, 1,
	}, {
		"weft_grace_left_seconds", "gauge",
		"Time until the previous private key of the interface is dropped.",
		WEFT_DEVICE_A_GRACE_LEFT, 1,
	},
};

static const struct metrics_number peer_numbers[] = {
	{
		"weft_peer_receive_packets_total", "counter",
		"Authenticated messages received from the peer.",
		WEFT_PEER_A_RX_PACKETS, 1,
	}, {
		"weft_peer_transmit_packets_total", "counter",
		"Messages sent to the peer.",
		WEFT_PEER_A_TX_PACKETS, 1,
	}, {
		"weft_peer_handshakes_sent_total", "counter",
		"Handshake initiations sent to the peer.",
		WEFT_PEER_A_HANDSHAKES_SENT, 1,
	}, {
		"weft_peer_handshakes_received_total", "counter",
		"Valid handshake initiations received from the peer.",
		WEFT_PEER_A_HANDSHAKES_RECEIVED, 1,
	}, {
		"weft_peer_handshakes_completed_total", "counter",
		"Sessions established with the peer, initiated by either end.",
		WEFT_PEER_A_HANDSHAKES_COMPLETED, 1,
	}, {
		"weft_peer_handshake_rtt_seconds", "gauge",
		"Round trip time of the last handshake that the peer answered.",
		WEFT_PEER_A_HANDSHAKE_RTT, 1000000,
	}, {
		"weft_peer_path_mtu_bytes", "gauge",
		"The largest inner packet that reaches the peer unfragmented.",
		WEFT_PEER_A_PATH_MTU, 1,
	}, {
		"weft_peer_grace_left_seconds", "gauge",
		"Time until the peer's previous public key is dropped.",
		WEFT_PEER_A_GRACE_LEFT, 1,
	}, {
		"weft_peer_preshared_grace_left_seconds", "gauge",
		"Time until the peer's previous preshared key is dropped.",
		WEFT_PEER_A_PRESHARED_GRACE_LEFT, 1,
	},
};

/* Decimals only where the units differ: the digits of the remainder. */
static void metrics_end_scaled(FILE *out, __u64 number, unsigned int per_unit)
{
	int digits = 0;
	unsigned int i;

	for (i = per_unit; i > 1; i /= 10)
		digits++;
	if (digits)
		fprintf(out, "} %llu.%0*llu\n", number / per_unit, digits,
			number % per_unit);
	else
		weft_sample_end(out, number);
}

static void metrics_device_number(const struct metrics_set *set,
				  const struct metrics_number *number)
{
	const struct weft_attr *attr = metrics_find(weft_device_attrs,
						    number->attribute);
	const struct weft_device *dev;
	bool begun = false;
	size_t i;

	for (i = 0; attr && i < set->count; i++) {
		dev = set->devs[i];
		if (!(dev->known & WEFT_ATTR_BIT(attr->attribute)))
			continue;
		weft_sample_head_once(set->out, &begun, number->name, number->type, number->help);
		metrics_begin_device(set->out, number->name, dev);
		metrics_end_scaled(set->out, weft_attr_get(attr, dev),
				   number->per_unit);
	}
}

/**
 * struct metrics_walk - an iterator over the peers of all devices
 * @set: the devices
 * @next: the index of the next device
 * @dev: the device
 * @peer: the peer
 */
struct metrics_walk {
	const struct metrics_set *set;
	size_t next;
	const struct weft_device *dev;
	const struct weft_peer *peer;
};

static bool metrics_walk(struct metrics_walk *walk)
{
	walk->peer = walk->peer ? walk->peer->next : NULL;
	while (!walk->peer) {
		if (walk->next == walk->set->count)
			return false;
		walk->dev = walk->set->devs[walk->next++];
		walk->peer = walk->dev->peers;
	}
	return true;
}

static void metrics_peer_number(const struct metrics_set *set,
				const struct metrics_number *number)
{
	const struct weft_attr *attr = metrics_find(weft_peer_attrs,
						    number->attribute);
	struct metrics_walk walk = { .set = set };
	bool begun = false;

	while (attr && metrics_walk(&walk)) {
		if (!(walk.peer->known & WEFT_ATTR_BIT(attr->attribute)))
			continue;
		weft_sample_head_once(set->out, &begun, number->name, number->type, number->help);
		metrics_begin_peer(set, number->name, walk.dev, walk.peer);
		metrics_end_scaled(set->out, weft_attr_get(attr, walk.peer),
				   number->per_unit);
	}
}

/* Metrics that wireguard has, too. */
static const struct {
	const char *name;
	const char *type;
	const char *help;
	size_t offset;
} metrics_plain[] = {
	{
		"weft_peer_receive_bytes_total", "counter",
		"Bytes of authenticated messages received from the peer.",
		offsetof(struct weft_peer, rx_bytes),
	}, {
		"weft_peer_transmit_bytes_total", "counter",
		"Bytes of messages sent to the peer.",
		offsetof(struct weft_peer, tx_bytes),
	}, {
		"weft_peer_last_handshake_timestamp_seconds", "gauge",
		"Time of the latest handshake; 0 if there was none.",
		offsetof(struct weft_peer, handshake_s),
	},
};

static void metrics_print_plain(const struct metrics_set *set, size_t row)
{
	struct metrics_walk walk = { .set = set };
	const char *field;

	weft_sample_head(set->out, metrics_plain[row].name, metrics_plain[row].type,
			 metrics_plain[row].help);
	while (metrics_walk(&walk)) {
		field = (const char *)walk.peer + metrics_plain[row].offset;
		metrics_begin_peer(set, metrics_plain[row].name, walk.dev, walk.peer);
		weft_sample_end(set->out, *(const __u64 *)field);
	}
}

static void metrics_print_info(const struct metrics_set *set)
{
	const struct weft_device *dev;
	size_t i;

	weft_sample_head(set->out, "weft_interface_info", "gauge",
			 "Kind and public key of the interface.");
	for (i = 0; i < set->count; i++) {
		dev = set->devs[i];
		metrics_begin_device(set->out, "weft_interface_info", dev);
		weft_sample_label(set->out, "kind", weft_model_kind_name(dev->kind));
		weft_sample_label(set->out, "public_key", dev->has & WEFT_DEVICE_HAS_PUBLIC_KEY ?
				  weft_key_encode(&dev->public_key).chars : "");
		weft_sample_end(set->out, 1);
	}
	weft_sample_head(set->out, "weft_peers", "gauge", "Peers of the interface.");
	for (i = 0; i < set->count; i++) {
		metrics_begin_device(set->out, "weft_peers", set->devs[i]);
		weft_sample_end(set->out, weft_model_peer_count(set->devs[i]));
	}
}

/* One sample for each state; that of the present state is 1. */
static void metrics_print_states(const struct metrics_set *set)
{
	const struct weft_attr *attr = metrics_find(weft_peer_attrs,
						    WEFT_PEER_A_STATE);
	struct metrics_walk walk = { .set = set };
	bool begun = false;
	size_t i;

	while (attr && metrics_walk(&walk)) {
		if (!(walk.peer->known & WEFT_ATTR_BIT(attr->attribute)))
			continue;
		weft_sample_head_once(set->out, &begun, "weft_peer_state", "gauge",
				      "1 for the peer's present state, 0 for the others.");
		for (i = 0; i < attr->word_count; i++) {
			metrics_begin_peer(set, "weft_peer_state", walk.dev, walk.peer);
			weft_sample_label(set->out, "state", attr->words[i]);
			weft_sample_end(set->out, weft_attr_get(attr, walk.peer) == i);
		}
	}
}

/* For an interface zeros are printed, too, as the beginning of rates. */
static void metrics_print_device_drops(const struct metrics_set *set)
{
	static const char name[] = "weft_drops_total";
	const struct weft_device *dev;
	bool begun = false;
	size_t i, reason;

	for (i = 0; i < set->count; i++) {
		dev = set->devs[i];
		if (!(dev->known & WEFT_ATTR_BIT(WEFT_DEVICE_A_DROPS)))
			continue;
		weft_sample_head_once(set->out, &begun, name, "counter",
				      "Packets that the interface dropped, including those of its peers.");
		for (reason = 1; reason <= WEFT_DROPS_A_MAX; reason++) {
			metrics_begin_device(set->out, name, dev);
			weft_sample_label(set->out, "reason", weft_drop_names[reason].name);
			weft_sample_label(set->out, "direction",
					  weft_drop_names[reason].out ? "out" : "in");
			weft_sample_end(set->out, dev->drops[reason]);
		}
	}
}

/* For a peer zeros are omitted: an interface may have many peers. */
static void metrics_print_peer_drops(const struct metrics_set *set)
{
	static const char name[] = "weft_peer_drops_total";
	struct metrics_walk walk = { .set = set };
	bool begun = false;
	size_t reason;

	while (metrics_walk(&walk)) {
		for (reason = 1; reason <= WEFT_DROPS_A_MAX; reason++) {
			if (!walk.peer->drops[reason])
				continue;
			weft_sample_head_once(set->out, &begun, name, "counter",
					      "Packets from and to the peer that were dropped.");
			metrics_begin_peer(set, name, walk.dev, walk.peer);
			weft_sample_label(set->out, "reason", weft_drop_names[reason].name);
			weft_sample_label(set->out, "direction",
					  weft_drop_names[reason].out ? "out" : "in");
			weft_sample_end(set->out, walk.peer->drops[reason]);
		}
	}
}

/* The names of the peers, to be joined with the other series by the key. */
static void metrics_print_peer_info(const struct metrics_set *set)
{
	static const char name[] = "weft_peer_info";
	struct metrics_walk walk = { .set = set };

	weft_sample_head(set->out, name, "gauge", "Name of the peer, empty if it has none.");
	while (metrics_walk(&walk)) {
		metrics_begin_device(set->out, name, walk.dev);
		weft_sample_label(set->out, "public_key",
				  weft_key_encode(&walk.peer->public_key).chars);
		weft_sample_label(set->out, "name", walk.peer->name ?: "");
		weft_sample_end(set->out, 1);
	}
}

static void metrics_print_peers(const struct metrics_set *set)
{
	size_t i;

	metrics_print_peer_info(set);
	for (i = 0; i < ARRAY_SIZE(metrics_plain); i++)
		metrics_print_plain(set, i);
	for (i = 0; i < ARRAY_SIZE(peer_numbers); i++)
		metrics_peer_number(set, &peer_numbers[i]);
	metrics_print_states(set);
	metrics_print_peer_drops(set);
}

void weft_metrics_print(FILE *out, struct weft_device *const *devs,
			size_t count, enum weft_metrics_peers peers)
{
	const struct metrics_set set = { out, devs, count, peers };
	size_t i;

	if (!count)
		return;
	metrics_print_info(&set);
	for (i = 0; i < ARRAY_SIZE(device_numbers); i++)
		metrics_device_number(&set, &device_numbers[i]);
	metrics_print_device_drops(&set);
	weft_metrics_print_sums(out, devs, count);
	if (peers != WEFT_METRICS_PEERS_OFF)
		metrics_print_peers(&set);
}
