/* SPDX-License-Identifier: GPL-2.0 */
/* What kmod/lib uses of the kernel's header of this name, for userspace. */
#include_next <linux/stddef.h>
#include <stddef.h>
