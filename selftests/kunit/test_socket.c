// SPDX-License-Identifier: GPL-2.0
/* Sockets that are refused or closed, and packets that hold them for longer than that. */
#include "test.h"
#include "udp/socket.c"
#include "world.h"

#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/rcupdate.h>
#include <linux/sched/task.h>

/* A CPU that has found a socket for a packet, and is held up until the socket is closed. */
struct late {
	struct task_struct *thread;
	struct sock *sk;
	atomic_t found;
};

static struct sock *port_held;		/* by a packet, as it were */
static int port_verdict;		/* of what comes last before a socket is ready */
static struct late *port_late;		/* finds the next socket that is bound, or NULL */

static void find_socket(struct late *late, struct sock *sk)
{
	late->sk = sk;
	get_task_struct(late->thread);
	wake_up_process(late->thread);
	while (!atomic_read(&late->found))
		msleep(20);
}

/* Beside gso_rx.c, which does without sockets here; at this point the port is bound. */
int weft_gso_rx_add(struct sock *sk)
{
	sock_hold(sk);
	port_held = sk;
	if (port_late)
		find_socket(port_late, sk);
	return port_verdict;
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

static int open_port(struct world *world, struct weft_socket_pair *pair)
{
	const struct weft_binding binding = { .address4.s_addr = htonl(INADDR_LOOPBACK) };
	int err;

	mutex_lock(&world->device.config_lock);
	err = weft_socket_open(pair, &world->device, &init_net, &binding);
	mutex_unlock(&world->device.config_lock);
	return err;
}

/* Whether a packet that still holds the socket would be the device's. */
static bool leads_to_device(const struct sock *sk)
{
	bool leads;

	rcu_read_lock();
	leads = rcu_dereference_sk_user_data(sk);
	rcu_read_unlock();
	return leads;
}

static void port_lets_go_of_a_refused_socket(struct test *t)
{
	struct world *world = world_create();
	struct weft_socket_pair pair;

	port_verdict = -ENOMEM;
	EXPECT_EQ(t, open_port(world, &pair), -ENOMEM);
	EXPECT(t, !pair.sock4 && !pair.sock6);
	EXPECT(t, !leads_to_device(port_held));
	sock_put(port_held);
	world_destroy(world);
}

static void port_lets_go_of_a_closed_socket(struct test *t)
{
	struct world *world = world_create();
	struct weft_socket_pair pair;

	port_verdict = 0;
	EXPECT_EQ(t, open_port(world, &pair), 0);
	EXPECT_PTR(t, pair.sock4, port_held);
	EXPECT(t, pair.port);
	EXPECT(t, leads_to_device(port_held));
	weft_socket_close(&pair);
	EXPECT(t, !leads_to_device(port_held));
	sock_put(port_held);
	world_destroy(world);
}

/* Under RCU: sleep would end the section on some kernels. */
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

/* A thread for find_socket(). Returns whether there is one. */
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

static void port_loses_nothing_that_has_found_it(struct test *t)
{
	struct world *world = world_create();
	struct weft_socket_pair pair;
	struct late late;

	port_verdict = 0;
	EXPECT_EQ(t, open_port(world, &pair), 0);
	if (late_create(t, &late)) {
		find_socket(&late, port_held);
		weft_socket_close(&pair);
		late_join(&late);
		EXPECT_EQ(t, atomic_read(&world->received), 1);
	} else {
		weft_socket_close(&pair);
	}
	sock_put(port_held);
	world_destroy(world);
}

/* A packet may find a socket that is bound, and refused all the same. */
static void port_outlives_what_has_found_it(struct test *t)
{
	struct world *world = world_create();
	struct weft_socket_pair pair;
	struct late late;

	port_verdict = -ENOMEM;
	if (late_create(t, &late)) {
		port_late = &late;
		EXPECT_EQ(t, open_port(world, &pair), -ENOMEM);
		port_late = NULL;
		late_join(&late);
		EXPECT_EQ(t, atomic_read(&world->received), 1);
		sock_put(port_held);
	}
	world_destroy(world);
}

TEST_SUITE("socket",
	   TEST_CASE(port_loses_nothing_that_has_found_it),
	   TEST_CASE(port_outlives_what_has_found_it),
	   TEST_CASE(port_lets_go_of_a_refused_socket),
	   TEST_CASE(port_lets_go_of_a_closed_socket));
