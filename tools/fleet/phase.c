// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/complain.h"
#include "fleet/apply.h"
#include "fleet/phase.h"
#include "genl/backend.h"

static bool phase_no_memory(const struct weft_folder *folder)
{
	return weft_complain(folder->ctx, "out of memory");
}

/* The own hello is among the records that the node knows. */
static bool phase_remember_hello(struct weft_folder *folder)
{
	const struct weft_self *self = folder->self;
	struct weft_merge merge = { .now = folder->ctx->now };
	char *line;
	bool good;

	if (!self || !self->hello)
		return true;
	if (asprintf(&line, "%s\n", self->hello) < 0)
		return false;
	good = weft_fleet_merge(folder->fleet, line, strlen(line), &merge);
	weft_merge_free(&merge);
	free(line);
	return good;
}

void weft_phase_warn_spent(const struct weft_folder *folder)
{
	if (weft_self_is_spent(folder->self, folder->fleet))
		weft_warn(folder->ctx,
			  "%s: a hello of generation %llu, the last one, was seen: another machine has this node's identity, which can say nothing more; revoke the node, and make another identity",
			  folder->name, WEFT_FLEET_GENERATION_MAX);
}

bool weft_phase_greet(struct weft_folder *folder)
{
	return (weft_self_greet(folder->self, folder->fleet) && phase_remember_hello(folder)) ||
	       phase_no_memory(folder);
}

/* A rotation of this identifier is over, or has reached a later phase. */
static bool phase_is_past(const struct weft_self *self, const struct weft_phase_call *call)
{
	return call->id && !strcmp(self->rotation, call->id);
}

bool weft_phase_is_expired(const struct weft_folder *folder)
{
	const struct weft_member *self = weft_fleet_find(folder->fleet, folder->self->node);

	return self && self->node && self->node->not_after &&
	       (__s64)self->node->not_after < folder->ctx->now;
}

__u64 weft_phase_grace(const struct weft_fleet_record *terms)
{
	return terms && terms->rotate_grace ? terms->rotate_grace : WEFT_GRACE_SECONDS;
}

/* A key that no hello tells cuts the node off. */
static bool phase_may_tell(const struct weft_folder *folder)
{
	return !weft_self_is_spent(folder->self, folder->fleet) ||
	       weft_complain(folder->ctx,
			     "node '%s' can tell no other key: a hello of generation %llu, the last one, was seen",
			     folder->self->node, WEFT_FLEET_GENERATION_MAX);
}

static bool phase_may_renew(const struct weft_folder *folder)
{
	const struct weft_member *self = weft_fleet_find(folder->fleet, folder->self->node);

	if (!weft_phase_is_expired(folder))
		return phase_may_tell(folder);
	return weft_complain(folder->ctx,
			     "the admission of node '%s' ended at %llu (not_after), and peers take no new key of it: have it admitted again first",
			     self->name, (unsigned long long)self->node->not_after);
}

static void phase_begin(struct weft_folder *folder, const struct weft_phase_call *call)
{
	struct weft_self *self = folder->self;

	weft_seed_generate(&self->next);
	self->announced = folder->ctx->now;
	/* Keys that are made from here on satisfy the present order. */
	if (folder->fleet->terms)
		self->order = folder->fleet->terms->rotate_order;
	snprintf(self->rotation, sizeof(self->rotation), "%s", call->id ?: "");
	if (!call->id)
		snprintf(self->rotation, sizeof(self->rotation), "%lld",
			 (long long)folder->ctx->now);
}

static bool phase_announce(struct weft_folder *folder, const struct weft_phase_call *call)
{
	const struct weft_self *self = folder->self;
	const struct weft_context *ctx = folder->ctx;

	if (phase_is_past(self, call) && weft_self_rotation(self) == WEFT_SELF_RESTS)
		weft_warn(ctx, "rotation '%s' of node '%s' is over: another id begins a new one",
			  self->rotation, self->node);
	if (phase_is_past(self, call) || weft_self_rotation(self) == WEFT_SELF_ANNOUNCED)
		return !call->id || phase_is_past(self, call) ||
		       weft_complain(ctx,
				     "rotation '%s' of node '%s' has not ended: undo it, or go on with it",
				     self->rotation, self->node);
	if (weft_self_rotation(self) == WEFT_SELF_CHANGED)
		return weft_complain(ctx,
				     "rotation '%s' of node '%s' has not ended: run 'weft fleet rotate %s finish' first",
				     self->rotation, self->node, self->fleet);
	if (!phase_may_renew(folder))
		return false;
	phase_begin(folder, call);
	return true;
}

static bool phase_change(struct weft_folder *folder, const struct weft_phase_call *call)
{
	struct weft_self *self = folder->self;
	__u64 grace = weft_phase_grace(folder->fleet->terms);

	if (call->id && strcmp(self->rotation, call->id))
		return weft_complain(folder->ctx,
				     "node '%s' has not announced a key for rotation '%s'",
				     self->node, call->id);
	if (weft_self_rotation(self) == WEFT_SELF_CHANGED ||
	    (weft_self_rotation(self) == WEFT_SELF_RESTS && phase_is_past(self, call)))
		return true;
	if (weft_self_rotation(self) == WEFT_SELF_RESTS)
		return weft_complain(folder->ctx,
				     "node '%s' has announced no key: run 'weft fleet rotate %s announce' first",
				     self->node, self->fleet);
	if (!phase_may_tell(folder))
		return false;
	if (call->has_grace)
		grace = call->grace;
	weft_self_private_key(self, &self->previous);
	self->tunnel = self->next;
	weft_key_wipe(&self->tunnel_raw);
	weft_key_wipe(&self->next);
	self->grace_until = grace ? folder->ctx->now + grace : 0;
	self->since = folder->ctx->now;
	return true;
}

static bool phase_finish(struct weft_folder *folder, const struct weft_phase_call *call)
{
	struct weft_self *self = folder->self;

	if (call->id && strcmp(self->rotation, call->id))
		return weft_complain(folder->ctx, "node '%s' has not taken part in rotation '%s'",
				     self->node, call->id);
	if (weft_self_rotation(self) == WEFT_SELF_ANNOUNCED)
		return weft_complain(folder->ctx,
				     "node '%s' has not changed its key: run 'weft fleet rotate %s change' first",
				     self->node, self->fleet);
	weft_key_wipe(&self->previous);
	self->grace_until = 0;
	return true;
}

static bool phase_undo(struct weft_folder *folder, const struct weft_phase_call *call)
{
	struct weft_self *self = folder->self;

	/* Of another rotation nothing is to be undone. */
	if (call->id && !phase_is_past(self, call))
		return true;
	if (weft_self_rotation(self) == WEFT_SELF_CHANGED)
		return weft_complain(folder->ctx,
				     "node '%s' has changed its key, and peers may have met it: finish the rotation, and rotate again",
				     self->node);
	if (weft_self_rotation(self) == WEFT_SELF_ANNOUNCED) {
		weft_key_wipe(&self->next);
		self->rotation[0] = '\0';
	}
	return true;
}

/* The new keys are written before the kernel gets them: after a crash "apply" goes on. */
static bool phase_change_kernel(struct weft_folder *folder, bool *changed)
{
	const struct weft_context *ctx = folder->ctx;
	struct weft_fleet_apply apply = { };
	struct weft_host_link link = { };
	bool good;

	if (!folder->fleet->terms ||
	    ctx->host->link(ctx->host, folder->name, &link) || !link.index)
		return true;
	good = weft_fleet_apply(ctx, folder, &apply);
	*changed |= apply.changed;
	weft_fleet_apply_free(&apply);
	return good;
}

/* In the kernel the previous key ends, too. */
static bool phase_finish_kernel(struct weft_folder *folder, bool *changed)
{
	const struct weft_rotation finish = { .action = WEFT_ROTATE_ACTION_FINISH };
	const struct weft_context *ctx = folder->ctx;
	struct weft_backend *backend = ctx->backend;
	struct weft_host_link link = { };
	struct weft_device *dev;
	bool has;

	if (ctx->host->link(ctx->host, folder->name, &link) || !link.index ||
	    link.kind != WEFT_KIND_WEFT)
		return phase_change_kernel(folder, changed);
	if (!weft_backend_get(ctx, folder->name, &dev))
		return false;
	has = dev->has & WEFT_DEVICE_HAS_PREVIOUS_PUBLIC_KEY;
	weft_model_device_free(dev);
	*changed |= has;
	if (has && !ctx->dry_run && backend->rotate(backend, folder->name, &finish))
		return weft_complain(ctx, "cannot finish the rotation of '%s': %s", folder->name,
				     backend->error);
	return phase_change_kernel(folder, changed);
}

const struct weft_phase weft_phases[] = {
	{ "announce", phase_announce },
	{ "change", phase_change, phase_change_kernel },
	{ "finish", phase_finish, phase_finish_kernel },
	{ "undo", phase_undo },
	{ }
};

const struct weft_phase *weft_phase_find(const char *name)
{
	const struct weft_phase *phase;

	for (phase = weft_phases; phase->name; phase++)
		if (!strcmp(phase->name, name))
			return phase;
	return NULL;
}

bool weft_phase_run(struct weft_folder *folder, const struct weft_phase *phase,
		    const struct weft_phase_call *call, bool *changed)
{
	return phase->run(folder, call) && weft_phase_greet(folder) &&
	       weft_folder_write(folder, changed) &&
	       (!phase->kernel || phase->kernel(folder, changed));
}
