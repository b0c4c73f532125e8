// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "conf/file.h"
#include "conf/rewrite.h"
#include "model/key.h"

/* Sufficient for three lines with a field and a key each. */
#define REWRITE_BYTES	512

static const char * const rewrite_fields[] = {
	"PrivateKey", "PreviousPrivateKey", "GraceUntil",
};

/* The buffer is large enough: see REWRITE_BYTES. */
static void rewrite_put(struct weft_file *file, const char *text, size_t len)
{
	memcpy(file->text + file->len, text, len);
	file->len += len;
}

static void rewrite_put_key(struct weft_file *file, const char *field,
			    const struct weft_key *key)
{
	struct weft_key_text text = weft_key_encode(key);

	rewrite_put(file, field, strlen(field));
	rewrite_put(file, " = ", 3);
	rewrite_put(file, text.chars, WEFT_KEY_CHARS);
	rewrite_put(file, "\n", 1);
	weft_key_text_wipe(&text);
}

static void rewrite_put_all(struct weft_file *file,
			    const struct weft_rewrite *rewrite)
{
	char until[64];

	rewrite_put_key(file, rewrite_fields[0], rewrite->private_key);
	if (!rewrite->previous)
		return;
	rewrite_put_key(file, rewrite_fields[1], rewrite->previous);
	if (!rewrite->until)
		return;
	snprintf(until, sizeof(until), "%s = %lld\n", rewrite_fields[2],
		 (long long)rewrite->until);
	rewrite_put(file, until, strlen(until));
}

/* The parser ignores white space inside a field's name, too. */
static bool rewrite_sets(const char *line, size_t len, const char *field)
{
	for (; len && (*field || *line != '='); line++, len--) {
		if (isspace((unsigned char)*line))
			continue;
		if (tolower((unsigned char)*line) != tolower((unsigned char)*field))
			return false;
		field++;
	}
	return len && !*field;
}

/* The index of the field that a line sets, or the number of fields for none. */
static size_t rewrite_field(const char *line, size_t len)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rewrite_fields); i++)
		if (rewrite_sets(line, len, rewrite_fields[i]))
			break;
	return i;
}

bool weft_rewrite_text(const struct weft_file *text,
		       const struct weft_rewrite *rewrite,
		       struct weft_file *fresh)
{
	const char *line = text->text, *end = line + text->len;
	bool done = false;
	size_t len, field;

	fresh->len = 0;
	fresh->text = calloc(1, text->len + REWRITE_BYTES);
	if (!fresh->text)
		return false;
	for (; line < end; line += len) {
		len = strcspn(line, "\n");
		len += line + len < end;
		field = rewrite_field(line, len);
		if (field == ARRAY_SIZE(rewrite_fields))
			rewrite_put(fresh, line, len);
		else if (!field && !done)
			rewrite_put_all(fresh, rewrite);
		done |= !field;
	}
	return true;
}
