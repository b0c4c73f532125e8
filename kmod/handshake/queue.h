/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The queue of received handshake messages, and the workers of a device that process them.
 */
#ifndef WEFT_QUEUE_H
#define WEFT_QUEUE_H

#include <linux/types.h>

struct sk_buff;
struct weft_device;

int weft_queue_init(void);
void weft_queue_exit(void);
int weft_queue_device_init(struct weft_device *device);
void weft_queue_device_exit(struct weft_device *device);

void weft_queue_add(struct weft_device *device, struct sk_buff *skb);
void weft_queue_listen(struct weft_device *device, bool listen);
void weft_queue_purge(struct weft_device *device);

#endif /* WEFT_QUEUE_H */
