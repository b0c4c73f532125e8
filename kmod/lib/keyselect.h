/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which keys a handshake is tried with, where either end has more than one: while an identity, a
 * peer's key or a preshared key is being replaced. Each of these may have three places, and what is
 * there is told as a mask of BIT(place).
 */
#ifndef WEFT_PAIR_H
#define WEFT_PAIR_H

#include <linux/bits.h>
#include <linux/types.h>

enum weft_place {
	WEFT_PLACE_CURRENT,
	WEFT_PLACE_NEXT,	/* takes the current one's place once it has been used */
	WEFT_PLACE_PREVIOUS,	/* good for the grace period still */
	WEFT_PLACES
};

/* An identity of ours and a key of the peer's, by their places. */
struct weft_pair {
	enum weft_place identity;
	enum weft_place peer;
};

struct weft_pair weft_pair_choose(unsigned int try, bool spare, unsigned int identities,
				  unsigned int peers, struct weft_pair likely);
enum weft_place weft_pair_preshared(unsigned int places, bool spare, bool unconfirmed,
				    enum weft_place last);

#endif /* WEFT_PAIR_H */
