// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "fleet/checked.h"

/* Four for each node of a fleet of four thousand: half a megabyte, if that many are used. */
#define CHECKED_SLOTS	16384

/* A name has one slot, and takes it from another. */
static unsigned char checked_slots[CHECKED_SLOTS][WEFT_CHECKED_BYTES];

static const unsigned char *checked_key(void)
{
	static unsigned char key[crypto_generichash_KEYBYTES];
	static bool made;

	if (!made)
		randombytes_buf(key, sizeof(key));
	made = true;
	return key;
}

static unsigned char *checked_slot(const struct weft_checked *check)
{
	size_t number = check->name[0] << 8 | check->name[1];

	return checked_slots[number % CHECKED_SLOTS];
}

void weft_checked_begin(struct weft_checked *check, enum weft_checked_kind kind)
{
	unsigned char byte = kind;

	crypto_generichash_init(&check->state, checked_key(), crypto_generichash_KEYBYTES,
				WEFT_CHECKED_BYTES);
	weft_checked_add(check, &byte, sizeof(byte));
}

void weft_checked_add(struct weft_checked *check, const void *bytes, size_t len)
{
	crypto_generichash_update(&check->state, bytes, len);
}

bool weft_checked_known(struct weft_checked *check)
{
	crypto_generichash_final(&check->state, check->name, sizeof(check->name));
	return !memcmp(checked_slot(check), check->name, sizeof(check->name));
}

void weft_checked_keep(const struct weft_checked *check)
{
	memcpy(checked_slot(check), check->name, sizeof(check->name));
}
