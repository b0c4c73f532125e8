/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_COMPAT_LINUX_NETLINK_H
#define WEFT_COMPAT_LINUX_NETLINK_H

#include_next <linux/netlink.h>

/* A message with a number; before Linux 6.2 messages are constant, and it is left out. */
#ifdef NL_SET_ERR_MSG_FMT
#define WEFT_COMPAT_SET_ERR_MSG(extack, subject, what, number) \
	NL_SET_ERR_MSG_FMT(extack, subject ": " what " %u", number)
#else
#define WEFT_COMPAT_SET_ERR_MSG(extack, subject, what, number) \
	do { \
		(void)(number); \
		NL_SET_ERR_MSG(extack, subject ": " what); \
	} while (0)
#endif

#endif /* WEFT_COMPAT_LINUX_NETLINK_H */
