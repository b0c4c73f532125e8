/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Per-CPU data (pages for packets, the nesting of tunnels, whether a batch is being processed) is
 * guarded by disabling bottom halves. On PREEMPT_RT this only works while the kernel takes a
 * per-CPU lock with it: always up to Linux 6.17, and with this option since.
 */
#ifndef WEFT_COMPAT_LINUX_BOTTOM_HALF_H
#define WEFT_COMPAT_LINUX_BOTTOM_HALF_H

#include <linux/version.h>
#include_next <linux/bottom_half.h>

#if defined(CONFIG_PREEMPT_RT) && !defined(CONFIG_PREEMPT_RT_NEEDS_BH_LOCK) && \
	LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#error "weft on PREEMPT_RT requires a kernel with CONFIG_PREEMPT_RT_NEEDS_BH_LOCK=y"
#endif

#endif /* WEFT_COMPAT_LINUX_BOTTOM_HALF_H */
