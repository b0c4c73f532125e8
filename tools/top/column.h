/* SPDX-License-Identifier: GPL-2.0 */
/* The columns of peers: one row of a table each, for printing, sorting and completion. */
#ifndef _WEFT_TOOLS_COLUMN_H
#define _WEFT_TOOLS_COLUMN_H

#include <stddef.h>
#include <stdio.h>

#include "top/reading.h"
#include "top/safe.h"

/**
 * struct weft_top_column - one column
 * @name: the word to sort by it
 * @title: its head
 * @width: the least columns of the terminal that it takes
 * @right: numbers, which end at the same place
 * @cell: the text of a row in it
 * @compare: less than 0 if row @a belongs before row @b: names and addresses ascend; of the
 *           others, what needs attention is first, and the largest number
 */
struct weft_top_column {
	const char *name;
	const char *title;
	int width;
	bool right;
	void (*cell)(const struct weft_top_row *row, struct weft_safe *cell);
	int (*compare)(const struct weft_top_row *a, const struct weft_top_row *b);
};

#define WEFT_TOP_COLUMNS	8

/* The last row has no name. */
extern const struct weft_top_column weft_top_columns[WEFT_TOP_COLUMNS + 1];

/* What a terminal shows at first. */
const struct weft_top_column *weft_top_column_default(void);
/* NULL: no column of this name. */
const struct weft_top_column *weft_top_column_find(const char *name);

/* "12.3K": bytes per second in units of 1024. */
void weft_top_format_rate(char *text, size_t size, double rate);

/* The width of each column. */
struct weft_top_layout {
	int widths[WEFT_TOP_COLUMNS];
};

/* Wide enough for each of the rows, the column "name" for @widest at most. */
void weft_top_layout(struct weft_top_layout *layout, const struct weft_top_row **rows, size_t count,
		     int widest);
void weft_top_print_titles(FILE *out, const struct weft_top_layout *layout);
void weft_top_print_row(FILE *out, const struct weft_top_layout *layout,
			const struct weft_top_row *row);

#endif /* _WEFT_TOOLS_COLUMN_H */
