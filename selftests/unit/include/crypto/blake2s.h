/* SPDX-License-Identifier: GPL-2.0 */
/* What kmod/lib uses of the kernel's header of this name, for userspace, on libb2. */
#ifndef SHIM_CRYPTO_BLAKE2S_H
#define SHIM_CRYPTO_BLAKE2S_H

#include <blake2.h>

#define BLAKE2S_BLOCK_SIZE	64

/* The kernel remembers how long a result was asked for; libb2 wants to hear it again. */
static inline void shim_blake2s_final(blake2s_state *state, unsigned char *out)
{
	blake2s_final(state, out, state->outlen);
}

#define blake2s_ctx			__blake2s_state
#define blake2s_final(state, out)	shim_blake2s_final(state, out)

#endif
