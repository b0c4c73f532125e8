// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "genl/socket.h"

#define WEFT_SOCKET_READ_BYTES	65536
#define WEFT_SOCKET_QUEUE_BYTES	(256 * 1024)

/* The state of one request. */
struct socket_wait {
	struct weft_socket *socket;
	weft_socket_reader reader;
	void *data;
	__u32 seq;
	bool interrupted;
	bool finished;
};

static int socket_fail(struct weft_socket *socket, int nl_error)
{
	snprintf(socket->error, socket->error_size, "netlink: %s",
		 nl_geterror(nl_error));
	return nl_error == -NLE_NOMEM ? -ENOMEM : -EIO;
}

int weft_socket_open(struct weft_socket *socket, int protocol)
{
	int one = 1, err;

	socket->sock = nl_socket_alloc();
	if (!socket->sock)
		return socket_fail(socket, -NLE_NOMEM);
	err = nl_connect(socket->sock, protocol);
	if (err) {
		weft_socket_close(socket);
		return socket_fail(socket, err);
	}
	nl_socket_set_buffer_size(socket->sock, WEFT_SOCKET_QUEUE_BYTES,
				  WEFT_SOCKET_QUEUE_BYTES);
	nl_socket_set_msg_buf_size(socket->sock, WEFT_SOCKET_READ_BYTES);
	/* A kernel without these options reports errors without a text. */
	setsockopt(nl_socket_get_fd(socket->sock), SOL_NETLINK,
		   NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(nl_socket_get_fd(socket->sock), SOL_NETLINK,
		   NETLINK_CAP_ACK, &one, sizeof(one));
	return 0;
}

void weft_socket_close(struct weft_socket *socket)
{
	nl_socket_free(socket->sock);
	socket->sock = NULL;
}

void weft_socket_free_msg(struct nl_msg *msg)
{
	struct nlmsghdr *hdr;

	if (!msg)
		return;
	hdr = nlmsg_hdr(msg);
	sodium_memzero(nlmsg_data(hdr), nlmsg_datalen(hdr));
	nlmsg_free(msg);
}

/*
 * The kernel's text is more precise than its errno, which may mislead: "No such file
 * or directory" is the errno for "rotation: none goes on".
 */
static void socket_explain(struct weft_socket *socket, int error,
			   const struct nlattr *attrs, int len)
{
	struct nlattr *msg = NULL;

	if (attrs && len > 0)
		msg = nla_find(attrs, len, NLMSGERR_ATTR_MSG);
	if (msg)
		snprintf(socket->error, socket->error_size, "%.*s",
			 nla_len(msg), (char *)nla_data(msg));
	else
		snprintf(socket->error, socket->error_size, "%s",
			 strerror(-error));
}

static int socket_read_error(struct weft_socket *socket, struct nlmsghdr *hdr)
{
	struct nlmsgerr *error = nlmsg_data(hdr);
	int skip = sizeof(*error);

	if (nlmsg_datalen(hdr) < skip)
		return -EBADMSG;
	if (!error->error)
		return 0;
	if (!(hdr->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(error->msg.nlmsg_len - NLMSG_HDRLEN);
	if (hdr->nlmsg_flags & NLM_F_ACK_TLVS)
		socket_explain(socket, error->error,
			       (void *)((char *)error + skip),
			       nlmsg_datalen(hdr) - skip);
	else
		socket_explain(socket, error->error, NULL, 0);
	return error->error;
}

static int socket_read_done(struct weft_socket *socket, struct nlmsghdr *hdr)
{
	int len = nlmsg_datalen(hdr) - (int)sizeof(int), error;

	if (len < 0)
		return 0;
	memcpy(&error, nlmsg_data(hdr), sizeof(error));
	if (error >= 0)
		return 0;
	socket_explain(socket, error,
		       (void *)((char *)nlmsg_data(hdr) + sizeof(error)),
		       hdr->nlmsg_flags & NLM_F_ACK_TLVS ? len : 0);
	return error;
}

static int socket_read_one(struct socket_wait *wait, struct nlmsghdr *hdr)
{
	if (hdr->nlmsg_seq != wait->seq)
		return 0;
	if (hdr->nlmsg_flags & NLM_F_DUMP_INTR)
		wait->interrupted = true;
	switch (hdr->nlmsg_type) {
	case NLMSG_ERROR:
		wait->finished = true;
		return socket_read_error(wait->socket, hdr);
	case NLMSG_DONE:
		wait->finished = true;
		return socket_read_done(wait->socket, hdr);
	case NLMSG_NOOP:
		return 0;
	case NLMSG_OVERRUN:
		return -EOVERFLOW;
	}
	return wait->reader ? wait->reader(hdr, wait->data) : 0;
}

static int socket_read_buffer(struct socket_wait *wait)
{
	struct sockaddr_nl from = { 0 };
	unsigned char *buffer = NULL;
	struct nlmsghdr *hdr;
	int len, left, err = 0;

	len = nl_recv(wait->socket->sock, &from, &buffer, NULL);
	if (len <= 0) {
		free(buffer);
		return len ? socket_fail(wait->socket, len) : 0;
	}
	left = len;
	/* Messages from other senders than the kernel, port 0, are ignored. */
	for (hdr = (struct nlmsghdr *)buffer;
	     !err && !from.nl_pid && nlmsg_ok(hdr, left);
	     hdr = nlmsg_next(hdr, &left))
		err = socket_read_one(wait, hdr);
	sodium_memzero(buffer, len);
	free(buffer);
	return err;
}

int weft_socket_ask(struct weft_socket *socket, struct nl_msg *msg,
		    weft_socket_reader reader, void *data)
{
	struct socket_wait wait = {
		.socket = socket, .reader = reader, .data = data,
	};
	int err;

	socket->error[0] = '\0';
	nl_complete_msg(socket->sock, msg);
	wait.seq = nlmsg_hdr(msg)->nlmsg_seq;
	err = nl_send(socket->sock, msg);
	if (err < 0)
		return socket_fail(socket, err);
	do {
		err = socket_read_buffer(&wait);
	} while (!err && !wait.finished);
	if (err && !socket->error[0])
		socket_explain(socket, err, NULL, 0);
	if (!err && wait.interrupted)
		return -EINTR;
	return err;
}
