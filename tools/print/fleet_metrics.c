// SPDX-License-Identifier: GPL-2.0
#include "base/array.h"
#include "print/fleet_metrics.h"
#include "print/sample.h"

/**
 * struct fleet_number - a number of a fleet
 * @name: the metric's name
 * @help: its help text
 * @offset: of the number in struct weft_fleet_facts
 */
struct fleet_number {
	const char *name;
	const char *help;
	size_t offset;
};

static const struct fleet_number numbers[] = {
	{
		"weft_fleet_epoch", "The highest epoch of the fleet's record; 0 if there is none.",
		offsetof(struct weft_fleet_facts, epoch),
	}, {
		"weft_fleet_nodes", "Nodes that are admitted and not revoked.",
		offsetof(struct weft_fleet_facts, nodes),
	}, {
		"weft_fleet_nodes_without_key",
		"Nodes that are no peers yet, as their tunnel key is unknown.",
		offsetof(struct weft_fleet_facts, nodes_without_key),
	}, {
		"weft_fleet_last_apply_timestamp_seconds",
		"Time of the last run of \"weft fleet apply\"; 0 if there was none.",
		offsetof(struct weft_fleet_facts, applied_at),
	}, {
		"weft_fleet_problems",
		"Parts of the records that the last run could not bring about on this machine.",
		offsetof(struct weft_fleet_facts, problems),
	}, {
		"weft_fleet_key_age_seconds", "Time since the tunnel key of this node was made.",
		offsetof(struct weft_fleet_facts, key_age),
	}, {
		"weft_fleet_rotate_every_seconds",
		"Age at which the fleet has a tunnel key replaced; 0 for never.",
		offsetof(struct weft_fleet_facts, rotate_every),
	}, {
		"weft_fleet_rotate_window_seconds",
		"Time over which the rotations of the nodes are spread.",
		offsetof(struct weft_fleet_facts, rotate_window),
	},
};

static void fleet_begin(FILE *out, const char *name, const struct weft_fleet_facts *fleet)
{
	weft_sample_begin(out, name, "fleet", fleet->fleet);
}

static void fleet_print_info(FILE *out, const struct weft_fleet_facts *fleets, size_t count)
{
	size_t i;

	weft_sample_head(out, "weft_fleet_info", "gauge", "Name of this node in the fleet.");
	for (i = 0; i < count; i++) {
		fleet_begin(out, "weft_fleet_info", &fleets[i]);
		weft_sample_label(out, "node", fleets[i].node);
		weft_sample_end(out, 1);
	}
}

static void fleet_print_number(FILE *out, const struct fleet_number *number,
			       const struct weft_fleet_facts *fleets, size_t count)
{
	const char *field;
	size_t i;

	weft_sample_head(out, number->name, "gauge", number->help);
	for (i = 0; i < count; i++) {
		field = (const char *)&fleets[i] + number->offset;
		fleet_begin(out, number->name, &fleets[i]);
		weft_sample_end(out, *(const __u64 *)field);
	}
}

/**
 * struct fleet_switch - a property of a fleet, as 1 or 0
 * @name: the metric's name
 * @help: its help text
 * @offset: of the property in struct weft_fleet_facts
 * @of_run: it is one of the last run, and has no sample before the first
 */
struct fleet_switch {
	const char *name;
	const char *help;
	size_t offset;
	bool of_run;
};

static const struct fleet_switch switches[] = {
	{
		"weft_fleet_in", "1 while this node is in the fleet, 0 before and after that.",
		offsetof(struct weft_fleet_facts, in), false,
	}, {
		"weft_fleet_last_apply_success",
		"1 if the last run brought the interface to the records.",
		offsetof(struct weft_fleet_facts, applied_well), true,
	}, {
		"weft_fleet_removals_waiting",
		"1 if the last run left more peers to be removed than it may without --really.",
		offsetof(struct weft_fleet_facts, waits), true,
	}, {
		"weft_fleet_rotation_pending", "1 if a rotation has begun and is not finished.",
		offsetof(struct weft_fleet_facts, rotating), false,
	}, {
		"weft_fleet_rotation_stuck",
		"1 if a phase of the rotation should have ended an hour ago.",
		offsetof(struct weft_fleet_facts, rotation_stuck), false,
	}, {
		"weft_fleet_rotation_overdue",
		"1 if a rotation should have begun an hour ago by the fleet's schedule.",
		offsetof(struct weft_fleet_facts, rotation_overdue), false,
	}, {
		"weft_fleet_admission_over",
		"1 if the node's record has expired (not_after), so that peers take no new key.",
		offsetof(struct weft_fleet_facts, expired), false,
	},
};

static void fleet_print_switch(FILE *out, const struct fleet_switch *row,
			       const struct weft_fleet_facts *fleets, size_t count)
{
	bool begun = false;
	const char *field;
	size_t i;

	for (i = 0; i < count; i++) {
		if (row->of_run && !fleets[i].applied)
			continue;
		field = (const char *)&fleets[i] + row->offset;
		weft_sample_head_once(out, &begun, row->name, "gauge", row->help);
		fleet_begin(out, row->name, &fleets[i]);
		weft_sample_end(out, *(const bool *)field);
	}
}

/* Zeros are printed, too: an alert has a series before the first refusal. */
static void fleet_print_refused(FILE *out, const struct weft_fleet_facts *fleets, size_t count)
{
	static const char name[] = "weft_fleet_records_refused";
	size_t i, reason;

	weft_sample_head(out, name, "gauge", "Records that the last run refused, by reason.");
	for (i = 0; i < count; i++) {
		for (reason = 0; reason < WEFT_REFUSED_COUNT; reason++) {
			fleet_begin(out, name, &fleets[i]);
			weft_sample_label(out, "reason", weft_refused_names[reason]);
			weft_sample_end(out, fleets[i].refused[reason]);
		}
	}
}

void weft_fleet_metrics_print(FILE *out, const struct weft_fleet_facts *fleets, size_t count)
{
	size_t row;

	if (!count)
		return;
	fleet_print_info(out, fleets, count);
	for (row = 0; row < ARRAY_SIZE(numbers); row++)
		fleet_print_number(out, &numbers[row], fleets, count);
	for (row = 0; row < ARRAY_SIZE(switches); row++)
		fleet_print_switch(out, &switches[row], fleets, count);
	fleet_print_refused(out, fleets, count);
}
