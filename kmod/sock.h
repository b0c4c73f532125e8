/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sending through the device's UDP sockets.
 */
#ifndef WEFT_SOCK_H
#define WEFT_SOCK_H

#include <linux/types.h>

struct sk_buff;
struct weft_device;
struct weft_endpoint;
struct weft_peer;

/* What is known of the path to where a peer is. */
struct weft_sock_path {
	unsigned int mtu;	/* of outer packets; 0: there is no route */
	unsigned int overhead;	/* what an inner packet grows by */
	u64 period_ns;		/* for how long the kernel keeps what it learns of a path */
};

void weft_sock_set_mark(struct weft_device *device);
void weft_sock_path(struct weft_peer *peer, struct weft_sock_path *path);
void weft_sock_limit_path(struct weft_peer *peer, unsigned int mtu);

int weft_sock_send(struct weft_peer *peer, struct sk_buff *skb, u8 ds, unsigned int mtu);
int weft_sock_send_message(struct weft_peer *peer, const void *message, size_t len, u8 ds);
int weft_sock_reply(struct weft_device *device, const struct sk_buff *to, const void *message,
		    size_t len);

#endif /* WEFT_SOCK_H */
