/* SPDX-License-Identifier: GPL-2.0 */
/* One netlink socket: a request, its answers, and errors as text. */
#ifndef _WEFT_TOOLS_SOCKET_H
#define _WEFT_TOOLS_SOCKET_H

#include <stddef.h>

struct nl_msg;
struct nl_sock;
struct nlmsghdr;

/**
 * struct weft_socket - a connected socket
 * @sock: libnl's socket
 * @error: the buffer for the reason of a failure
 * @error_size: its size
 */
struct weft_socket {
	struct nl_sock *sock;
	char *error;
	size_t error_size;
};

/* Called for each message of an answer; another result than 0 ends the request with it. */
typedef int (*weft_socket_reader)(struct nlmsghdr *hdr, void *data);

int weft_socket_open(struct weft_socket *socket, int protocol);
void weft_socket_close(struct weft_socket *socket);
/*
 * Send @msg, and read all answers. -EINTR: the dump is inconsistent, because its
 * objects changed meanwhile, and has to be repeated.
 */
int weft_socket_ask(struct weft_socket *socket, struct nl_msg *msg,
		    weft_socket_reader reader, void *data);
/* Wipe and free a message that may contain keys. */
void weft_socket_free_msg(struct nl_msg *msg);

#endif /* _WEFT_TOOLS_SOCKET_H */
