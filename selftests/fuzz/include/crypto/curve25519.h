/* SPDX-License-Identifier: GPL-2.0 */
/*
 * X25519 with a cache: it takes longer than all else of a handshake, and the fuzzer has few keys.
 * The header behind this one computes the cached results.
 */
#ifndef FUZZ_CRYPTO_CURVE25519_H
#define FUZZ_CRYPTO_CURVE25519_H

#define curve25519			slow_curve25519
#define curve25519_generate_public	slow_curve25519_generate_public
#include_next <crypto/curve25519.h>
#undef curve25519
#undef curve25519_generate_public

#define MEMORY_SLOTS	32768

struct curve_memory {
	u8 secret[32], point[32], out[32];
	bool good, known;
};

static struct curve_memory curve_memory[MEMORY_SLOTS];

static inline struct curve_memory *curve_slot(const u8 secret[32], const u8 point[32])
{
	u64 a, b;

	memcpy(&a, secret + 3, sizeof(a));
	memcpy(&b, point, sizeof(b));
	a ^= b * 0x9e3779b97f4a7c15ULL;
	memcpy(&b, point + 16, sizeof(b));
	a ^= b * 0xc2b2ae3d27d4eb4fULL;
	return &curve_memory[(a >> 20) % MEMORY_SLOTS];
}

static inline bool __must_check curve25519(u8 out[32], const u8 secret[32], const u8 point[32])
{
	struct curve_memory *slot = curve_slot(secret, point);

	if (!slot->known || memcmp(slot->secret, secret, 32) || memcmp(slot->point, point, 32)) {
		memcpy(slot->secret, secret, 32);
		memcpy(slot->point, point, 32);
		slot->good = slow_curve25519(slot->out, secret, point);
		slot->known = true;
	}
	memcpy(out, slot->out, 32);
	return slot->good;
}

static inline bool __must_check curve25519_generate_public(u8 pub[32], const u8 secret[32])
{
	static const u8 base[32] = { 9 };

	return curve25519(pub, secret, base);
}

#endif
