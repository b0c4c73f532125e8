/* SPDX-License-Identifier: GPL-2.0 */
/* What the pure row uses of the kernel's header of this name, for userspace. */
#ifndef SHIM_LINUX_KERNEL_H
#define SHIM_LINUX_KERNEL_H

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

#endif
