// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

size_t weft_text_character(const char *characters)
{
	const unsigned char *text = (const unsigned char *)characters;
	size_t len, i;

	if (*text < 0x80)
		return 1;
	if (*text < 0xc2 || *text > 0xf4)
		return 0;
	len = *text < 0xe0 ? 2 : *text < 0xf0 ? 3 : 4;
	for (i = 1; i < len; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, and code points above U+10FFFF. */
	if ((text[0] == 0xe0 && text[1] < 0xa0) ||
	    (text[0] == 0xed && text[1] > 0x9f) ||
	    (text[0] == 0xf0 && text[1] < 0x90) ||
	    (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	return len;
}

char *weft_text_utf8(const char *text)
{
	static const char replacement[] = "\xef\xbf\xbd";
	char *copy = malloc(3 * strlen(text) + 1), *to = copy;
	size_t len;

	if (!copy)
		return NULL;
	for (; *text; text += len) {
		len = weft_text_character(text);
		to = mempcpy(to, len ? text : replacement, len ? len : 3);
		len += !len;
	}
	*to = '\0';
	return copy;
}

char *weft_text_trim(char *text)
{
	char *end = text + strlen(text);

	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	while (isspace((unsigned char)*text))
		text++;
	return text;
}

void weft_text_squeeze(char *text)
{
	char *to;

	/* A fast path: most texts have no white space, and each line of a file is squeezed. */
	text += strcspn(text, " \t\n\v\f\r");
	for (to = text; *text; text++)
		if (!isspace((unsigned char)*text))
			*to++ = *text;
	*to = '\0';
}

void weft_text_wipe(char *text)
{
	if (text)
		sodium_memzero(text, strlen(text));
	free(text);
}
