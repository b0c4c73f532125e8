/* SPDX-License-Identifier: GPL-2.0 */
/* Strings: characters of UTF-8, white space, secrets. */
#ifndef _WEFT_TOOLS_TEXT_H
#define _WEFT_TOOLS_TEXT_H

#include <stddef.h>

/* The bytes of the character that @text begins with, 0 where it is no UTF-8 (RFC 3629). */
size_t weft_text_character(const char *text);
/*
 * A copy in UTF-8, to be freed: each byte that is not part of a character
 * becomes U+FFFD. NULL: no memory.
 */
char *weft_text_utf8(const char *text);
/* Cuts white space off at both ends, in place; returns where the rest begins. */
char *weft_text_trim(char *text);
/* Takes all white space out of @text, in place, as wg(8) does with each line. */
void weft_text_squeeze(char *text);
/* A text that may hold a key is wiped and freed; NULL is fine. */
void weft_text_wipe(char *text);

#endif /* _WEFT_TOOLS_TEXT_H */
