// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/context.h"
#include "fleet/facts.h"
#include "fleet/folder.h"
#include "fleet/last.h"
#include "fleet/phase.h"
#include "fleet/schedule.h"
#include "print/fleet_metrics.h"

static void facts_fill_last(struct weft_fleet_facts *facts, const struct weft_folder *folder)
{
	struct weft_fleet_last last;

	weft_fleet_last_read(folder, &last);
	facts->applied = last.time;
	facts->applied_well = last.ok;
	facts->applied_at = last.time;
	facts->waits = last.waits;
	facts->problems = last.problems;
	memcpy(facts->refused, last.classes, sizeof(facts->refused));
	weft_fleet_last_free(&last);
}

static void facts_fill_fleet(struct weft_fleet_facts *facts, const struct weft_fleet *fleet)
{
	const struct weft_member *member;
	size_t i;

	facts->epoch = weft_fleet_epoch(fleet);
	facts->nodes = weft_fleet_size(fleet);
	member = weft_fleet_find(fleet, facts->node);
	facts->in = fleet->terms && member && weft_member_is_in(member);
	for (i = 0; i < fleet->count; i++) {
		member = &fleet->members[i];
		if (weft_member_is_in(member) && !weft_member_key(member))
			facts->nodes_without_key++;
	}
	if (!fleet->terms)
		return;
	facts->rotate_every = fleet->terms->rotate_every;
	facts->rotate_window = fleet->terms->rotate_window;
}

/* The age is 0 where the clock went back behind the making of the key. */
static void facts_fill_self(struct weft_fleet_facts *facts, const struct weft_self *self,
			    time_t now)
{
	snprintf(facts->fleet, sizeof(facts->fleet), "%s", self->fleet);
	snprintf(facts->node, sizeof(facts->node), "%s", self->node);
	if ((__u64)now > self->since)
		facts->key_age = now - self->since;
}

static void facts_fill_rotation(struct weft_fleet_facts *facts, const struct weft_folder *folder,
				time_t now)
{
	const struct weft_fleet_record *terms = folder->fleet->terms;
	const struct weft_self *self = folder->self;
	struct weft_schedule schedule = {
		.now = now, .state = weft_self_rotation(self), .since = self->since,
		.announced = self->announced, .grace_until = self->grace_until,
		.offset = weft_schedule_offset(self->fleet, self->node),
	};

	facts->rotating = schedule.state != WEFT_SELF_RESTS;
	facts->expired = weft_phase_is_expired(folder);
	if (!facts->in)
		return;
	schedule.every = terms->rotate_every;
	schedule.window = terms->rotate_window;
	facts->rotation_stuck = weft_schedule_is_stuck(&schedule);
	facts->rotation_overdue = weft_schedule_is_overdue(&schedule);
}

static bool facts_has_file(const struct weft_folder *folder, bool *has)
{
	char name[WEFT_FLEET_NAME_BYTES + sizeof(".conf")];
	char *path;

	snprintf(name, sizeof(name), "%s.conf", folder->name);
	path = weft_folder_file(folder, name);
	if (!path)
		return false;
	*has = !access(path, F_OK);
	free(path);
	return true;
}

bool weft_fleet_facts_read(const struct weft_context *ctx, const char *name,
			   struct weft_fleet_facts *facts, bool *configured)
{
	struct weft_folder folder;
	bool good;

	memset(facts, 0, sizeof(*facts));
	*configured = false;
	good = weft_folder_read(&folder, ctx, name, WEFT_FOLDER_UNLOCKED) &&
	       weft_folder_need(&folder);
	/* Damaged keys or records keep no tunnel from being configured. */
	good = folder.path && facts_has_file(&folder, configured) && good;
	if (good) {
		facts_fill_self(facts, folder.self, ctx->now);
		facts_fill_fleet(facts, folder.fleet);
		facts_fill_rotation(facts, &folder, ctx->now);
		facts_fill_last(facts, &folder);
	}
	weft_folder_free(&folder);
	return good;
}
