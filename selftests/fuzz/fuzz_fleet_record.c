// SPDX-License-Identifier: GPL-2.0
/*
 * Records that are taken into a fleet of known keys. A line of the input is a record as it
 * stands, or a payload, or the values of one, that this fuzzer signs: with the key of the
 * admin, of a node or of a stranger. What has changed afterwards was signed by the key that
 * may change it.
 */
#include "crypto.h"

#include "fleet/merge.c"
#include "../tools/fleet.h"

#define FUZZ_LINES	6

/* The fleet before: a copy takes in the records. */
static struct weft_fleet *known;

/* The admin keys A and B, the nodes' identities a, b, c, and a stranger's X. */
static const char signers[] = "AAabcBXa";
static const char * const nodes[] = { "ant", "bee", "cat", "phone" };
static const char * const kinds[] = { "fleet", "node", "hello", "key" };

/* The nodes are peers: an admission anew makes their keys former ones. */
static void fuzz_configure(void)
{
	size_t i;

	for (i = 0; i < known->count; i++)
		if (known->members[i].hello)
			FUZZ_MUST(weft_keys_add(&known->members[i].made, &known->members[i].hello->public_key));
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct weft_merge merge = { };
	struct fleet_text text = { };

	(void)argc;
	(void)argv;
	FUZZ_MUST(sodium_init() >= 0);
	known = fleet_new("A");
	fleet_terms(&text, 'A', 2, "A", ",\"revoked\":{\"cat\":1}");
	fleet_node(&text, 'A', "ant", 3, 2, 'a', "10.7.0.1", ",\"prefixes\":[\"10.9.1.0/24\"]");
	fleet_node(&text, 'A', "bee", 3, 2, 'b', "10.7.0.2", ",\"not_after\":100");
	fleet_hello(&text, 'a', "ant", 2, 3, 't', "");
	fleet_hello(&text, 'b', "bee", 3, 3, 'u', "");
	FUZZ_MUST(weft_fleet_merge(known, text.chars, text.len, &merge) && merge.accepted == 5);
	fuzz_configure();
	weft_merge_free(&merge);
	fleet_clear(&text);
	return 0;
}

/* Copies that a merge may free. */

static void *fuzz_copy(const void *from, size_t len)
{
	return len ? memcpy(malloc(len), from, len) : NULL;
}

static struct weft_keys fuzz_copy_keys(const struct weft_keys *from)
{
	return (struct weft_keys){ fuzz_copy(from->items, from->count * sizeof(*from->items)), from->count };
}

/* The lists that the records of the fleet have: any other one would be freed twice. */
static struct weft_fleet_record *fuzz_copy_record(const struct weft_fleet_record *from)
{
	struct weft_fleet_record *to;

	if (!from)
		return NULL;
	to = fuzz_copy(from, sizeof(*from));
	to->line = fuzz_copy(from->line, from->len + 1);
	to->payload = to->line + (from->payload - from->line);
	to->admins = fuzz_copy_keys(&from->admins);
	to->revoked.items = fuzz_copy(from->revoked.items, from->revoked.count * sizeof(*from->revoked.items));
	to->addresses.items = fuzz_copy(from->addresses.items, from->addresses.count * sizeof(*from->addresses.items));
	to->prefixes.items = fuzz_copy(from->prefixes.items, from->prefixes.count * sizeof(*from->prefixes.items));
	return to;
}

static struct weft_fleet *fuzz_known(void)
{
	struct weft_fleet *fleet = fuzz_copy(known, sizeof(*known));
	size_t i;

	fleet->trust = fuzz_copy_keys(&known->trust);
	fleet->terms = fuzz_copy_record(known->terms);
	fleet->members = fuzz_copy(known->members, known->count * sizeof(*known->members));
	for (i = 0; i < known->count; i++) {
		fleet->members[i].node = fuzz_copy_record(known->members[i].node);
		fleet->members[i].hello = fuzz_copy_record(known->members[i].hello);
		fleet->members[i].made = fuzz_copy_keys(&known->members[i].made);
	}
	return fleet;
}

/* The values of a record, from bytes. */

static void fuzz_say_terms(struct fleet_text *text, char signer, struct fuzz_input *line)
{
	static const char * const admins[] = { "A", "AB", "B", "X" };
	unsigned int epoch = fuzz_u8(line) % 6;
	const char *keys = admins[fuzz_u8(line) % 4];
	char more[64] = "";
	uint8_t revoked = fuzz_u8(line);

	if (revoked & 0x80)
		snprintf(more, sizeof(more), ",\"revoked\":{\"%s\":%u}", nodes[revoked % 4], revoked / 4 % 8);
	fleet_terms(text, signer, epoch, keys, more);
}

static void fuzz_say_node(struct fleet_text *text, char signer, struct fuzz_input *line)
{
	const char *node = nodes[fuzz_u8(line) % 4];
	unsigned int serial = fuzz_u8(line) % 8, admitted = fuzz_u8(line) % 8;
	char identity = "abcX"[fuzz_u8(line) % 4], more[128] = "";
	uint8_t how = fuzz_u8(line);
	struct weft_key pinned = fleet_tunnel("tuvw"[how / 4 % 4]);

	if (how & 1)
		snprintf(more, sizeof(more), ",\"public_key\":\"%s\"", weft_key_encode(&pinned).chars);
	if (how & 2)
		strcat(more, ",\"not_after\":50");
	fleet_node(text, signer, node, serial, admitted, identity, "10.7.0.3", more);
}

static void fuzz_say_hello(struct fleet_text *text, char signer, struct fuzz_input *line)
{
	const char *node = nodes[fuzz_u8(line) % 4];
	unsigned int serial = fuzz_u8(line) % 8, generation = fuzz_u8(line) % 8;
	uint8_t how = fuzz_u8(line);
	struct weft_key seed = fleet_seed("tuvw"[how % 4]), key = fleet_tunnel("tuvw"[how / 4 % 4]);
	char proof[256];

	if (how & 0x80) {
		fleet_hello(text, signer, node, serial, generation, "tuvw"[how % 4], "");
		return;
	}
	fleet_proof_text(proof, sizeof(proof), &seed, how & 0x40 ? "ant" : node);
	fleet_say(text, signer, "hello",
		  "{\"fleet\":\"prod\",\"node\":\"%s\",\"serial\":%u,\"generation\":%u,\"public_key\":\"%s\",\"proof\":%s}",
		  node, serial, generation, weft_key_encode(&key).chars, proof);
}

/* The first byte of a line says how it becomes a record. */
static void fuzz_add_line(struct fleet_text *text, struct fuzz_input *line)
{
	uint8_t how = fuzz_u8(line);
	char signer = signers[how / 4 % 8];
	const struct weft_key seed = fleet_seed(signer);

	if (how & 0x80) {
		fleet_add_signed(text, &seed, kinds[how % 4], how & 0x20 ? "prod" : "test",
				 (const char *)line->at, line->left);
		return;
	}
	switch (how % 4) {
	case 0:
		fleet_add(text, (const char *)line->at, line->left);
		fleet_add(text, "\n", 1);
		break;
	case 1:
		fuzz_say_terms(text, signer, line);
		break;
	case 2:
		fuzz_say_node(text, signer, line);
		break;
	default:
		fuzz_say_hello(text, signer, line);
		break;
	}
}

static void fuzz_fill(struct fleet_text *text, struct fuzz_input *input)
{
	unsigned int i;

	for (i = 0; i < FUZZ_LINES && fuzz_more(input); i++) {
		const uint8_t *end = memchr(input->at, '\n', input->left);
		struct fuzz_input line = { input->at, end ? (size_t)(end - input->at) : input->left };

		input->at += line.left + !!end;
		input->left -= line.left + !!end;
		fuzz_add_line(text, &line);
	}
	/* A last line without its newline. */
	if (text->len && fuzz_more(input))
		text->len--;
}

/* Invariants. */

/* An admin key: the stranger's may become one, by a record of such a key. */
static bool fuzz_is_admin(const struct weft_fleet *fleet, const struct weft_key *key)
{
	const struct weft_key a = fleet_signer('A'), b = fleet_signer('B'), x = fleet_signer('X');

	return weft_key_equal(key, &a) || weft_key_equal(key, &b) ||
	       (weft_key_equal(key, &x) && weft_keys_have(&fleet->trust, &x));
}

static void fuzz_check_terms(const struct weft_fleet *before, const struct weft_fleet *after)
{
	FUZZ_MUST(after->terms && after->terms->number >= before->terms->number);
	FUZZ_MUST(!strcmp(after->terms->fleet, "prod"));
	if (after->terms->number == before->terms->number)
		FUZZ_MUST(weft_fleet_record_equal(after->terms, before->terms));
	else
		FUZZ_MUST(weft_fleet_record_verify(after->terms, &after->terms->signer));
	if (!weft_fleet_record_equal(after->terms, before->terms))
		FUZZ_MUST(fuzz_is_admin(after, &after->terms->signer) ||
			  weft_keys_have(&after->terms->admins, &after->terms->signer) ||
			  after->older_count);
	FUZZ_MUST(after->trust.count == after->terms->admins.count);
}

static bool fuzz_same(const struct weft_fleet_record *a, const struct weft_fleet_record *b)
{
	return a && b ? weft_fleet_record_equal(a, b) : a == b;
}

static void fuzz_check_node(const struct weft_fleet *fleet, const struct weft_member *old,
			    const struct weft_member *new)
{
	FUZZ_MUST(new->node || !old);
	if (!new->node || fuzz_same(old ? old->node : NULL, new->node))
		return;
	FUZZ_MUST(!strcmp(new->node->node, new->name));
	FUZZ_MUST(weft_fleet_record_verify(new->node, &new->node->signer));
	FUZZ_MUST(weft_keys_have(&fleet->trust, &new->node->signer));
	FUZZ_MUST(new->node->number > (old ? old->revoked : 0));
	FUZZ_MUST(!old || !old->node || new->node->number > old->node->number);
}

/* The key has been proven, or is the one that the admin has pinned. */
static bool fuzz_is_own(const struct weft_fleet_record *hello, const struct weft_fleet_record *node)
{
	return weft_key_equal(&hello->public_key, &node->public_key) ||
	       weft_proof_check(&hello->proof, &hello->public_key, "prod", hello->node);
}

static void fuzz_check_hello(const struct weft_member *old, const struct weft_member *new)
{
	if (!new->hello || (old && fuzz_same(old->hello, new->hello)))
		return;
	FUZZ_MUST(new->node && weft_member_is_in(new));
	FUZZ_MUST(!strcmp(new->hello->node, new->name));
	FUZZ_MUST(weft_fleet_record_verify(new->hello, &new->node->identity));
	FUZZ_MUST(new->hello->serial >= new->node->admitted && new->hello->serial <= new->node->number);
	FUZZ_MUST(fuzz_is_own(new->hello, new->node));
	FUZZ_MUST(!old || !old->node || new->node->admitted >= old->node->admitted);
	/* Two records after each other may change the identity, and back, within one admission. */
	if (old && old->hello && old->node->admitted == new->node->admitted &&
	    weft_key_equal(&old->node->identity, &new->node->identity) && !new->former.count)
		FUZZ_MUST(new->hello->number > old->hello->number);
}

static void fuzz_check(const struct weft_fleet *before, const struct weft_fleet *after)
{
	const struct weft_member *old, *new;
	size_t i;

	fuzz_check_terms(before, after);
	for (i = 0; i < before->count; i++) {
		old = &before->members[i];
		new = weft_fleet_find(after, old->name);
		FUZZ_MUST(new && new->revoked >= old->revoked);
		FUZZ_MUST(!weft_member_is_in(old) || weft_member_is_in(new) || new->revoked > old->revoked);
	}
	for (i = 0; i < after->count; i++) {
		new = &after->members[i];
		old = weft_fleet_find(before, new->name);
		FUZZ_MUST(!i || strcmp(after->members[i - 1].name, new->name) < 0);
		fuzz_check_node(after, old && old->node ? old : NULL, new);
		fuzz_check_hello(old, new);
	}
}

static char *fuzz_memory(const struct weft_fleet *fleet, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	FUZZ_MUST(out && weft_memory_write(out, fleet));
	fclose(out);
	return text;
}

/* How many of the records are taken in now. */
static size_t fuzz_merge_again(struct weft_fleet *fleet, const struct fleet_text *text, __s64 now)
{
	struct weft_merge merge = { .now = now };
	size_t accepted;

	FUZZ_MUST(weft_fleet_merge(fleet, text->chars, text->len, &merge));
	accepted = merge.accepted;
	weft_merge_free(&merge);
	return accepted;
}

/*
 * The same records again change nothing, and the memory has all of it. Only a record
 * whose not_after is over may be taken in the second time: of a node that another record
 * of the first time has admitted.
 */
static void fuzz_check_again(struct weft_fleet *fleet, const struct fleet_text *text, __s64 now)
{
	struct weft_refusal why;
	struct weft_fleet *again;
	size_t len, len2;
	char *memory, *memory2;

	FUZZ_MUST(!fuzz_merge_again(fleet, text, now) || now > 50);
	FUZZ_MUST(!fuzz_merge_again(fleet, text, now));
	memory = fuzz_memory(fleet, &len);
	again = weft_memory_read("prod", memory, len, &why);
	FUZZ_MUST(again);
	memory2 = fuzz_memory(again, &len2);
	FUZZ_MUST(len == len2 && !memcmp(memory, memory2, len));
	weft_fleet_free(again);
	free(memory);
	free(memory2);
}

/* One in eight inputs: by its bytes, so that an input that fails once always fails. */
static FUZZ_REFERENCE bool fuzz_is_chosen(const uint8_t *data, size_t size)
{
	uint8_t sum = 0;
	size_t i;

	for (i = 0; i < size; i++)
		sum += data[i];
	return !(sum % 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	struct weft_merge merge = { .now = fuzz_u8(&input) };
	struct weft_fleet *after = fuzz_known();
	struct fleet_text text = { };
	__s64 now = merge.now;

	fleet_add(&text, "", 0);
	fuzz_fill(&text, &input);
	FUZZ_MUST(weft_fleet_merge(after, text.chars, text.len, &merge));
	fuzz_check(known, after);
	if (merge.accepted && fuzz_is_chosen(data, size))
		fuzz_check_again(after, &text, now);
	weft_merge_free(&merge);
	weft_fleet_free(after);
	fleet_clear(&text);
	return 0;
}
