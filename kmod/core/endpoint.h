/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An endpoint: the address and port of a peer, and the local address and interface last used with
 * it.
 */
#ifndef WEFT_ENDPOINT_H
#define WEFT_ENDPOINT_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/socket.h>

struct netlink_ext_ack;
struct nlattr;
struct sk_buff;

struct weft_endpoint {
	union {
		struct sockaddr addr;		/* sa_family 0: unknown */
		struct sockaddr_in addr4;
		struct sockaddr_in6 addr6;
	};
	union {
		struct {
			struct in_addr src4;	/* 0: routing chooses */
			int src_if4;		/* 0: any */
		};
		struct in6_addr src6;		/* all zeros: routing chooses */
	};
};

bool weft_endpoint_from_skb(struct weft_endpoint *endpoint, const struct sk_buff *skb);
bool weft_endpoint_equal(const struct weft_endpoint *a, const struct weft_endpoint *b);
bool weft_endpoint_same_place(const struct weft_endpoint *a, const struct weft_endpoint *b);
void weft_endpoint_forget_source(struct weft_endpoint *endpoint);

#endif /* WEFT_ENDPOINT_H */
