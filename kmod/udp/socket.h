/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device's UDP sockets, one per family on the same port: opened, exchanged, closed.
 */
#ifndef WEFT_SOCKET_H
#define WEFT_SOCKET_H

#include <linux/types.h>

struct net;
struct sock;
struct weft_binding;
struct weft_device;

/* Both sockets of a device. Either may be NULL. */
struct weft_socket_pair {
	struct sock *sock4;
	struct sock *sock6;
	u16 port;		/* host order */
};

int weft_socket_open(struct weft_socket_pair *pair, struct weft_device *device, struct net *net,
		     const struct weft_binding *binding);
bool weft_socket_release(struct weft_socket_pair *pair);
void weft_socket_close(struct weft_socket_pair *pair);
void weft_socket_swap(struct weft_device *device, struct weft_socket_pair *pair);
int weft_socket_bind_to(struct weft_device *device, int ifindex);

#endif /* WEFT_SOCKET_H */
