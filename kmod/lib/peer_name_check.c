// SPDX-License-Identifier: GPL-2.0
/*
 * The names of peers. UTF-8 is checked strictly (RFC 3629, sections 3 and 10): no overlong form, no
 * surrogates, no code above U+10FFFF, so that two names that a decoder reads alike have the same
 * bytes.
 */
#include <linux/types.h>
#include "lib/peer_name_check.h"

/* 32 bytes in base64. */
#define NAME_KEY_LEN	44

/* Whether the bytes from @text on are a character; sets its number and its length. */
static bool peer_name_decode(const u8 *text, size_t len, u32 *code, size_t *used)
{
	static const u32 smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	u8 first = text[0];
	size_t i;

	*code = first;
	*used = 1;
	if (first < 0x80)
		return true;
	if (first < 0xc0 || first > 0xf4)
		return false;
	*used = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if (*used > len)
		return false;
	*code = first & (0x7f >> *used);
	for (i = 1; i < *used; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return false;
		*code = *code << 6 | (text[i] & 0x3f);
	}
	return *code >= smallest[*used] && *code <= 0x10ffff && (*code < 0xd800 || *code > 0xdfff);
}

/* C0, DEL and C1: the characters that a terminal interprets. */
static bool peer_name_is_control(u32 code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

static bool peer_name_is_base64(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '+' || c == '/';
}

/* Names are accepted wherever keys are: a name must not look like a key. */
static bool peer_name_is_key(const char *name, size_t len)
{
	size_t i;

	if (len != NAME_KEY_LEN || name[NAME_KEY_LEN - 1] != '=')
		return false;
	for (i = 0; i < NAME_KEY_LEN - 1; i++)
		if (!peer_name_is_base64(name[i]))
			return false;
	return true;
}

/**
 * weft_peer_name_check() - whether a text is valid as a peer's name
 * @name: the name; not terminated
 * @len: its length in bytes
 *
 * Return: WEFT_PEER_NAME_GOOD, or the first error in it.
 */
enum weft_peer_name_verdict weft_peer_name_check(const char *name, size_t len)
{
	size_t at, used;
	u32 code;

	if (!len || len > WEFT_PEER_NAME_MAX)
		return WEFT_PEER_NAME_LENGTH;
	for (at = 0; at < len; at += used) {
		if (!peer_name_decode((const u8 *)name + at, len - at, &code, &used))
			return WEFT_PEER_NAME_ENCODING;
		if (peer_name_is_control(code))
			return WEFT_PEER_NAME_CONTROL;
	}
	return peer_name_is_key(name, len) ? WEFT_PEER_NAME_KEY : WEFT_PEER_NAME_GOOD;
}
