// SPDX-License-Identifier: GPL-2.0

#include <linux/kernel.h>
#include "lib/keyselect.h"

/* Newest first: what both ends are to arrive at. */
static const struct weft_pair pair_order[] = {
	{ WEFT_PLACE_CURRENT, WEFT_PLACE_NEXT },
	{ WEFT_PLACE_CURRENT, WEFT_PLACE_CURRENT },
	{ WEFT_PLACE_PREVIOUS, WEFT_PLACE_NEXT },
	{ WEFT_PLACE_PREVIOUS, WEFT_PLACE_CURRENT },
	{ WEFT_PLACE_CURRENT, WEFT_PLACE_PREVIOUS },
	{ WEFT_PLACE_PREVIOUS, WEFT_PLACE_PREVIOUS },
};

static bool pair_equal(struct weft_pair a, struct weft_pair b)
{
	return a.identity == b.identity && a.peer == b.peer;
}

static bool pair_there(struct weft_pair pair, unsigned int identities, unsigned int peers)
{
	return identities & BIT(pair.identity) && peers & BIT(pair.peer);
}

/**
 * weft_pair_choose - which identity to send an initiation under, and to which key of the peer
 * @try: how many of this series went unanswered
 * @spare: there is a session that carries on meanwhile, so that an initiation may go unanswered
 * @identities: places in which we have an identity; the current one is among them
 * @peers: places in which the peer has a key; the current one is among them
 * @likely: the pair that the newest session was made with
 *
 * The likely pair first, then all others in turn, newest first. With time to spare the newest pair
 * goes before the likely one: somebody has to begin with it.
 */
struct weft_pair weft_pair_choose(unsigned int try, bool spare, unsigned int identities,
				  unsigned int peers, struct weft_pair likely)
{
	struct weft_pair list[ARRAY_SIZE(pair_order) + 1];
	unsigned int i, count = 0, first, round;

	if (!pair_there(likely, identities, peers))
		likely = (struct weft_pair){ WEFT_PLACE_CURRENT, WEFT_PLACE_CURRENT };
	first = spare ? 1 : 0;
	for (i = 0; i < ARRAY_SIZE(pair_order); i++) {
		if (count == first)
			list[count++] = likely;
		if (pair_there(pair_order[i], identities, peers) &&
		    !pair_equal(pair_order[i], likely))
			list[count++] = pair_order[i];
	}
	/* There is no other. */
	if (count < first + 1)
		list[count++] = likely;
	/*
	 * Shifted in each round, and by more than in the one before: a peer's candidates are gone
	 * through in step with this, and each pair is to meet each of them.
	 */
	round = try / count;
	return list[(try + round * (round + 1) / 2) % count];
}

/**
 * weft_pair_preshared - which preshared key to answer an initiation with, which does not say
 * @places: places in which there is one; the current one is among them
 * @spare: there is a session that carries on meanwhile
 * @unconfirmed: nothing has come under the session of the answer before
 * @last: what that was made with
 *
 * An answer that was not understood was made with the wrong one, or was lost: on to another.
 */
enum weft_place weft_pair_preshared(unsigned int places, bool spare, bool unconfirmed,
				    enum weft_place last)
{
	enum weft_place place = last;

	if (!unconfirmed)
		return spare && places & BIT(WEFT_PLACE_NEXT) ? WEFT_PLACE_NEXT :
								WEFT_PLACE_CURRENT;
	/* From the next one to the current, to the previous, and again to the next. */
	do {
		if (place == WEFT_PLACE_NEXT)
			place = WEFT_PLACE_CURRENT;
		else if (place == WEFT_PLACE_CURRENT)
			place = WEFT_PLACE_PREVIOUS;
		else
			place = WEFT_PLACE_NEXT;
	} while (!(places & BIT(place)));
	return place;
}
