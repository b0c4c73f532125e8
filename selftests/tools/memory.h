/* SPDX-License-Identifier: GPL-2.0 */
/* Allocations of the command's code that fail on purpose. */
#ifndef _WEFT_SELFTESTS_TOOLS_MEMORY_H
#define _WEFT_SELFTESTS_TOOLS_MEMORY_H

#include <stdbool.h>

/* The @nth allocation from now on fails, once; with 0 none does. */
void test_memory_fail(unsigned int nth);
/* Whether that allocation has failed. */
bool test_memory_failed(void);
/* Allocations of the test itself, through the command's functions, do not fail in between. */
void test_memory_spare(void);
void test_memory_spare_end(void);
/*
 * Runs @once with each of its allocations failing in turn, and once without a failure, and prints
 * one result line: good if @once returned true each time.
 */
void test_memory_each(const char *name, bool (*once)(const void *data),
		      const void *data);

#endif /* _WEFT_SELFTESTS_TOOLS_MEMORY_H */
