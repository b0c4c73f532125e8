/* SPDX-License-Identifier: GPL-2.0 */
/* The part of the kernel's header that kmod/lib uses, for userspace. */
#ifndef SHIM_CRYPTO_ALGAPI_H
#define SHIM_CRYPTO_ALGAPI_H

#include <sodium.h>

#define crypto_memneq(a, b, len)	(sodium_memcmp(a, b, len) != 0)

#endif
