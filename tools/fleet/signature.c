// SPDX-License-Identifier: GPL-2.0
#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/checked.h"
#include "fleet/signature.h"

static_assert(crypto_sign_SEEDBYTES == WEFT_KEY_BYTES &&
	      crypto_sign_PUBLICKEYBYTES == WEFT_KEY_BYTES &&
	      crypto_scalarmult_BYTES == WEFT_KEY_BYTES,
	      "keys of Ed25519 and X25519 have another length");
static_assert(crypto_sign_BYTES == WEFT_SIGNATURE_BYTES, "a signature has another length");
static_assert(sizeof(struct weft_signature_text) ==
	      sodium_base64_ENCODED_LEN(WEFT_SIGNATURE_BYTES, sodium_base64_VARIANT_ORIGINAL),
	      "a signature's text has another length");

struct weft_signature_text weft_signature_encode(const struct weft_signature *signature)
{
	struct weft_signature_text text;

	sodium_bin2base64(text.chars, sizeof(text.chars), signature->bytes,
			  sizeof(signature->bytes), sodium_base64_VARIANT_ORIGINAL);
	return text;
}

bool weft_signature_decode(struct weft_signature *signature, const char *text)
{
	size_t len = 0;

	return weft_key_is_ascii(text, WEFT_SIGNATURE_CHARS) &&
	       !sodium_base642bin(signature->bytes, sizeof(signature->bytes), text,
				  WEFT_SIGNATURE_CHARS, NULL, &len, NULL,
				  sodium_base64_VARIANT_ORIGINAL) &&
	       len == sizeof(signature->bytes);
}

void weft_seed_generate(struct weft_key *seed)
{
	randombytes_buf(seed->bytes, sizeof(seed->bytes));
}

void weft_seed_public(struct weft_key *public_key, const struct weft_key *seed)
{
	unsigned char secret[crypto_sign_SECRETKEYBYTES];

	crypto_sign_seed_keypair(public_key->bytes, secret, seed->bytes);
	sodium_memzero(secret, sizeof(secret));
}

void weft_seed_tunnel(struct weft_key *private_key, const struct weft_key *seed)
{
	unsigned char secret[crypto_sign_SECRETKEYBYTES];
	struct weft_key public_key;

	crypto_sign_seed_keypair(public_key.bytes, secret, seed->bytes);
	crypto_sign_ed25519_sk_to_curve25519(private_key->bytes, secret);
	sodium_memzero(secret, sizeof(secret));
}

/* The signed bytes: the domain, then the text; to be freed. NULL: no memory. */
static unsigned char *signature_message(const struct weft_signed *what, size_t *len)
{
	char *domain;
	int head = asprintf(&domain, "weft-fleet/1\n%s\n%s\n", what->kind, what->fleet);
	unsigned char *message;

	if (head < 0)
		return NULL;
	*len = head + what->len;
	message = malloc(*len);
	if (message) {
		memcpy(message, domain, head);
		memcpy(message + head, what->text, what->len);
	}
	free(domain);
	return message;
}

bool weft_signature_make(struct weft_signature *signature, const struct weft_key *seed,
			 const struct weft_signed *what)
{
	unsigned char secret[crypto_sign_SECRETKEYBYTES];
	struct weft_key public_key;
	size_t len;
	unsigned char *message = signature_message(what, &len);

	if (!message)
		return false;
	crypto_sign_seed_keypair(public_key.bytes, secret, seed->bytes);
	crypto_sign_detached(signature->bytes, NULL, message, len, secret);
	sodium_memzero(secret, sizeof(secret));
	free(message);
	return true;
}

static bool signature_verify(const struct weft_signature *signature,
			     const struct weft_key *signer, const unsigned char *message,
			     size_t len)
{
	struct weft_checked check;
	bool good;

	weft_checked_begin(&check, WEFT_CHECKED_SIGNATURE);
	weft_checked_add(&check, signer->bytes, sizeof(signer->bytes));
	weft_checked_add(&check, signature->bytes, sizeof(signature->bytes));
	weft_checked_add(&check, message, len);
	if (weft_checked_known(&check))
		return true;
	good = !crypto_sign_verify_detached(signature->bytes, message, len, signer->bytes);
	if (good)
		weft_checked_keep(&check);
	return good;
}

bool weft_signature_check(const struct weft_signature *signature,
			  const struct weft_key *signer, const struct weft_signed *what)
{
	size_t len;
	unsigned char *message = signature_message(what, &len);
	bool good = message && signature_verify(signature, signer, message, len);

	free(message);
	return good;
}

static struct weft_signed signature_claim(const char *fleet, const char *node)
{
	return (struct weft_signed){
		.kind = "key", .fleet = fleet, .text = node, .len = strlen(node),
	};
}

bool weft_proof_make(struct weft_proof *proof, const struct weft_key *seed,
		     const char *fleet, const char *node)
{
	const struct weft_signed claim = signature_claim(fleet, node);

	weft_seed_public(&proof->signer, seed);
	return weft_signature_make(&proof->signature, seed, &claim);
}

/* Whether @signer and @public_key are the same key, of Ed25519 and of X25519. */
static bool signature_key_is(const struct weft_key *signer, const struct weft_key *public_key)
{
	struct weft_checked check;
	struct weft_key derived;
	bool good;

	weft_checked_begin(&check, WEFT_CHECKED_KEY);
	weft_checked_add(&check, signer->bytes, sizeof(signer->bytes));
	weft_checked_add(&check, public_key->bytes, sizeof(public_key->bytes));
	if (weft_checked_known(&check))
		return true;
	good = !crypto_sign_ed25519_pk_to_curve25519(derived.bytes, signer->bytes) &&
	       weft_key_equal(&derived, public_key);
	if (good)
		weft_checked_keep(&check);
	return good;
}

bool weft_proof_check(const struct weft_proof *proof, const struct weft_key *public_key,
		      const char *fleet, const char *node)
{
	const struct weft_signed claim = signature_claim(fleet, node);

	return signature_key_is(&proof->signer, public_key) &&
	       weft_signature_check(&proof->signature, &proof->signer, &claim);
}
