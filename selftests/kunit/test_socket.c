// SPDX-License-Identifier: GPL-2.0
/* Sockets that are refused or closed, and packets that hold them beyond that. */
#include "test.h"
#include "udp/socket.c"
#include "world.h"

#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/rcupdate.h>
#include <linux/sched/task.h>

/* A CPU that has found a socket for a packet, and delivers it only after the close. */
struct late {
	struct task_struct *thread;
	struct sock *sk;
	atomic_t found;
};

static struct sock *held_socket;		/* with a reference, like a packet's */
static int add_result;		/* returned by the last step of opening a socket */
static struct late *next_late;		/* finds the next bound socket, or NULL */

static void find_socket(struct late *late, struct sock *sk)
{
	late->sk = sk;
	get_task_struct(late->thread);
	wake_up_process(late->thread);
	while (!atomic_read(&late->found))
		msleep(20);
}

/* Replaces gso_rx.c, whose call comes after the bind. */
int weft_gso_rx_add(struct sock *sk)
{
	sock_hold(sk);
	held_socket = sk;
	if (next_late)
		find_socket(next_late, sk);
	return add_result;
}

void weft_gso_rx_remove(struct sock *sk)
{
}

struct sk_buff *weft_gro_receive(struct sock *sk, struct list_head *head, struct sk_buff *skb)
{
	return NULL;
}

int weft_gro_complete(struct sock *sk, struct sk_buff *skb, int offset)
{
	return 0;
}

static int open_sockets(struct world *world, struct weft_socket_pair *pair)
{
	const struct weft_binding binding = { .address4.s_addr = htonl(INADDR_LOOPBACK) };
	int err;

	mutex_lock(&world->device.config_lock);
	err = weft_socket_open(pair, &world->device, &init_net, &binding);
	mutex_unlock(&world->device.config_lock);
	return err;
}

/* Whether a packet that holds the socket would still reach the device. */
static bool leads_to_device(const struct sock *sk)
{
	bool leads;

	rcu_read_lock();
	leads = rcu_dereference_sk_user_data(sk);
	rcu_read_unlock();
	return leads;
}

static void socket_refused_is_detached(struct test *t)
{
	struct world *world = world_create();
	struct weft_socket_pair pair;

	add_result = -ENOMEM;
	EXPECT_EQ(t, open_sockets(world, &pair), -ENOMEM);
	EXPECT(t, !pair.sock4 && !pair.sock6);
	EXPECT(t, !leads_to_device(held_socket));
	sock_put(held_socket);
	world_destroy(world);
}

static void socket_closed_is_detached(struct test *t)
{
	struct world *world = world_create();
	struct weft_socket_pair pair;

	add_result = 0;
	EXPECT_EQ(t, open_sockets(world, &pair), 0);
	EXPECT_PTR(t, pair.sock4, held_socket);
	EXPECT(t, pair.port);
	EXPECT(t, leads_to_device(held_socket));
	weft_socket_close(&pair);
	EXPECT(t, !leads_to_device(held_socket));
	sock_put(held_socket);
	world_destroy(world);
}

/* Spins under RCU: sleeping would end the section on some kernels. */
static void hold_up(const struct sock *sk)
{
	unsigned long patience = jiffies + 2 * HZ;

	while (!sock_flag(sk, SOCK_DEAD) && time_before(jiffies, patience))
		cpu_relax();
	patience = jiffies + max(HZ / 100, 2);
	while (time_before(jiffies, patience))
		cpu_relax();
}

static int hand_over_late(void *data)
{
	struct late *late = data;
	struct sk_buff *skb = alloc_skb(64, GFP_KERNEL);

	rcu_read_lock();
	atomic_set(&late->found, 1);
	hold_up(late->sk);
	if (skb)
		READ_ONCE(udp_sk(late->sk)->encap_rcv)(late->sk, skb);
	rcu_read_unlock();
	return 0;
}

/* Creates a thread for find_socket(). Returns false without one. */
static bool late_create(struct test *t, struct late *late)
{
	atomic_set(&late->found, 0);
	late->thread = kthread_create(hand_over_late, late, "weft_late");
	EXPECT(t, !IS_ERR(late->thread));
	return !IS_ERR(late->thread);
}

/* The thread has left the module when this returns. */
static void late_join(struct late *late)
{
	kthread_stop(late->thread);
	put_task_struct(late->thread);
}

static void socket_close_waits_for_receivers(struct test *t)
{
	struct world *world = world_create();
	struct weft_socket_pair pair;
	struct late late;

	add_result = 0;
	EXPECT_EQ(t, open_sockets(world, &pair), 0);
	if (late_create(t, &late)) {
		find_socket(&late, held_socket);
		weft_socket_close(&pair);
		late_join(&late);
		EXPECT_EQ(t, atomic_read(&world->received), 1);
	} else {
		weft_socket_close(&pair);
	}
	sock_put(held_socket);
	world_destroy(world);
}

/* A packet may find a socket between its bind and its refusal. */
static void socket_refusal_waits_for_receivers(struct test *t)
{
	struct world *world = world_create();
	struct weft_socket_pair pair;
	struct late late;

	add_result = -ENOMEM;
	if (late_create(t, &late)) {
		next_late = &late;
		EXPECT_EQ(t, open_sockets(world, &pair), -ENOMEM);
		next_late = NULL;
		late_join(&late);
		EXPECT_EQ(t, atomic_read(&world->received), 1);
		sock_put(held_socket);
	}
	world_destroy(world);
}

TEST_SUITE("socket",
	   TEST_CASE(socket_close_waits_for_receivers),
	   TEST_CASE(socket_refusal_waits_for_receivers),
	   TEST_CASE(socket_refused_is_detached),
	   TEST_CASE(socket_closed_is_detached));
