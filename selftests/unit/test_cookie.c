// SPDX-License-Identifier: GPL-2.0
/* MACs and cookies: the vectors, conversations with random keys, every single bit flipped. */
#include "test.h"
#include "wipe.h"
#include "lib/cookie.c"
#include "vectors.h"

static void cookie_macs_of_vectors(struct test *t)
{
	size_t i;
	u8 mac[16];

	for (i = 0; i < ARRAY_SIZE(vector_macs); i++) {
		const struct vector_mac *v = &vector_macs[i];

		cookie_mac(mac, v->key.data, v->key.len, v->input.data, v->input.len);
		EXPECT_BYTES(t, mac, v->mac, sizeof(mac));
	}
}

static void vector_check(struct test *t, const struct vector_handshake *v)
{
	const struct vector_cookie *c = &v->cookie;
	struct weft_cookie_keys keys_i, keys_r;
	u8 msg[148];

	weft_cookie_keys(&keys_i, v->public_i);
	weft_cookie_keys(&keys_r, v->public_r);
	EXPECT(t, weft_cookie_mac1_valid(v->initiation, 148, &keys_r));
	EXPECT(t, !weft_cookie_mac1_valid(v->initiation, 148, &keys_i));
	EXPECT(t, weft_cookie_mac1_valid(v->response, 92, &keys_i));
	EXPECT(t, !weft_cookie_mac1_valid(v->response, 92, &keys_r));

	memcpy(msg, v->initiation, 116);
	memset(msg + 116, 0xaa, 32);
	weft_cookie_add_macs(msg, sizeof(msg), &keys_r, NULL);
	EXPECT_BYTES(t, msg, v->initiation, sizeof(msg));
	EXPECT(t, !weft_cookie_mac2_valid(msg, sizeof(msg), c->cookie));

	memset(msg + 116, 0xaa, 32);
	weft_cookie_add_macs(msg, sizeof(msg), &keys_r, c->cookie);
	EXPECT_BYTES(t, msg, c->initiation_with_mac2, sizeof(msg));
	EXPECT(t, weft_cookie_mac2_valid(msg, sizeof(msg), c->cookie));

	memcpy(msg, v->response, 60);
	weft_cookie_add_macs(msg, 92, &keys_i, NULL);
	EXPECT_BYTES(t, msg, v->response, 92);
}

static void vector_check_reply(struct test *t, const struct vector_handshake *v)
{
	const struct vector_cookie *c = &v->cookie;
	struct weft_msg_cookie_reply reply;
	struct weft_cookie_keys keys_r;
	u8 cookie[16];

	weft_cookie_keys(&keys_r, v->public_r);
	weft_cookie_make(cookie, c->secret, c->addr_port, sizeof(c->addr_port));
	EXPECT_BYTES(t, cookie, c->cookie, sizeof(cookie));
	weft_cookie_reply_create(&reply, &keys_r, cookie, c->nonce, v->initiation + 116,
				 cpu_to_le32(v->index_i));
	EXPECT_BYTES(t, &reply, c->reply, sizeof(reply));
	memset(cookie, 0, sizeof(cookie));
	EXPECT(t, weft_cookie_reply_open(cookie, &reply, &keys_r, v->initiation + 116));
	EXPECT_BYTES(t, cookie, c->cookie, sizeof(cookie));
}

static void cookie_vectors(struct test *t)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vector_handshakes); i++) {
		vector_check(t, &vector_handshakes[i]);
		vector_check_reply(t, &vector_handshakes[i]);
	}
}

static void cookie_every_bit_of_a_message(struct test *t)
{
	struct weft_msg_initiation msg;
	struct weft_cookie_keys keys;
	u8 public[32], cookie[16], *bytes = (u8 *)&msg;
	size_t bit;

	test_random_bytes(public, sizeof(public));
	test_random_bytes(cookie, sizeof(cookie));
	test_random_bytes(bytes, sizeof(msg));
	weft_cookie_keys(&keys, public);
	weft_cookie_add_macs(&msg, sizeof(msg), &keys, cookie);
	for (bit = 0; bit < sizeof(msg) * 8; bit++) {
		bytes[bit / 8] ^= 1 << bit % 8;
		EXPECT(t, !weft_cookie_mac2_valid(&msg, sizeof(msg), cookie));
		/* mac1 does not cover mac2 */
		EXPECT_EQ(t, weft_cookie_mac1_valid(&msg, sizeof(msg), &keys),
			  bit >= offsetof(struct weft_msg_initiation, macs.mac2) * 8);
		bytes[bit / 8] ^= 1 << bit % 8;
	}
	EXPECT(t, weft_cookie_mac1_valid(&msg, sizeof(msg), &keys));
	EXPECT(t, weft_cookie_mac2_valid(&msg, sizeof(msg), cookie));
}

/* A reply opens only for the message that it answers, under its sender's key, unchanged. */
static void cookie_every_bit_of_a_reply(struct test *t)
{
	u8 public[32], cookie[16], nonce[24], mac1[16], got[16], before[16];
	struct weft_msg_cookie_reply reply;
	struct weft_cookie_keys keys;
	const size_t from = offsetof(struct weft_msg_cookie_reply, nonce) * 8;
	u8 *bytes = (u8 *)&reply;
	size_t bit;

	test_random_bytes(public, sizeof(public));
	test_random_bytes(cookie, sizeof(cookie));
	test_random_bytes(nonce, sizeof(nonce));
	test_random_bytes(mac1, sizeof(mac1));
	test_random_bytes(before, sizeof(before));
	memcpy(got, before, sizeof(got));
	weft_cookie_keys(&keys, public);
	weft_cookie_reply_create(&reply, &keys, cookie, nonce, mac1, cpu_to_le32(7));
	for (bit = from; bit < sizeof(reply) * 8; bit++) {
		bytes[bit / 8] ^= 1 << bit % 8;
		EXPECT(t, !weft_cookie_reply_open(got, &reply, &keys, mac1));
		bytes[bit / 8] ^= 1 << bit % 8;
	}
	for (bit = 0; bit < 128; bit++) {
		mac1[bit / 8] ^= 1 << bit % 8;
		EXPECT(t, !weft_cookie_reply_open(got, &reply, &keys, mac1));
		mac1[bit / 8] ^= 1 << bit % 8;
	}
	EXPECT_BYTES(t, got, before, sizeof(got));
	keys.cookie[0] ^= 1;
	EXPECT(t, !weft_cookie_reply_open(got, &reply, &keys, mac1));
	keys.cookie[0] ^= 1;
	EXPECT(t, weft_cookie_reply_open(got, &reply, &keys, mac1));
	EXPECT_BYTES(t, got, cookie, sizeof(got));
}

/* A cookie depends on every bit of the address, of the port and of the secret. */
static void cookie_depends_on_its_source(struct test *t)
{
	u8 secret[32], source[18], cookie[16], other[16];
	static const size_t lens[] = { 6, 18 };
	size_t i, bit;

	test_random_bytes(secret, sizeof(secret));
	test_random_bytes(source, sizeof(source));
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		weft_cookie_make(cookie, secret, source, lens[i]);
		for (bit = 0; bit < lens[i] * 8; bit++) {
			source[bit / 8] ^= 1 << bit % 8;
			weft_cookie_make(other, secret, source, lens[i]);
			EXPECT(t, memcmp(cookie, other, sizeof(cookie)));
			source[bit / 8] ^= 1 << bit % 8;
		}
		secret[31] ^= 0x80;
		weft_cookie_make(other, secret, source, lens[i]);
		EXPECT(t, memcmp(cookie, other, sizeof(cookie)));
	}
}

#ifndef __KERNEL__

/* The opened cookie is wiped, valid or not. */
static void cookie_wipes(struct test *t)
{
	u8 public[32], cookie[16], nonce[24], mac1[16];
	struct weft_msg_cookie_reply reply;
	struct weft_cookie_keys keys;

	test_random_bytes(public, sizeof(public));
	test_random_bytes(cookie, sizeof(cookie));
	test_random_bytes(nonce, sizeof(nonce));
	test_random_bytes(mac1, sizeof(mac1));
	weft_cookie_keys(&keys, public);
	weft_cookie_reply_create(&reply, &keys, cookie, nonce, mac1, cpu_to_le32(7));
	test_wiped();
	EXPECT(t, weft_cookie_reply_open(cookie, &reply, &keys, mac1));
	EXPECT_EQ(t, test_wiped(), sizeof(cookie));
	mac1[0] ^= 1;
	EXPECT(t, !weft_cookie_reply_open(cookie, &reply, &keys, mac1));
	EXPECT_EQ(t, test_wiped(), sizeof(cookie));
}

#else /* __KERNEL__ */

static void cookie_wipes(struct test *t)
{
	kunit_skip(t, "wiped bytes are counted in userspace only");
}

#endif /* __KERNEL__ */

TEST_SUITE("cookie",
	   TEST_CASE(cookie_macs_of_vectors),
	   TEST_CASE(cookie_vectors),
	   TEST_CASE(cookie_every_bit_of_a_message),
	   TEST_CASE(cookie_every_bit_of_a_reply),
	   TEST_CASE(cookie_depends_on_its_source),
	   TEST_CASE(cookie_wipes));
