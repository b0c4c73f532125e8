// SPDX-License-Identifier: GPL-2.0
#include "base/text.h"
#include "print/sample.h"

/*
 * A label must not contain quotes, backslashes and newlines unescaped. It is UTF-8,
 * and the name of an interface need not be: invalid bytes are written as "\xff", so
 * that different names stay different.
 */
static void sample_print_text(FILE *out, const char *text)
{
	size_t len;

	for (; *text; text += len) {
		len = weft_text_character(text);
		if (!len) {
			fprintf(out, "\\\\x%02x", (unsigned char)*text);
			len = 1;
		} else if (*text == '\n') {
			fputs("\\n", out);
		} else if (*text == '"' || *text == '\\') {
			fprintf(out, "\\%c", *text);
		} else {
			fwrite(text, 1, len, out);
		}
	}
}

static void sample_print_label(FILE *out, char before, const char *label, const char *value)
{
	fprintf(out, "%c%s=\"", before, label);
	sample_print_text(out, value);
	fputc('"', out);
}

void weft_sample_head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void weft_sample_head_once(FILE *out, bool *begun, const char *name, const char *type,
			   const char *help)
{
	if (!*begun)
		weft_sample_head(out, name, type, help);
	*begun = true;
}

void weft_sample_begin(FILE *out, const char *name, const char *label, const char *value)
{
	fputs(name, out);
	sample_print_label(out, '{', label, value);
}

void weft_sample_label(FILE *out, const char *label, const char *value)
{
	sample_print_label(out, ',', label, value);
}

void weft_sample_end(FILE *out, __u64 number)
{
	fprintf(out, "} %llu\n", number);
}
