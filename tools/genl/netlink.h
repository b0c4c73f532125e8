/* SPDX-License-Identifier: GPL-2.0 */
/* The backend that is the kernel. */
#ifndef _WEFT_TOOLS_NETLINK_H
#define _WEFT_TOOLS_NETLINK_H

struct weft_backend;

struct weft_backend *weft_netlink_backend(void);

#endif /* _WEFT_TOOLS_NETLINK_H */
