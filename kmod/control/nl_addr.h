/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Addresses in messages: endpoints, candidates, bindings.
 */
#ifndef WEFT_NL_ADDR_H
#define WEFT_NL_ADDR_H

struct netlink_ext_ack;
struct nlattr;
struct sk_buff;
struct weft_binding;
struct weft_candidates;
struct weft_device;
struct weft_endpoint;

int weft_nl_addr_put(struct sk_buff *skb, int type, const struct weft_endpoint *endpoint);
int weft_nl_addr_put_candidates(struct sk_buff *skb, const struct weft_candidates *candidates);
int weft_nl_addr_put_binding(struct sk_buff *skb, const struct weft_device *device);

int weft_nl_addr_get(struct weft_endpoint *endpoint, const struct nlattr *attr,
		     struct netlink_ext_ack *extack);
int weft_nl_addr_get_candidates(struct weft_candidates **candidates, const struct nlattr *nest,
				struct netlink_ext_ack *extack);
int weft_nl_addr_get_binding(struct weft_binding *binding, struct nlattr **attrs,
			     struct netlink_ext_ack *extack);

#endif /* WEFT_NL_ADDR_H */
