// SPDX-License-Identifier: GPL-2.0
/* Peers: lookup, removal during use, timers and work, endpoints. */
#include "test.h"
#include "core/peer.c"
#include "world.h"
#include "core/peer_endpoint.h"

#include <linux/delay.h>
#include <linux/kthread.h>

#define PATIENCE_MS	10000

static void key_of(u8 key[WEFT_KEY_LEN], u8 name)
{
	memset(key, name, WEFT_KEY_LEN);
}

static struct weft_peer *find_peer(struct world *world, u8 name)
{
	u8 key[WEFT_KEY_LEN];

	key_of(key, name);
	return weft_lookup_peer(&world->device, key);
}

static bool can_be_found(struct world *world, u8 name)
{
	struct weft_peer *peer = find_peer(world, name);

	weft_peer_put(peer);
	return peer;
}

static void start_peer(struct weft_peer *peer)
{
	mutex_lock(&peer->device->config_lock);
	weft_timers_start(peer);
	mutex_unlock(&peer->device->config_lock);
}

/* Waits for all of @actions. */
static bool was_asked(struct world *world, u32 actions)
{
	int ms;

	for (ms = 0; ms < PATIENCE_MS; ms += 20) {
		if ((atomic_read(&world->asked) & actions) == actions)
			break;
		msleep(20);
	}
	return (atomic_read(&world->asked) & actions) == actions;
}

static void set_endpoint(struct weft_endpoint *endpoint, u32 address, u16 port)
{
	memset(endpoint, 0, sizeof(*endpoint));
	endpoint->addr4.sin_family = AF_INET;
	endpoint->addr4.sin_addr.s_addr = htonl(address);
	endpoint->addr4.sin_port = htons(port);
}

static bool is_at(struct weft_peer *peer, u32 address)
{
	struct weft_endpoint endpoint;

	weft_endpoint_read(&peer->endpoint, &endpoint);
	return endpoint.addr4.sin_addr.s_addr == htonl(address);
}

static void peer_is_found(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *one = world_add_peer(world, 1), *two = world_add_peer(world, 2), *got;

	got = find_peer(world, 1);
	EXPECT_PTR(t, got, one);
	EXPECT_EQ(t, refcount_read(&one->refs), 2);
	weft_peer_put(got);
	EXPECT(t, can_be_found(world, 2));
	EXPECT(t, !can_be_found(world, 3));
	EXPECT_EQ(t, world->device.peer_count, 2);
	EXPECT(t, one->serial < two->serial);
	/* A second peer with the same key is refused. */
	EXPECT_PTR(t, world_add_peer(world, 2), two);
	EXPECT_EQ(t, world->device.peer_count, 2);
	weft_peer_put(NULL);
	world_destroy(world);
}

static void peer_is_removed(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);

	world_add_peer(world, 2);
	world_remove_peer(peer);
	EXPECT(t, !can_be_found(world, 1));
	EXPECT(t, can_be_found(world, 2));
	EXPECT_EQ(t, world->device.peer_count, 1);
	/* After the removal its key is free again. */
	world_add_peer(world, 1);
	EXPECT(t, can_be_found(world, 1));
	world_destroy(world);
}

/*
 * A worker's reference keeps the peer's memory, but the worker makes no session with a dead peer.
 */
static void peer_reference_outlives_removal(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1), *held = find_peer(world, 1);

	EXPECT(t, !peer->dead);
	world_remove_peer(peer);
	EXPECT(t, !can_be_found(world, 1));
	mutex_lock(&held->handshake_lock);
	EXPECT(t, held->dead);
	mutex_unlock(&held->handshake_lock);
	EXPECT_EQ(t, refcount_read(&held->refs), 1);
	/* A dead peer takes no actions. */
	weft_timers_queue_actions(held, WEFT_FSM_DO_INITIATE);
	weft_timers_event(held, WEFT_FSM_SESSION_WANTED);
	EXPECT(t, !work_pending(&held->work) && !timer_pending(&held->timer));
	weft_peer_put(held);
	world_destroy(world);
}

/* Peers are removed together; each reference is then released on its own. */
static void peers_are_removed_together(struct test *t)
{
	struct world *world = world_create();
	struct weft_removal removal;
	struct weft_peer *held[3];
	int i;

	for (i = 1; i <= 100; i++)
		world_add_peer(world, i);
	for (i = 0; i < 3; i++)
		held[i] = find_peer(world, 10 + i);
	weft_removal_init(&removal);
	/* The list may be empty. */
	weft_peer_remove(&removal);
	mutex_lock(&world->device.config_lock);
	weft_peer_unpublish_all(&world->device, &removal);
	mutex_unlock(&world->device.config_lock);
	EXPECT_EQ(t, world->device.peer_count, 0);
	for (i = 1; i <= 100; i++)
		EXPECT(t, !can_be_found(world, i));
	/* The same keys are added again before the old peers are freed. */
	for (i = 1; i <= 100; i++)
		world_add_peer(world, i);
	weft_peer_remove(&removal);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(t, refcount_read(&held[i]->refs), 1);
		EXPECT(t, held[i]->dead);
		weft_peer_put(held[i]);
	}
	EXPECT(t, can_be_found(world, 10));
	world_destroy(world);
}

static void count_destroyed(struct sk_buff *skb)
{
	atomic_inc(*(atomic_t **)skb->cb);
}

static struct sk_buff *counted_packet(atomic_t *destroyed)
{
	struct sk_buff *skb = alloc_skb(64, GFP_KERNEL | __GFP_NOFAIL);

	*(atomic_t **)skb->cb = destroyed;
	skb->destructor = count_destroyed;
	return skb;
}

static void stage(struct weft_peer *peer, struct sk_buff *skb)
{
	struct sk_buff_head dropped;

	__skb_queue_head_init(&dropped);
	weft_staged_add(&peer->staged, skb, &dropped);
}

/* A removed peer's sessions end, and its staged packets are freed. */
static void peer_removal_ends_its_sessions(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	struct weft_session *session = world_session(peer, true), *held = world_session(peer, true);
	atomic_t destroyed = ATOMIC_INIT(0);
	struct weft_session *pending;
	__le32 id[3];

	pending = weft_session_create(peer, &world->device.index);
	id[0] = session->entry.id;
	id[1] = held->entry.id;
	id[2] = pending->entry.id;
	weft_sessions_add(&peer->sessions, session);
	weft_sessions_add(&peer->sessions, held);
	EXPECT(t, weft_session_get(held));
	peer->handshake.pending = pending;
	stage(peer, counted_packet(&destroyed));
	stage(peer, counted_packet(&destroyed));

	world_remove_peer(peer);
	EXPECT_EQ(t, atomic_read(&destroyed), 2);
	rcu_read_lock();
	EXPECT_PTR(t, weft_session_find(&world->device.index, id[0]), NULL);
	EXPECT_PTR(t, weft_session_find(&world->device.index, id[1]), NULL);
	EXPECT_PTR(t, weft_session_find(&world->device.index, id[2]), NULL);
	rcu_read_unlock();
	/* A batch in flight holds its session, and the session its peer. */
	EXPECT(t, held->revoked);
	EXPECT_PTR(t, held->peer, peer);
	EXPECT_EQ(t, refcount_read(&peer->refs), 1);
	/* A sender whose session was revoked stages the packets that it has not sealed. */
	stage(peer, counted_packet(&destroyed));
	weft_session_put(held);
	world_destroy(world);
	EXPECT_EQ(t, atomic_read(&destroyed), 3);
}

static void peer_queues_actions(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);

	/* A peer that is not started takes no actions. */
	weft_timers_queue_actions(peer, WEFT_FSM_DO_KEEPALIVE);
	EXPECT(t, !work_pending(&peer->work));
	atomic_set(&peer->actions, 0);
	weft_timers_queue_actions(peer, 0);

	start_peer(peer);
	EXPECT_EQ(t, atomic_read(&world->acts), 0);
	weft_timers_queue_actions(peer, WEFT_FSM_DO_KEEPALIVE);
	weft_timers_queue_actions(peer, WEFT_FSM_DO_INITIATE);
	EXPECT(t, was_asked(world, WEFT_FSM_DO_KEEPALIVE | WEFT_FSM_DO_INITIATE));
	flush_work(&peer->work);
	EXPECT_EQ(t, refcount_read(&peer->refs), 1);
	world_destroy(world);
}

/* Data needs a session; without a response, the timer sends the next initiation. */
static void peer_tries_again(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	u64 began, since;

	start_peer(peer);
	weft_timers_event(peer, WEFT_FSM_SESSION_WANTED);
	EXPECT(t, was_asked(world, WEFT_FSM_DO_INITIATE));
	EXPECT(t, !timer_pending(&peer->timer));
	atomic_set(&world->asked, 0);
	weft_timers_event(peer, WEFT_FSM_INITIATION_SENT);
	began = ktime_get_coarse_boottime_ns();
	EXPECT(t, timer_pending(&peer->timer));
	EXPECT_EQ(t, weft_timers_state(peer, began, &since), WEFT_PEER_STATE_HANDSHAKING);
	EXPECT(t, was_asked(world, WEFT_FSM_DO_INITIATE | WEFT_FSM_DO_MOVE_ON));
	EXPECT(t, ktime_get_coarse_boottime_ns() - began >= WEFT_REKEY_TIMEOUT_S * NSEC_PER_SEC);
	world_destroy(world);
}

static void peer_reports_sessions(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	const u32 both = WEFT_FSM_SESSION_DERIVED | WEFT_FSM_SESSION_CONFIRMED;
	u64 since;

	start_peer(peer);
	weft_timers_event(peer, both);
	EXPECT_EQ(t, atomic_read(&world->events[WEFT_EVENT_SESSION_UP]), 1);
	EXPECT_EQ(t, weft_timers_state(peer, ktime_get_coarse_boottime_ns(), &since),
		  WEFT_PEER_STATE_UP);
	weft_timers_event(peer, both);
	EXPECT_EQ(t, atomic_read(&world->events[WEFT_EVENT_SESSION_UP]), 1);
	EXPECT_EQ(t, atomic_read(&world->events[WEFT_EVENT_SESSION_RENEWED]), 1);
	/* Erased keys leave no session to report. */
	weft_peer_erase(peer);
	EXPECT_EQ(t, weft_timers_state(peer, ktime_get_coarse_boottime_ns(), &since),
		  WEFT_PEER_STATE_IDLE);
	world_destroy(world);
}

/* System sleep erases a session between its first message and the report of it. */
static void peer_reports_no_erased_session(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	struct weft_session *erased = world_session(peer, false);
	struct weft_session *good = world_session(peer, false);
	u64 since;

	start_peer(peer);
	weft_timers_event(peer, WEFT_FSM_SESSION_DERIVED);
	EXPECT(t, weft_session_get(erased));
	weft_sessions_add(&peer->sessions, erased);
	weft_peer_erase(peer);
	weft_timers_confirmed(erased, WEFT_FSM_ANY_RECEIVED);
	EXPECT_EQ(t, atomic_read(&world->events[WEFT_EVENT_SESSION_UP]), 0);
	EXPECT(t, weft_timers_state(peer, ktime_get_coarse_boottime_ns(), &since) !=
		  WEFT_PEER_STATE_UP);
	weft_session_put(erased);

	weft_timers_event(peer, WEFT_FSM_SESSION_DERIVED);
	weft_sessions_add(&peer->sessions, good);
	weft_timers_confirmed(good, WEFT_FSM_ANY_RECEIVED);
	EXPECT_EQ(t, atomic_read(&world->events[WEFT_EVENT_SESSION_UP]), 1);
	EXPECT_EQ(t, weft_timers_state(peer, ktime_get_coarse_boottime_ns(), &since),
		  WEFT_PEER_STATE_UP);
	world_destroy(world);
}

static void peer_keeps_alive(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);

	/* The interval is stored until the peer starts. */
	weft_timers_set_persistent(peer, 1);
	EXPECT(t, !timer_pending(&peer->timer));
	start_peer(peer);
	EXPECT(t, was_asked(world, WEFT_FSM_DO_KEEPALIVE));
	atomic_set(&world->asked, 0);
	weft_timers_event(peer, WEFT_FSM_ANY_SENT);
	EXPECT(t, was_asked(world, WEFT_FSM_DO_KEEPALIVE));
	weft_timers_set_persistent(peer, 0);
	/* A running peer applies it at once. */
	flush_work(&peer->work);
	atomic_set(&world->asked, 0);
	weft_timers_set_persistent(peer, 65535);
	EXPECT(t, was_asked(world, WEFT_FSM_DO_KEEPALIVE));
	world_destroy(world);
}

static void peer_stops(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	atomic_t destroyed = ATOMIC_INIT(0);
	int acts;

	start_peer(peer);
	EXPECT(t, peer->path.running);
	weft_timers_event(peer, WEFT_FSM_SESSION_WANTED);
	weft_timers_event(peer, WEFT_FSM_INITIATION_SENT);
	weft_sessions_add(&peer->sessions, world_session(peer, true));
	stage(peer, counted_packet(&destroyed));
	mutex_lock(&world->device.config_lock);
	weft_peer_quiesce(peer);
	mutex_unlock(&world->device.config_lock);
	EXPECT(t, !timer_pending(&peer->timer) && !work_pending(&peer->work));
	/* A packet still in flight starts no search of the path MTU. */
	EXPECT(t, !peer->path.running);
	EXPECT_PTR(t, rcu_access_pointer(peer->sessions.current_session), NULL);
	EXPECT_EQ(t, refcount_read(&peer->refs), 1);
	EXPECT_EQ(t, atomic_read(&destroyed), 1);
	acts = atomic_read(&world->acts);
	weft_timers_queue_actions(peer, WEFT_FSM_DO_KEEPALIVE);
	msleep(50);
	EXPECT_EQ(t, atomic_read(&world->acts), acts);
	/* Staged packets ask for a session when the peer starts again. */
	stage(peer, counted_packet(&destroyed));
	atomic_set(&world->asked, 0);
	start_peer(peer);
	EXPECT(t, was_asked(world, WEFT_FSM_DO_KEEPALIVE));
	/* An idle peer quiesces without work. */
	weft_staged_purge(&peer->staged);
	flush_work(&peer->work);
	mutex_lock(&world->device.config_lock);
	weft_peer_quiesce(peer);
	mutex_unlock(&world->device.config_lock);
	world_destroy(world);
}

static void peer_retires(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	struct weft_session *session = world_session(peer, true);
	struct weft_peer_handshake *state = &peer->handshake;
	u64 first;

	weft_sessions_add(&peer->sessions, session);
	state->pending = weft_session_create(peer, &world->device.index);
	state->pending_identity = 5;
	state->static_static_identity = 5;
	memset(state->static_static, 9, sizeof(state->static_static));
	mutex_lock(&peer->handshake_lock);
	weft_handshake_state_forget_identity(peer, 6);
	EXPECT(t, state->pending && state->static_static_identity == 5);
	weft_handshake_state_forget_identity(peer, 5);
	EXPECT(t, !state->pending && !state->static_static_identity);
	EXPECT_PTR(t, memchr_inv(state->static_static, 0, sizeof(state->static_static)), NULL);
	mutex_unlock(&peer->handshake_lock);

	weft_peer_retire(peer);
	EXPECT(t, !weft_session_reserve(session, 1, session->born_ns, &first));
	EXPECT_PTR(t, rcu_access_pointer(peer->sessions.current_session), session);
	world_destroy(world);
}

static void peer_roams(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	atomic_t *moves = &world->events[WEFT_EVENT_ENDPOINT_CHANGED];
	struct weft_endpoint here, there, from;

	set_endpoint(&here, 0xc0000201, 1);
	set_endpoint(&there, 0xc0000202, 2);
	set_endpoint(&from, 0xc0000202, 2);
	weft_peer_set_endpoint(peer, &here, WEFT_CAUSE_NONE);
	EXPECT(t, is_at(peer, 0xc0000201));
	EXPECT_EQ(t, atomic_read(moves), 0);
	weft_peer_learn_endpoint(peer, &here);
	EXPECT_EQ(t, atomic_read(moves), 0);
	weft_peer_learn_endpoint(peer, &there);
	EXPECT(t, is_at(peer, 0xc0000202));
	EXPECT_EQ(t, atomic_read(moves), 1);
	/* The packet came to another local address: the endpoint stays the same. */
	from.src4.s_addr = htonl(0x0a000001);
	weft_peer_learn_endpoint(peer, &from);
	EXPECT_EQ(t, atomic_read(moves), 1);
	EXPECT_EQ(t, peer->endpoint.now.src4.s_addr, htonl(0x0a000001));
	weft_peer_forget_source(peer);
	EXPECT_EQ(t, peer->endpoint.now.src4.s_addr, 0);
	world_destroy(world);
}

/* A route is valid for an endpoint as long as the endpoint's number. */
static void peer_numbers_its_endpoints(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	struct weft_endpoint here, there, now;
	unsigned int number;

	set_endpoint(&here, 0xc0000201, 1);
	set_endpoint(&there, 0xc0000202, 2);
	weft_peer_set_endpoint(peer, &here, WEFT_CAUSE_NONE);
	number = weft_endpoint_read(&peer->endpoint, &now);
	EXPECT(t, !weft_peer_has_moved(peer, number));
	weft_peer_learn_endpoint(peer, &here);
	EXPECT(t, !weft_peer_has_moved(peer, number));
	weft_peer_learn_endpoint(peer, &there);
	EXPECT(t, weft_peer_has_moved(peer, number));
	number = weft_endpoint_read(&peer->endpoint, &now);
	EXPECT(t, !weft_peer_has_moved(peer, number));
	weft_peer_forget_source(peer);
	EXPECT(t, weft_peer_has_moved(peer, number));
	world_destroy(world);
}

static void peer_is_pinned(struct test *t)
{
	struct world *world = world_create();
	struct weft_peer *peer = world_add_peer(world, 1);
	struct weft_candidates *candidates = weft_candidates_create(2);
	struct weft_endpoint there;

	set_endpoint(&candidates->list[0], 0xc0000201, 1);
	set_endpoint(&candidates->list[1], 0xc0000203, 3);
	set_endpoint(&there, 0xc0000202, 2);
	mutex_lock(&world->device.config_lock);
	weft_peer_pin(peer, true);
	EXPECT_EQ(t, weft_peer_candidate_count(peer), 1);
	EXPECT(t, !weft_peer_next_candidate(peer));
	weft_peer_set_candidates(peer, &candidates);
	EXPECT_PTR(t, candidates, NULL);
	EXPECT_EQ(t, weft_peer_candidate_count(peer), 3);
	EXPECT(t, is_at(peer, 0xc0000201));
	weft_peer_learn_endpoint(peer, &there);
	EXPECT(t, is_at(peer, 0xc0000201));
	weft_peer_learn_endpoint(peer, &peer->endpoint.candidates->list[1]);
	EXPECT(t, is_at(peer, 0xc0000203));
	EXPECT(t, weft_peer_next_candidate(peer));
	EXPECT(t, is_at(peer, 0xc0000201));
	weft_peer_pin(peer, false);
	weft_peer_learn_endpoint(peer, &there);
	EXPECT(t, is_at(peer, 0xc0000202));
	mutex_unlock(&world->device.config_lock);
	world_destroy(world);
}

struct busy {
	struct world *world;
	u32 seed;
};

/* The packets, workers and timers of whichever peer is found. */
static int peer_user(void *data)
{
	struct busy *busy = data;
	u32 i = busy->seed;

	while (!kthread_should_stop()) {
		struct weft_peer *peer = find_peer(busy->world, 1 + i++ % 8);
		struct weft_endpoint endpoint;

		if (peer) {
			set_endpoint(&endpoint, i, i);
			weft_timers_event(peer, WEFT_FSM_SESSION_WANTED << i % 8);
			weft_timers_queue_actions(peer, WEFT_FSM_DO_KEEPALIVE);
			weft_peer_learn_endpoint(peer, &endpoint);
			mutex_lock(&peer->handshake_lock);
			if (!peer->dead)
				weft_sessions_add(&peer->sessions, world_session(peer, i % 2));
			mutex_unlock(&peer->handshake_lock);
			weft_peer_put(peer);
		}
		cond_resched();
	}
	return 0;
}

static void peers_change_under_users(struct test *t)
{
	struct world *world = world_create();
	struct busy busy[2] = { { world, 0 }, { world, 3 } };
	struct task_struct *user[2];
	int i;

	for (i = 0; i < ARRAY_SIZE(user); i++)
		user[i] = kthread_run(peer_user, &busy[i], "weft-user");
	for (i = 0; i < 200; i++) {
		struct weft_peer *peer = world_add_peer(world, 1 + i % 8);

		start_peer(peer);
		peer = find_peer(world, 1 + (i * 5) % 8);
		if (peer) {
			weft_peer_put(peer);
			world_remove_peer(peer);
		}
		cond_resched();
	}
	for (i = 0; i < ARRAY_SIZE(user); i++)
		kthread_stop(user[i]);
	EXPECT(t, world->device.peer_count <= 8);
	world_destroy(world);
}

TEST_SUITE_AROUND("peer", world_set_up, world_tear_down,
		  TEST_CASE(peer_is_found),
		  TEST_CASE(peer_is_removed),
		  TEST_CASE(peer_reference_outlives_removal),
		  TEST_CASE(peers_are_removed_together),
		  TEST_CASE(peer_removal_ends_its_sessions),
		  TEST_CASE(peer_queues_actions),
		  TEST_CASE(peer_tries_again),
		  TEST_CASE(peer_reports_sessions),
		  TEST_CASE(peer_reports_no_erased_session),
		  TEST_CASE(peer_keeps_alive),
		  TEST_CASE(peer_stops),
		  TEST_CASE(peer_retires),
		  TEST_CASE(peer_roams),
		  TEST_CASE(peer_numbers_its_endpoints),
		  TEST_CASE(peer_is_pinned),
		  TEST_CASE(peers_change_under_users));
