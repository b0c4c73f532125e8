/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's links, addresses, routes and rules, over rtnetlink. */
#ifndef _WEFT_TOOLS_RTNL_H
#define _WEFT_TOOLS_RTNL_H

#include "genl/socket.h"
#include "host/host.h"

struct nl_addr;

/**
 * struct weft_rtnl_dump - a list to be requested
 * @build: builds the request for one family; NULL: no memory
 * @read: adds one answer
 * @forget: removes all answers
 * @wish: for @build and @read
 * @list: the list that @read fills
 * @family: the requested family; a kernel without IPv6 answers with all others
 * @whole: the list has no families: it is requested once
 */
struct weft_rtnl_dump {
	struct nl_msg *(*build)(int family, const void *wish);
	weft_socket_reader read;
	void (*forget)(struct weft_rtnl_dump *dump);
	const void *wish;
	void *list;
	int family;
	bool whole;
};

/* Send @msg, NULL for no memory, read the answers with @reader, free @msg. */
int weft_rtnl_ask(struct weft_host *host, struct nl_msg *msg,
		  weft_socket_reader reader, void *data);
/*
 * IPv4 and IPv6, unless the list is @whole; repeated if the list changed meanwhile; @read gets the
 * dump.
 */
int weft_rtnl_list(struct weft_host *host, struct weft_rtnl_dump *dump);
/* NULL: no memory. */
struct nl_addr *weft_rtnl_addr(const struct weft_allowedip *prefix);

int weft_rtnl_link_get(struct weft_host *host, const char *name,
		       struct weft_host_link *link);
int weft_rtnl_link_change(struct weft_host *host,
			  const struct weft_change *change);
int weft_rtnl_addresses(struct weft_host *host, unsigned int index,
			struct weft_routes *addresses);
int weft_rtnl_all_addresses(struct weft_host *host, struct weft_host_addresses *addresses);
int weft_rtnl_links(struct weft_host *host, struct weft_host_links *links);
int weft_rtnl_watch(struct weft_host *host);
bool weft_rtnl_changed(struct weft_host *host, int fd);
int weft_rtnl_address_change(struct weft_host *host,
			     const struct weft_change *change);
int weft_rtnl_routes(struct weft_host *host, unsigned int index,
		     __u32 table, struct weft_routes *routes);
int weft_rtnl_path_mtu(struct weft_host *host,
		       const union weft_endpoint *to, __u32 mark,
		       unsigned int *mtu);
int weft_rtnl_way(struct weft_host *host, const union weft_endpoint *to,
		  __u32 mark, struct weft_host_way *way);
int weft_rtnl_route_change(struct weft_host *host,
			   const struct weft_change *change);
int weft_rtnl_rules(struct weft_host *host, struct weft_rules *rules);
int weft_rtnl_rule_change(struct weft_host *host,
			  const struct weft_change *change);

#endif /* _WEFT_TOOLS_RTNL_H */
