/* SPDX-License-Identifier: GPL-2.0 */
/* The part of the kernel's header that kmod/lib uses, for userspace. */
#include_next <linux/stddef.h>
#include <stddef.h>
