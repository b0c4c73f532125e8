/* SPDX-License-Identifier: GPL-2.0 */
/* Counts the bytes that memzero_explicit() wipes; tests include this before the tested file. */
#ifndef WEFT_TEST_WIPE_H
#define WEFT_TEST_WIPE_H

#include <linux/string.h>

#ifndef __KERNEL__

#undef memzero_explicit
#define memzero_explicit(start, len)	test_wipe(start, len)

static size_t test_wiped_bytes;

static inline void test_wipe(void *start, size_t len)
{
	sodium_memzero(start, len);
	test_wiped_bytes += len;
}

/* The bytes wiped since the last call. */
static inline size_t test_wiped(void)
{
	size_t bytes = test_wiped_bytes;

	test_wiped_bytes = 0;
	return bytes;
}

#endif /* __KERNEL__ */

#endif /* WEFT_TEST_WIPE_H */
