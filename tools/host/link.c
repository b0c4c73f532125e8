// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/route/link.h>
#include <stdio.h>
#include <string.h>

#include "host/rtnl.h"

static void link_parse_kind(struct nlattr *info, struct weft_host_link *link)
{
	struct nlattr *tb[IFLA_INFO_MAX + 1];
	char kind[32];

	if (!info || nla_parse_nested(tb, IFLA_INFO_MAX, info, NULL) ||
	    !tb[IFLA_INFO_KIND])
		return;
	nla_strlcpy(kind, tb[IFLA_INFO_KIND], sizeof(kind));
	link->kind = weft_model_kind_of(kind);
}

/* The attribute grows with kernels, and is aligned to 4 bytes only. */
static void link_parse_counters(struct nlattr *attr, struct weft_host_link *link)
{
	struct rtnl_link_stats64 stats = { };

	if (!attr || nla_len(attr) < (int)offsetof(struct rtnl_link_stats64, rx_errors))
		return;
	nla_memcpy(&stats, attr, sizeof(stats));
	link->counted = true;
	link->rx_bytes = stats.rx_bytes;
	link->tx_bytes = stats.tx_bytes;
	link->rx_packets = stats.rx_packets;
	link->tx_packets = stats.tx_packets;
}

static int link_read(struct nlmsghdr *hdr, void *data)
{
	struct weft_host_link *link = data;
	struct nlattr *tb[IFLA_MAX + 1];
	struct ifinfomsg *info;

	if (hdr->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse(hdr, sizeof(*info), tb, IFLA_MAX, NULL))
		return 0;
	info = nlmsg_data(hdr);
	link->index = info->ifi_index;
	link->up = info->ifi_flags & IFF_UP;
	if (tb[IFLA_MTU])
		link->mtu = nla_get_u32(tb[IFLA_MTU]);
	link_parse_kind(tb[IFLA_LINKINFO], link);
	link_parse_counters(tb[IFLA_STATS64], link);
	return 0;
}

int weft_rtnl_link_get(struct weft_host *host, const char *name,
		       struct weft_host_link *link)
{
	struct nl_msg *msg = NULL;
	int err;

	memset(link, 0, sizeof(*link));
	if (rtnl_link_build_get_request(0, name, &msg) < 0)
		msg = NULL;
	else
		nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_ACK;
	err = weft_rtnl_ask(host, msg, link_read, link);
	return err == -ENODEV ? 0 : err;
}

static struct nl_msg *link_build_add(const struct weft_change *change)
{
	struct rtnl_link *link = rtnl_link_alloc();
	struct nl_msg *msg = NULL;

	if (!link)
		return NULL;
	rtnl_link_set_name(link, change->dev);
	if (rtnl_link_set_type(link, weft_model_kind_name(change->link_kind)) ||
	    rtnl_link_build_add_request(link, NLM_F_CREATE | NLM_F_EXCL, &msg))
		msg = NULL;
	rtnl_link_put(link);
	return msg;
}

static struct nl_msg *link_build_delete(const struct weft_change *change)
{
	struct rtnl_link *link = rtnl_link_alloc();
	struct nl_msg *msg = NULL;

	if (!link)
		return NULL;
	rtnl_link_set_name(link, change->dev);
	if (rtnl_link_build_delete_request(link, &msg))
		msg = NULL;
	rtnl_link_put(link);
	return msg;
}

static void link_wish(struct rtnl_link *wish, const struct weft_change *change)
{
	if (change->kind == WEFT_CHANGE_LINK_MTU)
		rtnl_link_set_mtu(wish, change->mtu);
	else if (change->kind == WEFT_CHANGE_LINK_UP)
		rtnl_link_set_flags(wish, IFF_UP);
	else
		rtnl_link_unset_flags(wish, IFF_UP);
}

static struct nl_msg *link_build_change(const struct weft_change *change)
{
	struct rtnl_link *link = rtnl_link_alloc(), *wish = rtnl_link_alloc();
	struct nl_msg *msg = NULL;

	if (link && wish) {
		rtnl_link_set_ifindex(link, if_nametoindex(change->dev));
		link_wish(wish, change);
		if (rtnl_link_build_change_request(link, wish, 0, &msg))
			msg = NULL;
	}
	rtnl_link_put(wish);
	rtnl_link_put(link);
	return msg;
}

int weft_rtnl_link_change(struct weft_host *host,
			  const struct weft_change *change)
{
	struct nl_msg *msg;
	size_t len;
	int err;

	if (change->kind == WEFT_CHANGE_LINK_ADD)
		msg = link_build_add(change);
	else if (change->kind == WEFT_CHANGE_LINK_DELETE)
		msg = link_build_delete(change);
	else
		msg = link_build_change(change);
	if (msg)
		nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_ACK;
	err = weft_rtnl_ask(host, msg, NULL, NULL);
	len = strlen(host->error);
	if (err == -EOPNOTSUPP && change->kind == WEFT_CHANGE_LINK_ADD)
		snprintf(host->error + len, sizeof(host->error) - len,
			 " (the kernel does not have this kind: is module %s installed?)",
			 weft_model_kind_name(change->link_kind));
	return err;
}
