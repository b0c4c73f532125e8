/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sources that have had a handshake with us not long ago: where a flood fills the queue they are
 * still heard.
 */
#ifndef WEFT_RECENT_H
#define WEFT_RECENT_H

#include <linux/types.h>

struct sk_buff;

void weft_recent_note(const struct sk_buff *skb, const void *scope);
bool weft_recent_source(const struct sk_buff *skb, const void *scope);

#endif /* WEFT_RECENT_H */
