// SPDX-License-Identifier: GPL-2.0
/* The table of sessions: each session is found by its index, and by readers during changes. */
#include "test.h"
#include "core/index.c"
#include "core/session.h"

#include <linux/kthread.h>

#define MANY	500
#define READERS	3

static struct weft_session *session_in(struct test *t, struct weft_index *index)
{
	struct weft_session *session = test_zalloc(t, sizeof(*session));

	EXPECT_EQ(t, weft_index_add(index, &session->entry), 0);
	return session;
}

/* Not on the stack: debug objects expect no work item there. */
static struct weft_index *table(struct test *t)
{
	struct weft_index *index = test_zalloc(t, sizeof(*index));

	EXPECT_EQ(t, weft_index_init(index), 0);
	return index;
}

static void free_table(struct weft_index *index)
{
	weft_index_exit(index);
	test_free(index);
}

static struct weft_session *find(struct weft_index *index, __le32 id)
{
	struct weft_session *session;

	rcu_read_lock();
	session = weft_session_find(index, id);
	rcu_read_unlock();
	return session;
}

static void index_one(struct test *t)
{
	struct weft_index *index = table(t);
	struct weft_session *session = session_in(t, index);
	__le32 id = session->entry.id;

	EXPECT_PTR(t, find(index, id), session);
	EXPECT_PTR(t, find(index, id ^ cpu_to_le32(1)), NULL);
	EXPECT_PTR(t, find(index, id ^ cpu_to_le32(1U << 31)), NULL);
	weft_index_remove(index, &session->entry);
	EXPECT_PTR(t, find(index, id), NULL);
	/* A session may end twice: the second removal finds nothing. */
	weft_index_remove(index, &session->entry);
	synchronize_rcu();
	test_free(session);
	free_table(index);
}

/* Two tables grow and shrink; each session is found by its index, in its own table only. */
static void index_many(struct test *t)
{
	struct weft_session **sessions = test_zalloc(t, MANY * sizeof(*sessions));
	struct weft_index *index[2] = { table(t), table(t) };
	u32 ones = 0, zeros = 0;
	int i;

	for (i = 0; i < MANY; i++) {
		sessions[i] = session_in(t, index[i % 2]);
		ones |= le32_to_cpu(sessions[i]->entry.id);
		zeros |= ~le32_to_cpu(sessions[i]->entry.id);
	}
	for (i = 0; i < MANY; i++) {
		EXPECT_PTR(t, find(index[i % 2], sessions[i]->entry.id), sessions[i]);
		EXPECT(t, find(index[1 - i % 2], sessions[i]->entry.id) != sessions[i]);
	}
	/* The indices use all 32 bits. */
	EXPECT_EQ(t, ones, U32_MAX);
	EXPECT_EQ(t, zeros, U32_MAX);
	for (i = 0; i < MANY; i += 3)
		weft_index_remove(index[i % 2], &sessions[i]->entry);
	for (i = 0; i < MANY; i++)
		EXPECT_PTR(t, find(index[i % 2], sessions[i]->entry.id),
			   i % 3 ? sessions[i] : NULL);
	for (i = 0; i < MANY; i++) {
		if (i % 3)
			weft_index_remove(index[i % 2], &sessions[i]->entry);
	}
	synchronize_rcu();
	for (i = 0; i < MANY; i++)
		test_free(sessions[i]);
	free_table(index[0]);
	free_table(index[1]);
	test_free(sessions);
}

struct index_race {
	struct weft_index index;
	__le32 lasting;		/* the index of a session that stays */
	u32 coming;		/* the index of a session that is added and removed; READ_ONCE() */
	atomic_t wrong;
	atomic_t looks;
};

static int index_reader(void *data)
{
	struct index_race *race = data;
	struct weft_session *found;
	__le32 id;

	while (!kthread_should_stop()) {
		rcu_read_lock();
		found = weft_session_find(&race->index, race->lasting);
		if (!found || found->entry.id != race->lasting)
			atomic_inc(&race->wrong);
		id = (__force __le32)READ_ONCE(race->coming);
		found = weft_session_find(&race->index, id);
		if (found && found->entry.id != id)
			atomic_inc(&race->wrong);
		rcu_read_unlock();
		atomic_inc(&race->looks);
		cond_resched();
	}
	return 0;
}

static void index_changes_under_readers(struct test *t)
{
	struct index_race *race = test_zalloc(t, sizeof(*race));
	struct weft_session *lasting, *ring[64] = {};
	struct task_struct *reader[READERS];
	int i;

	EXPECT_EQ(t, weft_index_init(&race->index), 0);
	lasting = session_in(t, &race->index);
	race->lasting = lasting->entry.id;
	for (i = 0; i < READERS; i++)
		reader[i] = kthread_run(index_reader, race, "weft-reader");
	for (i = 0; i < 2000 || atomic_read(&race->looks) < 200; i++) {
		struct weft_session **slot = &ring[i % ARRAY_SIZE(ring)];

		if (*slot) {
			weft_index_remove(&race->index, &(*slot)->entry);
			kfree_rcu(*slot, rcu);
		}
		*slot = session_in(t, &race->index);
		WRITE_ONCE(race->coming, (__force u32)(*slot)->entry.id);
		cond_resched();
	}
	for (i = 0; i < READERS; i++)
		kthread_stop(reader[i]);
	EXPECT_EQ(t, atomic_read(&race->wrong), 0);
	for (i = 0; i < ARRAY_SIZE(ring); i++) {
		weft_index_remove(&race->index, &ring[i]->entry);
		kfree_rcu(ring[i], rcu);
	}
	weft_index_remove(&race->index, &lasting->entry);
	kfree_rcu(lasting, rcu);
	synchronize_rcu();
	weft_index_exit(&race->index);
	test_free(race);
}

TEST_SUITE("index",
	   TEST_CASE(index_one),
	   TEST_CASE(index_many),
	   TEST_CASE(index_changes_under_readers));
