/* SPDX-License-Identifier: GPL-2.0 */
/* What kmod/lib uses of the kernel's header of this name, for userspace. */
#ifndef SHIM_LINUX_LIMITS_H
#define SHIM_LINUX_LIMITS_H

#include_next <linux/limits.h>
#include <stdint.h>

#define U8_MAX	UINT8_MAX
#define U64_MAX	UINT64_MAX

#endif
