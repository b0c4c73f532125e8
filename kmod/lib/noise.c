// SPDX-License-Identifier: GPL-2.0
/*
 * The handshake, Noise_IKpsk2. Every step is annotated with its line of the paper (section 5.4),
 * where C is the chaining key, H the transcript hash, k the key of the next seal, E an ephemeral
 * and S a static key, Q the preshared key, and _i and _r are initiator and responder.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <asm/byteorder.h>
#include <crypto/algapi.h>
#include <crypto/blake2s.h>
#include <crypto/chacha20poly1305.h>
#include <crypto/curve25519.h>
#include "lib/noise.h"

static const char noise_construction[] = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
static const char noise_identifier[] = "WireGuard v1 zx2c4 Jason@zx2c4.com";
static const u8 noise_zeros[WEFT_KEY_LEN];

/* The running state of one message: copied out of a handshake, and back only after success. */
struct noise_state {
	u8 c[WEFT_HASH_LEN];
	u8 h[WEFT_HASH_LEN];
	u8 k[WEFT_KEY_LEN];
};

/* HASH(a || b) */
static void noise_hash(u8 out[WEFT_HASH_LEN],
		       const void *a, size_t a_len, const void *b, size_t b_len)
{
	struct blake2s_ctx ctx;

	blake2s_init(&ctx, WEFT_HASH_LEN);
	blake2s_update(&ctx, a, a_len);
	blake2s_update(&ctx, b, b_len);
	blake2s_final(&ctx, out);
}

/* HMAC(key, a || b) over BLAKE2s-256, RFC 2104. The inputs may overlap @out. */
static void noise_hmac(u8 out[WEFT_HASH_LEN], const u8 key[WEFT_HASH_LEN],
		       const void *a, size_t a_len, const void *b, size_t b_len)
{
	struct blake2s_ctx ctx;
	u8 pad[BLAKE2S_BLOCK_SIZE];
	u8 inner[WEFT_HASH_LEN];
	size_t i;

	memset(pad, 0x36, sizeof(pad));
	for (i = 0; i < WEFT_HASH_LEN; i++)
		pad[i] ^= key[i];
	blake2s_init(&ctx, WEFT_HASH_LEN);
	blake2s_update(&ctx, pad, sizeof(pad));
	blake2s_update(&ctx, a, a_len);
	blake2s_update(&ctx, b, b_len);
	blake2s_final(&ctx, inner);

	for (i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36 ^ 0x5c;
	blake2s_init(&ctx, WEFT_HASH_LEN);
	blake2s_update(&ctx, pad, sizeof(pad));
	blake2s_update(&ctx, inner, sizeof(inner));
	blake2s_final(&ctx, out);

	memzero_explicit(pad, sizeof(pad));
	memzero_explicit(inner, sizeof(inner));
}

/*
 * KDFn(key, input), RFC 5869 with an empty info: t1 and, unless NULL, t2 and t3. An output may be
 * @key itself.
 */
static void noise_kdf(u8 *t1, u8 *t2, u8 *t3, const u8 key[WEFT_HASH_LEN],
		      const void *input, size_t len)
{
	u8 *const wanted[] = { t1, t2, t3 };
	u8 t0[WEFT_HASH_LEN], t[WEFT_HASH_LEN];
	u8 n;

	noise_hmac(t0, key, input, len, NULL, 0);
	for (n = 1; n <= ARRAY_SIZE(wanted) && wanted[n - 1]; n++) {
		noise_hmac(t, t0, t, n == 1 ? 0 : sizeof(t), &n, sizeof(n));
		memcpy(wanted[n - 1], t, sizeof(t));
	}
	memzero_explicit(t0, sizeof(t0));
	memzero_explicit(t, sizeof(t));
}

static bool noise_is_zero(const u8 key[WEFT_KEY_LEN])
{
	return !crypto_memneq(key, noise_zeros, WEFT_KEY_LEN);
}

/* H = HASH(H || data) */
static void noise_mix_hash(struct noise_state *state, const void *data, size_t len)
{
	noise_hash(state->h, state->h, sizeof(state->h), data, len);
}

/* C, k = KDF2(C, secret) */
static void noise_mix_secret(struct noise_state *state, const u8 secret[WEFT_KEY_LEN])
{
	noise_kdf(state->c, state->k, NULL, state->c, secret, WEFT_KEY_LEN);
}

/* C = KDF1(C, E); H = HASH(H || E) */
static void noise_mix_ephemeral(struct noise_state *state, const u8 ephemeral[WEFT_KEY_LEN])
{
	noise_kdf(state->c, NULL, NULL, state->c, ephemeral, WEFT_KEY_LEN);
	noise_mix_hash(state, ephemeral, WEFT_KEY_LEN);
}

/*
 * C, k = KDF2(C, DH(private, public)). Where the paper has only C = KDF1(...), k is overwritten
 * before its use.
 */
static bool noise_mix_dh(struct noise_state *state, const u8 private[WEFT_KEY_LEN],
			 const u8 public[WEFT_KEY_LEN])
{
	u8 secret[WEFT_KEY_LEN];
	bool good;

	good = curve25519(secret, private, public);
	if (good)
		noise_mix_secret(state, secret);
	memzero_explicit(secret, sizeof(secret));
	return good;
}

/* C, t, k = KDF3(C, Q); H = HASH(H || t) */
static void noise_mix_preshared(struct noise_state *state, const u8 preshared[WEFT_KEY_LEN])
{
	u8 t[WEFT_HASH_LEN];

	noise_kdf(state->c, t, state->k, state->c, preshared, WEFT_KEY_LEN);
	noise_mix_hash(state, t, sizeof(t));
	memzero_explicit(t, sizeof(t));
}

/* sealed = AEAD(k, 0, plain, H); H = HASH(H || sealed) */
static void noise_seal(struct noise_state *state, u8 *sealed, const u8 *plain, size_t len)
{
	chacha20poly1305_encrypt(sealed, plain, len, state->h, sizeof(state->h), 0, state->k);
	noise_mix_hash(state, sealed, weft_sealed_len(len));
}

/* The inverse: @len is that of @plain. False if authentication fails. */
static bool noise_open(struct noise_state *state, u8 *plain, const u8 *sealed, size_t len)
{
	if (!chacha20poly1305_decrypt(plain, sealed, weft_sealed_len(len),
				      state->h, sizeof(state->h), 0, state->k))
		return false;
	noise_mix_hash(state, sealed, weft_sealed_len(len));
	return true;
}

static void noise_begin(struct noise_state *state, const u8 responder_public[WEFT_KEY_LEN])
{
	/* C = HASH(Construction) */
	noise_hash(state->c, noise_construction, sizeof(noise_construction) - 1, NULL, 0);
	/* H = HASH(C || Identifier) */
	noise_hash(state->h, state->c, sizeof(state->c),
		   noise_identifier, sizeof(noise_identifier) - 1);
	/* H = HASH(H || S_r) */
	noise_mix_hash(state, responder_public, WEFT_KEY_LEN);
}

static void noise_load(struct noise_state *state, const struct weft_noise_handshake *hs)
{
	memcpy(state->c, hs->chaining_key, sizeof(state->c));
	memcpy(state->h, hs->hash, sizeof(state->h));
}

static void noise_commit(struct weft_noise_handshake *hs, const struct noise_state *state)
{
	memcpy(hs->chaining_key, state->c, sizeof(hs->chaining_key));
	memcpy(hs->hash, state->h, sizeof(hs->hash));
}

/**
 * weft_noise_static_public - clamp a private key and compute its public key
 * @self: its private key is clamped in place (RFC 7748, section 5), its public key is written
 *
 * Context: may take long (one X25519); faster where the FPU may be used.
 * Return: false if the private key is all zeros, which stands for "no key"; the public key is zero
 * then too.
 */
bool weft_noise_static_public(struct weft_noise_static *self)
{
	if (noise_is_zero(self->private)) {
		memset(self->public, 0, sizeof(self->public));
		return false;
	}
	curve25519_clamp_secret(self->private);
	return curve25519_generate_public(self->public, self->private);
}

/**
 * weft_noise_static_static - compute DH(S_i, S_r), which is the same for every handshake of two
 * static keys
 * @secret: the result; secret
 * @private: own private key
 * @remote_public: the peer's public key
 *
 * Return: false if the peer's key has low order; @secret is all zeros then, and every handshake
 * with it is refused.
 */
bool weft_noise_static_static(u8 secret[WEFT_KEY_LEN], const u8 private[WEFT_KEY_LEN],
			      const u8 remote_public[WEFT_KEY_LEN])
{
	return curve25519(secret, private, remote_public);
}

/**
 * weft_noise_timestamp - write a point in time as a TAI64N label
 * @timestamp: 8 bytes of seconds and 4 of nanoseconds, big-endian: as bytes, later is greater
 * @unix_s: seconds since 1970
 * @ns: nanoseconds, below 10^9; rounded down to a multiple of 2^24 so that the message does not
 *	reveal a precise clock
 */
void weft_noise_timestamp(u8 timestamp[WEFT_TIMESTAMP_LEN], u64 unix_s, u32 ns)
{
	__be64 seconds = cpu_to_be64((1ULL << 62) + 10 + unix_s);
	__be32 nanoseconds = cpu_to_be32(ns & ~((1U << 24) - 1));

	memcpy(timestamp, &seconds, sizeof(seconds));
	memcpy(timestamp + sizeof(seconds), &nanoseconds, sizeof(nanoseconds));
}

/**
 * weft_noise_initiation_create - write the first message (section 5.4.2)
 * @msg: the message; its macs are left to weft_cookie_add_macs()
 * @hs: the handshake, to be continued by weft_noise_response_open()
 * @self: own static keys
 * @remote_static: the responder's public key
 * @static_static: the result of weft_noise_static_static() for both
 * @ephemeral_private: 32 fresh random bytes
 * @timestamp: greater than in any initiation sent to this peer before
 * @sender: own index of the new session
 *
 * Context: two X25519.
 * Return: false if the responder's key is of low order; @hs is unchanged and @msg not to be sent.
 */
bool weft_noise_initiation_create(struct weft_msg_initiation *msg, struct weft_noise_handshake *hs,
				  const struct weft_noise_static *self,
				  const u8 remote_static[WEFT_KEY_LEN],
				  const u8 static_static[WEFT_KEY_LEN],
				  const u8 ephemeral_private[WEFT_KEY_LEN],
				  const u8 timestamp[WEFT_TIMESTAMP_LEN], __le32 sender)
{
	struct noise_state state;
	u8 ephemeral[WEFT_KEY_LEN];
	bool good = false;

	msg->header.type = cpu_to_le32(WEFT_MSG_INITIATION);
	msg->sender = sender;

	noise_begin(&state, remote_static);

	/* e: C = KDF1(C, E_i); H = HASH(H || E_i) */
	memcpy(ephemeral, ephemeral_private, sizeof(ephemeral));
	curve25519_clamp_secret(ephemeral);
	if (!curve25519_generate_public(msg->ephemeral, ephemeral))
		goto wipe;
	noise_mix_ephemeral(&state, msg->ephemeral);

	/* es: C, k = KDF2(C, DH(E_i, S_r)) */
	if (!noise_mix_dh(&state, ephemeral, remote_static))
		goto wipe;

	/* s: static = AEAD(k, 0, S_i, H); H = HASH(H || static) */
	noise_seal(&state, msg->sealed_static, self->public, WEFT_KEY_LEN);

	/* ss: C, k = KDF2(C, DH(S_i, S_r)) */
	if (noise_is_zero(static_static))
		goto wipe;
	noise_mix_secret(&state, static_static);

	/* {t}: timestamp = AEAD(k, 0, TAI64N, H); H = HASH(H || timestamp) */
	noise_seal(&state, msg->sealed_timestamp, timestamp, WEFT_TIMESTAMP_LEN);

	noise_commit(hs, &state);
	memcpy(hs->ephemeral, ephemeral, sizeof(hs->ephemeral));
	good = true;
wipe:
	memzero_explicit(&state, sizeof(state));
	memzero_explicit(ephemeral, sizeof(ephemeral));
	return good;
}

/**
 * weft_noise_initiation_open - read the first message up to the sender's key (section 5.4.2)
 * @hs: gets the handshake's state; may be uninitialised before
 * @remote_static: the public key that the message claims to come from. Only
 *	weft_noise_initiation_accept() proves it
 * @msg: the message; its type and mac1 have been checked
 * @self: own static keys
 *
 * Context: one X25519.
 * Return: false if the message was not made for @self; @hs and @remote_static are not changed.
 */
bool weft_noise_initiation_open(struct weft_noise_handshake *hs, u8 remote_static[WEFT_KEY_LEN],
				const struct weft_msg_initiation *msg,
				const struct weft_noise_static *self)
{
	struct noise_state state;
	u8 opened[WEFT_KEY_LEN];
	bool good = false;

	noise_begin(&state, self->public);

	/* e: C = KDF1(C, E_i); H = HASH(H || E_i) */
	noise_mix_ephemeral(&state, msg->ephemeral);

	/* es: C, k = KDF2(C, DH(S_r, E_i)) */
	if (!noise_mix_dh(&state, self->private, msg->ephemeral))
		goto wipe;

	/* s: static = AEAD(k, 0, S_i, H); H = HASH(H || static) */
	if (!noise_open(&state, opened, msg->sealed_static, WEFT_KEY_LEN))
		goto wipe;

	noise_commit(hs, &state);
	memcpy(hs->remote_ephemeral, msg->ephemeral, sizeof(hs->remote_ephemeral));
	memcpy(remote_static, opened, sizeof(opened));
	hs->remote_index = msg->sender;
	good = true;
wipe:
	memzero_explicit(&state, sizeof(state));
	memzero_explicit(opened, sizeof(opened));
	return good;
}

/**
 * weft_noise_initiation_accept - verify the sender of the first message (section 5.4.2)
 * @hs: as weft_noise_initiation_open() left it
 * @timestamp: the initiator's time; the caller checks whether it is new
 * @msg: the same message
 * @static_static: the result of weft_noise_static_static() for own key and the claimed one
 *
 * Return: false if the sender does not have that key, or it has low order; @hs and @timestamp are
 * not changed.
 */
bool weft_noise_initiation_accept(struct weft_noise_handshake *hs, u8 timestamp[WEFT_TIMESTAMP_LEN],
				  const struct weft_msg_initiation *msg,
				  const u8 static_static[WEFT_KEY_LEN])
{
	struct noise_state state;
	u8 opened[WEFT_TIMESTAMP_LEN];
	bool good = false;

	noise_load(&state, hs);

	/* ss: C, k = KDF2(C, DH(S_r, S_i)) */
	if (noise_is_zero(static_static))
		goto wipe;
	noise_mix_secret(&state, static_static);

	/* {t}: timestamp = AEAD(k, 0, TAI64N, H); H = HASH(H || timestamp) */
	if (!noise_open(&state, opened, msg->sealed_timestamp, WEFT_TIMESTAMP_LEN))
		goto wipe;

	noise_commit(hs, &state);
	memcpy(timestamp, opened, sizeof(opened));
	good = true;
wipe:
	memzero_explicit(&state, sizeof(state));
	return good;
}

/**
 * weft_noise_response_create - write the second message (section 5.4.3)
 * @msg: the message; its macs are left to weft_cookie_add_macs()
 * @hs: as weft_noise_initiation_accept() left it; ready for weft_noise_split() afterwards
 * @remote_static: the initiator's public key
 * @preshared: the preshared key; zeros for none
 * @ephemeral_private: 32 fresh random bytes
 * @sender: own index of the new session
 *
 * Context: three X25519.
 * Return: false if a key of the initiator has low order; @hs is not changed and @msg must not be
 * sent.
 */
bool weft_noise_response_create(struct weft_msg_response *msg, struct weft_noise_handshake *hs,
				const u8 remote_static[WEFT_KEY_LEN],
				const u8 preshared[WEFT_KEY_LEN],
				const u8 ephemeral_private[WEFT_KEY_LEN], __le32 sender)
{
	struct noise_state state;
	u8 ephemeral[WEFT_KEY_LEN];
	bool good = false;

	msg->header.type = cpu_to_le32(WEFT_MSG_RESPONSE);
	msg->sender = sender;
	msg->receiver = hs->remote_index;

	noise_load(&state, hs);

	/* e: C = KDF1(C, E_r); H = HASH(H || E_r) */
	memcpy(ephemeral, ephemeral_private, sizeof(ephemeral));
	curve25519_clamp_secret(ephemeral);
	if (!curve25519_generate_public(msg->ephemeral, ephemeral))
		goto wipe;
	noise_mix_ephemeral(&state, msg->ephemeral);

	/* ee: C = KDF1(C, DH(E_r, E_i)) */
	if (!noise_mix_dh(&state, ephemeral, hs->remote_ephemeral))
		goto wipe;

	/* se: C = KDF1(C, DH(E_r, S_i)) */
	if (!noise_mix_dh(&state, ephemeral, remote_static))
		goto wipe;

	/* psk: C, t, k = KDF3(C, Q); H = HASH(H || t) */
	noise_mix_preshared(&state, preshared);

	/* {}: empty = AEAD(k, 0, "", H); H = HASH(H || empty) */
	noise_seal(&state, msg->sealed_nothing, NULL, 0);

	noise_commit(hs, &state);
	good = true;
wipe:
	memzero_explicit(&state, sizeof(state));
	memzero_explicit(ephemeral, sizeof(ephemeral));
	return good;
}

/**
 * weft_noise_response_open - read the second message (section 5.4.3)
 * @hs: as weft_noise_initiation_create() left it; ready for weft_noise_split() afterwards,
 *	its remote_index known
 * @msg: the message; its type, receiver and mac1 have been checked
 * @self: own static keys, the same as for the initiation
 * @preshared: the preshared key; zeros for none
 *
 * Context: two X25519.
 * Return: false if the message does not answer our initiation; @hs is not changed, so that the
 * genuine response can still be processed.
 */
bool weft_noise_response_open(struct weft_noise_handshake *hs, const struct weft_msg_response *msg,
			      const struct weft_noise_static *self,
			      const u8 preshared[WEFT_KEY_LEN])
{
	struct noise_state state;
	bool good = false;

	noise_load(&state, hs);

	/* e: C = KDF1(C, E_r); H = HASH(H || E_r) */
	noise_mix_ephemeral(&state, msg->ephemeral);

	/* ee: C = KDF1(C, DH(E_i, E_r)) */
	if (!noise_mix_dh(&state, hs->ephemeral, msg->ephemeral))
		goto wipe;

	/* se: C = KDF1(C, DH(S_i, E_r)) */
	if (!noise_mix_dh(&state, self->private, msg->ephemeral))
		goto wipe;

	/* psk: C, t, k = KDF3(C, Q); H = HASH(H || t) */
	noise_mix_preshared(&state, preshared);

	/* {}: empty = AEAD(k, 0, "", H); H = HASH(H || empty) */
	if (!noise_open(&state, NULL, msg->sealed_nothing, 0))
		goto wipe;

	noise_commit(hs, &state);
	hs->remote_index = msg->sender;
	good = true;
wipe:
	memzero_explicit(&state, sizeof(state));
	return good;
}

/**
 * weft_noise_split - derive the session's keys from a finished handshake (section 5.4.5)
 * @keys: one key for each direction; secret
 * @hs: as weft_noise_response_open() or weft_noise_response_create() left it; wiped
 * @initiator: whether we sent the first message
 */
void weft_noise_split(struct weft_noise_keys *keys, struct weft_noise_handshake *hs, bool initiator)
{
	/* T1, T2 = KDF2(C, ""): the initiator sends with T1 and receives with T2 */
	noise_kdf(initiator ? keys->send : keys->receive, initiator ? keys->receive : keys->send,
		  NULL, hs->chaining_key, NULL, 0);
	memzero_explicit(hs, sizeof(*hs));
}
