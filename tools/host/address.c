// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/addr.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/route/addr.h>
#include <string.h>

#include "host/rtnl.h"

static struct nl_msg *address_build_list(int family, const void *wish)
{
	struct ifaddrmsg head = {
		.ifa_family = family, .ifa_index = *(const unsigned int *)wish,
	};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETADDR, NLM_F_DUMP);

	if (msg && nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static bool address_parse(struct nlattr **tb, const struct ifaddrmsg *head,
			  struct weft_route *address)
{
	struct nlattr *ip = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	size_t len = head->ifa_family == AF_INET ? sizeof(struct in_addr) :
						   sizeof(struct in6_addr);

	if (!ip || nla_len(ip) != (int)len)
		return false;
	address->prefix.family = head->ifa_family;
	address->prefix.cidr = head->ifa_prefixlen;
	memcpy(&address->prefix.ip4, nla_data(ip), len);
	if (tb[IFA_PROTO])
		address->protocol = nla_get_u8(tb[IFA_PROTO]);
	return true;
}

static int address_read(struct nlmsghdr *hdr, void *data)
{
	struct weft_rtnl_dump *dump = data;
	struct nlattr *tb[IFA_MAX + 1];
	struct weft_route address = { }, *added;
	struct ifaddrmsg *head;

	if (hdr->nlmsg_type != RTM_NEWADDR ||
	    nlmsg_parse(hdr, sizeof(*head), tb, IFA_MAX, NULL))
		return 0;
	head = nlmsg_data(hdr);
	if (head->ifa_family != dump->family ||
	    head->ifa_index != *(const unsigned int *)dump->wish ||
	    !address_parse(tb, head, &address))
		return 0;
	added = weft_host_routes_add(dump->list);
	if (!added)
		return -ENOMEM;
	*added = address;
	return 0;
}

static void address_forget(struct weft_rtnl_dump *dump)
{
	weft_host_routes_free(dump->list);
}

int weft_rtnl_addresses(struct weft_host *host, unsigned int index,
			struct weft_routes *addresses)
{
	struct weft_rtnl_dump dump = {
		.build = address_build_list, .read = address_read,
		.forget = address_forget, .wish = &index, .list = addresses,
	};

	return weft_rtnl_list(host, &dump);
}

static struct nl_msg *address_build(struct rtnl_addr *object, bool add)
{
	struct nl_msg *msg = NULL;
	int err;

	err = add ? rtnl_addr_build_add_request(object,
						NLM_F_CREATE | NLM_F_EXCL,
						&msg) :
		    rtnl_addr_build_delete_request(object, 0, &msg);
	if (err)
		return NULL;
	if (nla_put_u8(msg, IFA_PROTO, WEFT_PROTOCOL)) {
		nlmsg_free(msg);
		return NULL;
	}
	nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_ACK;
	return msg;
}

int weft_rtnl_address_change(struct weft_host *host,
			     const struct weft_change *change)
{
	struct nl_addr *addr = weft_rtnl_addr(&change->route.prefix);
	struct rtnl_addr *object = rtnl_addr_alloc();
	struct nl_msg *msg = NULL;

	if (addr && object) {
		rtnl_addr_set_ifindex(object, if_nametoindex(change->dev));
		if (!rtnl_addr_set_local(object, addr))
			msg = address_build(object, change->kind ==
					    WEFT_CHANGE_ADDRESS_ADD);
	}
	rtnl_addr_put(object);
	nl_addr_put(addr);
	return weft_rtnl_ask(host, msg, NULL, NULL);
}
