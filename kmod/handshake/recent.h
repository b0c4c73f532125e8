/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sources that have recently completed a handshake: their messages are still accepted when a flood
 * fills the queue.
 */
#ifndef WEFT_RECENT_H
#define WEFT_RECENT_H

#include <linux/types.h>

struct sk_buff;

void weft_recent_note(const struct sk_buff *skb, const void *scope);
bool weft_recent_source(const struct sk_buff *skb, const void *scope);

#endif /* WEFT_RECENT_H */
