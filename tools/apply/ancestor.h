/* SPDX-License-Identifier: GPL-2.0 */
/* The ancestors of this process. */
#ifndef _WEFT_TOOLS_ANCESTOR_H
#define _WEFT_TOOLS_ANCESTOR_H

#include <stdbool.h>

/* Whether an ancestor holds an exclusive flock() on the file behind @fd. */
bool weft_ancestor_holds(int fd);

#endif /* _WEFT_TOOLS_ANCESTOR_H */
