// SPDX-License-Identifier: GPL-2.0
/* weft fleet status */
#include <json-c/json.h>
#include <string.h>

#include "base/complain.h"
#include "cli/fleet.h"
#include "fleet/folder.h"
#include "fleet/last.h"
#include "fleet/topology.h"
#include "genl/backend.h"
#include "host/host.h"
#include "model/attr.h"
#include "model/format.h"
#include "print/json.h"

/**
 * struct status_job - one status
 * @ctx: the context
 * @folder: the state of the node
 * @last: the last "apply"
 * @dev: the interface, or NULL
 * @index: its peers
 * @paths: the paths from the node, where it is in the fleet
 * @in: the node is in the fleet
 */
struct status_job {
	struct weft_context *ctx;
	struct weft_folder folder;
	struct weft_fleet_last last;
	struct weft_device *dev;
	struct weft_peer_index index;
	struct weft_paths paths;
	bool in;
};

static bool status_read_device(struct status_job *job, const char *name)
{
	struct weft_host *host = job->ctx->host;
	struct weft_host_link link = { };

	if (host->link(host, name, &link))
		return weft_complain(job->ctx, "%s: cannot read the link: %s", name, host->error);
	if (!link.index || link.kind == WEFT_KIND_NONE)
		return true;
	return weft_backend_get(job->ctx, name, &job->dev) &&
	       (weft_model_index(job->dev, &job->index) ||
		weft_complain(job->ctx, "out of memory"));
}

static bool status_begin(struct status_job *job, const char *name)
{
	const struct weft_member *self;

	if (!weft_folder_read(&job->folder, job->ctx, name, WEFT_FOLDER_UNLOCKED) ||
	    !weft_folder_need(&job->folder) || !status_read_device(job, name))
		return false;
	weft_fleet_last_read(&job->folder, &job->last);
	self = weft_fleet_find(job->folder.fleet, job->folder.self->node);
	if (!job->folder.fleet->terms || !self || !weft_member_is_in(self))
		return true;
	job->in = weft_paths_begin(&job->paths, job->folder.fleet, self);
	return job->in || weft_complain(job->ctx, "out of memory");
}

static void status_end(struct status_job *job)
{
	if (job->in)
		weft_paths_end(&job->paths);
	weft_fleet_last_free(&job->last);
	weft_model_index_free(&job->index);
	weft_model_device_free(job->dev);
	weft_folder_free(&job->folder);
}

/* The interface's peer of a node, under any key that this machine has given it. */
static const struct weft_peer *status_peer(const struct status_job *job,
					   const struct weft_member *member)
{
	const struct weft_key *key = weft_member_key(member);
	const struct weft_peer *peer;
	size_t i;

	if (!job->dev)
		return NULL;
	peer = key ? weft_model_index_find(&job->index, key) : NULL;
	for (i = 0; !peer && i < member->made.count; i++)
		peer = weft_model_index_find(&job->index, &member->made.items[i]);
	return peer;
}

static const char *status_state(const struct weft_peer *peer)
{
	return peer && peer->known & WEFT_ATTR_BIT(WEFT_PEER_A_STATE) ?
	       weft_peer_state_name(peer->state) : NULL;
}

static const struct weft_member *status_via(const struct status_job *job,
					    const struct weft_member *member)
{
	return job->in && weft_member_is_in(member) && member != job->paths.self ?
	       weft_paths_via(&job->paths, member) : NULL;
}

static bool status_add_null(struct json_object *object, const char *key)
{
	return !json_object_object_add(object, key, NULL);
}

static bool status_add_text(struct json_object *object, const char *key, const char *text)
{
	return text && *text ? weft_json_add_text(object, key, text) :
			       status_add_null(object, key);
}

/* The interface has the node under another key than that of its hello: it has not met it. */
static bool status_is_behind(const struct weft_member *member, const struct weft_peer *peer)
{
	const struct weft_key *key = weft_member_key(member);

	return peer && key && !weft_key_equal(&peer->public_key, key);
}

static bool status_is_up(const struct weft_peer *peer)
{
	return peer && peer->known & WEFT_ATTR_BIT(WEFT_PEER_A_STATE) &&
	       peer->state == WEFT_PEER_STATE_UP;
}

/* The node's own key is older than the fleet wants, or than an order of the admin. */
static bool status_must_rotate(const struct status_job *job)
{
	const struct weft_fleet_record *terms = job->folder.fleet->terms;
	const struct weft_self *self = job->folder.self;

	if (!terms || weft_self_rotation(self) != WEFT_SELF_RESTS)
		return false;
	return terms->rotate_order > self->order ||
	       (terms->rotate_every &&
		job->ctx->now > (time_t)(self->since + terms->rotate_every + terms->rotate_window));
}

static bool status_fill_peer(const struct status_job *job, const struct weft_peer *peer,
			     struct json_object *object)
{
	bool met = peer && peer->handshake_s;
	bool reached = peer && peer->endpoint.any.sa_family != AF_UNSPEC;

	return status_add_text(object, "state", status_state(peer)) &&
	       (status_is_up(peer) ? weft_fleet_add_number(object, "up_for",
							   peer->state_age_ms / 1000) :
				     status_add_null(object, "up_for")) &&
	       (met ? weft_fleet_add_number(object, "handshake_age",
					    job->ctx->now - peer->handshake_s) :
		      status_add_null(object, "handshake_age")) &&
	       status_add_text(object, "endpoint",
			       reached ? weft_format_endpoint(&peer->endpoint).chars : NULL);
}

static bool status_fill_node(const struct status_job *job, const struct weft_member *member,
			     struct json_object *object)
{
	const struct weft_member *via = status_via(job, member);

	return weft_json_add_text(object, "node", member->name) &&
	       weft_fleet_add_number(object, "serial", member->node ? member->node->number : 0) &&
	       weft_fleet_add_number(object, "generation",
				     member->hello ? member->hello->number : 0) &&
	       weft_fleet_add_switch(object, "hub", member->node && member->node->hub) &&
	       weft_fleet_add_switch(object, "revoked", !weft_member_is_in(member)) &&
	       weft_fleet_add_switch(object, "direct", via == member) &&
	       status_add_text(object, "via", via && via != member ? via->name : NULL) &&
	       weft_fleet_add_switch(object, "behind",
				     status_is_behind(member, status_peer(job, member))) &&
	       status_fill_peer(job, status_peer(job, member), object);
}

static bool status_add_nodes(const struct status_job *job, struct json_object *to)
{
	const struct weft_fleet *fleet = job->folder.fleet;
	struct json_object *array = json_object_new_array(), *object;
	bool good = array;
	size_t i;

	for (i = 0; good && i < fleet->count; i++) {
		object = json_object_new_object();
		good = object && status_fill_node(job, &fleet->members[i], object) &&
		       !json_object_array_add(array, object);
		if (!good)
			json_object_put(object);
	}
	if (good)
		return weft_json_add(to, "nodes", array);
	json_object_put(array);
	return false;
}

static bool status_add_last(const struct status_job *job, struct json_object *to)
{
	struct json_object *object;

	if (!job->last.time)
		return status_add_null(to, "last_apply");
	object = json_object_new_object();
	if (object && weft_fleet_add_number(object, "time", job->last.time) &&
	    weft_fleet_add_switch(object, "ok", job->last.ok) &&
	    weft_fleet_add_number(object, "refused", job->last.refused) &&
	    weft_fleet_add_switch(object, "waits", job->last.waits) &&
	    weft_fleet_add_words(object, "problems", &job->last.problem_lines))
		return weft_json_add(to, "last_apply", object);
	json_object_put(object);
	return false;
}

static bool status_fill(const struct status_job *job, struct json_object *object)
{
	const struct weft_fleet *fleet = job->folder.fleet;
	const struct weft_self *self = job->folder.self;

	return weft_json_add_text(object, "fleet", fleet->name) &&
	       weft_json_add_text(object, "node", self->node) &&
	       weft_fleet_add_switch(object, "in", job->in) &&
	       weft_fleet_add_number(object, "epoch", weft_fleet_epoch(fleet)) &&
	       status_add_text(object, "topology", fleet->terms ?
			       weft_topology_names[fleet->terms->topology].name : NULL) &&
	       weft_json_add_text(object, "rotation", weft_self_rotation_name(self)) &&
	       status_add_text(object, "rotation_id", self->rotation) &&
	       weft_fleet_add_number(object, "key_age", job->ctx->now - self->since) &&
	       weft_fleet_add_number(object, "rotate_every",
				     fleet->terms ? fleet->terms->rotate_every : 0) &&
	       weft_fleet_add_switch(object, "must_rotate", status_must_rotate(job)) &&
	       status_add_last(job, object) && status_add_nodes(job, object);
}

static int status_print(const struct status_job *job)
{
	struct json_object *object = json_object_new_object();

	return weft_fleet_print(job->ctx, object, object && status_fill(job, object), 0);
}

static void status_tell_node(const struct status_job *job, const struct weft_member *member)
{
	const struct weft_member *via = status_via(job, member);
	const struct weft_peer *peer = status_peer(job, member);
	FILE *out = job->ctx->out;

	fprintf(out, "%-24s ", member->name);
	if (!weft_member_is_in(member))
		fputs("revoked", out);
	else if (job->in && member == job->paths.self)
		fputs("this node", out);
	else if (via && via != member)
		fprintf(out, "via %s", via->name);
	else if (!weft_member_key(member))
		fputs("no hello yet", out);
	else
		fputs(status_state(peer) ?: peer ? "configured" : "no peer", out);
	if (status_is_up(peer))
		fprintf(out, " for %llu s", (unsigned long long)(peer->state_age_ms / 1000));
	if (status_is_behind(member, peer))
		fputs(", its present key not met yet", out);
	if (peer && peer->handshake_s)
		fprintf(out,
			", handshake %lld s ago", (long long)(job->ctx->now - peer->handshake_s));
	fputc('\n', out);
}

static void status_tell_last(const struct status_job *job)
{
	const struct weft_fleet_last *last = &job->last;
	FILE *out = job->ctx->out;
	size_t i;

	if (last->time && (!last->ok || last->refused || last->waits))
		fprintf(out, "the last apply, %lld s ago: %s%llu records refused%s\n",
			(long long)(job->ctx->now - (time_t)last->time),
			last->ok ? "" : "failed, ", (unsigned long long)last->refused,
			last->waits ? ", removals wait for --really" : "");
	for (i = 0; i < last->problem_lines.count; i++)
		fprintf(out, "problem: %s\n", last->problem_lines.items[i].text);
	if (last->problems > i)
		fprintf(out, "%llu more problems\n", (unsigned long long)(last->problems - i));
}

static void status_tell(const struct status_job *job)
{
	const struct weft_fleet *fleet = job->folder.fleet;
	size_t i;

	fprintf(job->ctx->out, "fleet %s, epoch %llu, %zu nodes; node %s, rotation: %s\n",
		fleet->name, (unsigned long long)weft_fleet_epoch(fleet), weft_fleet_size(fleet),
		job->folder.self->node, weft_self_rotation_name(job->folder.self));
	if (!job->in)
		fprintf(job->ctx->out, "node %s is not in the fleet\n", job->folder.self->node);
	if (status_must_rotate(job))
		fprintf(job->ctx->out, "the tunnel key, %lld s old, is to be rotated\n",
			(long long)(job->ctx->now - (time_t)job->folder.self->since));
	status_tell_last(job);
	if (!job->dev)
		fprintf(job->ctx->out, "interface %s does not exist\n", fleet->name);
	for (i = 0; i < fleet->count; i++)
		status_tell_node(job, &fleet->members[i]);
}

int weft_fleet_status(struct weft_context *ctx, int argc, char **argv)
{
	struct status_job job = { .ctx = ctx, .folder = { .lock = -1 } };
	int status = 1;

	if (argc > 1)
		return !weft_complain(ctx, "fleet status: unexpected argument '%s'", argv[1]);
	if (status_begin(&job, argv[0])) {
		status = 0;
		if (ctx->json)
			status = status_print(&job);
		else
			status_tell(&job);
	}
	status_end(&job);
	return status;
}
