/* SPDX-License-Identifier: GPL-2.0 */
/* Before Linux 6.5 segmentation was declared in linux/netdevice.h. */
#ifndef WEFT_COMPAT_NET_GSO_H
#define WEFT_COMPAT_NET_GSO_H

#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#include_next <net/gso.h>
#else
#include <linux/netdevice.h>
#endif

#endif /* WEFT_COMPAT_NET_GSO_H */
