/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Distributes jobs over the CPUs.
 */
#ifndef WEFT_PARALLEL_H
#define WEFT_PARALLEL_H

#include "core/reorder.h"

/* The least length of a batch, in bytes, that is worth passing to another CPU. */
#define WEFT_PARALLEL_MIN_LEN	8192

int weft_parallel_init(void);
void weft_parallel_exit(void);

bool weft_parallel_is_wanted(const struct weft_reorder *reorder, unsigned int len);
bool weft_parallel(struct weft_reorder *reorder, struct weft_job *job);

#endif /* WEFT_PARALLEL_H */
