/* SPDX-License-Identifier: GPL-2.0 */
/* The part of the kernel's header that kmod/lib uses, for userspace, on libsodium. */
#ifndef SHIM_CRYPTO_CHACHA20POLY1305_H
#define SHIM_CRYPTO_CHACHA20POLY1305_H

#include <string.h>
#include <sodium.h>
#include <asm/byteorder.h>
#include <linux/compiler.h>
#include <linux/types.h>

static inline void shim_nonce(u8 nonce[12], u64 counter)
{
	__le64 word = cpu_to_le64(counter);

	memset(nonce, 0, 4);
	memcpy(nonce + 4, &word, sizeof(word));
}

static inline void chacha20poly1305_encrypt(u8 *dst, const u8 *src, size_t src_len, const u8 *ad,
					    size_t ad_len, u64 counter, const u8 key[32])
{
	u8 nonce[12];

	shim_nonce(nonce, counter);
	crypto_aead_chacha20poly1305_ietf_encrypt(dst, NULL, src, src_len, ad, ad_len, NULL,
						  nonce, key);
}

static inline bool __must_check chacha20poly1305_decrypt(u8 *dst, const u8 *src, size_t src_len,
							 const u8 *ad, size_t ad_len, u64 counter,
							 const u8 key[32])
{
	u8 nonce[12];

	shim_nonce(nonce, counter);
	return !crypto_aead_chacha20poly1305_ietf_decrypt(dst, NULL, NULL, src, src_len, ad, ad_len,
							  nonce, key);
}

static inline void xchacha20poly1305_encrypt(u8 *dst, const u8 *src, size_t src_len, const u8 *ad,
					     size_t ad_len, const u8 nonce[24], const u8 key[32])
{
	crypto_aead_xchacha20poly1305_ietf_encrypt(dst, NULL, src, src_len, ad, ad_len, NULL,
						   nonce, key);
}

static inline bool __must_check xchacha20poly1305_decrypt(u8 *dst, const u8 *src, size_t src_len,
							  const u8 *ad, size_t ad_len,
							  const u8 nonce[24], const u8 key[32])
{
	return !crypto_aead_xchacha20poly1305_ietf_decrypt(dst, NULL, NULL, src, src_len, ad,
							   ad_len, nonce, key);
}

#endif
