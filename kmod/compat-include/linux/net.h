/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_COMPAT_LINUX_NET_H
#define WEFT_COMPAT_LINUX_NET_H

#include <linux/version.h>
#include_next <linux/net.h>

/* The address type of kernel_bind() since Linux 6.19. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define sockaddr_unsized sockaddr
#endif

#endif /* WEFT_COMPAT_LINUX_NET_H */
