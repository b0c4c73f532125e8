// SPDX-License-Identifier: GPL-2.0
#include <linux/weft.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/complain.h"
#include "fleet/apply.h"
#include "fleet/gate.h"
#include "fleet/last.h"
#include "fleet/phase.h"
#include "fleet/schedule.h"
#include "fleet/sight.h"
#include "fleet/step.h"
#include "fleet/underlay.h"
#include "genl/backend.h"

/* More would hide the first ones. */
#define STEP_REFUSED_SHOWN	20
/* The least time between two reports of refused records, in seconds. */
#define STEP_TELL_S		60

/**
 * struct step_job - one step
 * @ctx: the context
 * @folder: the state of the node
 * @step: the step
 * @gate: the outcome of the gate, about @before
 * @before: the hello before the step, or NULL
 * @turn: the rotation's turn
 * @tells: refused records are told, and written
 * @was_again: the step before has asked for this one, or another one since
 */
struct step_job {
	const struct weft_context *ctx;
	struct weft_folder *folder;
	struct weft_step *step;
	struct weft_gate gate;
	char *before;
	struct weft_schedule_turn turn;
	bool tells;
	bool was_again;
};

static bool step_no_memory(const struct step_job *job)
{
	return weft_complain(job->ctx, "out of memory");
}

static const struct weft_member *step_member(const struct step_job *job)
{
	return weft_fleet_find(job->folder->fleet, job->folder->self->node);
}

static bool step_is_spent(const struct step_job *job)
{
	return weft_self_is_spent(job->folder->self, job->folder->fleet);
}

/* The clock. */

/* A time of the former clock, not of one before that: at boot it may have been decades behind. */
static void step_shift(struct step_job *job, __u64 *time, __s64 before, __s64 after)
{
	__s64 then = job->ctx->now - job->step->jump, ahead = (__s64)*time - then;

	if (*time && ahead >= -before && ahead <= after)
		*time += job->step->jump;
}

/* A wait lasts as long as it should, whatever the clock does meanwhile. */
static void step_follow_clock(struct step_job *job)
{
	const struct weft_fleet_record *terms = job->folder->fleet->terms;
	struct weft_self *self = job->folder->self;
	struct weft_step *step = job->step;

	if (step->published_at)
		step->published_at += step->jump;
	if (step->ordered_at)
		step->ordered_at += step->jump;
	if (step->gone_at)
		step->gone_at += step->jump;
	step_shift(job, &self->announced, 2 * WEFT_SCHEDULE_PATIENCE_S, 0);
	step_shift(job, &self->grace_until, 0, weft_phase_grace(terms));
	step->jump = 0;
}

/* Records. */

/* Strangers of former steps first: the records that introduce them may be in this text. */
static char *step_text(const struct step_job *job, size_t *len)
{
	const struct weft_step *step = job->step;
	char *text = malloc(step->strangers_len + step->len + 1);

	if (!text)
		return NULL;
	if (step->strangers_len)
		memcpy(text, step->strangers, step->strangers_len);
	if (step->len)
		memcpy(text + step->strangers_len, step->text, step->len);
	*len = step->strangers_len + step->len;
	return text;
}

/*
 * Refused records that come by themselves are told once in a while: each node may write some all
 * the time. Those of a whole store are always.
 */
static bool step_tells(const struct step_job *job)
{
	struct weft_step *step = job->step;
	__s64 since = job->ctx->now - step->told_at;

	if (!job->gate.merge.refused_count)
		return step->all;
	if (!step->all && step->told_at && since >= 0 && since < STEP_TELL_S)
		return false;
	step->told_at = job->ctx->now;
	return true;
}

static void step_warn(const struct step_job *job)
{
	const struct weft_merge *merge = &job->gate.merge;
	size_t i, old = 0;

	for (i = 0; i < merge->refused_count; i++) {
		old += merge->refused[i].class == WEFT_REFUSED_OLD;
		if (i < STEP_REFUSED_SHOWN)
			weft_warn(job->ctx, "%s: record %s of the store is refused: %s",
				  job->folder->name, merge->refused[i].record,
				  merge->refused[i].reason);
	}
	if (old)
		weft_warn(job->ctx,
			  "%s: the store has %zu records that are older than those that it had: it was set back, or lies; nothing is taken back",
			  job->folder->name, old);
	if (job->step->all && !merge->accepted && !merge->same && job->folder->fleet->terms)
		weft_warn(job->ctx, "%s: the store has no record of the fleet: nothing is taken back",
			  job->folder->name);
}

/* Nothing that a new node has made before it knew the fleet has to be made again. */
static void step_begin_orders(struct step_job *job, bool had_terms)
{
	const struct weft_fleet_record *terms = job->folder->fleet->terms;

	if (!had_terms && terms)
		job->folder->self->order = terms->rotate_order;
}

static bool step_take_in(struct step_job *job)
{
	struct weft_fleet *fleet = job->folder->fleet;
	bool had_terms = fleet->terms, good;
	size_t len = 0;
	char *text;

	job->gate.merge.now = job->ctx->now;
	/* Of a whole store they come again. */
	if (job->step->all && job->step->len)
		job->step->strangers_len = 0;
	job->gate.kept = job->step->strangers_len;
	if (!job->step->len)
		return true;
	text = step_text(job, &len);
	good = text && weft_gate_merge(fleet, text, len, job->folder->self->hello, &job->gate);
	free(text);
	if (!good)
		return step_no_memory(job);
	free(job->step->strangers);
	job->step->strangers = job->gate.strangers;
	job->step->strangers_len = job->gate.strangers_len;
	job->gate.strangers = NULL;
	job->step->accepted = job->gate.merge.accepted;
	step_begin_orders(job, had_terms);
	job->tells = step_tells(job);
	if (job->tells)
		step_warn(job);
	return true;
}

/* Endpoints. */

static enum weft_look step_outcome(bool good, bool changed)
{
	return !good ? WEFT_LOOK_FAILED : changed ? WEFT_LOOK_NEW : WEFT_LOOK_SAME;
}

/* A lease that is renewed and a link that is reset have their address again soon. */
static bool step_keeps_gone(const struct step_job *job)
{
	return !job->step->gone_at || job->ctx->now - job->step->gone_at < WEFT_STEP_GONE_S;
}

static void step_note_gone(struct step_job *job, const struct weft_underlay_report *report)
{
	if (!report->gone)
		job->step->gone_at = 0;
	else if (!job->step->gone_at)
		job->step->gone_at = job->ctx->now;
}

/*
 * A new record may have another port of the fleet, or another prefix. A machine whose addresses
 * cannot be read keeps the endpoints that it had.
 */
static void step_resolve(struct step_job *job)
{
	struct weft_underlay_report report = { };
	bool good = true, reads = job->step->resolve || job->step->accepted;

	if (reads)
		good = weft_underlay_read(job->folder, step_keeps_gone(job), &report);
	if (reads && good)
		step_note_gone(job, &report);
	/* An interface may be gone, or have another name. */
	if (report.changed)
		weft_underlay_warn(job->folder, &report);
	job->step->resolved = step_outcome(good, report.changed);
	job->step->resolves = job->folder->self->endpoints_from.count;
}

static void step_look(struct step_job *job)
{
	bool changed = false, good = true;

	if (job->step->look)
		good = weft_sight_read(job->folder, &changed);
	job->step->looked = step_outcome(good, changed);
	job->step->hub = weft_sight_is_hub(job->folder);
}

/* Publication. */

static bool step_same_hello(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

/* The present hello was among the lines of the store. */
static bool step_has_hello(const struct step_job *job)
{
	return job->gate.own && step_same_hello(job->before, job->folder->self->hello);
}

/* A store that has lost the hello gets it again. */
static void step_note_published(struct step_job *job)
{
	const struct weft_self *self = job->folder->self;
	struct weft_step *step = job->step;

	if (!step_same_hello(self->hello, step->hello))
		step->published_at = 0;
	if (step_has_hello(job))
		step->published_at = step->published_at ?: job->ctx->now;
	else if (step->all)
		step->published_at = 0;
}

/* A hello that every node takes for an older one is not told: NULL. */
static const char *step_hello(const struct step_job *job)
{
	return step_is_spent(job) ? NULL : job->folder->self->hello;
}

/* Whether it is another one than the agent knows. */
static bool step_has_new_hello(const struct step_job *job)
{
	const char *hello = step_hello(job);

	return hello && !step_same_hello(job->step->hello, hello);
}

static bool step_keep_hello(struct step_job *job)
{
	const char *hello = step_hello(job);
	struct weft_step *step = job->step;
	char *copy;

	if (step_same_hello(hello, step->hello))
		return true;
	copy = hello ? strdup(hello) : NULL;
	if (hello && !copy)
		return step_no_memory(job);
	free(step->hello);
	step->hello = copy;
	/* A phase may have made another one. */
	if (!step_has_hello(job))
		step->published_at = 0;
	return true;
}

/* Rotation. */

/* Whether the newest session of each peer of the fleet is one of the present key. */
static bool step_all_met(const struct step_job *job)
{
	struct weft_host *host = job->ctx->host;
	struct weft_host_link link = { };
	struct weft_device *dev;
	const struct weft_peer *peer;
	bool met;

	if (host->link(host, job->folder->name, &link) || !link.index ||
	    link.kind != WEFT_KIND_WEFT || !weft_backend_get(job->ctx, job->folder->name, &dev))
		return false;
	met = dev->peers;
	for (peer = dev->peers; peer; peer = peer->next)
		if (peer->name && weft_fleet_find(job->folder->fleet, peer->name))
			met = met && peer->identity == WEFT_IDENTITY_CURRENT;
	weft_model_device_free(dev);
	return met;
}

static void step_note_order(struct step_job *job, const struct weft_fleet_record *terms)
{
	struct weft_step *step = job->step;

	if (terms->rotate_order <= job->folder->self->order)
		step->ordered_at = 0;
	else if (!step->ordered_at || step->order != terms->rotate_order)
		step->ordered_at = job->ctx->now;
	step->order = terms->rotate_order;
}

static void step_fill_schedule(struct step_job *job, const struct weft_fleet_record *terms,
			       struct weft_schedule *schedule)
{
	const struct weft_self *self = job->folder->self;

	*schedule = (struct weft_schedule){
		.now = job->ctx->now, .every = terms->rotate_every,
		.window = terms->rotate_window,
		.offset = weft_schedule_offset(self->fleet, self->node),
		.ordered_at = job->step->ordered_at, .state = weft_self_rotation(self),
		.since = self->since, .announced = self->announced,
		.grace_until = self->grace_until, .published_at = job->step->published_at,
	};
	if (schedule->state == WEFT_SELF_CHANGED)
		schedule->met = step_all_met(job);
}

static bool step_makes_key(const struct step_job *job)
{
	return job->turn.step == WEFT_SCHEDULE_ANNOUNCES || job->turn.step == WEFT_SCHEDULE_CHANGES;
}

/* A key that peers do not take, or never learn, is not made: the node's state stays as it is. */
static bool step_may_go_on(struct step_job *job)
{
	struct weft_step *step = job->step;

	step->expired = job->turn.step == WEFT_SCHEDULE_ANNOUNCES &&
			weft_phase_is_expired(job->folder);
	if (step->expired || (step_makes_key(job) && step_is_spent(job)))
		job->turn = (struct weft_schedule_turn){ .next = INT64_MAX };
	return job->turn.step != WEFT_SCHEDULE_WAITS;
}

static bool step_rotate(struct step_job *job)
{
	static const char * const phases[] = {
		[WEFT_SCHEDULE_ANNOUNCES] = "announce", [WEFT_SCHEDULE_CHANGES] = "change",
		[WEFT_SCHEDULE_FINISHES] = "finish",
	};
	const struct weft_fleet_record *terms = job->folder->fleet->terms;
	const struct weft_phase_call call = { };
	struct weft_schedule schedule;

	job->turn = (struct weft_schedule_turn){ .next = INT64_MAX };
	job->step->expired = false;
	if (!job->step->in || !terms)
		return true;
	step_note_order(job, terms);
	step_fill_schedule(job, terms, &schedule);
	weft_schedule_turn(&schedule, &job->turn);
	if (!step_may_go_on(job))
		return true;
	fprintf(job->ctx->err, "%s: rotation: %s\n", job->folder->name, phases[job->turn.step]);
	return weft_phase_run(job->folder, weft_phase_find(phases[job->turn.step]), &call,
			      &job->step->changed);
}

/* The interface. */

/* Removals that wait are made in the next epoch: the admin has seen the first one. */
static bool step_is_confirmed(const struct step_job *job, const struct weft_fleet_last *last)
{
	return last->waits && last->epoch < weft_fleet_epoch(job->folder->fleet);
}

static void step_note_last(struct step_job *job, bool good, const struct weft_fleet_apply *apply,
			   struct weft_fleet_last *last)
{
	__u64 held = last->waits ? last->epoch : weft_fleet_epoch(job->folder->fleet);
	struct weft_fleet_last next = *last;

	next.time = job->ctx->now;
	next.ok = good;
	next.epoch = apply->waits ? held : weft_fleet_epoch(job->folder->fleet);
	next.waits = apply->waits;
	weft_fleet_last_write(job->folder, &next, job->tells ? &job->gate.merge : NULL,
			      &apply->problems);
}

static bool step_apply(struct step_job *job)
{
	struct weft_fleet_apply apply = { .revokes = true };
	struct weft_context ctx = *job->ctx;
	struct weft_fleet_last last;
	bool good;
	size_t i;

	weft_fleet_last_read(job->folder, &last);
	ctx.really = step_is_confirmed(job, &last);
	good = weft_fleet_apply(&ctx, job->folder, &apply) &&
	       weft_fleet_check_identity(job->folder, &apply);
	for (i = 0; i < apply.changes.count; i++)
		fprintf(ctx.err, "%s: %s\n", job->folder->name, apply.changes.items[i].text);
	if (apply.waits && !last.waits)
		weft_warn(&ctx,
			  "%s: %zu peers are to be removed, more than a tenth: they stay until the next epoch, or 'weft fleet apply %s --really'",
			  job->folder->name, apply.removals, job->folder->name);
	step_note_last(job, good, &apply, &last);
	job->step->peers = apply.peers;
	job->step->changed |= apply.changed;
	/* A key that a removed peer had is free. Other problems stay: one more look shows it. */
	job->step->again = apply.changed && apply.problems.count && !job->was_again;
	weft_fleet_apply_free(&apply);
	weft_fleet_last_free(&last);
	return good;
}

static bool step_finish(struct step_job *job)
{
	bool changed = false;

	/* A command or a look has changed the port or the endpoints. */
	if (job->step->in &&
	    (job->step->apply || job->step->accepted ||
	     step_has_new_hello(job) || (job->tells && job->gate.merge.refused_count) ||
	     job->turn.step != WEFT_SCHEDULE_WAITS))
		return step_apply(job);
	return weft_folder_write(job->folder, &changed);
}

static bool step_run(struct step_job *job)
{
	struct weft_step *step = job->step;
	const char *hello = job->folder->self->hello;
	bool good;

	job->before = hello ? strdup(hello) : NULL;
	step_follow_clock(job);
	/* The store may have a newer hello than a restored folder. */
	if (job->folder->self->generation < step->generation)
		step->complete = false;
	if (!step_take_in(job))
		return false;
	step_resolve(job);
	step_look(job);
	if (!weft_phase_greet(job->folder))
		return false;
	if (step->all)
		weft_phase_warn_spent(job->folder);
	step->complete |= step->all;
	step->generation = job->folder->self->generation;
	step->in = job->folder->fleet->terms && step_member(job) &&
		   weft_member_is_in(step_member(job));
	step_note_published(job);
	good = step_rotate(job);
	/* Also where the rotation could not go on: others' records do not wait for it. */
	good = step_finish(job) && good;
	/* A key that no disk has is not told. */
	if (weft_folder_holds_self(job->folder))
		good = step_keep_hello(job) && good;
	step->epoch = weft_fleet_epoch(job->folder->fleet);
	step->stuck = job->turn.stuck;
	step->preshared = job->folder->fleet->terms && job->folder->fleet->terms->preshared;
	step->meets = weft_self_rotation(job->folder->self) == WEFT_SELF_CHANGED;
	step->next = job->turn.step == WEFT_SCHEDULE_WAITS ? job->turn.next : job->ctx->now + 1;
	return good;
}

bool weft_step(struct weft_folder *folder, struct weft_step *step)
{
	struct step_job job = {
		.ctx = folder->ctx, .folder = folder, .step = step, .tells = step->all,
	};
	bool good;

	memcpy(step->node, folder->self->node, sizeof(step->node));
	step->accepted = 0;
	step->changed = false;
	job.was_again = step->again;
	step->again = false;
	good = step_run(&job);
	weft_gate_free(&job.gate);
	free(job.before);
	return good;
}

void weft_step_free(struct weft_step *step)
{
	free(step->strangers);
	free(step->hello);
	memset(step, 0, sizeof(*step));
}
