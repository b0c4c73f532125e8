// SPDX-License-Identifier: GPL-2.0
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "base/text.h"
#include "top/safe.h"

void weft_safe_locale(void)
{
	setlocale(LC_CTYPE, "");
}

static bool safe_is_utf8(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

/* The columns of the first character; 0 or less for one that must not be printed. */
static int safe_width(const char *text, size_t *len)
{
	mbstate_t state = { };
	wchar_t code;

	*len = weft_text_character(text);
	if (*len == 1)
		return *text >= ' ' && *text < 0x7f;
	if (!*len || !safe_is_utf8() || mbrtowc(&code, text, *len, &state) != *len)
		return 0;
	return wcwidth(code);
}

void weft_safe_take(struct weft_safe *safe, const char *text)
{
	char *to = safe->text, *end = to + sizeof(safe->text) - 1;
	size_t len, i;
	int width;

	safe->width = 0;
	for (; *text; text += len) {
		width = safe_width(text, &len);
		if (!len)
			len = 1;
		if (to + 4 * len > end)
			break;
		if (width > 0) {
			to = mempcpy(to, text, len);
			safe->width += width;
			continue;
		}
		for (i = 0; i < len; i++)
			to += sprintf(to, "\\x%02x", (unsigned char)text[i]);
		safe->width += 4 * len;
	}
	*to = '\0';
}

size_t weft_safe_fit(const char *text, int width, int *used)
{
	const char *at = text;
	size_t len;
	int more;

	for (*used = 0; *at; at += len) {
		more = safe_width(at, &len);
		if (more <= 0 || *used + more > width)
			break;
		*used += more;
	}
	return at - text;
}
