/* SPDX-License-Identifier: GPL-2.0 */
/* The part of the kernel's header that kmod/lib uses, for userspace. */
#ifndef SHIM_LINUX_MINMAX_H
#define SHIM_LINUX_MINMAX_H

#define min_t(type, a, b) ({ type a_ = (a); type b_ = (b); a_ < b_ ? a_ : b_; })
#define min(a, b) min_t(__typeof__(a), a, b)
#define max(a, b) ({ __typeof__(a) a_ = (a), b_ = (b); a_ > b_ ? a_ : b_; })

#endif
