/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device's UDP sockets: opening them, and sending through them.
 */
#ifndef WEFT_SOCK_H
#define WEFT_SOCK_H

#include <linux/types.h>

struct net;
struct sk_buff;
struct sock;
struct weft_device;
struct weft_endpoint;
struct weft_peer;

/* Both sockets of a device. Either may be NULL. */
struct weft_sock_pair {
	struct sock *sock4;
	struct sock *sock6;
	u16 port;		/* host order */
};

int weft_sock_open(struct weft_sock_pair *pair, struct weft_device *device, struct net *net,
		   u16 port);
void weft_sock_close(struct weft_sock_pair *pair);
void weft_sock_swap(struct weft_device *device, struct weft_sock_pair *pair);

int weft_sock_send(struct weft_peer *peer, struct sk_buff *skb, u8 ds);
int weft_sock_send_message(struct weft_peer *peer, const void *message, size_t len, u8 ds);
int weft_sock_reply(struct weft_device *device, const struct sk_buff *to, const void *message,
		    size_t len);

#endif /* WEFT_SOCK_H */
