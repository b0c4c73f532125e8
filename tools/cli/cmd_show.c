// SPDX-License-Identifier: GPL-2.0
/* weft show, weft showconf */
#include <json-c/json.h>
#include <string.h>

#include "base/complain.h"
#include "cli/command.h"
#include "genl/backend.h"
#include "print/conf.h"
#include "print/fields.h"
#include "print/json.h"
#include "print/summary.h"

/**
 * struct show_job - the output for one interface after the other
 * @field: one field, or NULL for the summary
 * @array: the JSON array, NULL for text
 * @named: begin each line of a field with the interface's name
 * @shown: the number of summaries printed
 */
struct show_job {
	const struct weft_field *field;
	struct json_object *array;
	bool named;
	unsigned int shown;
};

static bool show_summary(const struct weft_context *ctx, struct show_job *job,
			 const struct weft_device *dev)
{
	if (job->shown++)
		fputc('\n', ctx->out);
	return weft_summary_print(ctx, dev) || weft_complain(ctx, "out of memory");
}

static bool show_device(const struct weft_context *ctx, struct show_job *job,
			const struct weft_device *dev)
{
	if (job->array)
		return weft_json_add_device(ctx, job->array, dev,
					    job->field ? job->field->name :
							 NULL) ||
		       weft_complain(ctx, "out of memory");
	if (!job->field)
		return show_summary(ctx, job, dev);
	weft_fields_print(ctx, dev, job->field, job->named);
	return true;
}

static bool show_one(const struct weft_context *ctx, struct show_job *job,
		     const char *name)
{
	struct weft_device *dev;
	bool good;

	if (!weft_backend_get(ctx, name, &dev))
		return false;
	if (ctx->as_wg)
		weft_model_device_plain(dev);
	good = show_device(ctx, job, dev);
	weft_model_device_free(dev);
	return good;
}

/*
 * Distinguishes a machine without the module, where an empty list needs an
 * explanation, from one without interfaces.
 */
static bool show_is_ready(const struct weft_context *ctx,
			  const struct weft_link *links)
{
	struct weft_backend *backend = ctx->backend;

	if (links || !backend->ready || !backend->ready(backend))
		return true;
	return weft_complain(ctx, "no interfaces: %s", backend->error);
}

static bool show_name(const struct weft_context *ctx, struct show_job *job,
		      const struct weft_link *link)
{
	if (job->array)
		return weft_json_add_link(job->array, link) || weft_complain(ctx, "out of memory");
	fprintf(ctx->out, "%s%c", link->name, link->next ? ' ' : '\n');
	return true;
}

/* One interface that cannot be read must not hide the others. */
static bool show_all(const struct weft_context *ctx, struct show_job *job, bool names)
{
	struct weft_link *links, *link;
	bool good;

	if (!weft_backend_list(ctx, &links))
		return false;
	good = show_is_ready(ctx, links);
	for (link = links; link; link = link->next)
		good &= names ? show_name(ctx, job, link) : show_one(ctx, job, link->name);
	weft_model_links_free(links);
	return good;
}

static bool show_words(const struct weft_context *ctx, struct show_job *job,
		       int argc, char **argv)
{
	const char *what = argc ? argv[0] : "all";

	if (!strcmp(what, "interfaces")) {
		if (argc == 1)
			return show_all(ctx, job, true);
		return weft_complain(ctx, "show: unexpected argument '%s' after 'interfaces'",
				     argv[1]);
	}
	if (argc > 1) {
		job->field = weft_fields_find(argv[1]);
		if (!job->field)
			return weft_complain_unknown(ctx, "show: unknown field", argv[1],
						     weft_fields, sizeof(weft_fields[0]));
	}
	if (strcmp(what, "all"))
		return show_one(ctx, job, what);
	job->named = true;
	return show_all(ctx, job, false);
}

int weft_command_show(struct weft_context *ctx, int argc, char **argv)
{
	struct show_job job = { };
	bool good;

	if (ctx->json) {
		job.array = json_object_new_array();
		if (!job.array)
			return !weft_complain(ctx, "out of memory");
	}
	good = show_words(ctx, &job, argc, argv);
	/* After a failure no partial JSON is printed. */
	if (job.array && good)
		weft_json_print(ctx, job.array);
	json_object_put(job.array);
	return good ? 0 : 1;
}

int weft_command_showconf(struct weft_context *ctx, int argc, char **argv)
{
	struct weft_device *dev;

	(void)argc;
	if (!weft_backend_get(ctx, argv[0], &dev))
		return 1;
	if (ctx->as_wg)
		weft_model_device_plain(dev);
	weft_conf_print(ctx, dev);
	weft_model_device_free(dev);
	return 0;
}
