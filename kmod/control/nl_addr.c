// SPDX-License-Identifier: GPL-2.0

#include "control/nl_addr.h"
#include "control/refuse.h"
#include "core/candidates.h"
#include "core/device.h"
#include "core/endpoint.h"
#include "udp/binding.h"

#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/ipv6.h>
#include <net/netlink.h>

#include <uapi/linux/weft.h>

/**
 * weft_nl_addr_put() - put an endpoint into a message
 * @skb: the message
 * @type: the attribute
 * @endpoint: the endpoint; an unknown one is left out
 *
 * Return: 0 or -EMSGSIZE.
 */
int weft_nl_addr_put(struct sk_buff *skb, int type, const struct weft_endpoint *endpoint)
{
	if (endpoint->addr.sa_family == AF_INET)
		return nla_put(skb, type, sizeof(endpoint->addr4), &endpoint->addr4);
	if (endpoint->addr.sa_family == AF_INET6)
		return nla_put(skb, type, sizeof(endpoint->addr6), &endpoint->addr6);
	return 0;
}

static int nl_addr_put_candidate(struct sk_buff *skb, const struct weft_endpoint *endpoint)
{
	struct nlattr *nest = nla_nest_start(skb, 0);

	if (!nest)
		return -EMSGSIZE;
	if (weft_nl_addr_put(skb, WEFT_CANDIDATE_A_ENDPOINT, endpoint)) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

/**
 * weft_nl_addr_put_candidates() - put a peer's candidates into a message
 * @skb: the message
 * @candidates: the candidates, or NULL, which are left out
 *
 * Context: process, the lock that the list is changed under.
 * Return: 0 or -EMSGSIZE.
 */
int weft_nl_addr_put_candidates(struct sk_buff *skb, const struct weft_candidates *candidates)
{
	struct nlattr *nest;
	unsigned int i;

	if (!candidates)
		return 0;
	nest = nla_nest_start(skb, WEFT_PEER_A_CANDIDATES);
	if (!nest)
		return -EMSGSIZE;
	for (i = 0; i < candidates->count; i++) {
		if (nl_addr_put_candidate(skb, &candidates->list[i])) {
			nla_nest_cancel(skb, nest);
			return -EMSGSIZE;
		}
	}
	nla_nest_end(skb, nest);
	return 0;
}

/**
 * weft_nl_addr_put_binding() - put the binding of a device's sockets into a message, except the
 * port
 * @skb: the message
 * @device: the device
 *
 * Context: process, device->config_lock.
 * Return: 0 or -EMSGSIZE.
 */
int weft_nl_addr_put_binding(struct sk_buff *skb, const struct weft_device *device)
{
	const struct weft_binding *binding = &device->binding;
	int err;

	err = nla_put_in_addr(skb, WEFT_DEVICE_A_LISTEN_ADDRESS4, binding->address4.s_addr) ?:
	      nla_put_in6_addr(skb, WEFT_DEVICE_A_LISTEN_ADDRESS6, &binding->address6);
	if (err || !binding->ifname[0])
		return err;
	if (weft_binding_is_there(device))
		err = nla_put_u32(skb, WEFT_DEVICE_A_BIND_IFINDEX, binding->ifindex);
	return err ?: nla_put_string(skb, WEFT_DEVICE_A_BIND_IFNAME, binding->ifname);
}

/**
 * weft_nl_addr_get() - read an endpoint
 * @endpoint: filled in
 * @attr: the attribute
 * @extack: names the error
 *
 * Return: 0 or -EINVAL.
 */
int weft_nl_addr_get(struct weft_endpoint *endpoint, const struct nlattr *attr,
		     struct netlink_ext_ack *extack)
{
	int len = nla_len(attr);
	u16 family = 0;

	memset(endpoint, 0, sizeof(*endpoint));
	if (len >= (int)sizeof(family))
		memcpy(&family, nla_data(attr), sizeof(family));
	if (family == AF_INET && len == sizeof(endpoint->addr4)) {
		const struct sockaddr_in *from = nla_data(attr);

		endpoint->addr4.sin_family = AF_INET;
		endpoint->addr4.sin_port = from->sin_port;
		endpoint->addr4.sin_addr = from->sin_addr;
	} else if (family == AF_INET6 && len == sizeof(endpoint->addr6)) {
		memcpy(&endpoint->addr6, nla_data(attr), sizeof(endpoint->addr6));
		endpoint->addr6.sin6_flowinfo = 0;
	} else {
		return weft_refuse_attr(extack, attr, -EINVAL,
					"endpoint: no struct sockaddr_in or sockaddr_in6");
	}
	return 0;
}

static int nl_addr_get_candidate(struct weft_endpoint *endpoint, const struct nlattr *nest,
				 struct netlink_ext_ack *extack)
{
	struct nlattr *attrs[WEFT_CANDIDATE_A_MAX + 1];
	int err;

	err = nla_parse_nested(attrs, WEFT_CANDIDATE_A_MAX, nest, NULL, extack);
	if (err)
		return err;
	if (!attrs[WEFT_CANDIDATE_A_ENDPOINT])
		return weft_refuse_attr(extack, nest, -EINVAL, "candidate: it needs an endpoint");
	err = weft_nl_addr_get(endpoint, attrs[WEFT_CANDIDATE_A_ENDPOINT], extack);
	if (err || endpoint->addr.sa_family != AF_INET6)
		return err;
	/* Packets received from there will not have one either. */
	if (!__ipv6_addr_needs_scope_id(ipv6_addr_type(&endpoint->addr6.sin6_addr)))
		endpoint->addr6.sin6_scope_id = 0;
	return 0;
}

/* Counts the candidates, and checks for trailing bytes, which the core does not. */
static int nl_addr_count(const struct nlattr *nest, struct netlink_ext_ack *extack)
{
	const struct nlattr *attr;
	int rest, count = 0;

	nla_for_each_nested(attr, nest, rest)
		count++;
	if (rest > 0)
		return weft_refuse_attr(extack, nest, -EINVAL,
					"candidates: bytes after the last attribute");
	if (count > WEFT_CANDIDATES_MAX)
		return weft_refuse_attr(extack, nest, -E2BIG, "candidates: a peer has at most 16");
	return count;
}

/* Drops duplicates: candidates behind one would never be reached. */
static int nl_addr_fill(struct weft_candidates *candidates, const struct nlattr *nest,
			struct netlink_ext_ack *extack)
{
	const struct nlattr *attr;
	struct weft_endpoint endpoint;
	int rest, err;

	candidates->count = 0;
	nla_for_each_nested(attr, nest, rest) {
		err = nl_addr_get_candidate(&endpoint, attr, extack);
		if (err)
			return err;
		if (!weft_candidates_hold(candidates, &endpoint))
			candidates->list[candidates->count++] = endpoint;
	}
	return 0;
}

/**
 * weft_nl_addr_get_candidates() - read a peer's candidates
 * @candidates: gets them, to be freed with kfree(), even on error; NULL for none
 * @nest: the attribute
 * @extack: names the error
 *
 * Context: process; may sleep.
 * Return: 0 or a negative errno.
 */
int weft_nl_addr_get_candidates(struct weft_candidates **candidates, const struct nlattr *nest,
				struct netlink_ext_ack *extack)
{
	int count = nl_addr_count(nest, extack);

	*candidates = NULL;
	if (count <= 0)
		return count;
	*candidates = weft_candidates_create(count);
	if (!*candidates)
		return -ENOMEM;
	return nl_addr_fill(*candidates, nest, extack);
}

/* Parses the interface, by index or by name; 0 or "" means none. */
static int nl_addr_get_interface(struct weft_binding *binding, struct nlattr **attrs,
				 struct netlink_ext_ack *extack)
{
	struct nlattr *index = attrs[WEFT_DEVICE_A_BIND_IFINDEX],
		      *name = attrs[WEFT_DEVICE_A_BIND_IFNAME];

	if (index && name)
		return weft_refuse_attr(extack, name, -EINVAL,
					"bind device: give its index or its name, and not both");
	if (index && nla_get_u32(index) > INT_MAX)
		return weft_refuse_attr(extack, index, -EINVAL,
					"bind device: there is no such index");
	if (index)
		binding->ifindex = nla_get_u32(index);
	if (name)
		nla_strscpy(binding->ifname, name, sizeof(binding->ifname));
	return 0;
}

/* A socket is bound to a local address: neither multicast nor broadcast. */
static int nl_addr_get_addresses(struct weft_binding *binding, struct nlattr **attrs,
				 struct netlink_ext_ack *extack)
{
	const struct nlattr *address4 = attrs[WEFT_DEVICE_A_LISTEN_ADDRESS4],
			    *address6 = attrs[WEFT_DEVICE_A_LISTEN_ADDRESS6];

	if (address4)
		binding->address4.s_addr = nla_get_in_addr(address4);
	if (address6)
		binding->address6 = nla_get_in6_addr(address6);
	if (ipv4_is_multicast(binding->address4.s_addr) ||
	    ipv4_is_lbcast(binding->address4.s_addr))
		return weft_refuse_attr(extack, address4, -EINVAL,
					"listen address: a multicast or broadcast address is none of a socket");
	if (ipv6_addr_is_multicast(&binding->address6))
		return weft_refuse_attr(extack, address6, -EINVAL,
					"listen address: a multicast or broadcast address is none of a socket");
	return 0;
}

/**
 * weft_nl_addr_get_binding() - read the new binding of a device's sockets, except the port
 * @binding: gets it; zeroed
 * @attrs: a device's attributes, weft's own included
 * @extack: names the error
 *
 * Return: 0 or -EINVAL.
 */
int weft_nl_addr_get_binding(struct weft_binding *binding, struct nlattr **attrs,
			     struct netlink_ext_ack *extack)
{
	return nl_addr_get_addresses(binding, attrs, extack) ?:
	       nl_addr_get_interface(binding, attrs, extack);
}
