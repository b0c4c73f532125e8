// SPDX-License-Identifier: GPL-2.0
/* weft fleet leave */
#include <json-c/json.h>
#include <string.h>

#include "apply/lock.h"
#include "base/complain.h"
#include "base/signals.h"
#include "cli/fleet.h"
#include "fleet/agent_lock.h"
#include "fleet/leave.h"
#include "print/json.h"

static int leave_print(const struct weft_context *ctx, const char *name,
		       const struct weft_leave *leave)
{
	struct json_object *object = json_object_new_object();
	bool good = object && weft_fleet_add_switch(object, "changed", leave->changes.count) &&
		    weft_json_add_text(object, "fleet", name) &&
		    weft_fleet_add_words(object, "changes", &leave->changes) &&
		    (leave->aside ? weft_json_add_text(object, "aside", leave->aside) :
				    !json_object_object_add(object, "aside", NULL));

	return weft_fleet_print(ctx, object, good, 0);
}

/* The unit would fail at boot, and the other nodes know nothing of it. */
static void leave_advise(const struct weft_context *ctx, const char *name)
{
	weft_warn(ctx,
		  "%s: 'systemctl disable weft-fleet-apply@%s', or weft-fleet@%s, keeps its unit from starting; the other nodes keep this peer until it is revoked",
		  name, name, name);
}

static int leave_tell(const struct weft_context *ctx, const char *name,
		      const struct weft_leave *leave)
{
	size_t i;

	if (leave->changes.count)
		leave_advise(ctx, name);
	if (ctx->json)
		return leave_print(ctx, name, leave);
	for (i = 0; i < leave->changes.count; i++)
		fprintf(ctx->out, "%s\n", leave->changes.items[i].text);
	return 0;
}

int weft_fleet_leave(struct weft_context *ctx, int argc, char **argv)
{
	struct weft_leave leave = { };
	struct weft_lock lock;
	int status = 1, agent;

	if (argc > 1)
		return !weft_complain(ctx, "fleet leave: unexpected argument '%s'", argv[1]);
	if (!weft_profile_name_is_good(argv[0], strlen(argv[0])))
		return !weft_complain(ctx, "'%s' is not the name of a fleet", argv[0]);
	/* An agent would make the interface again, and has the keys in memory. */
	if (!weft_agent_lock_exclude(ctx, argv[0], &agent))
		return 1;
	if (!weft_lock_take(ctx, argv[0], &lock)) {
		weft_agent_lock_release(agent);
		return 1;
	}
	weft_signals_outlive_reader();
	if (weft_leave(ctx, argv[0], &leave))
		status = leave_tell(ctx, argv[0], &leave);
	weft_leave_free(&leave);
	weft_lock_release(&lock);
	weft_agent_lock_release(agent);
	return status;
}
