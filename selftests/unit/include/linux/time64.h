/* SPDX-License-Identifier: GPL-2.0 */
/* The part of the kernel's header that kmod/lib uses, for userspace. */
#ifndef SHIM_LINUX_TIME64_H
#define SHIM_LINUX_TIME64_H

#define NSEC_PER_MSEC	1000000L
#define NSEC_PER_SEC	1000000000L

#endif
