/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Claims: what a change wants for a peer and only one peer can have, a name or an exclusive
 * allowed IP.
 */
#ifndef WEFT_CLAIM_H
#define WEFT_CLAIM_H

struct netlink_ext_ack;
struct weft_config;
struct weft_device;

int weft_claim_check(const struct weft_config *config, struct weft_device *device,
		     struct netlink_ext_ack *extack);

#endif /* WEFT_CLAIM_H */
