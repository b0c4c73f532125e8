/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_COMPAT_NET_GENETLINK_H
#define WEFT_COMPAT_NET_GENETLINK_H

#include <linux/version.h>
#include_next <net/genetlink.h>

/* Since Linux 6.6 a dump's attributes are in its genl_info. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define weft_compat_dump_attrs(cb) (genl_info_dump(cb)->attrs)
#else
#define weft_compat_dump_attrs(cb) (genl_dumpit_info(cb)->attrs)
#endif

#endif /* WEFT_COMPAT_NET_GENETLINK_H */
