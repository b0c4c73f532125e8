/* SPDX-License-Identifier: GPL-2.0 */
/* One netlink socket: a request out, its answers in, errors as words. */
#ifndef _WEFT_TOOLS_SOCKET_H
#define _WEFT_TOOLS_SOCKET_H

#include <stddef.h>

struct nl_msg;
struct nl_sock;
struct nlmsghdr;

/**
 * struct weft_socket - a connected socket
 * @sock: libnl's part
 * @error: where the reason of a failure is written
 * @error_size: the room there
 */
struct weft_socket {
	struct nl_sock *sock;
	char *error;
	size_t error_size;
};

/* Called for each message of an answer; not 0 ends the request with that. */
typedef int (*weft_socket_reader)(struct nlmsghdr *hdr, void *data);

int weft_socket_open(struct weft_socket *socket, int protocol);
void weft_socket_close(struct weft_socket *socket);
/*
 * Send @msg, and read all that comes back. -EINTR: what a dump was about
 * changed under it, and the dump has to be asked for again.
 */
int weft_socket_ask(struct weft_socket *socket, struct nl_msg *msg,
		    weft_socket_reader reader, void *data);
/* Free a message that may hold keys. */
void weft_socket_free_msg(struct nl_msg *msg);

#endif /* _WEFT_TOOLS_SOCKET_H */
