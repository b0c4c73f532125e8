/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The choice of keys for a handshake, if either end has more than one: while an identity, a peer's
 * key or a preshared key is being replaced. Each of these has up to three slots, and a mask of
 * BIT(slot) gives the occupied ones.
 */
#ifndef WEFT_KEYSELECT_H
#define WEFT_KEYSELECT_H

#include <linux/bits.h>
#include <linux/types.h>

enum weft_key_slot {
	WEFT_KEY_SLOT_CURRENT,
	WEFT_KEY_SLOT_NEXT,	/* becomes the current one once it has been used */
	WEFT_KEY_SLOT_PREVIOUS,	/* valid during the grace period */
	WEFT_KEY_SLOTS
};

/* An identity of ours and a key of the peer's, by their slots. */
struct weft_keyselect {
	enum weft_key_slot identity;
	enum weft_key_slot peer;
};

struct weft_keyselect weft_keyselect_choose(unsigned int try, bool spare, unsigned int identities,
					    unsigned int peers, struct weft_keyselect likely);
enum weft_key_slot weft_keyselect_preshared(unsigned int slots, bool spare, bool unconfirmed,
					    enum weft_key_slot last);

#endif /* WEFT_KEYSELECT_H */
