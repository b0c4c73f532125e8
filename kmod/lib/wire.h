/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The wire: messages, sizes and constants of WireGuard protocol version 1.
 * Everything here is a fact about the protocol; nothing here knows about Linux networking.
 */
#ifndef WEFT_WIRE_H
#define WEFT_WIRE_H

#include <linux/types.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/time64.h>
#include <asm/byteorder.h>

/* Sizes of the primitives, in bytes. */
#define WEFT_KEY_LEN		32	/* X25519 keys, symmetric keys, preshared keys */
#define WEFT_HASH_LEN		32	/* BLAKE2s-256 */
#define WEFT_MAC_LEN		16	/* keyed BLAKE2s */
#define WEFT_TAG_LEN		16	/* Poly1305 */
#define WEFT_TIMESTAMP_LEN	12	/* TAI64N */
#define WEFT_COOKIE_LEN		16
#define WEFT_COOKIE_NONCE_LEN	24	/* XChaCha20-Poly1305 */
#define WEFT_PADDING		16	/* inner packets grow to a multiple of this */

/* Limits (WireGuard paper, section 6.1; seconds unless the name says otherwise). */
#define WEFT_REKEY_AFTER_MESSAGES	BIT_ULL(60)
#define WEFT_REJECT_AFTER_MESSAGES	(U64_MAX - (1ULL << 13))
#define WEFT_REKEY_AFTER_S		120
#define WEFT_REJECT_AFTER_S		180
#define WEFT_REKEY_TIMEOUT_S		5
#define WEFT_REKEY_JITTER_MS		333
#define WEFT_REKEY_ATTEMPT_S		90
#define WEFT_REKEY_ATTEMPTS		(WEFT_REKEY_ATTEMPT_S / WEFT_REKEY_TIMEOUT_S)
#define WEFT_KEEPALIVE_S		10
#define WEFT_ERASE_AFTER_S		(3 * WEFT_REJECT_AFTER_S)
#define WEFT_COOKIE_SECRET_MAX_AGE_S	120
#define WEFT_COOKIE_LATENCY_S		5
#define WEFT_INITIATIONS_PER_S		50
#define WEFT_STAGED_MAX_PACKETS		128
#define WEFT_PEERS_MAX			0x100000U

/* Seconds in nanoseconds. The kernel's NSEC_PER_SEC alone is a long: 3 s overflow it on 32 bits. */
#define weft_seconds_ns(seconds)	((u64)(seconds) * NSEC_PER_SEC)

enum weft_msg_type {
	WEFT_MSG_INITIATION	= 1,
	WEFT_MSG_RESPONSE	= 2,
	WEFT_MSG_COOKIE_REPLY	= 3,
	WEFT_MSG_DATA		= 4,
};

/* Bytes of a value once sealed. */
#define weft_sealed_len(len)	((len) + WEFT_TAG_LEN)

/* The type byte and the three reserved zero bytes, read as one little-endian word. */
struct weft_msg_header {
	__le32 type;
};

struct weft_msg_macs {
	u8 mac1[WEFT_MAC_LEN];
	u8 mac2[WEFT_MAC_LEN];
};

struct weft_msg_initiation {
	struct weft_msg_header header;
	__le32 sender;
	u8 ephemeral[WEFT_KEY_LEN];
	u8 sealed_static[weft_sealed_len(WEFT_KEY_LEN)];
	u8 sealed_timestamp[weft_sealed_len(WEFT_TIMESTAMP_LEN)];
	struct weft_msg_macs macs;
};

struct weft_msg_response {
	struct weft_msg_header header;
	__le32 sender;
	__le32 receiver;
	u8 ephemeral[WEFT_KEY_LEN];
	u8 sealed_nothing[weft_sealed_len(0)];
	struct weft_msg_macs macs;
};

struct weft_msg_cookie_reply {
	struct weft_msg_header header;
	__le32 receiver;
	u8 nonce[WEFT_COOKIE_NONCE_LEN];
	u8 sealed_cookie[weft_sealed_len(WEFT_COOKIE_LEN)];
};

/*
 *   0               4               8                               16
 *  +---------------+---------------+-------------------------------+--- - - ---+-----------+
 *  | 4 | 0 | 0 | 0 |   receiver    |            counter            | sealed    | tag (16)  |
 *  +---------------+---------------+-------------------------------+--- - - ---+-----------+
 *
 * In a packet whose headers are aligned, it begins at a multiple of four, and not always of eight.
 */
struct weft_msg_data {
	struct weft_msg_header header;
	__le32 receiver;
	__le64 counter;
	u8 sealed[];
} __packed __aligned(4);

#define WEFT_DATA_OVERHEAD	(sizeof(struct weft_msg_data) + WEFT_TAG_LEN)

static_assert(sizeof(struct weft_msg_initiation) == 148);
static_assert(sizeof(struct weft_msg_response) == 92);
static_assert(sizeof(struct weft_msg_cookie_reply) == 64);
static_assert(sizeof(struct weft_msg_data) == 16);

/* The type of a message of @len bytes, if a message of its type can be that long; else 0. */
static inline unsigned int weft_msg_type(const struct weft_msg_header *header, unsigned int len)
{
	u32 type = le32_to_cpu(header->type);

	switch (type) {
	case WEFT_MSG_INITIATION:
		return len == sizeof(struct weft_msg_initiation) ? type : 0;
	case WEFT_MSG_RESPONSE:
		return len == sizeof(struct weft_msg_response) ? type : 0;
	case WEFT_MSG_COOKIE_REPLY:
		return len == sizeof(struct weft_msg_cookie_reply) ? type : 0;
	case WEFT_MSG_DATA:
		return len >= WEFT_DATA_OVERHEAD ? type : 0;
	}
	return 0;
}

#endif /* WEFT_WIRE_H */
