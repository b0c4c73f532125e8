// SPDX-License-Identifier: GPL-2.0
/*
 * The rule is that of kmod/lib/peer_name_check.c, where UTF-8 is strict: RFC 3629, sections 3 and
 * 10.
 */
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "model/key.h"
#include "model/peer_name_check.h"

/* The length of the character at @text, and its code point; 0 for invalid UTF-8. */
static size_t peer_name_decode(const char *text, __u32 *code)
{
	static const __u32 smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char first = text[0];
	size_t len, i;

	*code = first;
	if (first < 0x80)
		return 1;
	if (first < 0xc0 || first > 0xf4)
		return 0;
	len = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	*code = first & (0x7f >> len);
	/* The terminating zero is no continuation byte. */
	for (i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (text[i] & 0x3f);
	}
	if (*code < smallest[len] || *code > 0x10ffff ||
	    (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return len;
}

/* C0, DEL and C1. */
static bool peer_name_is_control(__u32 code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

/* Unlike in a key, the last bits of the text need not be zero. */
static bool peer_name_is_key(const char *name)
{
	static const char base64[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	return strlen(name) == WEFT_KEY_CHARS &&
	       strspn(name, base64) == WEFT_KEY_CHARS - 1 &&
	       name[WEFT_KEY_CHARS - 1] == '=';
}

const char *weft_peer_name_check(const char *name)
{
	const char *at;
	size_t len;
	__u32 code;

	for (at = name; *at; at += len) {
		len = peer_name_decode(at, &code);
		if (!len)
			return "a name is text in UTF-8";
		if (peer_name_is_control(code))
			return "a name has no control characters, such as tabs";
	}
	return peer_name_is_key(name) ? "a name must not look like a key" : NULL;
}
