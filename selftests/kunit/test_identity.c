// SPDX-License-Identifier: GPL-2.0
/* Identities: created, published under RCU, replaced under readers, wiped and freed. */
#include "test.h"
#include "core/identity.c"

#include <linux/completion.h>
#include <linux/kthread.h>

#define READERS	3

static struct weft_identity *identity_of(u8 byte)
{
	u8 private[WEFT_KEY_LEN];

	memset(private, byte, sizeof(private));
	return weft_identity_create(private);
}

static void identity_is_made(struct test *t)
{
	struct weft_identity *a = identity_of(1), *b = identity_of(1);
	struct weft_cookie_keys keys;
	struct weft_noise_static own;

	memset(own.private, 1, sizeof(own.private));
	EXPECT(t, weft_noise_static_public(&own));
	EXPECT_BYTES(t, &a->key, &own, sizeof(own));
	weft_cookie_keys(&keys, own.public);
	EXPECT_BYTES(t, &a->cookie_keys, &keys, sizeof(keys));
	/* The same key once more makes another identity. */
	EXPECT(t, a->serial && b->serial && a->serial != b->serial);
	EXPECT_EQ(t, refcount_read(&a->refs), 1);
	weft_identity_put(a);
	weft_identity_put(b);
}

static void identity_of_zeros(struct test *t)
{
	EXPECT_EQ(t, PTR_ERR(identity_of(0)), -EINVAL);
	/* A put of NULL does nothing. */
	weft_identity_put(NULL);
}

static void identity_in_a_slot(struct test *t)
{
	struct weft_identity *a = identity_of(1), *b = identity_of(2), *got;
	struct weft_identity __rcu *slot = NULL;

	EXPECT_PTR(t, weft_identity_get(&slot), NULL);
	EXPECT(t, !weft_identity_is(&slot, a->serial));
	rcu_assign_pointer(slot, a);
	got = weft_identity_get(&slot);
	EXPECT_PTR(t, got, a);
	EXPECT_EQ(t, refcount_read(&a->refs), 2);
	EXPECT(t, weft_identity_is(&slot, a->serial));
	EXPECT(t, !weft_identity_is(&slot, b->serial));
	rcu_assign_pointer(slot, b);
	weft_identity_put(a);
	/* A reference keeps the identity's key. */
	EXPECT_EQ(t, got->key.private[5], 1);
	EXPECT(t, !weft_identity_is(&slot, got->serial));
	weft_identity_put(got);
	weft_identity_put(b);
}

/* A reader that found the identity before the last put may use it until its RCU section ends. */
static void identity_outlives_readers(struct test *t)
{
	struct weft_identity *identity = identity_of(3), *seen;
	struct weft_identity __rcu *slot;

	RCU_INIT_POINTER(slot, identity);
	rcu_read_lock();
	seen = rcu_dereference(slot);
	RCU_INIT_POINTER(slot, NULL);
	weft_identity_put(identity);
	EXPECT_EQ(t, seen->key.private[7], 3);
	EXPECT_EQ(t, refcount_read(&seen->refs), 0);
	EXPECT(t, !weft_identity_is(&slot, seen->serial));
	rcu_read_unlock();
	rcu_barrier();
}

struct identity_race {
	struct weft_identity __rcu *slot;
	atomic_t torn;
	atomic_t looks;
};

static int identity_reader(void *data)
{
	struct identity_race *race = data;
	struct weft_identity *identity;

	while (!kthread_should_stop()) {
		identity = weft_identity_get(&race->slot);
		/* Clamping changes the outer bytes only. */
		if (!identity || identity->key.private[1] != identity->key.private[30] ||
		    !identity->key.private[1])
			atomic_inc(&race->torn);
		weft_identity_put(identity);
		atomic_inc(&race->looks);
		cond_resched();
	}
	return 0;
}

static void identity_is_replaced_under_readers(struct test *t)
{
	struct identity_race *race = test_zalloc(t, sizeof(*race));
	struct task_struct *reader[READERS];
	struct weft_identity *old;
	int i;

	RCU_INIT_POINTER(race->slot, identity_of(1));
	for (i = 0; i < READERS; i++)
		reader[i] = kthread_run(identity_reader, race, "weft-reader");
	for (i = 0; i < 200 || atomic_read(&race->looks) < 200; i++) {
		old = rcu_dereference_protected(race->slot, 1);
		rcu_assign_pointer(race->slot, identity_of(1 + i % 200));
		weft_identity_put(old);
		cond_resched();
	}
	for (i = 0; i < READERS; i++)
		kthread_stop(reader[i]);
	EXPECT_EQ(t, atomic_read(&race->torn), 0);
	weft_identity_put(rcu_dereference_protected(race->slot, 1));
	rcu_barrier();
	test_free(race);
}

TEST_SUITE("identity",
	   TEST_CASE(identity_is_made),
	   TEST_CASE(identity_of_zeros),
	   TEST_CASE(identity_in_a_slot),
	   TEST_CASE(identity_outlives_readers),
	   TEST_CASE(identity_is_replaced_under_readers));
