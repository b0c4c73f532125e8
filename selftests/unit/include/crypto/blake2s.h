/* SPDX-License-Identifier: GPL-2.0 */
/* The part of the kernel's header that kmod/lib uses, for userspace, on libb2. */
#ifndef SHIM_CRYPTO_BLAKE2S_H
#define SHIM_CRYPTO_BLAKE2S_H

#include <blake2.h>

#define BLAKE2S_BLOCK_SIZE	64

/* The kernel's state holds the length of the result; libb2 takes it as an argument. */
static inline void shim_blake2s_final(blake2s_state *state, unsigned char *out)
{
	blake2s_final(state, out, state->outlen);
}

#define blake2s_ctx			__blake2s_state
#define blake2s_final(state, out)	shim_blake2s_final(state, out)

#endif
