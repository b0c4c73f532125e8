/* SPDX-License-Identifier: GPL-2.0 */
/* The processes that this one descends from. */
#ifndef _WEFT_TOOLS_ANCESTOR_H
#define _WEFT_TOOLS_ANCESTOR_H

#include <stdbool.h>

/* Whether one of them holds an exclusive flock() on the file behind @fd. */
bool weft_ancestor_holds(int fd);

#endif /* _WEFT_TOOLS_ANCESTOR_H */
