/* SPDX-License-Identifier: GPL-2.0 */
/* The part of the kernel's header that kmod/lib uses, for userspace. */
#ifndef SHIM_LINUX_COMPILER_H
#define SHIM_LINUX_COMPILER_H

/* What is more than a word would be two loads or stores in the kernel. */
#define SHIM_IS_WORD(x)		_Static_assert(sizeof(x) <= sizeof(long), "more than a word")
#define READ_ONCE(x)		({ SHIM_IS_WORD(x); __atomic_load_n(&(x), __ATOMIC_RELAXED); })
#define WRITE_ONCE(x, value) \
	({ SHIM_IS_WORD(x); __atomic_store_n(&(x), value, __ATOMIC_RELAXED); })
#define __must_check		__attribute__((warn_unused_result))
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)

#endif
