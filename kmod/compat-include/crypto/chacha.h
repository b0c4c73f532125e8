/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_COMPAT_CRYPTO_CHACHA_H
#define WEFT_COMPAT_CRYPTO_CHACHA_H

#include <linux/string.h>
#include <linux/version.h>
#include_next <crypto/chacha.h>

/* Before Linux 6.16 the state was a bare array. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define CHACHA_KEY_WORDS (CHACHA_KEY_SIZE / sizeof(u32))

struct chacha_state {
	u32 x[CHACHA_STATE_WORDS];
};

static inline void weft_compat_chacha_init(struct chacha_state *state, const u32 *key, const u8 *iv)
{
	chacha_init(state->x, key, iv);
}

static inline void weft_compat_chacha20_crypt(struct chacha_state *state, u8 *dst, const u8 *src,
					      unsigned int bytes)
{
	chacha20_crypt(state->x, dst, src, bytes);
}

static inline void chacha_zeroize_state(struct chacha_state *state)
{
	memzero_explicit(state, sizeof(*state));
}

#define chacha_init weft_compat_chacha_init
#define chacha20_crypt weft_compat_chacha20_crypt
#endif

#endif /* WEFT_COMPAT_CRYPTO_CHACHA_H */
