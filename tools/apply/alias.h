/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Peers that a file and an interface call by different keys, because a key is
 * being replaced: the file may say the new one already, or the old one still.
 */
#ifndef _WEFT_TOOLS_ALIAS_H
#define _WEFT_TOOLS_ALIAS_H

#include <stdbool.h>

struct weft_device;
struct weft_peer;

/*
 * Call peers of @want as @have does, where @want has none of that name. False:
 * no memory.
 */
bool weft_alias_settle(const struct weft_device *have,
		       struct weft_device *want);
/* The preshared key that @want says is one that @have is on its way to or from. */
bool weft_alias_of_preshared(const struct weft_peer *want,
			     const struct weft_peer *have);
/* Leave in @want what is to be changed of the next keys and their grace. */
void weft_alias_reduce(struct weft_peer *want, const struct weft_peer *have,
		       bool is_weft);

#endif /* _WEFT_TOOLS_ALIAS_H */
