/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A fleet "prod" for tests and fuzzers: keys from seeds of one letter, and records that
 * are signed with them.
 */
#ifndef _WEFT_SELFTESTS_TOOLS_FLEET_H
#define _WEFT_SELFTESTS_TOOLS_FLEET_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/memory.h"
#include "fleet/merge.h"

#define FLEET_MAYBE	__attribute__((unused))

/* Lines of records that grow. */
struct fleet_text {
	char *chars;
	size_t len;
};

static FLEET_MAYBE struct weft_key fleet_seed(char letter)
{
	struct weft_key seed;

	memset(seed.bytes, letter, sizeof(seed.bytes));
	return seed;
}

/* The public key of a seed that signs. */
static FLEET_MAYBE struct weft_key fleet_signer(char letter)
{
	const struct weft_key seed = fleet_seed(letter);
	struct weft_key key;

	weft_seed_public(&key, &seed);
	return key;
}

/* The tunnel key of a seed. */
static FLEET_MAYBE struct weft_key fleet_tunnel(char letter)
{
	const struct weft_key seed = fleet_seed(letter);
	struct weft_key private_key, key;

	weft_seed_tunnel(&private_key, &seed);
	weft_key_derive_public(&key, &private_key);
	return key;
}

static FLEET_MAYBE void fleet_add(struct fleet_text *text, const char *more, size_t len)
{
	text->chars = realloc(text->chars, text->len + len + 1);
	memcpy(text->chars + text->len, more, len);
	text->len += len;
	text->chars[text->len] = '\0';
}

static FLEET_MAYBE void fleet_clear(struct fleet_text *text)
{
	free(text->chars);
	memset(text, 0, sizeof(*text));
}

/* A line whose payload is any text, signed by @seed for a kind and a fleet. */
static FLEET_MAYBE void fleet_add_signed(struct fleet_text *text, const struct weft_key *seed,
					 const char *kind, const char *fleet, const char *payload,
					 size_t len)
{
	const struct weft_signed what = {
		.kind = kind, .fleet = fleet, .text = payload, .len = len,
	};
	struct weft_signature signature;
	struct weft_key signer;
	char head[256];

	weft_seed_public(&signer, seed);
	weft_signature_make(&signature, seed, &what);
	snprintf(head, sizeof(head), "weft-fleet/1 %s %s %s ", kind,
		 weft_key_encode(&signer).chars, weft_signature_encode(&signature).chars);
	fleet_add(text, head, strlen(head));
	fleet_add(text, payload, len);
	fleet_add(text, "\n", 1);
}

/* A record of the fleet "prod", signed by the seed of a letter. */
static FLEET_MAYBE __attribute__((format(printf, 4, 5)))
void fleet_say(struct fleet_text *text, char signer, const char *kind, const char *fmt, ...)
{
	const struct weft_key seed = fleet_seed(signer);
	char *payload;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&payload, fmt, args);
	va_end(args);
	if (len < 0)
		return;
	fleet_add_signed(text, &seed, kind, "prod", payload, len);
	free(payload);
}

/* @admins: letters of the admin keys' seeds; @more: further keys of the payload, each with a comma in front. */
static FLEET_MAYBE void fleet_terms(struct fleet_text *text, char signer, unsigned int epoch,
				    const char *admins, const char *more)
{
	char keys[1024] = "";
	struct weft_key key;

	for (; *admins; admins++) {
		key = fleet_signer(*admins);
		snprintf(keys + strlen(keys), sizeof(keys) - strlen(keys), "%s\"%s\"",
			 *keys ? "," : "", weft_key_encode(&key).chars);
	}
	fleet_say(text, signer, "fleet",
		  "{\"fleet\":\"prod\",\"epoch\":%u,\"admins\":[%s],\"topology\":\"mesh\",\"port\":51820%s}",
		  epoch, keys, more);
}

/* A node with the identity of a letter's seed. */
static FLEET_MAYBE void fleet_node(struct fleet_text *text, char signer, const char *node,
				   unsigned int serial, unsigned int admitted, char identity,
				   const char *address, const char *more)
{
	struct weft_key key = fleet_signer(identity);

	fleet_say(text, signer, "node",
		  "{\"fleet\":\"prod\",\"node\":\"%s\",\"serial\":%u,\"admitted\":%u,\"identity\":\"%s\",\"addresses\":[\"%s/16\"]%s}",
		  node, serial, admitted, weft_key_encode(&key).chars, address, more);
}

static FLEET_MAYBE void fleet_proof_text(char *to, size_t size, const struct weft_key *seed,
					 const char *node)
{
	struct weft_proof proof;

	weft_proof_make(&proof, seed, "prod", node);
	snprintf(to, size, "[\"%s\",\"%s\"]", weft_key_encode(&proof.signer).chars,
		 weft_signature_encode(&proof.signature).chars);
}

/* A hello with the tunnel key of a letter, and its proof. */
static FLEET_MAYBE void fleet_hello(struct fleet_text *text, char identity, const char *node,
				    unsigned int serial, __u64 generation, char tunnel,
				    const char *more)
{
	const struct weft_key seed = fleet_seed(tunnel);
	struct weft_key key = fleet_tunnel(tunnel);
	char proof[256];

	fleet_proof_text(proof, sizeof(proof), &seed, node);
	fleet_say(text, identity, "hello",
		  "{\"fleet\":\"prod\",\"node\":\"%s\",\"serial\":%u,\"generation\":%llu,\"public_key\":\"%s\",\"proof\":%s%s}",
		  node, serial, (unsigned long long)generation, weft_key_encode(&key).chars, proof, more);
}

/* A fleet "prod" without records, which trusts the admin keys of the letters @admins. */
static FLEET_MAYBE struct weft_fleet *fleet_new(const char *admins)
{
	struct weft_keys trust = { };
	struct weft_fleet *fleet;
	struct weft_key key;

	for (; *admins; admins++) {
		key = fleet_signer(*admins);
		weft_keys_add(&trust, &key);
	}
	fleet = weft_memory_new("prod", &trust);
	weft_keys_free(&trust);
	return fleet;
}

#endif /* _WEFT_SELFTESTS_TOOLS_FLEET_H */
