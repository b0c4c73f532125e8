/* SPDX-License-Identifier: GPL-2.0 */
/* Allocations of the command's code that fail on purpose. */
#ifndef _WEFT_SELFTESTS_TOOLS_MEMORY_H
#define _WEFT_SELFTESTS_TOOLS_MEMORY_H

#include <stdbool.h>

/* The @nth allocation from now on fails, once; with 0 none does. */
void test_memory_fail(unsigned int nth);
/* Whether it has failed. */
bool test_memory_failed(void);
/* What a test allocates through the command's functions is spared in between. */
void test_memory_spare(void);
void test_memory_spare_end(void);
/*
 * One result line: @once is true with each of its allocations failing in turn,
 * and without a failure.
 */
void test_memory_each(const char *name, bool (*once)(const void *data),
		      const void *data);

#endif /* _WEFT_SELFTESTS_TOOLS_MEMORY_H */
