/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The rate limit on handshakes of one source while the device is under load (WireGuard paper,
 * section 5.3).
 */
#ifndef WEFT_RATELIMIT_H
#define WEFT_RATELIMIT_H

#include <linux/types.h>

struct sk_buff;

int weft_ratelimit_init(void);
void weft_ratelimit_exit(void);
bool weft_ratelimit_allow(const struct sk_buff *skb, const void *scope);

#endif /* WEFT_RATELIMIT_H */
