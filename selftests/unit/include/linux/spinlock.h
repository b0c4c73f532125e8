/* SPDX-License-Identifier: GPL-2.0 */
/* The part of the kernel's header that the tests use, for userspace. */
#ifndef SHIM_LINUX_SPINLOCK_H
#define SHIM_LINUX_SPINLOCK_H

#include <pthread.h>
#include <stdlib.h>

/* For sparse. */
#define __must_hold(lock)

typedef pthread_mutex_t spinlock_t;

#define DEFINE_SPINLOCK(name)	spinlock_t name = PTHREAD_MUTEX_INITIALIZER

/* A lock that is taken twice, or released without being held, ends the program. */
static inline void spin_lock_init(spinlock_t *lock)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(lock, &attr);
	pthread_mutexattr_destroy(&attr);
}

static inline void spin_lock(spinlock_t *lock)
{
	if (pthread_mutex_lock(lock))
		abort();
}

static inline void spin_unlock(spinlock_t *lock)
{
	if (pthread_mutex_unlock(lock))
		abort();
}

#endif
