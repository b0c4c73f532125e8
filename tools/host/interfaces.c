// SPDX-License-Identifier: GPL-2.0
/* All links and all addresses of this machine, and notifications of their changes. */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/array.h"
#include "host/rtnl.h"

#define INTERFACES_MESSAGE_BYTES	8192
/* A link without a carrier is not running. */
#define INTERFACES_UP			(IFF_UP | IFF_RUNNING)

/* Addresses. */

static struct nl_msg *interfaces_build_addresses(int family, const void *wish)
{
	struct ifaddrmsg head = { .ifa_family = family };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETADDR, NLM_F_DUMP);

	(void)wish;
	if (msg && nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

/* The own address of a point-to-point link is the local one. */
static bool interfaces_parse_address(struct nlattr **tb, const struct ifaddrmsg *head,
				     struct weft_host_address *address)
{
	struct nlattr *ip = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	size_t len = head->ifa_family == AF_INET ? sizeof(struct in_addr) :
						   sizeof(struct in6_addr);

	if (!ip || nla_len(ip) != (int)len)
		return false;
	address->index = head->ifa_index;
	address->prefix.family = head->ifa_family;
	address->prefix.cidr = head->ifa_prefixlen;
	memcpy(&address->prefix.ip4, nla_data(ip), len);
	/* The header has room for the first eight flags only. */
	address->flags = tb[IFA_FLAGS] ? nla_get_u32(tb[IFA_FLAGS]) : head->ifa_flags;
	address->scope = head->ifa_scope;
	return true;
}

static int interfaces_read_address(struct nlmsghdr *hdr, void *data)
{
	struct weft_rtnl_dump *dump = data;
	struct weft_host_addresses *list = dump->list;
	struct weft_host_address address = { }, *items;
	struct nlattr *tb[IFA_MAX + 1];
	struct ifaddrmsg *head;

	if (hdr->nlmsg_type != RTM_NEWADDR ||
	    nlmsg_parse(hdr, sizeof(*head), tb, IFA_MAX, NULL))
		return 0;
	head = nlmsg_data(hdr);
	if (head->ifa_family != dump->family || !interfaces_parse_address(tb, head, &address))
		return 0;
	items = reallocarray(list->items, list->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	items[list->count++] = address;
	return 0;
}

static void interfaces_forget_addresses(struct weft_rtnl_dump *dump)
{
	struct weft_host_addresses *list = dump->list;

	free(list->items);
	memset(list, 0, sizeof(*list));
}

int weft_rtnl_all_addresses(struct weft_host *host, struct weft_host_addresses *addresses)
{
	struct weft_rtnl_dump dump = {
		.build = interfaces_build_addresses, .read = interfaces_read_address,
		.forget = interfaces_forget_addresses, .list = addresses,
	};

	return weft_rtnl_list(host, &dump);
}

/* Links. */

static struct nl_msg *interfaces_build_links(int family, const void *wish)
{
	struct ifinfomsg head = { .ifi_family = family };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, NLM_F_DUMP);

	(void)wish;
	if (msg && nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static void interfaces_parse_kind(struct nlattr *info, struct weft_host_link_name *link)
{
	struct nlattr *tb[IFLA_INFO_MAX + 1];

	if (info && !nla_parse_nested(tb, IFLA_INFO_MAX, info, NULL) && tb[IFLA_INFO_KIND])
		nla_strlcpy(link->kind, tb[IFLA_INFO_KIND], sizeof(link->kind));
}

static int interfaces_read_link(struct nlmsghdr *hdr, void *data)
{
	struct weft_rtnl_dump *dump = data;
	struct weft_host_links *list = dump->list;
	struct weft_host_link_name link = { }, *items;
	struct nlattr *tb[IFLA_MAX + 1];
	struct ifinfomsg *info;

	if (hdr->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse(hdr, sizeof(*info), tb, IFLA_MAX, NULL) || !tb[IFLA_IFNAME])
		return 0;
	info = nlmsg_data(hdr);
	link.index = info->ifi_index;
	link.up = (info->ifi_flags & INTERFACES_UP) == INTERFACES_UP;
	link.master = tb[IFLA_MASTER] ? nla_get_u32(tb[IFLA_MASTER]) : 0;
	nla_strlcpy(link.name, tb[IFLA_IFNAME], sizeof(link.name));
	interfaces_parse_kind(tb[IFLA_LINKINFO], &link);
	items = reallocarray(list->items, list->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	items[list->count++] = link;
	return 0;
}

static void interfaces_forget_links(struct weft_rtnl_dump *dump)
{
	struct weft_host_links *list = dump->list;

	free(list->items);
	memset(list, 0, sizeof(*list));
}

int weft_rtnl_links(struct weft_host *host, struct weft_host_links *links)
{
	struct weft_rtnl_dump dump = {
		.build = interfaces_build_links, .read = interfaces_read_link,
		.forget = interfaces_forget_links, .list = links, .whole = true,
	};

	return weft_rtnl_list(host, &dump);
}

/* Notifications. */

static int interfaces_fail(struct weft_host *host, int fd)
{
	int err = errno;

	snprintf(host->error, sizeof(host->error), "notifications of addresses: %s",
		 strerror(err));
	if (fd >= 0)
		close(fd);
	return -err;
}

int weft_rtnl_watch(struct weft_host *host)
{
	static const int groups[] = {
		RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
	};
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	size_t i;
	int fd;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)))
		return interfaces_fail(host, fd);
	for (i = 0; i < ARRAY_SIZE(groups); i++)
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
			       sizeof(groups[i])))
			return interfaces_fail(host, fd);
	return fd;
}

/* Notifications say that something has changed; the lists are read anew, so none needs a look. */
bool weft_rtnl_changed(struct weft_host *host, int fd)
{
	char buffer[INTERFACES_MESSAGE_BYTES];
	bool changed = false;
	ssize_t len;

	(void)host;
	for (;;) {
		len = recv(fd, buffer, sizeof(buffer), 0);
		/* After an overrun the socket goes on with later notifications. */
		if (len < 0 && errno != ENOBUFS && errno != EINTR)
			return changed;
		changed |= len >= 0 || errno == ENOBUFS;
	}
}
