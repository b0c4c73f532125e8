// SPDX-License-Identifier: GPL-2.0
/*
 * Signatures and proofs that were valid are not computed again: a second time costs a part of
 * the first, and nothing that differs from them in a bit counts for them.
 */
#include <sodium.h>
#include <time.h>

#include "fleet.h"
#include "support.h"

#include "fleet/checked.h"
#include "fleet/signature.h"

#define RECORDS		200
#define MANY		50000

static struct weft_key seeds[RECORDS], signers[RECORDS];
static struct weft_signature signatures[RECORDS];

static struct weft_signed text_of(size_t number)
{
	static char text[32];

	snprintf(text, sizeof(text), "{\"number\":%zu}", number);
	return (struct weft_signed){
		.kind = "node", .fleet = "prod", .text = text, .len = strlen(text),
	};
}

static size_t good_signatures(void)
{
	struct weft_signed what;
	size_t i, good = 0;

	for (i = 0; i < RECORDS; i++) {
		what = text_of(i);
		good += weft_signature_check(&signatures[i], &signers[i], &what);
	}
	return good;
}

static long cpu_us(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return used.tv_sec * 1000000L + used.tv_nsec / 1000;
}

static void sign_all(void)
{
	struct weft_signed what;
	size_t i;

	for (i = 0; i < RECORDS; i++) {
		weft_seed_generate(&seeds[i]);
		weft_seed_public(&signers[i], &seeds[i]);
		what = text_of(i);
		weft_signature_make(&signatures[i], &seeds[i], &what);
	}
}

static void test_again(void)
{
	long began = cpu_us(), first, second;

	test_ok(good_signatures() == RECORDS, "all signatures are valid");
	first = cpu_us() - began;
	test_ok(good_signatures() == RECORDS, "  and a second time");
	second = cpu_us() - began - first;
	test_ok(second < first / 3, "  for a part of the time");
	if (second >= first / 3)
		printf("# %ld us, then %ld us\n", first, second);
}

/* Each bit of the signer, of the signature and of the text counts. */
static void test_bits(void)
{
	struct weft_signed what = text_of(0);
	struct weft_signature signature;
	struct weft_key signer;
	char text[32];
	size_t bit, good = 0;

	for (bit = 0; bit < 8 * sizeof(signature.bytes); bit++) {
		signature = signatures[0];
		signature.bytes[bit / 8] ^= 1 << bit % 8;
		good += weft_signature_check(&signature, &signers[0], &what);
	}
	test_ok(!good, "no other signature is valid for it");
	for (bit = 0; bit < 8 * sizeof(signer.bytes); bit++) {
		signer = signers[0];
		signer.bytes[bit / 8] ^= 1 << bit % 8;
		good += weft_signature_check(&signatures[0], &signer, &what);
	}
	test_ok(!good, "no other signer");
	memcpy(text, what.text, what.len);
	what.text = text;
	for (bit = 0; bit < 8 * what.len; bit++) {
		text[bit / 8] ^= 1 << bit % 8;
		good += weft_signature_check(&signatures[0], &signers[0], &what);
		text[bit / 8] ^= 1 << bit % 8;
	}
	test_ok(!good, "no other text");
	test_ok(weft_signature_check(&signatures[0], &signers[0], &what), "it is itself");
	what.kind = "hello";
	test_ok(!weft_signature_check(&signatures[0], &signers[0], &what), "no other kind");
	what.kind = "node";
	what.fleet = "test";
	test_ok(!weft_signature_check(&signatures[0], &signers[0], &what), "no other fleet");
}

/* What was refused is refused a second time. */
static void test_refused(void)
{
	struct weft_signed what = text_of(1);

	test_ok(!weft_signature_check(&signatures[0], &signers[0], &what) &&
		!weft_signature_check(&signatures[0], &signers[0], &what),
		"a signature of another text is refused each time");
}

static void public_of(struct weft_key *public_key, const struct weft_key *seed)
{
	struct weft_key private_key;

	weft_seed_tunnel(&private_key, seed);
	crypto_scalarmult_base(public_key->bytes, private_key.bytes);
}

static void test_proofs(void)
{
	struct weft_proof proof;
	struct weft_key public_key, other;
	long began, first, second;
	size_t i;

	public_of(&public_key, &seeds[0]);
	public_of(&other, &seeds[1]);
	weft_proof_make(&proof, &seeds[0], "prod", "ant");
	began = cpu_us();
	test_ok(weft_proof_check(&proof, &public_key, "prod", "ant"), "a proof is valid");
	first = cpu_us() - began;
	for (i = 0; i < 20; i++)
		weft_proof_check(&proof, &public_key, "prod", "ant");
	second = (cpu_us() - began - first) / 20;
	test_ok(second < first / 3, "  and later ones take a part of the time");
	test_ok(!weft_proof_check(&proof, &other, "prod", "ant"), "not for another key");
	test_ok(!weft_proof_check(&proof, &public_key, "prod", "bee"), "not for another node");
	test_ok(!weft_proof_check(&proof, &public_key, "test", "ant"), "not for another fleet");
	proof.signer = signers[1];
	test_ok(!weft_proof_check(&proof, &public_key, "prod", "ant"), "not by another signer");
	test_ok(!weft_proof_check(&proof, &other, "prod", "ant"), "not by another key's signer");
}

/* More than there is room for: some are forgotten, and none is taken for another. */
static void test_many(void)
{
	struct weft_checked check;
	size_t i, known = 0, wrong = 0;

	for (i = 0; i < MANY; i++) {
		weft_checked_begin(&check, WEFT_CHECKED_KEY);
		weft_checked_add(&check, &i, sizeof(i));
		wrong += weft_checked_known(&check);
		weft_checked_keep(&check);
	}
	test_ok(!wrong, "what was not checked is not known");
	for (i = 0; i < MANY; i++) {
		weft_checked_begin(&check, WEFT_CHECKED_KEY);
		weft_checked_add(&check, &i, sizeof(i));
		known += weft_checked_known(&check);
		weft_checked_begin(&check, WEFT_CHECKED_SIGNATURE);
		weft_checked_add(&check, &i, sizeof(i));
		wrong += weft_checked_known(&check);
	}
	test_ok(known > MANY / 10 && known < MANY, "a part of what was checked is");
	test_ok(!wrong, "and no check of another kind");
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	sign_all();
	test_again();
	test_bits();
	test_refused();
	test_proofs();
	test_many();
	return test_end();
}
