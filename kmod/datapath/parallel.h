/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Spreads jobs over the processors.
 */
#ifndef WEFT_SPREAD_H
#define WEFT_SPREAD_H

#include "core/reorder.h"

/* Bytes of a batch that are worth another processor's attention. */
#define WEFT_SPREAD_MIN_LEN	8192

int weft_spread_init(void);
void weft_spread_exit(void);

bool weft_spread_is_wanted(const struct weft_line *line, unsigned int len);
bool weft_spread(struct weft_line *line, struct weft_job *job);

#endif /* WEFT_SPREAD_H */
