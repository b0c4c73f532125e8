/* SPDX-License-Identifier: GPL-2.0 */
/* Text of a peer's owner on a terminal: printable characters of a known width, and nothing else. */
#ifndef _WEFT_TOOLS_SAFE_H
#define _WEFT_TOOLS_SAFE_H

#include <stdbool.h>
#include <stddef.h>

#include "model/model.h"

/* The longest text: each byte of a name as "\x1b". */
#define WEFT_SAFE_BYTES	(4 * WEFT_NAME_BYTES + 1)

/* A text, and the columns that it takes on a terminal. */
struct weft_safe {
	char text[WEFT_SAFE_BYTES];
	int width;
};

/*
 * Characters that take no column of their own (controls, marks of writing direction, combining
 * ones), bytes of invalid UTF-8, and all but ASCII where the locale is not UTF-8, become "\x1b",
 * byte by byte. The rest of a text that is too long is left out.
 */
void weft_safe_take(struct weft_safe *safe, const char *text);

/* The bytes of the longest beginning of at most @width columns; sets *@used to its columns. */
size_t weft_safe_fit(const char *text, int width, int *used);

/* Makes the width of characters that of the environment's locale. */
void weft_safe_locale(void);

#endif /* _WEFT_TOOLS_SAFE_H */
