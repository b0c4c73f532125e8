/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device's UDP sockets, one for each family on the same port: opened, exchanged, closed.
 */
#ifndef WEFT_PORT_H
#define WEFT_PORT_H

#include <linux/types.h>

struct net;
struct sock;
struct weft_binding;
struct weft_device;

/* Both sockets of a device. Either may be NULL. */
struct weft_port_pair {
	struct sock *sock4;
	struct sock *sock6;
	u16 port;		/* host order */
};

int weft_port_open(struct weft_port_pair *pair, struct weft_device *device, struct net *net,
		   const struct weft_binding *binding);
bool weft_port_release(struct weft_port_pair *pair);
void weft_port_close(struct weft_port_pair *pair);
void weft_port_swap(struct weft_device *device, struct weft_port_pair *pair);
int weft_port_bind_to(struct weft_device *device, int ifindex);

#endif /* WEFT_PORT_H */
