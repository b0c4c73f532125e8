// SPDX-License-Identifier: GPL-2.0

#include <linux/kernel.h>
#include "lib/keyselect.h"

/* Newest first: the keys that both ends are to agree on. */
static const struct weft_keyselect keyselect_order[] = {
	{ WEFT_KEY_SLOT_CURRENT, WEFT_KEY_SLOT_NEXT },
	{ WEFT_KEY_SLOT_CURRENT, WEFT_KEY_SLOT_CURRENT },
	{ WEFT_KEY_SLOT_PREVIOUS, WEFT_KEY_SLOT_NEXT },
	{ WEFT_KEY_SLOT_PREVIOUS, WEFT_KEY_SLOT_CURRENT },
	{ WEFT_KEY_SLOT_CURRENT, WEFT_KEY_SLOT_PREVIOUS },
	{ WEFT_KEY_SLOT_PREVIOUS, WEFT_KEY_SLOT_PREVIOUS },
};

static bool keyselect_equal(struct weft_keyselect a, struct weft_keyselect b)
{
	return a.identity == b.identity && a.peer == b.peer;
}

static bool keyselect_there(struct weft_keyselect keys, unsigned int identities, unsigned int peers)
{
	return identities & BIT(keys.identity) && peers & BIT(keys.peer);
}

/**
 * weft_keyselect_choose - choose the identity of an initiation, and the peer's key for it
 * @try: number of unanswered tries in this series
 * @spare: a session stays usable meanwhile, so that an initiation may go unanswered
 * @identities: slots in which we have an identity; the current one is among them
 * @peers: slots in which the peer has a key; the current one is among them
 * @likely: the keys that the newest session was made with
 *
 * The likely keys first, then all others in turn, newest first. With time to spare the newest
 * precede the likely ones, if those are others: one of the ends has to begin with them.
 */
struct weft_keyselect weft_keyselect_choose(unsigned int try, bool spare, unsigned int identities,
					    unsigned int peers, struct weft_keyselect likely)
{
	/* The likely keys need not be in the order. */
	struct weft_keyselect list[ARRAY_SIZE(keyselect_order) + 1], newest;
	unsigned int i, count = 0, first, round;

	if (!keyselect_there(likely, identities, peers))
		likely = (struct weft_keyselect){ WEFT_KEY_SLOT_CURRENT, WEFT_KEY_SLOT_CURRENT };
	newest = keyselect_order[peers & BIT(WEFT_KEY_SLOT_NEXT) ? 0 : 1];
	first = spare && !keyselect_equal(newest, likely) ? 1 : 0;
	for (i = 0; i < ARRAY_SIZE(keyselect_order); i++) {
		if (count == first)
			list[count++] = likely;
		if (keyselect_there(keyselect_order[i], identities, peers) &&
		    !keyselect_equal(keyselect_order[i], likely))
			list[count++] = keyselect_order[i];
	}
	/*
	 * The shift grows with each round: the peer's candidates are tried in step with this, and
	 * each combination of keys has to meet each candidate.
	 */
	round = try / count;
	return list[(try + round * (round + 1) / 2) % count];
}

/**
 * weft_keyselect_preshared - choose the preshared key of a response, as initiations do not name one
 * @slots: the occupied slots; the current one is among them
 * @spare: a session stays usable meanwhile
 * @unconfirmed: no packet has come under the session of the previous response
 * @last: the slot that response was made with
 *
 * A response that was not confirmed was made with the wrong key, or was lost: the next one uses
 * another key.
 */
enum weft_key_slot weft_keyselect_preshared(unsigned int slots, bool spare, bool unconfirmed,
					    enum weft_key_slot last)
{
	enum weft_key_slot slot = last;

	if (!unconfirmed)
		return spare && slots & BIT(WEFT_KEY_SLOT_NEXT) ? WEFT_KEY_SLOT_NEXT :
								WEFT_KEY_SLOT_CURRENT;
	/* From the next one to the current, to the previous, and back to the next. */
	do {
		if (slot == WEFT_KEY_SLOT_NEXT)
			slot = WEFT_KEY_SLOT_CURRENT;
		else if (slot == WEFT_KEY_SLOT_CURRENT)
			slot = WEFT_KEY_SLOT_PREVIOUS;
		else
			slot = WEFT_KEY_SLOT_NEXT;
	} while (!(slots & BIT(slot)));
	return slot;
}
