// SPDX-License-Identifier: GPL-2.0
/* weft check */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "apply/check.h"
#include "base/complain.h"
#include "cli/command.h"
#include "conf/locate.h"
#include "conf/profile.h"
#include "print/json.h"

static const char *check_severity(const struct weft_note *note)
{
	return note->warning ? "warning" : "error";
}

static void check_print_note(const struct weft_context *ctx,
			     const struct weft_note *note)
{
	if (note->file) {
		weft_complain_text(ctx->out, note->file);
		fprintf(ctx->out, ":%u: ", note->line);
	}
	fprintf(ctx->out, "%s: ", check_severity(note));
	if (note->name) {
		weft_complain_text(ctx->out, note->name);
		fputs(": ", ctx->out);
	}
	weft_complain_text(ctx->out, note->text);
	fputc('\n', ctx->out);
}

static struct json_object *check_json_note(const struct weft_note *note)
{
	struct json_object *object = json_object_new_object();
	bool good;

	if (!object)
		return NULL;
	good = weft_json_add_text(object, "severity", check_severity(note)) &&
	       weft_json_add_text(object, "text", note->text);
	if (note->file)
		good = good && weft_json_add_text(object, "file", note->file) &&
		       weft_json_add(object, "line", json_object_new_int(note->line));
	if (note->name)
		good = good && weft_json_add_text(object, "field", note->name);
	if (good)
		return object;
	json_object_put(object);
	return NULL;
}

static bool check_print_json(const struct weft_context *ctx,
			     const struct weft_notes *notes)
{
	struct json_object *array = json_object_new_array(), *object = NULL;
	bool good = array;
	size_t i;

	for (i = 0; good && i < notes->count; i++) {
		object = check_json_note(&notes->items[i]);
		good = object && !json_object_array_add(array, object);
		if (!good)
			json_object_put(object);
	}
	if (good)
		weft_json_print(ctx, array);
	json_object_put(array);
	return good;
}

/* Sorts by line; notes about the file as such come first. */
static int check_compare(const void *a, const void *b)
{
	const struct weft_note *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static bool check_print(const struct weft_context *ctx,
			struct weft_notes *notes)
{
	size_t i;

	if (notes->count)
		qsort(notes->items, notes->count, sizeof(*notes->items),
		      check_compare);
	if (ctx->json)
		return check_print_json(ctx, notes);
	for (i = 0; i < notes->count; i++)
		check_print_note(ctx, &notes->items[i]);
	return true;
}

int weft_command_check(struct weft_context *ctx, int argc, char **argv)
{
	struct weft_context quiet = *ctx;
	struct weft_notes notes = { };
	struct weft_profile *profile;
	int status;

	(void)argc;
	quiet.notes = &notes;
	profile = weft_locate_profile(&quiet, argv[0]);
	if (profile)
		weft_check_profile(&quiet, profile);
	weft_profile_free(profile);
	status = notes.errors ? 1 : 0;
	if (notes.failed || !check_print(ctx, &notes)) {
		weft_complain(ctx, "out of memory");
		status = 1;
	}
	weft_notes_free(&notes);
	return status;
}
