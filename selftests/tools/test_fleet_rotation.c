// SPDX-License-Identifier: GPL-2.0
/*
 * Rotations of two nodes, ant and bee, with the agent's real steps, records and files, in simulated time. The store has the last
 * hello of each. A machine's kernel has the keys that its files say: in between, the agent has died or is about to set them.
 *
 *   killed   the agent of ant is killed before and behind each call that makes a file last, one after the other; the next one,
 *            which knows the files alone, completes the rotation or undoes it
 *   both     both rotate in the same millisecond, and read each other's records at any moment between their steps
 *
 * At each moment each node knows a key that the other one has, the announced one and, during the grace, the previous one included.
 *
 * SIM_ROUNDS: rotations of both, by default 60.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fleet.h"
#include "fleet_node.h"
#include "fleet/folder.h"
#include "fleet/phase.h"
#include "fleet/step.h"
#include "support.h"

#define START		1800000000LL
#define LINE_BYTES	4096

enum { ANT, BEE, NODES };

static const char *const names[NODES] = { "ant", "bee" };

/* Shared with agents that are killed. */
static struct store {
	char hello[NODES][LINE_BYTES];
	__s64 now;
	unsigned int calls;	/* that make a file last */
} *store;

static char folder_name[] = "/tmp/weft-rotation-XXXXXX";
static struct weft_step steps[NODES];
static char said[65536];
static unsigned long pairs, broken;
static unsigned int die_at;
/* The calls of a node's agent; the other one lives. */
static bool counts;

/* The command's calls come here. */

static void count_call(void)
{
	if (die_at && counts && ++store->calls == die_at)
		kill(getpid(), SIGKILL);
}

int fsync(int fd)
{
	count_call();
	return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
	int err;

	count_call();
	err = syscall(SYS_renameat2, from_folder, from, to_folder, to, 0);
	count_call();
	return err;
}

static void prepare(struct test_bench *bench, int node)
{
	test_bench_start(bench, "");
	bench->ctx.host = &fleet_node_host;
	bench->ctx.state = names[node];
	bench->ctx.now = store->now;
}

static void finish(struct test_bench *bench)
{
	test_bench_flush(bench);
	snprintf(said, sizeof(said), "%s", bench->err);
	test_bench_end(bench);
}

static void read_node(int node, struct weft_folder *folder)
{
	struct test_bench bench;

	prepare(&bench, node);
	if (!weft_folder_read(folder, &bench.ctx, "prod", WEFT_FOLDER_UNLOCKED) || !folder->self)
		test_bail("a node's state cannot be read");
	finish(&bench);
}

static bool accepts(const struct weft_fleet_record *hello, const struct weft_key *private_key)
{
	struct weft_key key;

	if (weft_key_is_zero(private_key))
		return false;
	weft_key_derive_public(&key, private_key);
	return weft_key_equal(&hello->public_key, &key) || weft_key_equal(&hello->next_public_key, &key);
}

static void check_pair(void)
{
	struct weft_folder folders[NODES];
	struct weft_key present;
	int i;

	for (i = 0; i < NODES; i++)
		read_node(i, &folders[i]);
	for (i = 0; i < NODES; i++) {
		const struct weft_member *known = weft_fleet_find(folders[!i].fleet, names[i]);
		const struct weft_self *self = folders[i].self;

		pairs++;
		weft_self_private_key(self, &present);
		if (known && known->hello && (accepts(known->hello, &present) || accepts(known->hello, &self->previous)))
			continue;
		if (!broken++)
			printf("# at %+lld %s knows no key of %s, whose rotation is %s\n", (long long)(store->now - START),
			       names[!i], names[i], weft_self_rotation_name(self));
	}
	for (i = 0; i < NODES; i++)
		weft_folder_free(&folders[i]);
}

static const char *rotation(int node)
{
	struct weft_folder folder;
	const char *name;

	read_node(node, &folder);
	name = weft_self_rotation_name(folder.self);
	weft_folder_free(&folder);
	return name;
}

static void new_node(int node)
{
	struct test_bench bench;
	struct weft_key tunnel;
	char *path;

	weft_seed_generate(&tunnel);
	weft_step_free(&steps[node]);
	if (asprintf(&path, "rm -rf %s", names[node]) < 0 || system(path))
		test_bail("a folder of the test");
	free(path);
	prepare(&bench, node);
	fleet_node_create(&bench.ctx, names[node], &tunnel, START);
	finish(&bench);
}

/* A step with lines of the store. */
static void take(int node, const struct fleet_text *text)
{
	struct weft_folder folder;
	struct test_bench bench;

	prepare(&bench, node);
	if (!weft_folder_read(&folder, &bench.ctx, "prod", WEFT_FOLDER_LOCKED))
		test_bail("the state cannot be read");
	steps[node].text = text->chars;
	steps[node].len = text->len;
	counts = node == ANT;
	weft_step(&folder, &steps[node]);
	weft_folder_free(&folder);
	finish(&bench);
}

/* The store shows both hellos, or only the own one. */
static void read_store(int node, bool other)
{
	struct fleet_text text = { };
	int i;

	for (i = 0; i < NODES; i++)
		if (*store->hello[i] && (other || i == node))
			fleet_add(&text, store->hello[i], strlen(store->hello[i]));
	take(node, &text);
	fleet_clear(&text);
}

static void publish(int node)
{
	if (steps[node].hello && !steps[node].published_at) {
		snprintf(store->hello[node], LINE_BYTES, "%s\n", steps[node].hello);
		steps[node].published_at = store->now;
	}
}

static void new_fleet(void)
{
	struct fleet_text text = { };
	int i;

	memset(store, 0, sizeof(*store));
	store->now = START;
	fleet_terms(&text, 'A', 1, "A", ",\"rotate_window\":10");
	fleet_node(&text, 'A', "ant", 1, 1, 'a', "10.7.0.1", "");
	fleet_node(&text, 'A', "bee", 1, 1, 'b', "10.7.0.2", "");
	for (i = 0; i < NODES; i++) {
		new_node(i);
		take(i, &text);
		publish(i);
	}
	fleet_clear(&text);
	read_store(ANT, true);
	read_store(BEE, true);
	check_pair();
}

static void announce(int node)
{
	const struct weft_phase_call call = { };
	struct weft_folder folder;
	struct test_bench bench;
	bool changed;

	prepare(&bench, node);
	if (!weft_folder_read(&folder, &bench.ctx, "prod", WEFT_FOLDER_LOCKED) ||
	    !weft_phase_run(&folder, weft_phase_find("announce"), &call, &changed))
		test_bail("a key cannot be announced");
	weft_folder_free(&folder);
	finish(&bench);
}

/* The agent's part of a rotation, from its announcement to the end of the grace. */
static void run_agent(int node)
{
	int i;

	for (i = 0; i < 10; i++) {
		read_store(node, false);
		publish(node);
		store->now += 2;
	}
	/* The other node reads the store within the grace. */
	read_store(!node, true);
	store->now += 86400;
	read_store(node, false);
	publish(node);
}

/* False: the agent was killed. */
static bool run_killed(unsigned int at)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		die_at = at;
		counts = true;
		announce(ANT);
		run_agent(ANT);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static void check_killed(void)
{
	unsigned int at, ended = 0, undone = 0;
	bool survived;

	for (at = 1; at < 200; at++) {
		new_fleet();
		survived = run_killed(at);
		weft_step_free(&steps[ANT]);
		check_pair();
		/* What has reached the store reaches the other node before the grace is over. */
		read_store(BEE, true);
		check_pair();
		undone += !strcmp(rotation(ANT), "none");
		run_agent(ANT);
		read_store(BEE, true);
		check_pair();
		ended += !strcmp(rotation(ANT), "none") && !strstr(store->hello[ANT], "next_public_key");
		if (survived)
			break;
	}
	printf("# figure moments of a kill: %u, of which %u before the first file or behind the last\n", at - 1, undone);
	test_ok(at > 20 && at < 200, "an agent is killed at each file of a rotation");
	test_ok(ended == at, "... and the next one completes the rotation, or has none");
	test_ok(!broken, "... while each node knows a key of the other one");
}

/* A linear congruential generator: the same rounds each time. */
static unsigned int chance(unsigned int of)
{
	static __u64 state = 12345;

	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % of;
}

static void act(int node)
{
	switch (chance(3)) {
	case 0:
		publish(node);
		break;
	case 1:
		read_store(node, false);
		break;
	default:
		read_store(node, true);
	}
}

static bool both_rest(void)
{
	return !strcmp(rotation(ANT), "none") && !strcmp(rotation(BEE), "none");
}

static void check_both(unsigned int rounds)
{
	unsigned int round, i, ended = 0;

	new_fleet();
	broken = 0;
	pairs = 0;
	for (round = 0; round < rounds; round++) {
		announce(ANT);
		announce(BEE);
		for (i = 0; i < 30; i++) {
			act(chance(2));
			check_pair();
			store->now += chance(2);
		}
		/* Each reads the other's records within the grace. */
		for (i = 0; i < 12; i++) {
			publish(i & 1);
			read_store(i & 1, true);
			check_pair();
			store->now++;
		}
		store->now += 86400;
		for (i = 0; i < 4; i++) {
			read_store(i & 1, true);
			publish(i & 1);
		}
		read_store(ANT, true);
		read_store(BEE, true);
		check_pair();
		ended += both_rest();
	}
	printf("# figure rotations of both nodes in the same millisecond: %u, pairs checked: %lu\n", rounds, pairs);
	test_ok(ended == rounds, "both ends rotate in the same millisecond, with real records");
	test_ok(!broken && pairs > 20UL * rounds, "... while each node knows a key of the other one");
}

/* The checks can fail. */
static void check_the_test(void)
{
	const struct weft_phase_call call = { };
	struct weft_folder folder;
	struct test_bench bench;
	bool changed;

	new_fleet();
	broken = 0;
	announce(ANT);
	prepare(&bench, ANT);
	if (!weft_folder_read(&folder, &bench.ctx, "prod", WEFT_FOLDER_LOCKED) ||
	    !weft_phase_run(&folder, weft_phase_find("change"), &call, &changed) ||
	    !weft_phase_run(&folder, weft_phase_find("finish"), &call, &changed))
		test_bail("a key cannot be changed");
	weft_folder_free(&folder);
	finish(&bench);
	check_pair();
	test_ok(broken, "a key that the other node does not know is noticed");
	broken = 0;
}

int main(void)
{
	const char *rounds = getenv("SIM_ROUNDS");

	if (sodium_init() < 0)
		test_bail("libsodium");
	store = mmap(NULL, sizeof(*store), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (store == MAP_FAILED || !mkdtemp(folder_name) || chdir(folder_name))
		test_bail("a folder in /tmp");
	check_the_test();
	check_killed();
	check_both(rounds ? atoi(rounds) : 60);
	weft_step_free(&steps[ANT]);
	weft_step_free(&steps[BEE]);
	if (system("rm -r ant bee") || chdir("/") || rmdir(folder_name))
		test_bail("the folder in /tmp");
	return test_end();
}
