/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Case tables that run both in userspace, printing TAP, and in the kernel as KUnit suites. A test
 * includes this first, then the pure .c file it tests, and ends with TEST_SUITE().
 */
#ifndef WEFT_TEST_H
#define WEFT_TEST_H

#include <linux/kernel.h>

#define TEST_COMPLAINTS	5	/* a loop of a million failures prints only the first ones */

#define EXPECT(t, what)		test_expect(t, what, __FILE__, __LINE__, #what)
#define EXPECT_EQ(t, a, b)	test_expect_eq(t, a, b, __FILE__, __LINE__, #a " == " #b)
#define EXPECT_PTR(t, a, b)	test_expect_eq(t, (uintptr_t)(a), (uintptr_t)(b), \
					       __FILE__, __LINE__, #a " == " #b)
#define EXPECT_BYTES(t, a, b, len) test_expect_bytes(t, a, b, len, __FILE__, __LINE__, #a " == " #b)

#ifdef __KERNEL__

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#define test			kunit
#define TEST_CASE(function)	KUNIT_CASE(function)
#define test_zalloc(t, size)	kzalloc(size, GFP_KERNEL | __GFP_NOFAIL)
#define test_free(memory)	kfree(memory)

/* Emulation and the debug kernel's checks are slow: fewer rounds in the kernel. */
#define TEST_ROUNDS(many)	((many) / 10)

/* Counts of the running case. */
static unsigned long test_checks, test_failures;

/* Not inlined: each KUnit expectation takes some hundred bytes of stack. */
static noinline void test_fail(struct kunit *t, const char *file, int line, const char *what)
{
	if (++test_failures <= TEST_COMPLAINTS)
		KUNIT_FAIL(t, "%s:%d: check %lu failed: %s", file, line, test_checks, what);
}

static inline void test_expect(struct kunit *t, bool good, const char *file, int line,
			       const char *what)
{
	test_checks++;
	if (!good)
		test_fail(t, file, line, what);
}

static inline void test_expect_eq(struct kunit *t, u64 a, u64 b, const char *file, int line,
				  const char *what)
{
	test_expect(t, a == b, file, line, what);
	if (a != b && test_failures <= TEST_COMPLAINTS)
		kunit_err(t, "is %#llx, should be %#llx", a, b);
}

static inline void test_expect_bytes(struct kunit *t, const void *a, const void *b, size_t len,
				     const char *file, int line, const char *what)
{
	bool same = !memcmp(a, b, len);

	test_expect(t, same, file, line, what);
	if (!same && test_failures <= TEST_COMPLAINTS)
		kunit_err(t, "is %*phN, should be %*phN", (int)len, a, (int)len, b);
}

static inline int test_begin(struct kunit *t)
{
	test_checks = 0;
	test_failures = 0;
	return 0;
}

/* A case without a single check fails. */
static inline void test_end(struct kunit *t)
{
	if (!test_checks && t->status != KUNIT_SKIPPED)
		test_fail(t, __FILE__, __LINE__, "the case makes checks");
}

/* @set_up and @tear_down run before and after all cases; either may be NULL. */
#define TEST_SUITE_AROUND(suite_name, set_up, tear_down, ...)		\
	static struct kunit_case test_cases[] = { __VA_ARGS__, {} };	\
	static struct kunit_suite test_suite = {			\
		.name = "weft_" suite_name,				\
		.suite_init = set_up,					\
		.suite_exit = tear_down,				\
		.init = test_begin,					\
		.exit = test_end,					\
		.test_cases = test_cases,				\
	};								\
	kunit_test_suite(test_suite)

#define TEST_SUITE(suite_name, ...)	TEST_SUITE_AROUND(suite_name, NULL, NULL, __VA_ARGS__)

#else /* __KERNEL__ */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>

struct test {
	const char *name;
	void (*run)(struct test *t);
	unsigned long checks;
	unsigned long failures;
};

#define TEST_CASE(function)	{ .name = #function, .run = function }
#define TEST_ROUNDS(many)	(many)

static inline void test_fail(struct test *t, const char *file, int line, const char *what)
{
	if (++t->failures <= TEST_COMPLAINTS)
		printf("# %s:%d: check %lu of %s failed: %s\n", file, line, t->checks, t->name,
		       what);
	/* The first failure is enough for mutants.py. */
	if (getenv("TEST_STOP"))
		exit(1);
}

static inline void test_expect(struct test *t, bool good, const char *file, int line,
			       const char *what)
{
	t->checks++;
	if (!good)
		test_fail(t, file, line, what);
}

static inline void test_expect_eq(struct test *t, u64 a, u64 b, const char *file, int line,
				  const char *what)
{
	test_expect(t, a == b, file, line, what);
	if (a != b && t->failures <= TEST_COMPLAINTS)
		printf("#   is %#" PRIx64 ", should be %#" PRIx64 "\n", a, b);
}

static inline void test_print_bytes(const char *label, const u8 *bytes, size_t len)
{
	printf("#   %s ", label);
	while (len--)
		printf("%02x", *bytes++);
	printf("\n");
}

static inline void test_expect_bytes(struct test *t, const void *a, const void *b, size_t len,
				     const char *file, int line, const char *what)
{
	bool same = !memcmp(a, b, len);

	test_expect(t, same, file, line, what);
	if (!same && t->failures <= TEST_COMPLAINTS) {
		test_print_bytes("is       ", a, len);
		test_print_bytes("should be", b, len);
	}
}

static inline void *test_zalloc(struct test *t, size_t size)
{
	void *memory = calloc(1, size);

	if (!memory) {
		printf("Bail out! no memory for %s\n", t->name);
		exit(1);
	}
	return memory;
}

#define test_free(memory)	free(memory)

static inline int test_main(struct test *cases, size_t count)
{
	size_t i, failed = 0;

	printf("TAP version 13\n1..%zu\n", count);
	for (i = 0; i < count; i++) {
		cases[i].run(&cases[i]);
		/* A case without a single check fails. */
		if (!cases[i].checks)
			test_fail(&cases[i], __FILE__, __LINE__, "the case makes checks");
		failed += !!cases[i].failures;
		printf("%s %zu - %s # %lu checks\n", cases[i].failures ? "not ok" : "ok", i + 1,
		       cases[i].name, cases[i].checks);
	}
	return failed ? 1 : 0;
}

#define TEST_SUITE(suite_name, ...)					\
	int main(void)							\
	{								\
		static struct test cases[] = { __VA_ARGS__ };		\
									\
		setvbuf(stdout, NULL, _IOLBF, 0);			\
		printf("# " suite_name "\n");				\
		return test_main(cases, sizeof(cases) / sizeof(cases[0])); \
	}

#endif /* __KERNEL__ */

/* Random numbers that are the same in every run: xorshift64* (Vigna). */
static u64 test_random_state = 0x9e3779b97f4a7c15ULL;

static inline u64 test_random(void)
{
	test_random_state ^= test_random_state >> 12;
	test_random_state ^= test_random_state << 25;
	test_random_state ^= test_random_state >> 27;
	return test_random_state * 0x2545f4914f6cdd1dULL;
}

static inline u64 test_random_below(u64 limit)
{
	return test_random() % limit;
}

static inline void test_random_bytes(u8 *bytes, size_t len)
{
	while (len--)
		*bytes++ = test_random() >> 56;
}

#endif /* WEFT_TEST_H */
