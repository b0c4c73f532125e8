/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The handshake, Noise_IKpsk2, as in section 5.4 of the WireGuard paper. Pure functions of bytes:
 * time, random numbers, keys and the table of peers belong to the caller.
 */
#ifndef WEFT_NOISE_H
#define WEFT_NOISE_H

#include "lib/wire.h"

/* The static key pair of this host. */
struct weft_noise_static {
	u8 private[WEFT_KEY_LEN];
	u8 public[WEFT_KEY_LEN];
};

/* One handshake in flight, either role. Secret: wipe with memzero_explicit(). */
struct weft_noise_handshake {
	u8 chaining_key[WEFT_HASH_LEN];
	u8 hash[WEFT_HASH_LEN];
	u8 ephemeral[WEFT_KEY_LEN];		/* our private one; initiator only */
	u8 remote_ephemeral[WEFT_KEY_LEN];	/* responder only */
	__le32 remote_index;
};

struct weft_noise_keys {
	u8 send[WEFT_KEY_LEN];
	u8 receive[WEFT_KEY_LEN];
};

bool weft_noise_static_public(struct weft_noise_static *self);
bool weft_noise_static_static(u8 secret[WEFT_KEY_LEN], const u8 private[WEFT_KEY_LEN],
			      const u8 remote_public[WEFT_KEY_LEN]);
void weft_noise_timestamp(u8 timestamp[WEFT_TIMESTAMP_LEN], u64 unix_s, u32 ns);

/* Initiator. */
bool weft_noise_initiation_create(struct weft_msg_initiation *msg, struct weft_noise_handshake *hs,
				  const struct weft_noise_static *self,
				  const u8 remote_static[WEFT_KEY_LEN],
				  const u8 static_static[WEFT_KEY_LEN],
				  const u8 ephemeral_private[WEFT_KEY_LEN],
				  const u8 timestamp[WEFT_TIMESTAMP_LEN], __le32 sender);
bool weft_noise_response_open(struct weft_noise_handshake *hs, const struct weft_msg_response *msg,
			      const struct weft_noise_static *self,
			      const u8 preshared[WEFT_KEY_LEN]);

/* Responder: open, find the peer by @remote_static, then accept, then respond. */
bool weft_noise_initiation_open(struct weft_noise_handshake *hs, u8 remote_static[WEFT_KEY_LEN],
				const struct weft_msg_initiation *msg,
				const struct weft_noise_static *self);
bool weft_noise_initiation_accept(struct weft_noise_handshake *hs, u8 timestamp[WEFT_TIMESTAMP_LEN],
				  const struct weft_msg_initiation *msg,
				  const u8 static_static[WEFT_KEY_LEN]);
bool weft_noise_response_create(struct weft_msg_response *msg, struct weft_noise_handshake *hs,
				const u8 remote_static[WEFT_KEY_LEN],
				const u8 preshared[WEFT_KEY_LEN],
				const u8 ephemeral_private[WEFT_KEY_LEN], __le32 sender);

/* Both: derives the session's keys and wipes @hs. */
void weft_noise_split(struct weft_noise_keys *keys, struct weft_noise_handshake *hs,
		      bool initiator);

#endif /* WEFT_NOISE_H */
