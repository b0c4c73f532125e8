// SPDX-License-Identifier: GPL-2.0
/*
 * The handshake: every value of the vectors, both roles against each other with random keys, every
 * single bit flipped; and after each refusal the genuine message still works.
 */
#include "test.h"
#include "wipe.h"
#include "lib/noise.c"
#include "vectors.h"

static const struct weft_msg_initiation *initiation_of(const struct vector_handshake *v)
{
	return (const struct weft_msg_initiation *)v->initiation;
}

static const struct weft_msg_response *response_of(const struct vector_handshake *v)
{
	return (const struct weft_msg_response *)v->response;
}

static void noise_kdf_of_vectors(struct test *t)
{
	u8 t1[32], t2[32], t3[32];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vector_kdfs); i++) {
		const struct vector_kdf *v = &vector_kdfs[i];

		noise_kdf(t1, t2, t3, v->key, v->input.data, v->input.len);
		EXPECT_BYTES(t, t1, v->t[0], 32);
		EXPECT_BYTES(t, t2, v->t[1], 32);
		EXPECT_BYTES(t, t3, v->t[2], 32);
		memset(t1, 0, 32);
		noise_kdf(t1, NULL, NULL, v->key, v->input.data, v->input.len);
		EXPECT_BYTES(t, t1, v->t[0], 32);
		/* in place, as the caller passes the chaining key */
		memcpy(t1, v->key, 32);
		noise_kdf(t1, t2, NULL, t1, v->input.data, v->input.len);
		EXPECT_BYTES(t, t1, v->t[0], 32);
		EXPECT_BYTES(t, t2, v->t[1], 32);
	}
}

static void static_of(struct test *t, struct weft_noise_static *self, const u8 private[32])
{
	memcpy(self->private, private, 32);
	EXPECT(t, weft_noise_static_public(self));
}

static void vector_statics(struct test *t, const struct vector_handshake *v)
{
	struct weft_noise_static i, r;
	u8 secret[32];

	static_of(t, &i, v->static_i);
	static_of(t, &r, v->static_r);
	EXPECT_BYTES(t, i.public, v->public_i, 32);
	EXPECT_BYTES(t, r.public, v->public_r, 32);
	EXPECT(t, weft_noise_static_static(secret, i.private, r.public));
	EXPECT_BYTES(t, secret, v->static_static, 32);
	EXPECT(t, weft_noise_static_static(secret, r.private, i.public));
	EXPECT_BYTES(t, secret, v->static_static, 32);
}

/* The keys that never leave a step: k after each step. */
static void vector_trace(struct test *t, const struct vector_handshake *v)
{
	const struct weft_msg_initiation *msg = initiation_of(v);
	struct noise_state state;

	noise_begin(&state, v->public_r);
	noise_mix_ephemeral(&state, msg->ephemeral);
	EXPECT(t, noise_mix_dh(&state, v->static_r, msg->ephemeral));
	EXPECT_BYTES(t, state.k, v->i_k1, 32);
	noise_mix_hash(&state, msg->sealed_static, sizeof(msg->sealed_static));
	noise_mix_secret(&state, v->static_static);
	EXPECT_BYTES(t, state.k, v->i_k2, 32);
	EXPECT_BYTES(t, state.c, v->i_C, 32);

	memcpy(state.h, v->i_H, 32);
	noise_mix_ephemeral(&state, response_of(v)->ephemeral);
	EXPECT(t, noise_mix_dh(&state, v->ephemeral_r, msg->ephemeral));
	EXPECT(t, noise_mix_dh(&state, v->ephemeral_r, v->public_i));
	noise_mix_preshared(&state, v->psk);
	EXPECT_BYTES(t, state.k, v->r_k, 32);
}

static void vector_session(struct test *t, const struct vector_handshake *v, bool initiator,
			   struct weft_noise_handshake *hs)
{
	static const struct weft_noise_handshake wiped;
	struct weft_noise_keys keys;
	u8 opened[1300];
	size_t i;

	EXPECT_BYTES(t, hs->chaining_key, v->r_C, 32);
	EXPECT_BYTES(t, hs->hash, v->r_H, 32);
	weft_noise_split(&keys, hs, initiator);
	EXPECT_BYTES(t, hs, &wiped, sizeof(wiped));
	EXPECT_BYTES(t, keys.send, initiator ? v->i_to_r : v->r_to_i, 32);
	EXPECT_BYTES(t, keys.receive, initiator ? v->r_to_i : v->i_to_r, 32);
	for (i = 0; i < v->data_count; i++) {
		const struct vector_data *d = &v->data[i];
		const struct vector_bytes *msg;

		msg = initiator ? &d->message_r_to_i : &d->message_i_to_r;
		EXPECT(t, msg->len - WEFT_DATA_OVERHEAD <= sizeof(opened));
		EXPECT(t, chacha20poly1305_decrypt(opened, msg->data + 16, msg->len - 16, NULL, 0,
						   d->counter, keys.receive));
		EXPECT_BYTES(t, opened, d->inner.data, d->inner.len);
	}
}

static void vector_initiator(struct test *t, const struct vector_handshake *v)
{
	struct weft_noise_handshake hs = { 0 };
	struct weft_msg_initiation msg;
	struct weft_noise_static self;

	static_of(t, &self, v->static_i);
	EXPECT(t, weft_noise_initiation_create(&msg, &hs, &self, v->public_r, v->static_static,
					       v->ephemeral_i, v->timestamp,
					       cpu_to_le32(v->index_i)));
	EXPECT_BYTES(t, &msg, v->initiation, offsetof(struct weft_msg_initiation, macs));
	EXPECT_BYTES(t, hs.chaining_key, v->i_C, 32);
	EXPECT_BYTES(t, hs.hash, v->i_H, 32);
	EXPECT_BYTES(t, hs.ephemeral, v->ephemeral_i, 32);

	EXPECT(t, weft_noise_response_open(&hs, response_of(v), &self, v->psk));
	EXPECT_EQ(t, le32_to_cpu(hs.remote_index), v->index_r);
	vector_session(t, v, true, &hs);
}

static void vector_responder(struct test *t, const struct vector_handshake *v)
{
	u8 remote_static[32], timestamp[12];
	struct weft_noise_handshake hs;
	struct weft_msg_response msg;
	struct weft_noise_static self;

	static_of(t, &self, v->static_r);
	EXPECT(t, weft_noise_initiation_open(&hs, remote_static, initiation_of(v), &self));
	EXPECT_BYTES(t, remote_static, v->public_i, 32);
	EXPECT_EQ(t, le32_to_cpu(hs.remote_index), v->index_i);
	EXPECT_BYTES(t, hs.remote_ephemeral, initiation_of(v)->ephemeral, 32);
	EXPECT(t, weft_noise_initiation_accept(&hs, timestamp, initiation_of(v), v->static_static));
	EXPECT_BYTES(t, timestamp, v->timestamp, 12);
	EXPECT_BYTES(t, hs.chaining_key, v->i_C, 32);
	EXPECT_BYTES(t, hs.hash, v->i_H, 32);

	EXPECT(t, weft_noise_response_create(&msg, &hs, remote_static, v->psk, v->ephemeral_r,
					     cpu_to_le32(v->index_r)));
	EXPECT_BYTES(t, &msg, v->response, offsetof(struct weft_msg_response, macs));
	vector_session(t, v, false, &hs);
}

static void noise_vectors(struct test *t)
{
	size_t i;

	EXPECT(t, ARRAY_SIZE(vector_handshakes) >= 3);
	for (i = 0; i < ARRAY_SIZE(vector_handshakes); i++) {
		vector_statics(t, &vector_handshakes[i]);
		vector_trace(t, &vector_handshakes[i]);
		vector_initiator(t, &vector_handshakes[i]);
		vector_responder(t, &vector_handshakes[i]);
	}
}

/* Two peers that have each other's keys, and a handshake between them. */
struct pair {
	struct weft_noise_static i, r;
	u8 secret[32], psk[32], ephemeral_i[32], ephemeral_r[32], timestamp[12];
	struct weft_noise_handshake hs_i, hs_r;
	struct weft_msg_initiation initiation;
	struct weft_msg_response response;
};

static void pair_statics(struct test *t, struct pair *pair)
{
	u8 private[32];

	test_random_bytes((u8 *)pair, sizeof(*pair));
	test_random_bytes(private, sizeof(private));
	static_of(t, &pair->i, private);
	test_random_bytes(private, sizeof(private));
	static_of(t, &pair->r, private);
	EXPECT(t, weft_noise_static_static(pair->secret, pair->i.private, pair->r.public));
}

static bool pair_initiate(struct pair *pair)
{
	return weft_noise_initiation_create(&pair->initiation, &pair->hs_i, &pair->i,
					    pair->r.public, pair->secret, pair->ephemeral_i,
					    pair->timestamp, cpu_to_le32(111));
}

static bool pair_consume(struct pair *pair)
{
	u8 who[32], when[12];

	return weft_noise_initiation_open(&pair->hs_r, who, &pair->initiation, &pair->r) &&
	       weft_noise_initiation_accept(&pair->hs_r, when, &pair->initiation, pair->secret) &&
	       !memcmp(who, pair->i.public, 32) && !memcmp(when, pair->timestamp, 12);
}

static bool pair_respond(struct pair *pair)
{
	return weft_noise_response_create(&pair->response, &pair->hs_r, pair->i.public, pair->psk,
					  pair->ephemeral_r, cpu_to_le32(222));
}

static bool pair_finish(struct pair *pair)
{
	return weft_noise_response_open(&pair->hs_i, &pair->response, &pair->i, pair->psk);
}

static void pair_up_to_response(struct test *t, struct pair *pair)
{
	pair_statics(t, pair);
	EXPECT(t, pair_initiate(pair));
	EXPECT(t, pair_consume(pair));
	EXPECT(t, pair_respond(pair));
}

static void noise_random_pairs(struct test *t)
{
	struct weft_noise_keys keys_i, keys_r;
	struct pair pair;
	int round;

	for (round = 0; round < 50; round++) {
		pair_up_to_response(t, &pair);
		/* the ephemeral key is clamped here, independently of the curve */
		EXPECT_EQ(t, pair.hs_i.ephemeral[0] & 7, 0);
		EXPECT_EQ(t, pair.hs_i.ephemeral[31] & 0xc0, 0x40);
		EXPECT_EQ(t, le32_to_cpu(pair.hs_r.remote_index), 111);
		EXPECT_EQ(t, le32_to_cpu(pair.response.receiver), 111);
		EXPECT(t, pair_finish(&pair));
		EXPECT_EQ(t, le32_to_cpu(pair.hs_i.remote_index), 222);
		weft_noise_split(&keys_i, &pair.hs_i, true);
		weft_noise_split(&keys_r, &pair.hs_r, false);
		EXPECT_BYTES(t, keys_i.send, keys_r.receive, 32);
		EXPECT_BYTES(t, keys_i.receive, keys_r.send, 32);
		EXPECT(t, memcmp(keys_i.send, keys_i.receive, 32));
	}
}

/* Every bit that the handshake itself protects; mac1 protects the index and the macs. */
static void noise_every_bit_of_an_initiation(struct test *t)
{
	const size_t from = offsetof(struct weft_msg_initiation, ephemeral) * 8;
	const size_t accepted = offsetof(struct weft_msg_initiation, sealed_timestamp) * 8;
	const size_t to = offsetof(struct weft_msg_initiation, macs) * 8;
	u8 who[32], when[12], who_before[32], when_before[12];
	struct weft_noise_handshake before;
	struct pair pair;
	size_t bit;
	u8 *byte;

	pair_statics(t, &pair);
	EXPECT(t, pair_initiate(&pair));
	test_random_bytes(who, sizeof(who));
	test_random_bytes(when, sizeof(when));
	memcpy(who_before, who, sizeof(who));
	memcpy(when_before, when, sizeof(when));
	before = pair.hs_r;
	for (bit = from; bit < accepted; bit++) {
		byte = (u8 *)&pair.initiation + bit / 8;
		*byte ^= 1 << bit % 8;
		EXPECT(t, !weft_noise_initiation_open(&pair.hs_r, who, &pair.initiation, &pair.r));
		EXPECT_BYTES(t, &pair.hs_r, &before, sizeof(before));
		EXPECT_BYTES(t, who, who_before, sizeof(who));
		*byte ^= 1 << bit % 8;
	}
	EXPECT(t, weft_noise_initiation_open(&pair.hs_r, who, &pair.initiation, &pair.r));
	before = pair.hs_r;
	for (bit = accepted; bit < to; bit++) {
		byte = (u8 *)&pair.initiation + bit / 8;
		*byte ^= 1 << bit % 8;
		EXPECT(t, !weft_noise_initiation_accept(&pair.hs_r, when, &pair.initiation,
							pair.secret));
		EXPECT_BYTES(t, &pair.hs_r, &before, sizeof(before));
		EXPECT_BYTES(t, when, when_before, sizeof(when));
		*byte ^= 1 << bit % 8;
	}
	EXPECT(t, weft_noise_initiation_accept(&pair.hs_r, when, &pair.initiation, pair.secret));
	EXPECT(t, pair_respond(&pair));
	EXPECT(t, pair_finish(&pair));
}

static void noise_every_bit_of_a_response(struct test *t)
{
	const size_t from = offsetof(struct weft_msg_response, ephemeral) * 8;
	const size_t to = offsetof(struct weft_msg_response, macs) * 8;
	struct weft_noise_handshake before;
	struct pair pair;
	size_t bit;
	u8 *byte;

	pair_up_to_response(t, &pair);
	before = pair.hs_i;
	for (bit = from; bit < to; bit++) {
		byte = (u8 *)&pair.response + bit / 8;
		*byte ^= 1 << bit % 8;
		EXPECT(t, !pair_finish(&pair));
		EXPECT_BYTES(t, &pair.hs_i, &before, sizeof(before));
		*byte ^= 1 << bit % 8;
	}
	EXPECT(t, pair_finish(&pair));
}

/* A handshake fails without any one of the keys. */
static void noise_wrong_keys(struct test *t)
{
	struct pair pair, other;
	u8 who[32], when[12];

	pair_up_to_response(t, &pair);
	pair_up_to_response(t, &other);
	/* an initiation for another responder */
	EXPECT(t, !weft_noise_initiation_open(&pair.hs_r, who, &other.initiation, &pair.r));
	/* an initiator that claims a static key without its private key */
	EXPECT(t, weft_noise_initiation_open(&pair.hs_r, who, &pair.initiation, &pair.r));
	EXPECT(t, !weft_noise_initiation_accept(&pair.hs_r, when, &pair.initiation, other.secret));
	/* a response to another initiation, and of another responder */
	EXPECT(t, !weft_noise_response_open(&pair.hs_i, &other.response, &pair.i, pair.psk));
	/* a preshared key that is not shared */
	pair.psk[31] ^= 0x80;
	EXPECT(t, !pair_finish(&pair));
	pair.psk[31] ^= 0x80;
	/* our own static key changed meanwhile */
	EXPECT(t, !weft_noise_response_open(&pair.hs_i, &pair.response, &other.i, pair.psk));
	EXPECT(t, pair_finish(&pair));
}

/* A late response to an initiation that another one has replaced. */
static void noise_late_response(struct test *t)
{
	struct pair pair;

	pair_up_to_response(t, &pair);
	pair.ephemeral_i[7] ^= 1;
	EXPECT(t, pair_initiate(&pair));
	EXPECT(t, !pair_finish(&pair));
	EXPECT(t, pair_consume(&pair));
	EXPECT(t, pair_respond(&pair));
	EXPECT(t, pair_finish(&pair));
}

static void low_order_check(struct test *t, const u8 low[32])
{
	static const u8 zero[32];
	struct weft_noise_handshake before;
	struct weft_msg_response response;
	struct pair pair;
	u8 secret[32], who[32], when[12];

	pair_up_to_response(t, &pair);
	EXPECT(t, !weft_noise_static_static(secret, pair.i.private, low));
	EXPECT_BYTES(t, secret, zero, 32);

	/* as the responder's static key, with any shared secret */
	before = pair.hs_i;
	EXPECT(t, !weft_noise_initiation_create(&pair.initiation, &pair.hs_i, &pair.i, low,
						pair.secret, pair.ephemeral_i, pair.timestamp,
						cpu_to_le32(1)));
	EXPECT(t, !weft_noise_initiation_create(&pair.initiation, &pair.hs_i, &pair.i,
						pair.r.public, zero, pair.ephemeral_i,
						pair.timestamp, cpu_to_le32(1)));
	EXPECT_BYTES(t, &pair.hs_i, &before, sizeof(before));

	/* as the responder's ephemeral key */
	response = pair.response;
	memcpy(response.ephemeral, low, 32);
	EXPECT(t, !weft_noise_response_open(&pair.hs_i, &response, &pair.i, pair.psk));
	EXPECT_BYTES(t, &pair.hs_i, &before, sizeof(before));
	EXPECT(t, pair_finish(&pair));

	/* as the initiator's ephemeral key, at both steps that use it */
	EXPECT(t, pair_initiate(&pair));
	EXPECT(t, pair_consume(&pair));
	before = pair.hs_r;
	memcpy(pair.initiation.ephemeral, low, 32);
	EXPECT(t, !weft_noise_initiation_open(&pair.hs_r, who, &pair.initiation, &pair.r));
	EXPECT(t, !weft_noise_initiation_accept(&pair.hs_r, when, &pair.initiation, zero));
	EXPECT_BYTES(t, &pair.hs_r, &before, sizeof(before));
	EXPECT(t, !weft_noise_response_create(&pair.response, &pair.hs_r, low, pair.psk,
					      pair.ephemeral_r, cpu_to_le32(1)));
	EXPECT_BYTES(t, &pair.hs_r, &before, sizeof(before));
	memcpy(pair.hs_r.remote_ephemeral, low, 32);
	EXPECT(t, !pair_respond(&pair));
}

static void noise_low_order(struct test *t)
{
	size_t i;

	EXPECT(t, ARRAY_SIZE(vector_low_order) >= 7);
	for (i = 0; i < ARRAY_SIZE(vector_low_order); i++)
		low_order_check(t, vector_low_order[i]);
}

/* A static key of low order needs no private key: the shared secret is zero. */
static void noise_low_order_claim(struct test *t)
{
	static const u8 zero[32];
	struct noise_state state;
	struct pair pair;
	u8 who[32], when[12];

	pair_statics(t, &pair);
	noise_begin(&state, pair.r.public);
	curve25519_clamp_secret(pair.ephemeral_i);
	EXPECT(t, curve25519_generate_public(pair.initiation.ephemeral, pair.ephemeral_i));
	noise_mix_ephemeral(&state, pair.initiation.ephemeral);
	EXPECT(t, noise_mix_dh(&state, pair.ephemeral_i, pair.r.public));
	noise_seal(&state, pair.initiation.sealed_static, vector_low_order[1], 32);
	noise_mix_secret(&state, zero);
	noise_seal(&state, pair.initiation.sealed_timestamp, pair.timestamp, 12);

	EXPECT(t, weft_noise_initiation_open(&pair.hs_r, who, &pair.initiation, &pair.r));
	EXPECT_BYTES(t, who, vector_low_order[1], 32);
	EXPECT(t, !weft_noise_initiation_accept(&pair.hs_r, when, &pair.initiation, zero));
}

static void noise_static_keys(struct test *t)
{
	static const u8 zero[32];
	struct weft_noise_static self, clamped;

	memset(&self, 0, sizeof(self));
	memset(self.public, 0xaa, sizeof(self.public));
	EXPECT(t, !weft_noise_static_public(&self));
	EXPECT_BYTES(t, self.private, zero, 32);
	EXPECT_BYTES(t, self.public, zero, 32);

	memset(&self, 0xff, sizeof(self));
	EXPECT(t, weft_noise_static_public(&self));
	EXPECT_EQ(t, self.private[0], 0xf8);
	EXPECT_EQ(t, self.private[31], 0x7f);
	clamped = self;
	EXPECT(t, weft_noise_static_public(&clamped));
	EXPECT_BYTES(t, &clamped, &self, sizeof(self));

	/* bits that only clamping clears do not make a zero key */
	memset(&self, 0, sizeof(self));
	self.private[0] = 7;
	EXPECT(t, weft_noise_static_public(&self));
	EXPECT_EQ(t, self.private[31], 0x40);
}

static void noise_timestamps(struct test *t)
{
	static const struct {
		u64 s;
		u32 ns;
		u8 label[12];
	} cases[] = {
		{ 0, 0, { 0x40, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0 } },
		{ 0, 0xffffff, { 0x40, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0 } },
		{ 0, 0x1000000, { 0x40, 0, 0, 0, 0, 0, 0, 10, 1, 0, 0, 0 } },
		{ 1700000000, 999999999, { 0x40, 0, 0, 0, 0x65, 0x53, 0xf1, 0x0a, 0x3b, 0, 0, 0 } },
		{ 0x100000000ULL, 1, { 0x40, 0, 0, 1, 0, 0, 0, 10, 0, 0, 0, 0 } },
	};
	u8 label[12];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		weft_noise_timestamp(label, cases[i].s, cases[i].ns);
		EXPECT_BYTES(t, label, cases[i].label, sizeof(label));
	}
}

/* As bytes, a later timestamp is never smaller. */
static void noise_timestamps_in_order(struct test *t)
{
	u64 a, b;
	u8 label_a[12], label_b[12];
	int i;

	for (i = 0; i < 10000; i++) {
		a = test_random_below(1ULL << 52);
		b = a + test_random_below(1ULL << (1 + i % 40));
		weft_noise_timestamp(label_a, a / 1000000000, a % 1000000000);
		weft_noise_timestamp(label_b, b / 1000000000, b % 1000000000);
		EXPECT(t, memcmp(label_a, label_b, sizeof(label_a)) <= 0);
		if (b / 1000000000 > a / 1000000000)
			EXPECT(t, memcmp(label_a, label_b, sizeof(label_a)) < 0);
	}
}

#ifndef __KERNEL__

#define STATE	(3 * 32)
#define HMAC	(64 + 32)
#define KDF(n)	(((n) + 1) * HMAC + 2 * 32)
#define DH	(KDF(2) + 32)
#define PSK	(KDF(3) + 32)

/* The bytes that each step wipes: its own, and those of the steps inside. */
static void noise_steps_wipe(struct test *t, struct pair *pair)
{
	struct noise_state state;
	u8 out[3][32];

	noise_begin(&state, pair->r.public);
	EXPECT_EQ(t, test_wiped(), 0);
	noise_hmac(out[0], pair->secret, NULL, 0, NULL, 0);
	EXPECT_EQ(t, test_wiped(), HMAC);
	noise_kdf(out[0], out[1], out[2], pair->secret, NULL, 0);
	EXPECT_EQ(t, test_wiped(), KDF(3));
	noise_mix_secret(&state, pair->secret);
	EXPECT_EQ(t, test_wiped(), KDF(2));
	noise_mix_ephemeral(&state, pair->r.public);
	EXPECT_EQ(t, test_wiped(), KDF(1));
	EXPECT(t, noise_mix_dh(&state, pair->i.private, pair->r.public));
	EXPECT_EQ(t, test_wiped(), DH);
	EXPECT(t, !noise_mix_dh(&state, pair->i.private, vector_low_order[0]));
	EXPECT_EQ(t, test_wiped(), 32);
	noise_mix_preshared(&state, pair->psk);
	EXPECT_EQ(t, test_wiped(), PSK);
}

static void noise_wipes(struct test *t)
{
	struct weft_noise_keys keys;
	struct pair pair;
	u8 who[32], when[12];

	pair_statics(t, &pair);
	test_wiped();
	noise_steps_wipe(t, &pair);
	EXPECT(t, pair_initiate(&pair));
	EXPECT_EQ(t, test_wiped(), KDF(1) + DH + KDF(2) + STATE + 32);
	EXPECT(t, weft_noise_initiation_open(&pair.hs_r, who, &pair.initiation, &pair.r));
	EXPECT_EQ(t, test_wiped(), KDF(1) + DH + STATE + 32);
	EXPECT(t, weft_noise_initiation_accept(&pair.hs_r, when, &pair.initiation, pair.secret));
	EXPECT_EQ(t, test_wiped(), KDF(2) + STATE);
	EXPECT(t, pair_respond(&pair));
	EXPECT_EQ(t, test_wiped(), KDF(1) + 2 * DH + PSK + STATE + 32);
	EXPECT(t, pair_finish(&pair));
	EXPECT_EQ(t, test_wiped(), KDF(1) + 2 * DH + PSK + STATE);
	weft_noise_split(&keys, &pair.hs_i, true);
	EXPECT_EQ(t, test_wiped(), KDF(2) + sizeof(pair.hs_i));
}

#else /* __KERNEL__ */

static void noise_wipes(struct test *t)
{
	kunit_skip(t, "wiped bytes are counted in userspace only");
}

#endif /* __KERNEL__ */

TEST_SUITE("noise",
	   TEST_CASE(noise_kdf_of_vectors),
	   TEST_CASE(noise_vectors),
	   TEST_CASE(noise_random_pairs),
	   TEST_CASE(noise_every_bit_of_an_initiation),
	   TEST_CASE(noise_every_bit_of_a_response),
	   TEST_CASE(noise_wrong_keys),
	   TEST_CASE(noise_late_response),
	   TEST_CASE(noise_low_order),
	   TEST_CASE(noise_low_order_claim),
	   TEST_CASE(noise_static_keys),
	   TEST_CASE(noise_timestamps),
	   TEST_CASE(noise_timestamps_in_order),
	   TEST_CASE(noise_wipes));
