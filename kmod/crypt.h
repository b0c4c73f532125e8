/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sealing and opening the packets of a batch (WireGuard paper, section 5.4.6).
 */
#ifndef WEFT_CRYPT_H
#define WEFT_CRYPT_H

#include <linux/skbuff.h>

/*
 * What a packet grows by in front: this protocol's header, UDP, and the longer of the IP headers.
 */
#define WEFT_CRYPT_HEADROOM \
	((int)(sizeof(struct weft_msg_data) + sizeof(struct udphdr) + sizeof(struct ipv6hdr)))

void weft_crypt_seal(struct sk_buff *batch);
void weft_crypt_open(struct sk_buff *batch);

#endif /* WEFT_CRYPT_H */
