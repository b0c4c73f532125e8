// SPDX-License-Identifier: GPL-2.0
/*
 * MACs and cookies: an unchanged message verifies, and a changed one does not. Input: flags, keys,
 * and changes, each an offset and bits to flip.
 */
#include "fuzz.h"
#include "lib/cookie.c"

#define CHANGES_MAX	4

struct change {
	u8 at;
	u8 flip;
};

/* Returns the offset of the first changed byte, or @len. */
static size_t change_bytes(u8 *bytes, size_t len, const struct change *changes, size_t count)
{
	u8 before[sizeof(struct weft_msg_initiation)];
	size_t i;

	memcpy(before, bytes, len);
	for (i = 0; i < count; i++)
		bytes[changes[i].at % len] ^= changes[i].flip;
	for (i = 0; i < len && bytes[i] == before[i]; i++)
		;
	return i;
}

static void try_message(struct fuzz_input *input, bool response, const struct weft_cookie_keys *keys,
			const struct change *changes, size_t count)
{
	size_t len = response ? sizeof(struct weft_msg_response) :
				sizeof(struct weft_msg_initiation);
	u8 *msg = malloc(len), cookie[WEFT_COOKIE_LEN];
	size_t changed, mac1_end = cookie_mac2_at(len);
	bool with = fuzz_u8(input) & 1;

	fuzz_take(input, cookie, sizeof(cookie));
	fuzz_take(input, msg, len);
	weft_cookie_add_macs(msg, len, keys, with ? cookie : NULL);
	FUZZ_MUST(weft_cookie_mac1_valid(msg, len, keys));
	FUZZ_MUST(weft_cookie_mac2_valid(msg, len, cookie) == with);
	changed = change_bytes(msg, len, changes, count);
	FUZZ_MUST(weft_cookie_mac1_valid(msg, len, keys) == (changed >= mac1_end));
	FUZZ_MUST(weft_cookie_mac2_valid(msg, len, cookie) == (with && changed == len));
	free(msg);
}

static void try_reply(struct fuzz_input *input, const struct weft_cookie_keys *keys,
		      const struct change *changes, size_t count)
{
	u8 secret[WEFT_KEY_LEN], source[18], nonce[WEFT_COOKIE_NONCE_LEN], mac1[WEFT_MAC_LEN];
	u8 cookie[WEFT_COOKIE_LEN], got[WEFT_COOKIE_LEN] = { 0 }, none[WEFT_COOKIE_LEN] = { 0 };
	struct weft_msg_cookie_reply reply;
	const size_t sealed = offsetof(struct weft_msg_cookie_reply, nonce);
	bool intact;

	fuzz_take(input, nonce, sizeof(nonce));
	fuzz_take(input, source, sizeof(source));
	fuzz_take(input, mac1, sizeof(mac1));
	fuzz_take(input, secret, sizeof(secret));
	weft_cookie_make(cookie, secret, source, source[0] & 1 ? 6 : 18);
	weft_cookie_reply_create(&reply, keys, cookie, nonce, mac1, cpu_to_le32(7));
	/* Other code checks the type and the receiver. */
	intact = change_bytes((u8 *)&reply + sealed, sizeof(reply) - sealed, changes, count) ==
		sizeof(reply) - sealed;
	FUZZ_MUST(weft_cookie_reply_open(got, &reply, keys, mac1) == intact);
	FUZZ_MUST(!memcmp(got, intact ? cookie : none, sizeof(got)));
	mac1[secret[0] % sizeof(mac1)] ^= 1 << secret[1] % 8;
	FUZZ_MUST(!weft_cookie_reply_open(got, &reply, keys, mac1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	struct change changes[CHANGES_MAX] = { 0 };
	u8 flags = fuzz_u8(&input), public[WEFT_KEY_LEN];
	struct weft_cookie_keys keys;

	fuzz_take(&input, changes, flags / 4 % (CHANGES_MAX + 1) * sizeof(changes[0]));
	fuzz_take(&input, public, sizeof(public));
	weft_cookie_keys(&keys, public);
	if (flags & 1)
		try_reply(&input, &keys, changes, CHANGES_MAX);
	else
		try_message(&input, flags & 2, &keys, changes, CHANGES_MAX);
	return 0;
}
