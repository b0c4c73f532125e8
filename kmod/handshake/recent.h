/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sources that have had a handshake with us not long ago: where a flood fills the queue they are
 * still heard.
 */
#ifndef WEFT_KNOWN_H
#define WEFT_KNOWN_H

#include <linux/types.h>

struct sk_buff;

void weft_known_note(const struct sk_buff *skb, const void *scope);
bool weft_known_source(const struct sk_buff *skb, const void *scope);

#endif /* WEFT_KNOWN_H */
