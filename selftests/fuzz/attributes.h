/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Netlink attributes from an input: either its bytes unchanged, or a program that writes nests and
 * leaves with valid lengths and arbitrary contents. One byte of it is a leaf with so many of the
 * following bytes, or the begin or the end of a nest.
 */
#ifndef WEFT_FUZZ_ATTRIBUTES_H
#define WEFT_FUZZ_ATTRIBUTES_H

#include <netlink/attr.h>
#include "fuzz.h"

#define ATTRIBUTES_DEPTH	5
#define ATTRIBUTES_BYTES	4096

struct attributes {
	/* On the heap, and exactly as long as its contents. */
	uint8_t *bytes;
	size_t len;
};

/* The usual lengths, and 0 to 15. */
static const uint8_t attribute_lengths[] = { 0, 1, 2, 3, 4, 5, 8, 12, 15, 16, 17, 20, 28, 31, 32, 33 };

static struct nlattr *attribute_begin(struct attributes *to, uint16_t type)
{
	struct nlattr *attr = (struct nlattr *)(to->bytes + to->len);

	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN;
	to->len += NLA_HDRLEN;
	return attr;
}

static void attribute_end(struct attributes *to, struct nlattr *attr)
{
	attr->nla_len = to->bytes + to->len - (uint8_t *)attr;
	while (to->len % NLA_ALIGNTO)
		to->bytes[to->len++] = 0;
}

static void attributes_write(struct fuzz_input *input, struct attributes *to)
{
	struct nlattr *nests[ATTRIBUTES_DEPTH], *attr;
	size_t depth = 0, len;
	uint8_t op, type;

	while (fuzz_more(input) && to->len + 64 < ATTRIBUTES_BYTES) {
		op = fuzz_u8(input);
		if (op >= 0xf0) {
			if (depth)
				attribute_end(to, nests[--depth]);
			continue;
		}
		type = fuzz_u8(input);
		attr = attribute_begin(to, op & 0x80 ? type | NLA_F_NESTED : type);
		if (op & 0x80 && depth < ATTRIBUTES_DEPTH) {
			nests[depth++] = attr;
			continue;
		}
		len = attribute_lengths[op % sizeof(attribute_lengths)];
		fuzz_take(input, to->bytes + to->len, len);
		to->len += len;
		attribute_end(to, attr);
	}
	while (depth)
		attribute_end(to, nests[--depth]);
}

/* The caller frees the bytes. */
static struct attributes attributes_of(struct fuzz_input *input)
{
	struct attributes raw = { malloc(ATTRIBUTES_BYTES), 0 }, exact;

	if (fuzz_u8(input) & 1) {
		attributes_write(input, &raw);
	} else {
		raw.len = input->left < ATTRIBUTES_BYTES ? input->left : ATTRIBUTES_BYTES;
		fuzz_take(input, raw.bytes, raw.len);
	}
	exact.len = raw.len;
	exact.bytes = malloc(raw.len ? raw.len : 1);
	memcpy(exact.bytes, raw.bytes, raw.len);
	free(raw.bytes);
	return exact;
}

#endif /* WEFT_FUZZ_ATTRIBUTES_H */
