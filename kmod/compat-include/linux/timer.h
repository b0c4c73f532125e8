/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_COMPAT_LINUX_TIMER_H
#define WEFT_COMPAT_LINUX_TIMER_H

#include_next <linux/timer.h>

/* The name since Linux 6.16. */
#ifndef timer_container_of
#define timer_container_of(var, timer, member) from_timer(var, timer, member)
#endif

#endif /* WEFT_COMPAT_LINUX_TIMER_H */
