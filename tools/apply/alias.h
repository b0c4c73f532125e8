/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Peers that have different keys in a file and on an interface, because a key is
 * being replaced: the file may have the new key already, or still the old one.
 */
#ifndef _WEFT_TOOLS_ALIAS_H
#define _WEFT_TOOLS_ALIAS_H

#include <stdbool.h>

struct weft_device;
struct weft_peer;

/*
 * Give peers of @want the current keys that @have has for them, unless another
 * peer of @want has that key. False: no memory.
 */
bool weft_alias_settle(const struct weft_device *have,
		       struct weft_device *want);
/* The preshared key of @want is the next or the previous one of @have. */
bool weft_alias_of_preshared(const struct weft_peer *want,
			     const struct weft_peer *have);
/* Reduce the next keys and the grace in @want to those that differ from @have. */
void weft_alias_reduce(struct weft_peer *want, const struct weft_peer *have,
		       bool is_weft);

#endif /* _WEFT_TOOLS_ALIAS_H */
