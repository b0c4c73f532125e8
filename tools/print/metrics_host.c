// SPDX-License-Identifier: GPL-2.0
#include "base/array.h"
#include "print/metrics_host.h"
#include "print/sample.h"

static const struct {
	const char *name;
	const char *help;
	size_t offset;
} states[] = {
	{
		"weft_tunnel_configured", "1 if the interface has a configuration file.",
		offsetof(struct weft_metrics_tunnel, configured),
	}, {
		"weft_tunnel_up", "1 if the interface exists and is up.",
		offsetof(struct weft_metrics_tunnel, up),
	}, {
		"weft_tunnel_readable", "1 if the interface exists and could be read.",
		offsetof(struct weft_metrics_tunnel, readable),
	},
};

/* The link's own counters: the sum over its peers would fall when one is removed. */
static const struct {
	const char *name;
	const char *help;
	size_t offset;
} counters[] = {
	{
		"weft_receive_bytes_total", "Bytes of authenticated messages received.",
		offsetof(struct weft_metrics_tunnel, rx_bytes),
	}, {
		"weft_transmit_bytes_total", "Bytes of messages sent.",
		offsetof(struct weft_metrics_tunnel, tx_bytes),
	}, {
		"weft_receive_packets_total", "Authenticated messages received.",
		offsetof(struct weft_metrics_tunnel, rx_packets),
	}, {
		"weft_transmit_packets_total", "Messages sent.",
		offsetof(struct weft_metrics_tunnel, tx_packets),
	},
};

void weft_metrics_print_host(FILE *out, bool loaded, time_t now)
{
	weft_sample_head(out, "weft_module_loaded", "gauge", "1 if module weft is loaded.");
	fprintf(out, "weft_module_loaded %d\n", loaded);
	weft_sample_head(out, "weft_time_seconds", "gauge",
			 "Time of the host's clock when the metrics were read.");
	fprintf(out, "weft_time_seconds %lld\n", (long long)now);
}

static void host_print_states(FILE *out, size_t row, const struct weft_metrics_tunnel *tunnels,
			      size_t count)
{
	const char *field;
	size_t i;

	weft_sample_head(out, states[row].name, "gauge", states[row].help);
	for (i = 0; i < count; i++) {
		field = (const char *)&tunnels[i] + states[row].offset;
		weft_sample_begin(out, states[row].name, "interface", tunnels[i].name);
		weft_sample_end(out, *(const bool *)field);
	}
}

static void host_print_counters(FILE *out, size_t row, const struct weft_metrics_tunnel *tunnels,
				size_t count)
{
	bool begun = false;
	const char *field;
	size_t i;

	for (i = 0; i < count; i++) {
		if (!tunnels[i].counted)
			continue;
		field = (const char *)&tunnels[i] + counters[row].offset;
		weft_sample_head_once(out, &begun, counters[row].name, "counter",
				      counters[row].help);
		weft_sample_begin(out, counters[row].name, "interface", tunnels[i].name);
		weft_sample_end(out, *(const __u64 *)field);
	}
}

void weft_metrics_print_tunnels(FILE *out, const struct weft_metrics_tunnel *tunnels, size_t count)
{
	size_t row;

	if (!count)
		return;
	for (row = 0; row < ARRAY_SIZE(states); row++)
		host_print_states(out, row, tunnels, count);
	for (row = 0; row < ARRAY_SIZE(counters); row++)
		host_print_counters(out, row, tunnels, count);
}
