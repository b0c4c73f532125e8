// SPDX-License-Identifier: GPL-2.0
/* A node's own keys: their text, damaged texts, and the hello, whose generation only goes up. */
#include <sodium.h>

#include "fleet.h"
#include "fleet/self.h"
#include "memory.h"
#include "support.h"

static struct weft_fleet *fleet;
static struct fleet_text text;

static struct weft_self *new_self(void)
{
	struct weft_self *self = calloc(1, sizeof(*self));
	struct weft_key admin = fleet_signer('A');

	snprintf(self->fleet, sizeof(self->fleet), "prod");
	snprintf(self->node, sizeof(self->node), "ant");
	self->identity = fleet_seed('a');
	self->tunnel = fleet_seed('t');
	weft_keys_add(&self->trust, &admin);
	return self;
}

static void take(void)
{
	struct weft_merge merge = { };

	if (!weft_fleet_merge(fleet, text.chars, text.len, &merge) || merge.refused_count)
		test_bail("the test's own records are refused");
	weft_merge_free(&merge);
	fleet_clear(&text);
}

static void begin(void)
{
	weft_fleet_free(fleet);
	fleet = fleet_new("A");
	fleet_terms(&text, 'A', 1, "A", "");
	take();
}

/* "SERIAL.GENERATION" of the hello, which the fleet takes in, or "none". */
static const char *greet(struct weft_self *self)
{
	struct weft_fleet_record *record;
	static struct weft_refusal why;
	static char outcome[64];

	if (!weft_self_greet(self, fleet))
		return "failed";
	if (!self->hello)
		return "none";
	record = weft_fleet_record_parse(self->hello, strlen(self->hello), &why);
	if (!record)
		return why.text;
	snprintf(outcome, sizeof(outcome), "%llu.%llu", (unsigned long long)record->serial,
		 (unsigned long long)record->number);
	weft_fleet_record_free(record);
	return outcome;
}

static void remember(const struct weft_self *self)
{
	fleet_add(&text, self->hello, strlen(self->hello));
	fleet_add(&text, "\n", 1);
	take();
}

static void check_generations(void)
{
	struct weft_self *self = new_self();

	begin();
	test_text("no serial, no hello", greet(self), "none");
	self->serial = 1;
	test_text("the first hello", greet(self), "1.1");
	test_text("... is not renewed", greet(self), "1.1");
	fleet_node(&text, 'A', "ant", 1, 1, 'a', "10.7.0.1", "");
	take();
	test_text("the node's record changes nothing", greet(self), "1.1");
	remember(self);
	self->port = 5;
	test_text("another port", greet(self), "1.2");
	fleet_node(&text, 'A', "ant", 2, 1, 'a', "10.7.0.1", ",\"hub\":true");
	take();
	test_text("a later serial of the same admission", greet(self), "1.2");
	fleet_node(&text, 'A', "ant", 3, 3, 'a', "10.7.0.1", "");
	take();
	test_text("a new admission", greet(self), "3.3");
	remember(self);
	weft_self_free(self);
}

/* A backup of the state folder has older numbers than the fleet. */
static void check_restored(void)
{
	struct weft_self *self = new_self(), *backup = new_self();

	begin();
	fleet_node(&text, 'A', "ant", 1, 1, 'a', "10.7.0.1", "");
	take();
	greet(self);
	greet(backup);
	remember(self);
	test_text("the same hello in both", greet(backup), "1.1");
	self->tunnel = fleet_seed('u');
	greet(self);
	remember(self);
	self->port = 7;
	test_text("the machine goes on", greet(self), "1.3");
	remember(self);
	test_text("the restored one goes beyond", greet(backup), "1.4");
	remember(backup);
	test_text("... and stays there", greet(backup), "1.4");
	weft_self_free(self);
	weft_self_free(backup);
}

/* A machine with a copy of the identity signs the last number: the folder stays readable. */
static void check_spent(void)
{
	struct weft_merge merge = { };
	struct weft_refusal why = { };
	struct weft_self *self = new_self(), *again;
	char *chars;

	begin();
	fleet_node(&text, 'A', "ant", 1, 1, 'a', "10.7.0.1", "");
	take();
	test_text("a first hello", greet(self), "1.1");
	fleet_hello(&text, 'a', "ant", 1, WEFT_FLEET_GENERATION_MAX + 1, 't', "");
	fleet_hello(&text, 'a', "ant", 1, WEFT_FLEET_GENERATION_MAX, 't', "");
	if (!weft_fleet_merge(fleet, text.chars, text.len, &merge))
		test_bail("merge");
	fleet_clear(&text);
	test_ok(merge.refused_count == 1 && merge.accepted == 1, "a generation beyond the last one is refused");
	weft_merge_free(&merge);
	self->port = 6000;
	test_ok(weft_self_is_spent(self, fleet), "an identity whose last generation was seen");
	test_text("... keeps its hello", greet(self), "1.1");
	chars = weft_self_text(self);
	again = weft_self_read("prod", chars, strlen(chars), &why);
	test_ok(again, "... in a state that can be read");
	weft_self_free(again);
	free(chars);
	weft_self_free(self);
}

static bool refused(const char *some, size_t len)
{
	struct weft_refusal why;
	char *copy = malloc(len + 1);
	struct weft_self *self;

	memcpy(copy, some, len);
	self = weft_self_read("prod", copy, len, &why);
	free(copy);
	weft_self_free(self);
	return !self;
}

static void check_texts(void)
{
	struct weft_self *self = new_self(), *again;
	struct weft_refusal why = { };
	char *written, *rewritten;
	size_t i, bad = 0;

	begin();
	self->serial = 1;
	self->next = fleet_seed('n');
	self->previous = fleet_seed('p');
	snprintf(self->rotation, sizeof(self->rotation), "r1");
	greet(self);
	written = weft_self_text(self);
	again = weft_self_read("prod", written, strlen(written), &why);
	test_text("the keys are read", why.text, "");
	rewritten = weft_self_text(again);
	test_text("... and written as they were", rewritten, written);
	for (i = 0; i < strlen(written) - 1; i++)
		bad += !refused(written, i);
	test_ok(!bad, "keys that were cut, at any place, are refused");
	test_ok(refused("", 0), "an empty file is no new node");
	test_ok(!weft_self_read("test", written, strlen(written), &why), "keys of another fleet are refused");
	self->tunnel_raw = fleet_seed('r');
	free(written);
	written = weft_self_text(self);
	test_ok(refused(written, strlen(written)), "two tunnel keys are refused");
	free(written);
	free(rewritten);
	weft_self_free(again);
	weft_self_free(self);
}

/* With an allocation failing: the former hello, or the next one, and never half of one. */
static bool greet_once(const void *data)
{
	struct weft_self *self;
	struct weft_refusal why;
	struct weft_fleet_record *record;
	bool good, whole;

	(void)data;
	test_memory_spare();
	self = new_self();
	self->serial = 1;
	weft_self_greet(self, fleet);
	self->port = 8;
	test_memory_spare_end();
	good = weft_self_greet(self, fleet);
	test_memory_spare();
	record = weft_fleet_record_parse(self->hello, strlen(self->hello), &why);
	whole = record && record->number == self->generation && (!good || record->port == 8 || test_memory_failed());
	weft_fleet_record_free(record);
	weft_self_free(self);
	test_memory_spare_end();
	return whole && (good || test_memory_failed());
}

int main(void)
{
	if (sodium_init() < 0)
		test_bail("libsodium");
	check_generations();
	check_restored();
	check_texts();
	check_spent();
	begin();
	test_memory_each("a hello with each allocation failing", greet_once, NULL);
	weft_fleet_free(fleet);
	fleet_clear(&text);
	return test_end();
}
