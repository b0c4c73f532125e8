// SPDX-License-Identifier: GPL-2.0
/* Peer names against a slow decoder, which encodes each code point again and compares. */
#include "fuzz.h"
#include "lib/peer_name_check.c"

FUZZ_REFERENCE static size_t slow_encode(u32 code, u8 to[4])
{
	if (code < 0x80) {
		to[0] = code;
		return 1;
	}
	if (code < 0x800) {
		to[0] = 0xc0 | code >> 6;
		to[1] = 0x80 | (code & 0x3f);
		return 2;
	}
	if (code < 0x10000) {
		to[0] = 0xe0 | code >> 12;
		to[1] = 0x80 | (code >> 6 & 0x3f);
		to[2] = 0x80 | (code & 0x3f);
		return 3;
	}
	to[0] = 0xf0 | code >> 18;
	to[1] = 0x80 | (code >> 12 & 0x3f);
	to[2] = 0x80 | (code >> 6 & 0x3f);
	to[3] = 0x80 | (code & 0x3f);
	return 4;
}

/* Returns the length of the next character, and its code point; 0 without one. */
FUZZ_REFERENCE static size_t slow_decode(const u8 *text, size_t len, u32 *code)
{
	static const u8 lead[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	u8 again[4];
	size_t used, i;

	for (used = 1; used <= 4 && used <= len; used++) {
		*code = text[0] & lead[used];
		for (i = 1; i < used; i++)
			*code = *code << 6 | (text[i] & 0x3f);
		if (*code > 0x10ffff || *code >> 11 == 0xd800 >> 11)
			continue;
		if (slow_encode(*code, again) == used && !memcmp(again, text, used))
			return used;
	}
	return 0;
}

FUZZ_REFERENCE static bool slow_is_key(const u8 *text, size_t len)
{
	static const char base64[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	while (len && memchr(base64, *text, sizeof(base64) - 1)) {
		text++;
		len--;
	}
	return len == 1 && *text == '=';
}

FUZZ_REFERENCE static enum weft_peer_name_verdict slow_check(const u8 *text, size_t len)
{
	size_t at, used;
	u32 code;

	if (len < 1 || len > 63)
		return WEFT_PEER_NAME_LENGTH;
	for (at = 0; at < len; at += used) {
		used = slow_decode(text + at, len - at, &code);
		if (!used)
			return WEFT_PEER_NAME_ENCODING;
		if (code < ' ' || (code > '~' && code < 0xa0))
			return WEFT_PEER_NAME_CONTROL;
	}
	return len == 44 && slow_is_key(text, len) ? WEFT_PEER_NAME_KEY : WEFT_PEER_NAME_GOOD;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FUZZ_MUST(weft_peer_name_check((const char *)data, size) == slow_check(data, size));
	return 0;
}
