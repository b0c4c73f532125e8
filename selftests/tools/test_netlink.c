// SPDX-License-Identifier: GPL-2.0
/*
 * Interfaces over netlink, with events, against a fake kernel: replacements of libnl's calls take
 * the requests and return replies from a list.
 */
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
#include <netlink/netlink.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "genl/event.h"
#include "genl/message.h"
#include "genl/netlink.h"
#include "genl/socket.h"
#include "genl/watch.h"
#include "memory.h"
#include "support.h"

#define REPLIES_MAX	80
#define FAMILY		0x30
#define GROUP		9

/* A reply of the kernel: one buffer, to a request or after the previous reply. */
struct reply {
	struct nl_msg *messages[4];
	int count;
	bool from_process;
	bool more;
};

static struct {
	struct reply replies[REPLIES_MAX];
	int count;
	int at;
	__u32 seq;
	int sent;
	int last_type;
	int last_flags;
	int last_command;
	struct weft_device *last;
	int connect_error;
	int send_error;
	int family;
	int named;
	int group;
	int events[2];
	int setsockopt_error;
} kernel;

/* ---- replacements of libnl's and the system's calls ---- */

int nl_connect(struct nl_sock *sock, int protocol)
{
	(void)sock;
	(void)protocol;
	return kernel.connect_error;
}

void nl_complete_msg(struct nl_sock *sock, struct nl_msg *msg)
{
	(void)sock;
	nlmsg_hdr(msg)->nlmsg_seq = ++kernel.seq;
	nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_REQUEST;
}

int nl_send(struct nl_sock *sock, struct nl_msg *msg)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct genlmsghdr *genl = nlmsg_data(hdr);

	(void)sock;
	if (kernel.send_error)
		return kernel.send_error;
	kernel.sent++;
	kernel.last_type = hdr->nlmsg_type;
	kernel.last_flags = hdr->nlmsg_flags;
	if (hdr->nlmsg_type != FAMILY)
		return nlmsg_total_size(nlmsg_datalen(hdr));
	kernel.last_command = genl->cmd;
	weft_model_device_free(kernel.last);
	test_memory_spare();
	kernel.last = weft_model_device_new("sent");
	if (genl->cmd == WEFT_CMD_SET_DEVICE)
		weft_message_parse(genlmsg_attrdata(genl, 0), genlmsg_attrlen(genl, 0),
				   kernel.last);
	test_memory_spare_end();
	return nlmsg_total_size(nlmsg_datalen(hdr));
}

static size_t reply_size(const struct reply *reply)
{
	size_t size = 0;
	int i;

	for (i = 0; i < reply->count; i++)
		size += NLMSG_ALIGN(nlmsg_hdr(reply->messages[i])->nlmsg_len);
	return size;
}

int nl_recv(struct nl_sock *sock, struct sockaddr_nl *from, unsigned char **buffer,
	    struct ucred **creds)
{
	struct reply *reply = &kernel.replies[kernel.at];
	struct nlmsghdr *hdr;
	size_t at = 0;
	int i;

	(void)sock;
	(void)creds;
	if (kernel.at == kernel.count)
		return -NLE_AGAIN;
	kernel.at++;
	from->nl_pid = reply->from_process ? 77 : 0;
	*buffer = calloc(1, reply_size(reply) + 1);
	for (i = 0; i < reply->count; i++) {
		hdr = nlmsg_hdr(reply->messages[i]);
		if (!hdr->nlmsg_seq)
			hdr->nlmsg_seq = kernel.seq;
		memcpy(*buffer + at, hdr, hdr->nlmsg_len);
		at += NLMSG_ALIGN(hdr->nlmsg_len);
		nlmsg_free(reply->messages[i]);
	}
	return at;
}

int genl_ctrl_resolve(struct nl_sock *sock, const char *name)
{
	(void)sock;
	kernel.named++;
	return strcmp(name, "weft") && strcmp(name, "wireguard") ? -NLE_OBJ_NOTFOUND :
	       kernel.family;
}

int genl_ctrl_resolve_grp(struct nl_sock *sock, const char *family, const char *group)
{
	(void)sock;
	return strcmp(family, "weft") || strcmp(group, "events") ? -NLE_OBJ_NOTFOUND :
	       kernel.group;
}

int nl_socket_get_fd(const struct nl_sock *sock)
{
	(void)sock;
	return kernel.events[0];
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	bool joins = level == SOL_NETLINK && name == NETLINK_ADD_MEMBERSHIP;

	(void)fd;
	(void)len;
	if (!joins || !kernel.setsockopt_error)
		return joins && *(const int *)value != GROUP ? -1 : 0;
	errno = kernel.setsockopt_error;
	return -1;
}

/* ---- messages of the kernel ---- */

static void kernel_start(struct weft_backend *backend)
{
	weft_model_device_free(kernel.last);
	memset(&kernel, 0, sizeof(kernel));
	kernel.family = FAMILY;
	kernel.group = GROUP;
	kernel.events[0] = -1;
	snprintf(backend->error, sizeof(backend->error), "not said");
}

static void kernel_end(void)
{
	weft_model_device_free(kernel.last);
	kernel.last = NULL;
}

static void reply(struct nl_msg *msg)
{
	struct reply *fresh = &kernel.replies[kernel.count++];

	fresh->messages[0] = msg;
	fresh->count = 1;
}

static void reply_joined(struct nl_msg *msg)
{
	struct reply *last = &kernel.replies[kernel.count - 1];

	last->messages[last->count++] = msg;
}

/* The reply to a request: 0, or an errno with the kernel's extack. */
static struct nl_msg *ack(int error, const char *words, bool capped)
{
	struct nl_msg *msg = nlmsg_alloc();
	struct nlmsgerr body = { .error = error, .msg.nlmsg_len = NLMSG_HDRLEN + 8 };
	char request[8] = "request";
	int flags = (words ? NLM_F_ACK_TLVS : 0) | (capped ? NLM_F_CAPPED : 0);

	nlmsg_put(msg, 0, 0, NLMSG_ERROR, 0, flags);
	nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO);
	if (!capped)
		nlmsg_append(msg, request, sizeof(request), NLMSG_ALIGNTO);
	if (words)
		nla_put_string(msg, NLMSGERR_ATTR_MSG, words);
	return msg;
}

static struct nl_msg *done(int error, const char *words)
{
	struct nl_msg *msg = nlmsg_alloc();

	nlmsg_put(msg, 0, 0, NLMSG_DONE, 0, NLM_F_MULTI | (words ? NLM_F_ACK_TLVS : 0));
	nlmsg_append(msg, &error, sizeof(error), NLMSG_ALIGNTO);
	if (words)
		nla_put_string(msg, NLMSGERR_ATTR_MSG, words);
	return msg;
}

static struct nl_msg *link_message(const char *name, int index, const char *kind, int flags)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, flags);
	struct ifinfomsg info = { .ifi_index = index };
	struct nlattr *nest;

	nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
	if (name)
		nla_put_string(msg, IFLA_IFNAME, name);
	if (kind) {
		nest = nla_nest_start(msg, IFLA_LINKINFO);
		nla_put_string(msg, IFLA_INFO_KIND, kind);
		nla_nest_end(msg, nest);
	}
	return msg;
}

static void reply_link(const char *kind)
{
	reply(link_message("wft0", 7, kind, 0));
	reply(ack(0, NULL, false));
}

static struct nl_msg *family_message(const char *name, int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	genlmsg_put(msg, 0, 0, GENL_ID_CTRL, 0, flags, CTRL_CMD_NEWFAMILY, 2);
	nlmsg_hdr(msg)->nlmsg_seq = 0;
	nla_put_u16(msg, CTRL_ATTR_FAMILY_ID, FAMILY);
	if (name)
		nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, name);
	return msg;
}

static struct nl_msg *genl_message(int command, int flags)
{
	struct nl_msg *msg = nlmsg_alloc_size(WEFT_MESSAGE_BYTES);

	genlmsg_put(msg, 0, 0, FAMILY, 0, flags, command, WEFT_GENL_VERSION);
	nlmsg_hdr(msg)->nlmsg_seq = 0;
	return msg;
}

static struct nl_msg *device_message(__u16 port, int flags)
{
	struct nl_msg *msg = genl_message(WEFT_CMD_GET_DEVICE, flags);

	nla_put_u16(msg, WEFT_DEVICE_A_LISTEN_PORT, port);
	return msg;
}

/* ---- one request ---- */

static int count_reads(struct nlmsghdr *hdr, void *data)
{
	(void)hdr;
	return ++*(int *)data == 5 ? -EPROTO : 0;
}

/* Sends a request whose replies are listed; returns its result. */
static int ask(struct weft_backend *backend, int *reads)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, 0);
	struct weft_socket socket = {
		.error = backend->error, .error_size = sizeof(backend->error),
	};
	int err;

	*reads = 0;
	err = weft_socket_open(&socket, NETLINK_ROUTE);
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	err = weft_socket_ask(&socket, msg, count_reads, reads);
	nlmsg_free(msg);
	weft_socket_close(&socket);
	return err;
}

static void test_ask(struct weft_backend *backend, const char *name, int want,
		     int want_reads, const char *error)
{
	char title[128];
	int reads;

	test_ok(ask(backend, &reads) == want, name);
	snprintf(title, sizeof(title), "%s: %d messages are read", name, want_reads);
	test_ok(reads == want_reads, title);
	test_text("the error text", backend->error, error);
	test_ok(kernel.at == kernel.count, "all answers are taken");
	kernel_start(backend);
}

static void test_acks(struct weft_backend *backend)
{
	kernel_start(backend);
	reply(ack(0, NULL, false));
	test_ask(backend, "a request is acknowledged", 0, 0, "");
	reply(ack(-EPERM, NULL, false));
	test_ask(backend, "a request is refused", -EPERM, 0, "Operation not permitted");
	reply(ack(-EINVAL, "no such thing", false));
	test_ask(backend, "a refusal with an extack", -EINVAL, 0, "no such thing");
	reply(ack(-EINVAL, "no such thing", true));
	test_ask(backend, "a refusal without the request", -EINVAL, 0, "no such thing");
	reply(link_message("a", 1, NULL, 0));
	reply_joined(link_message("b", 2, NULL, 0));
	reply_joined(ack(0, NULL, false));
	test_ask(backend, "two answers in one buffer", 0, 2, "");
	reply(link_message("a", 1, NULL, 0));
	reply_joined(link_message("b", 2, NULL, 0));
	reply(link_message("c", 3, NULL, 0));
	reply_joined(link_message("d", 4, NULL, 0));
	reply(link_message("e", 5, NULL, 0));
	test_ask(backend, "a reader that refuses ends the request", -EPROTO, 5,
		 "Protocol error");
}

static void test_done(struct weft_backend *backend)
{
	reply(link_message("a", 1, NULL, NLM_F_MULTI));
	reply(done(0, NULL));
	test_ask(backend, "a list ends", 0, 1, "");
	reply(done(-ENODEV, NULL));
	test_ask(backend, "a list ends with an error", -ENODEV, 0, "No such device");
	reply(done(-ENODEV, "the link is gone"));
	test_ask(backend, "a list ends with an extack", -ENODEV, 0, "the link is gone");
	reply(done(5, NULL));
	test_ask(backend, "a positive number is no error", 0, 0, "");
	reply(nlmsg_alloc_simple(NLMSG_DONE, NLM_F_MULTI));
	test_ask(backend, "the end of a list may have no error", 0, 0, "");
	reply(link_message("a", 1, NULL, NLM_F_MULTI | NLM_F_DUMP_INTR));
	reply(done(0, NULL));
	test_ask(backend, "a list that changes meanwhile", -EINTR, 1, "");
	reply(link_message("a", 1, NULL, NLM_F_MULTI | NLM_F_DUMP_INTR));
	reply(done(-EPERM, NULL));
	test_ask(backend, "an error takes precedence over a change", -EPERM, 1, "Operation not permitted");
}

static void test_strays(struct weft_backend *backend)
{
	struct nl_msg *other;

	reply(ack(-EPERM, NULL, false));
	kernel.replies[0].from_process = true;
	reply(ack(0, NULL, false));
	test_ask(backend, "a message of another process is ignored", 0, 0, "");
	other = ack(-EPERM, NULL, false);
	nlmsg_hdr(other)->nlmsg_seq = 999999;
	reply(other);
	reply(ack(0, NULL, false));
	test_ask(backend, "a reply to another request is ignored", 0, 0, "");
	reply(nlmsg_alloc_simple(NLMSG_NOOP, 0));
	reply(ack(0, NULL, false));
	test_ask(backend, "a NOOP is ignored", 0, 0, "");
	reply(nlmsg_alloc_simple(NLMSG_OVERRUN, 0));
	test_ask(backend, "replies may be lost", -EOVERFLOW, 0,
		 "Value too large for defined data type");
	reply(nlmsg_alloc_simple(NLMSG_ERROR, 0));
	test_ask(backend, "an acknowledgment may be short", -EBADMSG, 0, "Bad message");
}

static void test_socket_failures(struct weft_backend *backend)
{
	kernel.connect_error = -NLE_NOMEM;
	test_ask(backend, "there may be no memory for a socket", -ENOMEM, 0,
		 "netlink: Out of memory");
	kernel.connect_error = -NLE_PERM;
	test_ask(backend, "there may be no socket", -EIO, 0,
		 "netlink: Operation not permitted");
	kernel.send_error = -NLE_PERM;
	test_ask(backend, "sending may fail", -EIO, 0, "netlink: Operation not permitted");
	test_ask(backend, "reading may fail", -EIO, 0, "netlink: Try again");
}

/* ---- interfaces ---- */

static void test_ready(struct weft_backend *backend)
{
	kernel_start(backend);
	test_ok(!backend->ready(backend), "the kernel has weft");
	kernel.family = -NLE_OBJ_NOTFOUND;
	test_ok(backend->ready(backend) == -EOPNOTSUPP, "the kernel has no weft");
	test_text("the error names the module", backend->error, "module weft is not loaded");
	kernel.connect_error = -NLE_PERM;
	test_ok(backend->ready(backend) == -EIO, "the kernel cannot be asked");
	kernel_end();
}

static void reply_families(const char *name)
{
	reply(family_message("nlctrl", NLM_F_MULTI));
	reply_joined(family_message(NULL, NLM_F_MULTI));
	reply(family_message(name, NLM_F_MULTI));
	reply_joined(family_message("wireguard", NLM_F_MULTI));
	reply(done(0, NULL));
}

/* The kernel would load the module if the family were looked up by name. */
static void test_loaded(struct weft_backend *backend)
{
	kernel_start(backend);
	kernel.family = -NLE_OBJ_NOTFOUND;
	reply_families("weft");
	test_ok(!backend->loaded(backend), "weft is among the families");
	test_ok(!kernel.named && kernel.last_type == GENL_ID_CTRL && kernel.last_flags & NLM_F_DUMP,
		"all families are listed, and none is looked up by name");
	kernel_start(backend);
	reply_families("weftless");
	test_ok(backend->loaded(backend) == -EOPNOTSUPP && !kernel.named, "weft is not among the families");
	test_text("the error names the module", backend->error, "module weft is not loaded");
	kernel_start(backend);
	reply(ack(-EPERM, NULL, false));
	test_ok(backend->loaded(backend) == -EPERM, "families are not listed");
	kernel_start(backend);
	reply(nlmsg_alloc_simple(GENL_ID_CTRL, NLM_F_MULTI));
	test_ok(backend->loaded(backend) == -EBADMSG, "a family's message may be short");
	kernel_start(backend);
	kernel.connect_error = -NLE_PERM;
	test_ok(backend->loaded(backend) == -EIO, "families cannot be listed");
	kernel_end();
}

static void reply_links(int flags)
{
	reply(link_message("lo", 1, NULL, NLM_F_MULTI | flags));
	reply_joined(link_message("wft0", 7, "weft", NLM_F_MULTI));
	reply_joined(link_message("eth0", 2, "veth", NLM_F_MULTI));
	reply_joined(link_message(NULL, 9, "weft", NLM_F_MULTI));
	reply(link_message("wg0", 8, "wireguard", NLM_F_MULTI));
	reply(done(0, NULL));
}

static void test_list_is(struct weft_backend *backend, const char *want)
{
	struct weft_link *links, *link;
	char text[600] = "";
	int err;

	err = backend->list(backend, &links);
	for (link = links; link; link = link->next)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s %s\n",
			 link->name, weft_model_kind_name(link->kind));
	if (err)
		snprintf(text, sizeof(text), "%d %s%s\n", err, backend->error,
			 links ? " and links" : "");
	test_text("the list", text, want);
	weft_model_links_free(links);
}

static void test_list(struct weft_backend *backend)
{
	int i;

	kernel_start(backend);
	reply_links(0);
	test_list_is(backend, "wft0 weft\nwg0 wireguard\n");
	test_ok(kernel.last_flags & NLM_F_DUMP && kernel.last_type == RTM_GETLINK,
		"all links are asked for");
	kernel_start(backend);
	reply_links(NLM_F_DUMP_INTR);
	reply_links(0);
	test_list_is(backend, "wft0 weft\nwg0 wireguard\n");
	kernel_start(backend);
	for (i = 0; i < 70; i++)
		reply(done(0, NULL));
	for (i = 0; i < 70; i++)
		nlmsg_hdr(kernel.replies[i].messages[0])->nlmsg_flags |= NLM_F_DUMP_INTR;
	test_list_is(backend, "-4 changes interrupted each of 64 dumps\n");
	test_ok(kernel.sent == 64, "64 changed lists are the limit");
	for (; kernel.at < kernel.count; kernel.at++)
		nlmsg_free(kernel.replies[kernel.at].messages[0]);
	kernel_start(backend);
	reply(link_message("wft0", 7, "weft", NLM_F_MULTI));
	reply(done(-ENOBUFS, NULL));
	test_list_is(backend, "-105 No buffer space available\n");
	kernel_start(backend);
	kernel.connect_error = -NLE_PERM;
	test_list_is(backend, "-5 netlink: Operation not permitted\n");
	kernel_end();
}

/* A name, the kind of its link, and the error. */
static const struct {
	const char *name;
	const char *kind;
	int refused;
	int err;
	const char *error;
} finds[] = {
	{ "", NULL, 0, -EINVAL, "an interface's name has 1 to 15 characters" },
	{ "a234567890123456", NULL, 0, -EINVAL, "an interface's name has 1 to 15 characters" },
	{ "a23456789012345", NULL, -ENODEV, -ENODEV, "No such device" },
	{ "wft0", "veth", 0, -EOPNOTSUPP,
	  "the link is of kind 'veth', not weft or wireguard" },
	{ "wft0", NULL, 0, -EOPNOTSUPP,
	  "the link is of kind 'none', not weft or wireguard" },
};

static void test_finds(struct weft_backend *backend)
{
	struct weft_device *dev = (struct weft_device *)1;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(finds); i++) {
		kernel_start(backend);
		if (finds[i].refused)
			reply(ack(finds[i].refused, NULL, false));
		else if (finds[i].err != -EINVAL)
			reply_link(finds[i].kind);
		test_ok(backend->get(backend, finds[i].name, &dev) == finds[i].err && !dev,
			finds[i].name);
		test_text("the error text", backend->error, finds[i].error);
		test_ok(kernel.sent == (finds[i].err != -EINVAL), "the number of requests");
	}
	kernel_start(backend);
	kernel.family = -NLE_OBJ_NOTFOUND;
	reply_link("wireguard");
	test_ok(backend->get(backend, "wg0", &dev) == -EOPNOTSUPP, "a family is missing");
	test_text("the error names the family", backend->error,
		  "the kernel has no generic netlink family 'wireguard': Object not found");
	kernel_end();
}

static void test_get_is(struct weft_backend *backend, int want, const char *error,
			__u16 port, const char *name)
{
	struct weft_device *dev = (struct weft_device *)1;
	int err = backend->get(backend, "wft0", &dev);

	test_ok(err == want, name);
	if (err)
		test_text("the error text", backend->error, error);
	test_ok(err ? !dev : dev->listen_port == port && dev->kind == WEFT_KIND_WEFT &&
		!strcmp(dev->name, "wft0"), "what is read");
	if (!err)
		weft_model_device_free(dev);
	kernel_start(backend);
}

static void test_get(struct weft_backend *backend)
{
	int i;

	kernel_start(backend);
	reply_link("weft");
	reply(device_message(5, NLM_F_MULTI));
	reply(done(0, NULL));
	test_get_is(backend, 0, NULL, 5, "an interface is read");
	reply_link("weft");
	reply(device_message(5, NLM_F_MULTI | NLM_F_DUMP_INTR));
	reply(done(0, NULL));
	reply(device_message(6, NLM_F_MULTI));
	reply(done(0, NULL));
	test_get_is(backend, 0, NULL, 6, "a changed dump is read again");
	reply_link("weft");
	for (i = 0; i < 64; i++)
		reply(device_message(5, NLM_F_DUMP_INTR));
	for (i = 2; i < 66; i++) {
		kernel.replies[i].messages[1] = done(0, NULL);
		kernel.replies[i].count = 2;
	}
	test_get_is(backend, -EINTR, "changes interrupted each of 64 dumps", 0,
		    "but not for ever");
	reply_link("weft");
	reply(ack(-EPERM, NULL, false));
	test_get_is(backend, -EPERM, "Operation not permitted", 0, "reading may be refused");
	reply_link("weft");
	reply(nlmsg_alloc_simple(FAMILY, NLM_F_MULTI));
	test_get_is(backend, -EBADMSG, "Bad message", 0, "an answer may be short");
	kernel_end();
}

static void test_set_is(struct weft_backend *backend, struct weft_device *dev, int want,
			const char *error, const char *name)
{
	test_ok(backend->set(backend, dev) == want, name);
	if (want)
		test_text("the error text", backend->error, error);
	test_ok(kernel.at == kernel.count, "all answers are taken");
	weft_model_device_free(dev);
}

static struct weft_device *device(const char *more)
{
	char conf[512];

	snprintf(conf, sizeof(conf), "[Interface]\nPrivateKey = " KEY_P
		 "\nDSCP = 5\n[Peer]\nPublicKey = " KEY_A "\n%s", more);
	return test_device("wft0", WEFT_KIND_WEFT, conf);
}

/* A change that removes a single allowed IP. */
static struct weft_device *removing(void)
{
	struct weft_device *dev = device("AllowedIPs = 10.0.0.0/8, 10.1.0.0/16\n");

	dev->peers->allowedips->next->remove = true;
	return dev;
}

static void test_set(struct weft_backend *backend)
{
	struct weft_device *dev;

	kernel_start(backend);
	reply_link("weft");
	reply(ack(0, NULL, false));
	test_set_is(backend, device(""), 0, NULL, "an interface is set");
	test_ok(kernel.last_command == WEFT_CMD_SET_DEVICE && kernel.last_flags & NLM_F_ACK &&
		kernel.last->has & WEFT_DEVICE_HAS_PRIVATE_KEY && kernel.last->peers &&
		kernel.last->dscp == 5, "the kernel gets the settings");
	kernel_start(backend);
	reply_link("wireguard");
	reply(ack(0, NULL, false));
	test_set_is(backend, device(""), 0, NULL, "an interface of wireguard is set");
	test_ok(!kernel.last->dscp, "weft's own settings are left out");
	kernel_start(backend);
	reply_link("wireguard");
	dev = device("");
	dev->own_word = "dscp";
	test_set_is(backend, dev, -EOPNOTSUPP,
		    "'dscp' needs a link of kind weft, and this link is of kind wireguard",
		    "wireguard refuses a setting of weft");
	kernel_start(backend);
	reply_link("weft");
	reply(ack(0, NULL, false));
	dev = device("");
	dev->own_word = "dscp";
	test_set_is(backend, dev, 0, NULL, "weft accepts it");
	kernel_end();
}

static void test_set_refused(struct weft_backend *backend)
{
	struct weft_device *dev = device("");
	unsigned int i;

	kernel_start(backend);
	reply_link("wireguard");
	reply(ack(-EINVAL, NULL, false));
	test_set_is(backend, removing(), -EINVAL,
		    "Invalid argument (in-tree wireguard can remove single allowed IPs since Linux 6.16)",
		    "a refusal explains the missing feature");
	kernel_start(backend);
	reply_link("wireguard");
	reply(ack(-EINVAL, NULL, false));
	test_set_is(backend, device("AllowedIPs = 10.0.0.0/8\n"), -EINVAL, "Invalid argument",
		    "only for a removed allowed IP");
	kernel_start(backend);
	reply_link("weft");
	reply(ack(-EINVAL, "bad", false));
	test_set_is(backend, removing(), -EINVAL, "bad", "not for weft");
	kernel_start(backend);
	reply_link("wireguard");
	reply(ack(-EPERM, NULL, false));
	test_set_is(backend, removing(), -EPERM, "Operation not permitted",
		    "not for another error");
	kernel_start(backend);
	for (i = 0; i < 1000; i++)
		weft_model_allowedip_add(dev->peers)->family = AF_INET6;
	reply_link("weft");
	reply(ack(0, NULL, false));
	reply(ack(-EEXIST, NULL, false));
	test_set_is(backend, dev, -EEXIST,
		    "File exists (a part of the change has been applied)",
		    "an error after the first part");
	kernel_end();
}

static void test_rotate_is(struct weft_backend *backend, int want, const char *error,
			   const char *name)
{
	struct weft_rotation rotation = { .action = WEFT_ROTATE_ACTION_BEGIN };

	test_ok(backend->rotate(backend, "wft0", &rotation) == want, name);
	if (want)
		test_text("the error text", backend->error, error);
	test_ok(kernel.at == kernel.count, "all answers are taken");
}

static void test_rotate(struct weft_backend *backend)
{
	kernel_start(backend);
	reply_link("weft");
	reply(ack(0, NULL, false));
	test_rotate_is(backend, 0, NULL, "a key is rotated");
	test_ok(kernel.last_command == WEFT_CMD_ROTATE, "the rotation has its own command");
	kernel_start(backend);
	reply_link("weft");
	reply(ack(-ENOENT, "none is in progress", false));
	test_rotate_is(backend, -ENOENT, "none is in progress", "a rotation may be refused");
	kernel_start(backend);
	reply_link("wireguard");
	test_rotate_is(backend, -EOPNOTSUPP,
		       "rotation needs a link of kind weft, and this link is of kind wireguard",
		       "wireguard has no rotation");
	kernel_start(backend);
	reply(ack(-ENODEV, NULL, false));
	test_rotate_is(backend, -ENODEV, "No such device", "a missing interface has no rotation");
	kernel_end();
}

/* ---- events ---- */

static void watch_start(struct weft_backend *backend)
{
	kernel_start(backend);
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, kernel.events))
		test_bail("no sockets");
	test_ok(!weft_watch_start(backend), "the subscription begins");
}

static void watch_end(struct weft_backend *backend)
{
	weft_watch_stop(backend);
	close(kernel.events[0]);
	close(kernel.events[1]);
	kernel_end();
}

static void tell(struct nl_msg *msg, size_t len)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);

	if (send(kernel.events[1], hdr, len ?: hdr->nlmsg_len, 0) < 0)
		test_bail("cannot send");
	nlmsg_free(msg);
}

static struct nl_msg *event_message(int command)
{
	struct nl_msg *msg = genl_message(command, 0);

	nla_put_u32(msg, WEFT_EVENT_A_TYPE, WEFT_EVENT_DEVICE_ADDED);
	nla_put_u32(msg, WEFT_EVENT_A_CAUSE, WEFT_CAUSE_ADMINISTRATION);
	nla_put_u64(msg, WEFT_EVENT_A_SEQUENCE, 3);
	nla_put_u64(msg, WEFT_EVENT_A_TIME, 4);
	nla_put_u32(msg, WEFT_EVENT_A_IFINDEX, 7);
	nla_put_string(msg, WEFT_EVENT_A_IFNAME, "wft0");
	return msg;
}

static void test_events(struct weft_backend *backend)
{
	struct weft_event event = { };
	struct nl_msg *msg;

	watch_start(backend);
	test_ok(!weft_watch_next(backend, &event, 0), "no event is queued");
	tell(event_message(WEFT_CMD_EVENT), 0);
	test_ok(weft_watch_next(backend, &event, 1000) == 1 && event.sequence == 3 &&
		!strcmp(event.ifname, "wft0"), "an event is queued");
	tell(event_message(WEFT_CMD_GET_DEVICE), 0);
	test_ok(weft_watch_next(backend, &event, 1000) == -EAGAIN, "another command is no event");
	tell(event_message(WEFT_CMD_EVENT), NLMSG_HDRLEN);
	test_ok(weft_watch_next(backend, &event, 1000) == -EAGAIN, "a truncated message is no event");
	msg = event_message(WEFT_CMD_EVENT);
	nlmsg_hdr(msg)->nlmsg_type = NLMSG_DONE;
	tell(msg, 0);
	test_ok(weft_watch_next(backend, &event, 1000) == -EAGAIN, "a control message is no event");
	tell(genl_message(WEFT_CMD_EVENT, 0), 0);
	test_ok(weft_watch_next(backend, &event, 1000) == -EAGAIN, "a message without a name is no event");
	watch_end(backend);
}

static bool blocked(int number)
{
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	return sigismember(&set, number);
}

/* Counts the blocked signals, except those that end a command. */
static int count_others(void)
{
	int number, count = 0;

	for (number = 1; number < NSIG; number++)
		count += number != SIGINT && number != SIGTERM && blocked(number);
	return count;
}

static void test_signals(struct weft_backend *backend)
{
	static const int numbers[] = { SIGINT, SIGTERM };
	struct weft_event event;
	int others = count_others();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		watch_start(backend);
		test_ok(blocked(SIGINT) && blocked(SIGTERM), "signals are blocked");
		test_ok(count_others() == others, "other signals are not");
		tell(event_message(WEFT_CMD_EVENT), 0);
		raise(numbers[i]);
		test_ok(weft_watch_next(backend, &event, 1000) == -EINTR,
			"a signal comes before an event");
		watch_end(backend);
		test_ok(!blocked(SIGINT) && !blocked(SIGTERM), "signals are unblocked");
	}
	weft_watch_stop(backend);
	test_ok(true, "an ended subscription can be ended again");
}

static void test_watch_is(struct weft_backend *backend, int want, const char *error,
			  const char *name)
{
	test_ok(weft_watch_start(backend) == want, name);
	test_text("the error text", backend->error, error);
	test_ok(!blocked(SIGINT), "signals are not blocked");
	kernel_start(backend);
}

static void test_watch_refused(struct weft_backend *backend)
{
	kernel_start(backend);
	kernel.connect_error = -NLE_PERM;
	test_watch_is(backend, -EIO, "netlink: Operation not permitted", "no socket");
	kernel.group = -NLE_OBJ_NOTFOUND;
	test_watch_is(backend, -EOPNOTSUPP, "no events: module weft is not loaded", "no module");
	kernel.group = -NLE_AGAIN;
	test_watch_is(backend, -EOPNOTSUPP,
		      "cannot find the events of module weft: Try again", "no events");
	kernel.setsockopt_error = EPERM;
	test_watch_is(backend, -EPERM,
		      "events need CAP_NET_ADMIN: Operation not permitted",
		      "no permission");
}

static void test_secret(void)
{
	struct nl_msg *msg = nlmsg_alloc();
	struct nlmsghdr *hdr;

	nlmsg_put(msg, 0, 0, FAMILY, 0, 0);
	nla_put_string(msg, WEFT_DEVICE_A_PRIVATE_KEY, "secret");
	hdr = nlmsg_hdr(msg);
	nlmsg_get(msg);
	weft_socket_free_msg(msg);
	test_ok(!memmem(hdr, hdr->nlmsg_len, "secret", 6), "a message is wiped");
	nlmsg_free(msg);
	weft_socket_free_msg(NULL);
}

/* Frees the replies that were not read. */
static void kernel_drop(void)
{
	int i;

	for (; kernel.at < kernel.count; kernel.at++)
		for (i = 0; i < kernel.replies[kernel.at].count; i++)
			nlmsg_free(kernel.replies[kernel.at].messages[i]);
	kernel_end();
}

static bool is_said(const struct weft_backend *backend, int err)
{
	return test_memory_failed() && (err == -ENOMEM || err == -EMSGSIZE) &&
	       (strcasestr(backend->error, "memory") || strcasestr(backend->error, "too long"));
}

static bool once_list(const void *data)
{
	struct weft_backend *backend = (struct weft_backend *)data;
	struct weft_link *links;
	bool good;
	int err;

	kernel_start(backend);
	reply_links(0);
	err = backend->list(backend, &links);
	good = err ? is_said(backend, err) && !links : links && links->next && !links->next->next;
	weft_model_links_free(links);
	kernel_drop();
	return good;
}

static bool once_get(const void *data)
{
	struct weft_backend *backend = (struct weft_backend *)data;
	struct weft_device *dev;
	bool good;
	int err;

	kernel_start(backend);
	reply_link("weft");
	reply(device_message(5, NLM_F_MULTI));
	reply(done(0, NULL));
	err = backend->get(backend, "wft0", &dev);
	good = err ? is_said(backend, err) && !dev : dev->listen_port == 5;
	weft_model_device_free(dev);
	kernel_drop();
	return good;
}

#define FULL	"Name = x\nEndpoint = 192.0.2.1:7, [2001:db8::1]:8\nAllowedIPs = 10.0.0.0/8, fd00::/8\nRoam = off\n" \
		"PresharedKey = " KEY_P "\nPersistentKeepalive = 5\nNextPublicKey = " KEY_B "\nGrace = 5\n"

static bool is_full(const struct weft_device *dev, const char *text)
{
	const struct weft_peer *peer = dev->peers;

	return strstr(text, "key=P port=7") && dev->fwmark == 9 && dev->dscp == 5 &&
	       strstr(text, "name='x' psk=P next=B") && peer->grace == 5 && peer->keepalive == 5 &&
	       strstr(text, "candidates=192.0.2.1:7,[2001:db8::1]:8 roam=0 +10.0.0.0/8 +fd00::/8");
}

static bool once_set(const void *data)
{
	struct weft_backend *backend = (struct weft_backend *)data;
	struct weft_device *dev = device(FULL);
	char *sent;
	bool good;
	int err, i;

	dev->listen_port = 7;
	dev->fwmark = 9;
	dev->has |= WEFT_DEVICE_HAS_LISTEN_PORT | WEFT_DEVICE_HAS_FWMARK | WEFT_DEVICE_HAS_LISTEN_ADDRESS |
		    WEFT_DEVICE_HAS_BIND_DEVICE | WEFT_DEVICE_HAS_PMTU | WEFT_DEVICE_REPLACE_PEERS;
	dev->peers->has |= WEFT_PEER_HAS_NAME | WEFT_PEER_HAS_PRESHARED_KEY | WEFT_PEER_HAS_NEXT_PUBLIC_KEY |
			   WEFT_PEER_HAS_GRACE | WEFT_PEER_HAS_KEEPALIVE | WEFT_PEER_REPLACE_ALLOWEDIPS |
			   WEFT_PEER_EXCLUSIVE | WEFT_PEER_FORGET_TIMESTAMP | WEFT_PEER_CONNECT;
	kernel_start(backend);
	reply_link("weft");
	/* The configuration may take several messages. */
	for (i = 0; i < 8; i++)
		reply(ack(0, NULL, false));
	err = backend->set(backend, dev);
	sent = err ? NULL : test_describe(kernel.last);
	good = err ? is_said(backend, err) : kernel.at > 3 ? test_memory_failed() : is_full(kernel.last, sent);
	if (!good)
		printf("# %d: %s: %s\n", err, backend->error, sent ?: "nothing");
	free(sent);
	weft_model_device_free(dev);
	kernel_drop();
	return good;
}

static bool once_rotate(const void *data)
{
	struct weft_rotation rotation = { .action = WEFT_ROTATE_ACTION_BEGIN, .grace = 5 };
	struct weft_backend *backend = (struct weft_backend *)data;
	bool good;
	int err;

	kernel_start(backend);
	reply_link("weft");
	reply(ack(0, NULL, false));
	err = backend->rotate(backend, "wft0", &rotation);
	good = err ? is_said(backend, err) && !kernel.last_command : kernel.last_command == WEFT_CMD_ROTATE;
	kernel_drop();
	return good;
}

static void test_memory(struct weft_backend *backend)
{
	test_memory_each("memory is short: a list", once_list, backend);
	test_memory_each("memory is short: an interface is read", once_get, backend);
	test_memory_each("memory is short: an interface is set", once_set, backend);
	test_memory_each("memory is short: a key is rotated", once_rotate, backend);
}

int main(void)
{
	struct weft_backend *backend = weft_netlink_backend();

	test_acks(backend);
	test_done(backend);
	test_strays(backend);
	test_socket_failures(backend);
	test_ready(backend);
	test_loaded(backend);
	test_list(backend);
	test_finds(backend);
	test_get(backend);
	test_set(backend);
	test_set_refused(backend);
	test_rotate(backend);
	test_events(backend);
	test_signals(backend);
	test_watch_refused(backend);
	test_secret();
	test_memory(backend);
	return test_end();
}
