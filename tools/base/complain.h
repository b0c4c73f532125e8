/* SPDX-License-Identifier: GPL-2.0 */
/* Complaints: one line on stderr with a place and a message. */
#ifndef _WEFT_TOOLS_COMPLAIN_H
#define _WEFT_TOOLS_COMPLAIN_H

#include "base/context.h"

#ifndef __printf
#define __printf(a, b) __attribute((format(printf, a, b)))
#endif

/**
 * struct weft_place - where a word stands: in a file, or on the command line
 * @file: the configuration file, NULL for the command line
 * @line: the line in @file
 * @name: the setting the word belongs to, as the user wrote it, or NULL
 */
struct weft_place {
	const char *file;
	unsigned int line;
	const char *name;
};

/**
 * struct weft_note - a stored complaint
 * @warning: it is a warning
 * @file: the file that it is about, or NULL
 * @line: the line in @file
 * @name: the setting, or NULL
 * @text: the complaint
 * @order: the number of earlier notes
 */
struct weft_note {
	bool warning;
	char *file;
	unsigned int line;
	char *name;
	char *text;
	size_t order;
};

/* @failed: memory was short, and notes are missing. */
struct weft_notes {
	struct weft_note *items;
	size_t count;
	size_t errors;
	bool failed;
};

void weft_notes_free(struct weft_notes *notes);

/*
 * Text of a file, an argument or the kernel, for a terminal: control characters
 * (C0, DEL and C1) and bytes of invalid UTF-8 are written as "\x1b".
 */
void weft_complain_text(FILE *out, const char *text);

/* False, for the caller to return. */
__printf(2, 3)
bool weft_complain(const struct weft_context *ctx, const char *fmt, ...);
__printf(3, 4)
bool weft_complain_at(const struct weft_context *ctx, const struct weft_place *place,
		      const char *fmt, ...);
/*
 * "WHAT 'word': use a, b, c". The rows of @table, @size bytes each, begin with
 * their names; the last one has none.
 */
bool weft_complain_unknown(const struct weft_context *ctx, const char *what, const char *word,
			   const void *table, size_t size);
__printf(3, 4)
void weft_warn_at(const struct weft_context *ctx,
		  const struct weft_place *place, const char *fmt,
		  ...);
__printf(2, 3)
void weft_warn(const struct weft_context *ctx, const char *fmt, ...);

#endif /* _WEFT_TOOLS_COMPLAIN_H */
