// SPDX-License-Identifier: GPL-2.0
/*
 * Records that are taken into a fleet: numbers that only go up, hand-overs of admin keys,
 * revocations, re-admissions, and a node that has been stolen with its keys.
 *
 *   admin keys A, B, C; nodes ant, bee, cat with identities a, b, c and tunnel keys t, u, v
 */
#include <sodium.h>

#include "fleet.h"
#include "memory.h"
#include "support.h"

static struct weft_fleet *fleet;
static struct fleet_text text;
static __s64 now;

static void begin(const char *admins)
{
	weft_fleet_free(fleet);
	fleet = fleet_new(admins);
	fleet_clear(&text);
	now = 0;
}

/* Merges @text, and clears it: "ACCEPTED SAME", then "RECORD: REASON" for each that is refused. */
static const char *take(void)
{
	static char outcome[4096];
	struct weft_merge merge = { .now = now };
	size_t i, len;

	if (!weft_fleet_merge(fleet, text.chars, text.len, &merge))
		test_bail("no memory");
	len = snprintf(outcome, sizeof(outcome), "%zu %zu\n", merge.accepted, merge.same);
	for (i = 0; i < merge.refused_count && len < sizeof(outcome); i++)
		len += snprintf(outcome + len, sizeof(outcome) - len, "%s: %s\n",
				merge.refused[i].record, merge.refused[i].reason);
	weft_merge_free(&merge);
	fleet_clear(&text);
	return outcome;
}

/* The letter of the node's tunnel key: "t", or "-" without one, "!" where the node is not in. */
static const char *key_of(const char *node)
{
	const struct weft_member *member = weft_fleet_find(fleet, node);
	static char letter[2];
	struct weft_key key;

	if (!member || !weft_member_is_in(member))
		return "!";
	for (letter[0] = 'a'; letter[0] <= 'z' && weft_member_key(member); letter[0]++) {
		key = fleet_tunnel(letter[0]);
		if (weft_key_equal(&key, weft_member_key(member)))
			return letter;
	}
	return "-";
}

static void add_three(void)
{
	fleet_terms(&text, 'A', 1, "A", "");
	fleet_node(&text, 'A', "ant", 1, 1, 'a', "10.7.0.1", ",\"prefixes\":[\"10.9.1.0/24\"]");
	fleet_node(&text, 'A', "bee", 1, 1, 'b', "10.7.0.2", "");
	fleet_node(&text, 'A', "cat", 1, 1, 'c', "10.7.0.3", "");
	fleet_hello(&text, 'a', "ant", 1, 5, 't', "");
	fleet_hello(&text, 'b', "bee", 1, 5, 'u', "");
	fleet_hello(&text, 'c', "cat", 1, 5, 'v', "");
}

static void begin_three(void)
{
	begin("A");
	add_three();
	test_text("three nodes", take(), "7 0\n");
}

static void check_order(void)
{
	struct fleet_text reverse = { };
	char *line, *rest;

	begin_three();
	add_three();
	test_text("the same records again", take(), "0 7\n");
	fleet_add(&text, "", 0);
	test_text("an emptied bundle", take(), "0 0\n");
	test_text("... changes nothing", key_of("ant"), "t");
	fleet_add(&text, "\n\n\n", 3);
	test_text("empty lines", take(), "0 0\n");
	begin("A");
	add_three();
	for (rest = text.chars; (line = strsep(&rest, "\n")) && *line;) {
		char *copy = reverse.chars;

		reverse.chars = NULL;
		reverse.len = 0;
		fleet_add(&reverse, line, strlen(line));
		fleet_add(&reverse, "\n", 1);
		if (copy)
			fleet_add(&reverse, copy, strlen(copy));
		free(copy);
	}
	fleet_clear(&text);
	text = reverse;
	test_text("the order of lines does not count", take(), "7 0\n");
	begin("A");
	add_three();
	add_three();
	test_text("each line twice", take(), "7 7\n");
	begin_three();
	fleet_node(&text, 'A', "ant", 3, 1, 'a', "10.7.0.1", "");
	fleet_node(&text, 'A', "ant", 2, 1, 'a', "10.7.0.1", ",\"hub\":true");
	test_text("two serials at once", take(), "2 0\n");
	test_ok(weft_fleet_find(fleet, "ant")->node->number == 3, "... of which the higher one stays");
}

static void check_others(void)
{
	struct fleet_text one = { };

	begin_three();
	fleet_add(&text, "rubbish\n", 8);
	fleet_node(&text, 'A', "ant", 2, 1, 'a', "10.7.0.1", "");
	fleet_node(&text, 'X', "bee", 2, 1, 'b', "10.7.0.2", "");
	fleet_hello(&text, 'c', "cat", 1, 6, 'w', "");
	test_text("bad records leave the others", take(),
		  "2 0\nline 1: not a record of weft\nnode/bee: not signed by an admin key of this fleet\n");
	test_text("... the good one counts", key_of("cat"), "w");
	fleet_hello(&text, 'c', "cat", 1, 7, 'x', "");
	text.len--;
	test_text("a line without its newline", take(), "0 0\nthe last line: no newline ends it: it may be cut\n");
	test_text("... is not taken in", key_of("cat"), "w");
	begin("A");
	fleet_node(&text, 'A', "ant", 1, 1, 'a', "10.7.0.1", "");
	test_text("a node without terms", take(), "0 0\nnode/ant: no record of the fleet is known\n");
	fleet_terms(&one, 'A', 1, "A", "");
	fleet_add_signed(&text, &(struct weft_key){ "A" }, "fleet", "test",
			 "{\"fleet\":\"test\",\"epoch\":1,\"admins\":[\"" KEY_A "\"],\"topology\":\"mesh\",\"port\":1}",
			 strlen("{\"fleet\":\"test\",\"epoch\":1,\"admins\":[\"" KEY_A "\"],\"topology\":\"mesh\",\"port\":1}"));
	test_text("another fleet", take(), "0 0\nfleet: a record of another fleet\n");
	fleet_clear(&one);
}

static void check_epochs(void)
{
	begin_three();
	fleet_terms(&text, 'A', 3, "A", ",\"mtu\":1400");
	test_text("an epoch forward", take(), "1 0\n");
	fleet_terms(&text, 'A', 2, "A", "");
	test_text("an epoch backward", take(), "0 0\nfleet: epoch 2 is older than 3, which was seen\n");
	fleet_terms(&text, 'A', 3, "A", ",\"mtu\":1300");
	test_text("an equal epoch with other contents", take(), "0 0\nfleet: epoch 3 was seen with other contents\n");
	test_ok(fleet->terms->mtu == 1400, "... the first one stays");
	fleet_terms(&text, 'B', 9, "B", "");
	test_text("an epoch by a stranger", take(), "0 0\nfleet: not signed by an admin key of this fleet\n");
	fleet_terms(&text, 'a', 9, "A", "");
	test_text("an epoch by a node", take(), "0 0\nfleet: not signed by an admin key of this fleet\n");
	fleet_terms(&text, 'A', 9, "A", "");
	text.chars[text.len - 4] ^= 1;
	test_text("an epoch that was changed", take(), "0 0\nfleet: not signed by an admin key of this fleet\n");
}

/* A hands over to B, and B to C. */
static void add_chain(unsigned int from, unsigned int to)
{
	static const struct {
		char signer;
		const char *admins;
	} steps[] = {
		{ 'A', "A" }, { 'A', "AB" }, { 'B', "AB" }, { 'B', "B" }, { 'B', "BC" }, { 'C', "C" },
	};

	for (; from <= to; from++)
		fleet_terms(&text, steps[from - 1].signer, from, steps[from - 1].admins, "");
}

static void check_chain(void)
{
	begin_three();
	add_chain(6, 6);
	test_text("admin keys that are two steps away", take(), "0 0\nfleet: not signed by an admin key of this fleet\n");
	add_chain(2, 6);
	test_text("a chain of admin keys", take(), "3 2\n");
	test_ok(weft_fleet_epoch(fleet) == 6, "... ends in the newest epoch");
	fleet_terms(&text, 'A', 7, "A", "");
	test_text("an admin key that was left out", take(), "0 0\nfleet: not signed by an admin key of this fleet\n");
	fleet_node(&text, 'A', "dog", 1, 1, 'd', "10.7.0.4", "");
	test_text("... admits no node", take(), "0 0\nnode/dog: not signed by an admin key of this fleet\n");
	test_text("the nodes that it has admitted stay", key_of("ant"), "t");
	begin("C");
	add_chain(1, 6);
	test_text("a new node that knows the last key only", take(), "1 5\n");
	test_ok(weft_fleet_epoch(fleet) == 6, "... has the newest epoch");
	begin("A");
	add_chain(1, 3);
	fleet_terms(&text, 'A', 4, "C", "");
	fleet_terms(&text, 'C', 5, "C", "");
	test_text("a key leaves itself out", take(), "2 3\n");
	begin("A");
	fleet_terms(&text, 'A', 1, "A", "");
	fleet_terms(&text, 'B', 2, "AB", "");
	test_text("a key that lets itself in", take(), "1 0\nfleet: not signed by an admin key of this fleet\n");
}

static void check_serials(void)
{
	begin_three();
	fleet_node(&text, 'A', "ant", 3, 1, 'a', "10.7.0.9", "");
	test_text("a serial forward", take(), "1 0\n");
	fleet_node(&text, 'A', "ant", 2, 1, 'a', "10.7.0.1", "");
	test_text("a serial backward", take(), "0 0\nnode/ant: serial 2 is older than 3, which was seen\n");
	fleet_node(&text, 'A', "ant", 3, 1, 'a', "10.7.0.8", "");
	test_text("an equal serial with other contents", take(), "0 0\nnode/ant: serial 3 was seen with other contents\n");
	fleet_node(&text, 'a', "ant", 9, 1, 'a', "10.7.0.1", "");
	test_text("a node that admits itself", take(), "0 0\nnode/ant: not signed by an admin key of this fleet\n");
	test_text("the hello stays", key_of("ant"), "t");
	fleet_hello(&text, 'a', "ant", 3, 6, 'w', "");
	test_text("a generation forward", take(), "1 0\n");
	fleet_hello(&text, 'a', "ant", 3, 5, 't', "");
	test_text("a generation backward", take(), "0 0\nhello/ant: generation 5 is older than 6, which was seen\n");
	fleet_hello(&text, 'a', "ant", 3, 6, 't', "");
	test_text("an equal generation with other contents", take(),
		  "0 0\nhello/ant: generation 6 was seen with other contents\n");
	fleet_hello(&text, 'a', "ant", 4, 7, 't', "");
	test_text("a hello with a serial of tomorrow", take(),
		  "0 0\nhello/ant: its serial is higher than that of the node's record\n");
	fleet_hello(&text, 'a', "ant", 1, 7, 't', "");
	test_text("a hello with an older serial of this admission", take(), "1 0\n");
}

/* All keys of bee are in other hands. */
static void check_stolen(void)
{
	begin_three();
	fleet_hello(&text, 'b', "ant", 1, 9, 'u', "");
	test_text("another's name", take(), "0 0\nhello/ant: not signed by the identity of the node\n");
	fleet_node(&text, 'b', "bee", 2, 1, 'b', "10.7.0.2", ",\"prefixes\":[\"10.9.1.0/24\"]");
	test_text("another's prefix", take(), "0 0\nnode/bee: not signed by an admin key of this fleet\n");
	{
		struct weft_key seed = fleet_seed('u'), key = fleet_tunnel('t');
		char proof[256], theirs[256];

		fleet_proof_text(proof, sizeof(proof), &seed, "bee");
		fleet_say(&text, 'b', "hello",
			  "{\"fleet\":\"prod\",\"node\":\"bee\",\"serial\":1,\"generation\":9,\"public_key\":\"%s\",\"proof\":%s}",
			  weft_key_encode(&key).chars, proof);
		seed = fleet_seed('t');
		fleet_proof_text(theirs, sizeof(theirs), &seed, "ant");
		fleet_say(&text, 'b', "hello",
			  "{\"fleet\":\"prod\",\"node\":\"bee\",\"serial\":1,\"generation\":10,\"public_key\":\"%s\",\"proof\":%s}",
			  weft_key_encode(&key).chars, theirs);
		fleet_say(&text, 'b', "hello",
			  "{\"fleet\":\"prod\",\"node\":\"bee\",\"serial\":1,\"generation\":11,\"public_key\":\"%s\"}",
			  weft_key_encode(&key).chars);
	}
	test_text("another's tunnel key", take(),
		  "0 0\nhello/bee: no proof that the node has the tunnel key\nhello/bee: no proof that the node has the tunnel key\nhello/bee: no proof that the node has the tunnel key\n");
	{
		struct weft_key key = fleet_tunnel('t');
		char more[512];

		snprintf(more, sizeof(more), ",\"next_public_key\":\"%s\"", weft_key_encode(&key).chars);
		fleet_hello(&text, 'b', "bee", 1, 9, 'u', more);
	}
	test_text("another's tunnel key as the next one", take(), "0 0\nhello/bee: no proof that the node has the tunnel key\n");
	fleet_hello(&text, 'b', "bee", 9, 9, 'w', "");
	test_text("a higher serial", take(), "0 0\nhello/bee: its serial is higher than that of the node's record\n");
	fleet_hello(&text, 'b', "bee", 1, 9, 'w', "");
	test_text("its own key", take(), "1 0\n");
	fleet_terms(&text, 'A', 2, "A", ",\"revoked\":{\"bee\":1}");
	fleet_hello(&text, 'b', "bee", 1, 10, 'x', "");
	test_text("until it is revoked", take(), "1 0\nhello/bee: revoked\n");
	test_text("... and then it is out", key_of("bee"), "!");
}

static void check_revocations(void)
{
	begin("A");
	fleet_terms(&text, 'A', 2, "A", ",\"revoked\":{\"bee\":1}");
	test_text("a revocation before the node", take(), "1 0\n");
	fleet_node(&text, 'A', "bee", 1, 1, 'b', "10.7.0.2", "");
	fleet_hello(&text, 'b', "bee", 1, 1, 'u', "");
	test_text("... which does not get in", take(), "0 0\nnode/bee: revoked\nhello/bee: the node is not admitted\n");
	begin("A");
	add_three();
	fleet_terms(&text, 'A', 2, "A", ",\"revoked\":{\"bee\":1}");
	test_text("a revocation in the same bundle", take(), "5 1\nnode/bee: revoked\nhello/bee: the node is not admitted\n");
	begin_three();
	fleet_terms(&text, 'A', 2, "A", ",\"revoked\":{\"bee\":1}");
	test_text("a revocation after the node", take(), "1 0\n");
	test_text("... ends it", key_of("bee"), "!");
	add_three();
	test_text("a cache of yesterday does not bring it back", take(),
		  "0 4\nfleet: epoch 1 is older than 2, which was seen\nnode/bee: revoked\nhello/bee: revoked\n");
	fleet_terms(&text, 'A', 3, "A", "");
	test_text("terms that have lost the revocation", take(), "1 0\n");
	add_three();
	take();
	test_text("... do not bring it back", key_of("bee"), "!");
	fleet_node(&text, 'A', "bee", 2, 2, 'd', "10.7.0.2", "");
	fleet_hello(&text, 'b', "bee", 2, 9, 'u', "");
	test_text("a re-admission with another identity", take(), "1 0\nhello/bee: not signed by the identity of the node\n");
	test_text("... without the old tunnel key", key_of("bee"), "-");
	fleet_hello(&text, 'd', "bee", 2, 1, 'w', "");
	test_text("... begins at generation 1", take(), "1 0\n");
	begin_three();
	fleet_terms(&text, 'A', 2, "A", ",\"revoked\":{\"bee\":1}");
	fleet_node(&text, 'A', "bee", 2, 2, 'b', "10.7.0.2", "");
	fleet_hello(&text, 'b', "bee", 1, 9, 'u', "");
	test_text("the same identity again", take(), "2 0\nhello/bee: of a former admission of the node\n");
	test_text("... has no tunnel key yet", key_of("bee"), "-");
}

/* A re-admission without a revocation. */
static void check_identity(void)
{
	begin_three();
	fleet_node(&text, 'A', "bee", 2, 2, 'd', "10.7.0.2", "");
	fleet_hello(&text, 'b', "bee", 2, 9, 'x', "");
	test_text("a new identity", take(), "1 0\nhello/bee: not signed by the identity of the node\n");
	test_text("... ends the former one's key", key_of("bee"), "-");
	begin_three();
	fleet_node(&text, 'A', "bee", 2, 1, 'd', "10.7.0.2", "");
	take();
	test_text("... also if the admission's number stays", key_of("bee"), "-");
	begin_three();
	fleet_node(&text, 'A', "bee", 2, 2, 'd', "10.7.0.2", "");
	fleet_node(&text, 'A', "bee", 3, 1, 'b', "10.7.0.2", "");
	fleet_hello(&text, 'b', "bee", 1, 4, 'x', "");
	test_text("a former admission with a higher serial", take(),
		  "1 0\nnode/bee: of a former admission of the node\nhello/bee: not signed by the identity of the node\n");
}

static void check_pinned(void)
{
	const struct weft_key pinned = fleet_tunnel('p');
	char more[128];

	snprintf(more, sizeof(more), ",\"public_key\":\"%s\"", weft_key_encode(&pinned).chars);
	begin("A");
	fleet_terms(&text, 'A', 1, "A", "");
	fleet_say(&text, 'A', "node",
		  "{\"fleet\":\"prod\",\"node\":\"phone\",\"serial\":1,\"admitted\":1,\"addresses\":[\"10.7.0.9/16\"]%s}", more);
	fleet_node(&text, 'A', "ant", 1, 1, 'a', "10.7.0.1", more);
	test_text("a member without weft", take(), "3 0\n");
	test_text("... has the pinned key", key_of("phone"), "p");
	test_text("a node has its pinned key with its hello only", key_of("ant"), "-");
	fleet_hello(&text, 'a', "phone", 1, 1, 't', "");
	test_text("a member without weft has no hello", take(), "0 0\nhello/phone: not signed by the identity of the node\n");
	fleet_say(&text, 'a', "hello",
		  "{\"fleet\":\"prod\",\"node\":\"ant\",\"serial\":1,\"generation\":1%s}", more);
	test_text("a pinned key needs no proof", take(), "1 0\n");
	fleet_say(&text, 'a', "hello",
		  "{\"fleet\":\"prod\",\"node\":\"ant\",\"serial\":1,\"generation\":2,\"public_key\":\"" KEY_A "\"}");
	test_text("another key does", take(), "0 0\nhello/ant: no proof that the node has the tunnel key\n");
	fleet_hello(&text, 'a', "ant", 1, 3, 't', "");
	test_text("and a proven one replaces the pinned one", take(), "1 0\n");
}

static void check_expiry(void)
{
	begin("A");
	now = 1000;
	fleet_terms(&text, 'A', 1, "A", "");
	fleet_node(&text, 'A', "ant", 1, 1, 'a', "10.7.0.1", ",\"not_after\":999");
	fleet_node(&text, 'A', "bee", 1, 1, 'b', "10.7.0.2", ",\"not_after\":1000");
	fleet_hello(&text, 'b', "bee", 1, 1, 'u', "");
	test_text("not_after is over, and not yet", take(), "3 0\nnode/ant: not_after is over: it admits no new node\n");
	now = 1001;
	fleet_hello(&text, 'b', "bee", 1, 2, 'u', ",\"endpoints\":[\"192.0.2.1:5\"]");
	test_text("it lets a known key move", take(), "1 0\n");
	fleet_hello(&text, 'b', "bee", 1, 3, 'w', "");
	test_text("it admits no new key", take(), "0 0\nhello/bee: not_after is over: it admits no new key\n");
	test_text("and cuts no node off", key_of("bee"), "u");
	fleet_node(&text, 'A', "bee", 2, 1, 'b', "10.7.0.2", ",\"not_after\":2000");
	fleet_hello(&text, 'b', "bee", 2, 3, 'w', "");
	test_text("until it is renewed", take(), "2 0\n");
}

/* With an allocation failing: a complete result, or a failure. */
static bool merge_once(const void *data)
{
	const struct fleet_text *all = data;
	struct weft_merge merge = { };
	struct weft_fleet *one;
	bool good;

	test_memory_spare();
	one = fleet_new("A");
	test_memory_spare_end();
	good = weft_fleet_merge(one, all->chars, all->len, &merge);
	good = test_memory_failed() || (good && merge.accepted == 7);
	weft_merge_free(&merge);
	weft_fleet_free(one);
	return good;
}

static void check_memory(void)
{
	begin("A");
	add_three();
	fleet_node(&text, 'X', "dog", 1, 1, 'd', "10.7.0.4", "");
	test_memory_each("a merge with each allocation failing", merge_once, &text);
}

int main(void)
{
	if (sodium_init() < 0)
		test_bail("libsodium");
	check_order();
	check_others();
	check_epochs();
	check_chain();
	check_serials();
	check_stolen();
	check_revocations();
	check_identity();
	check_pinned();
	check_expiry();
	check_memory();
	weft_fleet_free(fleet);
	fleet_clear(&text);
	return test_end();
}
