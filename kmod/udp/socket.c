// SPDX-License-Identifier: GPL-2.0

#include "udp/socket.h"
#include "core/device.h"
#include "udp/gro.h"
#include "udp/gso_rx.h"

#include <linux/net.h>
#include <linux/spinlock.h>
#include <linux/udp.h>
#include <linux/uidgid.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/udp.h>
#include <net/udp_tunnel.h>

/* Ports tried while any port will do and the one chosen for IPv4 is in use for IPv6. */
#define SOCKET_TRIES	100

/* The parameters of opening a device's sockets. */
struct socket_job {
	struct weft_device *device;
	struct net *net;
	const struct weft_binding *binding;
	struct weft_socket_pair old;	/* the device's present sockets */
	bool takes_over;	/* @binding has the port of the present sockets */
};

static int socket_receive(struct sock *sk, struct sk_buff *skb)
{
	struct weft_device *device = rcu_dereference_sk_user_data(sk);

	if (likely(device))
		device->ops->receive(device, skb);
	else
		kfree_skb(skb);
	return 0;
}

/*
 * Called before the socket is bound, so that no packet stays in its receive queue during setup. The
 * static key that enables UDP encapsulation is on while other tunnel sockets exist.
 */
static void socket_take_packets(struct sock *sk, struct weft_device *device)
{
	rcu_assign_sk_user_data(sk, device);
	WRITE_ONCE(udp_sk(sk)->encap_rcv, socket_receive);
	WRITE_ONCE(udp_sk(sk)->encap_type, 1);
}

static void socket_prepare(struct net *net, struct sock *sk, struct weft_device *device)
{
	struct udp_tunnel_sock_cfg config = {
		.sk_user_data = device,
		.encap_type = 1,
		.encap_rcv = socket_receive,
		.gro_receive = weft_gro_receive,
		.gro_complete = weft_gro_complete,
	};

	/* Packets carry their own mark and are charged to the sockets that sent them. */
	sk->sk_allocation = GFP_ATOMIC;
	sk->sk_sndbuf = INT_MAX;
	sk_set_memalloc(sk);
	/* ICMP errors are looked up on the route of packets with this mark. */
	WRITE_ONCE(sk->sk_mark, READ_ONCE(device->fwmark));
	setup_udp_tunnel_sock(net, sk, &config);
	/* Packets that weft_gro_complete() merged are delivered unsegmented. */
	udp_allow_gso(sk);
}

static int socket_bind4(struct socket *socket, const struct weft_binding *binding, u16 port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = binding->address4,
	};

	return kernel_bind(socket, (struct sockaddr_unsized *)&address, sizeof(address));
}

static int socket_bind6(struct socket *socket, const struct weft_binding *binding, u16 port)
{
	struct sockaddr_in6 address = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = binding->address6,
	};
	int err = ip6_sock_set_v6only(socket->sk);

	return err ?: kernel_bind(socket, (struct sockaddr_unsized *)&address, sizeof(address));
}

/* The owner of a socket that is not shared: root of its namespace. */
static kuid_t socket_owner(const struct sock *sk)
{
	kuid_t root = make_kuid(sock_net(sk)->user_ns, 0);

	return uid_valid(root) ? root : GLOBAL_ROOT_UID;
}

/*
 * Adds a socket to, or removes it from, the group that may share one port: SO_REUSEPORT with an
 * owner that no process can have. SO_REUSEADDR would also admit every process that sets it.
 */
static void socket_share(struct sock *sk, bool share)
{
	kuid_t owner;

	if (!sk)
		return;
	owner = share ? INVALID_UID : socket_owner(sk);
	lock_sock(sk);
	sk->sk_reuseport = share;
	/* The kernel compares one or the other, depending on its version. */
	WRITE_ONCE(sk->sk_uid, owner);
	SOCK_INODE(sk->sk_socket)->i_uid = owner;
	release_sock(sk);
}

static bool socket_overlaps4(const struct sock *a, const struct sock *b)
{
	return !a->sk_rcv_saddr || !b->sk_rcv_saddr || a->sk_rcv_saddr == b->sk_rcv_saddr;
}

#if IS_ENABLED(CONFIG_IPV6)
static bool socket_overlaps6(const struct sock *a, const struct sock *b)
{
	if (b->sk_family != AF_INET6 || ipv6_addr_v4mapped(&b->sk_v6_rcv_saddr))
		return false;
	return ipv6_addr_any(&a->sk_v6_rcv_saddr) || ipv6_addr_any(&b->sk_v6_rcv_saddr) ||
	       ipv6_addr_equal(&a->sk_v6_rcv_saddr, &b->sk_v6_rcv_saddr);
}
#else
static bool socket_overlaps6(const struct sock *a, const struct sock *b)
{
	return false;
}
#endif

/* Whether @other, on the same port, may receive packets for @sk, one of ours, on @ifindex. */
static bool socket_overlaps(const struct sock *sk, int ifindex, const struct sock *other)
{
	int bound = READ_ONCE(other->sk_bound_dev_if);

	if (ifindex && bound && ifindex != bound)
		return false;
	/* Our IPv6 sockets accept no IPv4; those of others may. */
	if (sk->sk_family == AF_INET6)
		return socket_overlaps6(sk, other);
	return !ipv6_only_sock(other) && socket_overlaps4(sk, other);
}

/*
 * Whether a socket of ours, bound to @ifindex, would share its port with any socket except @ours.
 * The kernel's own check stops at the first socket that @sk may share with, skips more specific
 * addresses where many sockets have ports of one hash, and does not run when a socket is bound to
 * another interface. As no socket of ours is shareable, a socket refused here cannot bind later.
 */
static bool socket_is_taken(const struct sock *sk, int ifindex, const struct weft_socket_pair *ours)
{
	u16 port = ntohs(inet_sk(sk)->inet_sport);
	struct net *net = sock_net(sk);
	struct udp_hslot *slot = udp_hashslot(weft_compat_udp_table(sk), net, port);
	const struct sock *other;
	bool taken = false;

	spin_lock_bh(&slot->lock);
	sk_for_each(other, &slot->head) {
		if (other == sk || other == ours->sock4 || other == ours->sock6 ||
		    !net_eq(sock_net(other), net) || udp_sk(other)->udp_port_hash != port)
			continue;
		taken = socket_overlaps(sk, ifindex, other);
		if (taken)
			break;
	}
	spin_unlock_bh(&slot->lock);
	return taken;
}

static int socket_bind(struct socket *socket, const struct socket_job *job, bool v6, u16 port)
{
	struct sock *sk = socket->sk;
	int err = sock_bindtoindex(sk, job->binding->ifindex, true);

	if (err)
		return err;
	socket_share(sk, job->takes_over);
	err = v6 ? socket_bind6(socket, job->binding, port) : socket_bind4(socket, job->binding,
									   port);
	socket_share(sk, false);
	if (!err && socket_is_taken(sk, job->binding->ifindex, &job->old))
		err = -EADDRINUSE;
	return err;
}

/* Closes a socket. Lookups that found it before deliver to the device until socket_forget(). */
static struct sock *socket_shut(struct socket *socket)
{
	struct sock *sk = socket->sk;

	sock_hold(sk);
	sock_release(socket);
	return sk;
}

/*
 * Drops the reference to a closed socket. A packet that is queued elsewhere (NFQUEUE, after
 * bpf_sk_assign()) may hold the socket longer than the device exists.
 */
static void socket_forget(struct sock *sk)
{
	rcu_assign_sk_user_data(sk, NULL);
	sock_put(sk);
}

/* Closes a socket that could not be opened fully. Packets may have found it once it was bound. */
static void socket_abandon(struct socket *socket)
{
	bool bound = sk_hashed(socket->sk);
	struct sock *sk = socket_shut(socket);

	if (bound)
		synchronize_net();
	socket_forget(sk);
}

static int socket_open_one(struct sock **sk, const struct socket_job *job, bool v6, u16 port)
{
	struct socket *socket;
	int err;

	err = sock_create_kern(job->net, v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, IPPROTO_UDP, &socket);
	if (err)
		return err;
	socket_take_packets(socket->sk, job->device);
	err = socket_bind(socket, job, v6, port);
	if (err)
		goto abandon;
	err = weft_gso_rx_add(socket->sk);
	if (err)
		goto abandon;
	socket_prepare(job->net, socket->sk, job->device);
	*sk = socket->sk;
	return 0;

abandon:
	socket_abandon(socket);
	return err;
}

static void socket_shut_both(const struct weft_socket_pair *pair)
{
	struct sock *socks[] = { pair->sock4, pair->sock6 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(socks); i++) {
		if (!socks[i])
			continue;
		weft_gso_rx_remove(socks[i]);
		sk_clear_memalloc(socks[i]);
		socket_shut(socks[i]->sk_socket);
	}
}

static void socket_forget_both(struct weft_socket_pair *pair)
{
	if (pair->sock4)
		socket_forget(pair->sock4);
	if (pair->sock6)
		socket_forget(pair->sock6);
	pair->sock4 = NULL;
	pair->sock6 = NULL;
}

/* Whether a family needs a socket: both do if neither or both have an address. */
static bool socket_is_wanted(const struct weft_binding *binding, bool v6)
{
	bool any4 = !binding->address4.s_addr, any6 = ipv6_addr_any(&binding->address6);

	if (v6 && any6 && (!IS_ENABLED(CONFIG_IPV6) || !ipv6_mod_enabled()))
		return false;
	return any4 == any6 || (v6 ? any4 : any6);
}

static int socket_open_both(struct weft_socket_pair *pair, const struct socket_job *job)
{
	int err = 0;

	memset(pair, 0, sizeof(*pair));
	pair->port = job->binding->port;
	if (socket_is_wanted(job->binding, false)) {
		err = socket_open_one(&pair->sock4, job, false, pair->port);
		if (err)
			return err;
		pair->port = ntohs(inet_sk(pair->sock4)->inet_sport);
	}
	if (socket_is_wanted(job->binding, true)) {
		err = socket_open_one(&pair->sock6, job, true, pair->port);
		if (!err)
			pair->port = ntohs(inet_sk(pair->sock6)->inet_sport);
	}
	if (err)
		weft_socket_close(pair);
	return err;
}

/* The present sockets of a device. */
static struct weft_socket_pair socket_pair(const struct weft_device *device)
{
	return (struct weft_socket_pair){
		.sock4 = rcu_dereference_protected(device->sock4,
						   lockdep_is_held(&device->config_lock)),
		.sock6 = rcu_dereference_protected(device->sock6,
						   lockdep_is_held(&device->config_lock)),
	};
}

/**
 * weft_socket_open() - open sockets for both families on one port
 * @pair: gets the sockets and the port
 * @device: the device that owns them; its present sockets may have this port
 * @net: their namespace; they hold no reference to it
 * @binding: the addresses, port and interface to bind; port 0: any that is free for both. With an
 * address for one family only, the other family gets no socket
 *
 * No other socket in the namespace receives on this port, on the addresses and interface that the
 * new sockets are bound to: neither an earlier one nor, while they are open, a later one. The
 * device's present sockets keep the port until they are closed.
 *
 * Context: process, device->config_lock; may sleep.
 * Return: 0 or a negative errno, -EADDRINUSE if another socket has the port; then none is open.
 * Without IPv6 in the kernel, pair->sock6 is NULL.
 */
int weft_socket_open(struct weft_socket_pair *pair, struct weft_device *device, struct net *net,
		     const struct weft_binding *binding)
{
	struct socket_job job = {
		.device = device, .net = net, .binding = binding, .old = socket_pair(device),
	};
	int tries = binding->port ? 1 : SOCKET_TRIES;
	int err;

	lockdep_assert_held(&device->config_lock);
	job.takes_over = (job.old.sock4 || job.old.sock6) && binding->port &&
			 binding->port == device->binding.port;
	if (job.takes_over) {
		socket_share(job.old.sock4, true);
		socket_share(job.old.sock6, true);
	}
	do {
		err = socket_open_both(pair, &job);
	} while (err == -EADDRINUSE && --tries);
	if (job.takes_over) {
		socket_share(job.old.sock4, false);
		socket_share(job.old.sock6, false);
	}
	return err;
}

/**
 * weft_socket_release() - close sockets without waiting for their users
 * @pair: the sockets; forgotten
 *
 * Packets that found the sockets before are delivered to the device or dropped, for one grace
 * period.
 *
 * Context: process; may sleep.
 * Return: whether there were any.
 */
bool weft_socket_release(struct weft_socket_pair *pair)
{
	bool any = pair->sock4 || pair->sock6;

	socket_shut_both(pair);
	socket_forget_both(pair);
	return any;
}

/**
 * weft_socket_close() - close sockets and wait for their users
 * @pair: the sockets; forgotten
 *
 * Packets that found the sockets before are delivered to the device.
 *
 * Context: process, config_lock of the device that they deliver to: on return no packet arrives
 * through them any more. May sleep.
 */
void weft_socket_close(struct weft_socket_pair *pair)
{
	if (!pair->sock4 && !pair->sock6)
		return;
	socket_shut_both(pair);
	synchronize_net();
	socket_forget_both(pair);
}

/**
 * weft_socket_swap() - exchange a device's sockets
 * @device: the device
 * @pair: the new sockets; gets the device's previous ones, for weft_socket_close(). The port is not
 * changed.
 *
 * Context: process, device->config_lock.
 */
void weft_socket_swap(struct weft_device *device, struct weft_socket_pair *pair)
{
	pair->sock4 = rcu_replace_pointer(device->sock4, pair->sock4,
					  lockdep_is_held(&device->config_lock));
	pair->sock6 = rcu_replace_pointer(device->sock6, pair->sock6,
					  lockdep_is_held(&device->config_lock));
}

static int socket_bind_to(const struct weft_socket_pair *pair, int ifindex)
{
	int err = pair->sock4 ? sock_bindtoindex(pair->sock4, ifindex, true) : 0;

	if (!err && pair->sock6)
		err = sock_bindtoindex(pair->sock6, ifindex, true);
	return err;
}

static bool socket_any_is_taken(const struct weft_socket_pair *pair, int ifindex)
{
	return (pair->sock4 && socket_is_taken(pair->sock4, ifindex, pair)) ||
	       (pair->sock6 && socket_is_taken(pair->sock6, ifindex, pair));
}

/**
 * weft_socket_bind_to() - bind a device's sockets to another interface
 * @device: the device
 * @ifindex: the interface; 0: none
 *
 * Context: process, device->config_lock; may sleep. The caller drops cached routes.
 * Return: 0; -EADDRINUSE: another socket has the port there; or -EPERM: the caller lacks
 * CAP_NET_RAW, which rebinding requires. On error nothing has changed.
 */
int weft_socket_bind_to(struct weft_device *device, int ifindex)
{
	struct weft_socket_pair pair = socket_pair(device);
	int err;

	if (socket_any_is_taken(&pair, ifindex))
		return -EADDRINUSE;
	err = socket_bind_to(&pair, ifindex);
	/* No socket can bind the port from here on; one may have just before. */
	if (!err && socket_any_is_taken(&pair, ifindex))
		err = -EADDRINUSE;
	if (err)
		socket_bind_to(&pair, device->binding.ifindex);
	return err;
}
