// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

/* A copy, or NULL for NULL; false when memory is short. */
static bool report_copy(char **to, const char *text)
{
	*to = text ? strdup(text) : NULL;
	return *to || !text;
}

static bool report_fill(struct weft_note *note, const struct weft_place *place,
			const char *fmt, va_list args)
{
	if (place && place->file)
		note->line = place->line;
	if (vasprintf(&note->text, fmt, args) < 0) {
		note->text = NULL;
		return false;
	}
	return !place || (report_copy(&note->file, place->file) &&
			  report_copy(&note->name, place->name));
}

static void report_free(struct weft_note *note)
{
	free(note->file);
	free(note->name);
	free(note->text);
}

static void report_keep(struct weft_notes *notes, bool warning,
			const struct weft_place *place, const char *fmt,
			va_list args)
{
	struct weft_note note = { .warning = warning, .place = notes->count };
	struct weft_note *items;

	items = reallocarray(notes->items, notes->count + 1, sizeof(*items));
	if (items)
		notes->items = items;
	if (items && report_fill(&note, place, fmt, args)) {
		items[notes->count++] = note;
		notes->errors += !warning;
		return;
	}
	report_free(&note);
	notes->failed = true;
}

void weft_notes_free(struct weft_notes *notes)
{
	size_t i;

	for (i = 0; i < notes->count; i++)
		report_free(&notes->items[i]);
	free(notes->items);
	memset(notes, 0, sizeof(*notes));
}

static void report_line(const struct weft_context *ctx, bool warning,
			const struct weft_place *place, const char *fmt,
			va_list args)
{
	if (ctx->notes) {
		report_keep(ctx->notes, warning, place, fmt, args);
		return;
	}
	fprintf(ctx->err, "weft: %s", warning ? "warning: " : "");
	if (place && place->file)
		fprintf(ctx->err, "%s:%u: ", place->file, place->line);
	if (place && place->name)
		fprintf(ctx->err, "%s: ", place->name);
	vfprintf(ctx->err, fmt, args);
	fputc('\n', ctx->err);
}

void weft_report(const struct weft_context *ctx, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report_line(ctx, false, NULL, fmt, args);
	va_end(args);
}

void weft_report_at(const struct weft_context *ctx,
		    const struct weft_place *place, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report_line(ctx, false, place, fmt, args);
	va_end(args);
}

void weft_report_warning_at(const struct weft_context *ctx,
			    const struct weft_place *place, const char *fmt,
			    ...)
{
	va_list args;

	va_start(args, fmt);
	report_line(ctx, true, place, fmt, args);
	va_end(args);
}

void weft_report_warning(const struct weft_context *ctx, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report_line(ctx, true, NULL, fmt, args);
	va_end(args);
}
