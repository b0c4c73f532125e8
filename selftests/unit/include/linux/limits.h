/* SPDX-License-Identifier: GPL-2.0 */
/* The part of the kernel's header that kmod/lib uses, for userspace. */
#ifndef SHIM_LINUX_LIMITS_H
#define SHIM_LINUX_LIMITS_H

#include_next <linux/limits.h>
#include <stdint.h>

#define U8_MAX	UINT8_MAX
#define U64_MAX	UINT64_MAX

#endif
