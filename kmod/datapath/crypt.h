/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sealing and opening data messages (WireGuard paper, section 5.4.6).
 *
 * The Poly1305 key of a message is the beginning of ChaCha20's block 0, and the payload's key
 * stream begins with block 1. Sealing makes both in one run over 64 bytes in front of the payload
 * and the payload itself: this overwrites the message's header and the bytes in front of it.
 * Opening first copies the message into its new packet: the memory in which it arrived may be
 * changed by a process at any moment, and is read once.
 */
#ifndef WEFT_CRYPT_H
#define WEFT_CRYPT_H

#include "lib/wire.h"

#include <crypto/chacha.h>
#include <linux/skbuff.h>

struct weft_session;

/* Bytes in front of a message that sealing overwrites. */
#define WEFT_CRYPT_SCRATCH	(CHACHA_BLOCK_SIZE - sizeof(struct weft_msg_data))

/* Bytes behind a message that sealing uses and restores. */
#define WEFT_CRYPT_BEHIND	(WEFT_PADDING - 1)

/* The state of one direction of a session during a batch. */
struct weft_crypt {
	struct chacha_state state;
	__le32 receiver;
};

/*
 * Data messages that arrived as one packet: @skb with its frags and frag_list; and the position of
 * the last message found.
 */
struct weft_crypt_source {
	const struct sk_buff *skb;
	const struct sk_buff *part;	/* @skb, or an entry of its frag_list */
	unsigned int part_offset;	/* of the part in the packet */
};

void weft_crypt_begin_seal(struct weft_crypt *crypt, const struct weft_session *session);
void weft_crypt_begin_open(struct weft_crypt *crypt, const struct weft_session *session);
void weft_crypt_end(struct weft_crypt *crypt);

unsigned int weft_crypt_padding(unsigned int len, unsigned int mtu);
void weft_crypt_seal(struct weft_crypt *crypt, u8 *message, unsigned int len, u64 counter);
int weft_crypt_seal_packet(struct weft_crypt *crypt, struct sk_buff *skb, unsigned int mtu,
			   u64 counter);
void weft_crypt_source_init(struct weft_crypt_source *source, const struct sk_buff *skb);
bool weft_crypt_copy(struct weft_crypt_source *source, void *to, unsigned int offset,
		     unsigned int len);
struct sk_buff *weft_crypt_open_packet(struct weft_crypt *crypt, struct weft_crypt_source *source,
				       unsigned int offset, unsigned int len, u64 counter);

void weft_crypt_exit(void);

#endif /* WEFT_CRYPT_H */
