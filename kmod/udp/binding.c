// SPDX-License-Identifier: GPL-2.0

#include "udp/binding.h"
#include "core/device.h"
#include "core/peer_endpoint.h"
#include "core/peer_ref.h"
#include "udp/output.h"
#include "udp/socket.h"

#include <linux/netdevice.h>
#include <linux/netlink.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>

/* The namespace of a device's sockets, with a reference, or NULL: it is gone. */
static struct net *binding_home(struct weft_device *device)
{
	struct net *home;

	rcu_read_lock();
	home = rcu_dereference(device->home);
	home = home ? maybe_get_net(home) : NULL;
	rcu_read_unlock();
	return home;
}

/*
 * Finds the interface of a binding, by name or, if it has none, by index, and records both. Returns
 * false if there is no such interface.
 */
static bool binding_find(struct weft_binding *binding, struct net *home)
{
	struct net_device *dev;

	if (binding->ifname[0])
		dev = dev_get_by_name(home, binding->ifname);
	else if (binding->ifindex)
		dev = dev_get_by_index(home, binding->ifindex);
	else
		return true;
	if (!dev)
		return false;
	binding->ifindex = dev->ifindex;
	strscpy(binding->ifname, dev->name, sizeof(binding->ifname));
	dev_put(dev);
	return true;
}

static void binding_explain(int err, const struct weft_binding *binding,
			    struct netlink_ext_ack *extack)
{
	if (err == -EADDRINUSE)
		WEFT_COMPAT_SET_ERR_MSG(extack, "listen port", "another socket has UDP port",
					binding->port);
	else if (err == -EADDRNOTAVAIL)
		NL_SET_ERR_MSG(extack, "listen address: it is none of this host's addresses");
	else if (err == -EAFNOSUPPORT)
		NL_SET_ERR_MSG(extack, "listen address: this host has no IPv6");
	else
		NL_SET_ERR_MSG(extack, "listen port: the UDP sockets cannot be opened");
}

/**
 * weft_binding_open() - open a device's sockets in their namespace, and record the port
 * @device: the device
 * @extack: names the reason of a failure
 *
 * Context: process, device->config_lock.
 * Return: 0 or a negative errno.
 */
int weft_binding_open(struct weft_device *device, struct netlink_ext_ack *extack)
{
	struct weft_socket_pair sockets = {};
	struct net *home;
	int err = -ENODEV;

	lockdep_assert_held(&device->config_lock);
	home = binding_home(device);
	if (!home)
		return -ENONET;
	if (binding_find(&device->binding, home))
		err = weft_socket_open(&sockets, device, home, &device->binding);
	put_net(home);
	if (err) {
		binding_explain(err, &device->binding, extack);
		return err;
	}
	device->binding.port = sockets.port;
	weft_socket_swap(device, &sockets);
	return 0;
}

/**
 * weft_binding_release() - close a device's sockets without waiting for their users
 * @device: the device; packets still reach it for a grace period
 *
 * Context: process, device->config_lock; may sleep.
 * Return: whether there were any.
 */
bool weft_binding_release(struct weft_device *device)
{
	struct weft_socket_pair sockets = {};

	weft_socket_swap(device, &sockets);
	return weft_socket_release(&sockets);
}

/**
 * weft_binding_close() - close a device's sockets, and wait for packets received by them
 * @device: the device
 *
 * Context: process, device->config_lock; may sleep.
 */
void weft_binding_close(struct weft_device *device)
{
	if (weft_binding_release(device))
		synchronize_net();
	/* No packet comes in any more. */
	weft_device_wait_for_jobs(device);
}

/**
 * weft_binding_may() - whether the caller may change the binding and the mark
 * @device: the device
 *
 * CAP_NET_ADMIN is required in the namespace of the sockets, not in the one that the interface is
 * in now.
 *
 * Context: process.
 */
bool weft_binding_may(struct weft_device *device)
{
	struct net *home;
	bool may;

	rcu_read_lock();
	home = rcu_dereference(device->home);
	may = home && ns_capable(home->user_ns, CAP_NET_ADMIN);
	rcu_read_unlock();
	return may;
}

static bool binding_has_address(const struct weft_binding *binding)
{
	return binding->address4.s_addr || !ipv6_addr_any(&binding->address6);
}

static bool binding_same(const struct weft_binding *a, const struct weft_binding *b)
{
	return a->port == b->port && a->ifindex == b->ifindex &&
	       !strcmp(a->ifname, b->ifname) && a->address4.s_addr == b->address4.s_addr &&
	       ipv6_addr_equal(&a->address6, &b->address6);
}

/* Whether a binding keeps the device's present interface, which may not exist at the moment. */
static bool binding_stays(struct weft_binding *binding, const struct weft_binding *now)
{
	if (binding->ifname[0] && !strcmp(binding->ifname, now->ifname))
		binding->ifindex = now->ifindex;
	return binding->ifindex == now->ifindex && !strcmp(binding->ifname, now->ifname);
}

/*
 * Opens the sockets of a device that is up. For a device that is down, an address is tried on any
 * port: a wrong one is then refused now, and not when the device is brought up.
 */
static int binding_open_ahead(struct weft_device *device, const struct weft_binding *binding,
			      struct weft_socket_pair *sockets, struct net *home)
{
	struct weft_binding trial = *binding;
	int err;

	if (device->up)
		return weft_socket_open(sockets, device, home, binding);
	if (!binding_has_address(binding))
		return 0;
	trial.port = 0;
	err = weft_socket_open(sockets, device, home, &trial);
	weft_socket_close(sockets);
	return err;
}

static int binding_prepare_in(struct net *home, struct weft_device *device,
			      struct weft_binding *binding, struct weft_socket_pair *sockets,
			      struct netlink_ext_ack *extack)
{
	int err;

	if (!binding_stays(binding, &device->binding) && !binding_find(binding, home)) {
		NL_SET_ERR_MSG(extack, "bind device: there is no such interface");
		return -ENODEV;
	}
	if (binding->ifindex == device->dev->ifindex && home == dev_net(device->dev)) {
		NL_SET_ERR_MSG(extack, "bind device: it is the tunnel itself");
		return -ELOOP;
	}
	if (binding_same(binding, &device->binding))
		return 0;
	err = binding_open_ahead(device, binding, sockets, home);
	if (err)
		binding_explain(err, binding, extack);
	return err;
}

/**
 * weft_binding_prepare() - do the part of a change of binding that can fail
 * @device: the device
 * @binding: the new one, complete; an interface without a name is found by its index. Filled in
 * @sockets: gets the new sockets if any are needed, for weft_binding_apply() or weft_socket_close()
 * @extack: names the reason of a failure
 *
 * Context: process, device->config_lock, to be held until the sockets are the device's or closed:
 * the exit of their namespace takes the lock.
 * Return: 0 or a negative errno; then nothing has changed.
 */
int weft_binding_prepare(struct weft_device *device, struct weft_binding *binding,
			 struct weft_socket_pair *sockets, struct netlink_ext_ack *extack)
{
	struct net *home;
	int err;

	lockdep_assert_held(&device->config_lock);
	home = binding_home(device);
	if (!home) {
		NL_SET_ERR_MSG(extack, "listen port: the sockets' namespace is gone");
		return -ENONET;
	}
	err = binding_prepare_in(home, device, binding, sockets, extack);
	put_net(home);
	return err;
}

/**
 * weft_binding_forget_sources() - let routing choose the source for all peers again
 * @device: the device
 *
 * Context: process, device->config_lock.
 */
void weft_binding_forget_sources(struct weft_device *device)
{
	struct weft_peer *peer;

	lockdep_assert_held(&device->config_lock);
	list_for_each_entry(peer, &device->peers, list)
		weft_peer_forget_source(peer);
}

/**
 * weft_binding_apply() - change the binding
 * @device: the device
 * @binding: the new one, prepared
 * @sockets: the sockets of weft_binding_prepare(); gets the old ones, which are to be closed before
 * the lock is dropped
 *
 * Context: process, device->config_lock. Cannot fail.
 */
void weft_binding_apply(struct weft_device *device, const struct weft_binding *binding,
			struct weft_socket_pair *sockets)
{
	lockdep_assert_held(&device->config_lock);
	device->binding = *binding;
	if (!sockets->sock4 && !sockets->sock6)
		return;
	device->binding.port = sockets->port;
	weft_socket_swap(device, sockets);
	weft_binding_forget_sources(device);
}

/**
 * weft_binding_is_there() - whether the interface exists that a device's sockets are bound to
 * @device: the device
 *
 * Context: process, device->config_lock.
 */
bool weft_binding_is_there(const struct weft_device *device)
{
	struct net *home;
	bool there;

	lockdep_assert_held(&device->config_lock);
	rcu_read_lock();
	home = rcu_dereference(device->home);
	there = home && dev_get_by_index_rcu(home, device->binding.ifindex);
	rcu_read_unlock();
	return there;
}

/* Rebinds a device's sockets to an interface that replaces one that is gone. */
static void binding_follow(struct weft_device *device, const struct net_device *dev)
{
	int err = weft_socket_bind_to(device, dev->ifindex);

	if (err) {
		netdev_warn(device->dev, "does not listen on %s, UDP port %u: %s\n", dev->name,
			    device->binding.port, err == -EADDRINUSE ? "another socket has it" :
			    "the creator of the interface lacks CAP_NET_RAW");
		return;
	}
	device->binding.ifindex = dev->ifindex;
	weft_binding_forget_sources(device);
}

/**
 * weft_binding_meet() - an interface has appeared or been renamed
 * @device: a device
 * @dev: the interface
 *
 * Sockets that are bound to an interface follow its renames; once it is gone, they are bound to a
 * new interface of the same name.
 *
 * Context: process, rtnl; may sleep.
 */
void weft_binding_meet(struct weft_device *device, struct net_device *dev)
{
	struct weft_binding *binding = &device->binding;

	/* Most devices have no interface bound, and the lock may be held for long. */
	if (!data_race(binding->ifname[0]))
		return;
	mutex_lock(&device->config_lock);
	if (!binding->ifname[0] || rcu_access_pointer(device->home) != dev_net(dev)) {
		/* Not the interface that the sockets are bound to. */
	} else if (binding->ifindex == dev->ifindex) {
		strscpy(binding->ifname, dev->name, sizeof(binding->ifname));
	} else if (!strcmp(binding->ifname, dev->name) &&
		   !__dev_get_by_index(dev_net(dev), binding->ifindex)) {
		binding_follow(device, dev);
	}
	mutex_unlock(&device->config_lock);
}

/**
 * weft_binding_set_mark() - change the mark of outer packets
 * @device: the device
 * @fwmark: the mark; 0: none
 *
 * Context: process, device->config_lock.
 */
void weft_binding_set_mark(struct weft_device *device, u32 fwmark)
{
	lockdep_assert_held(&device->config_lock);
	if (device->fwmark == fwmark)
		return;
	WRITE_ONCE(device->fwmark, fwmark);
	weft_output_set_mark(device);
	weft_binding_forget_sources(device);
}
