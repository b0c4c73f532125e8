/* SPDX-License-Identifier: GPL-2.0 */
/* The part of the kernel's header that kmod/lib uses, for userspace. */
#ifndef SHIM_LINUX_BUILD_BUG_H
#define SHIM_LINUX_BUILD_BUG_H

#define SHIM_ASSERT(what, text, ...)	_Static_assert(what, text)
#define static_assert(what, ...)	SHIM_ASSERT(what, ##__VA_ARGS__, #what)

#endif
