/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libsodium's functions of Ed25519 and X25519 with a table of their results. The fuzzers of the fleet
 * repeat few keys and texts, and a signature takes as long as the parsing of ten records. These
 * definitions precede those of the shared library, which computes each result once, and a share of
 * the results again: both must be equal.
 */
#ifndef WEFT_FUZZ_CRYPTO_H
#define WEFT_FUZZ_CRYPTO_H

#include <dlfcn.h>
#include <sodium.h>

#include "fuzz.h"

#define FUZZ_RESULTS	(1 << 17)
#define FUZZ_AGAIN	1024	/* one in so many results of the table is computed again */
#define FUZZ_CALL_BYTES	2048	/* calls with longer arguments are not in the table */

/**
 * struct fuzz_result - the result of one call
 * @hash: of its function and arguments
 * @kept: the result is there
 * @valid: it may be used this time
 * @status: the returned value
 * @out: the bytes that the function has filled in
 */
struct fuzz_result {
	uint64_t hash[2];
	bool kept;
	bool valid;
	int status;
	unsigned char out[crypto_sign_PUBLICKEYBYTES + crypto_sign_SECRETKEYBYTES];
};

/* The library's own function. */
#define FUZZ_REAL(name)										\
	({											\
		static __typeof__(name) *real;							\
												\
		if (!real)									\
			real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name);			\
		real;										\
	})

/* The entry of a function's call with these arguments; NULL: they are too long. */
static FUZZ_REFERENCE struct fuzz_result *fuzz_result(uint8_t function, const void *key, size_t key_len,
						      const void *text, size_t len)
{
	static const unsigned char hash_key[crypto_shorthash_siphashx24_KEYBYTES];
	static struct fuzz_result results[FUZZ_RESULTS];
	static unsigned int count;
	unsigned char call[FUZZ_CALL_BYTES];
	struct fuzz_result *result;
	uint64_t hash[2];

	if (1 + key_len + len > sizeof(call))
		return NULL;
	call[0] = function;
	__builtin_memcpy(call + 1, key, key_len);
	__builtin_memcpy(call + 1 + key_len, text, len);
	crypto_shorthash_siphashx24((unsigned char *)hash, call, 1 + key_len + len, hash_key);
	result = &results[hash[0] % FUZZ_RESULTS];
	result->kept = result->kept && result->hash[0] == hash[0] && result->hash[1] == hash[1];
	result->valid = result->kept && ++count % FUZZ_AGAIN;
	__builtin_memcpy(result->hash, hash, sizeof(hash));
	return result;
}

/* Keeps the result of the library. */
static FUZZ_REFERENCE int fuzz_keep(struct fuzz_result *result, int status, const void *out, size_t len)
{
	if (!result)
		return status;
	if (result->kept)
		FUZZ_MUST(result->status == status && !memcmp(result->out, out, len));
	result->kept = true;
	result->status = status;
	__builtin_memcpy(result->out, out, len);
	return status;
}

/* True: the result is in the table, and @out filled in. */
static FUZZ_REFERENCE bool fuzz_recall(const struct fuzz_result *result, void *out, size_t len)
{
	if (!result || !result->valid)
		return false;
	__builtin_memcpy(out, result->out, len);
	return true;
}

/* A secret key is the seed and the public key. */
FUZZ_REFERENCE int crypto_sign_seed_keypair(unsigned char *public_key, unsigned char *secret,
					    const unsigned char *seed)
{
	struct fuzz_result *result = fuzz_result('k', seed, crypto_sign_SEEDBYTES, "", 0);
	int status;

	if (fuzz_recall(result, secret, crypto_sign_SECRETKEYBYTES)) {
		__builtin_memcpy(public_key, secret + crypto_sign_SEEDBYTES, crypto_sign_PUBLICKEYBYTES);
		return result->status;
	}
	status = FUZZ_REAL(crypto_sign_seed_keypair)(public_key, secret, seed);
	return fuzz_keep(result, status, secret, crypto_sign_SECRETKEYBYTES);
}

FUZZ_REFERENCE int crypto_sign_detached(unsigned char *signature, unsigned long long *signature_len,
					const unsigned char *text, unsigned long long len,
					const unsigned char *secret)
{
	struct fuzz_result *result = fuzz_result('s', secret, crypto_sign_SECRETKEYBYTES, text, len);
	int status;

	FUZZ_MUST(!signature_len);
	if (fuzz_recall(result, signature, crypto_sign_BYTES))
		return result->status;
	status = FUZZ_REAL(crypto_sign_detached)(signature, NULL, text, len, secret);
	return fuzz_keep(result, status, signature, crypto_sign_BYTES);
}

FUZZ_REFERENCE int crypto_sign_verify_detached(const unsigned char *signature, const unsigned char *text,
					       unsigned long long len, const unsigned char *public_key)
{
	unsigned char keys[crypto_sign_BYTES + crypto_sign_PUBLICKEYBYTES];
	struct fuzz_result *result;
	int status;

	__builtin_memcpy(keys, signature, crypto_sign_BYTES);
	__builtin_memcpy(keys + crypto_sign_BYTES, public_key, crypto_sign_PUBLICKEYBYTES);
	result = fuzz_result('v', keys, sizeof(keys), text, len);
	if (fuzz_recall(result, keys, 0))
		return result->status;
	status = FUZZ_REAL(crypto_sign_verify_detached)(signature, text, len, public_key);
	return fuzz_keep(result, status, "", 0);
}

FUZZ_REFERENCE int crypto_sign_ed25519_pk_to_curve25519(unsigned char *tunnel, const unsigned char *public_key)
{
	struct fuzz_result *result = fuzz_result('c', public_key, crypto_sign_PUBLICKEYBYTES, "", 0);
	int status;

	if (fuzz_recall(result, tunnel, crypto_scalarmult_BYTES))
		return result->status;
	/* Not filled in for a key that is refused. */
	__builtin_memset(tunnel, 0, crypto_scalarmult_BYTES);
	status = FUZZ_REAL(crypto_sign_ed25519_pk_to_curve25519)(tunnel, public_key);
	return fuzz_keep(result, status, tunnel, crypto_scalarmult_BYTES);
}

FUZZ_REFERENCE int crypto_scalarmult_base(unsigned char *public_key, const unsigned char *private_key)
{
	struct fuzz_result *result = fuzz_result('b', private_key, crypto_scalarmult_BYTES, "", 0);
	int status;

	if (fuzz_recall(result, public_key, crypto_scalarmult_BYTES))
		return result->status;
	status = FUZZ_REAL(crypto_scalarmult_base)(public_key, private_key);
	return fuzz_keep(result, status, public_key, crypto_scalarmult_BYTES);
}

#endif /* WEFT_FUZZ_CRYPTO_H */
