// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <unistd.h>

#include "base/complain.h"
#include "fleet/looks.h"
#include "fleet/step.h"
#include "genl/event.h"
#include "host/host.h"

/* Changes that come together are seen together. */
#define LOOKS_GATHER_MS		1000
/* At first: a link that comes and goes all the time makes ever fewer hellos. */
#define LOOKS_UNDERLAY_REST_MS	20000
#define LOOKS_UNDERLAY_MOST_MS	600000
/* A hub's hello goes to all nodes. One peer that moves all the time does not hide the others. */
#define LOOKS_SIGHT_REST_MS	60000
#define LOOKS_SIGHT_MOST_MS	120000
/* Sessions that end make no event. */
#define LOOKS_SIGHT_EVERY_MS	600000

void weft_looks_begin(struct weft_looks *looks, const struct weft_context *ctx, const char *fleet)
{
	*looks = (struct weft_looks){ .ctx = ctx, .fleet = fleet, .links = -1 };
}

__s64 weft_looks_at(const struct weft_looks *looks)
{
	return looks->underlay.at < looks->sight.at ? looks->underlay.at : looks->sight.at;
}

void weft_looks_fill(struct weft_looks *looks, struct weft_step *step, __s64 now)
{
	step->resolve = weft_pace_is_due(&looks->underlay, now);
	step->look = weft_pace_is_due(&looks->sight, now);
}

static void looks_close(struct weft_looks *looks)
{
	if (looks->links >= 0)
		close(looks->links);
	looks->links = -1;
}

/* Changes before the subscription are looked at, too. */
static void looks_open(struct weft_looks *looks, __s64 now)
{
	struct weft_host *host = looks->ctx->host;

	looks->links = host->watch(host);
	if (looks->links >= 0)
		weft_pace_ask(&looks->underlay, now, LOOKS_GATHER_MS);
	else if (!looks->deaf)
		weft_warn(looks->ctx, "%s: endpoints do not follow changes of addresses: %s",
			  looks->fleet, host->error);
	looks->deaf = looks->links < 0;
}

/* A new hub looks, and a former one takes its list back. */
static void looks_note_hub(struct weft_looks *looks, bool hub, __s64 now)
{
	if (looks->hub != hub)
		weft_pace_ask(&looks->sight, now, LOOKS_GATHER_MS);
	looks->hub = hub;
	if (hub)
		weft_pace_ask(&looks->sight, now, LOOKS_SIGHT_EVERY_MS);
}

void weft_looks_settle(struct weft_looks *looks, const struct weft_step *step, bool good,
		       __s64 now)
{
	if (step->resolve) {
		weft_pace_done(&looks->underlay, now, good && step->resolved == WEFT_LOOK_NEW,
			       LOOKS_UNDERLAY_REST_MS, LOOKS_UNDERLAY_MOST_MS);
		if (!good)
			weft_pace_ask(&looks->underlay, now, LOOKS_GATHER_MS);
	}
	/* Also where a record was the reason to look. */
	if (step->resolved == WEFT_LOOK_FAILED)
		weft_pace_ask(&looks->underlay, now, LOOKS_GATHER_MS);
	if (step->gone_at)
		weft_pace_ask(&looks->underlay, now, WEFT_STEP_GONE_S * 1000);
	if (step->look) {
		weft_pace_done(&looks->sight, now, good && step->looked == WEFT_LOOK_NEW,
			       LOOKS_SIGHT_REST_MS, LOOKS_SIGHT_MOST_MS);
		if (!good || step->looked == WEFT_LOOK_FAILED)
			weft_pace_ask(&looks->sight, now, LOOKS_GATHER_MS);
	}
	/* Only a node with a policy needs notifications. */
	if (!step->resolves)
		looks_close(looks);
	else if (looks->links < 0)
		looks_open(looks, now);
	looks_note_hub(looks, step->hub, now);
}

void weft_looks_hear(struct weft_looks *looks, __s64 now)
{
	struct weft_host *host = looks->ctx->host;

	if (looks->links >= 0 && host->changed(host, looks->links))
		weft_pace_ask(&looks->underlay, now, LOOKS_GATHER_MS);
}

void weft_looks_event(struct weft_looks *looks, const struct weft_event *event, __s64 now)
{
	if (looks->hub && (!event || event->type == WEFT_EVENT_SESSION_UP ||
			   event->type == WEFT_EVENT_ENDPOINT_CHANGED))
		weft_pace_ask(&looks->sight, now, LOOKS_GATHER_MS);
}

void weft_looks_end(struct weft_looks *looks)
{
	looks_close(looks);
}
