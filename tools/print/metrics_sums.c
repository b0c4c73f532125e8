// SPDX-License-Identifier: GPL-2.0
#include "base/array.h"
#include "model/attr.h"
#include "model/model.h"
#include "print/metrics_sums.h"
#include "print/sample.h"

/**
 * struct metrics_sum - a metric of all peers of an interface
 * @name: the metric's name
 * @help: its help text
 * @attribute: the attribute of the peers that is summed up or counted
 * @value: counts the peers with this value of the attribute; -1: the sum of the values
 */
struct metrics_sum {
	const char *name;
	const char *help;
	int attribute;
	int value;
};

/*
 * Gauges, as a removed peer takes its counts along. A counter that falls is taken for one that has
 * begun anew, and its rate has a peak then.
 */
static const struct metrics_sum sums[] = {
	{
		"weft_peers_on_previous_key",
		"Peers whose session was made under the interface's previous key.",
		WEFT_PEER_A_IDENTITY, WEFT_IDENTITY_PREVIOUS,
	}, {
		"weft_peers_handshakes_sent",
		"Handshake initiations sent to the present peers.",
		WEFT_PEER_A_HANDSHAKES_SENT, -1,
	}, {
		"weft_peers_handshakes_received",
		"Valid handshake initiations received from the present peers.",
		WEFT_PEER_A_HANDSHAKES_RECEIVED, -1,
	}, {
		"weft_peers_handshakes_completed",
		"Sessions established with the present peers, initiated by either end.",
		WEFT_PEER_A_HANDSHAKES_COMPLETED, -1,
	},
};

static const struct weft_attr *sums_find(int attribute)
{
	const struct weft_attr *attr = weft_peer_attrs;

	while (attr->name && attr->attribute != attribute)
		attr++;
	return attr->name ? attr : NULL;
}

/* The sum of the attribute's values, or for a @value the number of peers that have it. */
static __u64 sums_of(const struct weft_device *dev, const struct weft_attr *attr, int value)
{
	const struct weft_peer *peer;
	__u64 sum = 0, own;

	for (peer = dev->peers; peer; peer = peer->next) {
		if (!(peer->known & WEFT_ATTR_BIT(attr->attribute)))
			continue;
		own = weft_attr_get(attr, peer);
		if (value < 0)
			sum += own;
		else if (own == (__u64)value)
			sum++;
	}
	return sum;
}

/* A stock interface reports no state: a count of zero would be wrong there. */
static bool sums_has(const struct weft_device *dev)
{
	return dev->kind == WEFT_KIND_WEFT;
}

static void sums_print_states(FILE *out, struct weft_device *const *devs, size_t count)
{
	static const char name[] = "weft_peers_in_state";
	const struct weft_attr *attr = sums_find(WEFT_PEER_A_STATE);
	bool begun = false;
	size_t i, state;

	for (i = 0; attr && i < count; i++) {
		if (!sums_has(devs[i]))
			continue;
		weft_sample_head_once(out, &begun, name, "gauge",
				      "Peers of the interface by their present state.");
		for (state = 0; state < attr->word_count; state++) {
			weft_sample_begin(out, name, "interface", devs[i]->name);
			weft_sample_label(out, "state", attr->words[state]);
			weft_sample_end(out, sums_of(devs[i], attr, state));
		}
	}
}

static void sums_print(FILE *out, const struct metrics_sum *sum, struct weft_device *const *devs,
		       size_t count)
{
	const struct weft_attr *attr = sums_find(sum->attribute);
	bool begun = false;
	size_t i;

	for (i = 0; attr && i < count; i++) {
		if (!sums_has(devs[i]))
			continue;
		weft_sample_head_once(out, &begun, sum->name, "gauge", sum->help);
		weft_sample_begin(out, sum->name, "interface", devs[i]->name);
		weft_sample_end(out, sums_of(devs[i], attr, sum->value));
	}
}

void weft_metrics_print_sums(FILE *out, struct weft_device *const *devs, size_t count)
{
	size_t i;

	sums_print_states(out, devs, count);
	for (i = 0; i < ARRAY_SIZE(sums); i++)
		sums_print(out, &sums[i], devs, count);
}
