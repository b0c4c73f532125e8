/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_COMPAT_NET_DROPREASON_H
#define WEFT_COMPAT_NET_DROPREASON_H

#include <linux/version.h>
#include_next <net/dropreason.h>

/* Since Linux 6.12. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define SKB_DROP_REASON_IP_TUNNEL_ECN	SKB_DROP_REASON_NOT_SPECIFIED
#endif

#endif /* WEFT_COMPAT_NET_DROPREASON_H */
