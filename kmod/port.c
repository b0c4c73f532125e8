// SPDX-License-Identifier: GPL-2.0

#include "port.h"
#include "device.h"
#include "gro.h"
#include "uncut.h"

#include <linux/net.h>
#include <linux/udp.h>
#include <net/ipv6.h>
#include <net/udp_tunnel.h>

/* Ports tried when any will do and the one that IPv4 got is taken for IPv6. */
#define PORT_TRIES	100

/* What is to be opened. */
struct port_job {
	struct weft_device *device;
	struct net *net;
	const struct weft_binding *binding;
	bool takes_over;	/* the port is that of the sockets which the device has */
};

static int port_receive(struct sock *sk, struct sk_buff *skb)
{
	struct weft_device *device = rcu_dereference_sk_user_data(sk);

	if (likely(device))
		device->ops->receive(device, skb);
	else
		kfree_skb(skb);
	return 0;
}

static void port_prepare(struct net *net, struct sock *sk, struct weft_device *device)
{
	struct udp_tunnel_sock_cfg config = {
		.sk_user_data = device,
		.encap_type = 1,
		.encap_rcv = port_receive,
		.gro_receive = weft_gro_receive,
		.gro_complete = weft_gro_complete,
	};

	/* Packets carry their own mark and are accounted to whoever made them. */
	sk->sk_allocation = GFP_ATOMIC;
	sk->sk_sndbuf = INT_MAX;
	sk_set_memalloc(sk);
	/* What routers report is about the route that packets with the mark take. */
	WRITE_ONCE(sk->sk_mark, READ_ONCE(device->fwmark));
	setup_udp_tunnel_sock(net, sk, &config);
	/* What weft_gro_complete() made is to arrive whole. */
	udp_allow_gso(sk);
}

static int port_bind4(struct socket *socket, const struct weft_binding *binding, u16 port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = binding->address4,
	};

	return kernel_bind(socket, (struct sockaddr_unsized *)&address, sizeof(address));
}

static int port_bind6(struct socket *socket, const struct weft_binding *binding, u16 port)
{
	struct sockaddr_in6 address = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = binding->address6,
	};
	int err = ip6_sock_set_v6only(socket->sk);

	return err ?: kernel_bind(socket, (struct sockaddr_unsized *)&address, sizeof(address));
}

/*
 * Lets a socket have the port of another one that lets it, too: while one of ours takes over from
 * another, and no longer. Until then both would be in each other's way.
 */
static void port_share(struct sock *sk, bool share)
{
	if (!sk)
		return;
	lock_sock(sk);
	sk->sk_reuse = share ? SK_CAN_REUSE : SK_NO_REUSE;
	release_sock(sk);
}

static int port_bind(struct socket *socket, const struct port_job *job, bool v6, u16 port)
{
	int err = sock_bindtoindex(socket->sk, job->binding->ifindex, true);

	if (err)
		return err;
	port_share(socket->sk, job->takes_over);
	err = v6 ? port_bind6(socket, job->binding, port) : port_bind4(socket, job->binding, port);
	port_share(socket->sk, false);
	return err;
}

static int port_open_one(struct sock **sk, const struct port_job *job, bool v6, u16 port)
{
	struct socket *socket;
	int err;

	err = sock_create_kern(job->net, v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, IPPROTO_UDP, &socket);
	if (err)
		return err;
	err = port_bind(socket, job, v6, port);
	if (err)
		goto release;
	err = weft_uncut_add(socket->sk);
	if (err)
		goto release;
	port_prepare(job->net, socket->sk, job->device);
	*sk = socket->sk;
	return 0;

release:
	sock_release(socket);
	return err;
}

/* Has nobody begin to use a socket any more. */
static void port_retire_one(struct sock *sk)
{
	if (sk)
		weft_uncut_remove(sk);
}

static void port_close_one(struct sock *sk)
{
	if (!sk)
		return;
	sk_clear_memalloc(sk);
	udp_tunnel_sock_release(sk);
}

/* Whether there is to be a socket of a family: of both, if neither or both have an address. */
static bool port_is_wanted(const struct weft_binding *binding, bool v6)
{
	bool any4 = !binding->address4.s_addr, any6 = ipv6_addr_any(&binding->address6);

	if (v6 && any6 && (!IS_ENABLED(CONFIG_IPV6) || !ipv6_mod_enabled()))
		return false;
	return any4 == any6 || (v6 ? any4 : any6);
}

static int port_open_both(struct weft_port_pair *pair, const struct port_job *job)
{
	int err = 0;

	memset(pair, 0, sizeof(*pair));
	pair->port = job->binding->port;
	if (port_is_wanted(job->binding, false)) {
		err = port_open_one(&pair->sock4, job, false, pair->port);
		if (err)
			return err;
		pair->port = ntohs(inet_sk(pair->sock4)->inet_sport);
	}
	if (port_is_wanted(job->binding, true)) {
		err = port_open_one(&pair->sock6, job, true, pair->port);
		if (!err)
			pair->port = ntohs(inet_sk(pair->sock6)->inet_sport);
	}
	if (err)
		weft_port_close(pair);
	return err;
}

/* Those that a device has. */
static struct weft_port_pair port_pair(const struct weft_device *device)
{
	return (struct weft_port_pair){
		.sock4 = rcu_dereference_protected(device->sock4,
						   lockdep_is_held(&device->config_lock)),
		.sock6 = rcu_dereference_protected(device->sock6,
						   lockdep_is_held(&device->config_lock)),
	};
}

/**
 * weft_port_open() - open sockets for both families on one port
 * @pair: gets the sockets and the port
 * @device: whose they are; those that it has may have this port
 * @net: the namespace they live in; not kept alive by them
 * @binding: what they are bound to; port 0: any that is free for both. With an address for one
 * family only, there is no socket of the other
 *
 * Context: process, device->config_lock; may sleep.
 * Return: 0 or a negative errno; then nothing is open. Without IPv6 in the kernel, pair->sock6 is
 * NULL.
 */
int weft_port_open(struct weft_port_pair *pair, struct weft_device *device, struct net *net,
		   const struct weft_binding *binding)
{
	struct weft_port_pair old = port_pair(device);
	struct port_job job = {
		.device = device, .net = net, .binding = binding,
		.takes_over = binding->port && binding->port == device->binding.port,
	};
	int tries = binding->port ? 1 : PORT_TRIES;
	int err;

	lockdep_assert_held(&device->config_lock);
	port_share(old.sock4, job.takes_over);
	port_share(old.sock6, job.takes_over);
	do {
		err = port_open_both(pair, &job);
	} while (err == -EADDRINUSE && --tries);
	port_share(old.sock4, false);
	port_share(old.sock6, false);
	return err;
}

/**
 * weft_port_close() - close sockets and wait for those who use them
 * @pair: the sockets; forgotten
 *
 * Context: process; may sleep.
 */
void weft_port_close(struct weft_port_pair *pair)
{
	port_retire_one(pair->sock4);
	port_retire_one(pair->sock6);
	if (pair->sock4 || pair->sock6)
		synchronize_net();
	port_close_one(pair->sock4);
	port_close_one(pair->sock6);
	pair->sock4 = NULL;
	pair->sock6 = NULL;
}

/**
 * weft_port_swap() - exchange a device's sockets
 * @device: the device
 * @pair: the new ones; gets those that the device had, for weft_port_close(). The port is left
 * alone.
 *
 * Context: process, device->config_lock.
 */
void weft_port_swap(struct weft_device *device, struct weft_port_pair *pair)
{
	pair->sock4 = rcu_replace_pointer(device->sock4, pair->sock4,
					  lockdep_is_held(&device->config_lock));
	pair->sock6 = rcu_replace_pointer(device->sock6, pair->sock6,
					  lockdep_is_held(&device->config_lock));
}

/**
 * weft_port_bind_to() - bind a device's sockets to another interface
 * @device: the device
 * @ifindex: the interface; 0: none
 *
 * Context: process, device->config_lock; may sleep. Cached routes are the caller's affair.
 */
void weft_port_bind_to(struct weft_device *device, int ifindex)
{
	struct weft_port_pair pair = port_pair(device);

	if (pair.sock4)
		sock_bindtoindex(pair.sock4, ifindex, true);
	if (pair.sock6)
		sock_bindtoindex(pair.sock6, ifindex, true);
}
