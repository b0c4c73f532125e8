/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The part of the kernel's header that kmod/lib uses, for userspace. A test may define
 * SHIM_BEFORE_READ() and SHIM_AFTER_WRITE() before including it, to run code where another CPU
 * might.
 */
#ifndef SHIM_LINUX_RCUPDATE_H
#define SHIM_LINUX_RCUPDATE_H

#include <linux/types.h>

#ifndef SHIM_BEFORE_READ
#define SHIM_BEFORE_READ()
#define SHIM_AFTER_WRITE()
#endif

static inline void rcu_read_lock(void)
{
}

static inline void rcu_read_unlock(void)
{
}

#define rcu_dereference_check(p, condition) \
	({ SHIM_BEFORE_READ(); __atomic_load_n(&(p), __ATOMIC_ACQUIRE); })
#define rcu_dereference_protected(p, condition)	(p)
#define rcu_access_pointer(p)			__atomic_load_n(&(p), __ATOMIC_RELAXED)
#define rcu_assign_pointer(p, value) \
	do { __atomic_store_n(&(p), value, __ATOMIC_RELEASE); SHIM_AFTER_WRITE(); } while (0)
#define RCU_INIT_POINTER(p, value) \
	do { __atomic_store_n(&(p), value, __ATOMIC_RELAXED); SHIM_AFTER_WRITE(); } while (0)

#endif
