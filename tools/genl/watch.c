// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/weft.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "genl/backend.h"
#include "genl/event.h"
#include "genl/socket.h"
#include "genl/watch.h"

/* Sufficient for a burst of some thousand events. */
#define WATCH_QUEUE_BYTES	(4 * 1024 * 1024)
#define WATCH_MESSAGE_BYTES	8192

/* The only subscription of the process. @signals is a signalfd for SIGINT and SIGTERM. */
static struct {
	struct weft_socket socket;
	int signals;
	sigset_t before;
} watch = { .signals = -1 };

static int watch_fail(struct weft_backend *backend, int err, const char *what,
		      const char *why)
{
	snprintf(backend->error, sizeof(backend->error), "%s: %s", what, why);
	weft_watch_stop(backend);
	return err;
}

static int watch_join(struct weft_backend *backend)
{
	struct nl_sock *sock = watch.socket.sock;
	int bytes = WATCH_QUEUE_BYTES, group, err;

	group = genl_ctrl_resolve_grp(sock, WEFT_GENL_NAME, WEFT_MCGRP_EVENTS);
	if (group == -NLE_OBJ_NOTFOUND)
		return watch_fail(backend, -EOPNOTSUPP, "no events", "module weft is not loaded");
	if (group < 0)
		return watch_fail(backend, -EOPNOTSUPP, "cannot find the events of module weft",
				  nl_geterror(group));
	/* With CAP_NET_ADMIN the buffer may exceed net.core.rmem_max. */
	setsockopt(nl_socket_get_fd(sock), SOL_SOCKET, SO_RCVBUFFORCE, &bytes,
		   sizeof(bytes));
	err = setsockopt(nl_socket_get_fd(sock), SOL_NETLINK,
			 NETLINK_ADD_MEMBERSHIP, &group, sizeof(group));
	if (!err)
		return 0;
	err = -errno;
	return watch_fail(backend, err, "events need CAP_NET_ADMIN",
			  strerror(-err));
}

/* Signals as a file descriptor, so that none is lost between a check and poll(). */
static int watch_signals(struct weft_backend *backend)
{
	sigset_t wanted;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGINT);
	sigaddset(&wanted, SIGTERM);
	sigprocmask(SIG_BLOCK, &wanted, &watch.before);
	watch.signals = signalfd(-1, &wanted, SFD_CLOEXEC);
	if (watch.signals >= 0)
		return 0;
	sigprocmask(SIG_SETMASK, &watch.before, NULL);
	return watch_fail(backend, -errno, "signals", strerror(errno));
}

int weft_watch_start(struct weft_backend *backend)
{
	int err;

	watch.socket.error = backend->error;
	watch.socket.error_size = sizeof(backend->error);
	err = weft_socket_open(&watch.socket, NETLINK_GENERIC);
	if (err)
		return err;
	err = watch_join(backend);
	return err ?: watch_signals(backend);
}

void weft_watch_stop(struct weft_backend *backend)
{
	(void)backend;
	if (watch.signals >= 0) {
		close(watch.signals);
		watch.signals = -1;
		sigprocmask(SIG_SETMASK, &watch.before, NULL);
	}
	if (watch.socket.sock)
		weft_socket_close(&watch.socket);
}

/* 1: an event; 0: something else. */
static int watch_read(struct weft_backend *backend, struct weft_event *event)
{
	/* Aligned for the message headers. */
	__u64 buffer[WATCH_MESSAGE_BYTES / sizeof(__u64)];
	struct nlmsghdr *hdr = (struct nlmsghdr *)buffer;
	struct sockaddr_nl from = { 0 };
	socklen_t from_len = sizeof(from);
	struct genlmsghdr *genl;
	ssize_t len;

	len = recvfrom(nl_socket_get_fd(watch.socket.sock), buffer,
		       sizeof(buffer), MSG_DONTWAIT, (struct sockaddr *)&from,
		       &from_len);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (len < 0) {
		snprintf(backend->error, sizeof(backend->error), "%s",
			 strerror(errno));
		return -errno;
	}
	/* Messages from other senders than the kernel, port 0, are ignored. */
	if (from.nl_pid || !nlmsg_ok(hdr, len) ||
	    nlmsg_datalen(hdr) < (int)sizeof(*genl))
		return 0;
	genl = nlmsg_data(hdr);
	if (hdr->nlmsg_type < NLMSG_MIN_TYPE || genl->cmd != WEFT_CMD_EVENT)
		return 0;
	return !weft_event_parse(genlmsg_attrdata(genl, 0),
				 genlmsg_attrlen(genl, 0), event);
}

/* Consumes the pending signal before signals are unblocked. */
static int watch_take_signal(void)
{
	struct signalfd_siginfo info;

	return read(watch.signals, &info, sizeof(info)) < 0 ? -EAGAIN : -EINTR;
}

int weft_watch_next(struct weft_backend *backend, struct weft_event *event,
		    int timeout_ms)
{
	struct pollfd fds[] = {
		{ .fd = nl_socket_get_fd(watch.socket.sock), .events = POLLIN },
		{ .fd = watch.signals, .events = POLLIN },
	};
	int ready;

	ready = poll(fds, 2, timeout_ms);
	if (ready < 0 && errno != EINTR) {
		snprintf(backend->error, sizeof(backend->error), "%s",
			 strerror(errno));
		return -errno;
	}
	if (ready <= 0)
		return ready ? -EAGAIN : 0;
	if (fds[1].revents)
		return watch_take_signal();
	return watch_read(backend, event) ?: -EAGAIN;
}

int weft_watch_fd(struct weft_backend *backend)
{
	(void)backend;
	return watch.socket.sock ? nl_socket_get_fd(watch.socket.sock) : -1;
}
