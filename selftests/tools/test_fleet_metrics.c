// SPDX-License-Identifier: GPL-2.0
/*
 * Metrics of fleets: golden text from facts.
 *
 *   test_fleet_metrics          the tests
 *   test_fleet_metrics print    that text alone, for promtool.sh and monitoring.sh
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "print/fleet_metrics.h"
#include "support.h"

static const struct weft_fleet_facts facts[] = {
	{
		.fleet = "prod", .node = "ant", .in = true, .epoch = 3, .nodes = 1000, .nodes_without_key = 2, .applied = true,
		.applied_well = true, .applied_at = 1799999990, .rotating = true,
		.rotation_stuck = true, .expired = true, .key_age = 2592005, .problems = 7,
		.rotate_every = 2592000, .rotate_window = 86400,
		.refused = { [WEFT_REFUSED_SIGNATURE] = 1, [WEFT_REFUSED_UNKNOWN] = 18446744073709551615ULL },
	},
	{ .fleet = "a\"\xff", .node = "bee" },
};

#define HEAD(name, help)	"# HELP " name " " help "\n# TYPE " name " gauge\n"
#define BOTH(name, help, first, second) \
	HEAD(name, help) name "{fleet=\"prod\"} " first "\n" name "{fleet=\"a\\\"\\\\xff\"} " second "\n"
#define REFUSED(fleet, reason, count)	"weft_fleet_records_refused{fleet=\"" fleet "\",reason=\"" reason "\"} " count "\n"

static const char golden[] =
	HEAD("weft_fleet_info", "Name of this node in the fleet.")
	"weft_fleet_info{fleet=\"prod\",node=\"ant\"} 1\n"
	"weft_fleet_info{fleet=\"a\\\"\\\\xff\",node=\"bee\"} 1\n"
	BOTH("weft_fleet_epoch", "The highest epoch of the fleet's record; 0 if there is none.", "3", "0")
	BOTH("weft_fleet_nodes", "Nodes that are admitted and not revoked.", "1000", "0")
	BOTH("weft_fleet_nodes_without_key", "Nodes that are no peers yet, as their tunnel key is unknown.", "2", "0")
	BOTH("weft_fleet_last_apply_timestamp_seconds",
	     "Time of the last run of \"weft fleet apply\"; 0 if there was none.", "1799999990", "0")
	BOTH("weft_fleet_problems", "Parts of the records that the last run could not bring about on this machine.", "7", "0")
	BOTH("weft_fleet_key_age_seconds", "Time since the tunnel key of this node was made.", "2592005", "0")
	BOTH("weft_fleet_rotate_every_seconds", "Age at which the fleet has a tunnel key replaced; 0 for never.",
	     "2592000", "0")
	BOTH("weft_fleet_rotate_window_seconds", "Time over which the rotations of the nodes are spread.", "86400", "0")
	BOTH("weft_fleet_in", "1 while this node is in the fleet, 0 before and after that.", "1", "0")
	HEAD("weft_fleet_last_apply_success", "1 if the last run brought the interface to the records.")
	"weft_fleet_last_apply_success{fleet=\"prod\"} 1\n"
	HEAD("weft_fleet_removals_waiting", "1 if the last run left more peers to be removed than it may without --really.")
	"weft_fleet_removals_waiting{fleet=\"prod\"} 0\n"
	BOTH("weft_fleet_rotation_pending", "1 if a rotation has begun and is not finished.", "1", "0")
	BOTH("weft_fleet_rotation_stuck", "1 if a phase of the rotation should have ended an hour ago.", "1", "0")
	BOTH("weft_fleet_rotation_overdue", "1 if a rotation should have begun an hour ago by the fleet's schedule.", "0", "0")
	BOTH("weft_fleet_admission_over", "1 if the node's record has expired (not_after), so that peers take no new key.",
	     "1", "0")
	HEAD("weft_fleet_records_refused", "Records that the last run refused, by reason.")
	REFUSED("prod", "form", "0") REFUSED("prod", "signature", "1") REFUSED("prod", "old", "0")
	REFUSED("prod", "revoked", "0") REFUSED("prod", "expired", "0") REFUSED("prod", "unknown", "18446744073709551615")
	REFUSED("a\\\"\\\\xff", "form", "0") REFUSED("a\\\"\\\\xff", "signature", "0") REFUSED("a\\\"\\\\xff", "old", "0")
	REFUSED("a\\\"\\\\xff", "revoked", "0") REFUSED("a\\\"\\\\xff", "expired", "0") REFUSED("a\\\"\\\\xff", "unknown", "0");

static char *text_of(const struct weft_fleet_facts *fleets, size_t count)
{
	char *out = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&out, &len);

	if (!stream)
		test_bail("no memory");
	weft_fleet_metrics_print(stream, fleets, count);
	fclose(stream);
	return out;
}

static void test_texts(void)
{
	struct weft_fleet_facts failed = facts[0];
	char *out = text_of(facts, ARRAY_SIZE(facts));

	test_text("two fleets", out, golden);
	free(out);
	out = text_of(NULL, 0);
	test_text("no fleet", out, "");
	free(out);
	out = text_of(&facts[1], 1);
	test_ok(!strstr(out, "weft_fleet_last_apply_success") && !strstr(out, "removals_waiting"), "no success and no failure before the first run");
	free(out);
	failed.applied_well = false;
	failed.waits = true;
	failed.rotating = false;
	out = text_of(&failed, 1);
	test_ok(strstr(out, "weft_fleet_last_apply_success{fleet=\"prod\"} 0\n") &&
		strstr(out, "weft_fleet_removals_waiting{fleet=\"prod\"} 1\n") &&
		strstr(out, "weft_fleet_rotation_pending{fleet=\"prod\"} 0\n"), "a failed run");
	free(out);
}

int main(int argc, char **argv)
{
	int reason;

	if (argc == 2 && !strcmp(argv[1], "print")) {
		weft_fleet_metrics_print(stdout, facts, 1);
		return 0;
	}
	test_texts();
	for (reason = 0; reason < WEFT_REFUSED_COUNT; reason++)
		test_ok(weft_refused_names[reason], "each reason has a word");
	return test_end();
}
