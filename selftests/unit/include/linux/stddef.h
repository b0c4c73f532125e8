/* SPDX-License-Identifier: GPL-2.0 */
/* What the pure row uses of the kernel's header of this name, for userspace. */
#include_next <linux/stddef.h>
#include <stddef.h>
