/* SPDX-License-Identifier: GPL-2.0 */
/* The part of the kernel's header that kmod/lib uses, for userspace, on libsodium. */
#ifndef SHIM_CRYPTO_CURVE25519_H
#define SHIM_CRYPTO_CURVE25519_H

#include <string.h>
#include <sodium.h>
#include <linux/compiler.h>
#include <linux/types.h>

/* Returns false for an all-zero result, as the kernel's function does, and writes the zeros. */
static inline bool __must_check curve25519(u8 out[32], const u8 secret[32], const u8 point[32])
{
	if (!crypto_scalarmult_curve25519(out, secret, point))
		return true;
	memset(out, 0, 32);
	return false;
}

static inline bool __must_check curve25519_generate_public(u8 pub[32], const u8 secret[32])
{
	return !crypto_scalarmult_curve25519_base(pub, secret);
}

static inline void curve25519_clamp_secret(u8 secret[32])
{
	secret[0] &= 248;
	secret[31] = (secret[31] & 127) | 64;
}

#endif
