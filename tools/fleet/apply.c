// SPDX-License-Identifier: GPL-2.0
/*
 * weft fleet apply:
 *
 *   weft_fleet_take_bundle(): the bundle's records, each judged by itself
 *   weft_fleet_model(): records and own keys to an interface
 *   apply_render(): the text of its file, which does not depend on the present state
 *   weft_fit(): this machine's routes, and its lack of IPv6, leave some of it out
 *   weft_settle(): peers keep their keys, others' peers stay
 *   weft_folder_write(): memory first, so that a peer is known to be the fleet's
 *   apply_write_file(): the interface's file, for "weft up", resolve and doctor
 *   weft_up(): changes what differs
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/up.h"
#include "base/complain.h"
#include "base/text.h"
#include "conf/file.h"
#include "conf/writer.h"
#include "fleet/apply.h"
#include "fleet/fit.h"
#include "fleet/gate.h"
#include "fleet/render.h"
#include "fleet/settle.h"

/**
 * struct apply_job - one run
 * @ctx: the context
 * @folder: the state of the node
 * @apply: the outcome
 * @model: the model of the interface
 * @settle: its fit to the present interface
 * @path: the interface's file
 * @text: its text
 */
struct apply_job {
	const struct weft_context *ctx;
	struct weft_folder *folder;
	struct weft_fleet_apply *apply;
	struct weft_fleet_model model;
	struct weft_settle settle;
	char *path;
	char *text;
};

static bool apply_no_memory(struct apply_job *job)
{
	return weft_complain(job->ctx, "out of memory");
}

static bool apply_model(struct apply_job *job)
{
	struct weft_fleet_own own;
	struct weft_refusal why;
	bool good;

	weft_self_own(job->folder->self, &own);
	good = weft_fleet_model(job->folder->fleet, &own, &job->model, &why);
	weft_key_wipe(&own.private_key);
	weft_key_wipe(&own.previous_key);
	return good || weft_complain(job->ctx, "%s: %s", job->folder->self->fleet, why.text);
}

/* The interface as it is; NULL where none exists. False after a complaint. */
static bool apply_read_device(struct apply_job *job, struct weft_device **have,
			      unsigned int *index)
{
	const struct weft_context *ctx = job->ctx;
	const char *name = job->folder->self->fleet;
	struct weft_host_link link = { };

	*have = NULL;
	if (ctx->host->link(ctx->host, name, &link))
		return weft_complain(ctx, "%s: cannot read the link: %s", name, ctx->host->error);
	*index = link.index;
	if (!link.index)
		return true;
	if (link.kind == WEFT_KIND_NONE)
		return weft_complain(ctx,
				     "%s: a link of this name exists, and is neither weft nor wireguard",
				     name);
	return weft_backend_get(ctx, name, have);
}

static bool apply_settle(struct apply_job *job)
{
	struct weft_device *have;
	unsigned int index = 0;
	bool good;

	if (!apply_read_device(job, &have, &index))
		return false;
	good = weft_fit(job->ctx, &job->model, index, &job->apply->left_out) &&
	       (weft_settle(job->folder->fleet, &job->model, have, &job->settle) ||
		apply_no_memory(job));
	weft_model_device_free(have);
	job->apply->peers = weft_model_peer_count(job->model.profile->dev);
	job->apply->removals = job->settle.gone.count;
	job->apply->waits = weft_settle_is_much(&job->settle) && !job->ctx->really &&
			    (!job->apply->revokes ||
			     job->settle.revoked < job->settle.gone.count);
	return good;
}

/* The file has all that the records say: it does not depend on this machine's state. */
static bool apply_render(struct apply_job *job)
{
	size_t len;
	FILE *out = open_memstream(&job->text, &len);

	if (!out)
		return apply_no_memory(job);
	weft_render(out, &job->model);
	return !fclose(out) || apply_no_memory(job);
}

/* Whether the file has another text, or does not exist. */
static bool apply_file_differs(struct apply_job *job)
{
	struct weft_file file;
	bool differs;

	if (access(job->path, R_OK) ||
	    !weft_file_read(job->ctx, job->path, WEFT_FLEET_TEXT_BYTES, &file))
		return true;
	differs = strcmp(file.text, job->text);
	weft_file_wipe(&file);
	return differs;
}

static bool apply_put_file(struct apply_job *job)
{
	if (!apply_file_differs(job))
		return true;
	job->apply->changed = true;
	return job->ctx->dry_run ||
	       weft_writer_put(job->ctx, job->path, WEFT_FOLDER_CONF_MODE, NULL, job->text,
			       strlen(job->text));
}

static bool apply_write_file(struct apply_job *job)
{
	char name[WEFT_FLEET_NAME_BYTES + sizeof(".conf")];

	snprintf(name, sizeof(name), "%s.conf", job->folder->self->fleet);
	job->path = weft_folder_file(job->folder, name);
	return job->path && apply_put_file(job);
}

static bool apply_remember(struct apply_job *job)
{
	bool changed = false, good = weft_folder_write(job->folder, &changed);

	job->apply->changed |= changed;
	return good;
}

static void apply_move(struct weft_words *to, struct weft_words *from)
{
	*to = *from;
	memset(from, 0, sizeof(*from));
}

/* The number of nodes that are gone and are removed now. */
static size_t apply_removals(const struct apply_job *job)
{
	if (!job->apply->waits)
		return job->settle.gone.count;
	return job->apply->revokes ? job->settle.revoked : 0;
}

static bool apply_up(struct apply_job *job)
{
	struct weft_recorder recorder;
	struct weft_context through;
	bool good;

	if (!weft_settle_remove(&job->model, &job->settle, apply_removals(job)))
		return apply_no_memory(job);
	job->model.profile->path = strdup(job->path);
	if (!job->model.profile->path)
		return apply_no_memory(job);
	weft_recorder_begin(&recorder, job->ctx, &through);
	good = weft_up(&through, job->model.profile);
	job->apply->changed |= recorder.changes.count;
	apply_move(&job->apply->changes, &recorder.changes);
	weft_recorder_free(&recorder);
	return good && (!recorder.failed || apply_no_memory(job));
}

static bool apply_run(struct apply_job *job)
{
	bool good = apply_model(job) && apply_render(job) && apply_settle(job);

	/* What was taken in is remembered, whatever becomes of the interface. */
	good = apply_remember(job) && good;
	return good && apply_write_file(job) && apply_up(job);
}

bool weft_fleet_apply(const struct weft_context *ctx, struct weft_folder *folder,
		      struct weft_fleet_apply *apply)
{
	struct apply_job job = { .ctx = ctx, .folder = folder, .apply = apply };
	bool good;

	*apply = (struct weft_fleet_apply){ .revokes = apply->revokes };
	good = apply_run(&job);
	apply_move(&apply->problems, &job.model.problems);
	apply_move(&apply->silent, &job.model.silent);
	weft_fleet_model_free(&job.model);
	weft_settle_free(&job.settle);
	free(job.path);
	weft_text_wipe(job.text);
	return good;
}

void weft_fleet_apply_free(struct weft_fleet_apply *apply)
{
	weft_profile_words_free(&apply->problems);
	weft_profile_words_free(&apply->silent);
	weft_profile_words_free(&apply->changes);
}

bool weft_fleet_check_identity(const struct weft_folder *folder, struct weft_fleet_apply *apply)
{
	const struct weft_self *self = folder->self;
	const struct weft_member *member = weft_fleet_find(folder->fleet, self->node);
	struct weft_key identity;
	char *text;
	bool good;

	weft_seed_public(&identity, &self->identity);
	if (!member || !member->node || weft_key_equal(&identity, &member->node->identity))
		return true;
	if (asprintf(&text,
		     "node %s of the fleet has another identity than this machine, %s: no peer answers it; admit this identity, or remove '%s' and use another name",
		     self->node, weft_key_encode(&identity).chars, folder->path) < 0)
		return weft_complain(folder->ctx, "out of memory");
	good = weft_profile_words_add(&apply->problems, text, 0) ||
	       weft_complain(folder->ctx, "out of memory");
	free(text);
	return good;
}

bool weft_fleet_read_text(const struct weft_context *ctx, const char *file,
			  struct weft_file *text)
{
	if (!weft_file_read(ctx, file, WEFT_FLEET_TEXT_BYTES, text))
		return false;
	if (text->text[strspn(text->text, "\n")])
		return true;
	weft_file_wipe(text);
	return weft_complain(ctx, "'%s' has no record", strcmp(file, "-") ? file :
			     "standard input");
}

bool weft_fleet_take_bundle(const struct weft_context *ctx, struct weft_fleet *fleet,
			    const struct weft_file *text, struct weft_merge *merge)
{
	struct weft_gate gate = { .tells = true, .merge.now = ctx->now };
	bool good = weft_gate_merge(fleet, text->text, text->len, NULL, &gate);

	*merge = gate.merge;
	memset(&gate.merge, 0, sizeof(gate.merge));
	weft_gate_free(&gate);
	return good || weft_complain(ctx, "out of memory");
}
