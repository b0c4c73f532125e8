// SPDX-License-Identifier: GPL-2.0
/* weft doctor */
#include <json-c/json.h>
#include <string.h>

#include "base/complain.h"
#include "cli/command.h"
#include "conf/locate.h"
#include "doctor/doctor.h"
#include "doctor/machine.h"
#include "model/format.h"
#include "print/json.h"

/**
 * struct doctor_job - the output of findings
 * @ctx: the context
 * @array: the JSON array, NULL for text
 * @machine: the facts about the machine
 * @findings: the findings of one interface, or of the machine, in @array
 * @no_memory: findings were lost
 */
struct doctor_job {
	const struct weft_context *ctx;
	struct weft_doctor_machine machine;
	struct json_object *array;
	struct json_object *findings;
	bool no_memory;
};

static void doctor_add(struct doctor_job *job, struct json_object *object,
		       const char *key, const char *text)
{
	job->no_memory |= !weft_json_add_text(object, key, text);
}

static void doctor_find_json(struct doctor_job *job,
			     const struct weft_doctor_result *result)
{
	struct json_object *object = json_object_new_object();

	if (!object || json_object_array_add(job->findings, object)) {
		json_object_put(object);
		job->no_memory = true;
		return;
	}
	doctor_add(job, object, "code", result->code);
	doctor_add(job, object, "severity",
		   result->severity == WEFT_DOCTOR_ERROR ? "error" : "warning");
	if (result->peer) {
		doctor_add(job, object, "peer",
			   weft_key_encode(&result->peer->last->public_key).chars);
		if (result->peer->last->name)
			doctor_add(job, object, "name", result->peer->last->name);
	}
	doctor_add(job, object, "what", result->what);
	doctor_add(job, object, "mend", result->mend);
}

static void doctor_find_text(struct doctor_job *job,
			     const struct weft_doctor_result *result)
{
	FILE *out = job->ctx->out;

	fprintf(out, "%s", result->name ? result->name : "this machine");
	if (result->peer)
		fprintf(out, ", peer %s",
			weft_format_peer(result->peer->last).chars);
	fprintf(out, ": %s: %s [%s]\n",
		result->severity == WEFT_DOCTOR_ERROR ? "error" : "warning",
		result->what, result->code);
	fprintf(out, "  to mend it: %s\n", result->mend);
}

static void doctor_find(struct weft_doctor_report *report,
			const struct weft_doctor_result *result)
{
	struct doctor_job *job = report->data;

	if (job->array)
		doctor_find_json(job, result);
	else
		doctor_find_text(job, result);
}

static bool doctor_add_or_null(struct json_object *object, const char *key,
			       const char *text)
{
	return text ? weft_json_add_text(object, key, text) :
		      !json_object_object_add(object, key, NULL);
}

/* Further findings are about @name, or with NULL about the machine. */
static bool doctor_begin(struct doctor_job *job, const char *name,
			 const char *kind)
{
	struct json_object *object;

	if (!job->array)
		return true;
	object = json_object_new_object();
	job->findings = json_object_new_array();
	if (!object || !job->findings ||
	    json_object_object_add(object, "findings", job->findings)) {
		json_object_put(job->findings);
		json_object_put(object);
		return false;
	}
	if (doctor_add_or_null(object, "interface", name) &&
	    doctor_add_or_null(object, "kind", kind) &&
	    !json_object_array_add(job->array, object))
		return true;
	json_object_put(object);
	return false;
}

/* Removes the last object, which has no findings and no subject. */
static void doctor_forget(const struct doctor_job *job)
{
	if (job->array)
		json_object_array_del_idx(job->array,
					  json_object_array_length(job->array) - 1,
					  1);
}

static int doctor_end(const struct doctor_job *job, bool good,
		      const struct weft_doctor_report *report)
{
	if (good && !job->no_memory)
		return report->worst;
	weft_complain(job->ctx, "out of memory");
	return WEFT_DOCTOR_COULD_NOT;
}

/* Checks an existing interface. */
static int doctor_look(struct doctor_job *job,
		       const struct weft_doctor_tunnel *tunnel,
		       struct weft_doctor_facts *facts)
{
	struct weft_doctor_report report = {
		.find = doctor_find, .data = job,
	};
	bool good;

	good = doctor_begin(job, facts->last->name,
			    weft_model_kind_name(facts->last->kind));
	if (good && tunnel)
		good = weft_doctor_tunnel_look(&job->machine, tunnel, &report);
	good = good && weft_doctor_look(facts, &report);
	if (good && !report.worst && !job->array)
		fprintf(job->ctx->out, "%s: no fault found\n",
			facts->last->name);
	return doctor_end(job, good, &report);
}

static int doctor_interface(struct doctor_job *job,
			    const struct weft_doctor_tunnel *tunnel,
			    const char *name)
{
	struct weft_doctor_facts facts;
	int status = WEFT_DOCTOR_COULD_NOT;

	if (weft_doctor_gather(job->ctx, name, &facts))
		status = doctor_look(job, tunnel, &facts);
	weft_doctor_facts_free(&facts);
	return status;
}

/* Checks the machine, or with @tunnel a missing interface. */
static int doctor_absent(struct doctor_job *job,
			 const struct weft_doctor_tunnel *tunnel)
{
	struct weft_doctor_report report = {
		.find = doctor_find, .data = job,
	};
	bool good = doctor_begin(job, tunnel ? tunnel->name : NULL, NULL);

	if (good && tunnel)
		good = weft_doctor_tunnel_look(&job->machine, tunnel, &report);
	else if (good)
		good = weft_doctor_machine_look(&job->machine, &report);
	if (good && !report.worst)
		doctor_forget(job);
	return doctor_end(job, good, &report);
}

static int doctor_worse(int a, int b)
{
	return a > b ? a : b;
}

static int doctor_one(struct doctor_job *job, const char *name)
{
	const struct weft_doctor_tunnel *tunnel;
	int status;

	tunnel = weft_doctor_machine_find(&job->machine, name);
	if (!tunnel || tunnel->link)
		return doctor_interface(job, tunnel, name);
	status = doctor_absent(job, NULL);
	status = doctor_worse(status, doctor_absent(job, tunnel));
	/* Without a finding there is a file, which may be wg-quick's. */
	return status ? status : doctor_interface(job, NULL, name);
}

static int doctor_all(struct doctor_job *job)
{
	const struct weft_doctor_machine *machine = &job->machine;
	const struct weft_doctor_tunnel *tunnel;
	int status = doctor_absent(job, NULL);
	size_t i;

	for (i = 0; i < machine->tunnel_count; i++) {
		tunnel = &machine->tunnels[i];
		status = doctor_worse(status, tunnel->link ?
				      doctor_interface(job, tunnel, tunnel->name) :
				      doctor_absent(job, tunnel));
	}
	if (!machine->interfaces && !status && !job->array)
		fputs("no tunnel interface exists\n", job->ctx->out);
	return status;
}

int weft_command_doctor(struct weft_context *ctx, int argc, char **argv)
{
	struct doctor_job job = { .ctx = ctx };
	int status;

	if (ctx->json) {
		job.array = json_object_new_array();
		if (!job.array) {
			weft_complain(ctx, "out of memory");
			return WEFT_DOCTOR_COULD_NOT;
		}
	}
	status = WEFT_DOCTOR_COULD_NOT;
	if (weft_doctor_machine_gather(ctx, weft_locate_folders, &job.machine))
		status = argc ? doctor_one(&job, argv[0]) : doctor_all(&job);
	weft_doctor_machine_free(&job.machine);
	if (job.array)
		weft_json_print(ctx, job.array);
	json_object_put(job.array);
	return status;
}
