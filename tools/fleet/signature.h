/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Signatures of a fleet's records: Ed25519, RFC 8032, by libsodium.
 *
 * A secret key is its seed of 32 bytes. A tunnel key is made from a seed, too: its
 * Ed25519 form signs a proof that the node has the key, its X25519 form is the
 * private key of the interface.
 */
#ifndef _WEFT_TOOLS_FLEET_SIGNATURE_H
#define _WEFT_TOOLS_FLEET_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>

#include "model/key.h"

#define WEFT_SIGNATURE_BYTES	64
#define WEFT_SIGNATURE_CHARS	88	/* without the terminating zero */

struct weft_signature {
	unsigned char bytes[WEFT_SIGNATURE_BYTES];
};

struct weft_signature_text {
	char chars[WEFT_SIGNATURE_CHARS + 1];
};

/**
 * struct weft_proof - a node's claim of a tunnel key
 * @signer: the Ed25519 form of the tunnel key
 * @signature: by that key, over the names of fleet and node
 */
struct weft_proof {
	struct weft_key signer;
	struct weft_signature signature;
};

/**
 * struct weft_signed - a text and its domain
 * @kind: the kind of record, or "key" for a proof
 * @fleet: the name of the fleet
 * @text: the text
 * @len: its length in bytes
 *
 * A signature is valid for one kind and one fleet: both precede the signed text.
 */
struct weft_signed {
	const char *kind;
	const char *fleet;
	const char *text;
	size_t len;
};

struct weft_signature_text weft_signature_encode(const struct weft_signature *signature);
/* @text has WEFT_SIGNATURE_CHARS characters, and need not end there. */
bool weft_signature_decode(struct weft_signature *signature, const char *text);

void weft_seed_generate(struct weft_key *seed);
/* The public key that checks signatures of @seed. */
void weft_seed_public(struct weft_key *public_key, const struct weft_key *seed);
/* The interface's private key. */
void weft_seed_tunnel(struct weft_key *private_key, const struct weft_key *seed);

/* False: no memory. */
bool weft_signature_make(struct weft_signature *signature, const struct weft_key *seed,
			 const struct weft_signed *what);
/* False also where memory is short. */
bool weft_signature_check(const struct weft_signature *signature,
			  const struct weft_key *signer, const struct weft_signed *what);

/* False: no memory. */
bool weft_proof_make(struct weft_proof *proof, const struct weft_key *seed,
		     const char *fleet, const char *node);
/* Whether @public_key, of X25519, belongs to the signer of @proof. */
bool weft_proof_check(const struct weft_proof *proof, const struct weft_key *public_key,
		      const char *fleet, const char *node);

#endif /* _WEFT_TOOLS_FLEET_SIGNATURE_H */
