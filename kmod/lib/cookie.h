/* SPDX-License-Identifier: GPL-2.0 */
/*
 * MACs and cookies: the proof that a message must carry before anything expensive is done for it
 * (WireGuard paper, sections 5.3, 5.4.4 and 5.4.7). The caller tracks load and the age of secrets.
 */
#ifndef WEFT_COOKIE_H
#define WEFT_COOKIE_H

#include "lib/wire.h"

/* The two keys derived from a receiver's public key. Not secret. */
struct weft_cookie_keys {
	u8 mac1[WEFT_KEY_LEN];
	u8 cookie[WEFT_KEY_LEN];
};

void weft_cookie_keys(struct weft_cookie_keys *keys, const u8 receiver_public[WEFT_KEY_LEN]);

/* @msg is a complete initiation or response of @len bytes, with its MACs at the end. */
void weft_cookie_add_macs(void *msg, size_t len, const struct weft_cookie_keys *receiver,
			  const u8 *cookie);
bool weft_cookie_mac1_valid(const void *msg, size_t len, const struct weft_cookie_keys *self);
bool weft_cookie_mac2_valid(const void *msg, size_t len, const u8 cookie[WEFT_COOKIE_LEN]);

void weft_cookie_make(u8 cookie[WEFT_COOKIE_LEN], const u8 secret[WEFT_KEY_LEN],
		      const void *source, size_t source_len);
void weft_cookie_reply_create(struct weft_msg_cookie_reply *reply,
			      const struct weft_cookie_keys *self,
			      const u8 cookie[WEFT_COOKIE_LEN],
			      const u8 nonce[WEFT_COOKIE_NONCE_LEN],
			      const u8 mac1[WEFT_MAC_LEN], __le32 receiver);
bool weft_cookie_reply_open(u8 cookie[WEFT_COOKIE_LEN], const struct weft_msg_cookie_reply *reply,
			    const struct weft_cookie_keys *sender, const u8 mac1[WEFT_MAC_LEN]);

#endif /* WEFT_COOKIE_H */
