/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What this process has checked with success, and need not check again: the signatures of
 * records and the keys of proofs, which are most of the CPU time of an agent's step. A check
 * depends on its bytes alone.
 */
#ifndef _WEFT_TOOLS_FLEET_CHECKED_H
#define _WEFT_TOOLS_FLEET_CHECKED_H

#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>

#define WEFT_CHECKED_BYTES	32

enum weft_checked_kind {
	WEFT_CHECKED_SIGNATURE,
	WEFT_CHECKED_KEY,
};

/**
 * struct weft_checked - a check
 * @state: the hash of the bytes that were added
 * @name: the hash of all of them
 */
struct weft_checked {
	crypto_generichash_state state;
	unsigned char name[WEFT_CHECKED_BYTES];
};

/**
 * weft_checked_begin() - begin a check's name
 * @check: the check
 * @kind: its kind
 *
 * The hash is BLAKE2b (RFC 7693) under a random key of the process: two checks with one name
 * cannot be found.
 */
void weft_checked_begin(struct weft_checked *check, enum weft_checked_kind kind);

/**
 * weft_checked_add() - add bytes that the check depends on
 * @check: the check
 * @bytes: the bytes; all but the last ones of a kind have a fixed length
 * @len: their length
 */
void weft_checked_add(struct weft_checked *check, const void *bytes, size_t len);

/**
 * weft_checked_known() - end the name, and look it up
 * @check: the check
 *
 * Return: whether weft_checked_keep() was called for the same bytes. The last 16,384 names
 * are kept at most: false may be wrong, true is not.
 */
bool weft_checked_known(struct weft_checked *check);

/**
 * weft_checked_keep() - remember a check that has succeeded
 * @check: the check, after weft_checked_known()
 */
void weft_checked_keep(const struct weft_checked *check);

#endif /* _WEFT_TOOLS_FLEET_CHECKED_H */
