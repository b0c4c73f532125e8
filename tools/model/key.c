// SPDX-License-Identifier: GPL-2.0
#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "model/key.h"

static_assert(sizeof(struct weft_key_text) ==
	      sodium_base64_ENCODED_LEN(WEFT_KEY_BYTES, sodium_base64_VARIANT_ORIGINAL),
	      "a key's text has another length");

struct weft_key_text weft_key_encode(const struct weft_key *key)
{
	struct weft_key_text text;

	sodium_bin2base64(text.chars, sizeof(text.chars), key->bytes,
			  sizeof(key->bytes), sodium_base64_VARIANT_ORIGINAL);
	return text;
}

bool weft_key_is_ascii(const char *text, size_t len)
{
	unsigned char bits = 0;

	while (len--)
		bits |= text[len];
	return bits < 0x80;
}

bool weft_key_decode(struct weft_key *key, const char *text)
{
	size_t len = 0;

	if (strlen(text) != WEFT_KEY_CHARS || !weft_key_is_ascii(text, WEFT_KEY_CHARS))
		return false;
	if (sodium_base642bin(key->bytes, sizeof(key->bytes), text,
			      WEFT_KEY_CHARS, NULL, &len, NULL,
			      sodium_base64_VARIANT_ORIGINAL) ||
	    len != sizeof(key->bytes)) {
		weft_key_wipe(key);
		return false;
	}
	return true;
}

void weft_key_generate_private(struct weft_key *key)
{
	randombytes_buf(key->bytes, sizeof(key->bytes));
	weft_key_clamp(key);
}

void weft_key_clamp(struct weft_key *key)
{
	key->bytes[0] &= 248;
	key->bytes[31] &= 127;
	key->bytes[31] |= 64;
}

void weft_key_generate_preshared(struct weft_key *key)
{
	randombytes_buf(key->bytes, sizeof(key->bytes));
}

bool weft_key_derive_public(struct weft_key *public_key,
			    const struct weft_key *private_key)
{
	return !crypto_scalarmult_base(public_key->bytes, private_key->bytes);
}

bool weft_key_equal(const struct weft_key *a, const struct weft_key *b)
{
	return !sodium_memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool weft_key_is_zero(const struct weft_key *key)
{
	return sodium_is_zero(key->bytes, sizeof(key->bytes));
}

void weft_key_wipe(struct weft_key *key)
{
	sodium_memzero(key, sizeof(*key));
}

void weft_key_text_wipe(struct weft_key_text *text)
{
	sodium_memzero(text, sizeof(*text));
}
