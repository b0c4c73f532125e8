// SPDX-License-Identifier: GPL-2.0
/* Sessions: their counters and ages, and the up to three sessions of a peer. */
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
	found = weft_session_find(&peer->device->index, id);
	rcu_read_unlock();
	return found;
}

static void expect_set(struct test *t, const struct weft_sessions *set,
		       const struct weft_session *current_one, const struct weft_session *previous,
		       const struct weft_session *next)
{
	EXPECT_PTR(t, rcu_access_pointer(set->current_session), current_one);
	EXPECT_PTR(t, rcu_access_pointer(set->previous_session), previous);
	EXPECT_PTR(t, rcu_access_pointer(set->next_session), next);
}

static void session_is_made(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	struct weft_session *session = weft_session_create(peer, &world->device.index);
	struct weft_noise_handshake hs, wiped = {};
	struct weft_noise_keys keys;
	__le32 id = session->entry.id;

	EXPECT(t, is_published(peer, id));
	EXPECT(t, !session->ready);
	EXPECT_EQ(t, refcount_read(&peer->refs), 2);

	memset(&hs, 7, sizeof(hs));
	weft_noise_split(&keys, &hs, true);
	memset(&hs, 7, sizeof(hs));
	weft_session_begin(session, &hs, true);
	EXPECT(t, session->ready && session->initiator);
	EXPECT_BYTES(t, &session->keys, &keys, sizeof(keys));
	EXPECT_BYTES(t, &hs, &wiped, sizeof(hs));
	EXPECT_EQ(t, (__force u32)session->remote_index, 0x07070707);
	EXPECT(t, session->born_ns <= ktime_get_coarse_boottime_ns());

	weft_session_revoke(session);
	EXPECT(t, !is_published(peer, id));
	EXPECT_EQ(t, refcount_read(&peer->refs), 1);
	weft_session_revoke(NULL);
	weft_session_put(NULL);
	world_destroy(world);
}

/* A revoked session ends at once, despite references; a reader under RCU gets no new one. */
static void session_outlives_readers(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	struct weft_session *session = world_session(peer, true);
	u64 first, now = ktime_get_coarse_boottime_ns();

	EXPECT(t, weft_session_get(session));
	weft_session_revoke(session);
	EXPECT(t, session->revoked);
	EXPECT(t, !weft_session_reserve(session, 1, now, &first));
	EXPECT_EQ(t, refcount_read(&peer->refs), 2);
	rcu_read_lock();
	weft_session_put(session);
	EXPECT(t, !weft_session_get(session));
	EXPECT(t, session->ready);
	rcu_read_unlock();
	EXPECT_EQ(t, refcount_read(&peer->refs), 1);
	world_destroy(world);
}

static void session_counters(struct test *t)
{
	struct world *world = world_create();
	struct weft_session *session = world_session(world_add_peer(world, 1), true);
	u64 first = 77, now = session->born_ns;

	EXPECT(t, weft_session_reserve(session, 1, now, &first));
	EXPECT_EQ(t, first, 0);
	EXPECT(t, weft_session_reserve(session, 64, now, &first));
	EXPECT_EQ(t, first, 1);
	EXPECT(t, weft_session_reserve(session, 1, now, &first));
	EXPECT_EQ(t, first, 65);
	/* The last counters, and one more. */
	atomic64_set(&session->flight.next, WEFT_REJECT_AFTER_MESSAGES - 4);
	EXPECT(t, weft_session_reserve(session, 4, now, &first));
	EXPECT_EQ(t, first, WEFT_REJECT_AFTER_MESSAGES - 4);
	EXPECT(t, !weft_session_reserve(session, 1, now, &first));
	EXPECT(t, session->retired);
	/* A retired session stays so, even if the counter changes. */
	atomic64_set(&session->flight.next, 0);
	EXPECT(t, !weft_session_reserve(session, 1, now, &first));
	EXPECT_EQ(t, atomic64_read(&session->flight.next), 0);
	weft_session_revoke(session);
	world_destroy(world);
}

/* A CPU that holds counters and stalls blocks the others before they are a window ahead. */
static void session_waits_for_late_counters(struct test *t)
{
	struct world *world = world_create();
	struct weft_session *session = world_session(world_add_peer(world, 1), true);
	u64 late, first, now = session->born_ns;

	EXPECT(t, weft_session_reserve(session, 64, now, &late));
	while (weft_session_reserve(session, 64, now, &first)) {
		weft_session_sent(session, first);
		EXPECT(t, first + 63 - late < WEFT_FLIGHT_SPAN);
		if (first > 2 * WEFT_FLIGHT_SPAN)
			break;
	}
	EXPECT(t, !weft_flight_is_open(&session->flight) && !session->retired);
	weft_session_sent(session, late);
	EXPECT(t, weft_session_reserve(session, 64, now, &first));
	weft_session_sent(session, first);
	weft_session_revoke(session);
	world_destroy(world);
}

static void session_ages(struct test *t)
{
	const u64 life = WEFT_REJECT_AFTER_S * NSEC_PER_SEC;
	struct world *world = world_create();
	struct weft_session *session = world_session(world_add_peer(world, 1), true);
	u64 first;

	EXPECT(t, weft_session_reserve(session, 1, session->born_ns + life - 1, &first));
	EXPECT(t, !weft_session_reserve(session, 1, session->born_ns + life, &first));
	EXPECT(t, session->retired);
	weft_session_revoke(session);
	world_destroy(world);
}

static void session_accepts_once(struct test *t)
{
	struct world *world = world_create();
	struct weft_session *session = world_session(world_add_peer(world, 1), true);
	u64 i;

	local_bh_disable();
	for (i = 0; i < 100; i++) {
		EXPECT(t, weft_session_accept(session, i * 3));
		EXPECT(t, !weft_session_accept(session, i * 3));
	}
	EXPECT(t, weft_session_accept(session, 1));
	EXPECT(t, !weft_session_accept(session, U64_MAX));
	local_bh_enable();
	weft_session_revoke(session);
	world_destroy(world);
}

/* An initiator's session is current at once; the previous one stays for packets in flight. */
static void sessions_of_an_initiator(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	struct weft_session *session[3];
	__le32 id[3];
	int i;

	for (i = 0; i < 3; i++) {
		session[i] = world_session(peer, true);
		id[i] = session[i]->entry.id;
	}
	weft_sessions_add(&peer->sessions, session[0]);
	expect_set(t, &peer->sessions, session[0], NULL, NULL);
	weft_sessions_add(&peer->sessions, session[1]);
	expect_set(t, &peer->sessions, session[1], session[0], NULL);
	EXPECT(t, is_published(peer, id[0]));
	weft_sessions_add(&peer->sessions, session[2]);
	expect_set(t, &peer->sessions, session[2], session[1], NULL);
	EXPECT(t, !is_published(peer, id[0]));
	/* Only a packet of the next session confirms it. */
	EXPECT(t, !weft_sessions_confirm(&peer->sessions, session[2]));
	EXPECT(t, !weft_sessions_confirm(&peer->sessions, session[1]));
	weft_sessions_clear(&peer->sessions);
	expect_set(t, &peer->sessions, NULL, NULL, NULL);
	for (i = 0; i < 3; i++)
		EXPECT(t, !is_published(peer, id[i]));
	EXPECT_EQ(t, refcount_read(&peer->refs), 1);
	world_destroy(world);
}

/* A responder's session waits for the first packet, and sends nothing until then. */
static void sessions_of_a_responder(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	struct weft_session *ours = world_session(peer, true), *older = world_session(peer, true);
	struct weft_session *first = world_session(peer, false);
	struct weft_session *second = world_session(peer, false);
	__le32 id_first = first->entry.id, id_older = older->entry.id;

	weft_sessions_add(&peer->sessions, older);
	weft_sessions_add(&peer->sessions, ours);
	weft_sessions_add(&peer->sessions, first);
	expect_set(t, &peer->sessions, ours, NULL, first);
	EXPECT(t, !is_published(peer, id_older));
	/* The peer's newer session replaces an unconfirmed one. */
	weft_sessions_add(&peer->sessions, second);
	expect_set(t, &peer->sessions, ours, NULL, second);
	EXPECT(t, !is_published(peer, id_first));
	EXPECT(t, weft_sessions_confirm(&peer->sessions, second));
	expect_set(t, &peer->sessions, second, ours, NULL);
	EXPECT(t, !weft_sessions_confirm(&peer->sessions, second));
	world_destroy(world);
}

/* Both ends initiated at once: the peer's session is kept as the previous one. */
static void sessions_that_cross(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	struct weft_session *old = world_session(peer, true), *theirs = world_session(peer, false);
	struct weft_session *ours = world_session(peer, true);
	__le32 id = old->entry.id;

	weft_sessions_add(&peer->sessions, old);
	weft_sessions_add(&peer->sessions, theirs);
	weft_sessions_add(&peer->sessions, ours);
	expect_set(t, &peer->sessions, ours, theirs, NULL);
	EXPECT(t, !is_published(peer, id));
	EXPECT(t, !weft_sessions_confirm(&peer->sessions, theirs));
	world_destroy(world);
}

static void sessions_carry(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	struct weft_session *ours = world_session(peer, true), *theirs = world_session(peer, false);
	u64 first;

	EXPECT(t, !weft_sessions_carry(&peer->sessions));
	weft_sessions_add(&peer->sessions, theirs);
	EXPECT(t, !weft_sessions_carry(&peer->sessions));
	weft_sessions_add(&peer->sessions, ours);
	EXPECT(t, weft_sessions_carry(&peer->sessions));
	/* Within the last 20 s of its life. */
	ours->born_ns -= (WEFT_REJECT_AFTER_S - 20) * NSEC_PER_SEC;
	EXPECT(t, !weft_sessions_carry(&peer->sessions));
	ours->born_ns += (WEFT_REJECT_AFTER_S - 20) * NSEC_PER_SEC;
	weft_sessions_retire(&peer->sessions);
	EXPECT(t, !weft_sessions_carry(&peer->sessions));
	EXPECT(t, !weft_session_reserve(ours, 1, ours->born_ns, &first));
	/* The session still receives. */
	EXPECT(t, is_published(peer, ours->entry.id) && !ours->revoked);
	world_destroy(world);
}

/* A session that sends lasts until then; one that only receives ends at once. */
static void sessions_phase_out(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	struct weft_session *before = world_session(peer, true), *ours = world_session(peer, true);
	struct weft_session *theirs = world_session(peer, false);
	__le32 index = before->entry.id;
	u64 first, until = ours->born_ns + 10 * NSEC_PER_SEC;

	before->made_with[WEFT_KEY_PUBLIC] = 7;
	ours->made_with[WEFT_KEY_PUBLIC] = 7;
	theirs->made_with[WEFT_KEY_PUBLIC] = 8;
	weft_sessions_add(&peer->sessions, before);
	weft_sessions_add(&peer->sessions, ours);
	EXPECT(t, !weft_sessions_phase_out(&peer->sessions, WEFT_KEY_PUBLIC, 8, until));
	EXPECT(t, !weft_sessions_phase_out(&peer->sessions, WEFT_KEY_IDENTITY, 7, until));
	EXPECT(t, is_published(peer, index));
	EXPECT(t, weft_sessions_phase_out(&peer->sessions, WEFT_KEY_PUBLIC, 7, until));
	EXPECT(t, !is_published(peer, index));
	EXPECT(t, weft_session_usable(ours, 0, until - 1) && !weft_session_usable(ours, 0, until));
	/* A session that is phased out does not carry further traffic. */
	EXPECT(t, !weft_sessions_carry(&peer->sessions));
	/* A later time does not extend it. */
	EXPECT(t, weft_sessions_phase_out(&peer->sessions, WEFT_KEY_PUBLIC, 7, until + 1));
	EXPECT(t, !weft_session_usable(ours, 0, until));
	EXPECT(t, weft_session_reserve(ours, 1, until - 1, &first));
	weft_session_sent(ours, first);
	EXPECT(t, !weft_session_reserve(ours, 1, until, &first));
	/* An unconfirmed session may be in use by the peer. */
	weft_sessions_add(&peer->sessions, theirs);
	EXPECT(t, weft_sessions_phase_out(&peer->sessions, WEFT_KEY_PUBLIC, 8, until));
	EXPECT(t, !weft_session_usable(theirs, 0, until));
	world_destroy(world);
}

static void sessions_that_wait_retire(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	struct weft_session *theirs = world_session(peer, false);
	u64 first;

	weft_sessions_add(&peer->sessions, theirs);
	weft_sessions_retire(&peer->sessions);
	EXPECT(t, weft_sessions_confirm(&peer->sessions, theirs));
	EXPECT(t, !weft_session_reserve(theirs, 1, theirs->born_ns, &first));
	world_destroy(world);
}

struct takers {
	struct weft_session *session;
	u8 *taken;		/* how often each counter was taken */
	struct completion done;
	atomic_t running;
};

static int session_taker(void *data)
{
	struct takers *takers = data;
	unsigned int i, count;
	u64 first;

	for (i = 0; i < TAKES; i += count) {
		count = min(1 + i % 64, TAKES - i);
		if (!weft_session_reserve(takers->session, count, takers->session->born_ns, &first))
			break;
		memset(takers->taken + first, 1, count);
		weft_session_sent(takers->session, first);
		cond_resched();
	}
	if (atomic_dec_and_test(&takers->running))
		complete(&takers->done);
	return 0;
}

/* Several CPUs take counters at once: each counter is taken exactly once. */
static void session_counters_are_taken_once(struct test *t)
{
	struct world *world = world_create();
	struct takers takers = {
		.session = world_session(world_add_peer(world, 1), true),
		.taken = test_zalloc(t, TAKERS * TAKES),
		.running = ATOMIC_INIT(TAKERS),
	};
	int i;

	init_completion(&takers.done);
	for (i = 0; i < TAKERS; i++)
		kthread_run(session_taker, &takers, "weft-taker");
	wait_for_completion(&takers.done);
	EXPECT_EQ(t, atomic64_read(&takers.session->flight.next), TAKERS * TAKES);
	EXPECT_PTR(t, memchr_inv(takers.taken, 1, TAKERS * TAKES), NULL);
	test_free(takers.taken);
	weft_session_revoke(takers.session);
	world_destroy(world);
}

struct swaps {
	struct weft_peer *peer;
	atomic_t wrong;
};

/* A sender. */
static int session_user(void *data)
{
	struct swaps *swaps = data;
	struct weft_sessions *set = &swaps->peer->sessions;

	while (!kthread_should_stop()) {
		struct weft_session *session;
		u64 first;

		rcu_read_lock();
		session = rcu_dereference(set->current_session);
		if (session && !weft_session_get(session))
			session = NULL;
		rcu_read_unlock();
		if (session) {
			/* Pairs with the release in weft_session_begin(). */
			if (!smp_load_acquire(&session->ready) || session->peer != swaps->peer)
				atomic_inc(&swaps->wrong);
			if (weft_session_reserve(session, 1, session->born_ns, &first))
				weft_session_sent(session, first);
			weft_sessions_confirm(set, session);
			weft_session_put(session);
		}
		weft_sessions_carry(set);
		cond_resched();
	}
	return 0;
}

static void sessions_change_under_users(struct test *t)
{
	struct world *world = world_create();
	struct swaps swaps = { .peer = world_add_peer(world, 1) };
	struct task_struct *user[2];
	int i;

	for (i = 0; i < ARRAY_SIZE(user); i++)
		user[i] = kthread_run(session_user, &swaps, "weft-user");
	for (i = 0; i < 500; i++) {
		struct weft_session *session = world_session(swaps.peer, i % 3);

		weft_sessions_add(&swaps.peer->sessions, session);
		if (i % 3 == 0)
			weft_sessions_confirm(&swaps.peer->sessions, session);
		if (i % 50 == 49)
			weft_sessions_clear(&swaps.peer->sessions);
		cond_resched();
	}
	for (i = 0; i < ARRAY_SIZE(user); i++)
		kthread_stop(user[i]);
	weft_sessions_clear(&swaps.peer->sessions);
	EXPECT_EQ(t, atomic_read(&swaps.wrong), 0);
	EXPECT_EQ(t, refcount_read(&swaps.peer->refs), 1);
	world_destroy(world);
}

TEST_SUITE_AROUND("session", world_set_up, world_tear_down,
		  TEST_CASE(session_is_made),
		  TEST_CASE(session_outlives_readers),
		  TEST_CASE(session_counters),
		  TEST_CASE(session_waits_for_late_counters),
		  TEST_CASE(session_ages),
		  TEST_CASE(session_accepts_once),
		  TEST_CASE(sessions_of_an_initiator),
		  TEST_CASE(sessions_of_a_responder),
		  TEST_CASE(sessions_that_cross),
		  TEST_CASE(sessions_carry),
		  TEST_CASE(sessions_phase_out),
		  TEST_CASE(sessions_that_wait_retire),
		  TEST_CASE(session_counters_are_taken_once),
		  TEST_CASE(sessions_change_under_users));
