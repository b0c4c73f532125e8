/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_COMPAT_CRYPTO_BLAKE2S_H
#define WEFT_COMPAT_CRYPTO_BLAKE2S_H

#include <linux/version.h>
#include_next <crypto/blake2s.h>

/* Before Linux 6.19 the hash context was called a state. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define blake2s_ctx blake2s_state
#endif

#endif /* WEFT_COMPAT_CRYPTO_BLAKE2S_H */
