/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sending through the device's UDP sockets.
 */
#ifndef WEFT_OUTPUT_H
#define WEFT_OUTPUT_H

#include "lib/wire.h"

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/types.h>
#include <linux/udp.h>

struct sk_buff;
struct weft_device;
struct weft_endpoint;
struct weft_peer;

/*
 * Headroom that encapsulation needs: this protocol's header, UDP, and the longer of the IP headers.
 */
#define WEFT_OUTPUT_HEADROOM \
	((int)(sizeof(struct weft_msg_data) + sizeof(struct udphdr) + sizeof(struct ipv6hdr)))

/* Maximum number of messages in one packet for UDP GSO: the limit of every supported kernel. */
#define WEFT_OUTPUT_MAX_MESSAGES	64

/* Maximum of their bytes: the most that the length fields of IP and UDP can hold. */
#define WEFT_OUTPUT_MAX_LEN	(IP_MAX_MTU - sizeof(struct iphdr) - sizeof(struct udphdr))

/* The known properties of the path to a peer. */
struct weft_output_path {
	unsigned int mtu;	/* of outer packets; 0: there is no route */
	unsigned int overhead;	/* bytes that encapsulation adds */
	u64 period_ns;		/* how long the kernel keeps a learnt path MTU */
};

void weft_output_set_mark(struct weft_device *device);
void weft_output_path(struct weft_peer *peer, struct weft_output_path *path);
void weft_output_limit_path(struct weft_peer *peer, unsigned int mtu);

int weft_output_send(struct weft_peer *peer, struct sk_buff *skb, u8 ds, unsigned int mtu);
int weft_output_send_message(struct weft_peer *peer, const void *message, size_t len, u8 ds);
int weft_output_reply(struct weft_device *device, const struct sk_buff *to, const void *message,
		      size_t len);

#endif /* WEFT_OUTPUT_H */
