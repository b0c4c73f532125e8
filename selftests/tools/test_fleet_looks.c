// SPDX-License-Identifier: GPL-2.0
/*
 * When an agent looks at the machine's addresses and at the endpoints of peers: at its start, after notifications and events, at
 * most three times and once a minute, again after a failed step; and which subscriptions it has.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fleet/looks.h"
#include "fleet/step.h"
#include "host/host.h"
#include "support.h"

static int watches, watch_error;
static bool notified;

static int watch(struct weft_host *host)
{
	watches++;
	snprintf(host->error, sizeof(host->error), "no answer");
	return watch_error ?: open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static bool changed(struct weft_host *host, int fd)
{
	bool was = notified;

	(void)host;
	(void)fd;
	notified = false;
	return was;
}

static struct weft_host host = { .watch = watch, .changed = changed };

/* "a" for a look at the addresses, "p" at peers, and the next one after this step. */
static const char *step_at(struct weft_looks *looks, struct weft_step *step, bool good, __s64 now)
{
	static char outcome[64];

	weft_looks_fill(looks, step, now);
	weft_looks_settle(looks, step, good, now);
	snprintf(outcome, sizeof(outcome), "%s%s %lld", step->resolve ? "a" : "", step->look ? "p" : "",
		 weft_looks_at(looks) == WEFT_PACE_NEVER ? -1LL : (long long)weft_looks_at(looks));
	return outcome;
}

static void check_plain(struct test_bench *bench)
{
	struct weft_step step = { };
	struct weft_looks looks;

	weft_looks_begin(&looks, &bench->ctx, "prod");
	test_ok(weft_looks_at(&looks) <= 0, "both looks are due at the start");
	test_text("... and are taken", step_at(&looks, &step, true, 1000), "ap -1");
	test_ok(!watches && looks.links < 0, "a node without a policy has no subscription");
	notified = true;
	weft_looks_hear(&looks, 5000);
	weft_looks_event(&looks, NULL, 5000);
	test_ok(weft_looks_at(&looks) == WEFT_PACE_NEVER, "... and events mean nothing to a node that is no hub");
	notified = false;
	test_text("... nor is there a look in other steps", step_at(&looks, &step, true, 90000), " -1");
	weft_looks_end(&looks);
}

static void check_policy(struct test_bench *bench)
{
	struct weft_step step = { .resolves = true };
	struct weft_looks looks;

	weft_looks_begin(&looks, &bench->ctx, "prod");
	test_text("a policy: what came before the subscription", step_at(&looks, &step, true, 0), "ap 20000");
	test_ok(watches == 1 && looks.links >= 0, "... which there is");
	test_text("... is looked at", step_at(&looks, &step, true, 20000), "a -1");
	notified = true;
	weft_looks_hear(&looks, 50000);
	weft_looks_hear(&looks, 50500);
	test_ok(weft_looks_at(&looks) == 51000, "a notification");
	test_text("... is looked at once", step_at(&looks, &step, true, 51000), "a -1");
	notified = true;
	weft_looks_hear(&looks, 52000);
	test_ok(weft_looks_at(&looks) == 71000, "... and the next one after a rest");
	test_text("a step that has failed", step_at(&looks, &step, false, 71000), "a 91000");
	step.resolved = WEFT_LOOK_FAILED;
	test_text("... and a look", step_at(&looks, &step, true, 91000), "a 111000");
	step.resolved = WEFT_LOOK_SAME;
	step.gone_at = 1;
	test_text("an endpoint that is gone is looked for again", step_at(&looks, &step, true, 111000), "a 141000");
	test_text("... whatever steps come between", step_at(&looks, &step, true, 120000), " 141000");
	step.gone_at = 0;
	test_text("... once", step_at(&looks, &step, true, 141000), "a -1");
	step.resolved = WEFT_LOOK_FAILED;
	test_text("a look that fails in a step that a record caused", step_at(&looks, &step, true, 142000), " 161000");
	step.resolved = WEFT_LOOK_SAME;
	test_text("... is repeated", step_at(&looks, &step, true, 161000), "a -1");
	test_ok(watches == 1, "one subscription");
	step.resolves = false;
	step_at(&looks, &step, true, 185000);
	test_ok(looks.links < 0, "... that ends with the policy");
	watch_error = -EMFILE;
	step.resolves = true;
	step_at(&looks, &step, true, 190000);
	step_at(&looks, &step, true, 200000);
	test_bench_flush(bench);
	test_text("a subscription that fails is tried again, and told once", bench->err,
		  "weft: warning: prod: endpoints do not follow changes of addresses: no answer\n");
	watch_error = 0;
	test_text("... until it succeeds", step_at(&looks, &step, true, 210000), " 211000");
	weft_looks_end(&looks);
	test_ok(looks.links < 0, "an end");
}

static void check_hub(struct test_bench *bench)
{
	struct weft_event up = { .type = WEFT_EVENT_SESSION_UP }, moved = { .type = WEFT_EVENT_ENDPOINT_CHANGED },
			  renewed = { .type = WEFT_EVENT_SESSION_RENEWED };
	struct weft_step step = { };
	struct weft_looks looks;

	weft_looks_begin(&looks, &bench->ctx, "prod");
	step_at(&looks, &step, true, 0);
	step.hub = true;
	test_text("a new hub looks, after the rest of a minute", step_at(&looks, &step, true, 10000), " 60000");
	test_text("... and every ten minutes", step_at(&looks, &step, true, 60000), "p 660000");
	weft_looks_event(&looks, &renewed, 200000);
	test_ok(weft_looks_at(&looks) == 660000, "a session that is renewed says nothing");
	weft_looks_event(&looks, &up, 200000);
	test_ok(weft_looks_at(&looks) == 201000, "a session");
	step_at(&looks, &step, true, 201000);
	weft_looks_event(&looks, &moved, 202000);
	test_ok(weft_looks_at(&looks) == 261000, "an endpoint that changes: once a minute");
	step_at(&looks, &step, true, 261000);
	weft_looks_event(&looks, NULL, 400000);
	test_text("events that were lost, and a step that fails", step_at(&looks, &step, false, 401000), "p 461000");
	step.hub = false;
	step_at(&looks, &step, true, 461000);
	test_ok(weft_looks_at(&looks) == 521000, "a node that is no hub any more looks once, and takes its list back");
	test_text("... and not again", step_at(&looks, &step, true, 521000), "p -1");
	weft_looks_end(&looks);
}

/* An address that comes and goes all the time. */
static void check_flaps(struct test_bench *bench)
{
	struct weft_step step = { .resolves = true, .resolved = WEFT_LOOK_NEW };
	__s64 now = 0, rest = 0;
	struct weft_looks looks;
	int steps;

	weft_looks_begin(&looks, &bench->ctx, "prod");
	for (steps = 0; now < 86400000; steps++) {
		step_at(&looks, &step, true, now);
		notified = true;
		weft_looks_hear(&looks, now + 1);
		rest = weft_looks_at(&looks) - now;
		now += rest;
	}
	test_ok(rest == 600000, "the rest of an address that flaps is ten minutes in the end");
	test_ok(steps > 144 && steps < 155, "... so that a day has no more looks than that");
	step.resolved = WEFT_LOOK_SAME;
	step_at(&looks, &step, true, now);
	notified = true;
	weft_looks_hear(&looks, now + 1);
	test_ok(weft_looks_at(&looks) - now == 450000, "... and becomes shorter when there is nothing new");
	now += 2000000;
	step_at(&looks, &step, true, now);
	notified = true;
	weft_looks_hear(&looks, now + 1);
	test_ok(weft_looks_at(&looks) - now == 20000, "... and is over after a quiet time");
	weft_looks_end(&looks);
}

/* A peer of a hub that moves all the time. */
static void check_restless(struct test_bench *bench)
{
	const struct weft_event moved = { .type = WEFT_EVENT_ENDPOINT_CHANGED };
	struct weft_step step = { .hub = true, .looked = WEFT_LOOK_NEW };
	__s64 now = 0, rest = 0;
	struct weft_looks looks;

	weft_looks_begin(&looks, &bench->ctx, "prod");
	while (now < 86400000) {
		step_at(&looks, &step, true, now);
		weft_looks_event(&looks, &moved, now + 1);
		rest = weft_looks_at(&looks) - now;
		now += rest;
	}
	test_ok(rest == 120000, "beside a peer that moves all the time others are seen within two minutes");
	weft_looks_end(&looks);
}

int main(void)
{
	struct test_bench bench;

	test_bench_start(&bench, "");
	bench.ctx.host = &host;
	check_plain(&bench);
	check_policy(&bench);
	check_hub(&bench);
	check_flaps(&bench);
	check_restless(&bench);
	test_bench_end(&bench);
	return test_end();
}
