// SPDX-License-Identifier: GPL-2.0
/* Sessions: their counters and ages, and the three of a peer as they take each other's place. */
#include "test.h"
#include "core/session.c"
#include "world.h"
#include "core/peer_ref.h"

#include <linux/kthread.h>

#define TAKERS	3
#define TAKES	2000

static bool is_published(struct weft_peer *peer, __le32 id)
{
	bool found;

	rcu_read_lock();
	found = weft_keypair_find(&peer->device->index, id);
	rcu_read_unlock();
	return found;
}

static void expect_set(struct test *t, const struct weft_keypairs *set,
		       const struct weft_keypair *current_one, const struct weft_keypair *previous,
		       const struct weft_keypair *next)
{
	EXPECT_PTR(t, rcu_access_pointer(set->current_keypair), current_one);
	EXPECT_PTR(t, rcu_access_pointer(set->previous_keypair), previous);
	EXPECT_PTR(t, rcu_access_pointer(set->next_keypair), next);
}

static void keypair_is_made(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	struct weft_keypair *keypair = weft_keypair_create(peer, &world->device.index);
	struct weft_noise_handshake hs, wiped = {};
	struct weft_noise_keys keys;
	__le32 id = keypair->entry.id;

	EXPECT(t, is_published(peer, id));
	EXPECT(t, !keypair->ready);
	EXPECT_EQ(t, refcount_read(&peer->refs), 2);

	memset(&hs, 7, sizeof(hs));
	weft_noise_split(&keys, &hs, true);
	memset(&hs, 7, sizeof(hs));
	weft_keypair_begin(keypair, &hs, true);
	EXPECT(t, keypair->ready && keypair->initiator);
	EXPECT_BYTES(t, &keypair->keys, &keys, sizeof(keys));
	EXPECT_BYTES(t, &hs, &wiped, sizeof(hs));
	EXPECT_EQ(t, (__force u32)keypair->remote_index, 0x07070707);
	EXPECT(t, keypair->born_ns <= ktime_get_coarse_boottime_ns());

	weft_keypair_revoke(keypair);
	EXPECT(t, !is_published(peer, id));
	EXPECT_EQ(t, refcount_read(&peer->refs), 1);
	weft_keypair_revoke(NULL);
	weft_keypair_put(NULL);
	world_destroy(world);
}

/* It is over at once, whoever may still hold it; and who sees it under RCU cannot have it back. */
static void keypair_outlives_readers(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	struct weft_keypair *keypair = world_session(peer, true);
	u64 first, now = ktime_get_coarse_boottime_ns();

	EXPECT(t, weft_keypair_get(keypair));
	weft_keypair_revoke(keypair);
	EXPECT(t, keypair->revoked);
	EXPECT(t, !weft_keypair_reserve(keypair, 1, now, &first));
	EXPECT_EQ(t, refcount_read(&peer->refs), 2);
	rcu_read_lock();
	weft_keypair_put(keypair);
	EXPECT(t, !weft_keypair_get(keypair));
	EXPECT(t, keypair->ready);
	rcu_read_unlock();
	EXPECT_EQ(t, refcount_read(&peer->refs), 1);
	world_destroy(world);
}

static void keypair_counters(struct test *t)
{
	struct world *world = world_create();
	struct weft_keypair *keypair = world_session(world_add_peer(world, 1), true);
	u64 first = 77, now = keypair->born_ns;

	EXPECT(t, weft_keypair_reserve(keypair, 1, now, &first));
	EXPECT_EQ(t, first, 0);
	EXPECT(t, weft_keypair_reserve(keypair, 64, now, &first));
	EXPECT_EQ(t, first, 1);
	EXPECT(t, weft_keypair_reserve(keypair, 1, now, &first));
	EXPECT_EQ(t, first, 65);
	/* The last that there are, and one more. */
	atomic64_set(&keypair->flight.next, WEFT_REJECT_AFTER_MESSAGES - 4);
	EXPECT(t, weft_keypair_reserve(keypair, 4, now, &first));
	EXPECT_EQ(t, first, WEFT_REJECT_AFTER_MESSAGES - 4);
	EXPECT(t, !weft_keypair_reserve(keypair, 1, now, &first));
	EXPECT(t, keypair->retired);
	/* And it stays so, whatever the counter says. */
	atomic64_set(&keypair->flight.next, 0);
	EXPECT(t, !weft_keypair_reserve(keypair, 1, now, &first));
	EXPECT_EQ(t, atomic64_read(&keypair->flight.next), 0);
	weft_keypair_revoke(keypair);
	world_destroy(world);
}

/* A CPU that has counters and does not go on holds the others up before they leave it behind. */
static void keypair_waits_for_the_late(struct test *t)
{
	struct world *world = world_create();
	struct weft_keypair *keypair = world_session(world_add_peer(world, 1), true);
	u64 late, first, now = keypair->born_ns;

	EXPECT(t, weft_keypair_reserve(keypair, 64, now, &late));
	while (weft_keypair_reserve(keypair, 64, now, &first)) {
		weft_keypair_sent(keypair, first);
		EXPECT(t, first + 63 - late < WEFT_FLIGHT_SPAN);
		if (first > 2 * WEFT_FLIGHT_SPAN)
			break;
	}
	EXPECT(t, !weft_flight_is_open(&keypair->flight) && !keypair->retired);
	weft_keypair_sent(keypair, late);
	EXPECT(t, weft_keypair_reserve(keypair, 64, now, &first));
	weft_keypair_sent(keypair, first);
	weft_keypair_revoke(keypair);
	world_destroy(world);
}

static void keypair_ages(struct test *t)
{
	const u64 life = WEFT_REJECT_AFTER_S * NSEC_PER_SEC;
	struct world *world = world_create();
	struct weft_keypair *keypair = world_session(world_add_peer(world, 1), true);
	u64 first;

	EXPECT(t, weft_keypair_reserve(keypair, 1, keypair->born_ns + life - 1, &first));
	EXPECT(t, !weft_keypair_reserve(keypair, 1, keypair->born_ns + life, &first));
	EXPECT(t, keypair->retired);
	weft_keypair_revoke(keypair);
	world_destroy(world);
}

static void keypair_accepts_once(struct test *t)
{
	struct world *world = world_create();
	struct weft_keypair *keypair = world_session(world_add_peer(world, 1), true);
	u64 i;

	local_bh_disable();
	for (i = 0; i < 100; i++) {
		EXPECT(t, weft_keypair_accept(keypair, i * 3));
		EXPECT(t, !weft_keypair_accept(keypair, i * 3));
	}
	EXPECT(t, weft_keypair_accept(keypair, 1));
	EXPECT(t, !weft_keypair_accept(keypair, U64_MAX));
	local_bh_enable();
	weft_keypair_revoke(keypair);
	world_destroy(world);
}

/* Ours are current at once; two are kept, for what is on its way yet. */
static void keypairs_of_an_initiator(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	struct weft_keypair *keypair[3];
	__le32 id[3];
	int i;

	for (i = 0; i < 3; i++) {
		keypair[i] = world_session(peer, true);
		id[i] = keypair[i]->entry.id;
	}
	weft_keypairs_add(&peer->keypairs, keypair[0]);
	expect_set(t, &peer->keypairs, keypair[0], NULL, NULL);
	weft_keypairs_add(&peer->keypairs, keypair[1]);
	expect_set(t, &peer->keypairs, keypair[1], keypair[0], NULL);
	EXPECT(t, is_published(peer, id[0]));
	weft_keypairs_add(&peer->keypairs, keypair[2]);
	expect_set(t, &peer->keypairs, keypair[2], keypair[1], NULL);
	EXPECT(t, !is_published(peer, id[0]));
	/* A packet under one that is not the next confirms nothing. */
	EXPECT(t, !weft_keypairs_confirm(&peer->keypairs, keypair[2]));
	EXPECT(t, !weft_keypairs_confirm(&peer->keypairs, keypair[1]));
	weft_keypairs_clear(&peer->keypairs);
	expect_set(t, &peer->keypairs, NULL, NULL, NULL);
	for (i = 0; i < 3; i++)
		EXPECT(t, !is_published(peer, id[i]));
	EXPECT_EQ(t, refcount_read(&peer->refs), 1);
	world_destroy(world);
}

/* Theirs wait for a packet; until then nothing is sent under them. */
static void keypairs_of_a_responder(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	struct weft_keypair *ours = world_session(peer, true), *older = world_session(peer, true);
	struct weft_keypair *first = world_session(peer, false);
	struct weft_keypair *second = world_session(peer, false);
	__le32 id_first = first->entry.id, id_older = older->entry.id;

	weft_keypairs_add(&peer->keypairs, older);
	weft_keypairs_add(&peer->keypairs, ours);
	weft_keypairs_add(&peer->keypairs, first);
	expect_set(t, &peer->keypairs, ours, NULL, first);
	EXPECT(t, !is_published(peer, id_older));
	/* Their newer one takes the place of that which nobody has confirmed. */
	weft_keypairs_add(&peer->keypairs, second);
	expect_set(t, &peer->keypairs, ours, NULL, second);
	EXPECT(t, !is_published(peer, id_first));
	EXPECT(t, weft_keypairs_confirm(&peer->keypairs, second));
	expect_set(t, &peer->keypairs, second, ours, NULL);
	EXPECT(t, !weft_keypairs_confirm(&peer->keypairs, second));
	world_destroy(world);
}

/* Both ends began at once: what they may send under is kept beside what we send under. */
static void keypairs_that_cross(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	struct weft_keypair *old = world_session(peer, true), *theirs = world_session(peer, false);
	struct weft_keypair *ours = world_session(peer, true);
	__le32 id = old->entry.id;

	weft_keypairs_add(&peer->keypairs, old);
	weft_keypairs_add(&peer->keypairs, theirs);
	weft_keypairs_add(&peer->keypairs, ours);
	expect_set(t, &peer->keypairs, ours, theirs, NULL);
	EXPECT(t, !is_published(peer, id));
	EXPECT(t, !weft_keypairs_confirm(&peer->keypairs, theirs));
	world_destroy(world);
}

static void keypairs_carry(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	struct weft_keypair *ours = world_session(peer, true), *theirs = world_session(peer, false);
	u64 first;

	EXPECT(t, !weft_keypairs_carry(&peer->keypairs));
	weft_keypairs_add(&peer->keypairs, theirs);
	EXPECT(t, !weft_keypairs_carry(&peer->keypairs));
	weft_keypairs_add(&peer->keypairs, ours);
	EXPECT(t, weft_keypairs_carry(&peer->keypairs));
	/* Too old soon, though not yet. */
	ours->born_ns -= (WEFT_REJECT_AFTER_S - 20) * NSEC_PER_SEC;
	EXPECT(t, !weft_keypairs_carry(&peer->keypairs));
	ours->born_ns += (WEFT_REJECT_AFTER_S - 20) * NSEC_PER_SEC;
	weft_keypairs_retire(&peer->keypairs);
	EXPECT(t, !weft_keypairs_carry(&peer->keypairs));
	EXPECT(t, !weft_keypair_reserve(ours, 1, ours->born_ns, &first));
	/* What arrives under it is taken all the same. */
	EXPECT(t, is_published(peer, ours->entry.id) && !ours->revoked);
	world_destroy(world);
}

/* A session in use lasts until then; one that only receives is over at once. */
static void keypairs_phase_out(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	struct weft_keypair *before = world_session(peer, true), *ours = world_session(peer, true);
	struct weft_keypair *theirs = world_session(peer, false);
	__le32 index = before->entry.id;
	u64 first, until = ours->born_ns + 10 * NSEC_PER_SEC;

	before->made_with[WEFT_KEY_PUBLIC] = 7;
	ours->made_with[WEFT_KEY_PUBLIC] = 7;
	theirs->made_with[WEFT_KEY_PUBLIC] = 8;
	weft_keypairs_add(&peer->keypairs, before);
	weft_keypairs_add(&peer->keypairs, ours);
	EXPECT(t, !weft_keypairs_phase_out(&peer->keypairs, WEFT_KEY_PUBLIC, 8, until));
	EXPECT(t, !weft_keypairs_phase_out(&peer->keypairs, WEFT_KEY_IDENTITY, 7, until));
	EXPECT(t, is_published(peer, index));
	EXPECT(t, weft_keypairs_phase_out(&peer->keypairs, WEFT_KEY_PUBLIC, 7, until));
	EXPECT(t, !is_published(peer, index));
	EXPECT(t, weft_keypair_usable(ours, 0, until - 1) && !weft_keypair_usable(ours, 0, until));
	/* It is no session to go on with while others are tried. */
	EXPECT(t, !weft_keypairs_carry(&peer->keypairs));
	/* Nothing makes it last longer. */
	EXPECT(t, weft_keypairs_phase_out(&peer->keypairs, WEFT_KEY_PUBLIC, 7, until + 1));
	EXPECT(t, !weft_keypair_usable(ours, 0, until));
	EXPECT(t, weft_keypair_reserve(ours, 1, until - 1, &first));
	weft_keypair_sent(ours, first);
	EXPECT(t, !weft_keypair_reserve(ours, 1, until, &first));
	/* The next one is in use, for all we know. */
	weft_keypairs_add(&peer->keypairs, theirs);
	EXPECT(t, weft_keypairs_phase_out(&peer->keypairs, WEFT_KEY_PUBLIC, 8, until));
	EXPECT(t, !weft_keypair_usable(theirs, 0, until));
	world_destroy(world);
}

static void keypairs_that_wait_retire(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	struct weft_keypair *theirs = world_session(peer, false);
	u64 first;

	weft_keypairs_add(&peer->keypairs, theirs);
	weft_keypairs_retire(&peer->keypairs);
	EXPECT(t, weft_keypairs_confirm(&peer->keypairs, theirs));
	EXPECT(t, !weft_keypair_reserve(theirs, 1, theirs->born_ns, &first));
	world_destroy(world);
}

struct takers {
	struct weft_keypair *keypair;
	u8 *taken;		/* how often each counter was */
	struct completion done;
	atomic_t running;
};

static int keypair_taker(void *data)
{
	struct takers *takers = data;
	unsigned int i, count;
	u64 first;

	for (i = 0; i < TAKES; i += count) {
		count = min(1 + i % 64, TAKES - i);
		if (!weft_keypair_reserve(takers->keypair, count, takers->keypair->born_ns, &first))
			break;
		memset(takers->taken + first, 1, count);
		weft_keypair_sent(takers->keypair, first);
		cond_resched();
	}
	if (atomic_dec_and_test(&takers->running))
		complete(&takers->done);
	return 0;
}

/* Several processors take counters at once: none is taken twice, and none left out. */
static void keypair_counters_are_taken_once(struct test *t)
{
	struct world *world = world_create();
	struct takers takers = {
		.keypair = world_session(world_add_peer(world, 1), true),
		.taken = test_zalloc(t, TAKERS * TAKES),
		.running = ATOMIC_INIT(TAKERS),
	};
	int i;

	init_completion(&takers.done);
	for (i = 0; i < TAKERS; i++)
		kthread_run(keypair_taker, &takers, "weft-taker");
	wait_for_completion(&takers.done);
	EXPECT_EQ(t, atomic64_read(&takers.keypair->flight.next), TAKERS * TAKES);
	EXPECT_PTR(t, memchr_inv(takers.taken, 1, TAKERS * TAKES), NULL);
	test_free(takers.taken);
	weft_keypair_revoke(takers.keypair);
	world_destroy(world);
}

struct swaps {
	struct weft_peer *peer;
	atomic_t wrong;
};

/* As a sender does. */
static int keypair_user(void *data)
{
	struct swaps *swaps = data;
	struct weft_keypairs *set = &swaps->peer->keypairs;

	while (!kthread_should_stop()) {
		struct weft_keypair *keypair;
		u64 first;

		rcu_read_lock();
		keypair = rcu_dereference(set->current_keypair);
		if (keypair && !weft_keypair_get(keypair))
			keypair = NULL;
		rcu_read_unlock();
		if (keypair) {
			/* Pairs with the release in weft_keypair_begin(). */
			if (!smp_load_acquire(&keypair->ready) || keypair->peer != swaps->peer)
				atomic_inc(&swaps->wrong);
			if (weft_keypair_reserve(keypair, 1, keypair->born_ns, &first))
				weft_keypair_sent(keypair, first);
			weft_keypairs_confirm(set, keypair);
			weft_keypair_put(keypair);
		}
		weft_keypairs_carry(set);
		cond_resched();
	}
	return 0;
}

static void keypairs_change_under_users(struct test *t)
{
	struct world *world = world_create();
	struct swaps swaps = { .peer = world_add_peer(world, 1) };
	struct task_struct *user[2];
	int i;

	for (i = 0; i < ARRAY_SIZE(user); i++)
		user[i] = kthread_run(keypair_user, &swaps, "weft-user");
	for (i = 0; i < 500; i++) {
		struct weft_keypair *keypair = world_session(swaps.peer, i % 3);

		weft_keypairs_add(&swaps.peer->keypairs, keypair);
		if (i % 3 == 0)
			weft_keypairs_confirm(&swaps.peer->keypairs, keypair);
		if (i % 50 == 49)
			weft_keypairs_clear(&swaps.peer->keypairs);
		cond_resched();
	}
	for (i = 0; i < ARRAY_SIZE(user); i++)
		kthread_stop(user[i]);
	weft_keypairs_clear(&swaps.peer->keypairs);
	EXPECT_EQ(t, atomic_read(&swaps.wrong), 0);
	EXPECT_EQ(t, refcount_read(&swaps.peer->refs), 1);
	world_destroy(world);
}

TEST_SUITE_AROUND("keypair", world_set_up, world_tear_down,
		  TEST_CASE(keypair_is_made),
		  TEST_CASE(keypair_outlives_readers),
		  TEST_CASE(keypair_counters),
		  TEST_CASE(keypair_waits_for_the_late),
		  TEST_CASE(keypair_ages),
		  TEST_CASE(keypair_accepts_once),
		  TEST_CASE(keypairs_of_an_initiator),
		  TEST_CASE(keypairs_of_a_responder),
		  TEST_CASE(keypairs_that_cross),
		  TEST_CASE(keypairs_carry),
		  TEST_CASE(keypairs_phase_out),
		  TEST_CASE(keypairs_that_wait_retire),
		  TEST_CASE(keypair_counters_are_taken_once),
		  TEST_CASE(keypairs_change_under_users));
