/* SPDX-License-Identifier: GPL-2.0 */
/* Keys: 32 bytes, written as 44 characters of base64. */
#ifndef _WEFT_TOOLS_KEY_H
#define _WEFT_TOOLS_KEY_H

#include <stdbool.h>
#include <stddef.h>

#define WEFT_KEY_BYTES	32
#define WEFT_KEY_CHARS	44	/* without the terminating zero */

struct weft_key {
	unsigned char bytes[WEFT_KEY_BYTES];
};

/* A key as text; wipe it when the key was a secret. */
struct weft_key_text {
	char chars[WEFT_KEY_CHARS + 1];
};

struct weft_key_text weft_key_encode(const struct weft_key *key);
bool weft_key_decode(struct weft_key *key, const char *text);
/* libsodium's decoder takes some bytes above 127 for letters. In constant time. */
bool weft_key_is_ascii(const char *text, size_t len);
void weft_key_generate_private(struct weft_key *key);
/* RFC 7748, section 5: the form in which X25519 uses a scalar. */
void weft_key_clamp(struct weft_key *key);
void weft_key_generate_preshared(struct weft_key *key);
bool weft_key_derive_public(struct weft_key *public_key,
			    const struct weft_key *private_key);
/* Both run in constant time. */
bool weft_key_equal(const struct weft_key *a, const struct weft_key *b);
bool weft_key_is_zero(const struct weft_key *key);
void weft_key_wipe(struct weft_key *key);
void weft_key_text_wipe(struct weft_key_text *text);

#endif /* _WEFT_TOOLS_KEY_H */
