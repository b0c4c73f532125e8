/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Endpoints and candidates as messages carry them: struct sockaddr_in, struct sockaddr_in6.
 */
#ifndef WEFT_SOCKADDR_H
#define WEFT_SOCKADDR_H

struct netlink_ext_ack;
struct nlattr;
struct sk_buff;
struct weft_candidates;
struct weft_endpoint;

int weft_sockaddr_put(struct sk_buff *skb, int type, const struct weft_endpoint *endpoint);
int weft_sockaddr_put_candidates(struct sk_buff *skb, const struct weft_candidates *candidates);

int weft_sockaddr_get(struct weft_endpoint *endpoint, const struct nlattr *attr,
		      struct netlink_ext_ack *extack);
int weft_sockaddr_get_candidates(struct weft_candidates **candidates, const struct nlattr *nest,
				 struct netlink_ext_ack *extack);

#endif /* WEFT_SOCKADDR_H */
