// SPDX-License-Identifier: GPL-2.0
/* The choice of keys for a handshake: each choice exists, and a round makes each choice once. */
#include "fuzz.h"
#include "lib/keyselect.c"

#define SLOTS_ALL	(BIT(WEFT_KEY_SLOTS) - 1)

static unsigned int choice_bit(struct weft_keyselect choice)
{
	return BIT(choice.identity * WEFT_KEY_SLOTS + choice.peer);
}

/* The choices of @keyselect_order that exist. */
FUZZ_REFERENCE
static unsigned int choices_there(unsigned int identities, unsigned int peers,
				  struct weft_keyselect likely, unsigned int *count)
{
	unsigned int i, bits = 0;

	for (i = 0; i < ARRAY_SIZE(keyselect_order); i++)
		if (keyselect_there(keyselect_order[i], identities, peers))
			bits |= choice_bit(keyselect_order[i]);
	if (keyselect_there(likely, identities, peers))
		bits |= choice_bit(likely);
	for (*count = 0, i = bits; i; i &= i - 1)
		++*count;
	return bits;
}

static void try_choose(struct fuzz_input *input)
{
	struct weft_keyselect likely, choice, first;
	unsigned int identities, peers, try, i, count, wanted, met = 0;
	bool spare;

	identities = (fuzz_u8(input) & SLOTS_ALL) | BIT(WEFT_KEY_SLOT_CURRENT);
	peers = (fuzz_u8(input) & SLOTS_ALL) | BIT(WEFT_KEY_SLOT_CURRENT);
	likely.identity = fuzz_u8(input) % WEFT_KEY_SLOTS;
	likely.peer = fuzz_u8(input) % WEFT_KEY_SLOTS;
	spare = fuzz_u8(input) & 1;
	wanted = choices_there(identities, peers, likely, &count);

	first = weft_keyselect_choose(0, spare, identities, peers, likely);
	if (!spare && keyselect_there(likely, identities, peers))
		FUZZ_MUST(keyselect_equal(first, likely));
	/* The round of any try. */
	try = fuzz_u32(input) % 100000 / count * count;
	for (i = 0; i < count; i++) {
		choice = weft_keyselect_choose(try + i, spare, identities, peers, likely);
		FUZZ_MUST(keyselect_there(choice, identities, peers));
		met |= choice_bit(choice);
	}
	FUZZ_MUST(met == wanted);
}

static void try_preshared(struct fuzz_input *input)
{
	unsigned int slots = (fuzz_u8(input) & SLOTS_ALL) | BIT(WEFT_KEY_SLOT_CURRENT);
	enum weft_key_slot slot = fuzz_u8(input) % WEFT_KEY_SLOTS;
	bool spare = fuzz_u8(input) & 1;
	unsigned int i, met = 0;

	FUZZ_MUST(slots & BIT(weft_keyselect_preshared(slots, spare, false, slot)));
	for (i = 0; i < WEFT_KEY_SLOTS; i++) {
		slot = weft_keyselect_preshared(slots, spare, true, slot);
		FUZZ_MUST(slots & BIT(slot));
		met |= BIT(slot);
	}
	FUZZ_MUST(met == slots);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };

	try_choose(&input);
	try_preshared(&input);
	return 0;
}
