// SPDX-License-Identifier: GPL-2.0
/* Keys as text and back, and public keys from private ones. */
#include <stdlib.h>
#include <string.h>

#include "model/key.h"
#include "support.h"

/* None of these is a key. */
static const struct {
	const char *name;
	const char *text;
} broken[] = {
	{ "empty", "" },
	{ "one character short", "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE" },
	{ "one character long", KEY_A "=" },
	{ "blank in front", " QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE" },
	{ "no padding", "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB" },
	{ "two characters of padding", "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQQ==" },
	{ "padding in the middle", "QUFBQUFBQUFBQUFBQUFB=UFBQUFBQUFBQUFBQUFBQUE=" },
	{ "bits behind the last byte", "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUF=" },
	{ "a character of another alphabet", "QUFBQUFBQUFBQUFBQUFBQUFB-UFBQUFBQUFBQUFBQUE=" },
	{ "a newline inside", "QUFBQUFBQUFBQUFBQUFBQUFB\nUFBQUFBQUFBQUFBQUE=" },
};

/* RFC 7748, section 6.1: the keys of Alice and Bob. */
static const struct {
	const char *private_key;
	const char *public_key;
} pairs[] = {
	{ "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=",
	  "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=" },
	{ "XasIfmJKikt54X+Lg4AO5m87sSkmGLb9HC+LJ/+I4Os=",
	  "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=" },
};

static void test_broken(void)
{
	struct weft_key key;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(broken); i++)
		test_ok(!weft_key_decode(&key, broken[i].text), broken[i].name);
}

static void test_pairs(void)
{
	struct weft_key key, public_key;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		test_ok(weft_key_decode(&key, pairs[i].private_key) &&
			weft_key_derive_public(&public_key, &key),
			"a private key has a public key");
		test_text("the public key is that of RFC 7748",
			  weft_key_encode(&public_key).chars,
			  pairs[i].public_key);
		test_text("text to key to text is the same",
			  weft_key_encode(&key).chars, pairs[i].private_key);
	}
}

static void test_every_byte(void)
{
	struct weft_key key, back;
	bool good = true;
	int i, value;

	for (i = 0; i < WEFT_KEY_BYTES; i++) {
		for (value = 0; value < 256; value++) {
			memset(&key, 0, sizeof(key));
			key.bytes[i] = value;
			good &= weft_key_decode(&back,
						weft_key_encode(&key).chars) &&
				weft_key_equal(&key, &back) &&
				weft_key_is_zero(&key) == !value;
		}
	}
	test_ok(good, "every byte is encoded and decoded unchanged");
}

static void test_generated(void)
{
	struct weft_key key, last = { }, psk;
	bool clamped = true, fresh = true;
	int i;

	for (i = 0; i < 256; i++) {
		weft_key_generate_private(&key);
		clamped &= !(key.bytes[0] & 7) && (key.bytes[31] & 192) == 64;
		fresh &= !weft_key_equal(&key, &last);
		last = key;
	}
	test_ok(clamped, "a generated private key is a clamped scalar");
	test_ok(fresh, "two generated keys differ");
	weft_key_generate_preshared(&key);
	weft_key_generate_preshared(&psk);
	test_ok(!weft_key_equal(&key, &psk), "two preshared keys differ");
	weft_key_wipe(&key);
	test_ok(weft_key_is_zero(&key), "a wiped key is zero");
}

int main(void)
{
	struct test_bench bench;

	test_bench_start(&bench, "");
	test_broken();
	test_pairs();
	test_every_byte();
	test_generated();
	test_bench_end(&bench);
	return test_end();
}
