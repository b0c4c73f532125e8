/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The multicast group for events of devices and peers.
 */
#ifndef WEFT_NL_NOTIFY_H
#define WEFT_NL_NOTIFY_H

struct genl_family;
struct weft_device;
struct weft_event;

void weft_nl_notify_init(const struct genl_family *family);
void weft_nl_notify_send(struct weft_device *device, const struct weft_event *event);

#endif /* WEFT_NL_NOTIFY_H */
