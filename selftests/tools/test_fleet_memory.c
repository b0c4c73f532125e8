// SPDX-License-Identifier: GPL-2.0
/* The memory of a node: a text and back, and damaged texts, each of which is refused. */
#include <sodium.h>

#include "fleet.h"
#include "memory.h"
#include "support.h"

static char *text_of(const struct weft_fleet *fleet, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);
	bool good = weft_memory_write(out, fleet);

	fclose(out);
	if (good)
		return text;
	free(text);
	return NULL;
}

/* All that a memory has: older terms, revocations, keys, nodes, hellos. */
static struct weft_fleet *full(void)
{
	struct weft_fleet *fleet = fleet_new("A");
	struct weft_merge merge = { };
	struct fleet_text text = { };
	struct weft_key key = fleet_tunnel('t');

	fleet_terms(&text, 'A', 1, "A", "");
	fleet_terms(&text, 'A', 2, "AB", ",\"revoked\":{\"bee\":1,\"zoe\":7}");
	if (!weft_fleet_merge(fleet, text.chars, text.len, &merge))
		test_bail("merge");
	fleet_terms(&text, 'B', 3, "B", "");
	fleet_node(&text, 'B', "ant", 3, 2, 'a', "10.7.0.1", ",\"prefixes\":[\"fd00::/64\"]");
	fleet_node(&text, 'B', "bee", 2, 2, 'b', "10.7.0.2", "");
	fleet_hello(&text, 'a', "ant", 2, 4, 't', "");
	weft_merge_free(&merge);
	if (!weft_fleet_merge(fleet, text.chars, text.len, &merge))
		test_bail("merge");
	weft_merge_free(&merge);
	weft_keys_add(&weft_fleet_find(fleet, "ant")->made, &key);
	weft_keys_add(&weft_fleet_find(fleet, "bee")->former, &key);
	fleet_clear(&text);
	return fleet;
}

static void check_round_trip(void)
{
	struct weft_fleet *fleet = full(), *again;
	struct weft_refusal why = { };
	size_t len, len2;
	char *text = text_of(fleet, &len), *text2;

	again = weft_memory_read("prod", text, len, &why);
	test_text("a memory is read", why.text, "");
	text2 = again ? text_of(again, &len2) : strdup("");
	test_text("... and written as it was", text2, text);
	test_ok(again && weft_fleet_epoch(again) == 3 && again->trust.count == 1 &&
		weft_fleet_find(again, "zoe")->revoked == 7 && weft_member_is_in(weft_fleet_find(again, "ant")),
		"... with epoch, trust and revocations");
	weft_fleet_free(again);
	test_ok(!weft_memory_read("test", text, len, &why), "it is of no other fleet");
	free(text2);
	free(text);
	weft_fleet_free(fleet);
}

/* A node may have seen a hello beyond the bound of generations before there was one. */
static void check_beyond(void)
{
	struct weft_fleet *fleet = full(), *again;
	struct weft_refusal why = { };
	char *text, *at, *grown;
	size_t len;

	text = text_of(fleet, &len);
	at = strstr(text, "\"generation\":4,");
	if (!at || asprintf(&grown, "%.*s\"generation\":9223372036854775806,%s", (int)(at - text), text,
			    at + strlen("\"generation\":4,")) < 0)
		test_bail("the hello of the memory");
	again = weft_memory_read("prod", grown, strlen(grown), &why);
	test_text("a memory with a hello beyond the last generation is read", why.text, "");
	test_ok(again && weft_fleet_find(again, "ant")->hello->number == 9223372036854775806ULL, "... and has it");
	weft_fleet_free(again);
	free(grown);
	free(text);
	weft_fleet_free(fleet);
}

/* The keys of peers follow the interface: by themselves they are no change. */
static void check_same(void)
{
	struct weft_fleet *fleet = full();
	struct weft_key key = fleet_tunnel('x');
	size_t len;
	char *text = text_of(fleet, &len), *other;

	weft_keys_free(&weft_fleet_find(fleet, "bee")->former);
	weft_keys_add(&weft_fleet_find(fleet, "bee")->made, &key);
	other = text_of(fleet, &len);
	test_ok(strcmp(text, other) && weft_memory_has_same_records(text, other),
		"other keys of peers are the same records");
	free(other);
	weft_fleet_find(fleet, "zoe")->revoked = 8;
	other = text_of(fleet, &len);
	test_ok(!weft_memory_has_same_records(text, other), "another revocation is not");
	free(other);
	weft_fleet_find(fleet, "zoe")->revoked = 7;
	weft_fleet_record_free(weft_fleet_find(fleet, "ant")->hello);
	weft_fleet_find(fleet, "ant")->hello = NULL;
	other = text_of(fleet, &len);
	test_ok(!weft_memory_has_same_records(text, other), "a hello less is not");
	free(other);
	free(text);
	weft_fleet_free(fleet);
}

static bool refused(const char *text, size_t len)
{
	struct weft_refusal why;
	/* Without a zero behind it, so that a read beyond it is seen. */
	char *copy = malloc(len ? len : 1);
	struct weft_fleet *fleet;

	memcpy(copy, text, len);
	fleet = weft_memory_read("prod", copy, len, &why);
	free(copy);
	weft_fleet_free(fleet);
	return !fleet;
}

static void check_damage(void)
{
	struct weft_fleet *fleet = full();
	char *line, *end, *text;
	size_t i, len, bad = 0;

	text = text_of(fleet, &len);
	for (i = 0; i < len; i++)
		bad += !refused(text, i);
	test_ok(!bad, "a memory that was cut, at any place, is refused");
	for (i = 1, bad = 0; i < len; i++)
		bad += !refused(text + i, len - i);
	test_ok(!bad, "a memory without its start is refused");
	for (i = 0, bad = 0; i < len; i++) {
		char was = text[i];

		text[i] = '\0';
		bad += !refused(text, len);
		text[i] = was;
	}
	test_ok(!bad, "a zero at any place is refused");
	for (line = text; (end = strchr(line, '\n')) && end[1]; line = end + 1) {
		char was = *line;

		*line = '#';
		test_ok(refused(text, len), "a line with another first character is refused");
		*line = was;
	}
	free(text);
	weft_fleet_free(fleet);
}

static void check_texts(void)
{
	static const char * const texts[] = {
		"", "\n", "end\n", "weft-fleet-memory/2 {}\nend\n", "weft-fleet-memory/1 \nend\n",
		"weft-fleet-memory/1 {\"fleet\":\"prod\"}\nend\n",
		"weft-fleet-memory/1 {\"fleet\":\"prod\",\"trust\":[]}\nend\n",
		"weft-fleet-memory/1 {\"fleet\":\"prod\",\"trust\":[\"" KEY_A "\"]}\n",
		"weft-fleet-memory/1 {\"fleet\":\"prod\",\"trust\":[\"" KEY_A "\"]}\nmade ant\nend\n",
		"weft-fleet-memory/1 {\"fleet\":\"prod\",\"trust\":[\"" KEY_A "\"]}\nmade ant x\nend\n",
		"weft-fleet-memory/1 {\"fleet\":\"prod\",\"trust\":[\"" KEY_A "\"]}\nmade ../ant " KEY_A "\nend\n",
		"weft-fleet-memory/1 {\"fleet\":\"prod\",\"trust\":[\"" KEY_A "\"]}\nmade " KEY_A "\nend\n",
		"weft-fleet-memory/1 {\"fleet\":\"prod\",\"trust\":[\"" KEY_A "\"]}\n\nend\n",
		"weft-fleet-memory/1 {\"fleet\":\"prod\",\"trust\":[\"" KEY_A "\"]}\nend\nend\n",
	};
	static const char small[] = "weft-fleet-memory/1 {\"fleet\":\"prod\",\"trust\":[\"" KEY_A
				    "\"]}\nmade ant " KEY_A "\nend\n";
	size_t i;

	for (i = 0; i < ARRAY_SIZE(texts); i++)
		test_ok(refused(texts[i], strlen(texts[i])), texts[i][0] ? "a damaged memory" : "an empty memory");
	test_ok(!refused(small, strlen(small)), "the smallest memory");
}

/* With an allocation failing: a complete memory, or none. */
static bool read_once(const void *data)
{
	const struct fleet_text *text = data;
	struct weft_refusal why;
	struct weft_fleet *fleet = weft_memory_read("prod", text->chars, text->len, &why);
	bool good = fleet || test_memory_failed();
	char *again;
	size_t len;

	if (fleet) {
		again = text_of(fleet, &len);
		good = again ? len == text->len && !memcmp(again, text->chars, len) : test_memory_failed();
		free(again);
	}
	weft_fleet_free(fleet);
	return good;
}

static void check_memory(void)
{
	struct weft_fleet *fleet = full();
	struct fleet_text text = { };

	text.chars = text_of(fleet, &text.len);
	test_memory_each("read and written with each allocation failing", read_once, &text);
	fleet_clear(&text);
	weft_fleet_free(fleet);
}

int main(void)
{
	if (sodium_init() < 0)
		test_bail("libsodium");
	check_round_trip();
	check_beyond();
	check_same();
	check_damage();
	check_texts();
	check_memory();
	return test_end();
}
