// SPDX-License-Identifier: GPL-2.0
/*
 * Records of a fleet: each text that differs from the one form is refused with its reason,
 * a signature covers kind, fleet and payload, and a record that is signed here can be
 * parsed here.
 */
#include <sodium.h>

#include "fleet.h"
#include "memory.h"
#include "support.h"

#define NODE	"\"fleet\":\"prod\",\"node\":\"ant\",\"serial\":1,\"admitted\":1"
#define KEYED	NODE ",\"public_key\":\"" KEY_A "\""
#define PLACED	KEYED ",\"addresses\":[\"10.7.0.1/24\"]"
#define TERMS	"\"fleet\":\"prod\",\"epoch\":1,\"admins\":[\"" KEY_A "\"],\"topology\":\"mesh\""
#define PORTED	TERMS ",\"port\":51820"
#define HELLO	"\"fleet\":\"prod\",\"node\":\"ant\",\"serial\":1,\"generation\":1,\"public_key\":\"" KEY_A "\""
#define WORD63	"abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc"

/* A payload, and the start of the reason for which it is refused; "": it is accepted. */
static const struct payload_case {
	const char *name;
	const char *kind;
	const char *payload;
	const char *reason, *other;
} payloads[] = {
	{ "a small node", "node", "{" PLACED "}", "" },
	{ "small terms", "fleet", "{" PORTED "}", "" },
	{ "a small hello", "hello", "{" HELLO "}", "" },
	{ "keys in another order", "node",
	  "{\"addresses\":[\"10.7.0.1/24\"]," KEYED "}", "" },
	{ "a key that begins with x-", "node", "{" PLACED ",\"x-later\":{\"a\":[1]}}", "" },
	{ "an unknown key", "node", "{" PLACED ",\"later\":1}", "unknown key 'later'" },
	{ "an unknown key with odd bytes", "node", "{" PLACED ",\"\u00e9\\u001b\":1}",
	  "unknown key '" },
	{ "a key of another kind", "node", "{" PLACED ",\"epoch\":1}", "unknown key 'epoch'" },
	{ "a capital X-", "node", "{" PLACED ",\"X-later\":1}", "unknown key 'X-later'" },
	{ "a duplicate key", "node", "{" PLACED ",\"serial\":1}", "a duplicate key" },
	{ "a duplicate x- key", "node", "{" PLACED ",\"x-a\":1,\"x-a\":1}", "a duplicate key" },
	{ "a blank before a value", "node", "{\"hub\": true," PLACED "}", "a duplicate key, white space" },
	{ "a blank at the end", "node", "{" PLACED "} ", "a duplicate key, white space" },
	{ "a carriage return at the end", "node", "{" PLACED "}\r", "a duplicate key, white space" },
	{ "an escape that is not needed", "node", "{" PLACED ",\"x-a\":\"\\u0041\"}", "a duplicate key" },
	{ "an escaped slash", "node", "{" KEYED ",\"addresses\":[\"10.7.0.1\\/24\"]}", "a duplicate key" },
	{ "text after the object", "node", "{" PLACED "}{}", "not a JSON object" },
	{ "an array", "node", "[1]", "not a JSON object" },
	{ "a number", "node", "1", "not a JSON object" },
	{ "null", "node", "null", "not a JSON object" },
	{ "nothing", "node", "", "not a JSON object" },
	{ "a comment", "node", "{" PLACED "/**/}", "not a JSON object" },
	{ "a trailing comma", "node", "{" PLACED ",}", "not a JSON object" },
	{ "single quotes", "node", "{'fleet':'prod'}", "not a JSON object" },
	{ "not UTF-8", "node", "{" PLACED ",\"x-a\":\"\xff\"}", "not a JSON object" },
	{ "half a character of UTF-8", "node", "{" PLACED ",\"x-a\":\"\xc3\"}", "not a JSON object" },
	{ "half a surrogate", "node", "{" PLACED ",\"x-a\":\"\\ud800\"}", "a duplicate key" },
	{ "a zero in a name", "node", "{\"fleet\":\"prod\",\"node\":\"ant\\u0000\"}", "node is not" },
	{ "a zero in an address", "node", "{" KEYED ",\"addresses\":[\"10.7.0.1\\u0000/24\"]}",
	  "addresses is not" },
	{ "deeper than objects go", "node", "{" PLACED ",\"x-a\":[[[[1]]]]}", "not a JSON object" },

	{ "a serial of zero", "node",
	  "{\"fleet\":\"prod\",\"node\":\"ant\",\"serial\":0,\"admitted\":0,\"public_key\":\"" KEY_A
	  "\",\"addresses\":[\"10.7.0.1/24\"]}", "serial is 0" },
	{ "a negative serial", "node", "{\"fleet\":\"prod\",\"node\":\"ant\",\"serial\":-1}", "serial is not" },
	{ "minus zero", "node", "{" PLACED ",\"not_after\":-0}", "a duplicate key" },
	{ "a float", "node", "{\"fleet\":\"prod\",\"node\":\"ant\",\"serial\":1.0}", "serial is not" },
	{ "an exponent", "node", "{\"fleet\":\"prod\",\"node\":\"ant\",\"serial\":1e3}", "serial is not" },
	{ "a number as text", "node", "{\"fleet\":\"prod\",\"node\":\"ant\",\"serial\":\"1\"}", "serial is not" },
	{ "a number as a switch", "node", "{\"fleet\":\"prod\",\"node\":\"ant\",\"serial\":true}", "serial is not" },
	{ "the greatest number", "hello", "{\"fleet\":\"prod\",\"node\":\"ant\",\"serial\":1,\"generation\":9223372036854775806,\"public_key\":\"" KEY_A "\"}", "" },
	{ "more than the greatest number", "hello",
	  "{\"fleet\":\"prod\",\"node\":\"ant\",\"serial\":1,\"generation\":9223372036854775808}",
	  "generation is not" },
	{ "all bits of a number", "hello",
	  "{\"fleet\":\"prod\",\"node\":\"ant\",\"serial\":1,\"generation\":18446744073709551615}",
	  "generation is not" },
	{ "more bits than a number has", "hello",
	  "{\"fleet\":\"prod\",\"node\":\"ant\",\"serial\":1,\"generation\":99999999999999999999}",
	  "a duplicate key", "not a JSON object" },
	{ "a leading zero", "hello", "{\"fleet\":\"prod\",\"node\":\"ant\",\"serial\":01}", "not a JSON object" },
	{ "a port that is too great", "fleet", "{" TERMS ",\"port\":65536}", "port is not" },
	{ "a keepalive that is too great", "fleet", "{" PORTED ",\"keepalive\":65536}", "keepalive is not" },
	{ "an MTU that is too great", "fleet", "{" PORTED ",\"mtu\":65536}", "mtu is not" },
	{ "a window of more than a century", "fleet", "{" PORTED ",\"rotate_window\":3155760001}",
	  "rotate_window is not" },

	{ "no port", "fleet", "{" TERMS "}", "port is missing" },
	{ "no fleet", "fleet", "{\"epoch\":1}", "fleet is missing" },
	{ "no identity and no key", "node", "{" NODE ",\"addresses\":[\"10.7.0.1/24\"]}",
	  "neither identity nor public_key" },
	{ "no address", "node", "{" KEYED "}", "addresses is missing" },
	{ "an empty list of addresses", "node", "{" KEYED ",\"addresses\":[]}", "addresses is not" },
	{ "an empty list of prefixes", "node", "{" PLACED ",\"prefixes\":[]}", "prefixes is not" },
	{ "an empty list of admin keys", "fleet",
	  "{\"fleet\":\"prod\",\"epoch\":1,\"admins\":[]}", "admins is not" },
	{ "admitted after the serial", "node",
	  "{\"fleet\":\"prod\",\"node\":\"ant\",\"serial\":1,\"admitted\":2,\"public_key\":\"" KEY_A
	  "\",\"addresses\":[\"10.7.0.1/24\"]}", "admitted is greater" },
	{ "the next key is the key", "hello", "{" HELLO ",\"next_public_key\":\"" KEY_A "\"}",
	  "next_public_key equals" },
	{ "a key of zeros", "hello",
	  "{\"fleet\":\"prod\",\"node\":\"ant\",\"serial\":1,\"generation\":1,\"public_key\":\"" KEY_NONE "\"}",
	  "public_key is not" },
	{ "a short key", "hello",
	  "{\"fleet\":\"prod\",\"node\":\"ant\",\"serial\":1,\"generation\":1,\"public_key\":\"QUFB\"}",
	  "public_key is not" },
	{ "an odd last character of a key", "node",
	  "{" NODE ",\"public_key\":\"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUF=\"}", "public_key is not" },
	{ "a topology of tomorrow", "fleet",
	  "{\"fleet\":\"prod\",\"epoch\":1,\"admins\":[\"" KEY_A "\"],\"topology\":\"ring\"}", "topology is not" },
	{ "a switch as text", "node", "{" PLACED ",\"hub\":\"true\"}", "hub is not" },
	{ "a switch as a number", "node", "{" PLACED ",\"hub\":1}", "hub is not" },

	{ "an empty name", "node", "{\"fleet\":\"prod\",\"node\":\"\"}", "node is not" },
	{ "a name with capitals", "node", "{\"fleet\":\"prod\",\"node\":\"Ant\"}", "node is not" },
	{ "a name that is a path", "node", "{\"fleet\":\"prod\",\"node\":\"../ant\"}", "node is not" },
	{ "a name of two dots", "node", "{\"fleet\":\"prod\",\"node\":\"..\"}", "node is not" },
	{ "a name of 63 characters", "node",
	  "{\"fleet\":\"prod\",\"node\":\"" WORD63 "\",\"serial\":1,\"admitted\":1,\"public_key\":\"" KEY_A
	  "\",\"addresses\":[\"10.7.0.1/24\"]}", "" },
	{ "a name of 64 characters", "node", "{\"fleet\":\"prod\",\"node\":\"" WORD63 "d\"}", "node is not" },
	{ "a fleet of 16 characters", "node", "{\"fleet\":\"abcdefghijklmnop\"}", "fleet is not" },
	{ "a fleet with a slash", "node", "{\"fleet\":\"a/b\"}", "fleet is not" },
	{ "a fleet of two dots", "node", "{\"fleet\":\"..\"}", "fleet is not" },
	{ "a fleet with a line", "node", "{\"fleet\":\"a\\nb\"}", "fleet is not" },
	{ "a group with a blank", "node", "{" PLACED ",\"groups\":[\"a b\"]}", "groups is not" },

	{ "a prefix with host bits", "node", "{" PLACED ",\"prefixes\":[\"10.9.0.1/24\"]}", "prefixes is not" },
	{ "a prefix that is too long", "node", "{" PLACED ",\"prefixes\":[\"10.9.0.0/33\"]}", "prefixes is not" },
	{ "a prefix with a sign", "node", "{" PLACED ",\"prefixes\":[\"-10.9.0.0/24\"]}", "prefixes is not" },
	{ "a prefix with a zone", "node", "{" PLACED ",\"prefixes\":[\"fe80::%eth0/64\"]}", "prefixes is not" },
	{ "a default route", "node", "{" PLACED ",\"prefixes\":[\"0.0.0.0/0\",\"::/0\"]}", "" },
	{ "a prefix that is a number", "node", "{" PLACED ",\"prefixes\":[10]}", "prefixes is not" },
	{ "prefixes that are no list", "node", "{" PLACED ",\"prefixes\":\"10.9.0.0/24\"}", "prefixes is not" },

	{ "endpoints", "node",
	  "{" PLACED ",\"endpoints\":[\"ant.example:1\",\"192.0.2.1:65535\",\"[2001:db8::1]:2\",\"[fe80::1%eth0]:3\"]}", "" },
	{ "an endpoint without a port", "node", "{" PLACED ",\"endpoints\":[\"ant.example\"]}", "endpoints is not" },
	{ "an endpoint with port 0", "node", "{" PLACED ",\"endpoints\":[\"ant.example:0\"]}", "endpoints is not" },
	{ "an endpoint with a great port", "node", "{" PLACED ",\"endpoints\":[\"ant.example:65536\"]}", "endpoints is not" },
	{ "an endpoint without a host", "node", "{" PLACED ",\"endpoints\":[\":1\"]}", "endpoints is not" },
	{ "an endpoint of brackets", "node", "{" PLACED ",\"endpoints\":[\"[]:1\"]}", "endpoints is not" },
	{ "an endpoint with a name in brackets", "node", "{" PLACED ",\"endpoints\":[\"[ant]:1\"]}", "endpoints is not" },
	{ "an endpoint with an open bracket", "node", "{" PLACED ",\"endpoints\":[\"ant]:1\"]}", "endpoints is not" },
	{ "an endpoint with a percent sign", "node", "{" PLACED ",\"endpoints\":[\"a%b:1\"]}", "endpoints is not" },
	{ "an endpoint with two colons", "node", "{" PLACED ",\"endpoints\":[\"2001:db8::1:1\"]}", "endpoints is not" },
	{ "an endpoint with a comma", "node", "{" PLACED ",\"endpoints\":[\"a,b:1\"]}", "endpoints is not" },
	{ "an endpoint with a line", "node", "{" PLACED ",\"endpoints\":[\"a\\nPostUp=x:1\"]}", "endpoints is not" },

	{ "sightings", "hello", "{" HELLO ",\"x-seen\":[\"ant=192.0.2.1:5\",\"bee=[2001:db8::1]:5\"]}", "" },
	{ "sightings in a node's record are ignored", "node", "{" PLACED ",\"x-seen\":[1]}", "" },
	{ "sightings, sorted by name and not by text", "hello", "{" HELLO ",\"x-seen\":[\"a=192.0.2.1:5\",\"a-b=192.0.2.1:5\"]}", "" },
	{ "sightings, sorted by text and not by name", "hello", "{" HELLO ",\"x-seen\":[\"a-b=192.0.2.1:5\",\"a=192.0.2.1:5\"]}",
	  "x-seen is not" },
	{ "two sightings of a node", "hello", "{" HELLO ",\"x-seen\":[\"ant=192.0.2.1:5\",\"ant=192.0.2.2:5\"]}", "x-seen is not" },
	{ "no sighting", "hello", "{" HELLO ",\"x-seen\":[]}", "x-seen is not" },
	{ "a sighting that is a number", "hello", "{" HELLO ",\"x-seen\":[1]}", "x-seen is not" },
	{ "sightings that are an object", "hello", "{" HELLO ",\"x-seen\":{\"ant\":\"192.0.2.1:5\"}}", "x-seen is not" },
	{ "a sighting without a name", "hello", "{" HELLO ",\"x-seen\":[\"192.0.2.1:5\"]}", "x-seen is not" },
	{ "a sighting of an empty name", "hello", "{" HELLO ",\"x-seen\":[\"=192.0.2.1:5\"]}", "x-seen is not" },
	{ "a sighting of a bad name", "hello", "{" HELLO ",\"x-seen\":[\"../x=192.0.2.1:5\"]}", "x-seen is not" },
	{ "a sighting of a name of 63 characters", "hello", "{" HELLO ",\"x-seen\":[\"" WORD63 "=192.0.2.1:5\"]}", "" },
	{ "a sighting of a name of 64 characters", "hello", "{" HELLO ",\"x-seen\":[\"" WORD63 "d=192.0.2.1:5\"]}", "x-seen is not" },
	{ "a sighting at a host's name", "hello", "{" HELLO ",\"x-seen\":[\"ant=ant.example:5\"]}", "x-seen is not" },
	{ "a sighting without a port", "hello", "{" HELLO ",\"x-seen\":[\"ant=192.0.2.1\"]}", "x-seen is not" },
	{ "a sighting at port 0", "hello", "{" HELLO ",\"x-seen\":[\"ant=192.0.2.1:0\"]}", "x-seen is not" },
	{ "a sighting with a zone", "hello", "{" HELLO ",\"x-seen\":[\"ant=[fe80::1%eth0]:5\"]}", "x-seen is not" },
	{ "a sighting with a comma", "hello", "{" HELLO ",\"x-seen\":[\"ant=192.0.2.1:5,192.0.2.2:5\"]}", "x-seen is not" },
	{ "a sighting with a line", "hello", "{" HELLO ",\"x-seen\":[\"ant=192.0.2.1:5\\nPostUp=x:1\"]}", "x-seen is not" },
	{ "a sighting with a zero", "hello", "{" HELLO ",\"x-seen\":[\"ant=192.0.2.1:5\\u0000\"]}", "x-seen is not" },

	{ "revocations that are not sorted", "fleet", "{" PORTED ",\"revoked\":{\"b\":1,\"a\":1}}", "revoked is not" },
	{ "revocations that are a list", "fleet", "{" PORTED ",\"revoked\":[\"a\"]}", "revoked is not" },
	{ "a revocation of a bad name", "fleet", "{" PORTED ",\"revoked\":{\"A\":1}}", "revoked is not" },
	{ "a revocation with a negative serial", "fleet", "{" PORTED ",\"revoked\":{\"a\":-1}}", "revoked is not" },
	{ "a proof of one part", "hello", "{" HELLO ",\"proof\":[\"" KEY_A "\"]}", "proof is not" },
	{ "a proof that is text", "hello", "{" HELLO ",\"proof\":\"" KEY_A "\"}", "proof is not" },
};

static struct weft_fleet_record *parse(const struct fleet_text *text, struct weft_refusal *why)
{
	return weft_fleet_record_parse(text->chars, text->len - 1, why);
}

static void check_payload(const struct payload_case *test)
{
	const struct weft_key seed = fleet_seed('a');
	struct fleet_text text = { };
	struct weft_refusal why = { };
	struct weft_fleet_record *record;
	const char *reason = test->reason;

	fleet_add_signed(&text, &seed, test->kind, "prod", test->payload, strlen(test->payload));
	record = parse(&text, &why);
	if (test->other && !strncmp(why.text, test->other, strlen(test->other)))
		reason = test->other;
	why.text[strnlen(why.text, strlen(reason))] = '\0';
	if (*reason)
		test_text(test->name, record ? "accepted" : why.text, reason);
	else
		test_ok(record, test->name);
	weft_fleet_record_free(record);
	fleet_clear(&text);
}


/* Lines: the words in front of the payload. */

static const char *reason_of(const char *line, size_t len)
{
	static struct weft_refusal why;
	struct weft_fleet_record *record = weft_fleet_record_parse(line, len, &why);

	if (!record)
		return why.text;
	weft_fleet_record_free(record);
	return "accepted";
}

static void check_line(const char *name, const char *line, const char *reason)
{
	test_text(name, reason_of(line, strlen(line)), reason);
}

static void check_lines(void)
{
	char *blob = calloc(1, 10 << 20);
	struct fleet_text text = { };

	check_line("an empty line", "", "not a record of weft");
	check_line("another word", "hello world", "not a record of weft");
	check_line("a later version", "weft-fleet/2 node a b c", "a record of another version than weft-fleet/1");
	check_line("a version with more digits", "weft-fleet/10 node a b c",
		   "a record of another version than weft-fleet/1");
	check_line("an unknown kind", "weft-fleet/1 group a b c", "an unknown kind of record");
	check_line("two blanks", "weft-fleet/1  node a b c", "an unknown kind of record");
	check_line("a signer that is no key", "weft-fleet/1 node a b c", "the signer is not a key");
	check_line("no signature", "weft-fleet/1 node " KEY_A, "the signer is not a key");
	check_line("a short signature", "weft-fleet/1 node " KEY_A " abc {}", "the signature has another form");
	fleet_node(&text, 'A', "ant", 1, 1, 'a', "10.7.0.1", "");
	test_text("a byte order mark", reason_of("\xef\xbb\xbf", 3), "not a record of weft");
	text.chars[text.len - 3] = '\0';
	test_text("a zero byte", reason_of(text.chars, text.len - 1), "a zero byte is in it");
	memset(blob, 'a', 10 << 20);
	test_text("a line of 10 MB", reason_of(blob, 10 << 20), "longer than 16384 bytes, or 131072 of a record of the fleet");
	fleet_clear(&text);
	free(blob);
}

/* A part of a record is no record, from either end; and one changed bit makes no valid one. */
static void check_damage(void)
{
	const struct weft_key key = fleet_signer('A');
	struct weft_fleet_record *record;
	struct weft_refusal why;
	struct fleet_text text = { };
	size_t i, good = 0;
	char *copy;

	fleet_node(&text, 'A', "ant", 1, 1, 'a', "10.7.0.1", ",\"hub\":true");
	for (i = 0; i < text.len - 1; i++) {
		copy = strndup(text.chars, i);
		good += !strcmp(reason_of(copy, i), "accepted");
		free(copy);
		good += i && !strcmp(reason_of(text.chars + i, text.len - 1 - i), "accepted");
	}
	test_ok(!good, "no part of a record is a record");
	for (i = 0; i < 8 * (text.len - 1); i++) {
		text.chars[i / 8] ^= 1 << i % 8;
		record = parse(&text, &why);
		good += record && weft_fleet_record_verify(record, &key);
		weft_fleet_record_free(record);
		text.chars[i / 8] ^= 1 << i % 8;
	}
	test_ok(!good, "one changed bit ends the signature");
	record = parse(&text, &why);
	test_ok(record && weft_fleet_record_verify(record, &key), "the record itself is valid");
	weft_fleet_record_free(record);
	fleet_clear(&text);
}

static bool verifies(const struct fleet_text *text, char signer)
{
	const struct weft_key key = fleet_signer(signer);
	struct weft_refusal why;
	struct weft_fleet_record *record = parse(text, &why);
	bool good = record && weft_fleet_record_verify(record, &key);

	weft_fleet_record_free(record);
	return good;
}

/* The domain: kind and fleet. */
static void check_domain(void)
{
	static const char payload[] = "{\"fleet\":\"prod\",\"node\":\"ant\",\"serial\":1,\"generation\":1,\"public_key\":\"" KEY_A "\"}";
	const struct weft_key seed = fleet_seed('a');
	struct fleet_text text = { };
	char *word;

	fleet_add_signed(&text, &seed, "hello", "prod", payload, strlen(payload));
	test_ok(verifies(&text, 'a'), "signed for this fleet");
	test_ok(!verifies(&text, 'b'), "another key has not signed it");
	fleet_clear(&text);
	fleet_add_signed(&text, &seed, "hello", "test", payload, strlen(payload));
	test_ok(!verifies(&text, 'a'), "a signature of another fleet");
	fleet_clear(&text);
	/* The same payload is one of a node, too. */
	fleet_node(&text, 'a', "ant", 1, 1, 'a', "10.7.0.1", "");
	word = strstr(text.chars, " node ");
	memcpy(word, " hell ", 6);
	test_ok(!verifies(&text, 'a'), "a signature of another kind");
	fleet_clear(&text);
}

static void check_proofs(void)
{
	const struct weft_key seed = fleet_seed('t'), key = fleet_tunnel('t'), other = fleet_tunnel('u');
	struct weft_proof proof, forged;
	struct weft_key none = { };

	weft_proof_make(&proof, &seed, "prod", "ant");
	test_ok(weft_proof_check(&proof, &key, "prod", "ant"), "a proof of a tunnel key");
	test_ok(!weft_proof_check(&proof, &other, "prod", "ant"), "of another tunnel key");
	test_ok(!weft_proof_check(&proof, &key, "prod", "bee"), "by another node");
	test_ok(!weft_proof_check(&proof, &key, "test", "ant"), "for another fleet");
	forged = proof;
	forged.signer.bytes[31] ^= 0x80;
	test_ok(!weft_proof_check(&forged, &key, "prod", "ant"), "the negative point has the same tunnel key, and signs nothing");
	memset(&forged, 0, sizeof(forged));
	test_ok(!weft_proof_check(&forged, &none, "prod", "ant"), "a proof of zeros proves no key of zeros");
	forged.signer.bytes[0] = 1;
	test_ok(!weft_proof_check(&forged, &none, "prod", "ant"), "nor does the neutral point");
}

/* Signing. */

static struct weft_fleet_record *terms_of(size_t revoked)
{
	struct weft_fleet_record *record = calloc(1, sizeof(*record));
	const struct weft_key key = fleet_signer('A');
	size_t i;

	record->kind = WEFT_FLEET_TERMS;
	snprintf(record->fleet, sizeof(record->fleet), "prod");
	record->number = 1;
	weft_keys_add(&record->admins, &key);
	record->revoked.items = calloc(revoked + 1, sizeof(*record->revoked.items));
	for (i = 0; i < revoked; i++) {
		snprintf(record->revoked.items[i].node, sizeof(record->revoked.items[i].node), "%c%c%c",
			 'a' + (int)(i / 676), 'a' + (int)(i / 26 % 26), 'a' + (int)(i % 26));
		record->revoked.items[i].serial = 1;
	}
	record->revoked.count = revoked;
	return record;
}

static bool signs(struct weft_fleet_record *record)
{
	const struct weft_key seed = fleet_seed('A');
	bool good = weft_fleet_record_sign(record, &seed);

	good = good && !strcmp(reason_of(record->line, record->len), "accepted");
	weft_fleet_record_free(record);
	return good;
}

static void check_signing(void)
{
	const struct weft_key seed = fleet_seed('A');
	struct weft_fleet_record *record = terms_of(1);

	test_ok(signs(terms_of(1024)), "1024 revocations are signed");
	test_ok(weft_fleet_record_sign(record, &seed), "terms are signed");
	weft_fleet_record_free(record);
	record = terms_of(1025);
	test_ok(!weft_fleet_record_sign(record, &seed), "a record that no reader takes is not signed: 1025 revocations");
	weft_fleet_record_free(record);
	record = terms_of(0);
	record->number = (__u64)INT64_MAX + 1;
	test_ok(!weft_fleet_record_sign(record, &seed), "a number that no reader takes is not signed");
	weft_fleet_record_free(record);
}

/* With an allocation failing, a record is refused or complete, and nothing is lost. */
static bool parse_once(const void *data)
{
	const struct fleet_text *text = data;
	struct weft_refusal why;
	struct weft_fleet_record *record = parse(text, &why), *copy = NULL;
	const struct weft_key seed = fleet_seed('A');
	bool good = record || test_memory_failed();

	if (record) {
		copy = weft_fleet_record_copy(record);
		good = (copy && weft_fleet_record_says_same(record, copy)) || test_memory_failed();
		good = (weft_fleet_record_sign(record, &seed) || test_memory_failed()) && good;
		good = good && record->line && record->len == strlen(record->line);
	}
	weft_fleet_record_free(copy);
	weft_fleet_record_free(record);
	return good;
}

static void check_memory(void)
{
	struct fleet_text text = { };

	fleet_node(&text, 'A', "ant", 2, 1, 'a', "10.7.0.1",
		   ",\"prefixes\":[\"10.9.0.0/24\",\"fd00::/64\"],\"groups\":[\"east\",\"west\"],\"hub\":true,\"endpoints\":[\"ant.example:1\"],\"not_after\":9,\"x-a\":{}");
	test_memory_each("a node with each allocation failing", parse_once, &text);
	fleet_clear(&text);
	fleet_terms(&text, 'A', 3, "AB", ",\"revoked\":{\"ant\":1,\"bee\":2},\"mtu\":1420");
	test_memory_each("terms with each allocation failing", parse_once, &text);
	fleet_clear(&text);
	fleet_hello(&text, 'a', "ant", 2, 1, 't', ",\"port\":5,\"endpoints\":[\"192.0.2.1:5\"]");
	test_memory_each("a hello with each allocation failing", parse_once, &text);
	fleet_clear(&text);
}

int main(void)
{
	size_t i;

	if (sodium_init() < 0)
		test_bail("libsodium");
	for (i = 0; i < ARRAY_SIZE(payloads); i++)
		check_payload(&payloads[i]);
	check_lines();
	check_damage();
	check_domain();
	check_proofs();
	check_signing();
	check_memory();
	return test_end();
}
