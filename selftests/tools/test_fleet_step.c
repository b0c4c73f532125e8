// SPDX-License-Identifier: GPL-2.0
/*
 * Steps of the agent with real records, keys and files, on a machine whose links cannot be read: each apply fails, and all else
 * goes on. Node ant, and bee, of fleet prod.
 */
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fleet.h"
#include "fleet_node.h"
#include "conf/setting.h"
#include "fleet/folder.h"
#include "fleet/last.h"
#include "fleet/phase.h"
#include "fleet/step.h"
#include "support.h"

#define NOW	1800000000LL
#define DAY	86400

static char state[] = "/tmp/weft-step-XXXXXX";
static struct weft_step step;
static struct fleet_text text;
static char said[65536];

static void prepare(struct test_bench *bench, __s64 now)
{
	test_bench_start(bench, "");
	bench->ctx.host = &fleet_node_host;
	bench->ctx.state = state;
	bench->ctx.now = now;
}

static void finish(struct test_bench *bench)
{
	test_bench_flush(bench);
	snprintf(said, sizeof(said), "%s", bench->err);
	test_bench_end(bench);
}

/* The node's state at the end of a step; to be freed. */
static struct weft_self *self_of(void)
{
	struct weft_folder folder;
	struct test_bench bench;
	struct weft_self *self;

	prepare(&bench, NOW);
	if (!weft_folder_read(&folder, &bench.ctx, "prod", WEFT_FOLDER_UNLOCKED) || !folder.self)
		test_bail("the state cannot be read");
	self = folder.self;
	folder.self = NULL;
	weft_folder_free(&folder);
	finish(&bench);
	return self;
}

static const char *rotation(void)
{
	struct weft_self *self = self_of();
	const char *name = weft_self_rotation_name(self);

	weft_self_free(self);
	return name;
}

static __u64 grace_until(void)
{
	struct weft_self *self = self_of();
	__u64 until = self->grace_until;

	weft_self_free(self);
	return until;
}

static void new_node(void)
{
	const struct weft_key tunnel = fleet_seed('t');
	struct test_bench bench;

	weft_step_free(&step);
	prepare(&bench, NOW);
	unlink("prod/memory");
	unlink("prod/self");
	fleet_node_create(&bench.ctx, "ant", &tunnel, NOW - 10);
	finish(&bench);
}

/* What the last step has told. */
static char told[1024];

/* A step at NOW + @at with the lines of @text, which is cleared. */
static bool take_step(__s64 at)
{
	struct weft_folder folder;
	struct test_bench bench;
	bool good;

	prepare(&bench, NOW + at);
	if (!weft_folder_read(&folder, &bench.ctx, "prod", WEFT_FOLDER_LOCKED))
		test_bail("the state cannot be read");
	step.text = text.chars;
	step.len = text.len;
	good = weft_step(&folder, &step);
	step.all = false;
	fleet_clear(&text);
	weft_folder_free(&folder);
	test_bench_flush(&bench);
	snprintf(told, sizeof(told), "%s", bench.err);
	finish(&bench);
	return good;
}

/* The clock is set by @jump, a second after the last step, which was at NOW + @at. */
static void set_clock(__s64 at, __s64 jump)
{
	step.jump = jump;
	take_step(at + 1 + jump);
}

static void say_fleet(unsigned int epoch, const char *terms, const char *node)
{
	fleet_terms(&text, 'A', epoch, "A", terms);
	fleet_node(&text, 'A', "ant", 1, 1, 'a', "10.7.0.1", node);
	fleet_node(&text, 'A', "bee", 1, 1, 'b', "10.7.0.2", "");
	fleet_hello(&text, 'b', "bee", 1, 1, 'u', "");
}

static void say_own_hello(void)
{
	fleet_add(&text, step.hello, strlen(step.hello));
	fleet_add(&text, "\n", 1);
}

static bool has_next(void)
{
	return step.hello && strstr(step.hello, "\"next_public_key\"");
}

static void check_disk(void)
{
	struct rlimit limit, none;

	new_node();
	say_fleet(1, "", "");
	take_step(0);
	test_ok(step.in && step.hello && !has_next() && step.epoch == 1, "a node takes its fleet in");
	getrlimit(RLIMIT_FSIZE, &limit);
	none = limit;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_FSIZE, &none);
	say_fleet(2, ",\"rotate_window\":1,\"rotate_order\":1", "");
	take_step(10);
	setrlimit(RLIMIT_FSIZE, &limit);
	test_ok(strstr(said, "rotation: announce") && !has_next(), "a key that no disk has is not told");
	say_fleet(2, ",\"rotate_window\":1,\"rotate_order\":1", "");
	take_step(20);
	test_ok(has_next(), "... and is told when the disk has it");
}

static void check_expired(void)
{
	char not_after[64];

	new_node();
	snprintf(not_after, sizeof(not_after), ",\"not_after\":%lld", NOW + 100);
	say_fleet(1, ",\"rotate_window\":1", not_after);
	take_step(0);
	say_fleet(2, ",\"rotate_window\":1,\"rotate_order\":1", not_after);
	take_step(200);
	test_ok(step.in && step.expired && !strcmp(rotation(), "none") && step.next == INT64_MAX,
		"behind not_after no key is made, and there is no next try");
	test_ok(!strstr(said, "have it admitted again"), "... and that is no failure of the step");
	say_fleet(3, ",\"rotate_window\":1,\"rotate_order\":1", "");
	fleet_node(&text, 'A', "ant", 2, 1, 'a', "10.7.0.1", "");
	take_step(300);
	test_ok(!step.expired && !strcmp(rotation(), "announced"), "... until the node is admitted again");
}

static void announce(void)
{
	new_node();
	say_fleet(1, ",\"rotate_window\":100", "");
	take_step(0);
	say_fleet(2, ",\"rotate_window\":100,\"rotate_order\":1", "");
	take_step(10);
	take_step(200);
	say_own_hello();
	take_step(201);
	if (strcmp(rotation(), "announced") || !step.published_at)
		test_bail("no key is announced");
}

static void check_clock(void)
{
	announce();
	set_clock(201, DAY);
	test_text("a day's jump of the clock spreads no announcement", rotation(), "announced");
	take_step(DAY + 214);
	test_text("... its time does", rotation(), "changed");
	test_ok(grace_until() == NOW + DAY + 214 + DAY, "... and the grace begins");
	set_clock(DAY + 214, -DAY);
	test_ok(grace_until() == NOW + 214 + DAY, "a clock that is set back leaves the grace its length");
	set_clock(215, 2 * DAY);
	test_ok(grace_until() == NOW + 214 + 3 * DAY, "... and one that is set forward");
	test_text("... which is not over by it", rotation(), "changed");
	/* The machine boots with a clock of 1970, and is set later. */
	set_clock(2 * DAY + 300, 0);
	step.jump = 40000LL * DAY;
	take_step(2 * DAY + 302);
	test_ok(grace_until() == NOW + 214 + 3 * DAY, "a time of a former run of the machine stays");
}

/* An order is followed by the offset of the node's name, which is no affair of the clock either. */
static void check_order(void)
{
	new_node();
	say_fleet(1, "", "");
	take_step(0);
	say_fleet(2, ",\"rotate_order\":1", "");
	take_step(1);
	if (!step.ordered_at || strcmp(rotation(), "none"))
		test_bail("the offset of the node is 0");
	set_clock(1, DAY);
	test_text("a jump of the clock is no time since an order", rotation(), "none");
	take_step(DAY + 400);
	test_text("... which is followed in its time", rotation(), "announced");
}

/* A node that waits for its admission is a stranger to itself. */
static void check_lost_hello(void)
{
	struct weft_folder folder;
	struct test_bench bench;
	unsigned int i;
	bool changed;

	new_node();
	prepare(&bench, NOW);
	if (!weft_folder_read(&folder, &bench.ctx, "prod", WEFT_FOLDER_LOCKED))
		test_bail("the state cannot be read");
	folder.self->serial = 1;
	weft_folder_write(&folder, &changed);
	weft_folder_free(&folder);
	finish(&bench);
	take_step(0);
	for (i = 0; i < 2; i++) {
		fleet_terms(&text, 'A', 1, "A", "");
		fleet_node(&text, 'A', "bee", 1, 1, 'b', "10.7.0.2", "");
		if (!i)
			say_own_hello();
		step.all = true;
		take_step(10 + i);
		if (!i)
			test_ok(!step.in && step.published_at, "a store has the hello of a node that is not in");
	}
	test_ok(!step.published_at, "... and has lost it: it is published again");
}

/* Records of unknown signers are kept once, however often the store shows them. */
static void check_strangers(void)
{
	size_t first = 0, i;

	new_node();
	say_fleet(1, "", "");
	take_step(0);
	for (i = 0; i < 5; i++) {
		say_fleet(1, "", "");
		fleet_hello(&text, 'x', "cat", 1, 1, 'v', "");
		step.all = true;
		take_step(10 + i);
		first = first ?: step.strangers_len;
	}
	test_ok(first && step.strangers_len == first, "a stranger's record is kept once");
	say_fleet(1, "", "");
	step.all = true;
	take_step(20);
	test_ok(!step.strangers_len, "... and no longer than the store has it");
}

/* Writes to the folder are told by the time of the outcome. */
static __s64 last_time(void)
{
	struct weft_fleet_last last;
	struct weft_folder folder;
	struct test_bench bench;
	__s64 time;

	prepare(&bench, NOW);
	if (!weft_folder_read(&folder, &bench.ctx, "prod", WEFT_FOLDER_UNLOCKED))
		test_bail("the state cannot be read");
	weft_fleet_last_read(&folder, &last);
	time = last.time;
	weft_fleet_last_free(&last);
	weft_folder_free(&folder);
	finish(&bench);
	return time;
}

/* A hello of bee's with a signature that is wrong, @number being told in its payload. */
static void say_forged(unsigned int number)
{
	char more[64];
	char *at;

	snprintf(more, sizeof(more), ",\"x-number\":%u", number);
	fleet_hello(&text, 'b', "bee", 2 + number, 1, 'u', more);
	at = memrchr(text.chars, '}', text.len);
	at[-1] = at[-1] == '1' ? '2' : '1';
}

static void check_forged(void)
{
	unsigned int i, told = 0;

	new_node();
	say_fleet(1, "", "");
	take_step(0);
	for (i = 0; i < 100; i++) {
		say_forged(i);
		take_step(100 + i);
		told += !!strstr(said, "is refused");
	}
	test_ok(told == 2 && last_time() == NOW + 160, "forged records that come all the time are told once a minute");
	say_fleet(1, "", "");
	say_forged(i);
	step.all = true;
	take_step(201);
	test_ok(strstr(said, "is refused") && last_time() == NOW + 201, "... and those of a whole store always");
}

/* The machine of check_endpoints(): eth0 has an address, or none, or the kernel does not answer. */

static const char *machine_address;
static bool machine_broken;

static int machine_links(struct weft_host *host, struct weft_host_links *to)
{
	static const struct weft_host_link_name eth0 = { 2, "eth0", "", 0, true };

	snprintf(host->error, sizeof(host->error), "no answer");
	if (machine_broken)
		return -EIO;
	*to = (struct weft_host_links){ malloc(sizeof(eth0)), 1 };
	*to->items = eth0;
	return 0;
}

static int machine_addresses(struct weft_host *host, struct weft_host_addresses *to)
{
	struct weft_host_address address = { .index = 2 };
	char text[64];

	(void)host;
	if (!machine_address)
		return 0;
	snprintf(text, sizeof(text), "%s", machine_address);
	if (!weft_setting_prefix(text, &address.prefix))
		test_bail("an address of the test");
	*to = (struct weft_host_addresses){ malloc(sizeof(address)), 1 };
	*to->items = address;
	return 0;
}

static void set_policy(void)
{
	struct weft_folder folder;
	struct test_bench bench;
	bool changed;

	prepare(&bench, NOW);
	if (!weft_folder_read(&folder, &bench.ctx, "prod", WEFT_FOLDER_LOCKED) ||
	    !weft_profile_words_add(&folder.self->endpoints_from, "eth0", 0))
		test_bail("the state cannot be read");
	folder.self->serial = 1;
	if (!weft_folder_write(&folder, &changed))
		test_bail("the state cannot be written");
	weft_folder_free(&folder);
	finish(&bench);
}

static bool says(const char *endpoint)
{
	return strstr(step.hello, endpoint);
}

static void look(__s64 at)
{
	step.resolve = true;
	take_step(at);
	step.resolve = false;
}

static void check_endpoints(void)
{
	struct weft_host plain = fleet_node_host;

	fleet_node_host.links = machine_links;
	fleet_node_host.all_addresses = machine_addresses;
	new_node();
	set_policy();
	machine_address = "192.0.2.5/24";
	look(0);
	test_ok(step.resolves && step.resolved == WEFT_LOOK_NEW && says("192.0.2.5:51820"), "a look at the machine's addresses");
	fleet_terms(&text, 'A', 1, "A", "");
	fleet_node(&text, 'A', "ant", 1, 1, 'a', "10.7.0.1", "");
	fleet_node(&text, 'A', "bee", 1, 1, 'b', "10.7.0.2", ",\"prefixes\":[\"192.0.2.0/24\"]");
	take_step(10);
	test_ok(!says("192.0.2.5") && !step.gone_at, "a record whose prefix has the address is a reason to look, too");
	fleet_node(&text, 'A', "bee", 2, 1, 'b', "10.7.0.2", "");
	take_step(15);
	test_ok(says("192.0.2.5:51820"), "... and one that gives it back");
	machine_broken = true;
	look(20);
	test_ok(step.resolved == WEFT_LOOK_FAILED && says("192.0.2.5:51820"), "a look that fails, and leaves the hello as it was");
	say_fleet(2, ",\"revoked\":{\"bee\":1}", "");
	take_step(30);
	test_ok(step.epoch == 2 && last_time() == NOW + 30, "... and keeps no revocation from the interface");
	machine_broken = false;
	machine_address = NULL;
	look(40);
	test_ok(step.resolved == WEFT_LOOK_SAME && step.gone_at == NOW + 40 && says("192.0.2.5:51820"), "an address that is gone stays");
	machine_address = "192.0.2.5/24";
	look(50);
	test_ok(!step.gone_at && step.resolved == WEFT_LOOK_SAME, "... until it is back");
	machine_address = NULL;
	look(60);
	say_fleet(3, "", "");
	take_step(89);
	test_ok(says("192.0.2.5:51820"), "... or for half a minute");
	set_clock(89, DAY);
	test_ok(step.gone_at == NOW + DAY + 60 && says("192.0.2.5:51820"), "... whatever the clock says");
	look(DAY + 90);
	test_ok(!step.gone_at && step.resolved == WEFT_LOOK_NEW && !says("192.0.2.5"), "... and leaves the hello then");
	test_ok(strstr(told, "endpoints-from: 'eth0' takes no address of this machine"), "... which is told");
	look(DAY + 100);
	test_ok(!strstr(told, "endpoints-from"), "... once");
	fleet_node_host = plain;
}

/* Another command changes the folder's own state between two steps. */
static void set_self(unsigned int port, __u64 generation)
{
	struct weft_folder folder;
	struct test_bench bench;
	bool changed;

	prepare(&bench, NOW);
	if (!weft_folder_read(&folder, &bench.ctx, "prod", WEFT_FOLDER_LOCKED))
		test_bail("the state cannot be read");
	folder.self->port = port;
	folder.self->generation = generation;
	if (!weft_self_greet(folder.self, folder.fleet) || !weft_folder_write(&folder, &changed))
		test_bail("the state cannot be written");
	weft_folder_free(&folder);
	finish(&bench);
}

/* A published port that the interface does not have is a closed one. */
static void check_port(void)
{
	new_node();
	say_fleet(1, "", "");
	take_step(0);
	take_step(10);
	test_ok(last_time() == NOW, "a step without anything new leaves the interface alone");
	set_self(6000, 5);
	take_step(20);
	test_ok(says("\"port\":6000") && last_time() == NOW + 20, "a port that a command has set is the interface's, too");
	take_step(30);
	test_ok(last_time() == NOW + 20, "... which is done once");
}

/* Another machine with the node's state has signed the last generation: a new key would never be told. */
static void check_spent(void)
{
	struct weft_folder folder;
	struct test_bench bench;

	new_node();
	say_fleet(1, "", "");
	take_step(0);
	test_ok(step.hello, "an identity that is not spent has a hello");
	fleet_hello(&text, 'a', "ant", 1, WEFT_FLEET_GENERATION_MAX, 't', "");
	step.all = true;
	take_step(10);
	test_ok(!step.hello && strstr(told, "another machine has this node's identity"), "a spent one has none, which is told");
	say_fleet(2, ",\"rotate_order\":1", "");
	take_step(20);
	take_step(420);
	test_ok(step.epoch == 2 && !strcmp(rotation(), "none") && !strstr(told, "rotation: announce"), "... and makes no key by an order");
	prepare(&bench, NOW + 430);
	if (!weft_folder_read(&folder, &bench.ctx, "prod", WEFT_FOLDER_LOCKED))
		test_bail("the state cannot be read");
	test_ok(!weft_phase_run(&folder, weft_phase_find("announce"), &(struct weft_phase_call){ }, &(bool){ false }),
		"... nor by a command");
	weft_folder_free(&folder);
	finish(&bench);
}

/* The store has the only copy of the newest hello. */
static void check_restored(void)
{
	new_node();
	say_fleet(1, "", "");
	take_step(0);
	test_ok(!step.complete, "a part of the store is not all of it");
	say_fleet(1, "", "");
	step.all = true;
	take_step(10);
	test_ok(step.complete, "a whole store");
	set_self(6000, 9);
	take_step(20);
	test_ok(step.complete && step.generation == 10, "... which a newer hello is put into");
	unlink("prod/memory");
	set_self(0, 3);
	take_step(30);
	test_ok(!step.complete, "a state folder that was restored knows nothing of the store");
	say_fleet(1, "", "");
	say_own_hello();
	step.all = true;
	take_step(40);
	test_ok(step.complete, "... until it has read it");
}

int main(void)
{
	if (sodium_init() < 0)
		test_bail("libsodium");
	if (!mkdtemp(state) || chdir(state))
		test_bail("a folder in /tmp");
	signal(SIGXFSZ, SIG_IGN);
	check_disk();
	check_expired();
	check_clock();
	check_order();
	check_lost_hello();
	check_forged();
	check_strangers();
	check_endpoints();
	check_port();
	check_restored();
	check_spent();
	weft_step_free(&step);
	fleet_clear(&text);
	unlink("prod/memory");
	unlink("prod/self");
	unlink("prod/last");
	rmdir("prod");
	rmdir(state);
	return test_end();
}
