// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/netlink.h>
#include <netlink/addr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/array.h"
#include "host/rtnl.h"

/* The limit of dumps in a row that are interrupted by changes. */
#define RTNL_DUMP_TRIES_MAX	64

/* One socket for the life of the process: a fleet has thousands of routes. */
static int rtnl_socket(struct weft_host *host,
		       struct weft_socket **socket)
{
	static struct weft_socket shared;
	int one = 1, err;

	*socket = &shared;
	shared.error = host->error;
	shared.error_size = sizeof(host->error);
	if (shared.sock)
		return 0;
	err = weft_socket_open(&shared, NETLINK_ROUTE);
	/* With strict checking the kernel filters dumps; an older one lists all. */
	if (!err)
		setsockopt(nl_socket_get_fd(shared.sock), SOL_NETLINK,
			   NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	return err;
}

int weft_rtnl_ask(struct weft_host *host, struct nl_msg *msg,
		  weft_socket_reader reader, void *data)
{
	struct weft_socket *socket;
	int err = -ENOMEM;

	if (msg)
		err = rtnl_socket(host, &socket);
	else
		snprintf(host->error, sizeof(host->error), "%s",
			 strerror(ENOMEM));
	if (!err)
		err = weft_socket_ask(socket, msg, reader, data);
	nlmsg_free(msg);
	return err;
}

static int rtnl_list_once(struct weft_host *host,
			  struct weft_rtnl_dump *dump)
{
	static const int families[] = { AF_INET, AF_INET6 }, none[] = { AF_UNSPEC };
	const int *list = dump->whole ? none : families;
	size_t i, count = dump->whole ? ARRAY_SIZE(none) : ARRAY_SIZE(families);
	int err;

	for (i = 0; i < count; i++) {
		dump->family = list[i];
		err = weft_rtnl_ask(host,
				    dump->build(list[i], dump->wish),
				    dump->read, dump);
		/* A missing table or family has no entries. */
		if (err && err != -ENOENT && err != -EAFNOSUPPORT &&
		    err != -EOPNOTSUPP)
			return err;
	}
	return 0;
}

int weft_rtnl_list(struct weft_host *host, struct weft_rtnl_dump *dump)
{
	int err, tries = 0;

	do {
		dump->forget(dump);
		err = rtnl_list_once(host, dump);
	} while (err == -EINTR && ++tries < RTNL_DUMP_TRIES_MAX);
	if (err == -EINTR)
		snprintf(host->error, sizeof(host->error),
			 "changes interrupted each of %d dumps", tries);
	if (err)
		dump->forget(dump);
	return err;
}

struct nl_addr *weft_rtnl_addr(const struct weft_allowedip *prefix)
{
	size_t len = prefix->family == AF_INET ? sizeof(prefix->ip4) :
						 sizeof(prefix->ip6);
	struct nl_addr *addr;

	addr = nl_addr_build(prefix->family, &prefix->ip4, len);
	if (addr)
		nl_addr_set_prefixlen(addr, prefix->cidr);
	return addr;
}
