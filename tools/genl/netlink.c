// SPDX-License-Identifier: GPL-2.0
#include <assert.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/weft.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>

#include "genl/backend.h"
#include "genl/message.h"
#include "genl/netlink.h"
#include "genl/socket.h"
#include "genl/watch.h"

/* The limit of dumps in a row that are interrupted by changes. */
#define WEFT_DUMP_TRIES_MAX	64

static_assert(WEFT_GENL_VERSION == 1, "in-tree wireguard's family is version 1");

/* The used attributes of a link. */
struct netlink_link {
	char name[IFNAMSIZ];
	unsigned int ifindex;
	enum weft_kind kind;
	char kind_name[32];
};

/* A generic netlink socket with its family and its interface. */
struct netlink_device {
	struct weft_socket socket;
	struct netlink_link link;
	int family;
};

static int netlink_open(struct weft_backend *backend,
			struct weft_socket *socket, int protocol)
{
	socket->error = backend->error;
	socket->error_size = sizeof(backend->error);
	return weft_socket_open(socket, protocol);
}

static int netlink_no_memory(struct weft_backend *backend)
{
	snprintf(backend->error, sizeof(backend->error), "%s",
		 strerror(ENOMEM));
	return -ENOMEM;
}

/* Errors of a dump for which the kernel has no text. */
static void netlink_explain(struct weft_backend *backend, int err, int tries)
{
	if (err == -EINTR)
		snprintf(backend->error, sizeof(backend->error),
			 "changes interrupted each of %d dumps", tries);
	if (err == -ENOMEM)
		netlink_no_memory(backend);
}

static void netlink_parse_kind(struct nlattr *linkinfo,
			       struct netlink_link *link)
{
	struct nlattr *tb[IFLA_INFO_MAX + 1];

	if (!linkinfo ||
	    nla_parse_nested(tb, IFLA_INFO_MAX, linkinfo, NULL) ||
	    !tb[IFLA_INFO_KIND])
		return;
	nla_strlcpy(link->kind_name, tb[IFLA_INFO_KIND],
		    sizeof(link->kind_name));
	link->kind = weft_model_kind_of(link->kind_name);
}

static bool netlink_parse_link(struct nlmsghdr *hdr, struct netlink_link *link)
{
	struct nlattr *tb[IFLA_MAX + 1];
	struct ifinfomsg *info;

	memset(link, 0, sizeof(*link));
	if (hdr->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse(hdr, sizeof(*info), tb, IFLA_MAX, NULL) ||
	    !tb[IFLA_IFNAME])
		return false;
	info = nlmsg_data(hdr);
	link->ifindex = info->ifi_index;
	nla_strlcpy(link->name, tb[IFLA_IFNAME], sizeof(link->name));
	netlink_parse_kind(tb[IFLA_LINKINFO], link);
	return true;
}

static struct nl_msg *netlink_link_request(int flags, const char *name)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, flags);

	if (!msg)
		return NULL;
	if (nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO) ||
	    (name && nla_put_string(msg, IFLA_IFNAME, name))) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int netlink_read_list(struct nlmsghdr *hdr, void *data)
{
	struct netlink_link link;

	if (!netlink_parse_link(hdr, &link) || !link.kind)
		return 0;
	if (!weft_model_link_add(data, link.name, link.kind))
		return -ENOMEM;
	return 0;
}

static int netlink_list_once(struct weft_socket *socket,
			     struct weft_link **list)
{
	struct nl_msg *msg = netlink_link_request(NLM_F_DUMP, NULL);
	int err;

	*list = NULL;
	if (!msg)
		return -ENOMEM;
	err = weft_socket_ask(socket, msg, netlink_read_list, list);
	nlmsg_free(msg);
	if (err) {
		weft_model_links_free(*list);
		*list = NULL;
	}
	return err;
}

static int netlink_list(struct weft_backend *backend, struct weft_link **list)
{
	struct weft_socket socket;
	int err, tries = 0;

	*list = NULL;
	err = netlink_open(backend, &socket, NETLINK_ROUTE);
	if (err)
		return err;
	do {
		err = netlink_list_once(&socket, list);
	} while (err == -EINTR && ++tries < WEFT_DUMP_TRIES_MAX);
	netlink_explain(backend, err, tries);
	weft_socket_close(&socket);
	return err;
}

static int netlink_no_family(struct weft_backend *backend)
{
	snprintf(backend->error, sizeof(backend->error),
		 "module weft is not loaded");
	return -EOPNOTSUPP;
}

/* Without the module there is no family, and without a family no interface. */
static int netlink_ready(struct weft_backend *backend)
{
	struct weft_socket socket;
	int family, err;

	err = netlink_open(backend, &socket, NETLINK_GENERIC);
	if (err)
		return err;
	family = genl_ctrl_resolve(socket.sock, WEFT_GENL_NAME);
	weft_socket_close(&socket);
	return family < 0 ? netlink_no_family(backend) : 0;
}

static int netlink_read_family(struct nlmsghdr *hdr, void *data)
{
	struct genlmsghdr *genl = nlmsg_data(hdr);
	struct nlattr *name;

	if (nlmsg_datalen(hdr) < (int)sizeof(*genl))
		return -EBADMSG;
	name = nla_find(genlmsg_attrdata(genl, 0), genlmsg_attrlen(genl, 0),
			CTRL_ATTR_FAMILY_NAME);
	if (name && !nla_strcmp(name, WEFT_GENL_NAME))
		*(bool *)data = true;
	return 0;
}

static int netlink_ask_families(struct weft_socket *socket, bool *found)
{
	struct nl_msg *msg = nlmsg_alloc();
	int err = -ENOMEM;

	if (msg && genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, GENL_ID_CTRL, 0,
			       NLM_F_DUMP, CTRL_CMD_GETFAMILY, 1))
		err = weft_socket_ask(socket, msg, netlink_read_family, found);
	nlmsg_free(msg);
	return err;
}

/*
 * A request for a family by its name makes the kernel load the family's module; a
 * dump of all families does not.
 */
static int netlink_loaded(struct weft_backend *backend)
{
	struct weft_socket socket;
	bool found = false;
	int err;

	err = netlink_open(backend, &socket, NETLINK_GENERIC);
	if (err)
		return err;
	err = netlink_ask_families(&socket, &found);
	weft_socket_close(&socket);
	if (err == -ENOMEM)
		netlink_no_memory(backend);
	if (found)
		return 0;
	return err ?: netlink_no_family(backend);
}

static int netlink_read_link(struct nlmsghdr *hdr, void *data)
{
	netlink_parse_link(hdr, data);
	return 0;
}

static int netlink_ask_link(struct weft_backend *backend, const char *name,
			    struct netlink_link *link)
{
	struct weft_socket socket;
	struct nl_msg *msg;
	int err;

	memset(link, 0, sizeof(*link));
	err = netlink_open(backend, &socket, NETLINK_ROUTE);
	if (err)
		return err;
	msg = netlink_link_request(NLM_F_ACK, name);
	if (msg)
		err = weft_socket_ask(&socket, msg, netlink_read_link, link);
	else
		err = netlink_no_memory(backend);
	nlmsg_free(msg);
	weft_socket_close(&socket);
	return err;
}

/* The interface's kind determines the netlink family. */
static int netlink_find_link(struct weft_backend *backend, const char *name,
			     struct netlink_link *link)
{
	int err;

	if (!*name || strlen(name) >= IFNAMSIZ) {
		snprintf(backend->error, sizeof(backend->error),
			 "an interface's name has 1 to %d characters",
			 IFNAMSIZ - 1);
		return -EINVAL;
	}
	err = netlink_ask_link(backend, name, link);
	if (err || link->kind)
		return err;
	snprintf(backend->error, sizeof(backend->error),
		 "the link is of kind '%s', not weft or wireguard",
		 link->kind_name[0] ? link->kind_name : "none");
	return -EOPNOTSUPP;
}

static int netlink_device_open(struct weft_backend *backend, const char *name,
			       struct netlink_device *device)
{
	const char *family;
	int err;

	err = netlink_find_link(backend, name, &device->link);
	if (err)
		return err;
	err = netlink_open(backend, &device->socket, NETLINK_GENERIC);
	if (err)
		return err;
	family = weft_model_kind_name(device->link.kind);
	device->family = genl_ctrl_resolve(device->socket.sock, family);
	if (device->family >= 0)
		return 0;
	snprintf(backend->error, sizeof(backend->error),
		 "the kernel has no generic netlink family '%s': %s", family,
		 nl_geterror(device->family));
	weft_socket_close(&device->socket);
	return -EOPNOTSUPP;
}

static struct nl_msg *netlink_request(const struct netlink_device *device,
				      int flags, int command)
{
	struct nl_msg *msg = nlmsg_alloc_size(WEFT_MESSAGE_BYTES);

	if (msg && !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, device->family,
				0, flags, command, WEFT_GENL_VERSION)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int netlink_read_device(struct nlmsghdr *hdr, void *data)
{
	struct genlmsghdr *genl = nlmsg_data(hdr);

	if (nlmsg_datalen(hdr) < (int)sizeof(*genl))
		return -EBADMSG;
	return weft_message_parse(genlmsg_attrdata(genl, 0),
				  genlmsg_attrlen(genl, 0), data);
}

static int netlink_get_once(struct netlink_device *device,
			    struct weft_device **dev)
{
	struct nl_msg *msg;
	int err = -ENOMEM;

	*dev = weft_model_device_new(device->link.name);
	msg = netlink_request(device, NLM_F_DUMP, WEFT_CMD_GET_DEVICE);
	if (*dev && msg &&
	    !nla_put_u32(msg, WEFT_DEVICE_A_IFINDEX, device->link.ifindex)) {
		(*dev)->kind = device->link.kind;
		err = weft_socket_ask(&device->socket, msg,
				      netlink_read_device, *dev);
	}
	nlmsg_free(msg);
	if (err) {
		weft_model_device_free(*dev);
		*dev = NULL;
	}
	return err;
}

static int netlink_get(struct weft_backend *backend, const char *name,
		       struct weft_device **dev)
{
	struct netlink_device device;
	int err, tries = 0;

	*dev = NULL;
	err = netlink_device_open(backend, name, &device);
	if (err)
		return err;
	do {
		err = netlink_get_once(&device, dev);
	} while (err == -EINTR && ++tries < WEFT_DUMP_TRIES_MAX);
	netlink_explain(backend, err, tries);
	weft_socket_close(&device.socket);
	return err;
}

static int netlink_set_next(struct netlink_device *device,
			    struct weft_message_cursor *cursor)
{
	struct nl_msg *msg;
	int err = -ENOMEM;

	msg = netlink_request(device, NLM_F_ACK, WEFT_CMD_SET_DEVICE);
	if (msg)
		err = weft_message_put(msg, cursor);
	if (!err)
		err = weft_socket_ask(&device->socket, msg, NULL, NULL);
	weft_socket_free_msg(msg);
	return err;
}

static void netlink_add_error(struct weft_backend *backend, const char *more)
{
	size_t len = strlen(backend->error);

	snprintf(backend->error + len, sizeof(backend->error) - len, "%s",
		 more);
}

static bool netlink_removes_prefixes(const struct weft_device *dev)
{
	const struct weft_allowedip *ip;
	const struct weft_peer *peer;

	for (peer = dev->peers; peer; peer = peer->next)
		for (ip = peer->allowedips; ip; ip = ip->next)
			if (ip->remove)
				return true;
	return false;
}

/* Adds an explanation where the kernel gives none. */
static void netlink_explain_set(struct weft_backend *backend, int err,
				const struct weft_device *dev,
				const struct netlink_device *device,
				unsigned int sent)
{
	if (err == -ENOMEM)
		netlink_no_memory(backend);
	if (err == -EMSGSIZE)
		snprintf(backend->error, sizeof(backend->error), "%s",
			 strerror(EMSGSIZE));
	if (err == -EINVAL && device->link.kind == WEFT_KIND_WIREGUARD &&
	    netlink_removes_prefixes(dev))
		netlink_add_error(backend,
				  " (in-tree wireguard can remove single allowed IPs since Linux 6.16)");
	if (sent)
		netlink_add_error(backend,
				  " (a part of the change has been applied)");
}

/* For other links weft's own settings of a file are ignored, those of a command line refused. */
static bool netlink_takes(struct weft_backend *backend,
			  const struct netlink_device *device,
			  const struct weft_device *dev)
{
	if (!dev->own_word || device->link.kind == WEFT_KIND_WEFT)
		return true;
	snprintf(backend->error, sizeof(backend->error),
		 "'%s' needs a link of kind weft, and this link is of kind %s",
		 dev->own_word, weft_model_kind_name(device->link.kind));
	return false;
}

static int netlink_set(struct weft_backend *backend,
		       const struct weft_device *dev)
{
	struct weft_message_cursor cursor;
	struct netlink_device device;
	unsigned int sent = 0;
	int err;

	err = netlink_device_open(backend, dev->name, &device);
	if (err)
		return err;
	if (!netlink_takes(backend, &device, dev)) {
		weft_socket_close(&device.socket);
		return -EOPNOTSUPP;
	}
	weft_message_start(&cursor, dev, device.link.ifindex);
	cursor.own = device.link.kind == WEFT_KIND_WEFT;
	do {
		err = netlink_set_next(&device, &cursor);
	} while (!err && ++sent && !weft_message_done(&cursor));
	if (err)
		netlink_explain_set(backend, err, dev, &device, sent);
	weft_socket_close(&device.socket);
	return err;
}

static int netlink_rotate_device(struct netlink_device *device,
				 const struct weft_rotation *rotation)
{
	struct nl_msg *msg;
	int err = -ENOMEM;

	msg = netlink_request(device, NLM_F_ACK, WEFT_CMD_ROTATE);
	if (msg && !weft_message_put_rotation(msg, device->link.ifindex,
					      rotation))
		err = weft_socket_ask(&device->socket, msg, NULL, NULL);
	weft_socket_free_msg(msg);
	return err;
}

static int netlink_rotate(struct weft_backend *backend, const char *name,
			  const struct weft_rotation *rotation)
{
	struct netlink_device device;
	int err;

	err = netlink_device_open(backend, name, &device);
	if (err)
		return err;
	if (device.link.kind == WEFT_KIND_WEFT) {
		err = netlink_rotate_device(&device, rotation);
	} else {
		snprintf(backend->error, sizeof(backend->error),
			 "rotation needs a link of kind weft, and this link is of kind %s",
			 weft_model_kind_name(device.link.kind));
		err = -EOPNOTSUPP;
	}
	if (err == -ENOMEM)
		netlink_no_memory(backend);
	weft_socket_close(&device.socket);
	return err;
}

struct weft_backend *weft_netlink_backend(void)
{
	static struct weft_backend backend = {
		.ready = netlink_ready, .loaded = netlink_loaded,
		.list = netlink_list, .get = netlink_get, .set = netlink_set,
		.rotate = netlink_rotate,
		.watch = weft_watch_start, .next = weft_watch_next,
		.unwatch = weft_watch_stop, .watch_fd = weft_watch_fd,
	};

	return &backend;
}
