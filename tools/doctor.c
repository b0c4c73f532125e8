// SPDX-License-Identifier: GPL-2.0
/* weft doctor */
#include <json-c/json.h>
#include <string.h>

#include "backend.h"
#include "command.h"
#include "doctor.h"
#include "json.h"
#include "report.h"
#include "text.h"

#define DOCTOR_COULD_NOT	3

/**
 * struct doctor_job - findings on their way out
 * @ctx: where to
 * @array: of JSON, NULL for text
 * @findings: the interface's, in @array
 * @no_memory: some were lost
 */
struct doctor_job {
	const struct weft_context *ctx;
	struct json_object *array;
	struct json_object *findings;
	bool no_memory;
};

static void doctor_add(struct doctor_job *job, struct json_object *object,
		       const char *key, const char *text)
{
	struct json_object *value = json_object_new_string(text);

	if (value && !json_object_object_add(object, key, value))
		return;
	json_object_put(value);
	job->no_memory = true;
}

static void doctor_find_json(struct doctor_job *job,
			     const struct weft_doctor_check *check,
			     const struct weft_doctor_peer *peer,
			     const char *what, const char *mend)
{
	struct json_object *object = json_object_new_object();

	if (!object || json_object_array_add(job->findings, object)) {
		json_object_put(object);
		job->no_memory = true;
		return;
	}
	doctor_add(job, object, "code", check->code);
	doctor_add(job, object, "severity",
		   check->severity == WEFT_DOCTOR_ERROR ? "error" : "warning");
	if (peer) {
		doctor_add(job, object, "peer",
			   weft_key_encode(&peer->last->public_key).chars);
		if (peer->last->name)
			doctor_add(job, object, "name", peer->last->name);
	}
	doctor_add(job, object, "what", what);
	doctor_add(job, object, "mend", mend);
}

static void doctor_find_text(struct doctor_job *job,
			     const struct weft_doctor_check *check,
			     const struct weft_doctor_facts *facts,
			     const struct weft_doctor_peer *peer,
			     const char *what, const char *mend)
{
	FILE *out = job->ctx->out;

	fprintf(out, "%s", facts->last->name);
	if (peer)
		fprintf(out, ", peer %s", weft_text_peer(peer->last).chars);
	fprintf(out, ": %s: %s [%s]\n",
		check->severity == WEFT_DOCTOR_ERROR ? "error" : "warning",
		what, check->code);
	fprintf(out, "  to mend it: %s\n", mend);
}

static void doctor_find(struct weft_doctor_report *report,
			const struct weft_doctor_check *check,
			const struct weft_doctor_facts *facts,
			const struct weft_doctor_peer *peer, const char *what,
			const char *mend)
{
	struct doctor_job *job = report->data;

	if (job->array)
		doctor_find_json(job, check, peer, what, mend);
	else
		doctor_find_text(job, check, facts, peer, what, mend);
}

static bool doctor_begin_json(struct doctor_job *job,
			      const struct weft_device *dev)
{
	struct json_object *object = json_object_new_object();

	job->findings = json_object_new_array();
	if (!object || !job->findings ||
	    json_object_object_add(object, "findings", job->findings)) {
		json_object_put(job->findings);
		json_object_put(object);
		return false;
	}
	doctor_add(job, object, "interface", dev->name);
	doctor_add(job, object, "kind", weft_model_kind_name(dev->kind));
	if (!json_object_array_add(job->array, object))
		return true;
	json_object_put(object);
	return false;
}

static int doctor_look(struct doctor_job *job,
		       const struct weft_doctor_facts *facts)
{
	struct weft_doctor_report report = {
		.find = doctor_find, .data = job,
	};

	if ((job->array && !doctor_begin_json(job, facts->last)) ||
	    !weft_doctor_look(facts, &report) || job->no_memory) {
		weft_report(job->ctx, "out of memory");
		return DOCTOR_COULD_NOT;
	}
	if (!report.worst && !job->array)
		fprintf(job->ctx->out, "%s: nothing is wrong\n",
			facts->last->name);
	return report.worst;
}

static int doctor_one(struct doctor_job *job, const char *name)
{
	struct weft_doctor_facts facts;
	int status = DOCTOR_COULD_NOT;

	if (weft_doctor_gather(job->ctx, name, &facts))
		status = doctor_look(job, &facts);
	weft_doctor_facts_free(&facts);
	return status;
}

static int doctor_all(struct doctor_job *job)
{
	struct weft_backend *backend = job->ctx->backend;
	struct weft_link *links, *link;
	int status = 0, one;

	if (backend->list(backend, &links)) {
		weft_report(job->ctx, "cannot list interfaces: %s",
			    backend->error);
		return DOCTOR_COULD_NOT;
	}
	if (!links && !job->array)
		fputs("there is no tunnel\n", job->ctx->out);
	for (link = links; link; link = link->next) {
		one = doctor_one(job, link->name);
		status = one > status ? one : status;
	}
	weft_model_links_free(links);
	return status;
}

int weft_command_doctor(struct weft_context *ctx, int argc, char **argv)
{
	struct doctor_job job = { .ctx = ctx };
	int status;

	if (ctx->json) {
		job.array = json_object_new_array();
		if (!job.array) {
			weft_report(ctx, "out of memory");
			return DOCTOR_COULD_NOT;
		}
	}
	status = argc ? doctor_one(&job, argv[0]) : doctor_all(&job);
	if (job.array)
		weft_json_print(ctx, job.array);
	json_object_put(job.array);
	return status;
}
