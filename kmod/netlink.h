/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The generic netlink family, as Documentation/netlink/specs/weft.yaml specifies it.
 */
#ifndef WEFT_NETLINK_H
#define WEFT_NETLINK_H

int weft_netlink_init(void);
void weft_netlink_exit(void);

#endif /* WEFT_NETLINK_H */
