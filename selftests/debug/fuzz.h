/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by the fuzzers: numbers from a seed, and the end after a failed check. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	_Exit(1);
}

/* xorshift64*: small, fast, and the same everywhere. */
struct rng {
	uint64_t state;
};

static inline void rng_seed(struct rng *rng, uint64_t seed)
{
	rng->state = (seed + 1) * 0x9e3779b97f4a7c15ull;
	if (!rng->state)
		rng->state = 1;
}

static inline uint32_t rng_next(struct rng *rng)
{
	rng->state ^= rng->state >> 12;
	rng->state ^= rng->state << 25;
	rng->state ^= rng->state >> 27;
	return rng->state * 0x2545f4914f6cdd1dull >> 32;
}

/* 0 to @n - 1; 0 if @n is 0. */
static inline uint32_t rng_below(struct rng *rng, uint32_t n)
{
	return n ? (uint64_t)rng_next(rng) * n >> 32 : 0;
}

static inline bool rng_percent(struct rng *rng, unsigned int percent)
{
	return rng_below(rng, 100) < percent;
}

static inline void rng_bytes(struct rng *rng, void *to, size_t len)
{
	uint8_t *bytes = to;

	while (len--)
		*bytes++ = rng_next(rng) >> 24;
}

/* Numbers at which programs often fail. */
static inline uint32_t rng_odd_number(struct rng *rng)
{
	static const uint32_t numbers[] = {
		0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 33, 63, 64, 127, 128, 129, 255, 256, 1279, 1280, 1420, 1500,
		32767, 32768, 65534, 65535, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
	};

	return numbers[rng_below(rng, ARRAY_SIZE(numbers))];
}

/* Changes a few bytes. */
static inline void rng_spoil(struct rng *rng, uint8_t *bytes, size_t len)
{
	unsigned int times = 1 + rng_below(rng, 3);

	while (len && times--) {
		uint8_t *byte = &bytes[rng_below(rng, len)];

		*byte = rng_percent(rng, 60) ? *byte ^ 1u << rng_below(rng, 8) : rng_odd_number(rng);
	}
}

static inline uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

#endif
