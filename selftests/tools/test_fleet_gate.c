// SPDX-License-Identifier: GPL-2.0
/*
 * The gate between a store and the records: what no key of the fleet has signed is not parsed, whatever a store shows, and
 * what one has signed is judged as in a bundle.
 *
 *   admin keys A, B; nodes ant, bee, cat with identities a, b, c and tunnel keys t, u, v
 */
#include <sodium.h>

#include "fleet.h"
#include "fleet/gate.h"
#include "memory.h"
#include "support.h"

static struct weft_fleet *fleet;
static struct fleet_text text;

static void begin(void)
{
	weft_fleet_free(fleet);
	fleet = fleet_new("A");
	fleet_clear(&text);
}

/* Shows @text to the gate, and clears it: "ACCEPTED SAME STRANGERS NOISE[ own]", then each record that is refused. */
static const char *show_to(const char *own, bool tells)
{
	static char outcome[4096];
	struct weft_gate gate = { .tells = tells };
	size_t i, len;

	if (!weft_gate_merge(fleet, text.chars ?: "", text.len, own, &gate))
		test_bail("no memory");
	len = snprintf(outcome, sizeof(outcome), "%zu %zu %zu %zu%s\n", gate.merge.accepted, gate.merge.same,
		       gate.stranger_count, gate.noise, gate.own ? " own" : "");
	for (i = 0; i < gate.merge.refused_count && len < sizeof(outcome); i++)
		len += snprintf(outcome + len, sizeof(outcome) - len, "%s: %s\n", gate.merge.refused[i].record,
				gate.merge.refused[i].reason);
	fleet_clear(&text);
	if (gate.strangers_len)
		fleet_add(&text, gate.strangers, gate.strangers_len);
	weft_gate_free(&gate);
	return outcome;
}

static const char *show_own(const char *own)
{
	return show_to(own, false);
}

static const char *show(void)
{
	return show_own(NULL);
}

static void say_all(void)
{
	fleet_hello(&text, 'b', "bee", 1, 1, 'u', "");
	fleet_node(&text, 'A', "ant", 1, 1, 'a', "10.7.0.1", "");
	fleet_node(&text, 'A', "bee", 1, 1, 'b', "10.7.0.2", "");
	fleet_hello(&text, 'a', "ant", 1, 1, 't', "");
	fleet_terms(&text, 'A', 1, "A", "");
}

static void check_plain(void)
{
	begin();
	test_text("an empty store", show(), "0 0 0 0\n");
	say_all();
	test_text("records in any order", show(), "5 0 0 0\n");
	say_all();
	test_text("... once more", show(), "0 5 0 0\n");
}

/* A watch prints each record once: the hello may come before the node's admission. */
static void check_early(void)
{
	begin();
	fleet_hello(&text, 'b', "bee", 1, 1, 'u', "");
	fleet_terms(&text, 'A', 1, "A", "");
	test_text("a hello before its node", show(), "1 0 1 0\n");
	fleet_node(&text, 'A', "bee", 1, 1, 'b', "10.7.0.2", "");
	test_text("... counts with the node", show(), "2 0 0 0\n");
	begin();
	fleet_terms(&text, 'B', 2, "B", "");
	fleet_node(&text, 'B', "bee", 1, 1, 'b', "10.7.0.2", "");
	test_text("an admin key that no record has introduced", show(), "0 0 2 0\n");
	fleet_terms(&text, 'A', 1, "AB", "");
	test_text("... is introduced", show(), "3 0 0 0\n");
}

static void check_own(void)
{
	char *own;

	begin();
	say_all();
	show();
	fleet_hello(&text, 'a', "ant", 1, 1, 't', "");
	own = strndup(text.chars, text.len - 1);
	test_text("the own hello is there", show_own(own), "0 1 0 0 own\n");
	fleet_hello(&text, 'b', "bee", 1, 1, 'u', "");
	test_text("... and is not", show_own(own), "0 1 0 0\n");
	free(own);
}

/* One character of the payload of the last line is another one. */
static void spoil(const char *what, char with)
{
	char *at = strstr(text.chars, what);

	if (!at)
		test_bail("the test's own record");
	*at = with;
}

static void check_lies(void)
{
	static const char *const lines[] = {
		"\n", "weft-fleet/1\n", "weft-fleet/1 hello \n", "weft-fleet/1 hello x y z\n", "weft-fleet/2 fleet a b {}\n",
		"cut", "weft-fleet/1 node AAAA",
	};
	struct weft_key seed = fleet_seed('Z');
	char *endless;
	size_t i;

	begin();
	say_all();
	show();
	for (i = 0; i < ARRAY_SIZE(lines); i++)
		fleet_add(&text, lines[i], strlen(lines[i]));
	test_text("lines of no record", show(), "0 0 0 4\n");
	fleet_node(&text, 'A', "cat", 1, 1, 'c', "10.7.0.3", "");
	spoil("10.7.0.3", '2');
	test_text("a forged record of a node", show(), "0 0 0 0\nnode: names a signer of the fleet, which has not signed it\n");
	fleet_hello(&text, 'b', "bee", 1, 2, 'u', "");
	spoil("\"generation\":2", '\'');
	test_text("a forged hello", show(), "0 0 0 0\nhello: names a signer of the fleet, which has not signed it\n");
	fleet_add_signed(&text, &seed, "fleet", "prod", "{{{{", 4);
	test_text("a stranger's text is not parsed", show(), "0 0 1 0\n");
	fleet_clear(&text);
	seed = fleet_seed('A');
	fleet_add_signed(&text, &seed, "fleet", "other", "{\"fleet\":\"other\"}", 17);
	test_text("a record of another fleet", show(), "0 0 0 0\nfleet: names a signer of the fleet, which has not signed it\n");
	fleet_add_signed(&text, &seed, "node", "prod", "{{{{", 4);
	test_text("an admin's own nonsense is judged", show(), "0 0 0 0\nline 1: not a JSON object\n");
	endless = calloc(1, 300000);
	memset(endless, 'x', 299999);
	memcpy(endless, "weft-fleet/1 fleet ", 19);
	fleet_add(&text, endless, 299999);
	fleet_add(&text, "\n", 1);
	free(endless);
	test_text("a line without an end", show(), "0 0 0 1\n");
}

/* A node that is compromised signs what it likes, and its identity is good for its own hello alone. */
static void check_node(void)
{
	begin();
	say_all();
	show();
	fleet_say(&text, 'b', "hello", "{\"fleet\":\"prod\",\"node\":\"ant\",\"serial\":1,\"generation\":9,\"public_key\":\"%s\"}",
		  weft_key_encode(&(struct weft_key){ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" }).chars);
	test_text("another's hello", show(), "0 0 0 0\nhello/ant: not signed by the identity of the node\n");
	fleet_node(&text, 'b', "bee", 2, 1, 'b', "10.7.0.1", "");
	test_text("another's address", show(), "0 0 1 0\n");
	fleet_clear(&text);
	fleet_terms(&text, 'b', 2, "A", "");
	test_text("a record of the fleet", show(), "0 0 1 0\n");
	fleet_clear(&text);
	fleet_terms(&text, 'A', 2, "A", ",\"revoked\":{\"bee\":1}");
	test_text("its revocation", show(), "1 0 0 0\n");
	fleet_hello(&text, 'b', "bee", 1, 7, 'x', "");
	test_text("a hello after that", show(), "0 0 0 0\nhello/bee: revoked\n");
	fleet_terms(&text, 'A', 1, "A", "");
	fleet_node(&text, 'A', "bee", 1, 1, 'b', "10.7.0.2", "");
	test_text("a store that was set back", show(),
		  "0 0 0 0\nfleet: epoch 1 is older than 2, which was seen\nnode/bee: revoked\n");
}

/* It fills the store with nonsense of its own, in front of the others' records. */
static void check_flood(void)
{
	struct weft_key seed = fleet_seed('b');
	size_t accepted;
	int i;

	begin();
	say_all();
	show();
	for (i = 0; i < 2100; i++)
		fleet_add_signed(&text, &seed, "hello", "prod", "{{{{", 4);
	fleet_hello(&text, 'a', "ant", 1, 2, 'x', "");
	fleet_terms(&text, 'A', 2, "A", ",\"revoked\":{\"bee\":1}");
	accepted = strtoul(show(), NULL, 10);
	test_ok(accepted == 2, "a flood of a node's nonsense hides no revocation, and no hello of another");
}

/* A bundle that a command is given: each line that is not taken is named. */
static void check_bundle(void)
{
	static const char noise[] = "x\n\nweft-fleet/2 fleet a b {}\nweft-fleet/1 hello a b {}\n";
	struct weft_key seed = fleet_seed('Z');

	begin();
	say_all();
	fleet_add(&text, noise, strlen(noise));
	fleet_add_signed(&text, &seed, "node", "prod", "{{{{", 4);
	fleet_add_signed(&text, &seed, "hello", "prod", "{{{{", 4);
	fleet_add_signed(&text, &seed, "fleet", "prod", "{{{{", 4);
	fleet_add(&text, "weft-fleet/1 cut", 16);
	test_text("a bundle with lines of strangers", show_to(NULL, true),
		  "5 0 0 3\n"
		  "line 6: not a record of weft\n"
		  "line 8: a record of another version than weft-fleet/1\n"
		  "line 9: the signer is not a key\n"
		  "the last line: no newline ends it: it may be cut\n"
		  "node, line 10: not signed by an admin key of this fleet\n"
		  "hello, line 11: not signed by the identity of an admitted node\n"
		  "fleet: not signed by an admin key of this fleet\n");
	begin();
	fleet_terms(&text, 'A', 2, "B", "");
	fleet_terms(&text, 'B', 3, "B", "");
	test_text("the admin keys change hands", show_to(NULL, true), "2 0 0 0\n");
	fleet_terms(&text, 'A', 2, "B", "");
	fleet_terms(&text, 'B', 3, "B", "");
	test_text("... and the former record stands before the present one", show_to(NULL, true), "0 2 0 0\n");
	fleet_terms(&text, 'B', 3, "B", "");
	fleet_terms(&text, 'A', 4, "A", "");
	test_text("... and behind it is a forgery", show_to(NULL, true),
		  "0 1 0 0\nfleet: not signed by an admin key of this fleet\n");
}

static bool gate_once(const void *data)
{
	const struct fleet_text *all = data;
	struct weft_gate gate = { };
	bool good;

	weft_fleet_free(fleet);
	fleet = fleet_new("A");
	if (!fleet)
		return test_memory_failed();
	good = weft_gate_merge(fleet, all->chars, all->len, NULL, &gate);
	good = test_memory_failed() || (good && gate.merge.accepted == 5);
	weft_gate_free(&gate);
	return good;
}

static void check_memory(void)
{
	begin();
	say_all();
	test_memory_each("the gate with each allocation failing", gate_once, &text);
}

int main(void)
{
	if (sodium_init() < 0)
		test_bail("libsodium");
	check_plain();
	check_early();
	check_own();
	check_lies();
	check_node();
	check_flood();
	check_bundle();
	check_memory();
	weft_fleet_free(fleet);
	fleet_clear(&text);
	return test_end();
}
