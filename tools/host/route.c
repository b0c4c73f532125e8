// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/addr.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <string.h>

#include "host/rtnl.h"

/* Reserved for benchmarks (RFC 2544, RFC 5180): only a default route leads there. */
#define ROUTE_ANYWHERE_IP4	"198.18.0.1"
#define ROUTE_ANYWHERE_IP6	"2001:2::1"

/* The routes to list; 0 for any. */
struct route_wish {
	unsigned int index;
	__u32 table;
};

/* The attributes of a route that was looked up. */
struct route_path {
	unsigned int index;
	unsigned int mtu;
};

static struct nl_msg *route_build_list(int family, const void *data)
{
	const struct route_wish *wish = data;
	struct rtmsg head = { .rtm_family = family };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_DUMP);

	if (!msg)
		return NULL;
	if (nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO) ||
	    (wish->index && nla_put_u32(msg, RTA_OIF, wish->index)) ||
	    (wish->table && nla_put_u32(msg, RTA_TABLE, wish->table))) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static bool route_parse_prefix(const struct rtmsg *head, struct nlattr *dst,
			       struct weft_allowedip *prefix)
{
	size_t len = head->rtm_family == AF_INET ? sizeof(prefix->ip4) :
						   sizeof(prefix->ip6);

	if (dst && nla_len(dst) != (int)len)
		return false;
	prefix->family = head->rtm_family;
	prefix->cidr = head->rtm_dst_len;
	if (dst)
		memcpy(&prefix->ip4, nla_data(dst), len);
	return true;
}

static bool route_is_wanted(const struct route_wish *wish,
			    const struct weft_route *route)
{
	if (wish->index && (route->special || route->index != wish->index))
		return false;
	return wish->table ? route->table == wish->table :
			     route->table != RT_TABLE_LOCAL;
}

static int route_read(struct nlmsghdr *hdr, void *data)
{
	struct weft_rtnl_dump *dump = data;
	struct nlattr *tb[RTA_MAX + 1];
	struct weft_route route = { }, *added;
	struct rtmsg *head;

	if (hdr->nlmsg_type != RTM_NEWROUTE ||
	    nlmsg_parse(hdr, sizeof(*head), tb, RTA_MAX, NULL))
		return 0;
	head = nlmsg_data(hdr);
	route.table = tb[RTA_TABLE] ? nla_get_u32(tb[RTA_TABLE]) :
				      head->rtm_table;
	route.protocol = head->rtm_protocol;
	route.metric = tb[RTA_PRIORITY] ? nla_get_u32(tb[RTA_PRIORITY]) : 0;
	route.index = tb[RTA_OIF] ? nla_get_u32(tb[RTA_OIF]) : 0;
	route.special = head->rtm_type != RTN_UNICAST;
	if (head->rtm_family != dump->family ||
	    head->rtm_flags & RTM_F_CLONED ||
	    !route_is_wanted(dump->wish, &route) ||
	    !route_parse_prefix(head, tb[RTA_DST], &route.prefix))
		return 0;
	added = weft_host_routes_add(dump->list);
	if (!added)
		return -ENOMEM;
	*added = route;
	return 0;
}

static void route_forget(struct weft_rtnl_dump *dump)
{
	weft_host_routes_free(dump->list);
}

int weft_rtnl_routes(struct weft_host *host, unsigned int index,
		     __u32 table, struct weft_routes *routes)
{
	struct route_wish wish = { .index = index, .table = table };
	struct weft_rtnl_dump dump = {
		.build = route_build_list, .read = route_read,
		.forget = route_forget, .wish = &wish, .list = routes,
	};

	return weft_rtnl_list(host, &dump);
}

static struct nl_msg *route_build_get(const union weft_endpoint *to, __u32 mark)
{
	bool is_ip6 = to->any.sa_family == AF_INET6;
	struct rtmsg head = {
		.rtm_family = to->any.sa_family,
		.rtm_dst_len = is_ip6 ? 128 : 32,
	};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_ACK);
	int err;

	if (!msg)
		return NULL;
	err = nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO);
	if (is_ip6)
		err |= nla_put(msg, RTA_DST, sizeof(to->ip6.sin6_addr),
			       &to->ip6.sin6_addr);
	else
		err |= nla_put(msg, RTA_DST, sizeof(to->ip4.sin_addr),
			       &to->ip4.sin_addr);
	if (mark)
		err |= nla_put_u32(msg, RTA_MARK, mark);
	if (is_ip6 && to->ip6.sin6_scope_id)
		err |= nla_put_u32(msg, RTA_OIF, to->ip6.sin6_scope_id);
	if (!err)
		return msg;
	nlmsg_free(msg);
	return NULL;
}

static int route_read_path(struct nlmsghdr *hdr, void *data)
{
	struct nlattr *tb[RTA_MAX + 1], *metrics[RTAX_MAX + 1];
	struct route_path *path = data;

	if (hdr->nlmsg_type != RTM_NEWROUTE ||
	    nlmsg_parse(hdr, sizeof(struct rtmsg), tb, RTA_MAX, NULL))
		return 0;
	if (tb[RTA_OIF])
		path->index = nla_get_u32(tb[RTA_OIF]);
	if (tb[RTA_METRICS] &&
	    !nla_parse_nested(metrics, RTAX_MAX, tb[RTA_METRICS], NULL) &&
	    metrics[RTAX_MTU])
		path->mtu = nla_get_u32(metrics[RTAX_MTU]);
	return 0;
}

int weft_rtnl_way(struct weft_host *host, const union weft_endpoint *to,
		  __u32 mark, struct weft_host_way *way)
{
	struct weft_host_link link;
	struct route_path path = { };
	int err;

	memset(way, 0, sizeof(*way));
	err = weft_rtnl_ask(host, route_build_get(to, mark),
			    route_read_path, &path);
	/* "No route" is an answer, too. */
	way->asked = !err || err == -ENETUNREACH || err == -EHOSTUNREACH ||
		     err == -EACCES || err == -EINVAL ||
		     err == -EAFNOSUPPORT || err == -EOPNOTSUPP;
	if (err)
		return way->asked ? 0 : err;
	way->mtu = path.mtu;
	way->found = if_indextoname(path.index, way->dev);
	if (way->mtu || !way->found)
		return 0;
	err = weft_rtnl_link_get(host, way->dev, &link);
	way->mtu = link.mtu;
	return err;
}

static int route_find_path(struct weft_host *host,
			   const union weft_endpoint *to, __u32 mark,
			   unsigned int *mtu)
{
	struct weft_host_way way;
	int err = weft_rtnl_way(host, to, mark, &way);

	*mtu = way.mtu;
	return err;
}

int weft_rtnl_path_mtu(struct weft_host *host,
		       const union weft_endpoint *to, __u32 mark,
		       unsigned int *mtu)
{
	union weft_endpoint anywhere = { .ip4.sin_family = AF_INET };
	int err;

	if (to)
		return route_find_path(host, to, mark, mtu);
	inet_pton(AF_INET, ROUTE_ANYWHERE_IP4, &anywhere.ip4.sin_addr);
	err = route_find_path(host, &anywhere, mark, mtu);
	if (err || *mtu)
		return err;
	memset(&anywhere, 0, sizeof(anywhere));
	anywhere.ip6.sin6_family = AF_INET6;
	inet_pton(AF_INET6, ROUTE_ANYWHERE_IP6, &anywhere.ip6.sin6_addr);
	return route_find_path(host, &anywhere, mark, mtu);
}

static bool route_fill(struct rtnl_route *object, struct nl_addr *dst,
		       const struct weft_change *change)
{
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();

	if (!hop)
		return false;
	rtnl_route_nh_set_ifindex(hop, if_nametoindex(change->dev));
	rtnl_route_add_nexthop(object, hop);
	rtnl_route_set_table(object, change->route.table);
	rtnl_route_set_protocol(object, change->route.protocol);
	rtnl_route_set_scope(object, change->route.prefix.family == AF_INET ?
				     RT_SCOPE_LINK : RT_SCOPE_UNIVERSE);
	return !rtnl_route_set_family(object, change->route.prefix.family) &&
	       !rtnl_route_set_dst(object, dst);
}

static struct nl_msg *route_build(const struct weft_change *change)
{
	struct nl_addr *dst = weft_rtnl_addr(&change->route.prefix);
	struct rtnl_route *object = rtnl_route_alloc();
	struct nl_msg *msg = NULL;
	int err = -1;

	if (dst && object && route_fill(object, dst, change)) {
		if (change->kind == WEFT_CHANGE_ROUTE_ADD)
			err = rtnl_route_build_add_request(object, NLM_F_CREATE | NLM_F_EXCL,
							   &msg);
		else
			err = rtnl_route_build_del_request(object, 0, &msg);
	}
	rtnl_route_put(object);
	nl_addr_put(dst);
	if (err)
		return NULL;
	nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_ACK;
	return msg;
}

int weft_rtnl_route_change(struct weft_host *host,
			   const struct weft_change *change)
{
	return weft_rtnl_ask(host, route_build(change), NULL, NULL);
}
