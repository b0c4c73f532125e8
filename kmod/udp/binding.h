/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The binding of a device's sockets: port, addresses and interface; and their mark.
 *
 *   weft_binding_prepare(), which may fail
 *     -> weft_binding_apply(), which cannot
 */
#ifndef WEFT_BINDING_H
#define WEFT_BINDING_H

#include <linux/types.h>

struct net_device;
struct netlink_ext_ack;
struct weft_binding;
struct weft_device;
struct weft_socket_pair;

int weft_binding_open(struct weft_device *device, struct netlink_ext_ack *extack);
bool weft_binding_release(struct weft_device *device);
void weft_binding_close(struct weft_device *device);
bool weft_binding_may(struct weft_device *device);

int weft_binding_prepare(struct weft_device *device, struct weft_binding *binding,
			 struct weft_socket_pair *sockets, struct netlink_ext_ack *extack);
void weft_binding_apply(struct weft_device *device, const struct weft_binding *binding,
			struct weft_socket_pair *sockets);
void weft_binding_set_mark(struct weft_device *device, u32 fwmark);
void weft_binding_forget_sources(struct weft_device *device);
bool weft_binding_is_there(const struct weft_device *device);
void weft_binding_meet(struct weft_device *device, struct net_device *dev);

#endif /* WEFT_BINDING_H */
