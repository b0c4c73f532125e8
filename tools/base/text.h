/* SPDX-License-Identifier: GPL-2.0 */
/* Strings: characters of UTF-8, white space, secrets. */
#ifndef _WEFT_TOOLS_TEXT_H
#define _WEFT_TOOLS_TEXT_H

#include <stddef.h>

/* The length of the first character of @text in bytes, 0 for invalid UTF-8 (RFC 3629). */
size_t weft_text_character(const char *text);
/*
 * A copy in UTF-8, to be freed: each byte that is not part of a character
 * becomes U+FFFD. NULL: no memory.
 */
char *weft_text_utf8(const char *text);
/* Cuts white space off at both ends, in place; returns the beginning of the rest. */
char *weft_text_trim(char *text);
/* Removes all white space from @text, in place, as wg(8) does with each line. */
void weft_text_squeeze(char *text);
/* Wipes and frees a text that may contain a key; NULL is ignored. */
void weft_text_wipe(char *text);

#endif /* _WEFT_TOOLS_TEXT_H */
