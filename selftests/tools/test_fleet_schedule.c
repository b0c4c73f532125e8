// SPDX-License-Identifier: GPL-2.0
/*
 * The schedule of rotations: its moments as a table, and a fleet in simulated time.
 *
 * The simulated fleet is a full mesh. Each node has the real schedule; the store, the kernel and the network are models:
 *
 *   store    the last hello of each node. It may be away, for one node or for all, or show a node an older hello; a node
 *            that has seen a newer one keeps that
 *   kernel   a node answers initiations to its present key and, during the grace, to the previous one. It accepts peers
 *            under the keys of the last hello that it knows, the announced one included. It does not fall back on older
 *            ones, as the module does: so the condition is stricter here
 *   network  two nodes may be cut off from each other
 *
 * At each moment at which a key, or the knowledge of one, changes, every pair of running nodes has to share a usable key in
 * both directions. Cuts between a node and the store are shorter than the grace, which is what the grace is for.
 *
 * SIM_NODES: nodes of the large simulation, by default 100.
 */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fleet/schedule.h"
#include "support.h"

#define DAY		86400
#define START		1800000000LL

/* Turns as a table. */

static const struct weft_schedule resting = {
	.now = START, .every = 7 * DAY, .window = DAY, .offset = 5000, .since = START - 10,
};

static void check_turn(const char *name, const struct weft_schedule *schedule, enum weft_schedule_step step,
		       __s64 next, bool stuck)
{
	struct weft_schedule_turn turn;

	weft_schedule_turn(schedule, &turn);
	if (turn.step != step || turn.next != next || turn.stuck != stuck)
		printf("# %s: step %d, next %lld (start %+lld), stuck %d\n", name, turn.step, (long long)turn.next,
		       (long long)(turn.next - START), turn.stuck);
	test_ok(turn.step == step && turn.next == next && turn.stuck == stuck, name);
}

/* The first moment behind START of a node of that offset. */
static __s64 moment(__u64 every, __u64 offset)
{
	return START - (START - (__s64)offset) % (__s64)every + (__s64)every;
}

static void check_rest(void)
{
	struct weft_schedule s = resting;
	__s64 due = moment(7 * DAY, 5000);

	check_turn("a key rests until its node's moment", &s, WEFT_SCHEDULE_WAITS, due, false);
	s.now = due - 1;
	check_turn("... the second before", &s, WEFT_SCHEDULE_WAITS, due, false);
	s.now = due;
	check_turn("... and no longer", &s, WEFT_SCHEDULE_ANNOUNCES, INT64_MAX, false);
	s.since = due;
	check_turn("the next moment is a period later", &s, WEFT_SCHEDULE_WAITS, due + 7 * DAY, false);
	s = resting;
	s.every = 0;
	check_turn("without a period never", &s, WEFT_SCHEDULE_WAITS, INT64_MAX, false);
	s = resting;
	s.window = 0;
	s.offset = 3 * DAY;
	check_turn("without a window the whole period", &s, WEFT_SCHEDULE_WAITS, moment(7 * DAY, 3 * DAY), false);
	s = resting;
	s.since = START + 400 * DAY;
	check_turn("a key of a clock that was ahead", &s, WEFT_SCHEDULE_WAITS, due, false);
	s.since = 0;
	check_turn("a key of a clock that was behind", &s, WEFT_SCHEDULE_ANNOUNCES, INT64_MAX, false);
	s = resting;
	s.now = 100;
	s.since = 50;
	check_turn("a machine without the time", &s, WEFT_SCHEDULE_WAITS, 5000, false);
}

static void check_late(void)
{
	struct weft_schedule s = resting;
	__s64 due = moment(7 * DAY, 5000);

	s.now = due + 3600;
	test_ok(!weft_schedule_is_overdue(&s) && !weft_schedule_is_stuck(&s), "a rotation may begin within an hour");
	s.now++;
	test_ok(weft_schedule_is_overdue(&s) && !weft_schedule_is_stuck(&s), "... and is overdue then");
	s.state = WEFT_SELF_ANNOUNCED;
	s.announced = s.now;
	test_ok(!weft_schedule_is_overdue(&s) && !weft_schedule_is_stuck(&s), "... which it is not once it has begun");
	s.now += 300 + 3600;
	test_ok(!weft_schedule_is_stuck(&s), "an announcement takes its time to spread");
	s.now++;
	test_ok(weft_schedule_is_stuck(&s), "... and is stuck an hour later");
	s.state = WEFT_SELF_CHANGED;
	s.grace_until = s.now;
	test_ok(!weft_schedule_is_stuck(&s), "a grace that is just over");
	s.now += 3601;
	test_ok(weft_schedule_is_stuck(&s), "... and for an hour");
	s.grace_until = 0;
	test_ok(!weft_schedule_is_stuck(&s), "... or has no end");
	s = resting;
	s.every = 0;
	s.now = START + 4000 * DAY;
	test_ok(!weft_schedule_is_overdue(&s), "without a period nothing is overdue");
}

static void check_order(void)
{
	struct weft_schedule s = resting;

	s.every = 0;
	s.ordered_at = START;
	check_turn("an order is followed within minutes", &s, WEFT_SCHEDULE_WAITS, START + 5000 % 300, false);
	s.now = START + 5000 % 300;
	check_turn("... at the node's moment", &s, WEFT_SCHEDULE_ANNOUNCES, INT64_MAX, false);
	s.now = START;
	s.window = 7;
	check_turn("... sooner in a narrow window", &s, WEFT_SCHEDULE_WAITS, START + 5000 % 7, false);
}

static void check_phases(void)
{
	struct weft_schedule s = resting;

	s.state = WEFT_SELF_ANNOUNCED;
	s.announced = START;
	check_turn("an announcement that the store does not have", &s, WEFT_SCHEDULE_WAITS, INT64_MAX, false);
	s.now = START + 300 + 3601;
	check_turn("... is stuck after an hour", &s, WEFT_SCHEDULE_WAITS, INT64_MAX, true);
	s.now = START + 9;
	s.now = START + 20000;
	s.published_at = START + 19900;
	check_turn("one that the store has got late spreads, too", &s, WEFT_SCHEDULE_WAITS, START + 20200, false);
	s.now = START + 9;
	s.published_at = START + 5;
	check_turn("an announcement spreads", &s, WEFT_SCHEDULE_WAITS, START + 305, false);
	s.now = START + 305;
	check_turn("... and the key changes", &s, WEFT_SCHEDULE_CHANGES, INT64_MAX, false);
	s.state = WEFT_SELF_CHANGED;
	s.since = START;
	s.grace_until = START + DAY;
	s.published_at = 0;
	s.met = true;
	check_turn("a change that the store does not have", &s, WEFT_SCHEDULE_WAITS, START + DAY, false);
	s.now = START + 3601;
	check_turn("... is stuck after an hour", &s, WEFT_SCHEDULE_WAITS, START + DAY, true);
	s.published_at = START;
	check_turn("a key that all have met", &s, WEFT_SCHEDULE_FINISHES, INT64_MAX, false);
	s.met = false;
	check_turn("a key that one has not met", &s, WEFT_SCHEDULE_WAITS, START + DAY, false);
	s.now = START + DAY;
	check_turn("... at the end of the grace", &s, WEFT_SCHEDULE_FINISHES, INT64_MAX, false);
	s.grace_until = 0;
	check_turn("a grace without an end", &s, WEFT_SCHEDULE_WAITS, INT64_MAX, false);
}

/* The simulation. */

struct hello {
	unsigned int generation;
	unsigned int key;
	unsigned int next;	/* 0: none */
};

/* The journal is what a crash leaves; the rest is lost with the process, or the machine. */
struct node {
	struct {
		enum weft_self_rotation state;
		unsigned int key, next, previous, made;
		__s64 since, announced, grace_until;
		__u64 order;
		struct hello hello;
	} journal;
	struct {
		unsigned int key, previous;
		__s64 previous_until;
	} kernel;
	__u64 offset;
	__s64 skew;
	bool up;
	__s64 up_at;
	bool connected;
	__s64 connected_at;
	__s64 published_at;
	__s64 ordered_at;
	__s64 wake_at;
	__s64 read_at;
	unsigned int unmet;
	bool moving;	/* the rotation of this node is not over */
};

static struct sim {
	unsigned int count;
	struct weft_schedule policy;
	struct node *nodes;
	struct hello *store;
	struct hello *known;	/* known[a * count + b]: the hello of b that a has */
	bool *met;		/* met[a * count + b]: the newest session of a and b is one of a's present key */
	struct { unsigned int who; struct hello hello; } *queue;
	size_t queue_head, queue_count;
	__s64 now;
	__u64 order;
	__s64 away_until;
	unsigned long rotations, puts, delivered, crashes, checks, broken, reread, lies, minute_puts, peak;
	__s64 minute;
} sim;

/* The store is away for all. */
static bool is_away(void)
{
	return sim.now < sim.away_until;
}

static unsigned int chance(unsigned int of)
{
	static __u64 state = 88172645463325252ULL;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % of;
}

static struct hello *known(unsigned int who, unsigned int of)
{
	return &sim.known[(size_t)who * sim.count + of];
}

static bool accepts(const struct hello *hello, unsigned int key)
{
	return key && (hello->key == key || hello->next == key);
}

/* The other node knows a valid key of the first one. */
static bool is_known_to(unsigned int who, unsigned int other)
{
	const struct node *node = &sim.nodes[who];
	const struct hello *hello = known(other, who);

	return accepts(hello, node->kernel.key) ||
	       (sim.now < node->kernel.previous_until && accepts(hello, node->kernel.previous));
}

static void check_pair(unsigned int a, unsigned int b)
{
	if (a == b || !sim.nodes[a].up || !sim.nodes[b].up)
		return;
	sim.checks++;
	if (is_known_to(a, b) && is_known_to(b, a))
		return;
	if (!sim.broken++)
		printf("# at %lld nodes %u (key %u, previous %u) and %u (%u, %u) share no key: known are %u, %u and %u, %u\n",
		       (long long)(sim.now - START), a, sim.nodes[a].kernel.key, sim.nodes[a].kernel.previous, b,
		       sim.nodes[b].kernel.key, sim.nodes[b].kernel.previous, known(b, a)->key, known(b, a)->next,
		       known(a, b)->key, known(a, b)->next);
}

static void check_all(unsigned int a)
{
	unsigned int b;

	for (b = 0; b < sim.count; b++)
		check_pair(a, b);
}

static void set_met(unsigned int a, unsigned int b, bool met)
{
	bool *now = &sim.met[(size_t)a * sim.count + b];

	if (*now == met)
		return;
	*now = met;
	sim.nodes[a].unmet += met ? -1 : 1;
}

static void forget_met(unsigned int a)
{
	unsigned int b;

	for (b = 0; b < sim.count; b++)
		if (b != a)
			set_met(a, b, false);
}

/* Sessions are renewed: both ends are up, and the other end knows the present key. */
static void meet(unsigned int a)
{
	unsigned int b;

	for (b = 0; b < sim.count; b++)
		if (b != a && sim.nodes[b].up && is_known_to(b, a) && accepts(known(b, a), sim.nodes[a].kernel.key))
			set_met(a, b, true);
}

/* The records of the real code go forward only, and so do these. */
static void learn(unsigned int who, unsigned int of, const struct hello *hello)
{
	if (hello->generation <= known(who, of)->generation)
		return;
	*known(who, of) = *hello;
	check_pair(who, of);
}

static void read_all(unsigned int who)
{
	unsigned int of;

	sim.reread++;
	sim.nodes[who].read_at = sim.now + 1800 + chance(1800);
	for (of = 0; of < sim.count; of++)
		learn(who, of, &sim.store[of]);
}

static void put(unsigned int who)
{
	struct node *node = &sim.nodes[who];

	sim.puts++;
	if (sim.now / 60 != sim.minute) {
		sim.minute = sim.now / 60;
		sim.minute_puts = 0;
	}
	if (++sim.minute_puts > sim.peak)
		sim.peak = sim.minute_puts;
	sim.store[who] = node->journal.hello;
	if (sim.queue_count < 4 * sim.count) {
		size_t at = (sim.queue_head + sim.queue_count++) % (4 * sim.count);

		sim.queue[at].who = who;
		sim.queue[at].hello = node->journal.hello;
	}
}

/* A lying store withholds, or shows an older hello, which no node takes. */
static void deliver(void)
{
	static const struct hello older = { 1, 1, 0 };
	unsigned int to;

	for (; sim.queue_count; sim.queue_count--) {
		unsigned int who = sim.queue[sim.queue_head].who;

		for (to = 0; to < sim.count; to++) {
			if (!sim.nodes[to].up || !sim.nodes[to].connected || is_away())
				continue;
			if (!chance(50)) {
				sim.lies++;
				learn(to, who, &older);
				continue;
			}
			sim.delivered++;
			learn(to, who, &sim.queue[sim.queue_head].hello);
		}
		sim.queue_head = (sim.queue_head + 1) % (4 * sim.count);
	}
}

static void crash(unsigned int who, bool machine)
{
	struct node *node = &sim.nodes[who];

	sim.crashes++;
	node->published_at = 0;
	node->ordered_at = 0;
	node->wake_at = sim.now + 1 + chance(60);
	if (!machine)
		return;
	node->up = false;
	node->up_at = sim.now + 10 + chance(3600);
	node->kernel.key = node->kernel.previous = 0;
	forget_met(who);
}

/* "apply": the kernel gets what the journal says. */
static void apply(unsigned int who)
{
	struct node *node = &sim.nodes[who];

	if (node->kernel.key != node->journal.key)
		forget_met(who);
	node->kernel.key = node->journal.key;
	node->kernel.previous = node->journal.previous;
	node->kernel.previous_until = node->journal.grace_until - node->skew;
	check_all(who);
}

static void greet(struct node *node)
{
	const unsigned int next = node->journal.state == WEFT_SELF_ANNOUNCED ? node->journal.next : 0;

	if (node->journal.hello.key == node->journal.key && node->journal.hello.next == next)
		return;
	node->journal.hello.generation++;
	node->journal.hello.key = node->journal.key;
	node->journal.hello.next = next;
	node->published_at = 0;
}

/* A phase writes the journal first; the process may die behind that. */
static void run_phase(unsigned int who, enum weft_schedule_step step)
{
	struct node *node = &sim.nodes[who];
	__s64 now = sim.now + node->skew;

	switch (step) {
	case WEFT_SCHEDULE_ANNOUNCES:
		node->journal.next = ++node->journal.made;
		node->journal.announced = now;
		node->journal.order = sim.order;
		node->journal.state = WEFT_SELF_ANNOUNCED;
		node->moving = true;
		break;
	case WEFT_SCHEDULE_CHANGES:
		node->journal.previous = node->journal.key;
		node->journal.key = node->journal.next;
		node->journal.since = now;
		node->journal.grace_until = now + DAY;
		node->journal.state = WEFT_SELF_CHANGED;
		break;
	case WEFT_SCHEDULE_FINISHES:
		node->journal.previous = 0;
		node->journal.state = WEFT_SELF_RESTS;
		node->moving = false;
		sim.rotations++;
		break;
	default:
		return;
	}
	greet(node);
	if (!chance(8)) {
		crash(who, chance(2));
		return;
	}
	apply(who);
	node->wake_at = sim.now;
}

static void turn(unsigned int who)
{
	struct node *node = &sim.nodes[who];
	struct weft_schedule schedule = sim.policy;
	struct weft_schedule_turn next;

	if (node->journal.state == WEFT_SELF_CHANGED)
		meet(who);
	schedule.now = sim.now + node->skew;
	schedule.offset = node->offset;
	if (sim.order > node->journal.order)
		node->ordered_at = node->ordered_at ?: schedule.now;
	else
		node->ordered_at = 0;
	schedule.ordered_at = node->ordered_at;
	schedule.state = node->journal.state;
	schedule.since = node->journal.since;
	schedule.announced = node->journal.announced;
	schedule.grace_until = node->journal.grace_until;
	schedule.published_at = node->published_at ? node->published_at + node->skew : 0;
	schedule.met = !node->unmet;
	weft_schedule_turn(&schedule, &next);
	node->wake_at = next.next == INT64_MAX ? sim.now + 120 : next.next - node->skew;
	if (node->wake_at > sim.now + 120 && schedule.state != WEFT_SELF_RESTS)
		node->wake_at = sim.now + 120;
	if (node->wake_at > sim.now + 3600)
		node->wake_at = sim.now + 3600;
	run_phase(who, next.step);
}

static void agent(unsigned int who)
{
	struct node *node = &sim.nodes[who];

	if (!node->up && sim.now >= node->up_at) {
		node->up = true;
		apply(who);
		node->wake_at = sim.now;
		node->read_at = sim.now;
		check_all(who);
	}
	if (!node->connected && sim.now >= node->connected_at) {
		node->connected = true;
		node->read_at = sim.now;
	}
	if (node->up && node->connected && !is_away() && sim.now >= node->read_at)
		read_all(who);
	if (!node->up || sim.now < node->wake_at)
		return;
	/* After a crash, or where an apply is due, what the journal says holds. */
	if (node->kernel.key != node->journal.key || node->kernel.previous != node->journal.previous)
		apply(who);
	if (!node->published_at && node->connected && !is_away()) {
		put(who);
		node->published_at = sim.now;
	}
	turn(who);
}

static void sim_begin(unsigned int count, const struct weft_schedule *policy)
{
	char name[32];
	size_t i;

	memset(&sim, 0, sizeof(sim));
	sim.count = count;
	sim.policy = *policy;
	sim.now = START;
	sim.nodes = calloc(count, sizeof(*sim.nodes));
	sim.store = calloc(count, sizeof(*sim.store));
	sim.known = calloc((size_t)count * count, sizeof(*sim.known));
	sim.met = calloc((size_t)count * count, sizeof(*sim.met));
	sim.queue = calloc(4 * count, sizeof(*sim.queue));
	if (!sim.nodes || !sim.store || !sim.known || !sim.met || !sim.queue)
		test_bail("no memory");
	for (i = 0; i < count; i++) {
		struct node *node = &sim.nodes[i];

		snprintf(name, sizeof(name), "n%zu", i);
		node->offset = weft_schedule_offset("prod", name);
		node->journal.key = node->journal.made = node->kernel.key = 1;
		node->journal.since = START;
		node->journal.hello = sim.store[i] = (struct hello){ 1, 1, 0 };
		node->up = node->connected = true;
		node->published_at = START;
		node->unmet = count - 1;
		node->wake_at = START;
	}
	for (i = 0; i < (size_t)count * count; i++)
		sim.known[i] = (struct hello){ 1, 1, 0 };
}

static void sim_end(void)
{
	free(sim.nodes);
	free(sim.store);
	free(sim.known);
	free(sim.met);
	free(sim.queue);
}

/* Machines that die, clocks that are wrong by a day, nodes that lose the store for hours, and a store that is away. */
static void disturb(void)
{
	unsigned int who = chance(sim.count);
	struct node *node = &sim.nodes[who];

	if (!is_away() && !chance(4000))
		sim.away_until = sim.now + chance(3 * 3600);
	/* A fleet has the more of the others the larger it is. */
	if (chance(100) >= sim.count)
		return;
	if (!chance(40) && node->up)
		crash(who, chance(2));
	if (!chance(40) && node->connected) {
		node->connected = false;
		node->connected_at = sim.now + chance(DAY / 3);
	}
}

static unsigned int oldest_key(void)
{
	unsigned int i, oldest = ~0U;

	for (i = 0; i < sim.count; i++)
		if (sim.nodes[i].journal.key < oldest)
			oldest = sim.nodes[i].journal.key;
	return oldest;
}

static void sim_run(__s64 seconds, bool disturbed)
{
	__s64 end = sim.now + seconds;
	unsigned int i;

	for (; sim.now < end; sim.now += 5) {
		if (disturbed)
			disturb();
		deliver();
		for (i = 0; i < sim.count; i++)
			agent(i);
	}
}

static void check_fleet(unsigned int count)
{
	const struct weft_schedule policy = { .every = 7 * DAY, .window = DAY };
	clock_t began = clock();
	char name[128];
	unsigned int i;

	sim_begin(count, &policy);
	for (i = 0; i < count; i += 7)
		sim.nodes[i].skew = (__s64)chance(2 * DAY) - DAY;
	sim_run(3 * 7 * DAY, true);
	sim.order = 1;
	sim_run(2 * DAY, true);
	sim_run(2 * DAY, false);
	printf("# figure %u nodes, 25 days: %lu rotations, %lu crashes, %lu lies, %lu records put, %lu delivered, %lu readings of all\n",
	       count, sim.rotations, sim.crashes, sim.lies, sim.puts, sim.delivered, sim.reread);
	printf("# figure most records put in a minute: %lu; pairs checked: %lu; %.1f s of CPU\n", sim.peak, sim.checks,
	       (double)(clock() - began) / CLOCKS_PER_SEC);
	snprintf(name, sizeof(name), "%u nodes, %lu times a key or its knowledge changes: each pair shares a key", count,
		 sim.checks);
	test_ok(!sim.broken && sim.checks > 100UL * count, name);
	test_ok(oldest_key() >= 4, "each node has rotated three times, and once by order");
	for (i = 0; i < count; i++)
		if (sim.nodes[i].moving)
			break;
	test_ok(i == count, "no rotation has stopped on its way");
	sim_end();
}

/* Both nodes of a pair announce, change and finish at the same moment, whatever the network does in between. */
static void check_same_moment(void)
{
	const struct weft_schedule policy = { .every = 3600, .window = 60 };
	unsigned long rotations = 0;
	unsigned int round;
	bool good = true;

	for (round = 0; round < 100; round++) {
		sim_begin(2, &policy);
		sim.nodes[1].offset = sim.nodes[0].offset;
		sim_run(101 * 3600, round & 1);
		good = good && !sim.broken;
		rotations += sim.rotations;
		sim_end();
	}
	printf("# figure rotations of two nodes at the same moments: %lu\n", rotations);
	test_ok(good && rotations >= 10000, "both ends of a pair rotate in the same moment, 10,000 times");
}

/* The test can fail: without the wait for the announcement a pair is cut. */
static void check_the_test(void)
{
	const struct weft_schedule policy = { .every = DAY, .window = 3600 };
	unsigned int i;

	sim_begin(5, &policy);
	sim_run(DAY, false);
	for (i = 0; i < 5; i++) {
		sim.nodes[i].journal.previous = 0;
		sim.nodes[i].journal.key = ++sim.nodes[i].journal.made + 100;
		apply(i);
	}
	test_ok(sim.broken, "a key that no peer knows is noticed");
	sim_end();
}

static void check_spread(void)
{
	unsigned int i, most = 0, slots[24] = { };
	char name[32];

	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "node-%u", i);
		most = ++slots[weft_schedule_offset("prod", name) % 24] > most ? slots[weft_schedule_offset("prod", name) % 24] : most;
	}
	printf("# figure the fullest of 24 parts of the window: %u of 1000 nodes\n", most);
	test_ok(most < 70, "names spread over the window");
}

int main(void)
{
	const char *nodes = getenv("SIM_NODES");

	if (sodium_init() < 0)
		test_bail("libsodium");
	check_rest();
	check_late();
	check_order();
	check_phases();
	check_spread();
	check_the_test();
	check_same_moment();
	check_fleet(nodes ? atoi(nodes) : 100);
	return test_end();
}
