// SPDX-License-Identifier: GPL-2.0
/*
 * The share of the CPU that the agent's steps get: after a quiet time, when they are wanted all the time, and after a failure.
 */
#include <stdio.h>

#include "fleet/share.h"
#include "support.h"

/* Steps that are wanted all the time for an hour, which begins at @now. */
static __s64 spent_in_an_hour(__s64 now, __s64 cost_ms)
{
	const __s64 end = now + 3600000;
	struct weft_share share = { };
	__s64 spent = 0;

	while (now < end) {
		spent += cost_ms;
		now += cost_ms;
		weft_share_spend(&share, now, cost_ms, false);
		now = weft_share_at(&share, now);
	}
	return spent;
}

static void check_always(__s64 cost_ms)
{
	const __s64 most = (3600000 + WEFT_SHARE_BURST_MS) / WEFT_SHARE_FACTOR, spent = spent_in_an_hour(100000, cost_ms);
	char name[128];

	snprintf(name, sizeof(name), "steps of %lld ms that are wanted all the time take a tenth of an hour: %lld ms",
		 (long long)cost_ms, (long long)spent);
	test_ok(spent <= most + cost_ms && spent >= most - most / 10 - cost_ms, name);
}

static void check_quiet(void)
{
	struct weft_share share = { };
	const __s64 now = 100000000;

	test_ok(weft_share_at(&share, 0) == 0, "the first step is due at once");
	weft_share_spend(&share, now, 500, false);
	test_ok(weft_share_at(&share, now) == now, "after a quiet time a short step is followed by the next one at once");
	weft_share_spend(&share, now, 30, false);
	test_ok(weft_share_at(&share, now) == now + 300, "... whose time is paid for");
	test_ok(weft_share_at(&share, now + 301) == now + 301, "... and then a step is taken when it is wanted");
	share = (struct weft_share){ };
	weft_share_spend(&share, now, 60000, false);
	test_ok(weft_share_at(&share, now) == now + 600000 - WEFT_SHARE_BURST_MS,
		"a quiet time of a day counts no more than one of five seconds");
}

/* Each step takes a record of a node that publishes all the time. */
static void check_writes(void)
{
	const __s64 begin = 100000000, end = begin + 600000;
	struct weft_share share = { };
	__s64 now = begin;
	unsigned int steps;

	for (steps = 0; now < end; steps++) {
		now += 1;
		weft_share_spend(&share, now, 1, true);
		now = weft_share_at(&share, now);
	}
	test_ok(steps <= 606, "records that come all the time are written once a second");
	share = (struct weft_share){ };
	weft_share_spend(&share, begin, 600, true);
	test_ok(weft_share_at(&share, begin) == begin + 1000, "a step that costs more and writes is paid for once");
}

static void check_failure(void)
{
	struct weft_share share = { };
	const __s64 now = 100000000;

	weft_share_spend(&share, now, 2000, false);
	weft_share_defer(&share, now + 1000);
	test_ok(weft_share_at(&share, now) == now + 15000, "a step that fails is paid for, too");
	weft_share_defer(&share, now + 60000);
	test_ok(weft_share_at(&share, now) == now + 60000, "... and its wait holds for all that want a step");
}

int main(void)
{
	check_always(1);
	check_always(30);
	check_always(499);
	check_always(2000);
	check_always(60000);
	check_quiet();
	check_writes();
	check_failure();
	return test_end();
}
