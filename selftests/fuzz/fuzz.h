/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by the fuzzers: an input that is read from its start, and assertions. A fuzzer includes
 * this, then the file under test, from the module or from the command.
 */
#ifndef WEFT_FUZZ_H
#define WEFT_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

/* For reference code: fast, and not part of the coverage. */
#define FUZZ_REFERENCE	__attribute__((no_sanitize("address", "undefined", "coverage")))

/* A false condition ends the run, and libFuzzer keeps the input. */
#define FUZZ_MUST(what)	do { if (!(what)) fuzz_fail(__FILE__, __LINE__, #what); } while (0)

static inline void fuzz_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: must hold: %s\n", file, line, what);
	abort();
}

struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

static inline bool fuzz_more(const struct fuzz_input *input)
{
	return input->left;
}

/* Reads zeros beyond the end. */
static inline void fuzz_take(struct fuzz_input *input, void *to, size_t len)
{
	size_t have = len < input->left ? len : input->left;

	memset(to, 0, len);
	if (!have)
		return;
	memcpy(to, input->at, have);
	input->at += have;
	input->left -= have;
}

static inline uint8_t fuzz_u8(struct fuzz_input *input)
{
	uint8_t value;

	fuzz_take(input, &value, sizeof(value));
	return value;
}

static inline uint16_t fuzz_u16(struct fuzz_input *input)
{
	uint16_t value;

	fuzz_take(input, &value, sizeof(value));
	return value;
}

static inline uint32_t fuzz_u32(struct fuzz_input *input)
{
	uint32_t value;

	fuzz_take(input, &value, sizeof(value));
	return value;
}

static inline uint64_t fuzz_u64(struct fuzz_input *input)
{
	uint64_t value;

	fuzz_take(input, &value, sizeof(value));
	return value;
}

#endif /* WEFT_FUZZ_H */
