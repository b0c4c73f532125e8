// SPDX-License-Identifier: GPL-2.0
/*
 * MACs and cookies. In the comments, L is a cookie, R the secret cookies are made with, and S the
 * public key of the host under load.
 */
#include <linux/stddef.h>
#include <linux/string.h>
#include <asm/byteorder.h>
#include <crypto/algapi.h>
#include <crypto/blake2s.h>
#include <crypto/chacha20poly1305.h>
#include "lib/cookie.h"

static const char cookie_label_mac1[] = "mac1----";
static const char cookie_label_cookie[] = "cookie--";

/* HASH(label || public) */
static void cookie_key(u8 key[WEFT_KEY_LEN], const char *label, const u8 public[WEFT_KEY_LEN])
{
	struct blake2s_ctx ctx;

	blake2s_init(&ctx, WEFT_KEY_LEN);
	blake2s_update(&ctx, (const u8 *)label, strlen(label));
	blake2s_update(&ctx, public, WEFT_KEY_LEN);
	blake2s_final(&ctx, key);
}

/* MAC(key, data) */
static void cookie_mac(u8 mac[WEFT_MAC_LEN], const u8 *key, size_t key_len,
		       const void *data, size_t len)
{
	struct blake2s_ctx ctx;

	blake2s_init_key(&ctx, WEFT_MAC_LEN, key, key_len);
	blake2s_update(&ctx, data, len);
	blake2s_final(&ctx, mac);
}

/* Both MACs are at the end of a message; each covers all bytes before it. */
static size_t cookie_mac1_at(size_t len)
{
	return len - sizeof(struct weft_msg_macs) + offsetof(struct weft_msg_macs, mac1);
}

static size_t cookie_mac2_at(size_t len)
{
	return len - sizeof(struct weft_msg_macs) + offsetof(struct weft_msg_macs, mac2);
}

static bool cookie_mac_valid(const void *msg, size_t at, const u8 *key, size_t key_len)
{
	u8 mac[WEFT_MAC_LEN];

	cookie_mac(mac, key, key_len, msg, at);
	return !crypto_memneq(mac, (const u8 *)msg + at, sizeof(mac));
}

/**
 * weft_cookie_keys - derive the two keys that belong to a public key
 * @keys: HASH("mac1----" || public key) and HASH("cookie--" || public key); worth keeping as
 *	long as the key
 * @receiver_public: the public key of the host that receives messages (and sends cookies)
 *
 * WireGuard paper, sections 5.4.4 and 5.4.7.
 */
void weft_cookie_keys(struct weft_cookie_keys *keys, const u8 receiver_public[WEFT_KEY_LEN])
{
	cookie_key(keys->mac1, cookie_label_mac1, receiver_public);
	cookie_key(keys->cookie, cookie_label_cookie, receiver_public);
}

/**
 * weft_cookie_add_macs - finish a message (section 5.4.4)
 * @msg: a complete initiation or response; its MACs are written
 * @len: its bytes, macs included
 * @receiver: keys of the host that it is sent to
 * @cookie: the cookie held from the receiver, young enough to be used; NULL for none, then
 *	mac2 is zero
 */
void weft_cookie_add_macs(void *msg, size_t len, const struct weft_cookie_keys *receiver,
			  const u8 *cookie)
{
	u8 *mac1 = (u8 *)msg + cookie_mac1_at(len);
	u8 *mac2 = (u8 *)msg + cookie_mac2_at(len);

	/* mac1 = MAC(HASH("mac1----" || S), msg before mac1) */
	cookie_mac(mac1, receiver->mac1, sizeof(receiver->mac1), msg, cookie_mac1_at(len));

	/* mac2 = MAC(L, msg before mac2) */
	if (cookie)
		cookie_mac(mac2, cookie, WEFT_COOKIE_LEN, msg, cookie_mac2_at(len));
	else
		memset(mac2, 0, WEFT_MAC_LEN);
}

/**
 * weft_cookie_mac1_valid - does the sender of a message know this host's public key?
 * @msg: a complete initiation or response
 * @len: its bytes, macs included; at least those of the macs
 * @self: own keys
 *
 * To be checked before any DH (section 5.3). Constant time.
 */
bool weft_cookie_mac1_valid(const void *msg, size_t len, const struct weft_cookie_keys *self)
{
	return cookie_mac_valid(msg, cookie_mac1_at(len), self->mac1, sizeof(self->mac1));
}

/**
 * weft_cookie_mac2_valid - does the sender of a message receive packets sent to its address?
 * @msg: a complete initiation or response
 * @len: its bytes, macs included; at least those of the macs
 * @cookie: the cookie of weft_cookie_make() for the address that the message came from
 *
 * Needed under load only (section 5.3). Constant time.
 */
bool weft_cookie_mac2_valid(const void *msg, size_t len, const u8 cookie[WEFT_COOKIE_LEN])
{
	return cookie_mac_valid(msg, cookie_mac2_at(len), cookie, WEFT_COOKIE_LEN);
}

/**
 * weft_cookie_make - the cookie of a source: L = MAC(R, source) (section 5.4.7)
 * @cookie: the result
 * @secret: R, 32 random bytes, renewed every WEFT_COOKIE_SECRET_MAX_AGE_S
 * @source: address, then port, each as on the wire
 * @source_len: bytes of both: 6 or 18
 */
void weft_cookie_make(u8 cookie[WEFT_COOKIE_LEN], const u8 secret[WEFT_KEY_LEN],
		      const void *source, size_t source_len)
{
	cookie_mac(cookie, secret, WEFT_KEY_LEN, source, source_len);
}

/**
 * weft_cookie_reply_create - write a cookie reply (section 5.4.7)
 * @reply: the complete message
 * @self: own keys
 * @cookie: the cookie for the source of the answered message
 * @nonce: 24 fresh random bytes
 * @mac1: mac1 of the answered message
 * @receiver: sender index of the answered message
 */
void weft_cookie_reply_create(struct weft_msg_cookie_reply *reply,
			      const struct weft_cookie_keys *self,
			      const u8 cookie[WEFT_COOKIE_LEN],
			      const u8 nonce[WEFT_COOKIE_NONCE_LEN],
			      const u8 mac1[WEFT_MAC_LEN], __le32 receiver)
{
	reply->header.type = cpu_to_le32(WEFT_MSG_COOKIE_REPLY);
	reply->receiver = receiver;
	memcpy(reply->nonce, nonce, sizeof(reply->nonce));

	/* cookie = XAEAD(HASH("cookie--" || S), nonce, L, mac1) */
	xchacha20poly1305_encrypt(reply->sealed_cookie, cookie, WEFT_COOKIE_LEN, mac1, WEFT_MAC_LEN,
				  reply->nonce, self->cookie);
}

/**
 * weft_cookie_reply_open - read a cookie reply (section 5.4.7)
 * @cookie: the cookie to use towards its sender from now on
 * @reply: the message; its type and receiver have been checked
 * @sender: keys of the host that sent it
 * @mac1: mac1 of the last message sent to that host
 *
 * Return: false if it does not answer that message; @cookie is not changed.
 */
bool weft_cookie_reply_open(u8 cookie[WEFT_COOKIE_LEN], const struct weft_msg_cookie_reply *reply,
			    const struct weft_cookie_keys *sender, const u8 mac1[WEFT_MAC_LEN])
{
	u8 opened[WEFT_COOKIE_LEN];
	bool good;

	good = xchacha20poly1305_decrypt(opened, reply->sealed_cookie, sizeof(reply->sealed_cookie),
					 mac1, WEFT_MAC_LEN, reply->nonce, sender->cookie);
	if (good)
		memcpy(cookie, opened, sizeof(opened));
	memzero_explicit(opened, sizeof(opened));
	return good;
}
