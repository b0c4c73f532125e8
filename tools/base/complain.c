// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/complain.h"
#include "base/text.h"

/* The limit of a message when memory is short: the rest is cut off. */
#define COMPLAIN_SHORT_BYTES	512

/* A copy, or NULL for NULL; false when memory is short. */
static bool complain_copy(char **to, const char *text)
{
	*to = text ? strdup(text) : NULL;
	return *to || !text;
}

static bool complain_fill(struct weft_note *note, const struct weft_place *place,
			  const char *fmt, va_list args)
{
	if (place && place->file)
		note->line = place->line;
	if (vasprintf(&note->text, fmt, args) < 0) {
		note->text = NULL;
		return false;
	}
	return !place || (complain_copy(&note->file, place->file) &&
			  complain_copy(&note->name, place->name));
}

static void complain_free(struct weft_note *note)
{
	free(note->file);
	free(note->name);
	free(note->text);
}

static void complain_keep(struct weft_notes *notes, bool warning,
			  const struct weft_place *place, const char *fmt,
			  va_list args)
{
	struct weft_note note = { .warning = warning, .order = notes->count };
	struct weft_note *items;

	items = reallocarray(notes->items, notes->count + 1, sizeof(*items));
	if (items)
		notes->items = items;
	if (items && complain_fill(&note, place, fmt, args)) {
		items[notes->count++] = note;
		notes->errors += !warning;
		return;
	}
	complain_free(&note);
	notes->failed = true;
}

void weft_notes_free(struct weft_notes *notes)
{
	size_t i;

	for (i = 0; i < notes->count; i++)
		complain_free(&notes->items[i]);
	free(notes->items);
	memset(notes, 0, sizeof(*notes));
}

/* C0, DEL and C1; the second byte of a C1 character is below 0xa0. */
static bool complain_is_control(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	return *at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0);
}

void weft_complain_text(FILE *out, const char *text)
{
	size_t len;

	for (; *text; text += len) {
		len = weft_text_character(text);
		if (len && !complain_is_control(text)) {
			fwrite(text, 1, len, out);
		} else {
			fprintf(out, "\\x%02x", (unsigned char)*text);
			len = 1;
		}
	}
}

static void complain_message(FILE *out, const char *fmt, va_list args)
{
	char *text, cut[COMPLAIN_SHORT_BYTES] = "";
	va_list again;

	va_copy(again, args);
	if (vasprintf(&text, fmt, args) < 0) {
		text = NULL;
		vsnprintf(cut, sizeof(cut), fmt, again);
	}
	va_end(again);
	weft_complain_text(out, text ? text : cut);
	free(text);
}

static void complain_print(FILE *out, bool warning, const struct weft_place *place,
			   const char *fmt, va_list args)
{
	fprintf(out, "weft: %s", warning ? "warning: " : "");
	if (place && place->file) {
		weft_complain_text(out, place->file);
		fprintf(out, ":%u: ", place->line);
	}
	if (place && place->name) {
		weft_complain_text(out, place->name);
		fputs(": ", out);
	}
	complain_message(out, fmt, args);
	fputc('\n', out);
}

/*
 * The stream is not buffered: a line in several writes would mix with those of other
 * processes. Where memory is short, it is printed in pieces.
 */
static void complain_line(const struct weft_context *ctx, bool warning,
			  const struct weft_place *place, const char *fmt,
			  va_list args)
{
	char *line = NULL;
	size_t len = 0;
	va_list again;
	FILE *out;

	if (ctx->notes) {
		complain_keep(ctx->notes, warning, place, fmt, args);
		return;
	}
	va_copy(again, args);
	out = open_memstream(&line, &len);
	if (out)
		complain_print(out, warning, place, fmt, args);
	if (out && !fclose(out))
		fwrite(line, 1, len, ctx->err);
	else
		complain_print(ctx->err, warning, place, fmt, again);
	va_end(again);
	free(line);
}

bool weft_complain(const struct weft_context *ctx, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	complain_line(ctx, false, NULL, fmt, args);
	va_end(args);
	return false;
}

bool weft_complain_at(const struct weft_context *ctx, const struct weft_place *place,
		      const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	complain_line(ctx, false, place, fmt, args);
	va_end(args);
	return false;
}

bool weft_complain_unknown(const struct weft_context *ctx, const char *what, const char *word,
			   const void *table, size_t size)
{
	const char *row = table, *name;
	char *list = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&list, &len);

	for (; out && (name = *(const char *const *)row); row += size)
		fprintf(out, "%s%s", row == table ? "" : ", ", name);
	if (out)
		fclose(out);
	weft_complain(ctx, "%s '%s': use %s", what, word, list ?: "another one");
	free(list);
	return false;
}

void weft_warn_at(const struct weft_context *ctx,
		  const struct weft_place *place, const char *fmt,
		  ...)
{
	va_list args;

	va_start(args, fmt);
	complain_line(ctx, true, place, fmt, args);
	va_end(args);
}

void weft_warn(const struct weft_context *ctx, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	complain_line(ctx, true, NULL, fmt, args);
	va_end(args);
}
