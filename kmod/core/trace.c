// SPDX-License-Identifier: GPL-2.0

#define CREATE_TRACE_POINTS
#include "core/trace.h"
#include "core/lookup.h"

/**
 * weft_trace_key() - a peer's public key in its usual form
 * @text: the key in base64 (RFC 4648, section 4)
 * @peer: the peer, or NULL: then the text is empty
 */
void weft_trace_key(char text[WEFT_TRACE_KEY_LEN], const struct weft_peer *peer)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	u32 bits = 0;
	unsigned int i, have = 0;
	u8 public[WEFT_KEY_LEN];

	text[0] = '\0';
	if (!peer)
		return;
	weft_lookup_read(peer, WEFT_KEY_SLOT_CURRENT, public);
	for (i = 0; i < WEFT_KEY_LEN; i++) {
		bits = bits << 8 | public[i];
		for (have += 8; have >= 6; have -= 6)
			*text++ = digits[bits >> (have - 6) & 63];
	}
	/* 256 bits are 42 digits, four bits more, and one padding character. */
	*text++ = digits[bits << 2 & 63];
	*text++ = '=';
	*text = '\0';
}
